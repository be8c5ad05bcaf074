//! What the model knows of an object.

use strongroom_kmip::code::{CryptographicUsageMask as Mask, State};

#[derive(Clone, Debug)]
pub struct Thing {
    pub id: String,
    pub owner: usize,
    /// None once another key has taken it over.
    pub name: Option<u8>,
    pub state: State,
    pub activation: Option<i64>,
    pub deactivation: Option<i64>,
    pub mask: Mask,
    pub sensitive: bool,
    pub extractable: bool,
    /// How often it may still encrypt, where that is limited.
    pub left: Option<i64>,
    pub comment: Option<u8>,
    pub archived: bool,
    /// What came out of its first Get.
    pub material: Option<Vec<u8>>,
    /// The nonces of the callers' choosing that it has taken.
    pub nonces: Vec<u8>,
    /// What it has encrypted last.
    pub sealed: Option<Sealed>,
}

#[derive(Clone, Debug)]
pub struct Sealed {
    pub data: Vec<u8>,
    pub nonce: Option<Vec<u8>>,
    pub tag: Option<Vec<u8>>,
}

impl Thing {
    pub fn state(&self, now: i64) -> State {
        let due = |date: Option<i64>| date.is_some_and(|date| date <= now);
        match self.state {
            State::PreActive if due(self.activation) && due(self.deactivation) => State::Deactivated,
            State::PreActive if due(self.activation) => State::Active,
            State::Active if due(self.deactivation) => State::Deactivated,
            state => state,
        }
    }

    pub fn is_gone(&self, now: i64) -> bool {
        matches!(self.state(now), State::Destroyed | State::DestroyedCompromised)
    }

    /// How long a lease of it is, in seconds.
    pub fn lease(&self, now: i64) -> i64 {
        let until = self.deactivation.map(|date| date - now).filter(|seconds| *seconds > 0);
        until.map_or(LEASE, |seconds| seconds.min(LEASE))
    }
}

/// The longest lease, in seconds.
const LEASE: i64 = 3600;
/// How often a key with Usage Limits may encrypt.
pub const LIMIT: i64 = 3;
