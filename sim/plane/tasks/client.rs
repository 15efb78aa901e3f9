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
use std::sync::Arc;

/// What a command did.
struct Outcome {
    out: Vec<String>,
    errors: Vec<String>,
    status: i64,
    takes: Nanos,
}

impl Outcome {
    fn status(status: i64) -> Outcome {
        Outcome {
            out: vec![],
            errors: vec![],
            status,
            takes: 0,
        }
    }

    fn fails(line: String, status: i64, takes: Nanos) -> Outcome {
        Outcome {
            out: vec![],
            errors: vec![line],
            status,
            takes,
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
    if let Some(done) = run.pending.take()
        && let Some(code) = ended(world, scope, process, &mut run, done)
    {
        process.doing = Doing::Ends(code);
        return Some(MILLI);
    }
    let program = Arc::clone(&run.program);
    let calls = run.calls.clone();
    for _ in 0..AT_ONCE {
        let Some(op) = program.get(run.at) else {
            process.doing = Doing::Ends(run.status);
            return Some(MILLI);
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
                let value = word.expand(&|name: &str| variable(&run, process, name));
                run.variables.insert(name.clone(), value);
                run.status = 0;
                run.at += 1;
            }
            Op::Command { command, .. }
            | Op::Assign {
                value: Assigned::Output(command),
                ..
            } => {
                let inside = matches!(op, Op::Assign { .. });
                let outcome = match known::fixed(&calls, &run, process, command) {
                    Some(Ok(call)) => call.run(world, from),
                    Some(Err(line)) => Outcome::fails(line.clone(), 1, MILLI),
                    None => {
                        let words = fields(&run, process, command);
                        if !inside && words.first().map(String::as_str) == Some("exit") {
                            process.doing = Doing::Ends(exit(&run, &words));
                            return Some(MILLI);
                        }
                        if inside {
                            substitute(world, process, from, &run, &words)
                        } else {
                            execute(world, process, from, &mut run, &words)
                        }
                    }
                };
                let takes = outcome.takes;
                let done = heard(outcome, command.streams, inside);
                if takes > 0 {
                    run.pending = Some(done);
                    process.doing = Doing::Runs(run);
                    return Some(takes);
                }
                // A command that takes no time is followed by the next at once.
                if let Some(code) = ended(world, scope, process, &mut run, done) {
                    process.doing = Doing::Ends(code);
                    return Some(MILLI);
                }
            }
        }
    }
    // A script of such commands alone would stop the clock.
    process.doing = Doing::Runs(run);
    Some(SECOND)
}

fn variable(run: &Run, process: &Process, name: &str) -> String {
    match name {
        "?" => run.status.to_string(),
        name => match run.variables.get(name) {
            Some(value) => value.clone(),
            None => process.variable(name).to_owned(),
        },
    }
}

fn fields(run: &Run, process: &Process, command: &Simple) -> Vec<String> {
    let mut fields = Vec::with_capacity(command.words.len());
    for word in &command.words {
        word.fields(&|name: &str| variable(run, process, name), &mut fields);
    }
    fields
}

/// The status of `exit`.
fn exit(run: &Run, words: &[String]) -> i64 {
    let given = words.get(1).and_then(|word| word.parse().ok());
    given.unwrap_or(run.status)
}

/// A command has ended: its lines are written, and the next one's turn comes. Answers the script's end if this was it.
fn ended(
    world: &mut World,
    scope: &Scope,
    process: &Process,
    run: &mut Run,
    done: Ended,
) -> Option<i64> {
    for line in &done.lines {
        write_log(world, scope, &process.log, line);
    }
    run.status = done.status;
    let program = Arc::clone(&run.program);
    let op = program.get(run.at);
    if let Some(Op::Assign { name, .. }) = op {
        run.variables.insert(name.clone(), done.value);
    }
    run.at += 1;
    let fatal = done.status != 0 && run.strict && op.is_some_and(Op::must_succeed);
    fatal.then_some(done.status)
}

/// What comes of a command's lines. `inside` of `$(…)`, what is written to its output is the value.
fn heard(outcome: Outcome, streams: Streams, inside: bool) -> Ended {
    let (mut lines, mut value) = (vec![], vec![]);
    for (written, stream) in [(outcome.out, streams.out), (outcome.errors, streams.errors)] {
        match stream {
            Stream::Nowhere => {}
            Stream::Out if inside => value.extend(written),
            Stream::Out | Stream::Errors => lines.extend(written),
        }
    }
    Ended {
        lines,
        value: value.join("\n").trim_end_matches('\n').to_owned(),
        status: outcome.status,
    }
}

/// Runs a command in a shell of its own: what it does to that shell is gone with it.
fn substitute(
    world: &mut World,
    process: &Process,
    from: &From,
    run: &Run,
    words: &[String],
) -> Outcome {
    match words.first().map(String::as_str) {
        Some("exit") => Outcome::status(exit(run, words)),
        _ => execute(world, process, from, &mut run.clone(), words),
    }
}

fn execute(
    world: &mut World,
    process: &Process,
    from: &From,
    run: &mut Run,
    words: &[String],
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
            out: rest.join(" ").split('\n').map(str::to_owned).collect(),
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
            for option in rest {
                match option.as_str() {
                    "-e" | "-eu" | "-ue" => run.strict = true,
                    "+e" => run.strict = false,
                    "-u" => {}
                    other => {
                        return Outcome::fails(
                            format!("set: {other}: not something that this image can run"),
                            127,
                            0,
                        );
                    }
                }
            }
            Outcome::status(0)
        }
        "export" => {
            for given in rest {
                if let Some((name, value)) = given.split_once('=') {
                    run.variables.insert(name.to_owned(), value.to_owned());
                }
            }
            Outcome::status(0)
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
