//! What a plan refuses to pass over in silence.

use super::Rehearsal;
use super::expansion::Expansion;
use crate::failure::Failure;
use crate::printable::Printable;

impl<'a> Expansion<'a> {
    /// Everything that does not move was seen by somebody, and no string of the source region is left unawares.
    pub(super) fn acknowledged(&mut self) {
        let manifest = self.manifest;
        let at = manifest.name.at;
        for thing in &self.capture.unhandled {
            if !manifest
                .leave_behind
                .iter()
                .any(|l| l.what.as_str() == thing.what)
            {
                let failure = Failure::input(
                    "E1111",
                    format!(
                        "{} belongs to the stack and would not move ({})",
                        Printable(&thing.what),
                        Printable(&thing.why)
                    ),
                );
                let hint = format!(
                    "if it may stay: `leaveBehind: [ {{ what: {}, why: … }} ]`",
                    thing.what
                );
                self.found
                    .push(failure.at(self.sources, at, "this stack").hint(hint));
            }
        }
        for written in &self.capture.written_paths {
            if !manifest
                .accepted_loss
                .iter()
                .any(|a| a.path.value == written.path)
            {
                let message = format!(
                    "container `{}` writes to {}, which no volume keeps ({})",
                    Printable(&written.container),
                    Printable(&written.path),
                    Printable(&written.known_from)
                );
                let hint = format!(
                    "if that may be lost: `acceptedLoss: [ {{ path: {}, why: … }} ]`",
                    written.path
                );
                self.found.push(
                    Failure::input("E1112", message)
                        .at(self.sources, at, "this stack")
                        .hint(hint),
                );
            }
        }
        for left in self.rewriter.remaining().to_vec() {
            if !manifest
                .allow_source_region_in
                .iter()
                .any(|a| a.field.value == left.field)
            {
                let message = format!(
                    "{} would still name {}: {}",
                    Printable(&left.field),
                    self.capture.region,
                    Printable(&left.text)
                );
                let hint = format!(
                    "override it, or if it is meant: `allowSourceRegionIn: [ {{ field: \"{}\", why: … }} ]`",
                    left.field
                );
                self.found.push(
                    Failure::input("E1110", message)
                        .at(self.sources, at, "this stack")
                        .hint(hint),
                );
            }
        }
        if manifest.protect && self.asked.profile == Rehearsal::Real {
            self.found.push(
                Failure::input(
                    "E1115",
                    "this stack is protected: no run may fence or cut it",
                )
                .at(self.sources, at, "`protect: true`")
                .hint("plan and drill work; to move it, take `protect` away"),
            );
        }
    }
}
