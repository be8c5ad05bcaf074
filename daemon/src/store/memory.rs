//! Keeps rows in memory, for tests and for a daemon that shall forget: nothing outlives the process.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::contract::{Batch, Error, Store, Table, Visit};
use super::medium::Medium;
use super::settings::Settings;
use super::writer::Written;

/// Opens an empty store in memory.
pub(super) fn open(settings: &Settings) -> Result<Box<dyn Store>, Error> {
    Ok(Box::new(Written::start(Memory::default(), settings.queue)?))
}

#[derive(Default)]
pub(super) struct Memory {
    rows: RwLock<Rows>,
}

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

impl Memory {
    /// A group is applied without a step that can panic, so a poisoned lock still guards whole batches.
    fn look(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first row of the table from `key` on.
    fn next(&self, table: Table, key: Vec<u8>) -> Option<(Vec<u8>, Vec<u8>)> {
        let rows = self.look();
        let ((found, key), value) = rows.range((table, key)..).next()?;
        (*found == table).then(|| (key.clone(), value.clone()))
    }
}

impl Medium for Memory {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.look().get(&(table, key.to_vec())).cloned())
    }

    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut from = from.to_vec();
        // The lock is not held while the visitor runs: it may read, and it may be slow.
        while let Some((mut key, value)) = self.next(table, from) {
            if visit(&key, &value) == ControlFlow::Break(()) {
                break;
            }
            key.push(0);
            from = key;
        }
        Ok(())
    }

    fn generation(&self) -> u64 {
        0
    }

    fn admits(&self, _batch: &Batch) -> Result<(), Error> {
        Ok(())
    }

    fn apply(&self, group: &[Batch], _generation: u64) -> Result<(), Error> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for write in group.iter().flat_map(Batch::writes) {
            let row = (write.table, write.key.clone());
            match &write.value {
                Some(value) => rows.insert(row, value.clone()),
                None => rows.remove(&row),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }
}
