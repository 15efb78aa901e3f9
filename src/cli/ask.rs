//! The question before a cut, put to whoever sits at the terminal. Others answer with `drtool approve`.
//!
//! Must not know: what is asked. A question that nobody hears runs into its time-out, which the plan decides about.

use std::io::{BufRead, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};

use drtool_engine::event::{Answer, Event, Record};
use drtool_engine::report::Reporter;
use drtool_engine::report::bar::MultiProgress;
use drtool_engine::run::{Command, Controls};
use drtool_engine::state::RunState;
use drtool_engine::{RunId, StepId};

use super::tell;

/// Says how a question is answered, and remembers it for the one who listens.
pub struct Asking {
    open: Arc<Mutex<Option<(RunId, StepId)>>>,
    again: String,
    picture: Option<MultiProgress>,
}

impl Asking {
    /// `again` is what has to be typed after a command to find this run; `picture` is what must not be torn.
    pub fn new(again: String, picture: Option<MultiProgress>) -> Asking {
        Asking {
            open: Arc::default(),
            again,
            picture,
        }
    }

    /// Hears what is typed, in a thread of its own: the run does not wait for people.
    pub fn listen(&self, controls: Controls, who: String) {
        if !std::io::stdin().is_terminal() {
            return;
        }
        let open = self.open.clone();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                let Some((run, step)) = open.clone() else {
                    continue;
                };
                let answer = match line.trim() {
                    "yes" => Answer::Yes,
                    "no" => Answer::No,
                    _ => {
                        tell("type `yes` or `no`\n");
                        continue;
                    }
                };
                *open = None;
                controls.send(Command::Answer {
                    run,
                    step,
                    answer,
                    by: who.clone(),
                });
            }
        });
    }

    fn say(&self, text: &str) {
        match &self.picture {
            Some(picture) => {
                let _ = picture.println(text);
            }
            None => tell(&format!("{text}\n")),
        }
    }
}

impl Reporter for Asking {
    fn record(&mut self, record: &Record, state: &RunState) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match &record.event {
            Event::Asked { step, .. } if state.plan.approved(step.as_str()).is_none() => {
                *open = Some((state.run.clone(), step.clone()));
                drop(open);
                let here = if std::io::stdin().is_terminal() {
                    "type `yes` or `no`, or from another terminal"
                } else {
                    "answer from another terminal"
                };
                self.say(&format!(
                    "{here}: drtool approve {} {step}{}   (or with --decline)",
                    state.run, self.again
                ));
            }
            Event::Answered { .. } | Event::TimedOut { .. } | Event::Ended { .. } => *open = None,
            _ => {}
        }
    }
}
