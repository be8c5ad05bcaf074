//! Which objects a caller is looking for, found from the index and never by opening a secret.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute, Kind, Set, UsageLimits},
    code::{ObjectClass, ObjectClassMask, StorageStatusMask},
};

use super::{action::Action, identifier::ObjectId, index::Index, policy, record::Object};
use crate::{caller::Caller, clock::Time};

/// What is looked for (KMIP 2.1 §6.1.28 Locate).
#[derive(Debug, Default)]
pub struct Query {
    /// Every one of these must fit. Two values of one date are the ends of a range; each bit of a mask must be set; a
    /// structure may leave fields out.
    pub filters: Vec<Attribute>,
    /// How many fitting objects are passed over first.
    pub offset: usize,
    /// How many are named at most.
    pub maximum: Option<usize>,
    /// Among which objects: on-line, archived, destroyed. Without it, those that are on-line.
    pub storage: Option<StorageStatusMask>,
    /// Among the objects that were made after the one of this number. Without it, all.
    pub after: Option<u64>,
    /// Among whose objects: the users', the system's (KMIP 3.0). Without it, all.
    pub classes: Option<ObjectClassMask>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The objects, newest first.
    pub objects: Vec<Arc<Object>>,
    /// How many fit in all, named or not.
    pub located: usize,
}

/// What a change that is not kept yet makes of the objects.
pub struct Pending<'c> {
    /// These stand for what they were.
    pub objects: &'c [Arc<Object>],
    /// These are there no more.
    pub gone: &'c [&'c ObjectId],
}

/// Finds the objects that fit and that the caller may see.
pub fn find(index: &Index, pending: &Pending<'_>, caller: &Caller, query: &Query, now: Time) -> Found {
    let fits = |object: &Arc<Object>| {
        stored(object, query) && policy::allowed(caller, object, Action::See) && matches(object, query, now)
    };
    let replaced = |object: &Arc<Object>| {
        pending.objects.iter().any(|new| new.id == object.id) || pending.gone.contains(&&object.id)
    };
    let kept = candidates(index, query).filter(|object| fits(object) && !replaced(object));
    let mut objects: Vec<Arc<Object>> =
        kept.chain(pending.objects.iter().filter(|object| fits(object))).cloned().collect();
    let located = objects.len();
    objects.sort_unstable_by_key(|object| std::cmp::Reverse(object.born));
    let objects = objects.into_iter().skip(query.offset).take(query.maximum.unwrap_or(usize::MAX)).collect();
    Found { objects, located }
}

/// The objects that are looked at: those that the narrowest filter leaves, among the filters that the index can answer.
fn candidates<'i>(index: &'i Index, query: &'i Query) -> Box<dyn Iterator<Item = &'i Arc<Object>> + 'i> {
    let exact = |filter: &&Attribute| Index::knows(filter) && !filter.is_partial();
    match query.filters.iter().filter(exact).min_by_key(|filter| index.count(filter)) {
        Some(filter) => Box::new(index.having(filter)),
        None => Box::new(index.all()),
    }
}

fn stored(object: &Object, query: &Query) -> bool {
    if query.after.is_some_and(|after| object.born <= after) {
        return false;
    }
    let wanted = query.storage.unwrap_or(StorageStatusMask::OnLineStorage);
    let is = match object {
        object if object.is_destroyed() => StorageStatusMask::DestroyedStorage,
        object if object.is_archived() => StorageStatusMask::ArchivalStorage,
        _ => StorageStatusMask::OnLineStorage,
    };
    let system = object.attributes.iter().any(|has| *has == Attribute::ObjectClass(ObjectClass::System));
    let class = if system { ObjectClassMask::System } else { ObjectClassMask::User };
    wanted.contains(is) && query.classes.is_none_or(|classes| classes.contains(class))
}

fn matches(object: &Object, query: &Query, now: Time) -> bool {
    query.filters.iter().all(|filter| match filter {
        Attribute::State(state) => object.state(now) == Some(*state),
        Attribute::UniqueIdentifier(id) => object.id.as_str() == id.0,
        Attribute::CryptographicUsageMask(mask) => {
            object.attributes.usage_mask().is_some_and(|has| has.contains(*mask))
        }
        Attribute::UsageLimits(limits) => object.attributes.usage_limits().is_some_and(|has| suffice(has, limits)),
        filter => match filter.date() {
            Some(date) => within(&object.attributes, &filter.kind(), date, query),
            None => object.attributes.iter().any(|has| filter.stands_for(has)),
        },
    })
}

/// Total and count as large as wanted, or larger, in the same unit.
fn suffice(has: &UsageLimits, wanted: &UsageLimits) -> bool {
    let left = |limits: &UsageLimits| limits.usage_limits_count.unwrap_or(limits.usage_limits_total);
    has.usage_limits_unit == wanted.usage_limits_unit
        && has.usage_limits_total >= wanted.usage_limits_total
        && wanted.usage_limits_count.is_none_or(|count| left(has) >= count)
}

/// One date must fit exactly; the second of two is the other end of a range. The last date of all asks for nothing.
fn within(attributes: &Set, kind: &Kind, date: i64, query: &Query) -> bool {
    let ends = || query.filters.iter().filter(|filter| filter.kind() == *kind).filter_map(Attribute::date);
    if ends().all(|end| end == i64::MAX) {
        return true;
    }
    let (first, last) = ends().fold((date, date), |(first, last), end| (first.min(end), last.max(end)));
    attributes
        .iter()
        .filter(|has| has.kind() == *kind)
        .filter_map(Attribute::date)
        .any(|has| (first..=last).contains(&has))
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{attribute::Name, code::State};

    use super::*;
    use crate::{
        caller::Principal,
        vault::record::{Body, Meta},
    };

    /// So many objects of alice's, each with a name of its own and all with the same state and group.
    fn objects(count: u64) -> Index {
        let mut index = Index::default();
        for born in 0..count {
            let mut attributes = Set::new();
            attributes.put(Attribute::Name(Name::text(&format!("name {born}"))));
            attributes.put(Attribute::State(State::Active));
            attributes.put(Attribute::ObjectGroup("all".to_owned()));
            index.enter(Meta {
                id: ObjectId::from_text(&format!("id {born}")),
                owner: Principal::Client("alice".parse().unwrap()),
                grants: Vec::new(),
                slot: "dev".to_owned(),
                body: Body::Blob,
                attributes,
                born,
                generation: 1,
                written: 1,
                nonces: None,
                forgot: false,
            });
        }
        index
    }

    #[test]
    fn a_name_is_looked_for_in_one_place_however_many_objects_there_are() {
        for count in [100, 100_000] {
            let index = objects(count);
            let name = Attribute::Name(Name::text("name 42"));
            for (why, filters) in [
                ("the name alone", vec![name.clone()]),
                ("with what all have", vec![Attribute::ObjectGroup("all".to_owned()), name.clone()]),
                ("with a state", vec![Attribute::State(State::Active), name.clone()]),
            ] {
                let query = Query { filters, ..Query::default() };
                assert_eq!(candidates(&index, &query).count(), 1, "{why} among {count}");
            }
            let none = Query { filters: vec![Attribute::Name(Name::text("none"))], ..Query::default() };
            assert_eq!(candidates(&index, &none).count(), 0);
        }
    }
}
