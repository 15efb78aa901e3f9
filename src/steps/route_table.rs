//! A route table with its routes and the subnets that use it.

use crate::env::Env;
use crate::steps::ownership::{claim, made_here, named, ours, short_token};
use drtool_engine::step::{Call, CallKind, Cx, Effect, Made, Observed, Step, StepError, Undo};
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

impl RouteTable {
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<crate::cloud::ec2::RouteTable>, StepError> {
        let all = cx
            .env
            .cloud
            .route_tables(cx.place().as_str(), cx.look())
            .await?;
        Ok(all
            .iter()
            .find(|t| cx.adopt() == Some(t.id.as_str()) || ours(cx, &t.tags))
            .cloned())
    }

    /// What the table still lacks: a route, or the association of a subnet.
    fn missing(
        &self,
        cx: &Cx<'_, Env>,
        table: &crate::cloud::ec2::RouteTable,
    ) -> Result<Option<Missing>, StepError> {
        for route in &self.routes {
            let target = match &route.through {
                Through::InternetGateway(gateway) | Through::NatGateway(gateway) => {
                    cx.value(gateway)?
                }
            };
            if !table
                .routes
                .iter()
                .any(|r| r.destination == route.destination && r.target == target)
            {
                return Ok(Some(Missing::Route {
                    destination: route.destination.clone(),
                    target,
                }));
            }
        }
        for subnet in &self.subnets {
            let subnet = cx.value(subnet)?;
            if !table
                .associations
                .iter()
                .any(|a| a.subnet.as_deref() == Some(subnet.as_str()))
            {
                return Ok(Some(Missing::Subnet(subnet)));
            }
        }
        Ok(None)
    }
}

enum Missing {
    Route { destination: String, target: String },
    Subnet(String),
}

impl Step for RouteTable {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = RouteTableMade;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<RouteTableMade>, StepError> {
        let Some(table) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(cx, &table.tags, &table.id, "the route table") {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        Ok(match self.missing(cx, &table)? {
            Some(Missing::Route { destination, .. }) => Observed::Partial {
                note: format!("no route to {destination} yet"),
            },
            Some(Missing::Subnet(subnet)) => Observed::Partial {
                note: format!("not associated with {subnet} yet"),
            },
            None => Observed::Ready(
                RouteTableMade {
                    route_table_id: table.id,
                },
                claimed,
            ),
        })
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        let Some(table) = self.found(cx).await? else {
            let tags = named(cx, &self.name, &self.tags);
            let vpc = cx.value(&self.vpc)?;
            return Ok(cloud
                .create_route_table(region, &self.name, &vpc, &cx.token(), &tags)
                .call(short_token()));
        };
        Ok(match self.missing(cx, &table)? {
            Some(Missing::Route {
                destination,
                target,
            }) => cloud
                .create_route(region, &table.id, &destination, &target)
                .call(CallKind::Named),
            Some(Missing::Subnet(subnet)) => cloud
                .associate_route_table(region, &table.id, &subnet)
                .call(CallKind::Upsert),
            None => {
                return Err(StepError::wait(
                    "E4312",
                    "the route table was completed meanwhile",
                ));
            }
        })
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<RouteTableMade, ()>,
    ) -> Result<Undo, StepError> {
        let (cloud, region) = (&cx.env.cloud, cx.place().as_str());
        Ok(match self.found(cx).await? {
            Some(table) if made_here(cx, &table.tags) => {
                let association = table.associations.iter().find(|a| a.subnet.is_some());
                Undo::Call(match association {
                    Some(association) => cloud
                        .disassociate_route_table(region, &association.id)
                        .call(CallKind::Upsert),
                    None => cloud
                        .delete_route_table(region, &table.id)
                        .call(CallKind::Upsert),
                })
            }
            _ => Undo::Done,
        })
    }
}
