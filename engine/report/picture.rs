//! A run as it stands, in a few lines of text: phases, and under each the resources that are under way. Pure; `status` prints
//! it, the progress bar draws it.

use jiff::Timestamp;

use super::words::{between, clean, duration};
use crate::state::{Phase, RunState};

/// One phase of a plan, counted.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseLine {
    pub title: String,
    pub done: u64,
    pub all: u64,
    pub failed: u64,
}

/// One step that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLine {
    pub id: String,
    pub percent: Option<u8>,
    /// What it is doing, how long it has been, how long it usually takes.
    pub text: String,
}

/// The steps of each phase, as positions in the plan.
pub fn phases(state: &RunState) -> Vec<Vec<usize>> {
    let plan = &state.plan;
    let mut phases = vec![Vec::new(); plan.phases.len() + 1];
    let other = plan.phases.len();
    for (at, step) in plan.steps.iter().enumerate() {
        let phase = plan
            .phases
            .iter()
            .position(|phase| phase.name == step.phase)
            .unwrap_or(other);
        phases[phase].push(at);
    }
    phases
}

pub fn phase_line(state: &RunState, phase: usize, steps: &[usize]) -> PhaseLine {
    let count = |wanted: &dyn Fn(Phase) -> bool| {
        steps
            .iter()
            .filter(|at| wanted(state.steps()[**at].phase))
            .count() as u64
    };
    let unwinding = state.unwinding.is_some();
    PhaseLine {
        title: clean(
            state
                .plan
                .phases
                .get(phase)
                .map_or("Other", |phase| phase.title.as_str()),
        ),
        // Going back, what is taken back counts.
        done: if unwinding {
            count(&|phase| !phase.done() && !phase.active())
        } else {
            count(&Phase::done)
        },
        all: steps.len() as u64,
        failed: count(&|phase| matches!(phase, Phase::Failed | Phase::Left)),
    }
}

pub fn step_line(state: &RunState, at: usize, now: Timestamp) -> StepLine {
    let (planned, step) = (&state.plan.steps[at], &state.steps()[at]);
    let asks = step.asked.is_some() && step.answer.is_none();
    let mut text = vec![
        if asks {
            "waits for an answer"
        } else {
            step.phase.word()
        }
        .to_owned(),
    ];
    if !step.note.is_empty() {
        text.push(clean(&step.note));
    }
    if let Some(started) = step.started {
        let passed = duration(between(started, now));
        text.push(match planned.expected {
            Some(expected) if expected.p50 >= 1.0 => {
                format!(
                    "{passed} of about {}",
                    duration(std::time::Duration::from_secs_f64(expected.p50))
                )
            }
            _ => passed,
        });
    }
    StepLine {
        id: clean(planned.id.as_str()),
        percent: step.percent,
        text: text.join(" · "),
    }
}

/// Steps of a phase that people want to see: under way, failed, or left behind.
pub fn shown(state: &RunState, steps: &[usize]) -> Vec<usize> {
    steps
        .iter()
        .copied()
        .filter(|at| {
            let phase = state.steps()[*at].phase;
            phase.active() || matches!(phase, Phase::Failed | Phase::Left)
        })
        .collect()
}

const WIDTH: usize = 24;

fn bar(part: f64) -> String {
    let filled = (part.clamp(0.0, 1.0) * WIDTH as f64).round() as usize;
    format!("{}{}", "━".repeat(filled), "─".repeat(WIDTH - filled))
}

/// The whole picture.
pub fn picture(state: &RunState, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for (phase, steps) in phases(state)
        .iter()
        .enumerate()
        .filter(|(_, steps)| !steps.is_empty())
    {
        let line = phase_line(state, phase, steps);
        let mark = match () {
            () if line.failed > 0 => '✗',
            () if line.done == line.all => '✓',
            () => ' ',
        };
        let part = line.done as f64 / line.all.max(1) as f64;
        lines.push(format!(
            "{mark} {:<32} {} {}/{}",
            line.title,
            bar(part),
            line.done,
            line.all
        ));
        for at in shown(state, steps) {
            let step = step_line(state, at, now);
            let percent = step
                .percent
                .map(|percent| format!("{percent} % · "))
                .unwrap_or_default();
            lines.push(format!("    {:<30} {percent}{}", step.id, step.text));
        }
    }
    lines
}
