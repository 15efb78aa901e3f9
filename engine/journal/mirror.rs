//! The second place for a journal's records, away from the machine that writes them.
//!
//! Must not know: where that is. The product brings it (an S3 bucket outside the source region).

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::name::RunId;

/// A second place.
pub trait Mirror: Send + Sync + 'static {
    /// Ends when the second place has the lines, the first of which is record number `first`. Lines may come twice.
    fn push(
        &self,
        run: &RunId,
        first: u64,
        lines: Vec<Arc<str>>,
    ) -> BoxFuture<'static, Result<(), MirrorError>>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// Not reached. The run goes on with what may be forgotten.
    #[error("the mirror does not take records: {0}")]
    Lost(String),
    /// Another process has taken the run over there. This one must stop at once.
    #[error("another process has taken the run over: {0}")]
    Usurped(String),
}
