//! What becomes of a secret that a token has agreed on: it is made here, where tokens differ in what they make of it.

use strongroom_kmip::{
    mechanism::Hash,
    secret::{Secret, Wiped},
};

use crate::slot::{
    contract::{Error, Slot},
    derivation::Finish,
};

/// So many bytes of it.
///
/// # Errors
/// [`Error::Length`] for more than there are to be had.
pub(super) fn finish(secret: &Secret, finish: &Finish, length: usize, beside: &dyn Slot) -> Result<Secret, Error> {
    let all = secret.reveal();
    match finish {
        Finish::First => all.get(..length).map(Secret::copy_of).ok_or(Error::Length),
        Finish::Last => {
            let from = all.len().checked_sub(length).ok_or(Error::Length)?;
            all.get(from..).map(Secret::copy_of).ok_or(Error::Length)
        }
        Finish::X963(hash, shared) => {
            digests(*hash, length, beside, |counter| [all, counter, shared].map(<[u8]>::to_vec))
        }
        Finish::OneStep(hash, shared) => {
            digests(*hash, length, beside, |counter| [counter, all, shared].map(<[u8]>::to_vec))
        }
    }
}

fn digests(
    hash: Hash,
    length: usize,
    beside: &dyn Slot,
    input: impl Fn(&[u8]) -> [Vec<u8>; 3],
) -> Result<Secret, Error> {
    let mut out = Wiped::new(Vec::with_capacity(length.saturating_add(hash.length())));
    for counter in 1u32..=u32::MAX {
        if out.len() >= length {
            break;
        }
        let mut digest = beside.digest(hash)?;
        for part in input(&counter.to_be_bytes()).map(Wiped::new) {
            digest.update(&part)?;
        }
        out.extend_from_slice(digest.finish()?.reveal());
    }
    out.get(..length).map(Secret::copy_of).ok_or(Error::Length)
}
