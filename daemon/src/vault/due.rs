//! Which objects' dates come when: what the house looks at to let them act, without looking at any object.

use std::collections::{BTreeMap, HashSet};

use strongroom_kmip::code::State;

use super::{identifier::ObjectId, record::Object};

/// What a date of an object does when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The object becomes Active.
    Activation,
    /// It may open and check from now on.
    ProcessStart,
    /// It may protect no longer.
    ProtectStop,
    /// It becomes Deactivated.
    Deactivation,
}

/// The dates of all objects.
#[derive(Debug, Default)]
pub struct Due {
    /// Those that move an object on in its life. Each goes when it has acted, since the state then says so.
    turns: Dates,
    /// Those that only open or close what a key may be used for. They stay.
    windows: Dates,
}

type Dates = BTreeMap<i64, HashSet<ObjectId>>;

impl Due {
    /// Enters an object's dates.
    pub fn enter(&mut self, object: &Object) {
        if let Some((date, _)) = turn(object) {
            self.turns.entry(date).or_default().insert(object.id.clone());
        }
        for (date, _) in windows(object) {
            self.windows.entry(date).or_default().insert(object.id.clone());
        }
    }

    /// Strikes an object's dates.
    pub fn strike(&mut self, object: &Object) {
        if let Some((date, _)) = turn(object) {
            strike(&mut self.turns, date, &object.id);
        }
        for (date, _) in windows(object) {
            strike(&mut self.windows, date, &object.id);
        }
    }

    /// The objects whose turn has come by `now`, the earliest first.
    pub fn turns(&self, now: i64) -> impl Iterator<Item = &ObjectId> {
        self.turns.range(..=now).flat_map(|(_, ids)| ids)
    }

    /// The objects for which something has opened or closed after `since` and by `now`, with the date, the earliest first.
    pub fn windows(&self, since: i64, now: i64) -> impl Iterator<Item = (i64, &ObjectId)> {
        let after = since.saturating_add(1).min(now.saturating_add(1));
        self.windows.range(after..now.saturating_add(1)).flat_map(|(date, ids)| ids.iter().map(|id| (*date, id)))
    }
}

/// The next date that moves an object on: only what is at hand, and whose state as it is stored leaves it to go.
pub fn turn(object: &Object) -> Option<(i64, Moment)> {
    if object.is_archived() {
        return None;
    }
    let set = &object.attributes;
    match set.state()? {
        State::PreActive => set.activation_date().map(|date| (date, Moment::Activation)),
        State::Active => set.deactivation_date().map(|date| (date, Moment::Deactivation)),
        _ => None,
    }
}

/// The dates between which a key protects and opens.
pub fn windows(object: &Object) -> impl Iterator<Item = (i64, Moment)> {
    let set = &object.attributes;
    let living = matches!(set.state(), Some(State::PreActive | State::Active));
    let start = set.process_start_date().map(|date| (date, Moment::ProcessStart));
    let stop = set.protect_stop_date().map(|date| (date, Moment::ProtectStop));
    start.into_iter().chain(stop).filter(move |_| living)
}

fn strike(dates: &mut Dates, date: i64, id: &ObjectId) {
    if let Some(ids) = dates.get_mut(&date) {
        ids.remove(id);
        if ids.is_empty() {
            dates.remove(&date);
        }
    }
}
