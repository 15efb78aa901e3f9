//! The words for what happens, the same in every report.
//!
//! Text from outside (notes, AWS's messages, tags) passes `clean` on its way: a terminal obeys control characters.

use std::time::Duration;

use jiff::Timestamp;

use crate::event::{Answer, Event, Halt, How, Outcome, Record, Scope, Sight, UnwindWhy};
use crate::plan::{Milestone, OnTimeout};
use crate::step::{CallRecord, Claim, Fault, Left};

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
    /// Of interest when something has to be found out.
    Detail,
}

/// What is said of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub tone: Tone,
    pub text: String,
}

/// No text from outside takes more room than this.
const LONGEST: usize = 256;

/// A text without anything that a terminal or a reader's eye could be misled by: control characters, changes of direction,
/// invisible letters.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for (at, letter) in text.chars().enumerate() {
        if at == LONGEST {
            clean.push('…');
            break;
        }
        match letter {
            '\n' | '\t' => clean.push(' '),
            letter if letter.is_control() => clean.extend(letter.escape_unicode()),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {
                clean.extend(letter.escape_unicode());
            }
            letter => clean.push(letter),
        }
    }
    clean
}

/// A time as people say it.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Time from `from` to `to`; none if they are the wrong way round.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

pub fn milestone(milestone: Milestone) -> &'static str {
    match milestone {
        Milestone::Fenced => "the source refuses users: downtime begins",
        Milestone::RecoveryPoint => "up to here data is kept",
        Milestone::Proven => "the target answers its deep checks",
        Milestone::Cut => "users are sent to the target",
        Milestone::Serving => "the target answers under its name: downtime ends",
    }
}

fn call(call: &CallRecord) -> String {
    format!("{} {} on {}", call.service, call.operation, call.resource)
}

fn claim(claim: Claim) -> &'static str {
    match claim {
        Claim::Ours => "there, made earlier",
        Claim::Adopted => "there, named by the plan",
        Claim::AsWanted => "as wanted",
    }
}

/// An error in a few lines: what, why, what was left, what to do.
pub fn fault(fault: &Fault) -> Vec<String> {
    let mut lines = vec![format!("error[{}]: {}", fault.code, fault.what)];
    lines.extend(fault.causes.iter().map(|cause| format!("  {cause}")));
    match &fault.left {
        Left::Nothing => {}
        Left::Something(what) => lines.push(format!("  left behind: {what}")),
        Left::Unknown => {
            lines.push("  left behind: not known; `resume` and `undo` look for it".into())
        }
    }
    lines.extend(fault.hint.iter().map(|hint| format!("hint: {hint}")));
    lines.iter().map(|line| clean(line)).collect()
}

pub fn halt(halt: &Halt) -> String {
    match halt {
        Halt::Asked(by) => format!("stopped by {by}"),
        Halt::Paused { step, fault } => {
            format!("`{step}` needs a person: {} [{}]", fault.what, fault.code)
        }
        Halt::GateBroken { step, why } => format!("`{step}` did not stay as it was: {why}"),
        Halt::Unconfirmed(step) => format!("nobody confirmed `{step}` in time"),
        Halt::Declined { step, by } => format!("{by} declined `{step}`"),
    }
}

fn because(why: &UnwindWhy) -> String {
    match why {
        UnwindWhy::Asked(by) => format!("{by} asked for it"),
        UnwindWhy::Rehearsed => "the rehearsal is over".into(),
        UnwindWhy::Failed(step) => format!("`{step}` failed"),
        UnwindWhy::Unconfirmed(step) => format!("nobody confirmed `{step}` in time"),
        UnwindWhy::Repair(step) => format!("`{step}` did not stay as it was"),
    }
}

pub fn outcome(outcome: &Outcome) -> Said {
    let (tone, text) = match outcome {
        Outcome::Done => (Tone::Good, "done".to_owned()),
        Outcome::Refused { step, fault } => (
            Tone::Bad,
            format!(
                "refused by `{step}` before anything was touched: {} [{}]",
                fault.what, fault.code
            ),
        ),
        Outcome::Failed { fault, .. } => (
            Tone::Bad,
            format!("failed: {} [{}]", fault.what, fault.code),
        ),
        Outcome::Stopped(why) => (
            Tone::Warning,
            format!("stopped, can be resumed: {}", halt(why)),
        ),
        Outcome::Unwound {
            why: UnwindWhy::Unconfirmed(step),
            left,
        } if left.is_empty() => (
            Tone::Warning,
            format!(
                "nobody confirmed `{step}` in time: the source is given back, and what was made beside it stands"
            ),
        ),
        Outcome::Unwound { why, left } if left.is_empty() => (
            Tone::Good,
            format!("taken back, nothing is left ({})", because(why)),
        ),
        Outcome::Unwound { left, .. } => {
            let left: Vec<&str> = left.iter().map(|step| step.as_str()).collect();
            (
                Tone::Bad,
                format!("taken back, but left behind: {}", left.join(", ")),
            )
        }
    };
    Said {
        tone,
        text: clean(&text),
    }
}

