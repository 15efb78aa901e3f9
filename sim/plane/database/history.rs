//! All that was ever written to a database, in order.

use super::{Change, Rare, Record};
use crate::clock::Nanos;
use std::collections::BTreeMap;
use std::sync::Arc;

const CHUNK: usize = 512;

/// All that was ever written, in order, in chunks that copies share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    chunks: Vec<Arc<Vec<Record>>>,
    clients: Arc<Vec<Arc<str>>>,
}

impl History {
    pub fn len(&self) -> usize {
        self.chunks
            .last()
            .map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Record> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    pub fn last(&self) -> Option<&Record> {
        self.chunks.last()?.last()
    }

    pub(super) fn push(&mut self, record: Record) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(record),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(record);
                self.chunks.push(Arc::new(chunk));
            }
        }
    }

    pub(super) fn client(&mut self, name: &str) -> u32 {
        if let Some(found) = self.clients.iter().position(|known| &**known == name) {
            return found as u32;
        }
        let clients = Arc::make_mut(&mut self.clients);
        clients.push(Arc::from(name));
        (clients.len() - 1) as u32
    }

    /// How many records had been committed at `at`.
    pub fn length_at(&self, at: Nanos) -> usize {
        let whole = self
            .chunks
            .partition_point(|chunk| chunk.last().is_some_and(|last| last.at <= at));
        match self.chunks.get(whole) {
            None => self.len(),
            Some(chunk) => whole * CHUNK + chunk.partition_point(|record| record.at <= at),
        }
    }

    /// The first `length` records.
    pub fn prefix(&self, length: usize) -> History {
        let whole = length / CHUNK;
        let mut chunks: Vec<_> = self.chunks.iter().take(whole).cloned().collect();
        if let Some(rest) = self.chunks.get(whole)
            && !length.is_multiple_of(CHUNK)
        {
            chunks.push(Arc::new(
                rest.iter().take(length % CHUNK).cloned().collect(),
            ));
        }
        History {
            chunks,
            clients: Arc::clone(&self.clients),
        }
    }

    /// Every numbered row that was ever committed, with its instant, oldest first; emptying the table takes none back.
    pub fn entries(&self) -> impl Iterator<Item = (Nanos, &str, u64)> {
        self.iter().filter_map(|record| match &record.change {
            Change::Entry { client, number } => {
                let name = self.clients.get(*client as usize)?;
                Some((record.at, &**name, *number))
            }
            Change::Other(_) => None,
        })
    }

    /// The rows of [`super::ENTRIES`], by client, in the order of writing.
    pub fn rows(&self) -> BTreeMap<String, Vec<u64>> {
        let numbers = |rows: Vec<(u64, u64)>| rows.into_iter().map(|(number, _)| number).collect();
        let rows = self.versions().into_iter();
        rows.map(|(client, rows)| (client.to_owned(), numbers(rows)))
            .collect()
    }

    /// The same, each row with the place of its transaction among all, counted from 1.
    pub fn versions(&self) -> BTreeMap<&str, Vec<(u64, u64)>> {
        let mut rows: Vec<Vec<(u64, u64)>> = vec![Vec::new(); self.clients.len()];
        for (transaction, record) in (1..).zip(self.iter()) {
            match &record.change {
                Change::Entry { client, number } => {
                    rows[*client as usize].push((*number, transaction));
                }
                Change::Other(rare) if **rare == Rare::EntriesEmptied => {
                    rows.iter_mut().for_each(Vec::clear)
                }
                Change::Other(_) => {}
            }
        }
        let named = self.clients.iter().map(|name| &**name).zip(rows);
        named.filter(|(_, rows)| !rows.is_empty()).collect()
    }

    /// Whether [`super::ENTRIES`] has a row.
    pub fn has_rows(&self) -> bool {
        let newest = self
            .chunks
            .iter()
            .rev()
            .flat_map(|chunk| chunk.iter().rev());
        newest
            .map(|record| &record.change)
            .find_map(|change| match change {
                Change::Entry { .. } => Some(true),
                Change::Other(rare) => (**rare == Rare::EntriesEmptied).then_some(false),
            })
            .unwrap_or_default()
    }
}
