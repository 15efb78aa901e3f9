//! Quotas: what the whole plan takes, with what is used already, against what the account is given. Summed before anything is
//! made, because the one that is missing is otherwise met in the middle.

use std::collections::{BTreeMap, BTreeSet};

use drtool_engine::StepId;
use drtool_engine::step::Value;
use serde::Serialize;

use super::{Ground, Report};
use crate::cloud::error::CloudError;
use crate::cloud::quotas::{self, QuotaCode};
use crate::steps;

/// One quota, as it stands before the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub region: String,
    pub name: &'static str,
    pub service: &'static str,
    pub code: &'static str,
    pub needed: f64,
    /// Nothing where a count would take long and the quota is far away.
    pub used: Option<f64>,
    pub limit: f64,
}

/// What takes from a quota: all steps of a kind in a region.
const KINDS: &[(&str, QuotaCode)] = &[
    (steps::vpc::KIND, quotas::VPCS),
    (steps::internet_gateway::KIND, quotas::INTERNET_GATEWAYS),
    (steps::elastic_ip::KIND, quotas::ADDRESSES),
    (steps::security_group::KIND, quotas::SECURITY_GROUPS),
    (steps::target_group::KIND, quotas::TARGET_GROUPS),
    (steps::certificate::KIND, quotas::CERTIFICATES),
    (steps::repository::KIND, quotas::REPOSITORIES),
    (steps::log_group::KIND, quotas::LOG_GROUPS),
    (steps::cluster::KIND, quotas::CLUSTERS),
    (steps::db_instance::KIND, quotas::DB_INSTANCES),
    (steps::db_snapshot::KIND, quotas::DB_SNAPSHOTS),
    (steps::db_snapshot_copy::KIND, quotas::DB_SNAPSHOTS),
    (steps::db_subnet_group::KIND, quotas::DB_SUBNET_GROUPS),
    (steps::db_parameter_group::KIND, quotas::DB_PARAMETER_GROUPS),
    (steps::db_option_group::KIND, quotas::DB_OPTION_GROUPS),
];

/// Above this nothing is counted: the list would be longer than its worth.
const FAR: f64 = 20_000.0;

pub async fn check(ground: &Ground<'_>, standing: &BTreeSet<StepId>, report: &mut Report) {
    for ((region, code), needed) in needed(ground, standing) {
        let limit = ground.cloud().quota(&region, code).await;
        let what = format!("quota {} in {region}", code.name);
        let Some(Some(limit)) = report.seen(&what, limit) else {
            continue;
        };
        let used = if limit >= FAR {
            None
        } else {
            let used = used(ground, &region, code).await;
            match report.seen(&format!("what is used of {} in {region}", code.name), used) {
                Some(used) => Some(used),
                None => continue,
            }
        };
        let line = Line {
            region,
            name: code.name,
            service: code.service,
            code: code.code,
            needed,
            used,
            limit,
        };
        judge(&line, report);
        report.quotas.push(line);
    }
}

type Needed = BTreeMap<(String, QuotaCode), f64>;

/// What the steps that will be begun take, but for what stands already.
fn needed(ground: &Ground<'_>, standing: &BTreeSet<StepId>) -> Needed {
    let mut all = Needed::new();
    let new = |id: &StepId| !standing.contains(id);
    for step in ground.plan().steps.iter().filter(|s| !s.hold && new(&s.id)) {
        if let Some((_, code)) = KINDS.iter().find(|(kind, _)| *kind == step.kind) {
            *all.entry((step.region.to_string(), *code)).or_default() += 1.0;
        }
    }
    for (step, database) in ground.steps::<steps::db_instance::DbInstance>(steps::db_instance::KIND)
    {
        if new(&step.id) {
            *all.entry((step.region.to_string(), quotas::DB_STORAGE))
                .or_default() += f64::from(database.settings.allocated_storage_gib);
        }
    }
    for (step, balancer) in
        ground.steps::<steps::load_balancer::LoadBalancer>(steps::load_balancer::KIND)
    {
        if new(&step.id) {
            let code = match balancer.kind.as_str() {
                "network" => quotas::NETWORK_BALANCERS,
                _ => quotas::BALANCERS,
            };
            *all.entry((step.region.to_string(), code)).or_default() += 1.0;
        }
    }
    // A replica is asked for in the source, and stands in the target.
    for (step, secret) in
        ground.steps::<steps::secret_replica::SecretReplica>(steps::secret_replica::KIND)
    {
        if new(&step.id) {
            *all.entry((secret.region, quotas::SECRETS)).or_default() += 1.0;
        }
    }
    network(ground, &new, &mut all);
    compute(ground, &new, &mut all);
    all
}

