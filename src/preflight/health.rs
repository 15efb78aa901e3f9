//! Health paths and matchers: a health check that the source fails today would fail in the target too, and then nothing is
//! ever cut.

use super::{Ground, Report};
use crate::steps;

pub async fn check(ground: &Ground<'_>, report: &mut Report) {
    let from = ground.from().to_owned();
    let wanted = ground.steps::<steps::target_group::TargetGroup>(steps::target_group::KIND);
    let groups: Vec<_> = ground
        .subject
        .capture
        .services
        .iter()
        .flat_map(|service| &service.load_balancers)
        .filter_map(|attached| {
            ground
                .subject
                .capture
                .target_group(&attached.target_group_arn)
        })
        .collect();
    for group in groups {
        let health = ground
            .cloud()
            .target_health(&from, &group.arn, ground.look)
            .await;
        let what = format!("the health of target group {} in {from}", group.name);
        let Some(health) = report.seen(&what, health) else {
            continue;
        };
        // With a path of its own in the manifest the source's answer says nothing about the target's.
        let kept = wanted.iter().any(|(_, made)| {
            made.health_check.path == group.health_check.path
                && made.health_check.matcher == group.health_check.matcher
        });
        let states: Vec<(&str, &str)> = health
            .iter()
            .map(|target| {
                let why = target.description.as_deref().or(target.reason.as_deref());
                (target.state.as_str(), why.unwrap_or_default())
            })
            .collect();
        let path = group.health_check.path.as_deref().unwrap_or_default();
        let matcher = group.health_check.matcher.as_deref().unwrap_or_default();
        judge(&from, &group.name, (path, matcher), &states, kept, report);
    }
}

/// Judges the targets of one group of the source: their states, and why.
fn judge(
    from: &str,
    group: &str,
    (path, matcher): (&str, &str),
    targets: &[(&str, &str)],
    kept: bool,
    report: &mut Report,
) {
    let place = format!("{from} target group {group}");
    if targets.iter().any(|(state, _)| *state == "healthy") {
        report.shown(format!(
            "{place} passes its health check ({path} answers {matcher})"
        ));
    } else if targets.is_empty() {
        report.note(format!(
            "{place} has no targets now: nothing shows that {path} answers {matcher}"
        ));
    } else if let Some((_, why)) = targets.iter().find(|(state, _)| *state == "unhealthy") {
        let what = format!(
            "no target passes the health check ({path} should answer {matcher}){}{why}",
            if why.is_empty() { "" } else { ": " }
        );
        if kept {
            report.finding(
                "E2100",
                place,
                format!("{what}; the target's tasks would fail it too"),
                "give the service `healthCheck: { path: …, matcher: … }` in the manifest that it answers, or mend the source first",
            );
        } else {
            report.note(format!(
                "{place}: {what}; the manifest asks something else of the target"
            ));
        }
    } else {
        let state = targets.first().map_or("", |(state, _)| state);
        report.note(format!(
            "{place}: its targets are {state}: nothing shows that {path} answers {matcher}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_the_source_fails_refuses_only_where_it_is_kept() {
        let of = |targets: &[(&str, &str)], kept| {
            let mut report = Report::default();
            judge("us-west-2", "web", ("/", "200"), targets, kept, &mut report);
            report.findings.first().map(|f| f.code)
        };
        let failing = [("unhealthy", "Health checks failed with these codes: [404]")];
        assert_eq!(of(&failing, true), Some("E2100"));
        assert_eq!(of(&failing, false), None);
        assert_eq!(of(&[("unhealthy", ""), ("healthy", "")], true), None);
        assert_eq!(of(&[("draining", "")], true), None);
        assert_eq!(of(&[], true), None);
    }
}
