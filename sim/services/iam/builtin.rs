//! AWS's managed policies: those that the stacks of this simulation attach, with the permissions that matter here.

use super::encoded;
use super::policy::{Policy, Use};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

pub struct Builtin {
    pub arn: String,
    pub id: String,
    pub policy: Policy,
}

/// All of AWS's are shown as made on this day.
const CREATED: f64 = 1_430_000_000.0;

/// Path and name below `policy/`, and the actions allowed on every resource.
const ALLOWING: &[(&str, &[&str])] = &[
    ("AdministratorAccess", &["*"]),
    (
        "ReadOnlyAccess",
        &[
            "acm:Describe*",
            "acm:Get*",
            "acm:List*",
            "application-autoscaling:Describe*",
            "application-autoscaling:List*",
            "cloudwatch:Describe*",
            "cloudwatch:Get*",
            "cloudwatch:List*",
            "ec2:Describe*",
            "ec2:Get*",
            "ecr:BatchCheck*",
            "ecr:BatchGet*",
            "ecr:Describe*",
            "ecr:Get*",
            "ecr:List*",
            "ecs:Describe*",
            "ecs:List*",
            "elasticloadbalancing:Describe*",
            "iam:Generate*",
            "iam:Get*",
            "iam:List*",
            "iam:Simulate*",
            "kms:Describe*",
            "kms:Get*",
            "kms:List*",
            "logs:Describe*",
            "logs:FilterLogEvents",
            "logs:Get*",
            "logs:List*",
            "logs:StartQuery",
            "logs:StopQuery",
            "rds:Describe*",
            "rds:List*",
            "route53:Get*",
            "route53:List*",
            "route53:Test*",
            "s3:Get*",
            "s3:List*",
            "secretsmanager:Describe*",
            "secretsmanager:GetResourcePolicy",
            "secretsmanager:List*",
            "servicequotas:Get*",
            "servicequotas:List*",
            "ssm:Describe*",
            "ssm:Get*",
            "ssm:List*",
            "sts:GetCallerIdentity",
            "tag:Get*",
        ],
    ),
    (
        "AmazonEC2ContainerRegistryReadOnly",
        &[
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:DescribeImages",
            "ecr:DescribeImageScanFindings",
            "ecr:DescribeRepositories",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer",
            "ecr:GetLifecyclePolicy",
            "ecr:GetLifecyclePolicyPreview",
            "ecr:GetRepositoryPolicy",
            "ecr:ListImages",
            "ecr:ListTagsForResource",
        ],
    ),
    (
        "AmazonEC2ContainerRegistryPowerUser",
        &[
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:CompleteLayerUpload",
            "ecr:DescribeImages",
            "ecr:DescribeImageScanFindings",
            "ecr:DescribeRepositories",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer",
            "ecr:GetLifecyclePolicy",
            "ecr:GetLifecyclePolicyPreview",
            "ecr:GetRepositoryPolicy",
            "ecr:InitiateLayerUpload",
            "ecr:ListImages",
            "ecr:ListTagsForResource",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
        ],
    ),
    (
        "AmazonEC2ContainerRegistryFullAccess",
        &["ecr:*", "cloudtrail:LookupEvents"],
    ),
    ("AmazonS3FullAccess", &["s3:*", "s3-object-lambda:*"]),
    (
        "AmazonS3ReadOnlyAccess",
        &["s3:Get*", "s3:List*", "s3:Describe*"],
    ),
    (
        "AmazonRDSFullAccess",
        &[
            "rds:*",
            "ec2:Describe*",
            "cloudwatch:*",
            "logs:Describe*",
            "logs:GetLogEvents",
        ],
    ),
    (
        "AmazonRDSReadOnlyAccess",
        &[
            "rds:Describe*",
            "rds:ListTagsForResource",
            "ec2:Describe*",
            "cloudwatch:Get*",
        ],
    ),
    (
        "AmazonECS_FullAccess",
        &[
            "application-autoscaling:*",
            "cloudwatch:Describe*",
            "cloudwatch:Get*",
            "cloudwatch:Put*",
            "ec2:Describe*",
            "ecs:*",
            "elasticloadbalancing:*",
            "iam:ListRoles",
            "iam:ListAttachedRolePolicies",
            "logs:CreateLogGroup",
            "logs:DescribeLogGroups",
            "logs:FilterLogEvents",
        ],
    ),
    (
        "AmazonSSMReadOnlyAccess",
        &["ssm:Describe*", "ssm:Get*", "ssm:List*"],
    ),
    (
        "AmazonSSMFullAccess",
        &["ssm:*", "cloudwatch:PutMetricData", "logs:*"],
    ),
    (
        "AmazonRoute53FullAccess",
        &[
            "route53:*",
            "route53domains:*",
            "elasticloadbalancing:Describe*",
        ],
    ),
    ("AmazonVPCFullAccess", &["ec2:*"]),
    (
        "CloudWatchFullAccess",
        &["cloudwatch:*", "logs:*", "autoscaling:Describe*"],
    ),
    (
        "CloudWatchLogsFullAccess",
        &["logs:*", "cloudwatch:GenerateQuery"],
    ),
    (
        "CloudWatchReadOnlyAccess",
        &[
            "cloudwatch:Describe*",
            "cloudwatch:Get*",
            "cloudwatch:List*",
            "logs:Get*",
            "logs:Describe*",
        ],
    ),
    (
        "ElasticLoadBalancingFullAccess",
        &["elasticloadbalancing:*", "ec2:Describe*"],
    ),
    ("IAMFullAccess", &["iam:*"]),
    (
        "IAMReadOnlyAccess",
        &["iam:Generate*", "iam:Get*", "iam:List*", "iam:Simulate*"],
    ),
    (
        "SecretsManagerReadWrite",
        &[
            "secretsmanager:*",
            "kms:DescribeKey",
            "kms:ListAliases",
            "kms:ListKeys",
            "tag:GetResources",
        ],
    ),
    (
        "AWSKeyManagementServicePowerUser",
        &[
            "kms:CreateAlias",
            "kms:CreateKey",
            "kms:DeleteAlias",
            "kms:Describe*",
            "kms:GenerateRandom",
            "kms:Get*",
            "kms:List*",
            "kms:TagResource",
            "kms:UntagResource",
            "iam:ListRoles",
            "iam:ListUsers",
        ],
    ),
    (
        "AmazonSSMManagedInstanceCore",
        &[
            "ssm:DescribeDocument",
            "ssm:GetParameter",
            "ssm:GetParameters",
            "ssm:PutInventory",
            "ssm:UpdateInstanceInformation",
            "ssmmessages:*",
            "ec2messages:*",
        ],
    ),
    (
        "service-role/AmazonECSTaskExecutionRolePolicy",
        &[
            "ecr:GetAuthorizationToken",
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    ),
    (
        "service-role/AmazonEC2ContainerServiceforEC2Role",
        &[
            "ec2:DescribeTags",
            "ecs:CreateCluster",
            "ecs:DeregisterContainerInstance",
            "ecs:DiscoverPollEndpoint",
            "ecs:Poll",
            "ecs:RegisterContainerInstance",
            "ecs:StartTelemetrySession",
            "ecs:UpdateContainerInstancesState",
            "ecs:Submit*",
            "ecr:GetAuthorizationToken",
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    ),
    (
        "service-role/AmazonEC2ContainerServiceAutoscaleRole",
        &[
            "ecs:DescribeServices",
            "ecs:UpdateService",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:PutMetricAlarm",
        ],
    ),
    (
        "service-role/AmazonRDSEnhancedMonitoringRole",
        &[
            "logs:CreateLogGroup",
            "logs:PutRetentionPolicy",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "logs:DescribeLogStreams",
            "logs:GetLogEvents",
        ],
    ),
    (
        "service-role/AWSLambdaBasicExecutionRole",
        &[
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    ),
    ("service-role/AWSCodeDeployRoleForECS", &[]),
    (
        "aws-service-role/AmazonECSServiceRolePolicy",
        &[
            "ec2:AttachNetworkInterface",
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
            "ec2:Describe*",
            "ec2:DetachNetworkInterface",
            "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:Describe*",
            "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
            "elasticloadbalancing:RegisterTargets",
            "route53:*",
            "servicediscovery:*",
            "autoscaling:*",
            "cloudwatch:*",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    ),
    (
        "aws-service-role/AmazonRDSServiceRolePolicy",
        &[
            "rds:CrossRegionCommunication",
            "ec2:*",
            "logs:*",
            "cloudwatch:PutMetricData",
            "secretsmanager:*",
            "kms:*",
        ],
    ),
    (
        "aws-service-role/AWSElasticLoadBalancingServiceRolePolicy",
        &["ec2:*", "logs:*", "outposts:GetOutpostInstanceTypes"],
    ),
    (
        "aws-service-role/AWSApplicationAutoscalingECSServicePolicy",
        &[
            "ecs:DescribeServices",
            "ecs:UpdateService",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:DeleteAlarms",
        ],
    ),
    (
        "aws-service-role/AWSApplicationAutoscalingRDSClusterPolicy",
        &[
            "rds:AddTagsToResource",
            "rds:CreateDBInstance",
            "rds:DeleteDBInstance",
            "rds:DescribeDBClusters",
            "rds:DescribeDBInstances",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:DeleteAlarms",
        ],
    ),
    (
        "aws-service-role/ECRReplicationServiceRolePolicy",
        &["ecr:CreateRepository", "ecr:ReplicateImage"],
    ),
    (
        "aws-service-role/AWSECRPullThroughCache_ServiceRolePolicy",
        &["ecr:*", "secretsmanager:GetSecretValue"],
    ),
    (
        "aws-service-role/ECRTemplateServiceRolePolicy",
        &[
            "ecr:CreateRepository",
            "ecr:TagResource",
            "kms:CreateGrant",
            "kms:DescribeKey",
        ],
    ),
    (
        "aws-service-role/AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy",
        &["kms:SynchronizeMultiRegionKey"],
    ),
    (
        "aws-service-role/AutoScalingServiceRolePolicy",
        &["ec2:*", "elasticloadbalancing:*", "cloudwatch:*"],
    ),
    (
        "aws-service-role/ElastiCacheServiceRolePolicy",
        &["ec2:*", "logs:*", "cloudwatch:PutMetricData"],
    ),
    (
        "aws-service-role/AWSBackupServiceLinkedRolePolicyForBackup",
        &["rds:*", "ec2:*", "tag:GetResources"],
    ),
    (
        "aws-service-role/CloudWatchEventsServiceRolePolicy",
        &[
            "cloudwatch:DescribeAlarms",
            "ec2:Describe*",
            "ec2:RebootInstances",
        ],
    ),
    (
        "aws-service-role/ServiceQuotasServiceRolePolicy",
        &["support:*"],
    ),
];

fn allowing(actions: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    })
}

/// The few whose shape is more than a list of actions.
fn document(name: &str, actions: &[&str]) -> Value {
    match name {
        "service-role/AWSCodeDeployRoleForECS" => json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": [
                        "ecs:DescribeServices", "ecs:CreateTaskSet",
                        "ecs:UpdateServicePrimaryTaskSet", "ecs:DeleteTaskSet",
                        "elasticloadbalancing:DescribeTargetGroups",
                        "elasticloadbalancing:DescribeListeners",
                        "elasticloadbalancing:ModifyListener",
                        "elasticloadbalancing:DescribeRules", "elasticloadbalancing:ModifyRule",
                        "lambda:InvokeFunction", "cloudwatch:DescribeAlarms", "sns:Publish",
                        "s3:GetObject", "s3:GetObjectVersion",
                    ],
                    "Resource": "*",
                },
                {
                    "Effect": "Allow",
                    "Action": ["iam:PassRole"],
                    "Resource": "*",
                    "Condition": {"StringLike": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}},
                },
            ],
        }),
        "AmazonECS_FullAccess" => {
            let mut whole = allowing(actions);
            if let Some(statements) = whole["Statement"].as_array_mut() {
                statements.push(json!({
                    "Effect": "Allow",
                    "Action": "iam:PassRole",
                    "Resource": "*",
                    "Condition": {"StringLike": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
                }));
            }
            whole
        }
        _ => allowing(actions),
    }
}

