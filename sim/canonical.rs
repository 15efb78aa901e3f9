//! A world in a form in which two worlds can be compared: what every list and description in it says, without the
//! instants at which things were made and with generated ids replaced by their order.
//!
//! Read through the same operations as any client reads, on a fork in which every write has become visible: so a new
//! service is compared as soon as it is listed here, and nothing of its insides is. Bytes of objects are compared by
//! their checksums.

use crate::call;
use crate::clock::SECOND;
use crate::model::{Kind, Member, Model};
use crate::protocol::text::unescape;
use crate::services::ServiceId;
use crate::world::World;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One kind of read: the operation, and where the values of its parameters come from.
struct Look {
    service: ServiceId,
    operation: &'static str,
    /// Parameter, the look whose answers name its values, and the path to them. Several must come from the same look.
    from: &'static [(&'static str, &'static str, &'static str)],
    fixed: &'static str,
}

const fn list(service: ServiceId, operation: &'static str) -> Look {
    Look {
        service,
        operation,
        from: &[],
        fixed: "",
    }
}

const fn each(
    service: ServiceId,
    operation: &'static str,
    from: &'static [(&'static str, &'static str, &'static str)],
) -> Look {
    Look {
        service,
        operation,
        from,
        fixed: "",
    }
}

const fn fixed(mut look: Look, fixed: &'static str) -> Look {
    look.fixed = fixed;
    look
}

use ServiceId::{
    Acm, Autoscaling, Cloudwatch, Ec2, Ecr, Ecs, Elbv2, Iam, Kms, Logs, Quotas, Rds, Route53, S3,
    Secrets, Ssm,
};

/// What is global in an account.
const GLOBAL: &[Look] = &[
    list(Iam, "GetAccountAuthorizationDetails"),
    list(Iam, "ListUsers"),
    list(Iam, "ListInstanceProfiles"),
    list(Route53, "ListHostedZones"),
    each(
        Route53,
        "GetHostedZone",
        &[("Id", "ListHostedZones", "HostedZones.Id")],
    ),
    each(
        Route53,
        "ListResourceRecordSets",
        &[("HostedZoneId", "ListHostedZones", "HostedZones.Id")],
    ),
    list(Route53, "ListHealthChecks"),
    list(S3, "ListBuckets"),
    each(
        S3,
        "GetBucketLocation",
        &[("Bucket", "ListBuckets", "Buckets.Name")],
    ),
    each(
        S3,
        "GetBucketPolicy",
        &[("Bucket", "ListBuckets", "Buckets.Name")],
    ),
    each(
        S3,
        "GetBucketVersioning",
        &[("Bucket", "ListBuckets", "Buckets.Name")],
    ),
    each(
        S3,
        "GetBucketWebsite",
        &[("Bucket", "ListBuckets", "Buckets.Name")],
    ),
    each(
        S3,
        "GetPublicAccessBlock",
        &[("Bucket", "ListBuckets", "Buckets.Name")],
    ),
    each(
        S3,
        "GetBucketTagging",
        &[("Bucket", "ListBuckets", "Buckets.Name")],
    ),
    each(
        S3,
        "ListObjectVersions",
        &[("Bucket", "ListBuckets", "Buckets.Name")],
    ),
];

