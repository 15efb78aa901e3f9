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
        let cell: Arc<OnceCell<Arc<T>>> = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let held = slots
                .get(&key)
                .filter(|(epoch, _)| look.takes(service, *epoch))
                .map(|(_, slot)| Arc::clone(slot));
            match held.and_then(|slot| slot.downcast::<OnceCell<Arc<T>>>().ok()) {
                Some(cell) => cell,
                None => {
                    let cell: Arc<OnceCell<Arc<T>>> = Arc::default();
                    slots.insert(key, (look.epoch(), Arc::clone(&cell) as Slot));
                    cell
                }
            }
        };
        cell.get_or_try_init(|| async { fetch.await.map(Arc::new) })
            .await
            .map(Arc::clone)
    }
}
