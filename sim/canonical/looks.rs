//! Which reads a canonical form is made of: one line for each list and each description.

use crate::services::ServiceId;
use ServiceId::{
    Acm, Autoscaling, Cloudwatch, Ec2, Ecr, Ecs, Elbv2, Iam, Kms, Logs, Quotas, Rds, Route53, S3,
    Secrets, Ssm,
};

/// One kind of read: the operation, and where the values of its parameters come from.
pub(super) struct Look {
    pub(super) service: ServiceId,
    pub(super) operation: &'static str,
    /// Parameter, the look whose answers name its values, and the path to them. Several must come from the same look.
    pub(super) from: &'static [(&'static str, &'static str, &'static str)],
    pub(super) fixed: &'static str,
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

/// What is global in an account.
pub(super) const GLOBAL: &[Look] = &[
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
pub(super) const REGIONAL: &[Look] = &[
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