/// What an account has in one region.
const REGIONAL: &[Look] = &[
    list(Acm, "ListCertificates"),
    each(
        Acm,
        "DescribeCertificate",
        &[(
            "CertificateArn",
            "ListCertificates",
            "CertificateSummaryList.CertificateArn",
        )],
    ),
    fixed(
        list(Autoscaling, "DescribeScalableTargets"),
        "ServiceNamespace=ecs",
    ),
    fixed(
        list(Autoscaling, "DescribeScalingPolicies"),
        "ServiceNamespace=ecs",
    ),
    list(Cloudwatch, "DescribeAlarms"),
    list(Ec2, "DescribeVpcs"),
    list(Ec2, "DescribeSubnets"),
    list(Ec2, "DescribeRouteTables"),
    list(Ec2, "DescribeInternetGateways"),
    list(Ec2, "DescribeNatGateways"),
    list(Ec2, "DescribeAddresses"),
    list(Ec2, "DescribeSecurityGroups"),
    list(Ec2, "DescribeSecurityGroupRules"),
    list(Ec2, "DescribeNetworkAcls"),
    list(Ec2, "DescribeNetworkInterfaces"),
    list(Ec2, "DescribeVpcEndpoints"),
    list(Ec2, "DescribeDhcpOptions"),
    list(Ecr, "DescribeRepositories"),
    list(Ecr, "DescribeRegistry"),
    each(
        Ecr,
        "DescribeImages",
        &[(
            "repositoryName",
            "DescribeRepositories",
            "repositories.repositoryName",
        )],
    ),
    each(
        Ecr,
        "GetRepositoryPolicy",
        &[(
            "repositoryName",
            "DescribeRepositories",
            "repositories.repositoryName",
        )],
    ),
    each(
        Ecr,
        "GetLifecyclePolicy",
        &[(
            "repositoryName",
            "DescribeRepositories",
            "repositories.repositoryName",
        )],
    ),
    list(Ecs, "ListClusters"),
    each(
        Ecs,
        "DescribeClusters",
        &[("clusters", "ListClusters", "clusterArns")],
    ),
    each(
        Ecs,
        "ListServices",
        &[("cluster", "ListClusters", "clusterArns")],
    ),
    each(
        Ecs,
        "DescribeServices",
        &[
            ("cluster", "ListServices", "@cluster"),
            ("services", "ListServices", "serviceArns"),
        ],
    ),
    each(
        Ecs,
        "ListTasks",
        &[("cluster", "ListClusters", "clusterArns")],
    ),
    each(
        Ecs,
        "DescribeTasks",
        &[
            ("cluster", "ListTasks", "@cluster"),
            ("tasks", "ListTasks", "taskArns"),
        ],
    ),
    list(Ecs, "ListTaskDefinitions"),
    each(
        Ecs,
        "DescribeTaskDefinition",
        &[(
            "taskDefinition",
            "ListTaskDefinitions",
            "taskDefinitionArns",
        )],
    ),
    list(Elbv2, "DescribeLoadBalancers"),
    list(Elbv2, "DescribeTargetGroups"),
    each(
        Elbv2,
        "DescribeListeners",
        &[(
            "LoadBalancerArn",
            "DescribeLoadBalancers",
            "LoadBalancers.LoadBalancerArn",
        )],
    ),
    each(
        Elbv2,
        "DescribeRules",
        &[("ListenerArn", "DescribeListeners", "Listeners.ListenerArn")],
    ),
    each(
        Elbv2,
        "DescribeLoadBalancerAttributes",
        &[(
            "LoadBalancerArn",
            "DescribeLoadBalancers",
            "LoadBalancers.LoadBalancerArn",
        )],
    ),
    each(
        Elbv2,
        "DescribeTargetGroupAttributes",
        &[(
            "TargetGroupArn",
            "DescribeTargetGroups",
            "TargetGroups.TargetGroupArn",
        )],
    ),
    each(
        Elbv2,
        "DescribeTargetHealth",
        &[(
            "TargetGroupArn",
            "DescribeTargetGroups",
            "TargetGroups.TargetGroupArn",
        )],
    ),
    each(
        Elbv2,
        "DescribeTags",
        &[(
            "ResourceArns",
            "DescribeLoadBalancers",
            "LoadBalancers.LoadBalancerArn",
        )],
    ),
    each(
        Elbv2,
        "DescribeTags",
        &[(
            "ResourceArns",
            "DescribeTargetGroups",
            "TargetGroups.TargetGroupArn",
        )],
    ),
    list(Kms, "ListKeys"),
    list(Kms, "ListAliases"),
    each(Kms, "DescribeKey", &[("KeyId", "ListKeys", "Keys.KeyId")]),
    each(
        Kms,
        "ListResourceTags",
        &[("KeyId", "ListKeys", "Keys.KeyId")],
    ),
    list(Logs, "DescribeLogGroups"),
    list(Quotas, "ListRequestedServiceQuotaChangeHistory"),
    list(Rds, "DescribeDBInstances"),
    list(Rds, "DescribeDBClusters"),
    // Automated ones are called after the minute they were made in.
    fixed(list(Rds, "DescribeDBSnapshots"), "SnapshotType=manual"),
    // Automated ones are called after the minute they were made in.
    fixed(
        list(Rds, "DescribeDBClusterSnapshots"),
        "SnapshotType=manual",
    ),
    list(Rds, "DescribeDBSubnetGroups"),
    list(Rds, "DescribeDBParameterGroups"),
    fixed(
        each(
            Rds,
            "DescribeDBParameters",
            &[(
                "DBParameterGroupName",
                "DescribeDBParameterGroups",
                "DBParameterGroups.DBParameterGroupName",
            )],
        ),
        "Source=user",
    ),
    list(Rds, "DescribeDBClusterParameterGroups"),
    list(Rds, "DescribeOptionGroups"),
    list(Rds, "DescribeDBInstanceAutomatedBackups"),
    list(Secrets, "ListSecrets"),
    each(
        Secrets,
        "DescribeSecret",
        &[("SecretId", "ListSecrets", "SecretList.ARN")],
    ),
    each(
        Secrets,
        "GetSecretValue",
        &[("SecretId", "ListSecrets", "SecretList.ARN")],
    ),
    list(Ssm, "DescribeParameters"),
    fixed(
        each(
            Ssm,
            "GetParameter",
            &[("Name", "DescribeParameters", "Parameters.Name")],
        ),
        "WithDecryption=true",
    ),
];

