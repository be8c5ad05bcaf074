//! How work on a MAC ends: the MAC is given out, or held against one that was brought, as its purpose has it.

use strongroom_kmip::secret::Secret;

use super::gather::NO_SIGNATURE;
use crate::slot::contract::{Error, NO_VERIFICATION, Purpose};

/// Gives out what is made, unless it was to be verified.
pub(super) fn give(purpose: Purpose, make: impl FnOnce() -> Result<Secret, Error>) -> Result<Secret, Error> {
    if purpose == Purpose::Verify { Err(NO_SIGNATURE) } else { make() }
}

/// Holds what is made against what was brought, in a time that tells nothing of either.
pub(super) fn compare(
    purpose: Purpose,
    brought: &[u8],
    make: impl FnOnce() -> Result<Secret, Error>,
) -> Result<(), Error> {
    if purpose != Purpose::Verify {
        return Err(NO_VERIFICATION);
    }
    let made = make()?;
    let same = brought.len() == made.len() && openssl::memcmp::eq(made.reveal(), brought);
    if same { Ok(()) } else { Err(Error::Mismatch) }
}
