//! The [marks](super::marks) of keys that were used lately: all of a key or none.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{identifier::ObjectId, marks::Marks, seal::Sealer};

/// The keys that were used lately.
pub(super) struct Shelf {
    keys: Mutex<Keys>,
    room: Arc<AtomicUsize>,
    most: usize,
}

#[derive(Default)]
struct Keys {
    /// Each with the look that was the last for it.
    of: HashMap<ObjectId, (u64, Arc<Marks>)>,
    looks: u64,
}

impl Default for Shelf {
    fn default() -> Self {
        Self::of(MOST_OPEN)
    }
}

impl Shelf {
    fn of(most: usize) -> Self {
        Self { keys: Mutex::default(), room: Arc::default(), most }
    }

    /// The marks of a key.
    pub(super) fn take(&self, key: &ObjectId, sealer: &Sealer) -> Arc<Marks> {
        let mut keys = self.keys();
        keys.looks = keys.looks.wrapping_add(1);
        let look = keys.looks;
        let marks = match keys.of.get_mut(key) {
            Some((last, marks)) => {
                *last = look;
                Arc::clone(marks)
            }
            None => {
                let marks = Arc::new(Marks::unread(key, sealer, &self.room));
                keys.of.insert(key.clone(), (look, Arc::clone(&marks)));
                marks
            }
        };
        self.make_room(&mut keys);
        marks
    }

    /// The marks of a key that is to come in the place of one of its name and has none.
    pub(super) fn anew(&self, key: &ObjectId, sealer: &Sealer) -> Arc<Marks> {
        Arc::new(Marks::none(key, sealer, &self.room))
    }

    /// Puts the marks of a key in the place of what is there.
    pub(super) fn put(&self, marks: Arc<Marks>) {
        let mut keys = self.keys();
        let look = keys.looks;
        keys.of.insert(marks.key().clone(), (look, marks));
    }

    /// Lets go of the marks of a key that is gone.
    pub(super) fn drop_key(&self, key: &ObjectId) {
        self.keys().of.remove(key);
    }

    /// Lets go of the keys that were looked at longest ago, where there are too many marks.
    fn make_room(&self, keys: &mut Keys) {
        if self.room.load(Ordering::Relaxed) <= self.most {
            return;
        }
        let idle =
            keys.of.iter_mut().filter_map(|(key, (last, marks))| Arc::get_mut(marks).map(|_| (*last, key.clone())));
        let mut idle: Vec<_> = idle.collect();
        idle.sort_unstable();
        for (_, key) in idle {
            keys.of.remove(&key);
            if self.room.load(Ordering::Relaxed) <= self.most / 4 * 3 {
                break;
            }
        }
    }

    /// Nothing under it panics, so a poisoned lock still guards a whole shelf.
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks that are in memory, of all keys together: forty megabytes at most, and what is over it while it is in use.
const MOST_OPEN: usize = 1 << 21;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::Store,
        vault::{
            marks::{KEY, Spent},
            tests::{sealer, store, turn},
        },
    };

    fn key(name: &str) -> ObjectId {
        ObjectId::from_text(name)
    }

    fn spend(shelf: &Shelf, store: &dyn Store, sealer: &Sealer, number: u64) -> Spent {
        let (marks, mark) = (shelf.take(&key(&format!("key {}", number % 50)), sealer), number.to_be_bytes());
        let spent = marks.look(&mark, store).unwrap();
        if spent == Spent::Fresh {
            marks.enter(&mark, Some(store)).unwrap();
        }
        spent
    }

    #[test]
    fn memory_is_bounded_whatever_keys_are_used_and_nothing_is_forgotten() {
        let (store, sealer) = (store(), sealer());
        let shelf = Shelf::of(20 * KEY);
        for number in 0..2000_u64 {
            assert_eq!(spend(&shelf, &*store, &sealer, number), Spent::Fresh, "{number}");
            if number % 7 == 0 {
                turn(&*store);
            }
            // Seven keys are held by the store at most, and one was just looked at.
            let room = shelf.room.load(Ordering::Relaxed);
            assert!(room <= 29 * (KEY + 40), "{room} after {number}");
        }
        for number in 0..2000_u64 {
            assert_eq!(spend(&shelf, &*store, &sealer, number), Spent::Again, "{number}");
        }
        turn(&*store);
        assert!(shelf.room.load(Ordering::Relaxed) > 0);
        shelf.keys().of.clear();
        assert_eq!(shelf.room.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn who_is_in_use_is_kept_whatever_there_is() {
        let (shelf, sealer) = (Shelf::of(0), sealer());
        let one = shelf.take(&key("a"), &sealer);
        drop(shelf.take(&key("b"), &sealer));
        assert!(Arc::ptr_eq(&one, &shelf.take(&key("a"), &sealer)));
        assert_eq!(shelf.keys().of.len(), 1);
    }
}