impl World {
    /// The world, comparable. Equal for worlds in which the same things are, whatever they are called internally.
    pub fn canonical(&self) -> Value {
        let mut world = self.fork();
        world.recording = false;
        let readable = world.now() + world.settings.read_lag + SECOND;
        world.advance_to(readable);
        let mut places: BTreeSet<(String, String)> = world.places.keys().cloned().collect();
        let mut accounts: BTreeSet<String> = world.accounts.keys().cloned().collect();
        accounts.extend(places.iter().map(|(account, _)| account.clone()));
        places.retain(|(account, _)| !account.is_empty());
        let mut out = Map::new();
        for account in accounts.iter().filter(|a| !a.is_empty()) {
            let seen = look(&mut world, account, "us-east-1", GLOBAL);
            if !seen.is_empty() {
                out.insert(account.clone(), Value::Object(seen));
            }
        }
        for (account, region) in &places {
            let seen = look(&mut world, account, region, REGIONAL);
            if !seen.is_empty() {
                out.insert(format!("{account} {region}"), Value::Object(seen));
            }
        }
        let mut out = Value::Object(out);
        order(&mut out);
        label(&mut out, &mut BTreeMap::new());
        out
    }
}

/// Answers by `service operation`: a list of what was asked and answered.
fn look(world: &mut World, account: &str, region: &str, looks: &[Look]) -> Map<String, Value> {
    let mut answers: BTreeMap<&str, Vec<(Value, Value)>> = BTreeMap::new();
    let mut out = Map::new();
    for look in looks {
        let model = look.service.model();
        let mut found = Vec::new();
        for mut input in inputs(look, &answers) {
            for (key, value) in look
                .fixed
                .split_terminator('&')
                .filter_map(|pair| pair.split_once('='))
            {
                let value = value
                    .parse::<bool>()
                    .map_or_else(|_| json!(value), Value::Bool);
                input[key] = value;
            }
            let answer = call::invoke(
                world,
                account,
                region,
                look.service,
                look.operation,
                input.clone(),
            );
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) if error.status == Some(501) => break,
                // Most often: this one has none of it.
                Err(error) => json!({"error": error.code}),
            };
            found.push((input, answer));
        }
        let name = format!("{} {}", look.service.id(), look.operation);
        let mut shown = Vec::new();
        for (input, answer) in &found {
            let mut answer = answer.clone();
            if let Some(shape) = model.operation(look.operation).and_then(|o| o.output) {
                timeless(model, shape, &mut answer);
            }
            if !is_empty(&answer) {
                shown.push(json!({"of": input, "is": answer}));
            }
        }
        if !shown.is_empty() {
            let entry = out.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(entries) = entry {
                entries.extend(shown);
            }
        }
        answers.entry(look.operation).or_default().extend(found);
    }
    out
}

