//! The Ed25519 key pair that signs checkpoints.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::checkpoint::Signer;

/// A key pair of one epoch. It cannot be printed or copied, and is wiped when dropped.
pub(super) struct Pair {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

impl Pair {
    /// The pair that this seed makes (RFC 8032 §5.1.5), or nothing where the library will not have it.
    pub(super) fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pair, public })
    }
}

impl Signer for Pair {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.iter_mut().zip(self.pair.sign(message).as_ref()).for_each(|(to, from)| *to = *from);
        signature
    }

    fn public(&self) -> [u8; 32] {
        self.public
    }
}