fn table() -> &'static BTreeMap<String, Builtin> {
    static TABLE: OnceLock<BTreeMap<String, Builtin>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = BTreeMap::new();
        let mut add = |name: &str, document: Value| {
            let arn = format!("arn:aws:iam::aws:policy/{name}");
            let Ok(policy) = Policy::parse(&document.to_string(), Use::Identity) else { return };
            let hash = crate::clock::Dice(0).hash(&[&arn], 0);
            let id = format!("ANPA{hash:016X}");
            table.insert(arn.clone(), Builtin { arn, id, policy });
        };
        for (name, actions) in ALLOWING {
            add(name, document(name, actions));
        }
        add(
            "PowerUserAccess",
            json!({
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
                    {
                        "Effect": "Allow",
                        "Action": [
                            "iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole",
                            "iam:ListRoles", "organizations:DescribeOrganization",
                            "account:ListRegions", "account:GetAccountInformation",
                        ],
                        "Resource": "*",
                    },
                ],
            }),
        );
        table
    })
}

pub fn find(arn: &str) -> Option<&'static Builtin> {
    table().get(arn)
}

pub fn all() -> impl Iterator<Item = &'static Builtin> {
    table().values()
}

impl Builtin {
    /// `/` or `/service-role/`.
    pub fn path(&self) -> &str {
        let path = self.arn.split_once(":policy").map_or("/", |(_, path)| path);
        path.rfind('/').map_or("/", |end| &path[..=end])
    }

    pub fn json(&self, attachments: usize, boundaries: usize) -> Value {
        json!({
            "PolicyName": super::grants::last(&self.arn),
            "PolicyId": self.id,
            "Arn": self.arn,
            "Path": self.path(),
            "DefaultVersionId": "v1",
            "AttachmentCount": attachments,
            "PermissionsBoundaryUsageCount": boundaries,
            "IsAttachable": true,
            "CreateDate": CREATED,
            "UpdateDate": CREATED,
        })
    }

    pub fn version_json(&self, document: bool) -> Value {
        let mut out = json!({"VersionId": "v1", "IsDefaultVersion": true, "CreateDate": CREATED});
        if document {
            out["Document"] = json!(encoded(&self.policy.text));
        }
        out
    }
}