/// The inputs that a look asks with.
fn inputs(look: &Look, answers: &BTreeMap<&str, Vec<(Value, Value)>>) -> Vec<Value> {
    let Some((_, source, _)) = look.from.first() else {
        return vec![json!({})];
    };
    let mut out = Vec::new();
    for (asked, answered) in answers.get(source).into_iter().flatten() {
        let Some((member, _, path)) = look.from.last() else {
            continue;
        };
        let mut values = Vec::new();
        collect(answered, path, &mut values);
        for value in values {
            let mut input = Map::new();
            for (name, _, path) in look.from {
                if let Some(given) = path.strip_prefix('@').and_then(|given| asked.get(given)) {
                    input.insert((*name).to_owned(), given.clone());
                }
            }
            // Route 53 writes ids with a prefix that its clients take off again.
            let value = match (look.service, value.as_str()) {
                (Route53, Some(id)) => json!(id.rsplit('/').next()),
                _ => value,
            };
            input.insert((*member).to_owned(), one_or_list(look, member, value));
            // What descriptions leave out unless asked.
            let more = match look.operation {
                "DescribeClusters" => Some(json!(["TAGS", "SETTINGS", "CONFIGURATIONS"])),
                "DescribeServices" | "DescribeTaskDefinition" | "DescribeTasks" => {
                    Some(json!(["TAGS"]))
                }
                _ => None,
            };
            if let Some(more) = more {
                input.insert(String::from("include"), more);
            }
            out.push(Value::Object(input));
        }
    }
    out
}

fn one_or_list(look: &Look, member: &str, value: Value) -> Value {
    let model = look.service.model();
    let shape = model
        .operation(look.operation)
        .and_then(|o| o.input)
        .map(|n| model.shape(n));
    let kind = shape
        .and_then(|s| s.member(member))
        .map(|m| model.shape_of(m).kind);
    if kind == Some(Kind::List) {
        Value::Array(vec![value])
    } else {
        value
    }
}

fn collect(value: &Value, path: &str, into: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, into)),
        Value::Null => {}
        value if path.is_empty() => into.push(value.clone()),
        value => {
            let (head, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some(inner) = value.get(head) {
                collect(inner, rest, into);
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// Members that say when, or how far, and not what.
fn is_passing(model: &Model, member: &Member) -> bool {
    let shape = model.shape_of(member);
    shape.kind == Kind::Timestamp
        || matches!(
            member.name.as_str(),
            // Histories, and texts with instants in them.
            "MacAddress"
                | "PrivateDnsName"
                | "PublicDnsName"
                | "PublicIp"
                | "events"
                | "deployments"
                | "PercentProgress"
                | "connectivityAt"
                | "version"
                | "RestoreWindow"
                | "IsTruncated"
                | "MaxItems"
                | "StateReasonData"
                | "lastStatus"
                | "NextToken"
                | "nextToken"
                | "HostId"
                | "RequestId"
        )
}

fn timeless(model: &Model, shape: usize, value: &mut Value) {
    let shape = model.shape(shape);
    match value {
        Value::Object(map) if shape.kind == Kind::Structure => {
            map.retain(|name, inner| match shape.member(name) {
                Some(member) => {
                    if is_passing(model, member) || is_empty(inner) {
                        return false;
                    }
                    timeless(model, member.shape, inner);
                    true
                }
                None => true,
            });
        }
        Value::Object(map) => {
            if let Some(element) = &shape.element {
                map.values_mut()
                    .for_each(|inner| timeless(model, element.shape, inner));
            }
        }
        Value::Array(items) => {
            if let Some(element) = &shape.element {
                items
                    .iter_mut()
                    .for_each(|inner| timeless(model, element.shape, inner));
            }
        }
        _ => {}
    }
}

/// What is known of a generated id without its letters: a hash of everything that is said where it occurs.
type Signatures = BTreeMap<String, u64>;

/// How far what is said of one thing reaches those that refer to it: a rule, its listener, its balancer, its subnet.
const ROUNDS: usize = 5;

/// Sorts every list by what its items say, with generated ids standing for what is said of them.
fn order(value: &mut Value) {
    let mut signatures = Signatures::new();
    for _ in 0..ROUNDS {
        sort(value, &signatures);
        let mut next = Signatures::new();
        sign(value, &signatures, &mut next);
        signatures = next;
    }
    sort(value, &signatures);
}

fn sort(value: &mut Value, signatures: &Signatures) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| sort(item, signatures));
            items.sort_by_cached_key(|item| said(item, signatures));
        }
        Value::Object(map) => {
            map.values_mut().for_each(|inner| sort(inner, signatures));
            map.sort_keys();
        }
        _ => {}
    }
}

fn said(value: &Value, signatures: &Signatures) -> String {
    let mut shown = value.clone();
    replace(&mut shown, &mut |id| {
        format!("{:x}", signatures.get(id).unwrap_or(&0))
    });
    shown.to_string()
}

