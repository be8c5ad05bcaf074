//! Objects that end with a session: what an application remembers of each, and how many there may be. They live in the
//! daemon's memory and store as others do, and whoever may open a session may make them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::operation::Operation;
use crate::service::ObjectId;

/// An object that ends with a session.
#[derive(Debug)]
pub struct Passing {
    /// The session that it ends with.
    pub session: u64,
    /// The slot that it is in.
    pub slot: usize,
    /// Whether it ends with the login too.
    pub private: bool,
    /// Its place among all of them.
    #[expect(dead_code, reason = "it is held and dropped")]
    pub seat: Seat,
}

/// What is left of sessions that were closed, for others to tidy up.
#[derive(Debug, Default)]
pub struct Leftovers {
    /// Objects that ended with them.
    pub objects: Vec<ObjectId>,
    /// Operations that nobody will end.
    pub operations: Vec<Operation>,
}

/// How many there may be, and how many there are.
#[derive(Debug)]
pub struct Seats {
    /// Of one application.
    each: usize,
    /// Of all applications together.
    all: usize,
    taken: AtomicUsize,
}

/// One of them, which is free again when this is dropped.
#[derive(Debug)]
pub struct Seat(Arc<Seats>);

impl Seats {
    /// So many of one application, and so many of all together.
    pub fn new(each: usize, all: usize) -> Arc<Self> {
        Arc::new(Self { each, all, taken: AtomicUsize::new(0) })
    }

    /// One more, for an application that has so many already; nothing when there are too many.
    pub fn take(self: &Arc<Self>, has: usize) -> Option<Seat> {
        let one_more = |taken: usize| taken.checked_add(1).filter(|taken| *taken <= self.all);
        if has >= self.each || self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            return None;
        }
        Some(Seat(Arc::clone(self)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_it_is_left() {
        let seats = Seats::new(3, 2);
        let (one, other) = (seats.take(0).unwrap(), seats.take(0).unwrap());
        assert!(seats.take(0).is_none(), "all are taken");
        drop(one);
        let again = seats.take(0).unwrap();
        assert!(seats.take(0).is_none(), "taken again");
        drop((other, again));
        assert!(seats.take(3).is_none(), "an application that has its share");
        assert!(seats.take(2).is_some(), "and one that has not");
        assert!(Seats::new(0, 9).take(0).is_none(), "none of one application");
        assert!(Seats::new(9, 0).take(0).is_none(), "none at all");
    }
}
