//! A container that runs SQL clients: it goes through its script, command by command, and logs what they write.

mod call;
mod condition;
mod known;
mod mysql;
mod psql;

pub use known::Calls;

use super::shell::{Assigned, Ended, Op, Run, Simple, Stream, Streams};
use super::{Doing, Process, write_log};
use crate::clock::{MILLI, Nanos, SECOND};
use crate::plane::From;
use crate::services::ecs::Scope;
use crate::world::World;
use std::borrow::Cow;
use std::sync::Arc;

/// What a command did.
struct Outcome {
    out: Vec<String>,
    errors: Vec<String>,
    status: i64,
    takes: Nanos,
    /// What it did to the shell that ran it.
    change: Change,
}

#[derive(Default)]
struct Change {
    strict: Option<bool>,
    exported: Vec<(String, String)>,
}

impl Outcome {
    fn status(status: i64) -> Outcome {
        Outcome {
            out: vec![],
            errors: vec![],
            status,
            takes: 0,
            change: Change::default(),
        }
    }

    fn fails(line: String, status: i64, takes: Nanos) -> Outcome {
        Outcome {
            errors: vec![line],
            takes,
            ..Outcome::status(status)
        }
    }
}

/// No script runs more commands than this without time passing.
const AT_ONCE: usize = 1_000;

/// Goes on with a script until time must pass; answers how much.
pub(super) fn go_on(
    world: &mut World,
    scope: &Scope,
    process: &mut Process,
    from: &From,
    mut run: Run,
) -> Option<Nanos> {
    // What is written at one instant reaches the log together.
    let mut written = vec![];
    let stands = stand(world, process, from, &mut run, &mut written);
    write_log(world, scope, &process.log, written);
    let (doing, after) = match stands {
        Stands::Ends(code) => (Doing::Ends(code), MILLI),
        Stands::Waits(after) => (Doing::Runs(run), after),
    };
    process.doing = doing;
    Some(after)
}

/// How a script stands when time must pass.
enum Stands {
    Ends(i64),
    Waits(Nanos),
}

fn stand(
    world: &mut World,
    process: &Process,
    from: &From,
    run: &mut Run,
    written: &mut Vec<String>,
) -> Stands {
    let program = Arc::clone(&run.program);
    if let Some(done) = run.pending.take()
        && let Some(code) = ended(run, program.get(run.at), done, written)
    {
        return Stands::Ends(code);
    }
    let calls = run.calls.clone();
    for _ in 0..AT_ONCE {
        let Some(op) = program.get(run.at) else {
            return Stands::Ends(run.status);
        };
        match op {
            Op::Jump(to) => run.at = *to,
            Op::JumpIfFailed(to) => run.at = if run.status != 0 { *to } else { run.at + 1 },
            Op::JumpIfDone(to) => run.at = if run.status == 0 { *to } else { run.at + 1 },
            Op::SetStatus(status) => {
                run.status = *status;
                run.at += 1;
            }
            Op::Assign {
                name,
                value: Assigned::Word(word),
                ..
            } => {
                let value = word.expand(&|name: &str| variable(run, process, name));
                let value = value.into_owned();
                assign(run, name, value);
                run.status = 0;
                run.at += 1;
            }
            Op::Command { command, .. }
            | Op::Assign {
                value: Assigned::Output(command),
                ..
            } => {
                let inside = matches!(op, Op::Assign { .. });
                let outcome = match calls.fixed(run, process, command) {
                    Some(Ok(call)) => call.run(world, from),
                    Some(Err(line)) => Outcome::fails(line.clone(), 1, MILLI),
                    None => {
                        let words = fields(run, process, command);
                        match words.first().map(Cow::as_ref) {
                            Some("exit") if inside => Outcome::status(exit(run, &words)),
                            Some("exit") => return Stands::Ends(exit(run, &words)),
                            _ => execute(world, process, from, run, &words),
                        }
                    }
                };
                let takes = outcome.takes;
                let done = heard(run, outcome, command.streams, inside);
                if takes > 0 {
                    run.pending = Some(done);
                    return Stands::Waits(takes);
                }
                // A command that takes no time is followed by the next at once.
                if let Some(code) = ended(run, Some(op), done, written) {
                    return Stands::Ends(code);
                }
            }
        }
    }
    // A script of such commands alone would stop the clock.
    Stands::Waits(SECOND)
}

fn variable<'a>(run: &'a Run, process: &'a Process, name: &str) -> Cow<'a, str> {
    match name {
        "?" => Cow::Owned(run.status.to_string()),
        name => Cow::Borrowed(match run.variables.get(name) {
            Some(value) => value,
            None => process.variable(name),
        }),
    }
}

fn assign(run: &mut Run, name: &str, value: String) {
    match run.variables.get_mut(name) {
        Some(held) => *held = value,
        None => {
            run.variables.insert(name.to_owned(), value);
        }
    }
}

