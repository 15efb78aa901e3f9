//! Service Quotas: what a region allows this account to make.

use super::Cloud;
use super::error::CloudError;
use super::refused;

const SERVICE: &str = "servicequotas";

/// A quota, by AWS's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaCode {
    pub service: &'static str,
    pub code: &'static str,
    pub name: &'static str,
}

pub const VPCS: QuotaCode = QuotaCode {
    service: "vpc",
    code: "L-F678F1CE",
    name: "VPCs per Region",
};
pub const ADDRESSES: QuotaCode = QuotaCode {
    service: "ec2",
    code: "L-0263D0A3",
    name: "EC2-VPC Elastic IPs",
};
pub const NAT_GATEWAYS: QuotaCode = QuotaCode {
    service: "vpc",
    code: "L-FE5A380F",
    name: "NAT gateways per Availability Zone",
};
pub const FARGATE_VCPU: QuotaCode = QuotaCode {
    service: "fargate",
    code: "L-3032A538",
    name: "Fargate On-Demand vCPU resource count",
};
pub const BALANCERS: QuotaCode = QuotaCode {
    service: "elasticloadbalancing",
    code: "L-53DA6B97",
    name: "Application Load Balancers per Region",
};
pub const DB_INSTANCES: QuotaCode = QuotaCode {
    service: "rds",
    code: "L-7B6409FD",
    name: "DB instances",
};
pub const DB_SNAPSHOTS: QuotaCode = QuotaCode {
    service: "rds",
    code: "L-272F1212",
    name: "Manual DB instance snapshots",
};

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
