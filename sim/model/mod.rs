//! Operation and shape facts per service, generated from the published service models (`generate.py`, `NOTICE`).
//!
//! Parsed once per process and service. Knows no world and no wire.

use crate::services::ServiceId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

mod link;
#[cfg(test)]
mod tests;

/// A wire protocol, by the models' name of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    #[serde(rename = "query")]
    Query,
    #[serde(rename = "ec2")]
    Ec2,
    #[serde(rename = "json")]
    Json,
    #[serde(rename = "rest-json")]
    RestJson,
    #[serde(rename = "rest-xml")]
    RestXml,
    #[serde(rename = "smithy-rpc-v2-cbor")]
    Cbor,
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TimestampFormat {
    #[serde(rename = "iso8601")]
    Iso8601,
    #[serde(rename = "unixTimestamp")]
    Unix,
    #[serde(rename = "rfc822")]
    Http,
}

/// Where a member travels in the REST protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Location {
    #[serde(rename = "uri")]
    Uri,
    #[serde(rename = "querystring")]
    Query,
    #[serde(rename = "header")]
    Header,
    #[serde(rename = "headers")]
    Headers,
    #[serde(rename = "statusCode")]
    Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Structure,
    List,
    Map,
    String,
    Blob,
    Integer,
    Float,
    Boolean,
    Timestamp,
}

/// A member of a structure, the element of a list, the key or value of a map.
#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    /// Index into [`Model::shapes`].
    pub shape: usize,
    pub location: Option<Location>,
    pub location_name: Option<String>,
    /// Its name in EC2's forms.
    pub query_name: String,
    pub flattened: bool,
    pub xml_attribute: bool,
    pub xml_namespace: Option<(String, String)>,
    pub timestamp: Option<TimestampFormat>,
    pub streaming: bool,
    pub json_value: bool,
    pub idempotency_token: bool,
    pub required: bool,
}

#[derive(Clone, Debug)]
pub struct Shape {
    pub name: String,
    pub kind: Kind,
    pub members: Vec<Member>,
    /// The positions of the members, in the order of their names.
    by_name: Vec<usize>,
    /// The element of a list, or the value of a map.
    pub element: Option<Box<Member>>,
    pub key: Option<Box<Member>>,
    pub values: Vec<String>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub pattern: Option<String>,
    pub sensitive: bool,
    /// The member that is the body, in the REST protocols.
    pub payload: Option<String>,
    pub flattened: bool,
    pub location_name: Option<String>,
    pub timestamp: Option<TimestampFormat>,
    pub streaming: bool,
    /// A structure without a fixed set of members.
    pub document: bool,
    pub exception: Option<Exception>,
}

/// What the model says of an error.
#[derive(Clone, Debug, Default)]
pub struct Exception {
    pub code: Option<String>,
    pub status: Option<u16>,
}

impl Shape {
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.position(name).map(|n| &self.members[n])
    }

    /// Where a member stands among the others: answers in XML are written in that order.
    pub fn position(&self, name: &str) -> Option<usize> {
        let found = self
            .by_name
            .binary_search_by(|n| self.members[*n].name.as_str().cmp(name));
        found.ok().map(|at| self.by_name[at])
    }
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub name: String,
    pub method: String,
    pub uri: Uri,
    pub status: u16,
    pub input: Option<usize>,
    pub output: Option<usize>,
    pub result_wrapper: Option<String>,
    /// The root element of a REST-XML request body.
    pub location_name: Option<String>,
    pub errors: Vec<usize>,
    pub paginator: Option<Paginator>,
    /// May be called without a signature.
    pub unsigned: bool,
}

/// A request URI's template: `/{Bucket}/{Key+}?uploads`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uri {
    pub segments: Vec<Segment>,
    /// Literal query keys, with a value if the template has one.
    pub query: Vec<(String, Option<String>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Segment {
    Literal(String),
    Label(String),
    /// Takes the rest of the path.
    Greedy(String),
}

#[derive(Clone, Debug, Deserialize)]
pub struct Paginator {
    #[serde(deserialize_with = "link::one_or_many")]
    pub input_token: Vec<String>,
    #[serde(deserialize_with = "link::one_or_many")]
    pub output_token: Vec<String>,
    pub limit_key: Option<String>,
    #[serde(deserialize_with = "link::one_or_many", default)]
    pub result_key: Vec<String>,
    pub more_results: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub api_version: String,
    pub endpoint_prefix: String,
    pub global_endpoint: Option<String>,
    pub protocols: Vec<Protocol>,
    pub json_version: Option<String>,
    pub target_prefix: Option<String>,
    pub signing_name: Option<String>,
    pub xml_namespace: Option<String>,
    #[serde(default, deserialize_with = "link::present")]
    pub aws_query_compatible: bool,
    pub service_id: String,
}

/// Everything known of one service's interface.
#[derive(Clone, Debug)]
pub struct Model {
    pub metadata: Metadata,
    pub operations: BTreeMap<String, Operation>,
    pub shapes: Vec<Shape>,
    /// Operations that the service has and this simulation has not; for the REST protocols with method and URI.
    pub others: BTreeMap<String, Option<(String, Uri)>>,
    /// Error shapes, by the code on the wire and by the shape's name.
    errors: BTreeMap<String, usize>,
}

impl Model {
    pub fn shape(&self, index: usize) -> &Shape {
        &self.shapes[index]
    }

    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    pub fn shape_of(&self, member: &Member) -> &Shape {
        &self.shapes[member.shape]
    }

    /// The error shape of a wire code (or of a shape's name).
    pub fn error(&self, code: &str) -> Option<&Shape> {
        self.errors.get(code).map(|n| &self.shapes[*n])
    }

    /// The protocol that a client speaks if nothing else says so.
    pub fn protocol(&self) -> Protocol {
        self.metadata
            .protocols
            .first()
            .copied()
            .unwrap_or(Protocol::Json)
    }
}

macro_rules! models {
    ($($id:ident => $file:literal),* $(,)?) => {
        impl ServiceId {
            pub const ALL: &'static [ServiceId] = &[$(ServiceId::$id),*];

            /// The facts of the service's interface.
            pub fn model(self) -> &'static Model {
                match self {
                    $(ServiceId::$id => {
                        static MODEL: OnceLock<Model> = OnceLock::new();
                        MODEL.get_or_init(|| link::parse(include_str!(concat!("data/", $file, ".json"))))
                    })*
                }
            }
        }
    };
}

models! {
    Acm => "acm",
    Autoscaling => "application-autoscaling",
    Cloudwatch => "cloudwatch",
    Ec2 => "ec2",
    Ecr => "ecr",
    Ecs => "ecs",
    Elbv2 => "elbv2",
    Iam => "iam",
    Kms => "kms",
    Logs => "logs",
    Quotas => "service-quotas",
    Rds => "rds",
    Route53 => "route53",
    S3 => "s3",
    Secrets => "secretsmanager",
    Ssm => "ssm",
    Sts => "sts",
    Tagging => "resourcegroupstaggingapi",
}
