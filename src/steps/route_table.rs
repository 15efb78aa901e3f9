//! A route table with its routes and the subnets that use it.

use serde::{Deserialize, Serialize};

use crate::capture::Tags;
use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "route-table";
pub const SUMMARY: &str = "a route table with its routes and subnets";
pub const EXAMPLE: &str = "\
id: route-table
use: route-table
with:
  name: redmine-public
  vpc: vpc-0a1b2c3d
  routes: [{ destination: 0.0.0.0/0, through: { internetGateway: igw-0a1b2c3d } }]
  subnets: [subnet-0a1b2c3d]
";

/// The table to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RouteTable {
    /// The `Name` tag.
    pub name: String,
    pub vpc: Value<String>,
    /// Besides the `local` one.
    pub routes: Vec<Route>,
    /// The subnets to associate.
    pub subnets: Vec<Value<String>>,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RouteTableMade {
    pub route_table_id: String,
}

impl Yields for RouteTableMade {
    const NAME: &'static str = "route table";
}

/// One route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Route {
    pub destination: String,
    pub through: Through,
}

/// What a route leads through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Through {
    InternetGateway(Value<String>),
    NatGateway(Value<String>),
}
