//! What people type. One file per command; this one holds what they share: flags, printing, exit codes.
//!
//! The only place that reads the environment, the terminal and files named by people. Decides nothing about a move.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

use crate::failure::{Exit, Failure, Failures};

mod approve;
mod ask;
mod capture;
pub mod carry;
pub mod close;
mod completions;
mod difference;
mod drill;
mod iam;
mod kinds;
pub mod live;
mod man;
mod migrate;
mod plan;
pub mod records;
mod recovery;
mod report;
mod resume;
mod runs;
mod sandbox;
pub mod saved;
mod schema;
pub mod show;
pub mod stack;
mod status;
pub mod summary;
mod undo;
mod whither;

/// Moves an application stack on AWS to another region: on purpose, as a rehearsal, or because the region is gone.
#[derive(Debug, Parser)]
#[command(
    name = "drtool",
    version,
    arg_required_else_help = true,
    propagate_version = true
)]
pub struct Cli {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Shared {
    /// Machine-readable output on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    /// No colours, whatever the terminal can do.
    #[arg(long, global = true, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0, default_missing_value = "1")]
    pub no_color: bool,
    /// Say less.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    #[command(flatten)]
    pub whither: whither::Whither,
    /// The folder that `manifests/` and `runbooks/` are in.
    #[arg(
        long,
        global = true,
        default_value = ".",
        hide_default_value = true,
        value_name = "DIR"
    )]
    pub directory: PathBuf,
}

impl Shared {
    /// Whether stderr may be coloured.
    pub fn colour(&self) -> bool {
        !self.no_color && std::io::stderr().is_terminal()
    }

    /// Whether stdout may be coloured.
    pub fn colour_out(&self) -> bool {
        !self.no_color && std::io::stdout().is_terminal()
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows what a move would do, for review. Changes nothing.
    Plan(plan::Plan),
    /// Moves a stack to another region.
    Migrate(migrate::Migrate),
    /// Rehearses a move: real resources under names of their own, nothing fenced, no DNS; then takes them away.
    Drill(drill::Drill),
    /// Goes on with a run that was stopped or killed.
    Resume(resume::Resume),
    /// Takes back what a run made, before its cut.
    Undo(undo::Undo),
    /// Lets a run through that waits for an answer.
    Approve(approve::Approve),
    /// Shows how a run stands.
    Status(status::Status),
    /// Lists the runs.
    Runs(runs::Runs),
    /// Shows what a run came to; `--html` writes the whole of it as one file.
    Report(report::Report),
    /// Asks AWS what the source stack is, and writes it down beside the manifest.
    Capture(capture::Capture),
    /// Lists the kinds of steps.
    Kinds(kinds::List),
    /// The simulated AWS: serve it, build stacks in it, break it.
    Sandbox(sandbox::Sandbox),
    /// Prints the JSON Schema of manifests or runbooks, for editors.
    Schema(schema::Schema),
    /// Prints the least IAM policy for a move.
    Iam(iam::Iam),
    /// Prints the completion script of a shell.
    Completions(completions::Completions),
    /// Prints the manual page.
    Man(man::Man),
}

/// Runs what was typed and says how it ended.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to fail differently.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Input.into()
            } else {
                Exit::Done.into()
            };
        }
    };
    let shared = cli.shared.clone();
    match guarded(|| run(cli)) {
        Ok(exit) => exit.into(),
        Err(failures) => {
            complain(&failures, &shared);
            failures.exit().into()
        }
    }
}

/// A bug ends with its own status and says that no run is harmed by it: what was done is in the journal.
fn guarded(
    run: impl FnOnce() -> Result<Exit, Failures> + std::panic::UnwindSafe,
) -> Result<Exit, Failures> {
    std::panic::set_hook(Box::new(|panic| {
        tell(&format!("this is a bug in drtool: {panic}\n"));
    }));
    std::panic::catch_unwind(run).unwrap_or_else(|_| {
        Err(
            Failure::new("E9000", Exit::Bug, "drtool has stopped at a bug of its own")
                .hint("what a run has done is in its journal: drtool status shows it, drtool resume goes on")
                .into(),
        )
    })
}

fn run(cli: Cli) -> Result<Exit, Failures> {
    let shared = &cli.shared;
    match cli.command {
        Command::Plan(command) => plan::run(&command, shared),
        Command::Migrate(command) => migrate::run(&command, shared),
        Command::Drill(command) => drill::run(&command, shared),
        Command::Resume(command) => resume::run(&command, shared),
        Command::Undo(command) => undo::run(&command, shared),
        Command::Approve(command) => approve::run(&command, shared),
        Command::Status(command) => status::run(&command, shared),
        Command::Runs(command) => runs::run(&command, shared),
        Command::Report(command) => report::run(&command, shared),
        Command::Capture(command) => capture::run(&command, shared),
        Command::Kinds(_) => kinds::run(shared),
        Command::Sandbox(command) => sandbox::run(&command, shared),
        Command::Schema(command) => schema::run(&command),
        Command::Iam(command) => iam::run(&command, shared),
        Command::Completions(command) => completions::run(&command),
        Command::Man(command) => man::run(&command),
    }
}

/// What went wrong, on stderr; with `--json` as one line each.
fn complain(failures: &Failures, shared: &Shared) {
    let mut err = std::io::stderr().lock();
    if shared.json {
        for failure in &failures.0 {
            let line = serde_json::json!({
                "error": failure.code, "message": failure.to_string(), "at": failure.place(), "hints": failure.hints(), "exit": failure.exit as u8,
            });
            let _ = writeln!(err, "{line}");
        }
    } else {
        let _ = write!(err, "{}", failures.render(shared.colour()));
    }
}

/// Writes to stdout. A reader that went away has seen enough.
pub fn say(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes to stderr. If the terminal has gone, so have the words: nothing else stops.
pub fn tell(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The command line as clap knows it, for completions and the manual.
pub fn definition() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests;
