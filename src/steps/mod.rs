//! One file per kind of step: its parameters, what it yields, and how it looks, begins and is taken back.
//!
//! A kind never sees a clock, the terminal, a file, the journal or another kind's parameters. A new kind is one file here and one
//! row in the list.

pub mod certificate;
pub mod certificate_issued;
pub mod cluster;
pub mod database_fence;
pub mod db_instance;
pub mod db_instance_settings;
pub mod db_option_group;
pub mod db_parameter_group;
pub mod db_snapshot;
pub mod db_snapshot_copy;
pub mod db_subnet_group;
pub mod dns_cut;
pub mod dns_in_sync;
pub mod dns_ttl;
pub mod dns_ttl_restored;
pub mod elastic_ip;
pub mod http_check;
pub mod image;
pub mod internet_gateway;
pub mod kms_key;
pub mod listener;
pub mod listener_fence;
pub mod listener_rule;
pub mod load_balancer;
pub mod log_group;
pub mod nat_gateway;
pub mod outside_check;
pub mod ownership;
pub mod parameter;
pub mod probe_removal;
pub mod probe_task;
pub mod repository;
pub mod role_access;
pub mod route_table;
pub mod scalable_target;
pub mod scaling_policy;
pub mod scaling_suspension;
pub mod secret_promotion;
pub mod secret_replica;
pub mod secret_rewrite;
pub mod security_group;
pub mod security_group_removal;
pub mod security_group_rules;
pub mod security_group_rules_removal;
pub mod service;
pub mod service_scale;
pub mod settings_diff;
pub mod sql_check;
pub mod subnet;
pub mod target_group;
pub mod target_group_drain;
pub mod target_health;
pub mod task_definition;
pub mod tcp_check;
pub mod validation_record;
pub mod vpc;
pub mod watch;
pub mod watermark;
pub mod write_refused;

use crate::env::Env;
use drtool_engine::step::{Kind, Kinds};

/// Every kind, one row each.
static KINDS: &[Kind<Env>] = &[
    Kind::of::<certificate::Certificate>(),
    Kind::of::<certificate_issued::CertificateIssued>(),
    Kind::of::<cluster::Cluster>(),
    Kind::of::<database_fence::DatabaseFence>(),
    Kind::of::<db_instance::DbInstance>(),
    Kind::of::<db_instance_settings::DbInstanceSettings>(),
    Kind::of::<db_option_group::DbOptionGroup>(),
    Kind::of::<db_parameter_group::DbParameterGroup>(),
    Kind::of::<db_snapshot::DbSnapshot>(),
    Kind::of::<db_snapshot_copy::DbSnapshotCopy>(),
    Kind::of::<db_subnet_group::DbSubnetGroup>(),
    Kind::of::<dns_cut::DnsCut>(),
    Kind::of::<dns_in_sync::DnsInSync>(),
    Kind::of::<dns_ttl::DnsTtl>(),
    Kind::of::<dns_ttl_restored::DnsTtlRestored>(),
    Kind::of::<elastic_ip::ElasticIp>(),
    Kind::of::<http_check::HttpCheck>(),
    Kind::of_work::<image::Image>(),
    Kind::of::<internet_gateway::InternetGateway>(),
    Kind::of::<kms_key::KmsKey>(),
    Kind::of::<listener::Listener>(),
    Kind::of::<listener_fence::ListenerFence>(),
    Kind::of::<listener_rule::ListenerRule>(),
    Kind::of::<load_balancer::LoadBalancer>(),
    Kind::of::<log_group::LogGroup>(),
    Kind::of::<nat_gateway::NatGateway>(),
    Kind::of::<outside_check::OutsideCheck>(),
    Kind::of::<parameter::Parameter>(),
    Kind::of::<probe_removal::ProbeRemoval>(),
    Kind::of::<probe_task::ProbeTask>(),
    Kind::of::<repository::Repository>(),
    Kind::of::<role_access::RoleAccess>(),
    Kind::of::<route_table::RouteTable>(),
    Kind::of::<scalable_target::ScalableTarget>(),
    Kind::of::<scaling_policy::ScalingPolicy>(),
    Kind::of::<scaling_suspension::ScalingSuspension>(),
    Kind::of::<secret_promotion::SecretPromotion>(),
    Kind::of::<secret_replica::SecretReplica>(),
    Kind::of::<secret_rewrite::SecretRewrite>(),
    Kind::of::<security_group::SecurityGroup>(),
    Kind::of::<security_group_removal::SecurityGroupRemoval>(),
    Kind::of::<security_group_rules::SecurityGroupRules>(),
    Kind::of::<security_group_rules_removal::SecurityGroupRulesRemoval>(),
    Kind::of::<service::Service>(),
    Kind::of::<service_scale::ServiceScale>(),
    Kind::of::<settings_diff::SettingsDiff>(),
    Kind::of::<sql_check::SqlCheck>(),
    Kind::of::<subnet::Subnet>(),
    Kind::of::<target_group::TargetGroup>(),
    Kind::of::<target_group_drain::TargetGroupDrain>(),
    Kind::of::<target_health::TargetHealth>(),
    Kind::of::<task_definition::TaskDefinition>(),
    Kind::of::<tcp_check::TcpCheck>(),
    Kind::of::<validation_record::ValidationRecord>(),
    Kind::of::<vpc::Vpc>(),
    Kind::of::<watch::Watch>(),
    Kind::of::<watermark::Watermark>(),
    Kind::of::<write_refused::WriteRefused>(),
];

