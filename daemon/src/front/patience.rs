//! How many who have proved nothing are answered: each answer costs a record that is on the disk before it, and whoever shows
//! neither certificate nor token, or wrong ones, pays nothing for it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use super::listen::household;
use crate::clock::Time;

/// What is left of it, for each address.
#[derive(Debug, Default)]
pub(super) struct Patience(Mutex<HashMap<IpAddr, Tried>>);

/// How much of it was used, by when.
#[derive(Clone, Copy, Debug)]
struct Tried {
    /// In milliseconds of the time that it takes to come back.
    used: i64,
    when: Time,
}

impl Patience {
    /// Whether one more from this address is answered. Who is refused so hears nothing, and is not recorded.
    pub(super) fn take(&self, from: IpAddr, now: Time) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = household(from);
        if all.len() >= MOST && !all.contains_key(&address) {
            all.retain(|_, tried| tried.left_over(now) > 0);
            if all.len() >= MOST {
                return false;
            }
        }
        let tried = all.entry(address).or_insert(Tried { used: 0, when: now });
        *tried = Tried { used: tried.left_over(now), when: now };
        let used = tried.used.saturating_add(EACH);
        let enough = used <= EACH.saturating_mul(AT_ONCE);
        if enough {
            tried.used = used;
        }
        enough
    }
}

impl Tried {
    /// What has not come back yet. A clock that was set back gives nothing back, and takes nothing either.
    fn left_over(self, now: Time) -> i64 {
        self.used.saturating_sub(now.0.saturating_sub(self.when.0).max(0)).max(0)
    }
}

/// So many at once from one address: those of a host on which some applications start together, each of which asks once without
/// a token to learn what is wanted.
const AT_ONCE: i64 = 32;
/// Milliseconds in which one comes back.
const EACH: i64 = 1000;
/// Addresses that are remembered. When all of them are still trying, no further one is answered.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn an_address_is_answered_so_often_at_once_and_then_once_in_a_second() {
        let patience = Patience::default();
        let answered = |now: i64| (0..100).filter(|_| patience.take(address(1), Time(now))).count();
        assert_eq!(answered(0), 32);
        assert_eq!(answered(999), 0);
        assert_eq!(answered(1000), 1);
        assert_eq!(answered(11_000), 10);
        assert_eq!(answered(5_000), 0, "a clock that was set back");
        assert!(patience.take(address(2), Time(0)), "another address");
        assert_eq!(answered(1_000_000), 32);
    }

    #[test]
    fn what_is_remembered_has_an_end_and_who_is_quiet_makes_room() {
        let patience = Patience::default();
        let most = u32::try_from(MOST).unwrap();
        assert!((0..most).all(|number| patience.take(address(number), Time(0))));
        assert!(!patience.take(address(most), Time(500)));
        assert!(patience.take(address(1), Time(500)), "one that is remembered");
        assert!(patience.take(address(most), Time(1500)));
        assert!(patience.0.lock().unwrap().len() <= MOST);
    }

    #[test]
    fn a_household_counts_as_one() {
        let patience = Patience::default();
        let from = |last: u16| IpAddr::V6([0x2001, 0xdb8, 0, 1, 0, 0, 0, last].into());
        assert_eq!((0..100).filter(|&last| patience.take(from(last), Time(0))).count(), 32);
    }
}
