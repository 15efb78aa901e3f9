//! The quotas that this simulation knows: services, codes, names, AWS's default values.

/// One quota of AWS's.
pub struct Quota {
    pub service: &'static str,
    pub code: &'static str,
    pub name: &'static str,
    pub default: f64,
    pub adjustable: bool,
    /// One value for all regions.
    pub global: bool,
}

/// Service codes and names.
pub const SERVICES: &[(&str, &str)] = &[
    ("acm", "AWS Certificate Manager (ACM)"),
    ("application-autoscaling", "Application Auto Scaling"),
    ("ec2", "Amazon Elastic Compute Cloud (Amazon EC2)"),
    ("ecr", "Amazon Elastic Container Registry (Amazon ECR)"),
    ("ecs", "Amazon Elastic Container Service (Amazon ECS)"),
    ("elasticloadbalancing", "Elastic Load Balancing (ELB)"),
    ("fargate", "AWS Fargate"),
    ("iam", "AWS Identity and Access Management (IAM)"),
    ("kms", "AWS Key Management Service (AWS KMS)"),
    ("logs", "Amazon CloudWatch Logs"),
    ("rds", "Amazon Relational Database Service (Amazon RDS)"),
    ("route53", "Amazon Route 53"),
    ("s3", "Amazon Simple Storage Service (Amazon S3)"),
    ("secretsmanager", "AWS Secrets Manager"),
    ("vpc", "Amazon Virtual Private Cloud (Amazon VPC)"),
];

const fn quota(
    service: &'static str,
    code: &'static str,
    name: &'static str,
    default: f64,
) -> Quota {
    Quota {
        service,
        code,
        name,
        default,
        adjustable: true,
        global: false,
    }
}

const fn fixed(quota: Quota) -> Quota {
    Quota {
        adjustable: false,
        ..quota
    }
}

const fn global(quota: Quota) -> Quota {
    Quota {
        global: true,
        ..quota
    }
}

