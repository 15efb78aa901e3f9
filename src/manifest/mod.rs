//! The manifest: what a stack is, where it may go, what was promised, what is accepted. Facts only; the order of things is the
//! runbook's, and what stands in the source right now is the capture's.
//!
//! Modules in reading order: [`yaml`] (text to tree), [`typed`] (tree to values, places kept), [`words`] (values that check
//! themselves), [`text`] (strings with references), this file (the model), [`overlay`] (several files, one tree), [`check`] (what
//! only the whole manifest can show).
//!
//! Must not know: AWS, the engine, the terminal. Reads no file: the caller brings the bytes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Failures, Sources};

pub mod check;
pub mod codes;
pub mod overlay;
pub mod text;
pub mod typed;
pub mod words;
pub mod yaml;

pub use text::Text;
pub use typed::Located;
pub use words::{Account, Cidr, DnsName, KeyAlias, Name, Region, ResourceName, Span};

/// The one version of the format that this drtool reads.
pub const API_VERSION: &str = "drtool/v1";

/// A stack: what it is made of, and what a move of it must keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Manifest {
    /// Always `drtool/v1`.
    pub api_version: Located<String>,
    /// Always `Stack`.
    pub kind: Located<String>,
    /// What people call the stack. Names that drtool makes begin with it.
    pub name: Located<Name>,
    /// Where the stack stands today.
    pub source: Located<Place>,
    /// Where it may go: one entry a region. A region that is not listed is not allowed.
    pub targets: BTreeMap<Region, Located<Target>>,
    /// What was promised: times and loss that a run is measured against.
    #[serde(default)]
    pub objectives: Objectives,
    /// The databases that move.
    #[serde(default)]
    pub databases: Vec<Located<Database>>,
    /// Secrets Manager secrets that the stack reads, by name.
    #[serde(default)]
    pub secrets: Vec<Located<Secret>>,
    /// SSM parameters that the stack reads, by name. There is no replication: each value is read and written once.
    #[serde(default)]
    pub parameters: Vec<Located<Parameter>>,
    /// ECR repositories whose images the stack runs.
    #[serde(default)]
    pub images: Vec<Located<Image>>,
    /// The ECS services that run the stack.
    #[serde(default)]
    pub services: Vec<Located<Service>>,
    /// The DNS records that lead users to it. Only these are ever cut.
    #[serde(default)]
    pub dns: Vec<Located<Record>>,
    /// What must be true of the target before DNS moves.
    #[serde(default)]
    pub checks: Vec<Located<Check>>,
    /// The probe task that asks the database, from inside its network.
    #[serde(default)]
    pub probe: Option<Located<Probe>>,
    /// How the one question before the cut is answered.
    #[serde(default)]
    pub confirm: Confirm,
    /// Data that is lost on every restart today and in the move as well.
    #[serde(default)]
    pub accepted_loss: Vec<Located<AcceptedLoss>>,
    /// What stands beside the stack and stays where it is.
    #[serde(default)]
    pub leave_behind: Vec<Located<LeftBehind>>,
    /// Fields in which the source region's name is meant to stay.
    #[serde(default)]
    pub allow_source_region_in: Vec<Located<Allowed>>,
    /// No run may fence or cut this stack.
    #[serde(default)]
    pub protect: bool,
}

/// Where the stack stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub region: Located<Region>,
    /// Quoted, or leading zeros are lost.
    pub account: Located<Account>,
}

/// A region that the stack may go to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// A network made for the stack (`cidr`), or one that stands (`vpc` with `subnets`).
    pub network: Located<Network>,
    /// Which key of the target stands for which key of the source. Keys are adopted, never made by a move.
    #[serde(default)]
    pub keys: BTreeMap<KeyAlias, Located<KeyAlias>>,
    /// What `protect` keeps standing there.
    #[serde(default)]
    pub standby: Standby,
}

/// Made, or adopted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Make a network like the source's, in this block: each subnet keeps its place in it.
    #[serde(default)]
    pub cidr: Option<Located<Cidr>>,
    /// Adopt this VPC.
    #[serde(default)]
    pub vpc: Option<Located<ResourceName>>,
    /// Its subnets by tier, two or more for a tier that a load balancer or database uses.
    #[serde(default)]
    pub subnets: BTreeMap<Tier, Vec<Located<ResourceName>>>,
    /// How many availability zones to use; as many as the source by default.
    #[serde(default)]
    pub zones: Option<u8>,
}

/// What a subnet is for, told by its routes: `public` has an internet gateway, `private` a NAT gateway, `isolated` neither.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Public,
    Private,
    Isolated,
}

impl Tier {
    pub fn word(self) -> &'static str {
        match self {
            Tier::Public => "public",
            Tier::Private => "private",
            Tier::Isolated => "isolated",
        }
    }
}

