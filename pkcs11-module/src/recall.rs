//! What is remembered of objects that a search found, so that the questions which follow every search need no round trip.
//!
//! Only what the daemon called public, only for a short while, only so many objects; and nothing once the application
//! changes an object, logs in or out, or closes a session.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use strongroom_pkcs11_wire::{
    Attribute, AttributeType,
    attribute::{Reveal, Value, Wanted},
    call::Found,
    value::Wiped,
};

/// An object of a token, as the daemon numbers both.
pub(crate) type Name = (u64, u64);

/// The memory.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    objects: Mutex<HashMap<Name, Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    since: Instant,
    found: Found,
}

impl Recall {
    /// Remembers what a search brought along.
    pub(crate) fn learn(&self, slot: u64, found: Vec<Found>) {
        let since = Instant::now();
        let mut objects = self.objects();
        if objects.len().saturating_add(found.len()) > MOST {
            objects.clear();
        }
        let with_something = found.into_iter().filter(|found| !found.public.is_empty()).take(MOST);
        objects.extend(with_something.map(|found| ((slot, found.object), Remembered { since, found })));
    }

    /// Answers a question from memory, if all of it can be.
    pub(crate) fn answer(&self, name: Name, wanted: &[Wanted]) -> Option<Vec<Reveal>> {
        let objects = self.objects();
        let remembered = objects.get(&name).filter(|remembered| remembered.since.elapsed() < LASTS)?;
        wanted.iter().map(|wanted| reveal(&remembered.found, wanted.kind)).collect()
    }

    /// Forgets one object.
    pub(crate) fn forget(&self, name: Name) {
        self.objects().remove(&name);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.objects().clear();
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<Name, Remembered>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reveal(found: &Found, kind: AttributeType) -> Option<Reveal> {
    if found.absent.contains(&kind) {
        return Some(Reveal::Invalid);
    }
    let attribute = found.public.iter().find(|attribute| attribute.kind == kind)?;
    let value = match &attribute.value {
        Value::Bool(value) => Value::Bool(*value),
        Value::Ulong(value) => Value::Ulong(*value),
        Value::Bytes(value) => Value::Bytes(Wiped::from(value.reveal())),
        Value::Date(value) => Value::Date(*value),
        Value::Ulongs(value) => Value::Ulongs(value.clone()),
        // Rare, and would have to be copied all the way down: ask the daemon.
        Value::Template(_) => return None,
    };
    Some(Reveal::Value(Attribute { kind, value }))
}

/// As many as a long listing has; each takes about a kilobyte.
const MOST: usize = 1024;

/// Longer than a tool takes from finding an object to asking about it; shorter than a person takes to look away.
const LASTS: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use strongroom_pkcs11_wire::value::Room;

    use super::*;

    fn found(object: u64) -> Found {
        Found {
            object,
            public: vec![Attribute::bytes(AttributeType::LABEL, *b"key")],
            absent: vec![AttributeType::EC_POINT],
        }
    }

    fn wanted(kinds: &[AttributeType]) -> Vec<Wanted> {
        kinds.iter().map(|kind| Wanted { kind: *kind, room: Room::Query }).collect()
    }

    #[test]
    fn an_answer_is_whole_or_not_at_all() {
        let recall = Recall::default();
        recall.learn(1, vec![found(5)]);
        for (name, object, kinds, answers) in [
            ("known", (1, 5), &[AttributeType::LABEL][..], true),
            ("known to be absent", (1, 5), &[AttributeType::LABEL, AttributeType::EC_POINT], true),
            ("one not known", (1, 5), &[AttributeType::LABEL, AttributeType::ID], false),
            ("another object", (1, 6), &[AttributeType::LABEL], false),
            ("another slot", (2, 5), &[AttributeType::LABEL], false),
        ] {
            assert_eq!(recall.answer(object, &wanted(kinds)).is_some(), answers, "{name}");
        }
    }

    #[test]
    fn what_changed_is_forgotten() {
        let recall = Recall::default();
        recall.learn(1, vec![found(5), found(6)]);
        recall.forget((1, 5));
        assert!(recall.answer((1, 5), &wanted(&[AttributeType::LABEL])).is_none());
        assert!(recall.answer((1, 6), &wanted(&[AttributeType::LABEL])).is_some());
        recall.clear();
        assert!(recall.answer((1, 6), &wanted(&[AttributeType::LABEL])).is_none());
    }

    #[test]
    fn a_flood_does_not_grow_the_memory() {
        let recall = Recall::default();
        for start in 0..4 {
            recall.learn(1, (0..1000).map(|object| found(start * 1000 + object)).collect());
        }
        assert!(recall.objects().len() <= MOST);
    }
}
