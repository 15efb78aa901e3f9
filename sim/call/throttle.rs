//! Token buckets: one per account, region and group of actions, with the figures that AWS documents.
//!
//! Where AWS publishes none, they are assumptions, marked [A]. A throttled request is not executed.

use crate::clock::{Nanos, SECOND};
use crate::services::ServiceId;
use std::collections::BTreeMap;

/// The buckets of a world. Each is kept as the instant at which it will be full again.
#[derive(Clone, Debug, Default)]
pub struct Buckets(BTreeMap<String, Nanos>);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens in a full bucket.
    pub burst: u32,
    /// Tokens that come back per second.
    pub per_second: u32,
}

const fn rate(burst: u32, per_second: u32) -> Rate {
    Rate { burst, per_second }
}

impl Buckets {
    /// Takes a token, or answers `false`.
    pub fn take(
        &mut self,
        account: &str,
        region: &str,
        service: ServiceId,
        operation: &str,
        now: Nanos,
    ) -> bool {
        let (group, rate) = group(service, operation);
        let region = if service == ServiceId::Route53 || service == ServiceId::Iam {
            "global"
        } else {
            region
        };
        let key = [account, region, service.id(), group].join("/");
        let token = SECOND / Nanos::from(rate.per_second.max(1));
        let full_at = self.0.entry(key).or_insert(0);
        let next = (*full_at).max(now) + token;
        if next > now + token * Nanos::from(rate.burst) {
            return false;
        }
        *full_at = next;
        true
    }
}

fn reads(operation: &str) -> bool {
    [
        "Describe", "List", "Get", "Head", "BatchGet", "Search", "Simulate", "Filter", "Test",
    ]
    .iter()
    .any(|verb| operation.starts_with(verb))
}

/// Which bucket an operation draws from, and its rate.
pub fn group(service: ServiceId, operation: &str) -> (&str, Rate) {
    let read = reads(operation);
    match service {
        // EC2 developer guide, "Request throttling": reads per API; others per API too, lower.
        ServiceId::Ec2 if read => (operation, rate(100, 20)),
        ServiceId::Ec2 => (operation, rate(50, 5)),
        // ELB user guide: 40; its refill rate [A].
        ServiceId::Elbv2 if read => ("Describe", rate(40, 10)),
        ServiceId::Elbv2 => ("Modify", rate(20, 5)), // [A]
        // ECS: groups are documented, these values [A]; RunTask 20/s is documented.
        ServiceId::Ecs if read => ("Read", rate(100, 20)),
        ServiceId::Ecs if operation == "RunTask" => ("RunTask", rate(20, 20)),
        ServiceId::Ecs => ("Modify", rate(50, 20)),
        // RDS publishes nothing [A].
        ServiceId::Rds if read => ("Describe", rate(50, 10)),
        ServiceId::Rds => ("Modify", rate(30, 5)),
        // Five requests per second and account, hard.
        ServiceId::Route53 => ("all", rate(5, 5)),
        // IAM publishes nothing [A].
        ServiceId::Iam if read => ("Read", rate(100, 20)),
        ServiceId::Iam => ("Write", rate(50, 10)),
        ServiceId::Sts => ("all", rate(600, 600)),
        // Secrets Manager: 10,000/s reads, 50/s for the operations that change values and replicas.
        ServiceId::Secrets if operation == "DescribeSecret" || operation == "GetSecretValue" => {
            ("Read", rate(10_000, 10_000))
        }
        ServiceId::Secrets if read => ("List", rate(100, 100)),
        ServiceId::Secrets => ("Write", rate(50, 50)),
        // Systems Manager: 40/s for reads of values, 3/s (standard throughput) for writes.
        ServiceId::Ssm if operation.starts_with("GetParameter") => ("Get", rate(40, 40)),
        ServiceId::Ssm if operation == "PutParameter" => ("Put", rate(10, 3)),
        ServiceId::Ssm => ("other", rate(20, 10)), // [A]
        // ECR service quotas.
        ServiceId::Ecr if operation == "BatchCheckLayerAvailability" => {
            (operation, rate(1_000, 1_000))
        }
        ServiceId::Ecr if operation == "BatchGetImage" => (operation, rate(2_000, 2_000)),
        ServiceId::Ecr if operation == "GetDownloadUrlForLayer" => (operation, rate(3_000, 3_000)),
        ServiceId::Ecr if operation == "GetAuthorizationToken" => (operation, rate(500, 500)),
        ServiceId::Ecr if operation == "UploadLayerPart" => (operation, rate(500, 500)),
        ServiceId::Ecr => (if read { "Read" } else { "Write" }, rate(50, 10)), // [A]
        // CloudWatch Logs quotas.
        ServiceId::Logs if operation == "PutLogEvents" => (operation, rate(5_000, 5_000)),
        ServiceId::Logs if operation == "DescribeLogStreams" => (operation, rate(25, 25)),
        ServiceId::Logs => (operation, rate(10, 10)),
        // CloudWatch quotas.
        ServiceId::Cloudwatch if operation == "PutMetricData" => (operation, rate(500, 500)),
        ServiceId::Cloudwatch if operation == "GetMetricData" => (operation, rate(50, 50)),
        ServiceId::Cloudwatch if operation == "ListMetrics" => (operation, rate(25, 25)),
        ServiceId::Cloudwatch if operation == "DescribeAlarms" => (operation, rate(9, 9)),
        ServiceId::Cloudwatch => (operation, rate(10, 3)),
        // ACM API rate quotas.
        ServiceId::Acm if operation == "DescribeCertificate" => (operation, rate(10, 10)),
        ServiceId::Acm if operation == "ListCertificates" => (operation, rate(8, 8)),
        ServiceId::Acm => (operation, rate(5, 5)),
        ServiceId::Tagging if operation == "GetResources" => (operation, rate(15, 15)),
        ServiceId::Tagging => (operation, rate(5, 5)),
        ServiceId::Autoscaling | ServiceId::Quotas => {
            (if read { "Read" } else { "Write" }, rate(20, 10))
        } // [A]
        ServiceId::Kms => ("all", rate(5_500, 5_500)),
        ServiceId::S3 => (if read { "Read" } else { "Write" }, rate(5_500, 5_500)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_53_lets_five_calls_a_second_pass() {
        let mut buckets = Buckets::default();
        let mut passed = |now| {
            (0..20)
                .filter(|_| buckets.take("1", "us-east-1", ServiceId::Route53, "GetChange", now))
                .count()
        };
        assert_eq!(passed(0), 5);
        assert_eq!(passed(0), 0);
        assert_eq!(passed(SECOND), 5);
        assert_eq!(passed(SECOND + SECOND / 5), 1);
        assert_eq!(passed(60 * SECOND), 5);
    }

    #[test]
    fn accounts_and_regions_do_not_throttle_each_other() {
        let mut buckets = Buckets::default();
        while buckets.take("1", "us-west-2", ServiceId::Rds, "DescribeDBInstances", 0) {}
        assert!(buckets.take("1", "eu-west-1", ServiceId::Rds, "DescribeDBInstances", 0));
        assert!(buckets.take("2", "us-west-2", ServiceId::Rds, "DescribeDBInstances", 0));
        assert!(buckets.take("1", "us-west-2", ServiceId::Rds, "CopyDBSnapshot", 0));
    }
}
