//! The rows as they stood at one moment, shown while changes go on.
//!
//! Nothing is copied beforehand, and no writer waits for a reader: before the writer applies a group, it puts the rows that
//! the group changes aside as they were, for whoever still looks at an earlier moment.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::contract::{Batch, Error, Snapshot, Table, Visit};
use super::medium::Medium;

/// Whoever looks at an earlier moment. The lock is held while a group is applied: a moment is between two groups.
#[derive(Default)]
pub(super) struct Lookers(Mutex<Vec<Weak<Aside>>>);

/// Held while a group is applied.
pub(super) struct Applying<'a>(#[expect(dead_code, reason = "held, not read")] MutexGuard<'a, Vec<Weak<Aside>>>);

impl Lookers {
    /// Puts aside what the batches are about to change.
    pub(super) fn before<'a>(&'a self, medium: &impl Medium, batches: &[Batch]) -> Applying<'a> {
        let mut lookers = self.look();
        lookers.retain(|looker| looker.strong_count() > 0);
        for aside in lookers.iter().filter_map(Weak::upgrade) {
            for write in batches.iter().flat_map(Batch::writes) {
                aside.put(medium, write.table, &write.key);
            }
        }
        Applying(lookers)
    }

    /// The rows of `medium` as they stand now; `generation` says which moment that is.
    pub(super) fn enter<M: Medium>(
        &self,
        medium: &Arc<M>,
        generation: impl FnOnce() -> u64,
    ) -> Result<Box<dyn Snapshot>, Error> {
        let mut lookers = self.look();
        lookers.retain(|looker| looker.strong_count() > 0);
        if lookers.len() >= MOST_LOOKERS {
            return Err(Error::Busy);
        }
        let aside = Arc::new(Aside::default());
        lookers.push(Arc::downgrade(&aside));
        Ok(Box::new(Past { medium: Arc::clone(medium), aside, generation: generation() }))
    }

    /// The list is only pushed to and pruned, so a poisoned lock still guards a whole one.
    fn look(&self) -> MutexGuard<'_, Vec<Weak<Aside>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What rows were before they were changed.
#[derive(Default)]
struct Aside(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    rows: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    bytes: usize,
    /// Whether something could not be put aside, so that nobody can tell any more how things stood.
    lost: bool,
}

impl Aside {
    fn put(&self, medium: &impl Medium, table: Table, key: &[u8]) {
        let mut kept = self.look();
        if kept.lost || kept.rows.contains_key(&(table, key.to_vec())) {
            return;
        }
        let Ok(value) = medium.get(table, key) else { return kept.lose() };
        let weight = key.len().saturating_add(value.as_ref().map_or(0, Vec::len)).saturating_add(ROW);
        kept.bytes = kept.bytes.saturating_add(weight);
        if kept.bytes > MOST_BYTES {
            return kept.lose();
        }
        kept.rows.insert((table, key.to_vec()), value);
    }

    fn look(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn lose(&mut self) {
        self.rows.clear();
        self.lost = true;
    }

    /// The rows between two keys, neither included, that were there; without a key, from the table's begin or to its end.
    fn between(&self, table: Table, from: Option<&[u8]>, to: Option<&[u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let from = match from {
            Some(from) => Bound::Excluded((table, from.to_vec())),
            None => Bound::Included((table, Vec::new())),
        };
        let rows = self.rows.range((from, Bound::Unbounded));
        rows.take_while(|((of, key), _)| *of == table && to.is_none_or(|to| &**key < to))
            .filter_map(|((_, key), value)| value.as_ref().map(|value| (key.clone(), value.clone())))
            .collect()
    }
}

struct Past<M> {
    medium: Arc<M>,
    aside: Arc<Aside>,
    generation: u64,
}

impl<M> Past<M> {
    /// Shows the rows that were changed since and stood between two keys.
    fn show(&self, table: Table, from: Option<&[u8]>, to: Option<&[u8]>, visit: &mut Visit<'_>) -> ControlFlow<()> {
        // The lock is not held while the visitor runs: the writer may be waiting for it.
        let rows = self.aside.look().between(table, from, to);
        rows.into_iter().try_for_each(|(key, value)| visit(&key, &value))
    }
}

impl<M: Medium> Snapshot for Past<M> {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut last: Option<Vec<u8>> = None;
        let mut ended = false;
        let outcome = self.medium.walk(table, &[], &mut |key, value| {
            // What the medium shows may be newer. Whatever is newer was put aside before it could be seen.
            let mut flow = self.show(table, last.as_deref(), Some(key), visit);
            if flow.is_continue() {
                let was = self.aside.look().rows.get(&(table, key.to_vec())).cloned();
                flow = match was {
                    None => visit(key, value),
                    Some(Some(was)) => visit(key, &was),
                    Some(None) => ControlFlow::Continue(()),
                };
            }
            last = Some(key.to_vec());
            ended = flow.is_break();
            flow
        });
        if !ended {
            let _ = self.show(table, last.as_deref(), None, visit);
        }
        if self.aside.look().lost { Err(Error::Overtaken) } else { outcome }
    }
}

/// A backup looks at one moment; two of them may be made at the same time.
const MOST_LOOKERS: usize = 2;
/// What is put aside for one of them at most: every object of a large store changed once.
const MOST_BYTES: usize = 256 << 20;
/// What a row takes beside its key and its value.
const ROW: usize = 96;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::contract::Store;
    use super::super::settings::{Kind, Settings};
    use super::super::{memory, registry};
    use super::*;

