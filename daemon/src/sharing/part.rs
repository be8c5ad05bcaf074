//! What all methods of sharing speak of.

use strongroom_kmip::secret::Secret;

/// The polynomial that GF(2^8) is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polynomial {
    /// x^8 + x^4 + x^3 + x + 1, as in AES.
    P283,
    /// x^8 + x^4 + x^3 + x^2 + 1.
    P285,
}

/// A part of a secret.
#[derive(Debug)]
pub struct Part {
    /// Which one, from 1: the place at which the polynomial was evaluated.
    pub number: u32,
    /// Its bytes.
    pub bytes: Secret,
}
