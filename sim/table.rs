//! How a service keeps what it holds: in key order, cheap to fork, with reads that may lag writes.
//!
//! A row is behind an `Arc`, so forking a world copies pointers. Every change remembers the row as it was and when
//! the change becomes visible: control-plane code asks for the truth ([`Table::get`]), answers to Describe and List
//! calls ask for what is *seen* at an instant ([`Table::seen`]).

use crate::clock::Nanos;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
struct Row<V> {
    truth: Option<Arc<V>>,
    /// What a reader sees until `fresh_at`.
    stale: Option<Arc<V>>,
    fresh_at: Nanos,
}

/// Rows of one kind, by key.
#[derive(Clone, Debug)]
pub struct Table<V>(BTreeMap<String, Row<V>>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Table(BTreeMap::new())
    }
}

impl<V: Clone> Table<V> {
    /// The row as it is, whatever a reader sees.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.0.get(key)?.truth.as_deref()
    }

    /// The same, to be held on to while the table changes.
    pub fn shared(&self, key: &str) -> Option<Arc<V>> {
        self.0.get(key)?.truth.clone()
    }

    /// The same with the table's own copy of its key.
    pub fn entry(&self, key: &str) -> Option<(&str, &V)> {
        let (key, row) = self.0.get_key_value(key)?;
        Some((key, row.truth.as_deref()?))
    }

    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Puts a row; readers see it from `fresh_at` on (pass the present instant for services that read their writes).
    pub fn put(&mut self, key: impl Into<String>, value: V, fresh_at: Nanos) {
        let row = self.0.entry(key.into()).or_insert(Row {
            truth: None,
            stale: None,
            fresh_at: 0,
        });
        row.stale = row.truth.take();
        row.truth = Some(Arc::new(value));
        row.fresh_at = fresh_at;
    }

    /// Changes a row in place, visible from `fresh_at` on. Answers whether the row was there.
    pub fn change(&mut self, key: &str, fresh_at: Nanos, change: impl FnOnce(&mut V)) -> bool {
        let Some(row) = self.0.get_mut(key) else {
            return false;
        };
        let Some(truth) = row.truth.as_mut() else {
            return false;
        };
        row.stale = Some(Arc::clone(truth));
        row.fresh_at = fresh_at;
        change(Arc::make_mut(truth));
        true
    }

    /// Changes a row by an event of the world: visible at once.
    pub fn settle(&mut self, key: &str, change: impl FnOnce(&mut V)) -> bool {
        let Some(row) = self.0.get_mut(key) else {
            return false;
        };
        let Some(truth) = row.truth.as_mut() else {
            return false;
        };
        change(Arc::make_mut(truth));
        row.stale = None;
        row.fresh_at = 0;
        true
    }

    /// Has an event of the world make another of a row: visible at once.
    pub fn settle_as(&mut self, key: &str, value: Arc<V>) {
        if let Some(row) = self.0.get_mut(key)
            && row.truth.is_some()
        {
            row.truth = Some(value);
            row.stale = None;
            row.fresh_at = 0;
        }
    }

    /// A row, to change what no reader of the table sees of it.
    pub fn inner(&mut self, key: &str) -> Option<&mut V> {
        self.0.get_mut(key)?.truth.as_mut().map(Arc::make_mut)
    }

    /// Removes a row; readers may see it until `gone_at`.
    pub fn remove(&mut self, key: &str, gone_at: Nanos) -> Option<Arc<V>> {
        let row = self.0.get_mut(key)?;
        let truth = row.truth.take()?;
        row.stale = Some(Arc::clone(&truth));
        row.fresh_at = gone_at;
        Some(truth)
    }

    /// Forgets what no reader sees any more at `now`: rows as they were, and rows that are gone.
    pub fn forget(&mut self, now: Nanos) {
        self.0.retain(|_, row| {
            if row.fresh_at <= now {
                row.stale = None;
            }
            row.truth.is_some() || row.stale.is_some()
        });
    }

    /// What a reader sees at `now`.
    pub fn seen(&self, key: &str, now: Nanos) -> Option<&V> {
        let row = self.0.get(key)?;
        if now < row.fresh_at {
            row.stale.as_deref()
        } else {
            row.truth.as_deref()
        }
    }

    /// Everything that a reader sees at `now`, in key order.
    pub fn seen_all(&self, now: Nanos) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().filter_map(move |(key, row)| {
            let seen = if now < row.fresh_at {
                row.stale.as_deref()
            } else {
                row.truth.as_deref()
            };
            seen.map(|v| (key.as_str(), v))
        })
    }

    /// Everything there is, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0
            .iter()
            .filter_map(|(key, row)| row.truth.as_deref().map(|v| (key.as_str(), v)))
    }

    pub fn keys(&self) -> Vec<String> {
        self.iter().map(|(k, _)| k.to_owned()).collect()
    }

    pub fn len(&self) -> usize {
        self.iter().count()
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_lag_a_write_and_a_removal_until_it_is_visible() {
        let mut table = Table::default();
        table.put("a", 1, 10);
        assert_eq!(
            (table.seen("a", 9), table.seen("a", 10), table.get("a")),
            (None, Some(&1), Some(&1))
        );
        table.change("a", 20, |v| *v = 2);
        assert_eq!(
            (table.seen("a", 19), table.seen("a", 20)),
            (Some(&1), Some(&2))
        );
        table.remove("a", 30);
        assert_eq!(
            (table.seen("a", 29), table.seen("a", 30), table.get("a")),
            (Some(&2), None, None)
        );
    }

    #[test]
    fn what_nobody_sees_any_more_is_forgotten_and_nothing_else() {
        let mut table = Table::default();
        table.put("gone", 1, 0);
        table.put("changed", 1, 0);
        table.remove("gone", 30);
        table.change("changed", 30, |v| *v = 2);
        table.forget(29);
        assert_eq!(
            (table.seen("gone", 29), table.seen("changed", 29)),
            (Some(&1), Some(&1))
        );
        table.forget(30);
        assert_eq!((table.0.len(), table.seen("changed", 0)), (1, None));
        assert_eq!(table.seen("changed", 30), Some(&2));
    }

    #[test]
    fn a_fork_does_not_see_later_changes() {
        let mut table = Table::default();
        table.put("a", String::from("before"), 0);
        let fork = table.clone();
        table.change("a", 0, |v| v.push_str(" and after"));
        assert_eq!(fork.get("a").map(String::as_str), Some("before"));
    }
}
