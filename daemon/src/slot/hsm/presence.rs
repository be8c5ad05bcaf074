//! What is known of where keys are: at which members of a cluster, and at which not. What is not known is found out when a key
//! is used, and in rounds.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What is known of the keys.
#[derive(Debug, Default)]
pub(super) struct Presence(Mutex<HashMap<Vec<u8>, Row>>);

/// What is known of one key, a bit for each member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    has: u32,
    lacks: u32,
    /// Whether its token does not let it go to others.
    pub(super) bound: bool,
}

impl Row {
    /// Whether the member has it, as far as is known.
    pub(super) fn at(self, member: usize) -> Option<bool> {
        let bit = bit(member);
        match (self.has & bit != 0, self.lacks & bit != 0) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

impl Presence {
    /// What is known of a key.
    pub(super) fn row(&self, key: &[u8]) -> Row {
        self.rows().get(key).copied().unwrap_or_default()
    }

    /// A member has the key, or does not.
    pub(super) fn learn(&self, key: &[u8], member: usize, there: bool) {
        let (mut rows, bit) = (self.rows(), bit(member));
        if !rows.contains_key(key) {
            rows.insert(key.to_vec(), Row::default());
        }
        let Some(row) = rows.get_mut(key) else { return };
        if there {
            (row.has, row.lacks) = (row.has | bit, row.lacks & !bit);
        } else {
            (row.has, row.lacks) = (row.has & !bit, row.lacks | bit);
        }
    }

    /// The key's token does not let it go to others. Whether that is news.
    pub(super) fn bind(&self, key: &[u8]) -> bool {
        let mut rows = self.rows();
        let row = rows.entry(key.to_vec()).or_default();
        !std::mem::replace(&mut row.bound, true)
    }

    /// The key is gone everywhere.
    pub(super) fn forget(&self, key: &[u8]) {
        self.rows().remove(key);
    }

    /// Nothing is known of a member any more, which may be another token now. What was held fast may go then.
    pub(super) fn forget_member(&self, member: usize) {
        let bit = bit(member);
        for row in self.rows().values_mut() {
            *row = Row { has: row.has & !bit, lacks: row.lacks & !bit, bound: false };
        }
    }

    /// How many keys the member lacks that others have, and how many of these cannot come to it.
    pub(super) fn lacking(&self, member: usize) -> (usize, usize) {
        let bit = bit(member);
        self.rows()
            .values()
            .filter(|row| row.lacks & bit != 0 && row.has != 0)
            .fold((0, 0), |(all, bound), row| (all.saturating_add(1), bound.saturating_add(usize::from(row.bound))))
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Members beyond the last have none; there are fewer.
fn bit(member: usize) -> u32 {
    u32::try_from(member).ok().and_then(|member| 1u32.checked_shl(member)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_last_counts() {
        let presence = Presence::default();
        assert_eq!(presence.row(b"key").at(1), None);
        presence.learn(b"key", 1, true);
        presence.learn(b"key", 0, false);
        assert_eq!((presence.row(b"key").at(0), presence.row(b"key").at(1)), (Some(false), Some(true)));
        presence.learn(b"key", 1, false);
        assert_eq!(presence.row(b"key").at(1), Some(false));
        assert_eq!(presence.row(b"other").at(1), None);
    }

    #[test]
    fn a_member_lacks_what_others_have_and_no_more() {
        let presence = Presence::default();
        presence.learn(b"here", 0, true);
        presence.learn(b"here", 1, false);
        presence.learn(b"nowhere", 1, false);
        presence.learn(b"bound", 0, true);
        presence.learn(b"bound", 1, false);
        assert!(presence.bind(b"bound"));
        assert!(!presence.bind(b"bound"));
        assert_eq!((presence.lacking(0), presence.lacking(1)), ((0, 0), (2, 1)));
        presence.forget(b"here");
        assert_eq!(presence.lacking(1), (1, 1));
    }

    #[test]
    fn of_a_member_that_came_back_nothing_is_known() {
        let presence = Presence::default();
        presence.learn(b"key", 0, true);
        presence.learn(b"key", 1, false);
        presence.bind(b"key");
        presence.forget_member(1);
        assert_eq!(presence.row(b"key"), Row { has: 1, lacks: 0, bound: false });
    }
}
