//! Which objects a caller is looking for, found from the index and never by opening a secret.

use std::{ops::RangeInclusive, sync::Arc};

use strongroom_kmip::{
    attribute::{Attribute, Kind, UsageLimits},
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

/// Finds the objects that fit and that the caller may see, among [candidates].
pub fn find(candidates: Vec<Arc<Object>>, pending: &Pending<'_>, caller: &Caller, query: &Query, now: Time) -> Found {
    let wanted = Wanted::of(query);
    let fits = |object: &Arc<Object>| {
        stored(object, query) && policy::allowed(caller, object, Action::See) && wanted.fits(object, now)
    };
    let replaced = |object: &Arc<Object>| {
        pending.objects.iter().any(|new| new.id == object.id) || pending.gone.contains(&&object.id)
    };
    let kept = candidates.into_iter().filter(|object| fits(object) && !replaced(object));
    let mut objects: Vec<Arc<Object>> =
        kept.chain(pending.objects.iter().filter(|object| fits(object)).cloned()).collect();
    let located = objects.len();
    objects.sort_unstable_by_key(|object| std::cmp::Reverse(object.born));
    let objects = objects.into_iter().skip(query.offset).take(query.maximum.unwrap_or(usize::MAX)).collect();
    Found { objects, located }
}

/// The objects that are looked at: those that the narrowest filter leaves, among the filters that the index can answer. They are
/// looked at when the index is free again for those who change something, which others would wait behind.
pub fn candidates(index: &Index, query: &Query) -> Vec<Arc<Object>> {
    let exact = |filter: &&Attribute| Index::knows(filter) && !filter.is_partial();
    match query.filters.iter().filter(exact).min_by_key(|filter| index.count(filter)) {
        Some(filter) => index.having(filter).cloned().collect(),
        None => index.all().cloned().collect(),
    }
}

/// The filters of a query, each once, whatever the query repeats.
struct Wanted<'q> {
    values: Vec<&'q Attribute>,
    dates: Vec<(Kind, RangeInclusive<i64>)>,
}

impl<'q> Wanted<'q> {
    fn of(query: &'q Query) -> Self {
        let mut wanted = Self { values: Vec::new(), dates: Vec::new() };
        for filter in &query.filters {
            let Some(date) = filter.date() else {
                if !wanted.values.contains(&filter) {
                    wanted.values.push(filter);
                }
                continue;
            };
            // One date must fit exactly; the second of two is the other end of a range.
            let kind = filter.kind();
            match wanted.dates.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, ends)) => *ends = date.min(*ends.start())..=date.max(*ends.end()),
                None => wanted.dates.push((kind, date..=date)),
            }
        }
        // The last date of all asks for nothing.
        wanted.dates.retain(|(_, ends)| *ends.start() < i64::MAX);
        wanted
    }

    fn fits(&self, object: &Object, now: Time) -> bool {
        let has = |filter: &&Attribute| match filter {
            Attribute::State(state) => object.state(now) == Some(*state),
            Attribute::UniqueIdentifier(id) => object.id.as_str() == id.0,
            Attribute::CryptographicUsageMask(mask) => {
                object.attributes.usage_mask().is_some_and(|has| has.contains(*mask))
            }
            Attribute::UsageLimits(limits) => object.attributes.usage_limits().is_some_and(|has| suffice(has, limits)),
            filter => object.attributes.iter().any(|has| filter.stands_for(has)),
        };
        let within = |(kind, ends): &(Kind, RangeInclusive<i64>)| {
            let dates = object.attributes.iter().filter(|has| has.date().is_some() && has.kind() == *kind);
            dates.filter_map(Attribute::date).any(|date| ends.contains(&date))
        };
        self.values.iter().all(has) && self.dates.iter().all(within)
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

/// Total and count as large as wanted, or larger, in the same unit.
fn suffice(has: &UsageLimits, wanted: &UsageLimits) -> bool {
    let left = |limits: &UsageLimits| limits.usage_limits_count.unwrap_or(limits.usage_limits_total);
    has.usage_limits_unit == wanted.usage_limits_unit
        && has.usage_limits_total >= wanted.usage_limits_total
        && wanted.usage_limits_count.is_none_or(|count| left(has) >= count)
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{
        attribute::{Name, Set},
        code::State,
        ttlv::DateTime,
    };

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
                assert_eq!(candidates(&index, &query).len(), 1, "{why} among {count}");
            }
            let none = Query { filters: vec![Attribute::Name(Name::text("none"))], ..Query::default() };
            assert_eq!(candidates(&index, &none).len(), 0);
        }
    }

    #[test]
    fn a_filter_that_is_repeated_is_looked_for_once() {
        let date = |date| Attribute::InitialDate(DateTime(date));
        let filters = (0..100).flat_map(|day| [date(day), Attribute::State(State::Active)]).collect();
        let query = Query { filters, ..Query::default() };
        let wanted = Wanted::of(&query);
        assert_eq!((wanted.values.len(), wanted.dates.len()), (1, 1));
        assert_eq!(wanted.dates[0].1, 0..=99);
    }
}