/// How much stands in the target before anything happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standby {
    /// Copies only.
    #[default]
    Cold,
    /// Everything but running tasks and a database.
    Pilot,
    /// Running, at reduced size.
    Warm,
}

/// What was promised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Objectives {
    /// From the decision to the first user served.
    #[serde(default)]
    pub rto: Option<Span>,
    /// How old the newest lost write may be.
    #[serde(default)]
    pub rpo: Option<Span>,
    /// From the fence to the first user served, in a planned move.
    #[serde(default)]
    pub downtime: Option<Span>,
    /// How many seconds of acknowledged writes a cut may lose. A planned move says `0s`.
    #[serde(default)]
    pub accept_data_loss: Option<Span>,
}

/// A database and how it moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Database {
    /// How the rest of the manifest speaks of it: `${database.main.endpoint}`.
    pub name: Located<Name>,
    /// The RDS instance in the source region.
    pub instance: Located<Name>,
    /// How its data gets there.
    #[serde(rename = "move")]
    pub way: Located<Way>,
    /// Instance classes to take, in order, where the source's own is not offered or has no capacity.
    #[serde(default)]
    pub class_alternatives: Vec<Located<String>>,
    /// Parameters that shall differ from the source's in the target.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Settings that may differ after the restore, each with its reason.
    #[serde(default)]
    pub accept_difference: Vec<Located<Difference>>,
    /// The secret that holds the password, when it is not found in a task definition.
    #[serde(default)]
    pub secret: Option<Located<SecretName>>,
}

/// How a database's data gets to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A snapshot copied beforehand, and its difference after the fence.
    Snapshot,
    /// From automated backups replicated to the target.
    Pitr,
    /// A read replica in the target, promoted.
    Replica,
    /// Aurora Global Database, switched over.
    Global,
}

/// A setting of the target that may differ from the source's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The setting, as the settings diff names it, for instance `caCertificate`.
    pub setting: String,
    pub why: String,
}

/// The name of a secret.
pub type SecretName = text::SecretName;

/// What may be written as a bare name may be so in the schema too.
fn or_its_name(schema: &mut schemars::Schema) {
    let whole = std::mem::take(schema);
    *schema = schemars::json_schema!({ "anyOf": [{ "type": "string" }, whole] });
}

/// A secret: its name, or its name with how it is treated.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = or_its_name)]
pub struct Secret {
    pub name: Located<SecretName>,
    /// Members of the secret's JSON to write anew in the target. This is the only case in which drtool reads a secret's value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rewrite: BTreeMap<String, Located<Text>>,
}

/// An SSM parameter: its name, or its name with how it is treated.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub name: Located<text::ParameterName>,
    /// Another value in the target. Not for a SecureString: no secret is written into a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Located<Text>>,
    /// Members of the value's JSON to write anew in the target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rewrite: BTreeMap<String, Located<Text>>,
}

/// A repository: its name, or its name with the tags that move.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = or_its_name)]
pub struct Image {
    pub repository: Located<text::RepositoryName>,
    /// Tags to move besides the digests that task definitions run; all tags on those digests by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// An ECS service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Service {
    /// How the rest of the manifest speaks of it.
    pub name: Located<Name>,
    /// `cluster/service` in ECS.
    pub service: Located<text::ServiceName>,
    /// Environment variables that get another value in the target, in every container that has them or in the one named by `container`.
    #[serde(default)]
    pub environment: BTreeMap<String, Located<Text>>,
    /// The container that `environment` is for, where a task has several.
    #[serde(default)]
    pub container: Option<Located<Name>>,
    /// The desired count in the target; the source's by default.
    #[serde(default)]
    pub desired_count: Option<Located<u32>>,
    /// Another health check for its target group.
    #[serde(default)]
    pub health_check: Option<Located<HealthCheck>>,
}

/// What of a target group's health check shall differ from the source's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    #[serde(default)]
    pub path: Option<String>,
    /// Status codes that count as healthy: `200`, `200-399`, `200,302`.
    #[serde(default)]
    pub matcher: Option<String>,
    /// 5 to 300 seconds.
    #[serde(default)]
    pub interval: Option<Span>,
    /// Passes in a row, 2 to 10.
    #[serde(default)]
    pub healthy: Option<u8>,
    /// Failures in a row, 2 to 10.
    #[serde(default)]
    pub unhealthy: Option<u8>,
}

/// A DNS record that leads users to the stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Record {
    /// The hosted zone, by name. Public unless `private` says otherwise.
    pub zone: Located<DnsName>,
    /// The record, whole.
    pub record: Located<DnsName>,
    /// The service whose balancer it names.
    pub to: Located<Name>,
    /// What it is: read from the zone, and refused if this says something else.
    #[serde(default, rename = "as")]
    pub kind: Option<Located<RecordKind>>,
    /// For a CNAME: the TTL to lower it to before the fence.
    #[serde(default)]
    pub lower_ttl_to: Option<Located<Span>>,
    /// A private zone.
    #[serde(default)]
    pub private: bool,
}

