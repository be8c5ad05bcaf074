//! Which objects a caller is looking for, found from the index and never by opening a secret.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute, Kind, Set},
    code::StorageStatusMask,
};

use super::{action::Action, index::Index, policy, record::Object};
use crate::{caller::Caller, clock::Time};

/// What is looked for (KMIP 2.1 §6.1.29 Locate).
#[derive(Debug, Default)]
pub struct Query {
    /// Every one of these must fit. Two values of one date are the ends of a range; each bit of a mask must be set.
    pub filters: Vec<Attribute>,
    /// How many fitting objects are passed over first.
    pub offset: usize,
    /// How many are named at most.
    pub maximum: Option<usize>,
    /// Among which objects: on-line, archived, destroyed. Without it, all that are not destroyed.
    pub storage: Option<StorageStatusMask>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The objects, newest first.
    pub objects: Vec<Arc<Object>>,
    /// How many fit in all, named or not.
    pub located: usize,
}

/// Finds the objects that fit and that the caller may see; those that are `pending` stand for what they were.
pub fn find(index: &Index, pending: &[Arc<Object>], caller: &Caller, query: &Query, now: Time) -> Found {
    let fits = |object: &Arc<Object>| {
        stored(object, query.storage) && policy::allowed(caller, object, Action::See) && matches(object, query, now)
    };
    let replaced = |object: &Arc<Object>| pending.iter().any(|new| new.id == object.id);
    let mut objects: Vec<Arc<Object>> = match narrowest(index, query) {
        Some(filter) => index.having(filter).filter(|object| fits(object) && !replaced(object)).cloned().collect(),
        None => index.all().filter(|object| fits(object) && !replaced(object)).cloned().collect(),
    };
    objects.extend(pending.iter().filter(|object| fits(object)).cloned());
    let located = objects.len();
    objects.sort_by_key(|object| std::cmp::Reverse(object.born));
    let objects = objects.into_iter().skip(query.offset).take(query.maximum.unwrap_or(usize::MAX)).collect();
    Found { objects, located }
}

/// The filter that the fewest objects fit, among those that the index can answer.
fn narrowest<'q>(index: &Index, query: &'q Query) -> Option<&'q Attribute> {
    let exact = |filter: &&Attribute| {
        !matches!(filter, Attribute::State(_) | Attribute::CryptographicUsageMask(_)) && filter.date().is_none()
    };
    query.filters.iter().filter(exact).min_by_key(|filter| index.count(filter))
}

fn stored(object: &Object, wanted: Option<StorageStatusMask>) -> bool {
    let wanted = wanted.unwrap_or(StorageStatusMask::OnLineStorage);
    let is = match object {
        object if object.is_destroyed() => StorageStatusMask::DestroyedStorage,
        object if object.is_archived() => StorageStatusMask::ArchivalStorage,
        _ => StorageStatusMask::OnLineStorage,
    };
    wanted.contains(is)
}

fn matches(object: &Object, query: &Query, now: Time) -> bool {
    query.filters.iter().all(|filter| match filter {
        Attribute::State(state) => object.state(now) == Some(*state),
        Attribute::UniqueIdentifier(id) => object.id.as_str() == id.0,
        Attribute::CryptographicUsageMask(mask) => {
            object.attributes.usage_mask().is_some_and(|has| has.contains(*mask))
        }
        filter => match filter.date() {
            Some(date) => within(&object.attributes, &filter.kind(), date, query),
            None => object.attributes.iter().any(|attribute| attribute == filter),
        },
    })
}

/// One date must fit exactly; the second of two is the other end of a range (KMIP 2.1 §6.1.29).
fn within(attributes: &Set, kind: &Kind, date: i64, query: &Query) -> bool {
    let ends = query.filters.iter().filter(|filter| filter.kind() == *kind).filter_map(Attribute::date);
    let (first, last) = ends.fold((date, date), |(first, last), end| (first.min(end), last.max(end)));
    attributes
        .iter()
        .filter(|has| has.kind() == *kind)
        .filter_map(Attribute::date)
        .any(|has| (first..=last).contains(&has))
}
