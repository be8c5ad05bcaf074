//! Pairs that are made ahead. To find the primes of an RSA pair takes longer than all the rest of keeping it; so of each usual
//! size that was asked for lately some pairs wait here for whoever asks next, made by what makes any pair.
//!
//! A pair is handed out once, by whoever takes it off its shelf. It is nowhere but in memory of its own, locked or secret,
//! which a forked child does not get and which is wiped when the pair goes: with whoever takes it, when the vault is
//! sealed, when nobody asks for its size any more, and at the end.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use strongroom_kmip::secret::Secret;

use crate::{
    clock::Stopwatch,
    memory::Locked,
    slot::contract::{Kept, Made, Pair, Shape},
};

/// The shelves, one for each size of which pairs are made ahead.
pub(super) struct Reserve {
    /// How many of the smallest size there may be.
    most: usize,
    state: Mutex<State>,
}

/// A pair that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) bits: usize,
    turn: u64,
}

#[derive(Default)]
struct State {
    shelves: [Shelf; SIZES.len()],
    /// How often everything was forgotten. What was ordered before is not taken in after.
    turn: u64,
}

#[derive(Default)]
struct Shelf {
    /// How many there are to be.
    wanted: usize,
    /// Since when nobody has asked.
    asked: Option<Stopwatch>,
    pairs: Vec<Ready>,
}

struct Ready {
    /// PKCS#8, as it is kept.
    private: Locked,
    public: Vec<u8>,
}

impl Reserve {
    /// Empty shelves, with room for so many pairs of the smallest size; none for nought.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.min(MOST), state: Mutex::default() }
    }

    /// A pair of that size, if there is one; it is the taker's alone. The more are asked for, the more there will be.
    pub(super) fn take(&self, bits: usize) -> Option<Made> {
        let (place, most) = self.place(bits)?;
        let mut state = self.look();
        let shelf = state.shelves.get_mut(place)?;
        shelf.wanted = shelf.wanted.saturating_mul(2).clamp(1, most);
        shelf.asked = Some(Stopwatch::start());
        let ready = shelf.pairs.pop()?;
        drop(state);
        let pair = Pair::Rsa { bits };
        Some(Made::Pair {
            private: Kept { shape: Shape::Private(pair), held: Secret::copy_of(ready.private.reveal()) },
            public: Kept { shape: Shape::Public(pair), held: Secret::new(ready.public) },
        })
    }

    /// What is to be made next, the least work first. What nobody has asked for in so long a time goes.
    pub(super) fn next(&self, lately: Duration) -> Option<Order> {
        let mut state = self.look();
        for shelf in &mut state.shelves {
            if shelf.asked.is_some_and(|asked| asked.elapsed() >= lately) {
                *shelf = Shelf::default();
            }
        }
        let lacks = |(_, shelf): &(_, &Shelf)| shelf.pairs.len() < shelf.wanted;
        let ((bits, _), _) = SIZES.iter().zip(&state.shelves).find(lacks)?;
        Some(Order { bits: *bits, turn: state.turn })
    }

    /// Takes in a pair that was ordered; whether it did. It does not if everything was forgotten since, or if the process may
    /// not lock so much memory.
    pub(super) fn put(&self, order: Order, private: &Secret, public: &Secret) -> bool {
        let Some((place, most)) = self.place(order.bits) else { return false };
        let hidden = Locked::new(private.len(), |bytes| bytes.copy_from_slice(private.reveal()));
        let mut state = self.look();
        let now = state.turn;
        let Some(shelf) = state.shelves.get_mut(place).filter(|_| now == order.turn) else { return false };
        match hidden {
            Ok(private) if shelf.pairs.len() < most => {
                shelf.pairs.push(Ready { private, public: public.reveal().to_vec() });
                true
            }
            Ok(_) => false,
            Err(error) => {
                *shelf = Shelf::default();
                drop(state);
                log::warn!("no pairs of keys are made ahead: {error}");
                false
            }
        }
    }

    /// Wipes all there are, and wants none until somebody asks again.
    pub(super) fn clear(&self) {
        let mut state = self.look();
        *state = State { turn: state.turn.wrapping_add(1), ..State::default() };
    }

    /// Which shelf is for that size, and how many go there.
    fn place(&self, bits: usize) -> Option<(usize, usize)> {
        let place = SIZES.iter().position(|(size, _)| *size == bits)?;
        let (_, part) = SIZES.get(place)?;
        (self.most > 0).then(|| (place, (self.most / part).max(1)))
    }

    /// The lock is held to look, to put and to take, so a poisoned one still guards whole shelves.
    fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Reserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.look().shelves.each_ref().map(|shelf| shelf.pairs.len());
        write!(f, "Reserve({counts:?} of {})", self.most)
    }
}

/// The sizes of which pairs are made ahead, the smallest first, and by what the number of their pairs is divided: those that
/// take longest are asked for least.
const SIZES: [(usize, usize); 3] = [(2048, 1), (3072, 2), (4096, 4)];