/// How a record names its balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// An alias: its TTL is the balancer's, 60 seconds.
    Alias,
    /// A CNAME with a TTL of its own.
    Cname,
    /// A primary and a secondary record with set identifiers.
    Failover,
}

/// One thing that must be true before DNS moves. Exactly one of the three.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Check {
    /// A request through the target's balancer, with the real host name and certificate.
    #[serde(default)]
    pub http: Option<Located<HttpCheck>>,
    /// A connection to a service's balancer.
    #[serde(default)]
    pub tcp: Option<Located<TcpCheck>>,
    /// A question to the restored database, asked from inside its network.
    #[serde(default)]
    pub sql: Option<Located<SqlCheck>>,
    /// Passes in a row.
    #[serde(default = "three")]
    pub passes: u8,
    /// Between two passes.
    #[serde(default = "two_seconds")]
    pub every: Span,
}

fn three() -> u8 {
    3
}

fn two_seconds() -> Span {
    Span::seconds(2)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// Which service's balancer; the first DNS record's by default.
    #[serde(default)]
    pub service: Option<Located<Name>>,
    /// The host name to ask for; the service's DNS record by default.
    #[serde(default)]
    pub host: Option<Located<DnsName>>,
    pub path: Located<String>,
    /// The status that counts.
    pub expect: Located<u16>,
    /// Text that the answer must contain.
    #[serde(default)]
    pub body: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpCheck {
    pub service: Located<Name>,
    pub port: Located<u16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlCheck {
    pub database: Located<Name>,
    /// One SELECT. It is the probe that asks, with the application's own rights.
    pub query: Located<String>,
    /// The first value of the first row, as text.
    #[serde(default)]
    pub expect: Option<String>,
}

/// The task that asks the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// An image with a client for the database and a shell, best by digest.
    pub image: Located<String>,
}

/// How the question before the cut is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// `ask`, or `given` in advance on its conditions.
    #[serde(default = "asked")]
    pub cut: Located<Consent>,
    /// How long the question may stand, with the source fenced, before the fence is taken back.
    #[serde(default = "ten_minutes")]
    pub timeout: Span,
}

fn asked() -> Located<Consent> {
    Located::unwritten(Consent::Ask)
}

fn ten_minutes() -> Span {
    Span::seconds(600)
}

impl Default for Confirm {
    fn default() -> Self {
        Confirm {
            cut: asked(),
            timeout: ten_minutes(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// A person answers.
    Ask,
    /// Given in advance, on these conditions.
    Given(Condition),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Condition {
    #[serde(rename = "all checks pass and loss is 0")]
    AllChecksPassAndNothingLost,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedLoss {
    /// The path in the container.
    pub path: Located<String>,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftBehind {
    /// `service/name`, as discovery lists it: `codepipeline/redmine`.
    pub what: Located<ResourceName>,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// The field, as the plan's refusal names it.
    pub field: Located<String>,
    pub why: String,
}

impl Manifest {
    pub fn database(&self, name: &str) -> Option<&Located<Database>> {
        self.databases.iter().find(|d| d.name.as_str() == name)
    }

    pub fn service(&self, name: &str) -> Option<&Located<Service>> {
        self.services.iter().find(|s| s.name.as_str() == name)
    }
}

/// A manifest file, read by the caller.
pub struct File<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
}

/// Reads a manifest and the overlays over it, in order, and checks the whole.
pub fn load(
    sources: &mut Sources,
    base: &File<'_>,
    overlays: &[File<'_>],
) -> Result<Manifest, Failures> {
    let mut tree = yaml::read(sources, base.name, base.bytes)?;
    for over in overlays {
        tree = overlay::merge(tree, yaml::read(sources, over.name, over.bytes)?);
    }
    // A file of another format would otherwise fail at its first unknown field, which explains nothing.
    if let Some(node) = tree
        .get("apiVersion")
        .filter(|n| !matches!(&n.what, yaml::What::Scalar { text, .. } if text == API_VERSION))
    {
        return Err(Failure::input(
            "E1021",
            format!("this drtool reads manifests of `apiVersion: {API_VERSION}`"),
        )
        .at(sources, node.at, "this is another")
        .hint(format!("write `apiVersion: {API_VERSION}`"))
        .into());
    }
    let at = tree.at;
    if tree.get("apiVersion").is_none() {
        return Err(Failure::input("E1021", "apiVersion is missing")
            .at(sources, at, "a manifest begins here")
            .hint(format!("add `apiVersion: {API_VERSION}`"))
            .into());
    }
    let manifest: Manifest = typed::typed(&tree, sources)?;
    check::check(&manifest, sources)?;
    Ok(manifest)
}

/// The JSON Schema for editors.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Manifest).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), "drtool manifest".into());
    }
    schema
}

#[cfg(test)]
mod tests;
