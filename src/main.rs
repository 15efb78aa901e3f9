//! drtool moves an application stack on AWS to another region. What it can do is in `cli/`, one file per command.

use std::process::ExitCode;

fn main() -> ExitCode {
    drtool::cli::main(std::env::args_os())
}
