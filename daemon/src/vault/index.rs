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
    having: HashMap<u64, HashSet<ObjectId>>,
    due: Due,
    hasher: RandomState,
}

impl Index {
    /// Enters an object, in place of the one it was.
    pub fn enter(&mut self, object: Arc<Object>) {
        self.strike(&object.id);
        for value in self.values(&object) {
            self.having.entry(value).or_default().insert(object.id.clone());
        }
        self.due.enter(&object);
        self.objects.insert(object.id.clone(), object);
    }

    /// Strikes an object.
    pub fn strike(&mut self, id: &ObjectId) {
        let Some(object) = self.objects.remove(id) else { return };
        self.due.strike(&object);
        for value in self.values(&object) {
            if let Some(holders) = self.having.get_mut(&value) {
                holders.remove(id);
                if holders.is_empty() {
                    self.having.remove(&value);
                }
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

    /// The objects that have this very value of an attribute; rarely one more, since values are hashed.
    pub fn having(&self, value: &Attribute) -> impl Iterator<Item = &Arc<Object>> {
        let holders = self.having.get(&self.hash(value));
        holders.into_iter().flatten().filter_map(|id| self.objects.get(id))
    }

    /// How many objects have this value.
    pub fn count(&self, value: &Attribute) -> usize {
        self.having.get(&self.hash(value)).map_or(0, HashSet::len)
    }

    fn values(&self, object: &Object) -> Vec<u64> {
        object.attributes.iter().map(|attribute| self.hash(attribute)).collect()
    }

    fn hash(&self, attribute: &Attribute) -> u64 {
        self.hasher.hash_one(attribute)
    }
}