pub const QUOTAS: &[Quota] = &[
    quota("acm", "L-F141DD1D", "ACM certificates", 2_500.0),
    quota(
        "acm",
        "L-DA1D8B98",
        "ACM certificates created in last 365 days",
        5_000.0,
    ),
    quota(
        "acm",
        "L-FB94F0B0",
        "Domain names per ACM certificate",
        10.0,
    ),
    quota("acm", "L-D2CB7DE9", "Imported certificates", 2_500.0),
    quota(
        "application-autoscaling",
        "L-782A3EE2",
        "Scalable targets for Amazon ECS",
        3_000.0,
    ),
    quota(
        "application-autoscaling",
        "L-800F6F7B",
        "Scalable targets for Amazon RDS",
        500.0,
    ),
    quota(
        "application-autoscaling",
        "L-9C25247C",
        "Step adjustments per step scaling policy",
        20.0,
    ),
    quota("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5.0),
    quota(
        "ec2",
        "L-1216C47A",
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        5.0,
    ),
    quota("ecr", "L-CFEB8E8D", "Registered repositories", 100_000.0),
    quota("ecr", "L-03A36CE1", "Images per repository", 100_000.0),
    quota("ecs", "L-21C621EB", "Clusters per account", 10_000.0),
    quota("ecs", "L-9EF96962", "Services per cluster", 5_000.0),
    quota(
        "elasticloadbalancing",
        "L-53DA6B97",
        "Application Load Balancers per Region",
        50.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-69A177A2",
        "Network Load Balancers per Region",
        50.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-B22855CB",
        "Target Groups per Region",
        3_000.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-A0D0B863",
        "Targets per Target Group per Region",
        1_000.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-7E6692B2",
        "Targets per Application Load Balancer",
        1_000.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-EEF1AD04",
        "Targets per Network Load Balancer",
        3_000.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-B6DF7632",
        "Listeners per Application Load Balancer",
        50.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-57A373D6",
        "Listeners per Network Load Balancer",
        50.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-7EED9B64",
        "Rules per Application Load Balancer",
        100.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-9365A611",
        "Certificates per Application Load Balancer",
        25.0,
    ),
    quota(
        "elasticloadbalancing",
        "L-52964454",
        "Certificates per Network Load Balancer",
        25.0,
    ),
    fixed(quota(
        "elasticloadbalancing",
        "L-822D1B1B",
        "Target Groups per Application Load Balancer",
        100.0,
    )),
    fixed(quota(
        "elasticloadbalancing",
        "L-EBC0C08B",
        "Condition Values per Rule",
        5.0,
    )),
    quota(
        "fargate",
        "L-3032A538",
        "Fargate On-Demand vCPU resource count",
        6.0,
    ),
    quota(
        "fargate",
        "L-36FBB829",
        "Fargate Spot vCPU resource count",
        6.0,
    ),
    global(quota("iam", "L-FE177D64", "Roles per account", 1_000.0)),
    global(quota(
        "iam",
        "L-0DA4ABF3",
        "Managed policies attached to an IAM role",
        10.0,
    )),
    global(quota(
        "iam",
        "L-E95E4862",
        "Customer managed policies in an AWS account",
        1_500.0,
    )),
    global(quota(
        "iam",
        "L-6E65F664",
        "Instance profiles in an AWS account",
        1_000.0,
    )),
    global(quota(
        "iam",
        "L-C07B4B0D",
        "Role trust policy length",
        2_048.0,
    )),
    quota(
        "kms",
        "L-C2F1777E",
        "Customer Master Keys (CMKs)",
        100_000.0,
    ),
    quota("kms", "L-340F62FB", "Aliases per CMK", 50.0),
    quota("kms", "L-D594A657", "Grants per CMK", 50_000.0),
    quota("logs", "L-C7B9AAAB", "Log groups", 1_000_000.0),
    quota("rds", "L-7B6409FD", "DB instances", 40.0),
    quota("rds", "L-952B80B8", "DB clusters", 40.0),
    quota("rds", "L-272F1212", "Manual DB instance snapshots", 100.0),
    quota("rds", "L-9B510759", "Manual DB cluster snapshots", 100.0),
    quota(
        "rds",
        "L-7ADDB58A",
        "Total storage for all DB instances",
        100_000.0,
    ),
    quota("rds", "L-48C6BF61", "DB subnet groups", 50.0),
    quota("rds", "L-DE55804A", "Parameter groups", 50.0),
    quota("rds", "L-E4C808A8", "DB cluster parameter groups", 50.0),
    quota("rds", "L-9FA33840", "Option groups", 20.0),
    quota("rds", "L-5BC124EF", "Read replicas per primary", 15.0),
    quota("rds", "L-A59F4C87", "Event subscriptions", 20.0),
    quota("rds", "L-6F3ACC36", "Subnets per DB subnet group", 20.0),
    quota("rds", "L-9372BAB3", "Custom endpoints per DB cluster", 5.0),
    quota("rds", "L-D94C7EA3", "Proxies", 20.0),
    global(quota("route53", "L-4EA4796A", "Hosted zones", 500.0)),
    global(quota("route53", "L-ACB674F3", "Health checks", 200.0)),
    global(quota(
        "route53",
        "L-E209CC9F",
        "Records per hosted zone",
        10_000.0,
    )),
    global(quota(
        "s3",
        "L-DC2B2D3D",
        "General purpose buckets",
        10_000.0,
    )),
    quota(
        "secretsmanager",
        "L-2F66C23C",
        "Secrets in each supported Region",
        500_000.0,
    ),
    quota("vpc", "L-F678F1CE", "VPCs per Region", 5.0),
    quota("vpc", "L-A4707A72", "Internet gateways per Region", 5.0),
    quota(
        "vpc",
        "L-45FE3B85",
        "Egress-only internet gateways per Region",
        5.0,
    ),
    quota(
        "vpc",
        "L-FE5A380F",
        "NAT gateways per Availability Zone",
        5.0,
    ),
    quota(
        "vpc",
        "L-5F53652F",
        "Elastic IP address quota per NAT gateway",
        2.0,
    ),
    quota("vpc", "L-407747CB", "Subnets per VPC", 200.0),
    quota("vpc", "L-83CA0A9D", "IPv4 CIDR blocks per VPC", 5.0),
    quota("vpc", "L-589F43AA", "Route tables per VPC", 200.0),
    quota("vpc", "L-93826ACB", "Routes per route table", 50.0),
    quota(
        "vpc",
        "L-E79EC296",
        "VPC security groups per Region",
        2_500.0,
    ),
    quota(
        "vpc",
        "L-0EA8095F",
        "Inbound or outbound rules per security group",
        60.0,
    ),
    quota(
        "vpc",
        "L-2AFB9258",
        "Security groups per network interface",
        5.0,
    ),
    quota(
        "vpc",
        "L-DF5E4CA3",
        "Network interfaces per Region",
        5_000.0,
    ),
    quota("vpc", "L-B4A6D682", "Network ACLs per VPC", 200.0),
    quota("vpc", "L-2AEEBF1A", "Rules per network ACL", 20.0),
    quota(
        "vpc",
        "L-1B52E74A",
        "Gateway VPC endpoints per Region",
        20.0,
    ),
    quota("vpc", "L-29B6F2EB", "Interface VPC endpoints per VPC", 50.0),
    quota(
        "vpc",
        "L-7E9ECCDB",
        "Active VPC peering connections per VPC",
        50.0,
    ),
];

pub fn find(code: &str) -> Option<&'static Quota> {
    QUOTAS.iter().find(|q| q.code == code)
}

pub fn service_name(code: &str) -> Option<&'static str> {
    SERVICES
        .iter()
        .find(|(service, _)| *service == code)
        .map(|(_, name)| *name)
}
