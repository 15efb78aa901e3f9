//! Plans as people read them. Knows the plan and nothing else: a saved plan prints the same anywhere.

pub mod preflight;

use std::fmt::Write;

use drtool_engine::plan::{Plan, Planned, Proof};
use drtool_engine::step::Effect;

use crate::expand::cost::{self, Per};
use crate::expand::estimate::Range;
use crate::expand::facts::Facts;
use crate::expand::permissions;
use crate::manifest::Span;
use crate::printable::Printable;

/// The whole plan. `everything` adds what each step waits for.
pub fn plan(plan: &Plan, colour: bool, everything: bool) -> String {
    let facts: Option<Facts> = serde_json::from_value(plan.facts.clone()).ok();
    let mut page = Page {
        text: String::new(),
        paint: Paint { colour },
    };
    match &facts {
        Some(facts) => page.head(plan, facts),
        None => page.line(&format!(
            "{} ({})",
            Printable(&plan.stack),
            plan.profile.name
        )),
    }
    // First what decides whether this is the right plan at all; then everything that it does; then what it rests on.
    page.outline(plan);
    if let Some(facts) = &facts {
        page.path(plan, facts);
        page.lists(facts);
        page.costs(facts);
    }
    page.legend(plan);
    page.steps(plan, everything);
    if let Some(facts) = &facts {
        page.changes(facts);
        page.quotas(facts);
    }
    page.permissions(plan);
    page.text
}

/// What is read before a run: its head, and nothing else.
pub fn head(plan: &Plan, colour: bool) -> String {
    let mut page = Page {
        text: String::new(),
        paint: Paint { colour },
    };
    if let Ok(facts) = serde_json::from_value::<Facts>(plan.facts.clone()) {
        page.head(plan, &facts);
    }
    page.text
}

struct Page {
    text: String,
    paint: Paint,
}

#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }
    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }
    fn of(self, effect: Effect, text: &str) -> String {
        let code = match effect {
            Effect::Reads => "2",
            Effect::Adds => "32",
            Effect::Changes => "33",
            Effect::Fences => "35",
            Effect::Cuts => "31;1",
        };
        self.with(code, text)
    }
}

/// One sign an effect, so that it is seen without colours.
fn sign(effect: Effect) -> &'static str {
    match effect {
        Effect::Reads => "?",
        Effect::Adds => "+",
        Effect::Changes => "~",
        Effect::Fences => "!",
        Effect::Cuts => ">",
    }
}

/// Seconds, as people say them.
pub fn time(seconds: f64) -> String {
    let seconds = seconds.round().max(0.0) as u64;
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min", (seconds + 30) / 60),
        _ => format!(
            "{} h {} min",
            (seconds + 30) / 3600,
            (seconds + 30) % 3600 / 60
        ),
    }
}