    type Rows = Vec<(Vec<u8>, Vec<u8>)>;

    fn settings() -> Settings {
        Settings::new(Kind::Memory, "unused")
    }

    fn seen(snapshot: &dyn Snapshot, table: Table) -> Rows {
        let mut rows = Rows::new();
        let mut visit = |key: &[u8], value: &[u8]| {
            rows.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        snapshot.walk(table, &mut visit).unwrap();
        rows
    }

    fn apply(store: &dyn Store, changes: &[(u8, Option<u8>)]) {
        let mut batch = Batch::new();
        for (key, value) in changes {
            match value {
                Some(value) => batch.put(Table::Object, vec![*key], vec![*value]),
                None => batch.remove(Table::Object, vec![*key]),
            }
        }
        store.commit(batch).wait().unwrap();
    }

    fn changes(most: usize) -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
        proptest::collection::vec((0u8..24, proptest::option::of(any::<u8>())), 0..most)
    }

    proptest! {
        #[test]
        fn a_snapshot_shows_what_stood_when_it_was_taken_whatever_is_changed_before_and_during_its_walk(
            first in changes(40), later in changes(20), during in proptest::collection::vec(changes(6), 0..30)
        ) {
            let store = memory::open(&settings()).unwrap();
            apply(&*store, &first);
            let stood = seen(&*store.snapshot().unwrap(), Table::Object);
            let snapshot = store.snapshot().unwrap();
            apply(&*store, &later);
            let mut during = during.into_iter();
            let mut rows = Rows::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                rows.push((key.to_vec(), value.to_vec()));
                if let Some(change) = during.next() {
                    apply(&*store, &change);
                }
                ControlFlow::Continue(())
            };
            snapshot.walk(Table::Object, &mut visit).unwrap();
            prop_assert_eq!(&rows, &stood);
            prop_assert_eq!(seen(&*snapshot, Table::Object), stood);
        }
    }

    #[test]
    fn a_snapshot_is_of_the_generation_that_was_reached() {
        let store = registry::open(&settings()).unwrap();
        apply(&*store, &[(1, Some(1))]);
        let snapshot = store.snapshot().unwrap();
        apply(&*store, &[(2, Some(2))]);
        assert_eq!((snapshot.generation(), store.generation()), (1, 2));
        assert!(seen(&*snapshot, Table::Client).is_empty());
    }

    #[test]
    fn no_more_lookers_are_let_in_than_memory_is_set_aside_for() {
        let store = memory::open(&settings()).unwrap();
        let both = (store.snapshot().unwrap(), store.snapshot().unwrap());
        assert!(matches!(store.snapshot(), Err(Error::Busy)));
        drop(both);
        assert!(store.snapshot().is_ok());
    }

    #[test]
    fn a_snapshot_that_was_overtaken_says_so() {
        let store = memory::open(&settings()).unwrap();
        let large = |key: u8| {
            let mut batch = Batch::new();
            batch.put(Table::Object, vec![key], vec![0; Batch::LONGEST_VALUE]);
            store.commit(batch).wait().unwrap();
        };
        (0..17).for_each(large);
        let snapshot = store.snapshot().unwrap();
        (0..17).for_each(large);
        assert!(matches!(snapshot.walk(Table::Object, &mut |_, _| ControlFlow::Continue(())), Err(Error::Overtaken)));
    }
}
