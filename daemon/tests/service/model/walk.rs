//! Walking through a house where bytes lead, with the model beside it.

use strongroom::{
    caller::{Caller, Role},
    service::{Ask, Refusal, Together},
};
use strongroom_kmip::{
    operation::{Request, Response},
    version::V2_1,
};

use super::{
    step::{Script, Step},
    thing::Thing,
};
use crate::house::{House, client, key};

/// Who walks: two users, and the two roles that see what is not theirs.
pub(super) const WALKERS: [(&str, Role); 4] =
    [("alice", Role::User), ("bob", Role::User), ("root", Role::Administrator), ("auditor", Role::Auditor)];

/// A house, the model beside it, and who walks through both.
pub struct Walk<'h> {
    house: &'h House,
    pub(super) things: Vec<Thing>,
    /// Sets the names of this walk apart from those of others in the same house.
    pub(super) number: u64,
}

impl<'h> Walk<'h> {
    /// A walk that has not begun.
    pub fn new(house: &'h House, number: u64) -> Self {
        Self { house, things: Vec::new(), number }
    }

    /// Walks where the bytes lead.
    ///
    /// # Panics
    /// When house and model disagree.
    pub fn follow(mut self, bytes: &[u8]) {
        let (mut script, mut reopened) = (Script(bytes.iter()), 0);
        while let Some(head) = script.byte() {
            let (who, act) = (usize::from(head) % WALKERS.len(), head >> 2);
            match act {
                0..=1 => self.house.clock.advance(i64::from(act + 1) * 4_000),
                // What others left in the house is read again with it, so that hundreds of times would take seconds.
                2 if reopened == REOPENED => {}
                2 => {
                    reopened += 1;
                    self.reopen();
                }
                3..=9 => {
                    let batch: Vec<Step> = (0..=act % 4).map_while(|_| script.step()).collect();
                    self.batch(who, &batch);
                }
                _ => {
                    let Some(step) = script.step() else { return };
                    let (house, walker) = (self.house, walker(who));
                    self.take(who, step, |request| house.request(&walker, request));
                }
            }
        }
        self.look_back();
    }

    /// Everything is forgotten but what the store keeps.
    fn reopen(&self) {
        self.house.vault.seal();
        let findings =
            self.house.vault.enter(key()).expect("the key opens the vault").findings().expect("one key is enough");
        assert!(findings.damaged.is_empty(), "{findings:?}");
    }

    /// Performs steps that stand or fall together.
    fn batch(&mut self, who: usize, steps: &[Step]) {
        let before = self.things.clone();
        let (house, walker) = (self.house, walker(who));
        let mut together = Together::new(&house.service, &walker);
        let mut ask = |request| together.perform(Ask::new(request, V2_1, house.service.number()));
        if steps.iter().all(|&step| self.take(who, step, &mut ask)) {
            together.keep().expect("the change is kept");
        } else {
            together.undo().expect("the records are written");
            self.things = before;
        }
    }

    /// Takes one step in the house and in the model; whether it went well.
    fn take(&mut self, who: usize, step: Step, mut ask: impl FnMut(Request) -> Result<Response, Refusal>) -> bool {
        let Some(request) = self.request(step) else { return true };
        let expected = self.expect(who, step);
        match (ask(request), expected) {
            (Ok(response), Ok(())) => self.learn(who, step, response),
            (Err(refusal), Err(reason)) => assert_eq!(refusal.reason, reason, "{step:?} by {who}: {}", refusal.message),
            (got, expected) => panic!("{step:?} by {who}: {got:?} instead of {expected:?}; {:#?}", self.things),
        }
        expected.is_ok()
    }

    pub(super) fn now(&self) -> i64 {
        self.house.vault.now().seconds()
    }

    /// Looks at everything once more, and after all is read anew from the store.
    fn look_back(&mut self) {
        self.look_at_all();
        self.reopen();
        self.look_at_all();
    }

    fn look_at_all(&mut self) {
        for which in 0..self.things.len() {
            let owner = self.things[which].owner;
            let (house, walker) = (self.house, walker(owner));
            self.take(owner, Step::Look(which), |request| house.request(&walker, request));
            self.take(owner, Step::Get(which), |request| house.request(&walker, request));
        }
    }
}

/// How often one walk has everything read anew before its end.
const REOPENED: usize = 8;

fn walker(who: usize) -> Caller {
    client(WALKERS[who].0, WALKERS[who].1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_house_agrees_with_the_model_whatever_is_asked_in_whatever_order(
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            Walk::new(&House::new(), 0).follow(&bytes);
        }
    }
}
