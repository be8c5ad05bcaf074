//! What a walker may do, and how bytes say it.

use strongroom_kmip::code::{RevocationReasonCode, State, StorageStatusMask as Storage};

/// One request, with the object by its place in the walk.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Create(Wish),
    Activate(usize),
    Revoke(usize, RevocationReasonCode),
    Destroy(usize),
    Get(usize),
    Export(usize),
    Look(usize),
    Encrypt(usize),
    Decrypt(usize),
    /// Encrypts under GCM with a nonce of the caller's choosing.
    Seal(usize, u8),
    Rename(usize, u8),
    /// Sets the Comment, or deletes it.
    Note(usize, Option<u8>),
    /// Sets the Deactivation Date to so many seconds from now.
    Schedule(usize, i64),
    Archive(usize),
    Recover(usize),
    Lease(usize),
    Allocate(usize, i64),
    ReKey(usize),
    Locate(u8, Option<State>, Option<Storage>),
}

/// The key that a Create asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub name: u8,
    /// The place of its mask among those that a key may have.
    pub mask: u8,
    /// Seconds from now until it is active.
    pub activation: Option<i64>,
    /// Seconds from now until it is not.
    pub life: Option<i64>,
    pub sensitive: bool,
    pub extractable: bool,
    pub limited: bool,
}

/// Reads steps from bytes, so that a fuzzer can steer.
pub struct Script<'b>(pub std::slice::Iter<'b, u8>);

impl Script<'_> {
    pub fn byte(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    pub fn step(&mut self) -> Option<Step> {
        let (kind, with) = (self.byte()?, self.byte()?);
        let which = usize::from(with) % MOST;
        // What is said besides.
        let (two, three) = (usize::from(with >> 6), with >> 5);
        Some(match kind % 23 {
            kind @ 0..=2 => Step::Create(Wish {
                name: with % 4,
                mask: (with >> 2) % 4,
                activation: [None, Some(-5), Some(0), Some(7)][usize::from(with >> 4) % 4],
                life: (with & 0x40 != 0).then_some(9),
                sensitive: kind == 1,
                extractable: kind != 2,
                limited: with & 0x80 != 0,
            }),
            3 => Step::Activate(which),
            4 => {
                let codes = [
                    RevocationReasonCode::Unspecified,
                    RevocationReasonCode::KeyCompromise,
                    RevocationReasonCode::CACompromise,
                    RevocationReasonCode::CessationOfOperation,
                ];
                Step::Revoke(which, codes[two])
            }
            5 => Step::Destroy(which),
            6 => Step::Get(which),
            7 | 8 => Step::Look(which),
            9 | 10 => Step::Encrypt(which),
            11 => Step::Decrypt(which),
            12 => Step::Rename(which, three % 4),
            13 => Step::Archive(which),
            14 => Step::Recover(which),
            15 => Step::Schedule(which, [-5, 0, 6, 5000][two]),
            16 => Step::Note(which, Some(three).filter(|value| *value < 5)),
            17 => Step::Lease(which),
            18 => Step::Allocate(which, [1, 1, 2, 3][two]),
            19 => Step::ReKey(which),
            20 => Step::Export(which),
            21 => Step::Seal(which, three % 4),
            _ => {
                let states = [None, Some(State::PreActive), Some(State::Active), Some(State::Deactivated)];
                let everywhere = Storage::OnLineStorage | Storage::ArchivalStorage | Storage::DestroyedStorage;
                let storage = [None, None, Some(Storage::ArchivalStorage), Some(everywhere)];
                Step::Locate(with % 4, states[usize::from(with >> 2) % 4], storage[usize::from(with >> 4) % 4])
            }
        })
    }
}

/// Objects that one walk makes at most.
pub const MOST: usize = 6;