/// Adds to the signature of every id what is said in the objects that it occurs in, and where in them.
fn sign(value: &Value, before: &Signatures, after: &mut Signatures) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| sign(item, before, after)),
        Value::Object(map) => {
            let whole = said(value, before);
            for (name, inner) in map {
                let texts: Vec<&Value> = match inner {
                    Value::Array(items) => items.iter().filter(|i| i.is_string()).collect(),
                    Value::String(_) => vec![inner],
                    _ => Vec::new(),
                };
                for text in texts {
                    replace(&mut text.clone(), &mut |id| {
                        let mark = call::hash(format!("{name} {whole}").as_bytes());
                        let sum = after.entry(id.to_owned()).or_insert(0);
                        *sum = sum.wrapping_add(mark);
                        String::new()
                    });
                }
                sign(inner, before, after);
            }
        }
        _ => {}
    }
}

fn label(value: &mut Value, labels: &mut BTreeMap<String, String>) {
    replace(value, &mut |id| {
        let next = format!("#{}", labels.len() + 1);
        labels.entry(id.to_owned()).or_insert(next).clone()
    });
}

fn replace(value: &mut Value, new: &mut impl FnMut(&str) -> String) {
    match value {
        // IAM writes policies percent-encoded.
        Value::String(text) if text.contains("%22") => {
            *text = without_ids(&unescape(text, false), new)
        }
        Value::String(text) => *text = without_ids(text, new),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, new)),
        Value::Object(map) => map.values_mut().for_each(|inner| replace(inner, new)),
        _ => {}
    }
}

/// Replaces what was generated: hexadecimal ids, UUIDs, IAM's and Route 53's ids, the six characters behind a secret's
/// name, private addresses. Digests stay: they are content.
fn without_ids(text: &str, new: &mut impl FnMut(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let is_secret = text.contains(":secretsmanager:");
    // The names of balancers and of databases carry numbers and suffixes of their own.
    let is_endpoint = text.contains(".elb.") || text.contains(".rds.");
    let in_endpoint = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        is_endpoint && word.len() > 7 && digits > 0
    };
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(uuid) = rest.get(..36).filter(|uuid| is_uuid(uuid)) {
            out.push_str(&new(uuid));
            rest = &rest[36..];
            continue;
        }
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let last = after.is_empty() || after.starts_with(':');
        let suffix = is_secret && last && word.len() == 6 && out.ends_with('-');
        match is_generated(word) || in_endpoint(word) || suffix {
            true => out.push_str(&new(word)),
            false => out.push_str(word),
        }
        let next = after.chars().next().map_or(0, char::len_utf8);
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    match is_private_address(&out) {
        true => new(&out),
        false => out,
    }
}

fn is_generated(word: &str) -> bool {
    let hex = word
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let upper = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let lower = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    match word.len() {
        // Accounts are twelve digits, digests 64 hexadecimal ones.
        8..=40 if hex && digits > 0 => digits < word.len() || word.len() > 12,
        // Long, of one case, with digits in it: nobody names things so.
        20..=40 if lower && digits > 1 => digits < word.len(),
        13..=40 if upper && digits > 0 => digits < word.len(),
        _ => false,
    }
}

fn is_uuid(text: &str) -> bool {
    let dash = |n: usize| matches!(n, 8 | 13 | 18 | 23);
    text.bytes().enumerate().all(|(n, b)| {
        if dash(n) {
            b == b'-'
        } else {
            b.is_ascii_hexdigit()
        }
    })
}

