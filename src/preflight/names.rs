//! Names: whose what stands under them already is. Every step looks as it will look in the run; a stranger's thing refuses, and
//! what this lineage made before is not made again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use drtool_engine::plan::{Expect, Planned};
use drtool_engine::step::{Class, Cx, Effect, Mark, Observed, Seat, StepError};
use drtool_engine::{RunId, StepId};
use serde_json::Value as Json;

use super::{Ground, Report};
use crate::env::Env;
use crate::steps;

/// What a step saw, as far as this topic cares.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sight {
    Free,
    /// Made before by this lineage, or as wanted.
    Standing,
    Stranger(String),
    /// The step would stop at it.
    Hopeless {
        code: &'static str,
        what: String,
    },
    Denied(String),
    /// It depends on what an earlier step makes.
    Later,
    Unseen(String),
}

/// The steps whose things stand already: they take nothing of a quota.
pub async fn check(ground: &Ground<'_>, report: &mut Report) -> BTreeSet<StepId> {
    let kinds = steps::kinds();
    let run = RunId::new(&ground.plan().seed);
    let mut outputs: BTreeMap<StepId, Arc<Json>> = BTreeMap::new();
    let mut standing = BTreeSet::new();
    let (mut looked, mut free) = (0, 0);
    let Ok(run) = run else {
        return standing;
    };
    for step in &ground.plan().steps {
        // A key has a topic of its own; a check asks what is not there yet.
        let asked = step.effect == Effect::Adds || step.kind == steps::dns_cut::KIND;
        if !asked || step.hold {
            continue;
        }
        let Ok(act) = kinds.parse(&step.kind, &step.params) else {
            continue;
        };
        let seat = seat(ground, step, &run, &outputs);
        let observed = act.observe(&Cx::<Env>::new(ground.env, &seat)).await;
        if let Ok(Observed::Ready(output, _)) = &observed {
            outputs.insert(step.id.clone(), Arc::new(output.clone()));
        }
        let sight = sight(observed);
        looked += u32::from(sight != Sight::Later);
        free += u32::from(sight == Sight::Free);
        if sight == Sight::Standing {
            standing.insert(step.id.clone());
        }
        judge(step, sight, report);
    }
    secrets(ground, &standing, report).await;
    report.shown(format!(
        "{free} of {looked} names that can be looked at now are free, {} stand already and are this stack's",
        standing.len()
    ));
    standing
}

/// A replica is looked at through its primary, which knows nothing of a stranger's secret of that name in the target.
async fn secrets(ground: &Ground<'_>, standing: &BTreeSet<StepId>, report: &mut Report) {
    for (step, wanted) in
        ground.steps::<steps::secret_replica::SecretReplica>(steps::secret_replica::KIND)
    {
        if standing.contains(&step.id) {
            continue;
        }
        let (region, name) = (wanted.region.as_str(), wanted.name.as_str());
        let found = ground.cloud().secret(region, name, ground.look).await;
        let Some(found) = report.seen(&format!("secret {name} in {region}"), found) else {
            continue;
        };
        if let Some(secret) = found.as_ref() {
            report.finding(
                "E2070",
                format!("{region} secret {name}"),
                format!("{} exists and is no replica of the source's", secret.arn),
                "remove or rename it if nobody needs it; drtool never takes over or deletes what it did not make",
            );
        }
    }
}

fn seat(
    ground: &Ground<'_>,
    step: &Planned,
    run: &RunId,
    outputs: &BTreeMap<StepId, Arc<Json>>,
) -> Seat {
    let plan = ground.plan();
    Seat {
        place: step.region.clone(),
        mark: Mark {
            stack: plan.stack.clone(),
            lineage: plan.lineage.clone(),
            run: run.clone(),
            step: step.id.clone(),
            intent: Seat::intent(&plan.lineage, run, &step.id, 0),
        },
        outputs: outputs.clone(),
        attempt: 0,
        handles: Vec::new(),
        first_sent: None,
        since: ground.subject.capture.taken,
        now: ground.subject.capture.taken,
        adopt: match &step.expect {
            Expect::New => None,
            Expect::Adopt(id) => Some(id.clone()),
        },
        look: ground.look,
    }
}

