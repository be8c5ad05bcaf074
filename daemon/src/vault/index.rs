//! What the vault remembers of every object while it is open: everything but the secrets, and where to look.

use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    sync::Arc,
};

use strongroom_kmip::attribute::{Attribute, Pool};

use super::{due::Due, identifier::ObjectId, record::Object};

/// Every object, and for every value of an attribute the objects that have it.
#[derive(Default)]
pub struct Index {
    /// The objects by their numbers, with gaps where one was struck.
    objects: Vec<Option<Arc<Object>>>,
    numbers: HashMap<ObjectId, Number>,
    gaps: Vec<Number>,
    having: HashMap<u64, Holders, Mixed>,
    /// How many of each slot are not destroyed.
    living: HashMap<String, u64>,
    due: Due,
    values: Values,
    pool: Pool,
}

/// The place of an object in the index; four thousand million of them fit no memory.
type Number = u32;
type Mixed = BuildHasherDefault<Mixer>;

/// What the index looks objects up by: a hash of each value that it [knows](Index::knows) and that an object has, under a key
/// of its own.
#[derive(Clone, Default)]
pub struct Values(RandomState);

impl Values {
    /// The values of an object, in order.
    pub fn of(&self, object: &Object) -> Vec<u64> {
        let known = object.attributes.iter().filter(|attribute| Index::knows(attribute));
        let mut values: Vec<u64> = known.map(|attribute| self.0.hash_one(attribute)).collect();
        values.sort_unstable();
        values
    }
}

/// The objects that have a value. Most values of most objects are their own, and one number takes a fraction of the memory of
/// a set of one.
enum Holders {
    One(Number),
    #[expect(clippy::box_collection, reason = "a set is six times as large as the number in whose place it stands")]
    Many(Box<HashSet<Number, Mixed>>),
}

impl Holders {
    fn enter(&mut self, number: Number) {
        match self {
            Self::One(only) if *only == number => {}
            Self::One(only) => *self = Self::Many(Box::new([*only, number].into_iter().collect())),
            Self::Many(all) => drop(all.insert(number)),
        }
    }

