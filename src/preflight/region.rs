//! The caller, the partition, and whether the account may use both regions.

use super::{Ground, Report};

/// Whether the rest can be asked at all: a region that is not enabled answers nothing.
pub async fn check(ground: &Ground<'_>, report: &mut Report) -> bool {
    let who = &ground.subject.who;
    partition(ground, report);
    let mut usable = true;
    for region in [ground.from(), ground.to()] {
        let status = ground.cloud().region_status(ground.from(), region).await;
        let what = format!("whether {region} is enabled");
        let Some(status) = report.seen(&what, status) else {
            continue;
        };
        if judge(region, &who.account, status.as_deref(), report) {
            report.shown(format!("{region} is enabled for account {}", who.account));
        } else {
            usable = false;
        }
    }
    if !usable {
        report
            .unseen
            .push("everything else: a region that is not enabled answers nothing".into());
    }
    usable
}

fn partition(ground: &Ground<'_>, report: &mut Report) {
    let who = &ground.subject.who;
    let wanted = ground.subject.to.partition();
    if who.partition == wanted {
        report.shown(format!(
            "the caller is {} of account {} in partition {}",
            who.arn, who.account, who.partition
        ));
    } else {
        report.finding(
            "E2021",
            ground.to(),
            format!(
                "these credentials are of partition {}, the region is of {wanted}",
                who.partition
            ),
            "say --profile with credentials of that partition",
        );
    }
}

/// Whether a region with this opt-in status can be used.
fn judge(region: &str, account: &str, status: Option<&str>, report: &mut Report) -> bool {
    match status {
        Some("opt-in-not-required" | "opted-in") => true,
        Some(other) => {
            report.finding(
                "E2022",
                region,
                format!("the region is not enabled for account {account} ({other})"),
                format!(
                    "aws account enable-region --region-name {region}; it takes minutes to hours"
                ),
            );
            report.hint("or choose another region of `targets:` with --to");
            false
        }
        None => {
            report.finding(
                "E2022",
                region,
                "AWS knows no region of that name",
                "correct `targets:` in the manifest",
            );
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_enabled_region_is_usable() {
        for (status, usable) in [
            (Some("opt-in-not-required"), true),
            (Some("opted-in"), true),
            (Some("not-opted-in"), false),
            (Some("reconsidering"), false),
            (None, false),
        ] {
            let mut report = Report::default();
            assert_eq!(
                judge("eu-south-1", "111122223333", status, &mut report),
                usable
            );
            assert_eq!(report.refuses(), !usable, "{status:?}");
        }
    }
}