fn is_private_address(text: &str) -> bool {
    match text.parse::<std::net::Ipv4Addr>() {
        Ok(ip) => ip.is_private(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_become_their_order_and_content_stays() {
        let mut value = json!([
            "vpc-0a1b2c3d4e5f60718",
            "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0a1b2c3d4e5f60718",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-AbC123",
            "10.0.1.7",
            "10.0.0.0/16",
        ]);
        label(&mut value, &mut BTreeMap::new());
        let expected = json!([
            "vpc-#1",
            "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-#1",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:redmine/db-#2",
            "#3",
            "10.0.0.0/16",
        ]);
        assert_eq!(value, expected);
    }

    #[test]
    fn lists_are_ordered_by_what_they_say_and_not_by_their_ids() {
        let one = json!([{"id": "sg-0000000000000000a", "name": "web"}, {"id": "sg-0000000000000000b", "name": "db"}]);
        let two = json!([{"id": "sg-0000000000000000c", "name": "db"}, {"id": "sg-0000000000000000d", "name": "web"}]);
        let form = |mut value: Value| {
            order(&mut value);
            label(&mut value, &mut BTreeMap::new());
            value
        };
        assert_eq!(form(one), form(two));
    }

    #[test]
    fn every_look_names_an_operation_and_members_that_its_model_has() {
        for look in GLOBAL.iter().chain(REGIONAL) {
            let model = look.service.model();
            let operation = model.operation(look.operation);
            let operation = operation.unwrap_or_else(|| panic!("{}", look.operation));
            let fixed = look
                .fixed
                .split_terminator('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(key, _)| key);
            for member in look.from.iter().map(|(member, _, _)| *member).chain(fixed) {
                let input = model.shape(operation.input.unwrap());
                assert!(
                    input.member(member).is_some(),
                    "{} {member}",
                    look.operation
                );
            }
        }
    }

    /// A network, a key, a role, a database and its snapshot, in that order or nearly so.
    fn built(seed: u64, swapped: bool) -> World {
        let mut world = World::new(seed);
        let mut step = |service, operation: &str, input: Value| {
            let later = world.now() + 1_800 * SECOND;
            let answer = world.invoke("111122223333", "us-west-2", service, operation, input);
            world.advance_to(later);
            answer.unwrap_or_else(|error| panic!("{operation}: {error}"))
        };
        let vpc =
            step(Ec2, "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"].clone();
        let zones = if swapped { ["b", "a"] } else { ["a", "b"] };
        let mut subnets = Vec::new();
        for zone in zones {
            let third = if zone == "a" { 1 } else { 2 };
            let input = json!({"VpcId": vpc, "CidrBlock": format!("10.0.{third}.0/24"), "AvailabilityZone": format!("us-west-2{zone}")});
            subnets.push(step(Ec2, "CreateSubnet", input)["Subnet"]["SubnetId"].clone());
        }
        let key =
            step(Kms, "CreateKey", json!({"Description": "data"}))["KeyMetadata"]["Arn"].clone();
        let group = json!({"DBSubnetGroupName": "main", "DBSubnetGroupDescription": "d", "SubnetIds": subnets});
        step(Rds, "CreateDBSubnetGroup", group);
        let database = json!({
            "DBInstanceIdentifier": "main", "Engine": "postgres", "DBInstanceClass": "db.t4g.medium", "AllocatedStorage": 20,
            "MasterUsername": "owner", "MasterUserPassword": "not-a-secret", "DBSubnetGroupName": "main",
            "StorageEncrypted": true, "KmsKeyId": key, "AvailabilityZone": "us-west-2a",
            "PreferredBackupWindow": "03:00-03:30", "PreferredMaintenanceWindow": "mon:05:00-mon:05:30",
        });
        step(Rds, "CreateDBInstance", database);
        step(
            Rds,
            "CreateDBSnapshot",
            json!({"DBInstanceIdentifier": "main", "DBSnapshotIdentifier": "first"}),
        );
        world
    }

    #[test]
    fn worlds_of_other_seeds_and_orders_are_equal_if_the_same_things_are_in_them() {
        let one = built(1, false).canonical();
        assert!(
            one["111122223333 us-west-2"]["rds DescribeDBInstances"][0]["is"]["DBInstances"]
                .is_array()
        );
        for (seed, swapped) in [(1, false), (2, false), (3, true)] {
            let other = built(seed, swapped).canonical();
            let (a, b) = (
                serde_json::to_string_pretty(&one),
                serde_json::to_string_pretty(&other),
            );
            let (a, b) = (a.unwrap(), b.unwrap());
            let differing = a.lines().zip(b.lines()).find(|(a, b)| a != b);
            assert_eq!(differing, None, "seed {seed}");
        }
    }

    #[test]
    fn a_world_with_one_thing_more_is_another() {
        let mut world = built(1, false);
        let before = world.canonical();
        let tag = json!({"ResourceName": "arn:aws:rds:us-west-2:111122223333:db:main", "Tags": [{"Key": "k", "Value": "v"}]});
        world
            .invoke("111122223333", "us-west-2", Rds, "AddTagsToResource", tag)
            .unwrap();
        assert_ne!(world.canonical(), before);
    }
}