/// What is said of a record; nothing of mere progress.
pub fn say(record: &Record) -> Option<Said> {
    let said = |tone, text: String| {
        Some(Said {
            tone,
            text: clean(&text),
        })
    };
    match &record.event {
        Event::Planned {
            run, plan, hash, ..
        } => said(
            Tone::Plain,
            format!(
                "run {run}: {} of {}, {} steps, plan {}",
                plan.profile.name,
                plan.stack,
                plan.steps.len(),
                hash.get(..12).unwrap_or(hash)
            ),
        ),
        Event::Leased { epoch: 1, .. } => None,
        Event::Leased { epoch, holder } => said(
            Tone::Plain,
            format!("taken up again by {} (life {epoch})", holder.who),
        ),
        Event::Started { .. } | Event::Progress { .. } | Event::Worked { .. } => None,
        Event::Intended { call: record, .. } => said(Tone::Detail, call(record)),
        Event::Began { handle, .. } => said(
            Tone::Detail,
            handle
                .id
                .as_ref()
                .map_or("accepted".into(), |id| format!("accepted: {id}")),
        ),
        Event::Refused { code, message, .. } => {
            said(Tone::Detail, format!("refused: {code}: {message}"))
        }
        Event::Unknown { what, .. } => said(
            Tone::Warning,
            format!("no answer ({what}); looking for what it did"),
        ),
        Event::ProvenAbsent { .. } => said(
            Tone::Plain,
            "the unanswered call did nothing; asking anew".into(),
        ),
        Event::Found { claim: how, .. } => said(Tone::Good, claim(*how).into()),
        Event::Made { .. } => said(Tone::Good, "made".into()),
        Event::Held { seen, .. } => said(Tone::Plain, format!("held: {}", sight(seen))),
        Event::Failed { fault, .. } => said(
            Tone::Bad,
            format!("failed: {} [{}]", fault.what, fault.code),
        ),
        Event::Alternative { number, why, .. } => {
            said(Tone::Warning, format!("alternative {number}, since {why}"))
        }
        Event::GateBroken { why, .. } => said(Tone::Bad, format!("did not stay as it was: {why}")),
        Event::Reopened { .. } => said(Tone::Plain, "brought about again".into()),
        Event::Asked {
            text,
            until,
            on_timeout,
            ..
        } => {
            let then = match on_timeout {
                OnTimeout::Stop => "the run stops",
                OnTimeout::Unfence => "the source is given back",
                OnTimeout::Unwind => "everything is taken back",
            };
            said(
                Tone::Warning,
                format!("asks: {text} (until {until}, then {then})"),
            )
        }
        Event::Answered {
            answer, by, how, ..
        } => {
            let answer = match answer {
                Answer::Yes => "approved",
                Answer::No => "declined",
            };
            let how = match how {
                How::Terminal => " at the terminal".to_owned(),
                How::Letter => String::new(),
                How::Given(condition) => format!(" in advance: {condition}"),
                How::Approval => " in advance".to_owned(),
            };
            said(Tone::Plain, format!("{answer} by {by}{how}"))
        }
        Event::TimedOut { .. } => said(Tone::Bad, "nobody answered in time".into()),
        Event::Reached {
            milestone: reached, ..
        } => said(Tone::Plain, milestone(*reached).into()),
        Event::MirrorLost { why } => said(
            Tone::Bad,
            format!(
                "records do not reach their second place: {why}; only what adds goes on by itself"
            ),
        ),
        Event::MirrorBack => said(Tone::Good, "records reach their second place again".into()),
        Event::Note { text } => said(Tone::Warning, text.clone()),
        Event::StopAsked { by } => said(
            Tone::Warning,
            format!("{by}: stopping after the calls in flight"),
        ),
        Event::Unwinding { why, scope, .. } => {
            let what = match scope {
                Scope::All => "everything that this run made".to_owned(),
                Scope::From(from) => {
                    let from: Vec<&str> = from.iter().map(|step| step.as_str()).collect();
                    format!("what was done from {} on", from.join(", "))
                }
                Scope::Behind(step) => format!("what was built on `{step}`"),
            };
            said(
                Tone::Warning,
                format!("taking back {what}: {}", because(why)),
            )
        }
        Event::UndoIntended { call: record, .. } => said(Tone::Detail, call(record)),
        Event::UndoBegan { .. } => said(Tone::Detail, "accepted".into()),
        Event::UndoRefused { code, message, .. } => {
            said(Tone::Detail, format!("refused: {code}: {message}"))
        }
        Event::UndoUnknown { what, .. } => said(Tone::Warning, format!("no answer ({what})")),
        Event::Undone { .. } => said(Tone::Good, "taken back".into()),
        Event::LeftBehind { why, instead, .. } => {
            said(Tone::Bad, format!("left behind: {why}; instead: {instead}"))
        }
        Event::Forward { why } => said(Tone::Plain, format!("going forward again: {why}")),
        Event::Ended { outcome: ended } => Some(outcome(ended)),
    }
}

pub fn sight(seen: &Sight) -> String {
    let text = match seen {
        Sight::Absent => "would be done".to_owned(),
        Sight::Partial(note) => format!("partly there: {note}"),
        Sight::Underway(note) => format!("under way: {note}"),
        Sight::Ready(how) => claim(*how).to_owned(),
        Sight::Foreign(why) => format!("a stranger's: {why}"),
        Sight::Unseen(why) => format!("not looked at: {why}"),
        Sight::Error(fault) => format!("cannot be seen: {} [{}]", fault.what, fault.code),
    };
    clean(&text)
}
