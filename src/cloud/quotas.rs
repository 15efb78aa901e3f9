//! Service Quotas: what a region allows this account to make.

use super::Cloud;
use super::error::CloudError;
use super::refused;

const SERVICE: &str = "servicequotas";

/// A quota, by AWS's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaCode {
    pub service: &'static str,
    pub code: &'static str,
    pub name: &'static str,
}

const fn code(service: &'static str, code: &'static str, name: &'static str) -> QuotaCode {
    QuotaCode {
        service,
        code,
        name,
    }
}

pub const VPCS: QuotaCode = code("vpc", "L-F678F1CE", "VPCs per Region");
pub const INTERNET_GATEWAYS: QuotaCode = code("vpc", "L-A4707A72", "Internet gateways per Region");
pub const SUBNETS: QuotaCode = code("vpc", "L-407747CB", "Subnets per VPC");
pub const ROUTE_TABLES: QuotaCode = code("vpc", "L-589F43AA", "Route tables per VPC");
pub const SECURITY_GROUPS: QuotaCode = code("vpc", "L-E79EC296", "VPC security groups per Region");
pub const GROUP_RULES: QuotaCode = code(
    "vpc",
    "L-0EA8095F",
    "Inbound or outbound rules per security group",
);
pub const ADDRESSES: QuotaCode = code("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs");
pub const NAT_GATEWAYS: QuotaCode = code("vpc", "L-FE5A380F", "NAT gateways per Availability Zone");
pub const FARGATE_VCPU: QuotaCode = code(
    "fargate",
    "L-3032A538",
    "Fargate On-Demand vCPU resource count",
);
pub const CLUSTERS: QuotaCode = code("ecs", "L-21C621EB", "Clusters per account");
pub const SERVICES: QuotaCode = code("ecs", "L-9EF96962", "Services per cluster");
pub const REPOSITORIES: QuotaCode = code("ecr", "L-CFEB8E8D", "Registered repositories");
pub const SECRETS: QuotaCode = code(
    "secretsmanager",
    "L-2F66C23C",
    "Secrets in each supported Region",
);
pub const LOG_GROUPS: QuotaCode = code("logs", "L-C7B9AAAB", "Log groups");
pub const CERTIFICATES: QuotaCode = code("acm", "L-F141DD1D", "ACM certificates");
pub const CERTIFICATE_NAMES: QuotaCode =
    code("acm", "L-FB94F0B0", "Domain names per ACM certificate");
pub const BALANCERS: QuotaCode = code(
    "elasticloadbalancing",
    "L-53DA6B97",
    "Application Load Balancers per Region",
);
pub const NETWORK_BALANCERS: QuotaCode = code(
    "elasticloadbalancing",
    "L-69A177A2",
    "Network Load Balancers per Region",
);
pub const TARGET_GROUPS: QuotaCode = code(
    "elasticloadbalancing",
    "L-B22855CB",
    "Target Groups per Region",
);
pub const LISTENERS: QuotaCode = code(
    "elasticloadbalancing",
    "L-B6DF7632",
    "Listeners per Application Load Balancer",
);
pub const DB_INSTANCES: QuotaCode = code("rds", "L-7B6409FD", "DB instances");
pub const DB_STORAGE: QuotaCode = code("rds", "L-7ADDB58A", "Total storage for all DB instances");
pub const DB_SNAPSHOTS: QuotaCode = code("rds", "L-272F1212", "Manual DB instance snapshots");
pub const DB_SUBNET_GROUPS: QuotaCode = code("rds", "L-48C6BF61", "DB subnet groups");
pub const DB_PARAMETER_GROUPS: QuotaCode = code("rds", "L-DE55804A", "Parameter groups");
pub const DB_OPTION_GROUPS: QuotaCode = code("rds", "L-9FA33840", "Option groups");

impl Cloud {
    /// The applied value, or AWS's default where none was applied; `None` where Service Quotas does not know the code.
    pub async fn quota(&self, region: &str, quota: QuotaCode) -> Result<Option<f64>, CloudError> {
        let applied = self
            .quotas(region)
            .get_service_quota()
            .service_code(quota.service)
            .quota_code(quota.code)
            .send()
            .await
            .map_err(refused(SERVICE, "GetServiceQuota", region, quota.name));
        match applied {
            Ok(answer) => return Ok(answer.quota().and_then(|q| q.value())),
            Err(e) if e.not_found() => {}
            Err(e) => return Err(e),
        }
        let default = self
            .quotas(region)
            .get_aws_default_service_quota()
            .service_code(quota.service)
            .quota_code(quota.code)
            .send()
            .await
            .map_err(refused(
                SERVICE,
                "GetAWSDefaultServiceQuota",
                region,
                quota.name,
            ));
        match default {
            Ok(answer) => Ok(answer.quota().and_then(|q| q.value())),
            Err(e) if e.not_found() => Ok(None),
            Err(e) => Err(e),
        }
    }
}