/// What is limited inside one network, group or zone: the fullest counts.
fn network(ground: &Ground<'_>, new: &impl Fn(&StepId) -> bool, all: &mut Needed) {
    let to = ground.to().to_owned();
    let subnets = ground.steps::<steps::subnet::Subnet>(steps::subnet::KIND);
    let tables = ground.steps::<steps::route_table::RouteTable>(steps::route_table::KIND);
    for (code, count) in [
        (
            quotas::SUBNETS,
            subnets.iter().filter(|(s, _)| new(&s.id)).count(),
        ),
        (
            quotas::ROUTE_TABLES,
            tables.iter().filter(|(s, _)| new(&s.id)).count(),
        ),
    ] {
        if count > 0 {
            all.insert((to.clone(), code), count as f64);
        }
    }
    let mut zones: BTreeMap<usize, f64> = BTreeMap::new();
    for (step, gateway) in ground.steps::<steps::nat_gateway::NatGateway>(steps::nat_gateway::KIND)
    {
        let zone = match &gateway.subnet {
            Value::Later(of, _) => subnets.iter().find(|(s, _)| s.id == *of),
            Value::Known(_) => None,
        };
        if new(&step.id) {
            *zones
                .entry(zone.map_or(0, |(_, subnet)| subnet.zone))
                .or_default() += 1.0;
        }
    }
    if let Some(most) = zones.values().copied().reduce(f64::max) {
        all.insert((to.clone(), quotas::NAT_GATEWAYS), most);
    }
    let rules = ground.steps::<steps::security_group_rules::SecurityGroupRules>(
        steps::security_group_rules::KIND,
    );
    let fullest = rules
        .iter()
        .filter(|(step, _)| new(&step.id))
        .flat_map(|(_, group)| {
            [
                steps::security_group_rules::Direction::Ingress,
                steps::security_group_rules::Direction::Egress,
            ]
            .map(|way| group.rules.iter().filter(|r| r.direction == way).count())
        })
        .max();
    if let Some(fullest) = fullest.filter(|count| *count > 0) {
        all.insert((to, quotas::GROUP_RULES), fullest as f64);
    }
}

/// Services in their cluster, and the vCPUs of their tasks and probes.
fn compute(ground: &Ground<'_>, new: &impl Fn(&StepId) -> bool, all: &mut Needed) {
    let definitions =
        ground.steps::<steps::task_definition::TaskDefinition>(steps::task_definition::KIND);
    let mut per_cluster: BTreeMap<(String, String), f64> = BTreeMap::new();
    for (step, service) in ground.steps::<steps::service::Service>(steps::service::KIND) {
        if !new(&step.id) {
            continue;
        }
        let region = step.region.to_string();
        *per_cluster
            .entry((region.clone(), service.cluster.to_string()))
            .or_default() += 1.0;
        let definition = match &service.task_definition {
            Value::Later(of, _) => definitions.iter().find(|(s, _)| s.id == *of),
            Value::Known(_) => None,
        };
        let units = definition
            .and_then(|(_, d)| d.cpu.parse::<f64>().ok())
            .unwrap_or_default();
        let spot = service
            .capacity_providers
            .iter()
            .all(|p| p.name == "FARGATE_SPOT")
            && !service.capacity_providers.is_empty();
        if !spot {
            *all.entry((region, quotas::FARGATE_VCPU)).or_default() +=
                units / 1024.0 * f64::from(service.desired_count);
        }
    }
    for ((region, _), count) in per_cluster {
        let most = all.entry((region, quotas::SERVICES)).or_default();
        *most = most.max(count);
    }
    for step in ground.plan().steps.iter().filter(|s| !s.hold) {
        if step.kind == steps::probe_task::KIND && new(&step.id) {
            *all.entry((step.region.to_string(), quotas::FARGATE_VCPU))
                .or_default() += steps::probe_task::VCPU;
        }
    }
}

