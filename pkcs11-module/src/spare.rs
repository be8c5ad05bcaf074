//! Random bytes that were fetched with others, for whoever asks for a few again and again: each answer of the daemon then
//! serves many calls. They are the application's like those that it was given, recorded as given when they were fetched.
//!
//! Nothing is fetched ahead for a program that asks now and then, what is left is soon forgotten, and no byte is given twice: a
//! forked child begins with a module of its own.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use strongroom_pkcs11_wire::value::Wiped;
use zeroize::{Zeroize, Zeroizing};

/// The random bytes that are left.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bytes: Zeroizing<Vec<u8>>,
    /// In which epoch of the daemon they were fetched, and when.
    epoch: u64,
    since: Option<Instant>,
    /// When somebody asked last.
    asked: Option<Instant>,
}

/// Where random bytes come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// They are here.
    Here(Wiped),
    /// So many are to be fetched; what is not used now is to be left here.
    Fetch(usize),
}

impl Spare {
    /// So many random bytes in this epoch of the daemon.
    pub(crate) fn take(&self, length: usize, epoch: u64) -> Source {
        if length > FEW {
            return Source::Fetch(length);
        }
        let (mut state, now) = (self.state(), Instant::now());
        let again = state.asked.replace(now).is_some_and(|last| now.duration_since(last) < LASTS);
        if state.epoch != epoch || state.since.is_none_or(|since| now.duration_since(since) >= LASTS) {
            state.bytes.zeroize();
        }
        let Some(left) = state.bytes.len().checked_sub(length) else {
            return Source::Fetch(if again { AHEAD } else { length });
        };
        let taken = Wiped::from(state.bytes.get(left..).unwrap_or_default());
        state.bytes.get_mut(left..).unwrap_or_default().zeroize();
        state.bytes.truncate(left);
        Source::Here(taken)
    }

    /// Of what was fetched in this epoch, as much as was asked for; the rest is left here.
    pub(crate) fn leave(&self, fetched: Wiped, length: usize, epoch: u64) -> Wiped {
        let Some((asked, rest)) = fetched.reveal().split_at_checked(length).filter(|(_, rest)| !rest.is_empty()) else {
            return fetched;
        };
        let mut state = self.state();
        state.bytes = Zeroizing::new(rest.to_vec());
        (state.epoch, state.since) = (epoch, Some(Instant::now()));
        Wiped::from(asked)
    }

    /// Forgets what is left.
    pub(crate) fn clear(&self) {
        self.state().bytes.zeroize();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever asks for more at a time asks the daemon.
const FEW: usize = 256;
/// So many are fetched at once for whoever asks for a few again and again.
const AHEAD: usize = 4096;
/// How soon somebody must ask again, and how long what is left is kept.
const LASTS: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn fetches(spare: &Spare, length: usize, epoch: u64) -> Option<usize> {
        match spare.take(length, epoch) {
            Source::Fetch(length) => Some(length),
            Source::Here(_) => None,
        }
    }

    #[test]
    fn more_is_fetched_only_for_whoever_asks_for_a_few_again() {
        let spare = Spare::default();
        assert_eq!(fetches(&spare, 32, 0), Some(32), "the first time");
        assert_eq!(fetches(&spare, 32, 0), Some(AHEAD), "again");
        assert_eq!(fetches(&spare, FEW + 1, 0), Some(FEW + 1), "for many");
    }

    #[test]
    fn no_byte_is_given_twice() {
        let spare = Spare::default();
        let fetched: Vec<u8> = (0..96).collect();
        let mut given = spare.leave(Wiped::new(fetched.clone()), 32, 0).reveal().to_vec();
        while let Source::Here(bytes) = spare.take(32, 0) {
            assert_eq!(bytes.len(), 32);
            given.extend_from_slice(bytes.reveal());
        }
        given.sort_unstable();
        assert_eq!(given, fetched);
    }

    #[test]
    fn what_is_left_is_forgotten_with_its_epoch_and_on_demand() {
        let spare = Spare::default();
        drop(spare.leave(Wiped::new(vec![1; 96]), 32, 0));
        assert!(fetches(&spare, 32, 1).is_some(), "another epoch");
        drop(spare.leave(Wiped::new(vec![1; 96]), 32, 1));
        spare.clear();
        assert!(fetches(&spare, 32, 1).is_some(), "cleared");
    }
}
