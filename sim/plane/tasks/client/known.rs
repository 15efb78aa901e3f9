//! The command lines of clients in a program. A probe calls the same clients for hours: what no variable of the shell goes
//! into is read once.

use super::call::Call;
use super::{mysql, psql};
use crate::plane::tasks::Process;
use crate::plane::tasks::shell::{Op, Run, Simple};
use std::sync::{Arc, OnceLock};

type Read = Result<Call, String>;

/// What has been read so far, by place in the program. It follows from the program and its process's environment, so forks
/// share it, and it makes no difference between two runs.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Vec<OnceLock<Read>>>);

impl PartialEq for Calls {
    fn eq(&self, _: &Calls) -> bool {
        true
    }
}

impl Calls {
    pub fn of(program: &[Op]) -> Calls {
        Calls(Arc::new(program.iter().map(|_| OnceLock::new()).collect()))
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

    fn read(&self, name: &str, words: &[String]) -> Read {
        match name {
            "psql" => psql::psql(words, self),
            _ => mysql::mysql(words, self),
        }
    }
}

/// The name of a client.
fn client(word: &str) -> Option<&str> {
    let name = word.rsplit('/').next().unwrap_or(word);
    ["psql", "mysql"].contains(&name).then_some(name)
}

/// What a client's command line says now.
pub fn read(run: &Run, process: &Process, name: &str, words: &[String]) -> Read {
    Environment { run, process }.read(name, words)
}

/// What the command that is to be run says, if it calls a client and always says the same.
pub fn fixed<'p>(
    calls: &'p Calls,
    run: &Run,
    process: &Process,
    command: &Simple,
) -> Option<&'p Read> {
    let name = client(command.words.first()?.plain()?)?;
    let environment = Environment { run, process };
    if !environment.is_fixed_for(command) {
        return None;
    }
    let call = calls.0.get(run.at)?;
    Some(call.get_or_init(|| {
        let words = super::fields(run, process, command);
        environment.read(name, &words[1..])
    }))
}