/// How much of a quota is taken now.
async fn used(ground: &Ground<'_>, region: &str, code: QuotaCode) -> Result<f64, CloudError> {
    let (cloud, look) = (ground.cloud(), ground.look);
    let count = match code {
        quotas::VPCS => cloud.vpcs(region, look).await?.len(),
        quotas::INTERNET_GATEWAYS => cloud.internet_gateways(region, look).await?.len(),
        quotas::ADDRESSES => cloud.addresses(region, look).await?.len(),
        quotas::SECURITY_GROUPS => cloud.security_groups(region, look).await?.len(),
        quotas::TARGET_GROUPS => cloud.target_groups(region, look).await?.len(),
        quotas::CERTIFICATES => cloud.certificates(region, look).await?.len(),
        quotas::CLUSTERS => cloud.cluster_arns(region).await?.len(),
        quotas::DB_INSTANCES => cloud.db_instances(region, look).await?.len(),
        quotas::DB_SUBNET_GROUPS => cloud.db_subnet_groups(region, look).await?.len(),
        // AWS's own default groups are in the list and take nothing of the quota.
        quotas::DB_PARAMETER_GROUPS => cloud
            .db_parameter_groups(region, look)
            .await?
            .iter()
            .filter(|group| !group.name.starts_with("default."))
            .count(),
        quotas::DB_OPTION_GROUPS => cloud
            .db_option_groups(region, look)
            .await?
            .iter()
            .filter(|group| !group.name.starts_with("default:"))
            .count(),
        quotas::DB_SNAPSHOTS => cloud
            .db_snapshots(region, look)
            .await?
            .iter()
            .filter(|snapshot| snapshot.kind == "manual")
            .count(),
        quotas::BALANCERS | quotas::NETWORK_BALANCERS => {
            let kind = match code {
                quotas::BALANCERS => "application",
                _ => "network",
            };
            let all = cloud.load_balancers(region, look).await?;
            all.iter().filter(|balancer| balancer.kind == kind).count()
        }
        quotas::SECRETS => return Ok(cloud.count_secrets(region).await? as f64),
        quotas::REPOSITORIES => return Ok(cloud.count_repositories(region).await? as f64),
        quotas::LOG_GROUPS => return Ok(cloud.count_log_groups(region).await? as f64),
        quotas::FARGATE_VCPU => return cloud.fargate_vcpu(region).await,
        quotas::DB_STORAGE => {
            let all = cloud.db_instances(region, look).await?;
            return Ok(all.iter().map(|db| f64::from(db.storage_gib)).sum());
        }
        quotas::NAT_GATEWAYS => {
            let zones = cloud.nat_gateways_by_zone(region, look).await?;
            return Ok(zones.values().copied().max().unwrap_or_default() as f64);
        }
        quotas::SUBNETS | quotas::ROUTE_TABLES => in_adopted(ground, region, code).await?,
        quotas::SERVICES => {
            let mut most = 0;
            for (_, service) in ground.steps::<steps::service::Service>(steps::service::KIND) {
                if let Value::Known(cluster) = &service.cluster {
                    most = most.max(cloud.count_services(region, cluster).await?);
                }
            }
            return Ok(most as f64);
        }
        // A limit of one group, certificate or balancer that the run makes: nothing is in it yet.
        _ => 0,
    };
    Ok(count as f64)
}

/// A network that the run makes is empty; one that it adopts is not.
async fn in_adopted(
    ground: &Ground<'_>,
    region: &str,
    code: QuotaCode,
) -> Result<usize, CloudError> {
    let Some(vpc) = &ground.subject.network.vpc else {
        return Ok(0);
    };
    let (cloud, look, vpc) = (ground.cloud(), ground.look, vpc.value.as_str());
    Ok(match code {
        quotas::SUBNETS => {
            let all = cloud.subnets(region, look).await?;
            all.iter().filter(|subnet| subnet.vpc == vpc).count()
        }
        _ => {
            let all = cloud.route_tables(region, look).await?;
            all.iter().filter(|table| table.vpc == vpc).count()
        }
    })
}

fn judge(line: &Line, report: &mut Report) {
    let used = line.used.unwrap_or_default();
    if used + line.needed <= line.limit {
        return;
    }
    let wanted = (used + line.needed).ceil();
    report.finding(
        "E2050",
        format!("{} quota {}", line.region, line.name),
        format!(
            "the run takes {}, {} are used, and the account is given {}",
            number(line.needed),
            number(used),
            number(line.limit)
        ),
        format!(
            "aws service-quotas request-service-quota-increase --region {} --service-code {} --quota-code {} --desired-value {}",
            line.region,
            line.service,
            line.code,
            number(wanted)
        ),
    );
    report.hint("or remove what nobody needs there");
}

/// Whole numbers without their point.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}").trim_end_matches('0').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_counts_and_the_last_one_fits() {
        let of = |needed, used, limit| {
            let line = Line {
                region: "eu-west-1".into(),
                name: quotas::VPCS.name,
                service: quotas::VPCS.service,
                code: quotas::VPCS.code,
                needed,
                used: Some(used),
                limit,
            };
            let mut report = Report::default();
            judge(&line, &mut report);
            report.findings.first().map(|f| f.code)
        };
        assert_eq!(of(1.0, 4.0, 5.0), None);
        assert_eq!(of(1.0, 5.0, 5.0), Some("E2050"));
        assert_eq!(of(1.5, 4.75, 6.0), Some("E2050"));
        assert_eq!(of(0.0, 6.0, 6.0), None);
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(number(6.0), "6");
        assert_eq!(number(0.5), "0.5");
        assert_eq!(number(1.25), "1.25");
    }
}
