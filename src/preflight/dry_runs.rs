//! Dry runs: EC2 judges the real requests, and makes nothing. Only it can; everything else is asked of IAM's simulator.

use drtool_engine::step::Mark;

use super::{Ground, Report, permissions};
use crate::cloud::Tags;
use crate::cloud::ec2::DryRun;
use crate::cloud::error::CloudError;
use crate::steps;

/// AWS judges the real requests, and makes nothing.
pub async fn ask(ground: &Ground<'_>, report: &mut Report) {
    let to = ground.to().to_owned();
    let plan = ground.plan();
    let tags = Tags::from([
        (Mark::STACK.to_owned(), plan.stack.clone()),
        (Mark::LINEAGE.to_owned(), plan.lineage.clone()),
    ]);
    let cloud = ground.cloud();
    if let Some((_, vpc)) = ground.steps::<steps::vpc::Vpc>(steps::vpc::KIND).first() {
        let answer = cloud.may_create_vpc(&to, &vpc.cidr, &tags).await;
        dry_run(ground, "ec2:CreateVpc", answer, report);
    }
    let wants = |kind: &str| plan.steps.iter().any(|s| s.kind == kind && !s.hold);
    if wants(steps::internet_gateway::KIND) {
        let answer = cloud.may_create_internet_gateway(&to, &tags).await;
        dry_run(ground, "ec2:CreateInternetGateway", answer, report);
    }
    if wants(steps::elastic_ip::KIND) {
        let answer = cloud.may_allocate_address(&to, &tags).await;
        dry_run(ground, "ec2:AllocateAddress", answer, report);
    }
}

fn dry_run(
    ground: &Ground<'_>,
    action: &str,
    answer: Result<DryRun, CloudError>,
    report: &mut Report,
) {
    let to = ground.to();
    let label = format!("{to} {action}");
    match report.seen(&format!("a dry run of {action} in {to}"), answer) {
        Some(DryRun::Allowed) => {
            report.permissions.simulated.remove(&label);
            report.permissions.unknown.remove(&label);
            report.permissions.shown.insert(label);
        }
        Some(DryRun::Denied) => {
            report.permissions.simulated.remove(&label);
            permissions::judge(
                to,
                action,
                &[],
                &ground.subject.who.arn,
                "a dry run",
                report,
            );
        }
        None => {}
    }
}
