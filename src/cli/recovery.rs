//! Which snapshots a rehearsal recovers from: what was typed, compared with what there is.

use std::collections::BTreeMap;

use drtool_engine::step::Look;

use crate::cloud::rds::DbSnapshot;
use crate::failure::{Exit, Failure, Failures};
use crate::manifest::{Database, Manifest};
use crate::printable::Printable;
use crate::session::Session;

/// The newest there is.
const LATEST: &str = "latest";

/// Snapshot names by database instance. Databases that are not spoken of get a fresh snapshot.
pub fn points(
    session: &Session,
    manifest: &Manifest,
    wanted: &[String],
) -> Result<BTreeMap<String, String>, Failures> {
    let mut points = BTreeMap::new();
    for (database, word) in meant(manifest, wanted)? {
        let instance = database.instance.to_string();
        let there = existing(session, manifest, &instance)?;
        let found = match word {
            LATEST => there.last(),
            name => there.iter().find(|s| s.id.eq_ignore_ascii_case(name)),
        };
        let Some(found) = found else {
            return Err(absent(&instance, word, &there, manifest));
        };
        points.insert(instance, found.id.clone());
    }
    Ok(points)
}

/// Which database each word is about.
fn meant<'a>(
    manifest: &'a Manifest,
    wanted: &'a [String],
) -> Result<Vec<(&'a Database, &'a str)>, Failures> {
    let mut meant: Vec<(&Database, &str)> = vec![];
    for word in wanted {
        // A name of RDS's own backups has a colon, and no name of a snapshot an equals sign.
        let about: Vec<(&Database, &str)> = match (word.split_once('='), word.as_str()) {
            (Some((name, snapshot)), _) => {
                let known = manifest.databases.iter().find(|d| d.name.as_str() == name);
                let known = known.ok_or_else(|| {
                    let names: Vec<&str> =
                        manifest.databases.iter().map(|d| d.name.as_str()).collect();
                    Failure::input(
                        "E1061",
                        format!("the manifest lists no database `{}`", Printable(name)),
                    )
                    .hint(format!("databases are: {}", names.join(", ")))
                })?;
                vec![(&known.value, snapshot)]
            }
            (None, LATEST) => manifest
                .databases
                .iter()
                .map(|d| (&d.value, LATEST))
                .collect(),
            (None, snapshot) => match manifest.databases.as_slice() {
                [only] => vec![(&only.value, snapshot)],
                _ => {
                    return Err(Failure::input(
                        "E1061",
                        format!("which database is snapshot `{}` of?", Printable(snapshot)),
                    )
                    .hint("say `--recovery-point DATABASE=SNAPSHOT`")
                    .into());
                }
            },
        };
        meant.extend(about);
    }
    Ok(meant)
}

/// What the instance can be recovered from, the newest last.
fn existing(
    session: &Session,
    manifest: &Manifest,
    instance: &str,
) -> Result<Vec<DbSnapshot>, Failures> {
    let cloud = session.cloud();
    let (region, of) = (manifest.source.region.to_string(), instance.to_owned());
    let look = Look::alone(0);
    let found = session.block_on(async move {
        let cloud = cloud.await;
        cloud.db_recovery_points(&region, &of, look).await
    })?;
    found.map_err(|error| {
        Failure::new(
            "E2091",
            Exit::Refused,
            format!("AWS does not say which snapshots {instance} has"),
        )
        .cause(error)
        .into()
    })
}

fn absent(instance: &str, word: &str, there: &[DbSnapshot], manifest: &Manifest) -> Failures {
    let region = &manifest.source.region.value;
    let message = match word {
        LATEST => format!("{instance} has no whole snapshot in {region}"),
        name => format!(
            "{instance} has no whole snapshot `{}` in {region}",
            Printable(name)
        ),
    };
    let newest: Vec<&str> = there.iter().rev().take(3).map(|s| s.id.as_str()).collect();
    let hint = if newest.is_empty() {
        "leave --recovery-point out: then a fresh one is taken".to_owned()
    } else {
        format!("the newest are: {}", newest.join(", "))
    };
    Failure::new("E2090", Exit::Refused, message)
        .hint(hint)
        .into()
}
