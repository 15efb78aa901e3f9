//! Shared looking: one paginated list per region, kind and filter answers every step that asks in the same tick.
//!
//! A look counts only if it started after the last call of its kind: the engine moves the epoch on after every tick
//! and after every batch of calls, and a gate asks past the cache.

use super::error::CloudError;
use drtool_engine::step::Look;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

type Slot = Arc<dyn Any + Send + Sync>;

/// What was looked at in the present epoch.
#[derive(Default)]
pub struct Looks(Mutex<BTreeMap<String, (u64, Slot)>>);

impl Looks {
    /// The list named `key`, as of this look: fetched once an epoch, shared by everybody who asks.
    pub async fn shared<T, F>(
        &self,
        key: String,
        look: Look,
        fetch: F,
    ) -> Result<Arc<T>, CloudError>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Result<T, CloudError>>,
    {
        if !look.shared {
            return fetch.await.map(Arc::new);
        }
        let cell: Arc<OnceCell<Arc<T>>> = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let held = slots
                .get(&key)
                .filter(|(epoch, _)| *epoch == look.epoch)
                .map(|(_, slot)| Arc::clone(slot));
            match held.and_then(|slot| slot.downcast::<OnceCell<Arc<T>>>().ok()) {
                Some(cell) => cell,
                None => {
                    let cell: Arc<OnceCell<Arc<T>>> = Arc::default();
                    slots.insert(key, (look.epoch, Arc::clone(&cell) as Slot));
                    cell
                }
            }
        };
        cell.get_or_try_init(|| async { fetch.await.map(Arc::new) })
            .await
            .map(Arc::clone)
    }
}
