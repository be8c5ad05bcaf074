//! The bytes that derivations take and give.

use strongroom_kmip::{mechanism::Hash, secret::Secret};

use super::mac::Plain;
use crate::slot::contract::{Error, Kept, Shape};
use crate::slot::derivation::Operand;

/// The bytes of a symmetric key or of a secret that is no key.
pub(super) fn bytes(base: &Kept) -> Result<&[u8], Error> {
    match base.shape {
        Shape::Symmetric { .. } => Ok(base.held.reveal()),
        Shape::Private(_) | Shape::Public(_) => Err(UNFIT),
    }
}

/// The bytes of what is taken besides the key.
pub(super) fn operand(operand: &Operand) -> Result<&[u8], Error> {
    match operand {
        Operand::Bytes(bytes) => Ok(bytes.reveal()),
        Operand::Key(key) => bytes(key),
        Operand::Second => Err(Error::Parameter("second key")),
    }
}

pub(super) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Result<Secret, Error> {
    let mut signing = Plain::new(hash, key)?;
    parts.iter().try_for_each(|part| signing.add(part))?;
    signing.end()
}

/// The first bytes of what a derivation gives, and never more than that.
pub(super) fn cut(whole: &Secret, length: usize) -> Result<Secret, Error> {
    whole.reveal().get(..length).map(Secret::copy_of).ok_or(Error::Length)
}

/// Bytes of the longest digest.
pub(super) const LONGEST_DIGEST: usize = 64;

pub(super) const UNFIT: Error = Error::Unsupported("this derivation from such a key");