/// Pairs of the smallest size, whatever was configured: each takes pages and a mapping of its own.
pub const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// Shelves that were asked for this size often enough to be full once what is wanted has been put.
    fn asked(most: usize, bits: usize) -> Reserve {
        let reserve = Reserve::new(most);
        (0..8).for_each(|_| assert!(reserve.take(bits).is_none()));
        reserve
    }

    /// Puts whatever is wanted, each with a number of its own; how many that were.
    fn fill(reserve: &Reserve) -> u64 {
        let mut count = 0_u64;
        while let Some(order) = reserve.next(LONG) {
            assert!(reserve.put(order, &Secret::copy_of(&count.to_be_bytes()), &Secret::copy_of(b"public")));
            count += 1;
        }
        count
    }

    fn number(made: &Made) -> Vec<u8> {
        let Made::Pair { private, .. } = made else { panic!("no pair") };
        private.held.reveal().to_vec()
    }

    #[test]
    fn each_pair_is_handed_out_once_to_however_many_ask_at_once() {
        let reserve = asked(64, 2048);
        assert_eq!(fill(&reserve), 64);
        let taken = thread::scope(|scope| {
            let take = || (0..32).filter_map(|_| reserve.take(2048)).map(|made| number(&made)).collect::<Vec<_>>();
            let takers: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect::<Vec<_>>()
        });
        let different: HashSet<_> = taken.iter().collect();
        assert_eq!((taken.len(), different.len()), (64, 64));
        assert!(reserve.take(2048).is_none());
    }

    #[test]
    fn nothing_is_wanted_before_somebody_asks_and_then_only_of_that_size() {
        for (name, bits, expected) in [
            ("nobody asks", None, None),
            ("a usual size", Some(2048), Some(2048)),
            ("a larger one", Some(3072), Some(3072)),
            ("the largest", Some(4096), Some(4096)),
            ("a small one", Some(1024), None),
            ("an odd one", Some(2176), None),
            ("a huge one", Some(16384), None),
            ("nought", Some(0), None),
        ] {
            let reserve = Reserve::new(8);
            assert!(bits.is_none_or(|bits| reserve.take(bits).is_none()), "{name}");
            assert_eq!(reserve.next(LONG).map(|order| order.bits), expected, "{name}");
        }
    }

    #[test]
    fn a_pair_serves_nobody_who_asks_for_another_size() {
        let reserve = asked(8, 2048);
        fill(&reserve);
        for bits in [1024, 2047, 2176, 3072, 4096] {
            assert!(reserve.take(bits).is_none(), "{bits}");
        }
        let Some(Made::Pair { private, public }) = reserve.take(2048) else { panic!("there is one") };
        let pair = Pair::Rsa { bits: 2048 };
        assert_eq!((private.shape, public.shape), (Shape::Private(pair), Shape::Public(pair)));
    }

    #[test]
    fn there_are_more_the_more_are_asked_for_and_never_more_than_was_said() {
        for (name, most, bits, asked, expected) in [
            ("asked for once", 8, 2048, 1, 1),
            ("asked for twice", 8, 2048, 2, 2),
            ("often", 8, 2048, 100, 8),
            ("half as many", 8, 3072, 100, 4),
            ("a quarter", 8, 4096, 100, 2),
            ("one at least", 1, 4096, 100, 1),
            ("as many as there can be", usize::MAX, 2048, 100, 64),
        ] {
            let reserve = Reserve::new(most);
            (0..asked).for_each(|_| assert!(reserve.take(bits).is_none()));
            assert_eq!(fill(&reserve), expected, "{name}");
        }
    }

    #[test]
    fn off_means_off() {
        let reserve = asked(0, 2048);
        assert_eq!(reserve.next(LONG), None);
        let order = Order { bits: 2048, turn: 0 };
        assert!(!reserve.put(order, &Secret::copy_of(b"private"), &Secret::copy_of(b"public")));
        assert!(reserve.take(2048).is_none());
    }

    #[test]
    fn what_is_forgotten_is_gone_and_what_was_ordered_before_does_not_come_after() {
        let reserve = asked(8, 2048);
        let order = reserve.next(LONG).unwrap();
        fill(&reserve);
        reserve.clear();
        assert_eq!(reserve.next(LONG), None);
        assert!(!reserve.put(order, &Secret::copy_of(b"late"), &Secret::copy_of(b"public")));
        assert!(reserve.take(2048).is_none());
        assert!(reserve.put(reserve.next(LONG).unwrap(), &Secret::copy_of(b"new"), &Secret::copy_of(b"public")));
        assert_eq!(number(&reserve.take(2048).unwrap()), b"new");
    }

    #[test]
    fn a_size_that_nobody_asks_for_any_more_is_let_go() {
        let reserve = asked(8, 2048);
        fill(&reserve);
        assert_eq!(reserve.next(Duration::ZERO), None);
        assert!(reserve.take(2048).is_none());
    }

    #[test]
    fn printing_tells_numbers_alone() {
        let reserve = asked(2, 2048);
        fill(&reserve);
        assert_eq!(format!("{reserve:?}"), "Reserve([2, 0, 0] of 2)");
    }
}
