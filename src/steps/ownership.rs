//! Whose a found thing is, said once for all kinds: by its tags, and by what AWS cannot copy (the time of creation).
//!
//! Must not know: any kind.

use crate::capture::Tags;
use drtool_engine::step::{CallKind, Claim, Cx, Owner};
use std::time::Duration;

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

/// Whether tags say that some step of this run made it.
pub fn made_in_run<E>(cx: &Cx<'_, E>, tags: &Tags) -> bool {
    matches!(
        cx.mark().owner(|key| tags.get(key).map(String::as_str)),
        Owner::ThisStep | Owner::ThisRun(_)
    )
}

/// Whether tags say that this step made it, in this run or an earlier one of the lineage.
pub fn ours<E>(cx: &Cx<'_, E>, tags: &Tags) -> bool {
    matches!(
        cx.mark().owner(|key| tags.get(key).map(String::as_str)),
        Owner::ThisStep | Owner::Lineage(_)
    )
}

/// [`tags`], and the `Name` that consoles show.
pub fn named<E>(cx: &Cx<'_, E>, name: &str, own: &Tags) -> Tags {
    let mut all = tags(cx, own);
    all.insert("Name".into(), name.to_owned());
    all
}

/// A create that AWS promises nothing about. After a lost answer the thing is searched by its tags for this long: the
/// 15 minutes for which a signature is good, and ten for clocks and for lists that lag.
pub fn bare() -> CallKind {
    CallKind::Bare {
        window: Duration::from_secs(25 * 60),
    }
}

/// A create whose stored token EC2 honours. The service documents no lifetime, so a short one is assumed.
pub fn short_token() -> CallKind {
    CallKind::Token {
        ttl: Duration::from_secs(5 * 60),
    }
}

/// AWS's percentage, as the engine shows it.
pub fn percent(of: Option<i32>) -> Option<u8> {
    of.and_then(|p| u8::try_from(p.clamp(0, 100)).ok())
}