/// The kinds by name.
pub fn kinds() -> Kinds<Env> {
    Kinds::new(KINDS)
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use crate::failure::Sources;
    use crate::manifest::{typed::typed, yaml};

    macro_rules! examples {
        ($($module:ident::$kind:ident),* $(,)?) => {
            vec![$((super::$module::KIND, super::$module::EXAMPLE, |json| serde_json::from_value::<super::$module::$kind>(json).map(|_| ()))),*]
        };
    }

    type Parse = fn(Json) -> Result<(), serde_json::Error>;

    #[test]
    fn every_example_is_a_line_of_a_runbook_with_parameters_that_fit() {
        let examples: Vec<(&str, &str, Parse)> = examples!(
            certificate::Certificate,
            certificate_issued::CertificateIssued,
            cluster::Cluster,
            database_fence::DatabaseFence,
            db_instance::DbInstance,
            db_instance_settings::DbInstanceSettings,
            db_option_group::DbOptionGroup,
            db_parameter_group::DbParameterGroup,
            db_snapshot::DbSnapshot,
            db_snapshot_copy::DbSnapshotCopy,
            db_subnet_group::DbSubnetGroup,
            dns_cut::DnsCut,
            dns_in_sync::DnsInSync,
            dns_ttl::DnsTtl,
            dns_ttl_restored::DnsTtlRestored,
            elastic_ip::ElasticIp,
            http_check::HttpCheck,
            image::Image,
            internet_gateway::InternetGateway,
            kms_key::KmsKey,
            listener::Listener,
            listener_fence::ListenerFence,
            listener_rule::ListenerRule,
            load_balancer::LoadBalancer,
            log_group::LogGroup,
            nat_gateway::NatGateway,
            outside_check::OutsideCheck,
            parameter::Parameter,
            probe_removal::ProbeRemoval,
            probe_task::ProbeTask,
            repository::Repository,
            role_access::RoleAccess,
            route_table::RouteTable,
            scalable_target::ScalableTarget,
            scaling_policy::ScalingPolicy,
            scaling_suspension::ScalingSuspension,
            secret_promotion::SecretPromotion,
            secret_replica::SecretReplica,
            secret_rewrite::SecretRewrite,
            security_group::SecurityGroup,
            security_group_removal::SecurityGroupRemoval,
            security_group_rules::SecurityGroupRules,
            security_group_rules_removal::SecurityGroupRulesRemoval,
            service::Service,
            service_scale::ServiceScale,
            settings_diff::SettingsDiff,
            sql_check::SqlCheck,
            subnet::Subnet,
            target_group::TargetGroup,
            target_group_drain::TargetGroupDrain,
            target_health::TargetHealth,
            task_definition::TaskDefinition,
            tcp_check::TcpCheck,
            validation_record::ValidationRecord,
            vpc::Vpc,
            watch::Watch,
            watermark::Watermark,
            write_refused::WriteRefused
        );
        for (kind, example, parse) in examples {
            let mut sources = Sources::default();
            let node = yaml::read(&mut sources, kind, example.as_bytes())
                .unwrap_or_else(|e| panic!("{}", e.render(false)));
            let line: Json =
                typed(&node, &sources).unwrap_or_else(|e| panic!("{}", e.render(false)));
            assert_eq!(line["use"], kind);
            if let Err(error) = parse(line["with"].clone()) {
                panic!("{kind}: {error}\n{example}");
            }
        }
    }
}
