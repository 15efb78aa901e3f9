//! The second place for records, and the requests that wait until it has them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;

use super::{Executor, Outgoing};
use crate::event::Event;
use crate::journal::{JournalError, Mirror, MirrorError};
use crate::run::RunError;
use crate::run::doing::{Completion, Done};
use crate::run::fleet::Shared;
use crate::run::pace::later;
use crate::step::{Class, Effect, StepError};

/// While the mirror is lost it is tried again after so long.
const AGAIN: Duration = Duration::from_secs(30);

/// The approval with which fences and cuts go on without the mirror.
pub(super) const BREAK_GLASS: &str = "break-glass";

pub(super) struct Second {
    mirror: Arc<dyn Mirror>,
    /// Lines that the mirror does not have, the first of which is number `acknowledged + 1`.
    lines: VecDeque<Arc<str>>,
    acknowledged: u64,
    /// So many of `lines` are on their way.
    busy: usize,
    lost: bool,
    next: Option<Timestamp>,
    parked: VecDeque<(u64, Outgoing)>,
}

impl Second {
    pub fn new(mirror: Arc<dyn Mirror>, history: Vec<Arc<str>>) -> Self {
        Second {
            mirror,
            lines: history.into(),
            acknowledged: 0,
            busy: 0,
            lost: false,
            next: None,
            parked: VecDeque::new(),
        }
    }

    pub fn queue(&mut self, lines: impl Iterator<Item = Arc<str>>) {
        self.lines.extend(lines);
    }

    pub fn healthy(&self) -> bool {
        !self.lost
    }

    pub fn settled(&self) -> bool {
        self.lost || (self.lines.is_empty() && self.busy == 0)
    }

    /// A request that leaves once the mirror has record `number`.
    pub fn park(&mut self, number: u64, outgoing: Outgoing) {
        self.parked.push_back((number, outgoing));
    }
}

impl<E: Send + Sync + 'static> Executor<E> {
    /// Whether a step with this effect may go on although the mirror is lost.
    pub(super) fn may_go_unmirrored(&self, effect: Effect) -> bool {
        effect <= Effect::Adds
            || self.state().unwinding.is_some()
            || self.state().plan.approved(BREAK_GLASS).is_some()
            || self.second.as_ref().is_none_or(Second::healthy)
    }

    pub(super) fn mirror_error(&self) -> StepError {
        let why = self.state().mirror_lost.clone().unwrap_or_default();
        StepError::pause("E3013", format!("records do not reach their second place, and this step must not be forgotten: {why}"))
            .hint("mend the way to it and resume, or approve `break-glass`")
    }

    pub(super) fn feed_mirror(&mut self, shared: &mut Shared) {
        let now = shared.clock.now();
        let (run, id) = (self.at, self.run.state.run.clone());
        let Some(second) = &mut self.second else {
            return;
        };
        if second.busy > 0 || second.lines.is_empty() || second.next.is_some_and(|next| next > now)
        {
            return;
        }
        let lines: Vec<Arc<str>> = second.lines.iter().cloned().collect();
        second.busy = lines.len();
        let push = second.mirror.push(&id, second.acknowledged + 1, lines);
        let patience = shared.clock.sleep(shared.pace.mirror);
        let pushed = async move {
            tokio::select! {
                biased;
                pushed = push => pushed,
                () = patience => Err(MirrorError::Lost("it did not answer in time".into())),
            }
        };
        let done = pushed.map(move |result| Completion {
            run,
            step: None,
            turn: 0,
            done: Done::Mirrored(result),
        });
        shared.doing.push(Box::pin(done));
    }

    pub(super) fn mirrored(
        &mut self,
        result: Result<(), MirrorError>,
        shared: &mut Shared,
    ) -> Result<(), RunError> {
        let now = shared.clock.now();
        let Some(second) = &mut self.second else {
            return Ok(());
        };
        let sent = std::mem::take(&mut second.busy);
        match result {
            Ok(()) => {
                second.lines.drain(..sent);
                second.acknowledged += sent as u64;
                second.next = None;
                let acknowledged = second.acknowledged;
                while let Some((number, _)) = second.parked.front()
                    && *number <= acknowledged
                    && let Some((_, outgoing)) = second.parked.pop_front()
                {
                    shared.doing.push(outgoing.doing);
                }
                if std::mem::take(&mut second.lost) && self.ending.is_none() {
                    self.emit(shared, Event::MirrorBack)?;
                }
            }
            Err(MirrorError::Usurped(why)) => return Err(JournalError::Usurped { why }.into()),
            Err(MirrorError::Lost(why)) => {
                second.next = Some(later(now, AGAIN));
                let first = !std::mem::replace(&mut second.lost, true);
                let parked = std::mem::take(&mut second.parked);
                if first && self.ending.is_none() {
                    self.emit(shared, Event::MirrorLost { why })?;
                }
                for (_, outgoing) in parked {
                    self.unpark(outgoing, shared)?;
                }
            }
        }
        Ok(())
    }

    /// A request waited for the mirror in vain: it goes without, or it is certain that it did not go.
    fn unpark(&mut self, outgoing: Outgoing, shared: &mut Shared) -> Result<(), RunError> {
        let Some((at, effect)) = outgoing.mutating else {
            return Ok(());
        };
        if self.may_go_unmirrored(effect) {
            shared.doing.push(outgoing.doing);
            return Ok(());
        }
        self.sending -= 1;
        self.live[at].busy = false;
        self.live[at].turn += 1;
        let (code, message) = ("MirrorLost".to_owned(), "it was not sent".to_owned());
        let step = self.id(at);
        self.emit(
            shared,
            Event::Refused {
                step,
                class: Class::Pause,
                code,
                message,
                request_id: None,
            },
        )?;
        let error = self.mirror_error();
        self.fail(at, &error, shared)
    }
}
