//! What a plan may not say, whoever wrote it: a plan can also come from a file. Pure.

use std::collections::BTreeSet;

use super::{Graph, Plan, Planned, Proof};
use crate::name::StepId;
use crate::step::{Effect, Kinds, ParseError, nearest};

/// Something wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// A code of drtool's list.
    pub code: &'static str,
    pub step: Option<StepId>,
    pub what: String,
    pub hint: Option<String>,
}

impl Flaw {
    fn new(code: &'static str, step: &Planned, what: String) -> Self {
        Flaw {
            code,
            step: Some(step.id.clone()),
            what,
            hint: None,
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Flaw {}

/// Everything wrong with the steps as such: names, needs, order, bounds. Kinds are not looked at.
pub fn check(plan: &Plan) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut ids = BTreeSet::new();
    for step in &plan.steps {
        if !ids.insert(&step.id) {
            flaws.push(Flaw::new(
                "E1150",
                step,
                format!("there are two steps `{}`", step.id),
            ));
        }
    }
    for step in &plan.steps {
        names(plan, step, &ids, &mut flaws);
        bounds(step, &mut flaws);
    }
    let graph = Graph::of(plan);
    match graph.order() {
        Err(circle) => flaws.push(cycle(plan, &circle)),
        Ok(_) => {
            for (at, step) in plan.steps.iter().enumerate() {
                gates(plan, &graph, at, &mut flaws);
                if step.effect == Effect::Cuts && !step.hold {
                    cut(plan, &graph, at, &mut flaws);
                }
            }
        }
    }
    flaws
}

fn names(plan: &Plan, step: &Planned, ids: &BTreeSet<&StepId>, flaws: &mut Vec<Flaw>) {
    for need in &step.needs {
        for (word, named) in [
            ("needs", Some(&need.step)),
            ("keeps a need until", need.keep_until.as_ref()),
        ] {
            let Some(named) = named.filter(|named| !ids.contains(named)) else {
                continue;
            };
            let flaw = Flaw::new(
                "E1042",
                step,
                format!(
                    "step `{}` {word} `{named}`, which is not in the plan",
                    step.id
                ),
            );
            flaws.push(
                match nearest(named.as_str(), ids.iter().map(|id| id.as_str())) {
                    Some(near) => flaw.hint(format!("did you mean `{near}`?")),
                    None => flaw,
                },
            );
        }
    }
    if !plan.phases.is_empty() && !plan.phases.iter().any(|phase| phase.name == step.phase) {
        let what = format!(
            "step `{}` is in phase `{}`, which is not in the plan",
            step.id, step.phase
        );
        flaws.push(Flaw::new("E1155", step, what));
    }
}

fn bounds(step: &Planned, flaws: &mut Vec<Flaw>) {
    let mut zero = |what: &str| {
        flaws.push(Flaw::new(
            "E1084",
            step,
            format!("step `{}` has {what} of 0", step.id),
        ));
    };
    if step.limits.deadline == 0 {
        zero("a deadline");
    }
    if step.limits.begins == 0 {
        zero("a number of begins");
    }
    if step.lane.as_ref().is_some_and(|lane| lane.width == 0) {
        zero("a lane with a width");
    }
    if step
        .confirm
        .as_ref()
        .is_some_and(|confirm| confirm.timeout == 0 && confirm.given.is_none())
    {
        zero("a confirmation with a time-out");
    }
    for need in &step.needs {
        if need.fresh == Some(0) {
            zero(&format!("a freshness of `{}`", need.step));
        }
        if need.settle.is_some_and(|passes| passes.count == 0) {
            zero(&format!("a number of passes of `{}`", need.step));
        }
    }
}

fn cycle(plan: &Plan, circle: &[usize]) -> Flaw {
    let mut ids: Vec<&str> = circle
        .iter()
        .map(|at| plan.steps[*at].id.as_str())
        .collect();
    ids.extend(ids.first().copied());
    Flaw {
        code: "E1043",
        step: circle.first().map(|at| plan.steps[*at].id.clone()),
        what: format!("steps need each other in a circle: {}", ids.join(" → ")),
        hint: None,
    }
}

fn gates(plan: &Plan, graph: &Graph, at: usize, flaws: &mut Vec<Flaw>) {
    let step = &plan.steps[at];
    for need in &step.needs {
        let (Some(on), Some(until)) = (
            graph.position(&need.step),
            need.keep_until
                .as_ref()
                .and_then(|until| graph.position(until)),
        ) else {
            continue;
        };
        if on == until || !graph.before([until])[on] {
            let what = format!(
                "`{}` is to be kept until `{}`, which does not come after it",
                need.step, plan.steps[until].id
            );
            flaws.push(Flaw::new("E1154", step, what));
        }
    }
}

/// Users are sent only to what was just seen to work, and only while the source is seen to be shut.
fn cut(plan: &Plan, graph: &Graph, at: usize, flaws: &mut Vec<Flaw>) {
    let step = &plan.steps[at];
    let evidence = |proof: Proof, sure: fn(&super::Need) -> bool| {
        step.needs.iter().any(|need| {
            sure(need)
                && plan
                    .step(&need.step)
                    .is_some_and(|on| on.proof == Some(proof) && !on.hold)
        })
    };
    if !evidence(Proof::Health, |need| need.fresh.is_some()) {
        let what = format!(
            "step `{}` moves users without a fresh proof that the target serves",
            step.id
        );
        flaws.push(Flaw::new("E1045", step, what).hint("need a deep check, with `fresh`"));
    }
    let fences: Vec<usize> = (0..plan.steps.len())
        .filter(|other| plan.steps[*other].effect == Effect::Fences && !plan.steps[*other].hold)
        .collect();
    if fences.is_empty() || plan.approved("unfenced").is_some() {
        return;
    }
    if !evidence(Proof::Fence, |need| {
        need.fresh.is_some() && need.keep_until.is_some()
    }) {
        let what = format!(
            "step `{}` moves users without a proof, kept until then, that the source takes no writes",
            step.id
        );
        flaws.push(
            Flaw::new("E1045", step, what)
                .hint("need the proof of the fence, with `fresh` and `keep_until`"),
        );
    }
    let before = graph.before([at]);
    for fence in fences.into_iter().filter(|fence| !before[*fence]) {
        let what = format!(
            "step `{}` moves users before `{}` has fenced the source",
            step.id, plan.steps[fence].id
        );
        flaws.push(Flaw::new("E1045", step, what));
    }
}

/// Everything wrong with what the steps' kinds are told: parameters, and references between them.
pub fn check_kinds<E>(plan: &Plan, kinds: &Kinds<E>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let graph = Graph::of(plan);
    let before: Vec<Vec<bool>> = (0..plan.steps.len()).map(|at| graph.before([at])).collect();
    for (at, step) in plan.steps.iter().enumerate() {
        for params in std::iter::once(&step.params).chain(&step.alternatives) {
            let act = match kinds.parse(&step.kind, params) {
                Ok(act) => act,
                Err(error) => {
                    flaws.push(wrong(step, &error));
                    continue;
                }
            };
            for reference in act.references() {
                let Some(on) = graph.position(&reference.step) else {
                    let what = format!(
                        "step `{}` refers to `{}`, which is not in the plan",
                        step.id, reference.step
                    );
                    flaws.push(Flaw::new("E1042", step, what));
                    continue;
                };
                if on == at || !before[at][on] {
                    let what = format!(
                        "step `{}` uses what `{}` yields, but does not come after it",
                        step.id, reference.step
                    );
                    flaws.push(
                        Flaw::new("E1153", step, what)
                            .hint(format!("let it need `{}`", reference.step)),
                    );
                }
                let yields = kinds
                    .get(&plan.steps[on].kind)
                    .map(|kind| kind.yields)
                    .unwrap_or_default();
                if let Some(wanted) = reference
                    .yields
                    .as_deref()
                    .filter(|wanted| *wanted != yields)
                {
                    let what = format!(
                        "step `{}` needs {} from `{}`, which yields {yields}",
                        step.id,
                        article(wanted),
                        reference.step
                    );
                    flaws.push(Flaw::new("E1152", step, what));
                }
            }
        }
    }
    flaws
}

fn wrong(step: &Planned, error: &ParseError) -> Flaw {
    let cause = std::error::Error::source(error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    let flaw = Flaw::new("E1151", step, format!("step `{}`: {error}{cause}", step.id));
    match error {
        ParseError::UnknownKind {
            nearest: Some(near),
            ..
        } => flaw.hint(format!("did you mean `{near}`?")),
        _ => flaw,
    }
}

fn article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {word}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Approval, Need};
    use crate::run::tests::toy::{self, Guard, KINDS, migrate, thing};

    fn said(plan: &Plan) -> Vec<String> {
        check(plan)
            .iter()
            .map(|flaw| format!("{}: {flaw}", flaw.code))
            .collect()
    }

    #[test]
    fn a_sound_plan_has_no_flaws() {
        assert_eq!(said(&migrate()), Vec::<String>::new());
        assert_eq!(check_kinds(&migrate(), &Kinds::new(&KINDS)), vec![]);
    }

    #[test]
    fn a_circle_is_shown() {
        let mut plan = migrate();
        plan.steps[3].needs.push(Need::on(toy::id("restore")));
        assert_eq!(
            said(&plan),
            [
                "E1043: steps need each other in a circle: seed → restore → copy → snapshot → watermark → fenced → desired → seed"
            ]
        );
    }

    #[test]
    fn names_that_are_not_there_are_told_with_the_nearest_that_is() {
        let mut plan = toy::plan(vec![
            thing("restore", Guard::Name, 1, &[]),
            thing("b", Guard::Name, 1, &["restor"]),
        ]);
        plan.steps[1].phase = "later".into();
        let flaws = check(&plan);
        assert_eq!(
            said(&plan)[0],
            "E1042: step `b` needs `restor`, which is not in the plan"
        );
        assert_eq!(flaws[0].hint.as_deref(), Some("did you mean `restore`?"));
        assert_eq!(
            said(&plan)[1],
            "E1155: step `b` is in phase `later`, which is not in the plan"
        );
    }

    #[test]
    fn users_are_not_sent_anywhere_unproven() {
        let cut = |plan: &mut Plan, change: fn(&mut Need)| {
            plan.steps
                .iter_mut()
                .filter(|step| step.effect == Effect::Cuts)
                .for_each(|step| {
                    step.needs.iter_mut().for_each(change);
                });
        };
        let mut plan = migrate();
        cut(&mut plan, |need| need.fresh = None);
        assert_eq!(
            said(&plan),
            [
                "E1045: step `dns` moves users without a fresh proof that the target serves",
                "E1045: step `dns` moves users without a proof, kept until then, that the source takes no writes"
            ]
        );
        let mut plan = migrate();
        cut(&mut plan, |need| need.keep_until = None);
        assert_eq!(said(&plan).len(), 1);
        plan.approvals.push(Approval {
            what: "unfenced".into(),
            by: "owner".into(),
            why: "the region is gone".into(),
        });
        assert_eq!(said(&plan).len(), 0);
    }

    #[test]
    fn references_are_checked_by_what_they_yield_and_where_they_stand() {
        let mut plan = migrate();
        plan.steps[8].params["from"] = "fenced".into();
        plan.steps[3].params["from"] = "copy".into();
        plan.steps[1].kind = "thimg".into();
        let flaws = check_kinds(&plan, &Kinds::new(&KINDS));
        let said: Vec<String> = flaws
            .iter()
            .map(|flaw| format!("{}: {flaw}", flaw.code))
            .collect();
        assert_eq!(
            said,
            [
                "E1151: step `address`: there is no step kind `thimg`",
                "E1153: step `seed` uses what `copy` yields, but does not come after it",
                "E1152: step `copy` needs a toy from `fenced`, which yields setting"
            ]
        );
    }

    #[test]
    fn nothing_is_bounded_by_nothing() {
        let mut plan = toy::plan(vec![thing("a", Guard::Name, 1, &[])]);
        plan.steps[0].limits.deadline = 0;
        plan.steps[0].limits.begins = 0;
        assert_eq!(said(&plan).len(), 2);
    }
}
