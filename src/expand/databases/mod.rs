//! A database's way to the target: settings groups, a first copy beside the running source, the last copy, the restore, its proof.

mod copy;
mod probe;
mod proof;
mod settings;

use crate::capture::{self, compute};
use crate::expand::Expansion;
use crate::manifest::{Database, Located};

pub(super) use copy::{restore, seed};
pub(super) use probe::{open, open_rules, probe_group, probe_rule, remove_probes, task};
pub(super) use proof::verify;
pub(super) use settings::{finish, settings};

/// The captured instance of a database of the manifest, or a refusal.
pub(super) fn captured<'a>(
    e: &mut Expansion<'a>,
    index: usize,
) -> Option<(&'a Located<Database>, &'a capture::Database)> {
    let database: &Located<Database> = &e.manifest.databases[index];
    match e.capture.database(database.instance.as_str()) {
        Some(found) => Some((database, found)),
        None => {
            let message = format!("the source has no RDS instance {}", database.instance.value);
            let found = crate::failure::Failure::input("E1103", message).at(
                e.sources,
                database.instance.at,
                "listed here",
            );
            if !e.found.iter().any(|f| f.to_string() == found.to_string()) {
                e.found
                    .push(found.hint("compare with the capture; `drtool capture` refreshes it"));
            }
            None
        }
    }
}

/// The service whose tasks use a database, and the container definition that names it.
pub(super) fn user<'a>(
    e: &Expansion<'a>,
    source: &capture::Database,
) -> Option<(&'a compute::Service, &'a compute::TaskDefinition)> {
    let services = e
        .manifest
        .services
        .iter()
        .filter_map(|s| e.captured_service(s.name.as_str()));
    let with: Vec<_> = services
        .filter_map(|s| {
            e.capture
                .task_definition(&s.task_definition)
                .map(|t| (s, t))
        })
        .collect();
    let names = |t: &&compute::TaskDefinition| {
        serde_json::to_string(&t.container_definitions)
            .is_ok_and(|text| text.contains(&source.endpoint))
    };
    with.iter()
        .find(|(_, t)| names(t))
        .or_else(|| with.first())
        .copied()
}

/// The log group of the tasks that use a database, in the source.
pub(super) fn task_log_group(e: &Expansion<'_>, database: &Located<Database>) -> Option<String> {
    let source = e.capture.database(database.instance.as_str())?;
    let (_, definition) = user(e, source)?;
    let group = definition.container_definitions.iter().find_map(|c| {
        c.pointer("/logConfiguration/options/awslogs-group")
            .and_then(|g| g.as_str())
    })?;
    Some(group.to_owned())
}
