//! The life of an object: one table of what leads where, asked in one place.

use strongroom_kmip::code::State;

use crate::slot::Purpose;

/// What can happen to an object (KMIP 2.1 §4.57 State, the numbered transitions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// It is activated, or its activation date has come.
    Activate,
    /// It is revoked for a reason that is no compromise, or its deactivation date has come.
    Deactivate,
    /// It is revoked because it is compromised.
    Compromise,
    /// It is destroyed.
    Destroy,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 4] = [Self::Activate, Self::Deactivate, Self::Compromise, Self::Destroy];
}

/// Where an object stands after `event`, or nothing when the event cannot happen to it now.
pub fn after(state: State, event: Event) -> Option<State> {
    TRANSITIONS.iter().find(|(from, on, _)| *from == state && *on == event).map(|&(_, _, to)| to)
}

/// Whether a key in this state may still be used so: what protects new data needs an active key, what opens or checks
/// old data works after its time too (KMIP 2.1 §4.57; SP 800-57 part 1 §7).
pub fn allows(state: State, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Encrypt | Purpose::Sign | Purpose::Wrap | Purpose::Derive => state == State::Active,
        Purpose::Decrypt | Purpose::Verify | Purpose::Unwrap => {
            matches!(state, State::Active | State::Deactivated | State::Compromised)
        }
    }
}

/// Whether the object is gone but for its attributes.
pub fn is_destroyed(state: State) -> bool {
    matches!(state, State::Destroyed | State::DestroyedCompromised)
}

/// The state that an object has reached by itself at `now`, from its stored state and its dates (seconds since 1970).
pub fn at(stored: State, activation: Option<i64>, deactivation: Option<i64>, now: i64) -> State {
    let mut state = stored;
    let due = |date: Option<i64>| date.is_some_and(|date| date <= now);
    if due(activation) {
        state = after_if(state, State::PreActive, Event::Activate);
    }
    if due(deactivation) {
        state = after_if(state, State::Active, Event::Deactivate);
    }
    state
}

fn after_if(state: State, expected: State, event: Event) -> State {
    if state == expected { after(state, event).unwrap_or(state) } else { state }
}

const TRANSITIONS: &[(State, Event, State)] = &[
    (State::PreActive, Event::Activate, State::Active),
    (State::PreActive, Event::Compromise, State::Compromised),
    (State::PreActive, Event::Destroy, State::Destroyed),
    (State::Active, Event::Deactivate, State::Deactivated),
    (State::Active, Event::Compromise, State::Compromised),
    (State::Deactivated, Event::Compromise, State::Compromised),
    (State::Deactivated, Event::Destroy, State::Destroyed),
    (State::Compromised, Event::Destroy, State::DestroyedCompromised),
    (State::Destroyed, Event::Compromise, State::DestroyedCompromised),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_deactivated_key_opens_and_checks_and_protects_nothing_new() {
        for (purpose, allowed) in [
            (Purpose::Encrypt, false),
            (Purpose::Decrypt, true),
            (Purpose::Sign, false),
            (Purpose::Verify, true),
            (Purpose::Wrap, false),
            (Purpose::Unwrap, true),
        ] {
            assert_eq!(allows(State::Deactivated, purpose), allowed, "{purpose:?}");
            assert!(!allows(State::PreActive, purpose), "{purpose:?}");
            assert!(!allows(State::Destroyed, purpose), "{purpose:?}");
            assert!(allows(State::Active, purpose), "{purpose:?}");
        }
    }

    #[test]
    fn an_active_key_is_not_destroyed_before_it_is_revoked() {
        assert_eq!(after(State::Active, Event::Destroy), None);
        assert_eq!(after(State::Deactivated, Event::Destroy), Some(State::Destroyed));
    }

    #[test]
    fn dates_act_when_they_come_due() {
        for (why, stored, activation, deactivation, now, expected) in [
            ("no dates", State::PreActive, None, None, 100, State::PreActive),
            ("activation yet to come", State::PreActive, Some(101), None, 100, State::PreActive),
            ("activation now", State::PreActive, Some(100), None, 100, State::Active),
            ("both past", State::PreActive, Some(10), Some(20), 100, State::Deactivated),
            ("deactivation of a key never active", State::PreActive, None, Some(20), 100, State::PreActive),
            ("a compromised key stays so", State::Compromised, Some(10), Some(20), 100, State::Compromised),
        ] {
            assert_eq!(at(stored, activation, deactivation, now), expected, "{why}");
        }
    }

    proptest! {
        #[test]
        fn no_state_leads_from_destroyed_to_active(events in proptest::collection::vec(0usize..4, 0..40), start in 0usize..2) {
            let mut state = [State::Destroyed, State::DestroyedCompromised][start];
            for event in events {
                state = after(state, Event::ALL[event]).unwrap_or(state);
                state = at(state, Some(0), None, 1);
                prop_assert!(is_destroyed(state));
            }
        }

        #[test]
        fn a_compromise_is_never_forgotten(events in proptest::collection::vec(0usize..4, 0..40)) {
            let mut state = State::Compromised;
            for event in events {
                state = after(state, Event::ALL[event]).unwrap_or(state);
                prop_assert!(matches!(state, State::Compromised | State::DestroyedCompromised));
            }
        }
    }
}
