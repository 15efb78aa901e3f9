//! Whether manifest, capture and what is asked for belong together.

use super::Asked;
use crate::capture::Capture;
use crate::failure::{Failure, Failures, Sources};
use crate::manifest::{Manifest, Region, Target};
use crate::printable::Printable;

/// Whether the three belong together.
pub(super) fn fits<'a>(
    manifest: &'a Manifest,
    capture: &Capture,
    asked: &Asked,
    sources: &Sources,
) -> Result<&'a Target, Failures> {
    if capture.stack != manifest.name.as_str()
        || capture.region != manifest.source.region.as_str()
        || capture.account != manifest.source.account.as_str()
    {
        let message = format!(
            "the capture is of {} in {} of account {}",
            Printable(&capture.stack),
            Printable(&capture.region),
            Printable(&capture.account)
        );
        let failure = Failure::input("E1102", message).at(
            sources,
            manifest.source.at,
            "the manifest says this",
        );
        return Err(failure
            .hint("`drtool capture` writes the capture of this manifest")
            .into());
    }
    if asked.to == manifest.source.region.value {
        let failure = Failure::input("E1030", format!("{} is where the stack stands", asked.to))
            .at(sources, manifest.source.region.at, "the source")
            .hint("say another region of `targets:` with --to");
        return Err(failure.into());
    }
    let there = format!(".{}.", asked.to);
    for record in &manifest.dns {
        let leads = capture.records.iter().find(|found| {
            let alias = found.alias.iter().map(|alias| &alias.dns_name);
            found.name.eq_ignore_ascii_case(record.record.as_str())
                && found
                    .values
                    .iter()
                    .chain(alias)
                    .any(|host| host.contains(&there))
        });
        if leads.is_some() {
            let message = format!(
                "{} leads to {} already: the stack has been moved there",
                record.record.value, asked.to
            );
            let failure = Failure::input("E1129", message).at(sources, record.at, "this record");
            return Err(failure
                .hint("`drtool runs` shows by which run; the way back is a manifest of its own, from there to here")
                .into());
        }
    }
    match manifest.targets.get(&asked.to) {
        Some(target) => Ok(target),
        None => {
            let known: Vec<&str> = manifest.targets.keys().map(Region::as_str).collect();
            let failure = Failure::input(
                "E1031",
                format!("{} is not a target of this stack", asked.to),
            )
            .at(sources, manifest.name.at, "this stack");
            Err(failure
                .hint(format!(
                    "targets are: {}; another one is added under `targets:`",
                    known.join(", ")
                ))
                .into())
        }
    }
}
