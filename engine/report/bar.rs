//! The moving picture on a terminal: one line per phase, the resources under way beneath it, and above them what happened.
//!
//! Must not know: whether anybody looks.

use std::collections::BTreeMap;

pub use indicatif::MultiProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::Reporter;
use super::lines::{Detail, lines};
use super::picture::{phase_line, phases, shown, step_line};
use crate::event::{Event, Record};
use crate::state::RunState;

/// Draws on a terminal.
pub struct Bar {
    multi: MultiProgress,
    detail: Detail,
    drawn: Option<Drawn>,
}

struct Drawn {
    /// The steps of each phase.
    steps: Vec<Vec<usize>>,
    /// Each step's phase.
    phase: Vec<usize>,
    bars: Vec<Option<ProgressBar>>,
    under: Vec<BTreeMap<usize, ProgressBar>>,
}

/// No more resources than this are drawn under a phase.
const MOST: usize = 8;

impl Bar {
    /// Draws on stderr; if that is no terminal, nothing is drawn.
    pub fn stderr(detail: Detail) -> Self {
        Bar::on(ProgressDrawTarget::stderr_with_hz(10), detail)
    }

    pub fn on(target: ProgressDrawTarget, detail: Detail) -> Self {
        Bar {
            multi: MultiProgress::with_draw_target(target),
            detail,
            drawn: None,
        }
    }

    /// The handle by which a question is printed without tearing the picture.
    pub fn multi(&self) -> MultiProgress {
        self.multi.clone()
    }

    fn draw(&mut self, state: &RunState) -> &mut Drawn {
        let multi = &self.multi;
        self.drawn.get_or_insert_with(|| {
            let steps = phases(state);
            let mut phase = vec![0; state.plan.steps.len()];
            for (number, steps) in steps.iter().enumerate() {
                steps.iter().for_each(|at| phase[*at] = number);
            }
            let bars = steps
                .iter()
                .map(|steps| {
                    (!steps.is_empty()).then(|| {
                        let bar = multi.add(ProgressBar::new(steps.len() as u64));
                        bar.set_style(style("  {prefix:32} {bar:24.green/dim} {pos}/{len} {msg}"));
                        bar
                    })
                })
                .collect();
            Drawn {
                under: vec![BTreeMap::new(); steps.len()],
                steps,
                phase,
                bars,
            }
        })
    }

    fn refresh(&mut self, phase: usize, state: &RunState, now: Timestamp) {
        let multi = self.multi.clone();
        let drawn = self.draw(state);
        let Some(bar) = drawn.bars[phase].clone() else {
            return;
        };
        let line = phase_line(state, phase, &drawn.steps[phase]);
        bar.set_prefix(line.title);
        bar.set_position(line.done);
        let visible = shown(state, &drawn.steps[phase]);
        let hidden = visible.len().saturating_sub(MOST);
        bar.set_message(if hidden > 0 {
            format!("(and {hidden} more under way)")
        } else {
            String::new()
        });
        let visible = &visible[..visible.len() - hidden];
        drawn.under[phase].retain(|at, bar| {
            let stays = visible.contains(at);
            if !stays {
                bar.finish_and_clear();
                multi.remove(bar);
            }
            stays
        });
        let mut above = bar;
        for at in visible {
            let step = drawn.under[phase].entry(*at).or_insert_with(|| {
                let step = multi.insert_after(&above, ProgressBar::new(100));
                step.set_style(style("    {prefix:30!} {wide_msg}"));
                step
            });
            let line = step_line(state, *at, now);
            step.set_prefix(line.id);
            step.set_message(match line.percent {
                Some(percent) => format!("{percent} % · {}", line.text),
                None => line.text,
            });
            above = step.clone();
        }
    }
}

/// A template that does not parse draws the default: a picture is never a reason to stop.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━─")
}

impl Reporter for Bar {
    fn record(&mut self, record: &Record, state: &RunState) {
        for line in lines(record, self.detail, state.began) {
            let _ = self.multi.println(line);
        }
        let at = record
            .event
            .step()
            .and_then(|step| state.graph.position(step));
        match at {
            Some(at) => {
                let phase = self.draw(state).phase[at];
                self.refresh(phase, state, record.at);
            }
            None => self.pulse(state, record.at),
        }
        if matches!(record.event, Event::Ended { .. })
            && let Some(drawn) = self.drawn.take()
        {
            drawn
                .under
                .iter()
                .flat_map(BTreeMap::values)
                .for_each(ProgressBar::finish_and_clear);
            drawn.bars.iter().flatten().for_each(ProgressBar::abandon);
        }
    }

    fn pulse(&mut self, state: &RunState, now: Timestamp) {
        for phase in 0..state.plan.phases.len() + 1 {
            self.refresh(phase, state, now);
        }
    }
}
