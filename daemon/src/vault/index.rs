//! What the vault remembers of every object while it is open: everything but the secrets, and where to look.

use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher,
    sync::Arc,
};

use strongroom_kmip::attribute::Attribute;

use super::{due::Due, identifier::ObjectId, record::Object};

/// Every object, and for every value of an attribute the objects that have it.
#[derive(Default)]
pub struct Index {
    objects: HashMap<ObjectId, Arc<Object>>,
    having: HashMap<u64, Holders>,
    due: Due,
    hasher: RandomState,
}

/// The objects that have a value. Most values of most objects are their own, and one identifier takes a fraction of the
/// memory of a set of one.
enum Holders {
    One(ObjectId),
    #[expect(
        clippy::box_collection,
        reason = "a set is three times as large as the identifier in whose place it stands"
    )]
    Many(Box<HashSet<ObjectId>>),
}

impl Holders {
    fn enter(&mut self, id: ObjectId) {
        match self {
            Self::One(only) if *only == id => {}
            Self::One(only) => *self = Self::Many(Box::new(HashSet::from([only.clone(), id]))),
            Self::Many(all) => drop(all.insert(id)),
        }
    }

    /// Strikes an object, and says whether none is left.
    fn strike(&mut self, id: &ObjectId) -> bool {
        match self {
            Self::One(only) => only == id,
            Self::Many(all) => {
                all.remove(id);
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

    fn iter(&self) -> impl Iterator<Item = &ObjectId> {
        let (one, many) = match self {
            Self::One(only) => (Some(only), None),
            Self::Many(all) => (None, Some(all.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

impl Index {
    /// Enters an object, in place of the one it was.
    pub fn enter(&mut self, object: Arc<Object>) {
        self.strike(&object.id);
        for value in self.values(&object) {
            let holders = self.having.entry(value).or_insert_with(|| Holders::One(object.id.clone()));
            holders.enter(object.id.clone());
        }
        self.due.enter(&object);
        self.objects.insert(object.id.clone(), object);
    }

    /// Strikes an object.
    pub fn strike(&mut self, id: &ObjectId) {
        let Some(object) = self.objects.remove(id) else { return };
        self.due.strike(&object);
        for value in self.values(&object) {
            if self.having.get_mut(&value).is_some_and(|holders| holders.strike(id)) {
                self.having.remove(&value);
            }
        }
    }

    /// The object.
    pub fn get(&self, id: &ObjectId) -> Option<&Arc<Object>> {
        self.objects.get(id)
    }

    /// When whose dates come.
    pub fn due(&self) -> &Due {
        &self.due
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Every object.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    /// The objects that have this very value of an attribute that [`knows`](Self::knows) takes; rarely one more, since values
    /// are hashed.
    pub fn having(&self, value: &Attribute) -> impl Iterator<Item = &Arc<Object>> {
        let holders = self.having.get(&self.hash(value));
        holders.into_iter().flat_map(Holders::iter).filter_map(|id| self.objects.get(id))
    }

    /// How many objects have this value.
    pub fn count(&self, value: &Attribute) -> usize {
        self.having.get(&self.hash(value)).map_or(0, Holders::len)
    }

    /// Whether it knows who has a value of such an attribute: not of those that are never looked for by their very value, since
    /// time, bits or amounts are weighed.
    pub fn knows(value: &Attribute) -> bool {
        let weighed =
            matches!(value, Attribute::State(_) | Attribute::CryptographicUsageMask(_) | Attribute::UsageLimits(_));
        !weighed && value.date().is_none()
    }

    fn values(&self, object: &Object) -> Vec<u64> {
        let known = object.attributes.iter().filter(|attribute| Self::knows(attribute));
        known.map(|attribute| self.hash(attribute)).collect()
    }

    fn hash(&self, attribute: &Attribute) -> u64 {
        self.hasher.hash_one(attribute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_entered_once_and_struck_one_by_one() {
        let [a, b] = ["a", "b"].map(ObjectId::from_text);
        let mut holders = Holders::One(a.clone());
        holders.enter(a.clone());
        assert_eq!(holders.len(), 1);
        assert!(!holders.strike(&b), "it holds nothing");
        holders.enter(b.clone());
        holders.enter(b.clone());
        let mut found: Vec<_> = holders.iter().cloned().collect();
        found.sort();
        assert_eq!((holders.len(), found), (2, vec![a.clone(), b.clone()]));
        assert!(!holders.strike(&a));
        assert!(holders.strike(&b));
        assert!(Holders::One(a.clone()).strike(&a));
    }
}
