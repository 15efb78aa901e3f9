//! Whose a found thing is, said once for all kinds: by its tags, and by what AWS cannot copy (the time of creation).
//!
//! Must not know: any kind.

use crate::capture::Tags;
use drtool_engine::step::{Claim, Cx, Mark, Owner};

/// The tags of something that this step makes: the source's own, and the mark that proves it ours.
pub fn tags<E>(cx: &Cx<'_, E>, own: &Tags) -> Tags {
    let mut all: Tags = own
        .iter()
        .filter(|(key, _)| !key.starts_with("drtool:"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    all.extend(
        cx.mark()
            .tags()
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned())),
    );
    all
}

/// How a found thing with these tags is ours, or why it is not.
///
/// `id` is what a plan would adopt it by; `what` names it for people.
pub fn claim<E>(cx: &Cx<'_, E>, tags: &Tags, id: &str, what: &str) -> Result<Claim, String> {
    if cx.adopt() == Some(id) {
        return Ok(Claim::Adopted);
    }
    match cx.mark().owner(|key| tags.get(key).map(String::as_str)) {
        Owner::ThisStep | Owner::Lineage(_) => Ok(Claim::Ours),
        Owner::ThisRun(step) => Err(format!(
            "{what} exists and was made by step `{step}` of this run, not by this one"
        )),
        Owner::Stranger(lineage) => Err(format!(
            "{what} exists and belongs to another lineage of drtool, {lineage}"
        )),
        Owner::Nobody => Err(format!(
            "{what} exists and carries no tags of drtool: somebody else made it"
        )),
    }
}

/// Whether tags say that this very step made it: what undo may delete.
pub fn made_here<E>(cx: &Cx<'_, E>, tags: &Tags) -> bool {
    matches!(
        cx.mark().owner(|key| tags.get(key).map(String::as_str)),
        Owner::ThisStep
    )
}

/// Whether a bare-created thing was made by the present attempt of this step: its intent tag tells attempts apart.
pub fn of_this_intent<E>(cx: &Cx<'_, E>, tags: &Tags) -> bool {
    made_here(cx, tags)
        && tags.get(Mark::INTENT).map(String::as_str) == Some(cx.mark().intent.as_str())
}
