//! Shared looking: one paginated list per region, kind and filter answers every step that asks in the same tick.
//!
//! A look counts only if it started after the last call to its service: the engine says with every look how old an answer
//! may be, and a gate asks past the cache.

use super::error::CloudError;
use drtool_engine::step::Look;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

type Slot = Arc<dyn Any + Send + Sync>;

/// What was looked at last, and in which epoch.
#[derive(Default)]
pub struct Looks(Mutex<BTreeMap<String, (u64, Slot)>>);

impl Looks {
    /// The list named `key`, as of this look: fetched once, shared by everybody whom it is new enough for. `service` is
    /// the one that calls are recorded under which change it.
    pub async fn shared<T, F>(
        &self,
        service: &'static str,
        key: String,
        look: Look,
        fetch: F,
    ) -> Result<Arc<T>, CloudError>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, CloudError>>,
    {
        if !look.is_shared() {
            return fetch.await.map(Arc::new);
        }
        let cell = self.cell(key, look.epoch(), |epoch| look.takes(service, epoch));
        cell.get_or_try_init(|| async { fetch.await.map(Arc::new) })
            .await
            .map(Arc::clone)
    }
    /// What stays as it is for as long as this process runs: fetched once, by the first who asks.
    pub async fn once<T, F>(&self, key: String, fetch: F) -> Result<Arc<T>, CloudError>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, CloudError>>,
    {
        self.cell(key, 0, |_| true)
            .get_or_try_init(|| async { fetch.await.map(Arc::new) })
            .await
            .map(Arc::clone)
    }

    /// Nothing that was looked at until now is an answer any more.
    pub fn forget(&self) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.clear();
    }

    /// The place of an answer: one that is there, if its epoch will do, or a new one of `epoch`.
    fn cell<T: Send + Sync + 'static>(
        &self,
        key: String,
        epoch: u64,
        will_do: impl Fn(u64) -> bool,
    ) -> Arc<OnceCell<Arc<T>>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = slots
            .get(&key)
            .filter(|(epoch, _)| will_do(*epoch))
            .and_then(|(_, slot)| Arc::clone(slot).downcast::<OnceCell<Arc<T>>>().ok());
        held.unwrap_or_else(|| {
            let cell: Arc<OnceCell<Arc<T>>> = Arc::default();
            slots.insert(key, (epoch, Arc::clone(&cell) as Slot));
            cell
        })
    }
}
