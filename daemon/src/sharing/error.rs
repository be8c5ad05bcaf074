//! Why a secret was not split, or parts did not make one.

use crate::chance::Dry;

/// Why a secret was not split, or parts did not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Numbers of parts that cannot be: fewer than two needed, more needed than there are, or more than are made.
    #[error("two parts at least and all of them at most are needed, and no more than 255 are made; XOR needs all")]
    Counts,
    /// A secret that the method does not take.
    #[error("the secret is empty, too long, or of a length that the method does not take")]
    Length,
    /// What should be a prime is none, or is too small for the secret, or larger than is served.
    #[error("the prime field size is no prime that is larger than the secret, or larger than is served")]
    Prime,
    /// Too few parts, the same one twice, or parts that do not belong together.
    #[error("these parts do not make a secret")]
    Parts,
    /// No parts without randomness.
    #[error(transparent)]
    Chance(#[from] Dry),
    /// The numbers could not be computed.
    #[error("the engine failed over a prime field")]
    Engine,
}