fn fields<'a>(run: &'a Run, process: &'a Process, command: &'a Simple) -> Vec<Cow<'a, str>> {
    let mut fields = Vec::with_capacity(command.words.len());
    for word in &command.words {
        word.fields(&|name: &str| variable(run, process, name), &mut fields);
    }
    fields
}

/// The status of `exit`.
fn exit(run: &Run, words: &[Cow<'_, str>]) -> i64 {
    let given = words.get(1).and_then(|word| word.parse().ok());
    given.unwrap_or(run.status)
}

/// A command has ended: its lines are written, and the next one's turn comes. Answers the script's end if this was it.
fn ended(run: &mut Run, op: Option<&Op>, done: Ended, written: &mut Vec<String>) -> Option<i64> {
    add(written, done.lines);
    run.status = done.status;
    if let Some(Op::Assign { name, .. }) = op {
        assign(run, name, done.value);
    }
    run.at += 1;
    let fatal = done.status != 0 && run.strict && op.is_some_and(Op::must_succeed);
    fatal.then_some(done.status)
}

/// What comes of a command's lines, and of what it did to its shell. `inside` of `$(…)`, what is written to its output is
/// the value, and the shell is one of its own, which is gone with what was done to it.
fn heard(run: &mut Run, outcome: Outcome, streams: Streams, inside: bool) -> Ended {
    let (mut lines, mut value) = (vec![], vec![]);
    let mut hear = |written, stream| match stream {
        Stream::Nowhere => {}
        Stream::Out if inside => add(&mut value, written),
        Stream::Out | Stream::Errors => add(&mut lines, written),
    };
    hear(outcome.out, streams.out);
    hear(outcome.errors, streams.errors);
    let mut value = match value.len() {
        0 | 1 => value.pop().unwrap_or_default(),
        _ => value.join("\n"),
    };
    value.truncate(value.trim_end_matches('\n').len());
    if !inside {
        run.strict = outcome.change.strict.unwrap_or(run.strict);
        run.variables.extend(outcome.change.exported);
    }
    Ended {
        lines,
        value,
        status: outcome.status,
    }
}

/// Adds lines to lines; to none, without moving them.
fn add(to: &mut Vec<String>, lines: Vec<String>) {
    match to.is_empty() {
        true => *to = lines,
        false => to.extend(lines),
    }
}

fn execute(
    world: &mut World,
    process: &Process,
    from: &From,
    run: &Run,
    words: &[Cow<'_, str>],
) -> Outcome {
    let name = words
        .first()
        .map(|w| w.rsplit('/').next().unwrap_or(w))
        .unwrap_or("");
    let rest = &words[1.min(words.len())..];
    match name {
        "true" | ":" => Outcome::status(0),
        "false" => Outcome::status(1),
        "echo" => Outcome {
            out: match rest {
                [one] if !one.contains('\n') => vec![one.clone().into_owned()],
                words => words.join(" ").split('\n').map(str::to_owned).collect(),
            },
            ..Outcome::status(0)
        },
        "[" | "test" => match condition::test(name, rest) {
            Ok(holds) => Outcome::status(i64::from(!holds)),
            Err(line) => Outcome::fails(line, 2, 0),
        },
        "sleep" => match rest.first().and_then(|w| seconds(w)) {
            Some(takes) => Outcome {
                takes: takes.max(MILLI),
                ..Outcome::status(0)
            },
            None => Outcome::fails(
                format!("sleep: invalid time interval '{}'", rest.join(" ")),
                1,
                0,
            ),
        },
        "set" => {
            let mut outcome = Outcome::status(0);
            for option in rest {
                match option.as_ref() {
                    "-e" | "-eu" | "-ue" => outcome.change.strict = Some(true),
                    "+e" => outcome.change.strict = Some(false),
                    "-u" => {}
                    other => {
                        let line = format!("set: {other}: not something that this image can run");
                        outcome.errors.push(line);
                        outcome.status = 127;
                        break;
                    }
                }
            }
            outcome
        }
        "export" => {
            let given = rest.iter().filter_map(|given| given.split_once('='));
            let mut outcome = Outcome::status(0);
            outcome.change.exported = given
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            outcome
        }
        "psql" | "mysql" => match known::read(run, process, name, rest) {
            Ok(call) => call.run(world, from),
            Err(line) => Outcome::fails(line, 1, MILLI),
        },
        // All words were variables without a value.
        "" if words.is_empty() => Outcome::status(0),
        _ => Outcome::fails(format!("sh: {name}: not found"), 127, 0),
    }
}

fn seconds(word: &str) -> Option<Nanos> {
    let (number, unit) = match word.chars().last()? {
        's' => (&word[..word.len() - 1], 1.0),
        'm' => (&word[..word.len() - 1], 60.0),
        'h' => (&word[..word.len() - 1], 3_600.0),
        _ => (word, 1.0),
    };
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some((number * unit * SECOND as f64) as Nanos)
}
