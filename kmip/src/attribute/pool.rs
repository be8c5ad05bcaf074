//! Values that many objects have, kept once.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use super::table::Attribute;

/// Attributes that were seen not long ago, so that [sets](super::Set) that have them too can [share](super::Set::share) them.
///
/// It has room for a fixed number of them, each of which has one place. Whatever comes later takes the place of what was there,
/// and what many objects have is soon there again.
#[derive(Debug)]
pub struct Pool {
    places: Vec<Option<Arc<Attribute>>>,
    hasher: RandomState,
}

impl Default for Pool {
    fn default() -> Self {
        Self { places: vec![None; PLACES], hasher: RandomState::new() }
    }
}

impl Pool {
    /// The value that is kept once, in place of an equal one.
    pub(super) fn take(&mut self, attribute: &mut Arc<Attribute>) {
        let place = usize::try_from(self.hasher.hash_one(&**attribute) % PLACES as u64).unwrap_or(0);
        match self.places.get_mut(place) {
            Some(Some(known)) if known == attribute => attribute.clone_from(known),
            Some(other) => *other = Some(Arc::clone(attribute)),
            None => {}
        }
    }
}

/// A few times as many as the values that most objects of an appliance have.
const PLACES: usize = 1024;
