//! One file or folder per service: its state, its operations, its events.
//!
//! A service is a row in [`SERVICES`]. It knows its own state and calls the `pub` functions of other services; it never
//! touches another service's rows, and never writes bytes.

use crate::clock::Nanos;
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, Output, World};

pub mod acm;
pub mod autoscaling;
pub mod cloudwatch;
pub(crate) mod dark;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod iam;
pub mod kms;
pub mod logs;
pub mod quotas;
pub mod rds;
pub mod route53;
pub mod s3;
pub mod secrets;
pub mod ssm;
pub mod sts;
pub mod tagging;

#[cfg(test)]
mod histories;

/// Which service. `id` is botocore's name of it, `signing` the name in SigV4 scopes and IAM actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceId {
    Acm,
    Autoscaling,
    Cloudwatch,
    Ec2,
    Ecr,
    Ecs,
    Elbv2,
    Iam,
    Kms,
    Logs,
    Quotas,
    Rds,
    Route53,
    S3,
    Secrets,
    Ssm,
    Sts,
    Tagging,
}

/// What an operation is allowed to do only if IAM says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// For instance `rds:CopyDBSnapshot`.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// Condition keys and their values, beyond the global ones.
    pub context: Vec<(String, String)>,
}

/// A service's seat in the world.
pub struct Service {
    pub id: ServiceId,
    pub handle: fn(&mut Cx<'_>, &str, &Input) -> Result<Output, AwsError>,
    pub happen: fn(&mut World, &Event),
    /// The permissions that an operation needs. The default ([`whole_service`]) asks for the operation on `*`.
    pub wants: fn(&Cx<'_>, &str, &Input) -> Vec<Wanted>,
}

pub const SERVICES: &[Service] = &[
    acm::SERVICE,
    autoscaling::SERVICE,
    cloudwatch::SERVICE,
    ec2::SERVICE,
    ecr::SERVICE,
    ecs::SERVICE,
    elbv2::SERVICE,
    iam::SERVICE,
    kms::SERVICE,
    logs::SERVICE,
    quotas::SERVICE,
    rds::SERVICE,
    route53::SERVICE,
    s3::SERVICE,
    secrets::SERVICE,
    ssm::SERVICE,
    sts::SERVICE,
    tagging::SERVICE,
];

/// `id`: botocore's service name (the model's file name); `signing`: the SigV4 service and IAM prefix.
impl ServiceId {
    pub fn id(self) -> &'static str {
        match self {
            ServiceId::Acm => "acm",
            ServiceId::Autoscaling => "application-autoscaling",
            ServiceId::Cloudwatch => "cloudwatch",
            ServiceId::Ec2 => "ec2",
            ServiceId::Ecr => "ecr",
            ServiceId::Ecs => "ecs",
            ServiceId::Elbv2 => "elbv2",
            ServiceId::Iam => "iam",
            ServiceId::Kms => "kms",
            ServiceId::Logs => "logs",
            ServiceId::Quotas => "service-quotas",
            ServiceId::Rds => "rds",
            ServiceId::Route53 => "route53",
            ServiceId::S3 => "s3",
            ServiceId::Secrets => "secretsmanager",
            ServiceId::Ssm => "ssm",
            ServiceId::Sts => "sts",
            ServiceId::Tagging => "resourcegroupstaggingapi",
        }
    }

    /// The service in a SigV4 scope.
    pub fn signing(self) -> &'static str {
        match self {
            ServiceId::Cloudwatch => "monitoring",
            ServiceId::Elbv2 => "elasticloadbalancing",
            ServiceId::Quotas => "servicequotas",
            ServiceId::Tagging => "tagging",
            other => other.id(),
        }
    }

    /// The service in an IAM action and in most ARNs.
    pub fn action_prefix(self) -> &'static str {
        match self {
            ServiceId::Cloudwatch => "cloudwatch",
            other => other.signing(),
        }
    }

    /// The service that botocore calls so.
    pub fn named(id: &str) -> Option<ServiceId> {
        SERVICES.iter().map(|s| s.id).find(|s| s.id() == id)
    }

    pub fn service(self) -> &'static Service {
        SERVICES
            .iter()
            .find(|s| s.id == self)
            .unwrap_or_else(|| unreachable!("every id has a row"))
    }
}

/// The operation itself, on every resource.
pub fn whole_service(cx: &Cx<'_>, operation: &str, _: &Input) -> Vec<Wanted> {
    vec![Wanted {
        action: format!("{}:{operation}", cx.service.action_prefix()),
        resource: "*".into(),
        context: vec![],
    }]
}

/// For services in which nothing happens by itself.
pub fn nothing_happens(_: &mut World, _: &Event) {}

/// Lets an event of the world happen. ECS's events of no account happen outside AWS, to users.
pub fn happen(world: &mut World, event: &Event) {
    if event.service == ServiceId::Ecs && event.account.is_empty() {
        crate::plane::users::happen(world, event);
    } else {
        (event.service.service().happen)(world, event);
    }
}

/// What an account has that is global.
#[derive(Clone, Default)]
pub struct Account {
    pub iam: iam::State,
    pub route53: route53::State,
}

impl Account {
    pub fn new(account: &str) -> Account {
        Account {
            iam: iam::State::new(account),
            route53: route53::State::default(),
        }
    }
}

impl Place {
    /// Forgets what no reader sees any more, where rows come and go.
    pub fn forget(&mut self, now: Nanos) {
        self.ec2.forget(now);
        self.ecs.forget(now);
        self.elbv2.forget(now);
        self.rds.forget(now);
    }
}

/// What an account has in one region.
#[derive(Clone, Default)]
pub struct Place {
    pub acm: acm::State,
    pub autoscaling: autoscaling::State,
    pub cloudwatch: cloudwatch::State,
    pub ec2: ec2::State,
    pub ecr: ecr::State,
    pub ecs: ecs::State,
    pub elbv2: elbv2::State,
    pub kms: kms::State,
    pub logs: logs::State,
    pub quotas: quotas::State,
    pub rds: rds::State,
    pub secrets: secrets::State,
    pub ssm: ssm::State,
}
