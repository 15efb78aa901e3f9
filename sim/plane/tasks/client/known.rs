//! The command lines of clients in a program. A probe calls the same clients for hours: what no variable of the shell goes
//! into is read once.

use super::call::Call;
use super::{mysql, psql};
use crate::plane::tasks::Process;
use crate::plane::tasks::shell::{Assigned, Op, Run, Simple};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

type Read = Result<Call, String>;

/// What has been read so far, by place in the program, where a client is called there by its name. It follows from the
/// program and its process's environment, so forks share it, and it makes no difference between two runs.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Vec<Option<OnceLock<Read>>>>);

impl PartialEq for Calls {
    fn eq(&self, _: &Calls) -> bool {
        true
    }
}

impl Calls {
    pub fn of(program: &[Op]) -> Calls {
        let place = |op: &Op| {
            let (Op::Command { command, .. }
            | Op::Assign {
                value: Assigned::Output(command),
                ..
            }) = op
            else {
                return None;
            };
            client(command).map(|_| OnceLock::new())
        };
        Calls(Arc::new(program.iter().map(place).collect()))
    }

    /// What the command that is to be run says, if it calls a client and always says the same.
    pub(super) fn fixed(&self, run: &Run, process: &Process, command: &Simple) -> Option<&Read> {
        let call = self.0.get(run.at)?.as_ref()?;
        let environment = Environment { run, process };
        if !environment.is_fixed_for(command) {
            return None;
        }
        Some(call.get_or_init(|| {
            let words = super::fields(run, process, command);
            environment.read(client(command).unwrap_or_default(), &words[1..])
        }))
    }
}

/// What a client sees: the container's environment and what was exported.
pub struct Environment<'p> {
    pub run: &'p Run,
    pub process: &'p Process,
}

impl Environment<'_> {
    pub fn get(&self, name: &str) -> &str {
        match self.run.variables.get(name) {
            Some(value) => value,
            None => self.process.variable(name),
        }
    }

    /// Whether none of the shell's own variables goes into a command.
    fn is_fixed_for(&self, command: &Simple) -> bool {
        let reads = |name: &str| command.words.iter().any(|word| word.reads(name));
        // Those that clients look at begin so.
        let of_clients = |name: &str| name.starts_with("PG") || name.starts_with("MYSQL_");
        let mut variables = self.run.variables.keys();
        !reads("?") && !variables.any(|name| of_clients(name) || reads(name))
    }

    fn read(&self, name: &str, words: &[Cow<'_, str>]) -> Read {
        let words: Vec<String> = words.iter().map(|word| word.clone().into_owned()).collect();
        match name {
            "psql" => psql::psql(&words, self),
            _ => mysql::mysql(&words, self),
        }
    }
}

/// The name of the client that a command calls.
fn client(command: &Simple) -> Option<&str> {
    let word = command.words.first()?.plain()?;
    let name = word.rsplit('/').next().unwrap_or(word);
    ["psql", "mysql"].contains(&name).then_some(name)
}

/// What a client's command line says now.
pub fn read(run: &Run, process: &Process, name: &str, words: &[Cow<'_, str>]) -> Read {
    Environment { run, process }.read(name, words)
}
