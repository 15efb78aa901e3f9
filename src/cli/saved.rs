//! Plans in files: saved for review, and carried out later only as they were reviewed.

use std::path::Path;

use drtool_engine::plan::{FORMAT, Plan};

use crate::failure::{Exit, Failure, Failures};

/// Writes a new file: an existing one is somebody's plan.
pub fn save(plan: &Plan, path: &Path) -> Result<(), Failures> {
    use std::io::Write;
    let saved = serde_json::json!({ "hash": plan.hash(), "plan": plan });
    let failed = |error: std::io::Error| -> Failures {
        let failure = Failure::input(
            "E1071",
            format!("the plan cannot be saved to {}", path.display()),
        );
        let failure = if error.kind() == std::io::ErrorKind::AlreadyExists {
            failure.hint("the file is there already: name another, or move it away")
        } else {
            failure
        };
        failure.cause(error).into()
    };
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    let mut text = serde_json::to_string_pretty(&saved).unwrap_or_default();
    text.push('\n');
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

/// A plan that was saved, proven by its hash.
pub fn read(path: &Path) -> Result<Plan, Failures> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::input("E1093", format!("{} cannot be read", path.display())).cause(error)
    })?;
    proven(&path.display().to_string(), &bytes)
}

/// The plan in the bytes of a file, if its hash fits.
pub fn proven(name: &str, bytes: &[u8]) -> Result<Plan, Failures> {
    #[derive(serde::Deserialize)]
    struct Saved {
        hash: String,
        plan: Plan,
    }
    let saved: Saved = serde_json::from_slice(bytes).map_err(|error| {
        Failure::input("E1105", format!("{name} is not a saved plan"))
            .cause(error)
            .hint("drtool plan --out FILE saves one")
    })?;
    if saved.plan.format != FORMAT {
        return Err(Failure::input(
            "E1105",
            format!("{name} was saved by another version of drtool"),
        )
        .hint("plan again")
        .into());
    }
    if saved.plan.hash() != saved.hash {
        let failure = Failure::new(
            "E3011",
            Exit::State,
            format!("{name} was changed after it was saved: its hash does not fit"),
        );
        return Err(failure
            .hint("plan again, and have that plan reviewed")
            .into());
    }
    Ok(saved.plan)
}