fn sight(observed: Result<Observed<Json>, StepError>) -> Sight {
    match observed {
        Ok(Observed::Absent) => Sight::Free,
        Ok(Observed::Ready(..) | Observed::Underway { .. } | Observed::Partial { .. }) => {
            Sight::Standing
        }
        Ok(Observed::Foreign(why)) => Sight::Stranger(why),
        Ok(Observed::Unseen(why)) => Sight::Unseen(why),
        Err(error) if error.code.starts_with("E49") => Sight::Later,
        Err(error) => refused(&error),
    }
}

fn refused(error: &StepError) -> Sight {
    let detail = &error.detail;
    let action = match (&detail.service, &detail.operation) {
        (Some(service), Some(operation)) => Some(format!("{service}:{operation}")),
        _ => None,
    };
    let denied = ["AccessDenied", "UnauthorizedOperation", "NotAuthorized"]
        .iter()
        .any(|code| error.what.starts_with(code));
    match (action, error.class) {
        (Some(action), _) if denied => Sight::Denied(action),
        // AWS's own refusal of a look says nothing about the thing.
        (Some(action), _) => Sight::Unseen(format!("{action}: {}", error.what)),
        (None, Class::Fail | Class::Pause | Class::Scarce) => Sight::Hopeless {
            code: error.code,
            what: error.what.clone(),
        },
        (None, Class::Retry | Class::Wait | Class::Unreadable) => Sight::Unseen(error.what.clone()),
    }
}

fn judge(step: &Planned, sight: Sight, report: &mut Report) {
    let place = format!("{} {}", step.region, step.title);
    match sight {
        Sight::Free | Sight::Standing | Sight::Later => {}
        Sight::Stranger(why) if step.effect == Effect::Cuts => {
            report.finding(
                "E2073",
                place,
                why,
                "put the record back, or let `drtool capture` and `drtool plan` take it in",
            );
        }
        Sight::Stranger(why) => {
            report.finding(
                "E2070",
                place,
                why,
                "remove or rename it if nobody needs it; drtool never takes over or deletes what it did not make",
            );
            report.hint("or choose another region of `targets:` with --to");
        }
        Sight::Hopeless { code, what } => {
            report.finding(
                "E2071",
                place,
                format!("step `{}` would stop here ({code}): {what}", step.id),
                "mend it, then: drtool plan",
            );
        }
        Sight::Denied(action) => {
            report.finding(
                "E2090",
                step.region.to_string(),
                format!("the caller may not {action}, which the run looks with"),
                "`drtool iam` prints the policy that the caller needs",
            );
        }
        Sight::Unseen(why) => {
            let line = format!("{place}: {why}");
            if !report.unseen.contains(&line) {
                report.unseen.push(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drtool_engine::Place;
    use serde_json::json;

    fn found(sight: Sight, effect: Effect) -> Option<&'static str> {
        let step = Planned::new(
            StepId::new("data/restore").unwrap(),
            "db-instance",
            json!({}),
            Place::new("eu-west-1").unwrap(),
            effect,
        );
        let mut report = Report::default();
        judge(&step, sight, &mut report);
        report.findings.first().map(|f| f.code)
    }

    #[test]
    fn a_stranger_refuses_and_what_is_ours_does_not() {
        let stranger = || sight(Ok(Observed::Foreign("somebody else made it".into())));
        assert_eq!(found(stranger(), Effect::Adds), Some("E2070"));
        assert_eq!(found(stranger(), Effect::Cuts), Some("E2073"));
        let ready = Observed::Ready(json!({}), drtool_engine::step::Claim::Ours);
        assert_eq!(found(sight(Ok(ready)), Effect::Adds), None);
        assert_eq!(found(sight(Ok(Observed::Absent)), Effect::Adds), None);
    }

    #[test]
    fn a_look_that_fails_refuses_only_if_it_shows_something() {
        let denied = StepError::pause("E4010", "AccessDenied: not for you")
            .call("rds", "DescribeDBInstances");
        assert_eq!(found(sight(Err(denied)), Effect::Adds), Some("E2090"));
        let broken = StepError::new("E4010", Class::Retry, "InternalFailure")
            .call("rds", "DescribeDBInstances");
        assert_eq!(found(sight(Err(broken)), Effect::Adds), None);
        let failed = StepError::fail("E4362", "DB instance redmine-db is failed");
        assert_eq!(found(sight(Err(failed)), Effect::Adds), Some("E2071"));
        let later = StepError::fail("E4901", "uses a step that has not run");
        assert_eq!(sight(Err(later)), Sight::Later);
    }
}