    /// Strikes an object, and says whether none is left.
    fn strike(&mut self, number: Number) -> bool {
        match self {
            Self::One(only) => *only == number,
            Self::Many(all) => {
                all.remove(&number);
                all.is_empty()
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(all) => all.len(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = Number> {
        let (one, many) = match self {
            Self::One(only) => (Some(*only), None),
            Self::Many(all) => (None, Some(all.iter().copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// Spreads numbers that nobody chooses: those that the index gives itself, and hashes under a key.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(GOLDEN);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Index {
    /// Enters an object, in place of the one it was.
    pub fn enter(&mut self, mut object: Object) {
        object.attributes.share(&mut self.pool);
        let values = self.values.of(&object);
        self.enter_with(Arc::new(object), values);
    }

    /// Enters an object whose [values](Values::of) are known.
    pub fn enter_with(&mut self, object: Arc<Object>, values: Vec<u64>) {
        let number = match self.numbers.get(&object.id) {
            Some(number) => *number,
            None => {
                let number = self.gaps.pop().unwrap_or_else(|| {
                    self.objects.push(None);
                    Number::try_from(self.objects.len().saturating_sub(1)).unwrap_or(Number::MAX)
                });
                self.numbers.insert(object.id.clone(), number);
                number
            }
        };
        let place = usize::try_from(number).ok().and_then(|number| self.objects.get_mut(number));
        let old = place.and_then(|place| place.replace(Arc::clone(&object)));
        if let Some(old) = old {
            self.due.strike(&old);
            self.gone(&old);
            for value in self.values.of(&old) {
                if values.binary_search(&value).is_err() {
                    self.part(value, number);
                }
            }
        }
        self.due.enter(&object);
        if !object.is_destroyed() {
            match self.living.get_mut(&object.slot) {
                Some(living) => *living = living.saturating_add(1),
                None => drop(self.living.insert(object.slot.clone(), 1)),
            }
        }
        for value in values {
            self.having.entry(value).or_insert(Holders::One(number)).enter(number);
        }
    }

    /// Strikes an object.
    pub fn strike(&mut self, id: &ObjectId) {
        let Some(number) = self.numbers.remove(id) else { return };
        let place = usize::try_from(number).ok().and_then(|number| self.objects.get_mut(number));
        let Some(object) = place.and_then(Option::take) else { return };
        self.gaps.push(number);
        self.due.strike(&object);
        self.gone(&object);
        for value in self.values.of(&object) {
            self.part(value, number);
        }
    }

    /// The object.
    pub fn get(&self, id: &ObjectId) -> Option<&Arc<Object>> {
        self.numbered(*self.numbers.get(id)?)
    }

    /// When whose dates come.
    pub fn due(&self) -> &Due {
        &self.due
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// How many objects of a slot are not destroyed.
    pub fn living(&self, slot: &str) -> u64 {
        self.living.get(slot).copied().unwrap_or(0)
    }

    /// Every object.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.iter().flatten()
    }

    /// By what objects are looked up.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The objects that have this very value of an attribute that [`knows`](Self::knows) takes; rarely one more, since values
    /// are hashed.
    pub fn having(&self, value: &Attribute) -> impl Iterator<Item = &Arc<Object>> {
        let holders = self.having.get(&self.values.0.hash_one(value));
        holders.into_iter().flat_map(Holders::iter).filter_map(|number| self.numbered(number))
    }

    /// How many objects have this value.
    pub fn count(&self, value: &Attribute) -> usize {
        self.having.get(&self.values.0.hash_one(value)).map_or(0, Holders::len)
    }

    /// Whether it knows who has a value of such an attribute: not of those that are never looked for by their very value, since
    /// time, bits or amounts are weighed.
    pub fn knows(value: &Attribute) -> bool {
        let weighed =
            matches!(value, Attribute::State(_) | Attribute::CryptographicUsageMask(_) | Attribute::UsageLimits(_));
        !weighed && value.date().is_none()
    }

    fn gone(&mut self, object: &Object) {
        if !object.is_destroyed()
            && let Some(living) = self.living.get_mut(&object.slot)
        {
            *living = living.saturating_sub(1);
        }
    }

    fn part(&mut self, value: u64, number: Number) {
        if self.having.get_mut(&value).is_some_and(|holders| holders.strike(number)) {
            self.having.remove(&value);
        }
    }

    fn numbered(&self, number: Number) -> Option<&Arc<Object>> {
        self.objects.get(usize::try_from(number).ok()?)?.as_ref()
    }
}

/// Two to the sixty-fourth, divided by the golden ratio: neighbours end far from each other.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests {
    use strongroom_kmip::{
        attribute::{Name, Set},
        code::State,
    };

    use super::*;
    use crate::{caller::Principal, vault::record::Body};

    #[test]
    fn holders_are_entered_once_and_struck_one_by_one() {
        let mut holders = Holders::One(1);
        holders.enter(1);
        assert_eq!(holders.len(), 1);
        assert!(!holders.strike(2), "it holds nothing");
        holders.enter(2);
        holders.enter(2);
        let mut found: Vec<_> = holders.iter().collect();
        found.sort_unstable();
        assert_eq!((holders.len(), found), (2, vec![1, 2]));
        assert!(!holders.strike(1));
        assert!(holders.strike(2));
        assert!(Holders::One(1).strike(1));
    }

    fn object(id: &str, names: &[&str]) -> Object {
        let mut attributes: Set = names.iter().map(|name| Attribute::Name(Name::text(name))).collect();
        attributes.put(Attribute::State(State::Active));
        attributes.put(Attribute::ObjectGroup("all".to_owned()));
        Object {
            id: ObjectId::from_text(id),
            owner: Principal::Operator,
            grants: Vec::new(),
            slot: "dev".to_owned(),
            body: Body::Blob,
            attributes,
            born: 1,
            generation: 1,
            written: 1,
            nonces: None,
            forgot: false,
        }
    }

    fn named<'i>(index: &'i Index, name: &str) -> Vec<&'i str> {
        let mut found: Vec<_> = index.having(&Attribute::Name(Name::text(name))).map(|it| it.id.as_str()).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn an_object_is_found_by_what_it_has_and_no_longer_by_what_it_had() {
        let mut index = Index::default();
        index.enter(object("a", &["one", "both"]));
        index.enter(object("b", &["two", "both"]));
        assert_eq!(named(&index, "both"), ["a", "b"]);
        index.enter(object("a", &["three", "both"]));
        assert_eq!((named(&index, "one").len(), named(&index, "three"), index.len()), (0, vec!["a"], 2));
        assert_eq!(named(&index, "both"), ["a", "b"]);
    }

    #[test]
    fn the_place_of_an_object_that_is_gone_is_given_to_the_next_and_nothing_of_the_old_one_with_it() {
        let mut index = Index::default();
        index.enter(object("a", &["one", "both"]));
        index.enter(object("b", &["two", "both"]));
        index.strike(&ObjectId::from_text("a"));
        index.strike(&ObjectId::from_text("a"));
        assert_eq!((named(&index, "one").len(), named(&index, "both"), index.len()), (0, vec!["b"], 1));
        index.enter(object("c", &["three"]));
        assert_eq!((index.objects.len(), index.all().count()), (2, 2));
        assert_eq!(
            (named(&index, "three"), named(&index, "one").len(), named(&index, "both")),
            (vec!["c"], 0, vec!["b"])
        );
        assert!(index.get(&ObjectId::from_text("a")).is_none());
        assert_eq!(index.count(&Attribute::ObjectGroup("all".to_owned())), 2);
    }
}
