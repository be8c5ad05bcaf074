//! Rows that the journal has and the database does not: what was changed last.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contract::{Batch, Table};

/// A row as it was changed: its value, or that it is gone.
type Value = Option<Arc<[u8]>>;

type Rows = BTreeMap<(Table, Vec<u8>), Value>;

/// What was changed last, in two layers: what the database is being given, and what came after.
pub(super) struct Recent {
    /// What the journal has reached.
    generation: u64,
    newer: Layer,
    older: Option<Arc<Layer>>,
}

/// Changes, the generation that they lead to, and how many blocks of the journal they take.
#[derive(Default)]
pub(super) struct Layer {
    rows: Rows,
    generation: u64,
    blocks: u64,
}

impl Layer {
    /// All of it as one change.
    pub(super) fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        for ((table, key), value) in &self.rows {
            match value {
                Some(value) => batch.put(*table, key.as_slice(), &**value),
                None => batch.remove(*table, key.as_slice()),
            }
        }
        batch
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }
}

impl Recent {
    /// Nothing was changed yet since that generation.
    pub(super) fn new(generation: u64) -> Self {
        Self { generation, newer: Layer::default(), older: None }
    }

    fn note(&mut self, batch: &Batch) {
        for write in batch.writes() {
            self.newer.rows.insert((write.table, write.key.clone()), write.value.as_deref().map(Arc::from));
        }
    }

    /// Takes in a group that is durable in so many blocks.
    pub(super) fn enter(&mut self, group: &[Batch], generation: u64, blocks: u64) {
        group.iter().for_each(|batch| self.note(batch));
        self.generation = generation;
        self.newer.blocks = self.newer.blocks.saturating_add(blocks);
    }

    /// How many blocks of the journal the database lacks.
    pub(super) fn blocks(&self) -> u64 {
        self.newer.blocks.saturating_add(self.older.as_ref().map_or(0, |older| older.blocks))
    }

    /// Whether there is nothing that waits to be given to the database.
    pub(super) fn is_idle(&self) -> bool {
        self.newer.blocks == 0 && self.newer.rows.is_empty()
    }

    /// A row, if it was changed.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Option<Value> {
        if self.newer.rows.is_empty() && self.older.is_none() {
            return None;
        }
        let row = (table, key.to_vec());
        self.newer.rows.get(&row).or_else(|| self.older.as_ref().and_then(|older| older.rows.get(&row))).cloned()
    }

    /// The rows of a table that were changed, in the order of their keys, from one on.
    pub(super) fn of(&self, table: Table, from: &[u8]) -> BTreeMap<Vec<u8>, Value> {
        let layers = self.older.as_deref().into_iter().chain([&self.newer]);
        let rows =
            layers.flat_map(|layer| layer.rows.range((table, from.to_vec())..).take_while(|row| row.0.0 == table));
        rows.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }

    /// Sets everything aside that the database is to be given now; nothing where there is nothing.
    pub(super) fn set_aside(&mut self) -> Option<Arc<Layer>> {
        if self.is_idle() {
            return None;
        }
        self.newer.generation = self.generation;
        let layer = Arc::new(std::mem::take(&mut self.newer));
        self.older = Some(Arc::clone(&layer));
        Some(layer)
    }

    /// Forgets what was set aside: the database has it.
    pub(super) fn forget(&mut self) {
        self.older = None;
    }
}
