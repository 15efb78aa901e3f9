//! What was asked of a world, and what became of it.

use crate::clock::Nanos;
use crate::services::ServiceId;
use crate::world::{Caller, Request};
use std::collections::VecDeque;
use std::sync::Arc;

/// Entries of the access log that are kept.
const LOG: usize = 20_000;

/// One line of the access log.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    pub at: Nanos,
    pub account: String,
    pub arn: String,
    pub service: ServiceId,
    pub region: String,
    pub operation: String,
    pub request_id: String,
    /// 0 if no answer was given.
    pub status: u16,
    pub error: Option<String>,
    /// Whether the service did (or refused) it, whatever the client learnt.
    pub executed: bool,
    pub writes: bool,
    pub latency: Nanos,
    pub fault: Option<String>,
}

/// What was asked of a world, newest last, and a digest of all that was asked and answered.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Shared between forks until one of them is called.
    entries: Arc<VecDeque<Arc<Access>>>,
    /// Every request and answer since the beginning: equal for equal histories.
    pub digest: u64,
    pub calls: u64,
}

impl Log {
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Access> {
        self.entries.iter().map(AsRef::as_ref)
    }

    pub(super) fn put(&mut self, access: Access) {
        let entries = Arc::make_mut(&mut self.entries);
        if entries.len() == LOG {
            entries.pop_front();
        }
        entries.push_back(Arc::new(access));
        self.calls += 1;
    }
}

/// A request that reached its service and may have changed the world: what a kept world is made of.
#[derive(Clone, Debug)]
pub struct Executed {
    pub at: Nanos,
    /// When it is executed, if it is held up.
    pub due: Option<Nanos>,
    pub caller: Caller,
    pub request: Request,
}