fn range(range: Range) -> String {
    format!(
        "{} in half of all cases, {} in 95 of 100",
        time(range.p50),
        time(range.p95)
    )
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn title(&mut self, text: &str) {
        let text = self.paint.bold(text);
        let _ = writeln!(self.text, "\n{text}");
    }

    fn head(&mut self, plan: &Plan, facts: &Facts) {
        let what = match plan.profile.name.as_str() {
            "drill" => "rehearsal of moving",
            _ => "moving",
        };
        let title = format!(
            "Plan: {what} {} from {} to {}",
            Printable(&facts.stack),
            facts.from,
            facts.to
        );
        let title = self.paint.bold(&title);
        self.line(&title);
        let changing = plan
            .steps
            .iter()
            .filter(|s| s.effect != Effect::Reads && !s.hold)
            .count();
        self.line(&format!(
            "  account    {} ({})",
            facts.account, facts.partition
        ));
        self.line(&format!("  source     as captured at {}", facts.captured));
        self.line(&format!(
            "  steps      {}, of which {changing} change something",
            plan.steps.len()
        ));
        self.line(&format!("  time       {}", range(facts.estimate.total)));
        if let Some(downtime) = facts.estimate.downtime {
            self.line(&format!("  downtime   {}", range(downtime)));
        }
        let objectives = &facts.objectives;
        // A rehearsal recovers and has no downtime; a move has a downtime, and its preparation may take as long as it likes.
        let drill = plan.profile.name == "drill";
        let recovery = facts.estimate.recovery.filter(|_| drill);
        if let Some(recovery) = recovery {
            self.line(&format!("  recovery   {}", range(recovery)));
        }
        let verdict = |limit: Option<Span>, estimated: Option<Range>| {
            let limit = limit?.as_secs() as f64;
            Some(match estimated? {
                estimated if estimated.p95 <= limit => " (likely met)",
                estimated if estimated.p50 <= limit => " (may be missed)",
                _ => " (likely missed)",
            })
        };
        let mut words = vec![];
        if let Some(rto) = objectives.rto {
            let verdict = verdict(Some(rto), recovery).unwrap_or_default();
            words.push(format!("RTO {rto}{verdict}"));
        }
        if let Some(rpo) = objectives.rpo {
            words.push(format!("RPO {rpo}"));
        }
        if let Some(limit) = objectives.downtime.filter(|_| !drill) {
            let verdict = verdict(Some(limit), facts.estimate.downtime).unwrap_or_default();
            words.push(format!("downtime {limit}{verdict}"));
        }
        if let Some(loss) = objectives.accept_data_loss.filter(|_| !drill) {
            words.push(format!("lost writes: {loss} accepted"));
        }
        if !words.is_empty() {
            self.line(&format!("  objectives {}", words.join(" · ")));
        }
        self.line(&format!("  hash       {}", plan.hash()));
    }

    /// The phases, each in a line.
    fn outline(&mut self, plan: &Plan) {
        self.title("What is done, in this order");
        for (number, phase) in plan.phases.iter().enumerate() {
            let of_phase = || plan.steps.iter().filter(|s| s.phase == phase.name);
            let counted = [
                Effect::Adds,
                Effect::Changes,
                Effect::Fences,
                Effect::Cuts,
                Effect::Reads,
            ]
            .into_iter()
            .filter_map(|effect| {
                let count = of_phase().filter(|s| s.effect == effect && !s.hold).count();
                (count > 0).then(|| format!("{count}{}", sign(effect)))
            });
            let held = of_phase().filter(|s| s.hold).count();
            let held = (held > 0).then(|| format!("{held} held"));
            let counted: Vec<String> = counted.chain(held).collect();
            if !counted.is_empty() {
                self.line(&format!(
                    "   {}  {:<34} {}",
                    number + 1,
                    phase.title,
                    counted.join("  ")
                ));
            }
        }
    }

    fn steps(&mut self, plan: &Plan, everything: bool) {
        for (number, phase) in plan.phases.iter().enumerate() {
            let steps: Vec<&Planned> = plan
                .steps
                .iter()
                .filter(|s| s.phase == phase.name)
                .collect();
            if steps.is_empty() {
                continue;
            }
            self.title(&format!("{}  {}", number + 1, phase.title));
            let mut lines: Vec<&str> = vec![];
            for step in &steps {
                if !lines.contains(&step.line.as_str()) {
                    lines.push(&step.line);
                }
            }
            for line in lines {
                self.line(&format!("   {line}"));
                for step in steps.iter().filter(|s| s.line == line) {
                    self.step(step, everything);
                }
            }
        }
    }

    fn step(&mut self, step: &Planned, everything: bool) {
        let sign = self.paint.of(step.effect, sign(step.effect));
        let place = format!("{:<10}", step.region.to_string());
        let title = Printable(&step.title).to_string();
        let expected = step
            .expected
            .filter(|e| e.p50 >= 10.0)
            .map(|e| format!("  {}–{}", time(e.p50), time(e.p95)))
            .unwrap_or_default();
        let held = if step.hold { "  (held)" } else { "" };
        let tail = self.paint.dim(&format!("{expected}{held}"));
        self.line(&format!("     {sign} {place} {title}{tail}"));
        if !step.alternatives.is_empty() {
            let classes: Vec<&str> = step
                .alternatives
                .iter()
                .filter_map(|a| a.pointer("/settings/class").and_then(|c| c.as_str()))
                .collect();
            self.line(&format!(
                "                  if refused: {}",
                classes.join(", then ")
            ));
        }
        if let Some(confirm) = &step.confirm {
            let answer = match &confirm.given {
                Some(condition) => format!("answered in advance: yes, if {condition}"),
                None => format!(
                    "asked; unanswered after {}, the fence is taken back",
                    time(f64::from(confirm.timeout))
                ),
            };
            self.line(&format!(
                "                  {} ({answer})",
                Printable(&confirm.text)
            ));
        }
        for need in &step.needs {
            let mut gates = vec![];
            if let Some(fresh) = need.fresh {
                gates.push(format!("looked at again within {fresh} s before"));
            }
            if let Some(passes) = need.settle.filter(|p| p.count > 1) {
                gates.push(format!("{} passes over {} s", passes.count, passes.over));
            }
            if need.keep_until.is_some() {
                gates.push("and kept in sight until this is over".to_owned());
            }
            if !gates.is_empty() {
                self.line(&format!(
                    "                  only if {} holds: {}",
                    need.step,
                    gates.join(", ")
                ));
            }
        }
        if everything && !step.needs.is_empty() {
            let words: Vec<String> = step.needs.iter().map(|n| n.step.to_string()).collect();
            let text = self.paint.dim(&format!(
                "                  {} after {}",
                step.id,
                words.join(", ")
            ));
            self.line(&text);
        }
    }

    fn changes(&mut self, facts: &Facts) {
        if facts.changes.is_empty() {
            return;
        }
        self.title("What is rewritten");
        for change in &facts.changes {
            self.line(&format!(
                "   {}  {}",
                Printable(&change.field),
                self.paint.dim(&format!("({})", change.why))
            ));
            let from = self
                .paint
                .with("31", &format!("- {}", Printable(&change.from)));
            let to = self
                .paint
                .with("32", &format!("+ {}", Printable(&change.to)));
            self.line(&format!("     {from}"));
            self.line(&format!("     {to}"));
        }
    }

    fn path(&mut self, plan: &Plan, facts: &Facts) {
        let estimate = &facts.estimate;
        let shown = |ids: &[drtool_engine::StepId]| -> Vec<String> {
            ids.iter()
                .filter_map(|id| plan.step(id))
                .filter_map(|step| step.expected.map(|e| (step, e)))
                .filter(|(_, e)| e.p50 >= 5.0)
                .map(|(step, e)| format!("{} {}", step.id, time(e.p50)))
                .collect()
        };
        self.title("What decides how long it takes");
        self.line(&format!(
            "   the run       {}",
            shown(&estimate.critical_path).join(" → ")
        ));
        if !estimate.downtime_path.is_empty() {
            self.line(&format!(
                "   the downtime  {}",
                shown(&estimate.downtime_path).join(" → ")
            ));
        }
        if !facts.lints.is_empty() {
            self.title("What could be better");
            for lint in &facts.lints {
                self.line(&format!(
                    "   {}: {}",
                    Printable(&lint.what),
                    Printable(&lint.costs)
                ));
                self.line(&format!(
                    "     {}",
                    self.paint.dim(&Printable(&lint.instead).to_string())
                ));
            }
        }
    }

    fn lists(&mut self, facts: &Facts) {
        let pairs = |items: &[crate::expand::facts::Accepted]| -> Vec<String> {
            items
                .iter()
                .map(|a| format!("{}: {}", Printable(&a.what), Printable(&a.why)))
                .collect()
        };
        for (title, lines) in [
            (
                "What is left behind: not handled by this plan",
                pairs(&facts.left_behind),
            ),
            ("What is accepted", pairs(&facts.accepted)),
            (
                "Who must be told",
                facts
                    .notes
                    .iter()
                    .map(|n| Printable(n).to_string())
                    .collect(),
            ),
        ] {
            if !lines.is_empty() {
                self.title(title);
                for line in lines {
                    self.line(&format!("   {line}"));
                }
            }
        }
    }

    fn costs(&mut self, facts: &Facts) {
        if facts.costs.is_empty() {
            return;
        }
        let title = format!(
            "What the target costs while both sides run ({})",
            cost::source()
        );
        self.title(&title);
        for cost in &facts.costs {
            let per = match cost.per {
                Per::Hour => "an hour",
                Per::Month => "a month",
                Per::Once => "once",
            };
            let price = cost.price.map_or("unknown".to_owned(), |price| {
                format!("USD {:.3} {per}", price * cost.units)
            });
            let units = if cost.price.is_none() && cost.per != Per::Once {
                format!("{} ({per})", cost.units)
            } else {
                cost.units.to_string()
            };
            self.line(&format!(
                "   {:<44} {units:>14}  {price}",
                Printable(&cost.what).to_string()
            ));
        }
    }

    fn quotas(&mut self, facts: &Facts) {
        if !facts.quotas.is_empty() {
            self.title("What it takes of the account's quotas (AWS's defaults; the account's own are asked for before a run)");
            for quota in &facts.quotas {
                self.line(&format!(
                    "   {:<24} {:>6} of {}",
                    quota.what, quota.needed, quota.default
                ));
            }
        }
    }

    fn permissions(&mut self, plan: &Plan) {
        self.title("What it is allowed to do (`drtool iam` prints the policy)");
        for (place, (looks, acts)) in permissions::by_place(plan) {
            for (word, actions) in [("looks", looks), ("acts", acts)] {
                if actions.is_empty() {
                    continue;
                }
                // One line a service: `ec2: CreateVpc, …`.
                let mut services: Vec<(&str, Vec<&str>)> = vec![];
                for action in actions {
                    let (service, operation) = action.split_once(':').unwrap_or((action, ""));
                    match services.iter_mut().find(|(s, _)| *s == service) {
                        Some((_, operations)) => operations.push(operation),
                        None => services.push((service, vec![operation])),
                    }
                }
                for (service, operations) in services {
                    self.line(&format!(
                        "   {place:<10} {word:<5} {service}: {}",
                        operations.join(", ")
                    ));
                }
            }
        }
    }

    fn legend(&mut self, plan: &Plan) {
        let proofs = plan
            .steps
            .iter()
            .filter(|s| s.proof == Some(Proof::Data))
            .count();
        let cuts = plan
            .steps
            .iter()
            .filter(|s| s.effect == Effect::Cuts)
            .count();
        self.line("");
        let text = "? looks only   + adds beside what runs   ~ changes what users do not notice   ! stops the source from taking writes   > sends users to the target";
        self.line(&self.paint.dim(text));
        if cuts > 0 {
            self.line(&self.paint.dim(&format!(
                "Until `>` everything can be taken back with `drtool undo`. `>` waits for {proofs} proofs of the data, the health of the target and the fence."
            )));
        }
    }
}
