//! The one type for bytes that nobody else may see.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// Bytes that are wiped when dropped, and cannot be printed, copied, compared or serialised by accident.
///
/// Reading them takes the word [`reveal`](Secret::reveal), which a review can search for.
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes the bytes over. Spare capacity of `bytes` is wiped before the allocation shrinks.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        if bytes.capacity() == bytes.len() {
            return Self(Zeroizing::new(bytes.into_boxed_slice()));
        }
        let exact = Self::copy_of(&bytes);
        bytes.zeroize();
        exact
    }

    /// A copy of bytes that somebody else wipes.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Whoever calls this promises that they go no further than they must.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// A second copy, made on purpose: each is wiped on its own.
    pub fn duplicate(&self) -> Self {
        Self::copy_of(self.reveal())
    }

    /// Whether both hold the same bytes, in time that depends on their length alone.
    pub fn same_as(&self, other: &[u8]) -> bool {
        if self.0.len() != other.len() {
            return false;
        }
        let difference = self.0.iter().zip(other).fold(0u8, |sum, (mine, theirs)| sum | (mine ^ theirs));
        std::hint::black_box(difference) == 0
    }

    /// How many bytes there are; a length is not a secret.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_its_length_and_nothing_else() {
        assert_eq!(format!("{:?}", Secret::new(vec![0x41; 32])), "Secret(32 bytes)");
    }

    #[test]
    fn secrets_are_the_same_only_byte_for_byte() {
        let secret = Secret::new(vec![1, 2, 3]);
        assert!(secret.same_as(&[1, 2, 3]));
        assert!(!secret.same_as(&[1, 2, 4]));
        assert!(!secret.same_as(&[1, 2]));
        assert!(!secret.same_as(&[1, 2, 3, 0]));
    }

    #[test]
    fn spare_capacity_does_not_change_what_is_held() {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(b"key");
        assert_eq!(Secret::new(bytes).reveal(), b"key");
    }
}
