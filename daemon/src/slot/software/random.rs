//! The random source of the software slot: AWS-LC's own generator, seeded by the kernel.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{
    digest::{Context, SHA256},
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::chance::{Chance, Dry};

/// AWS-LC's generator. It reseeds itself from the kernel, and after a fork.
///
/// What others stir in does not go into the generator, which takes nothing: it keys a stream of its own that is added to what
/// the generator gives. Whoever knows the one still cannot guess the other.
#[derive(Debug, Default)]
pub struct Random {
    system: SystemRandom,
    stirred: Mutex<Option<Stirred>>,
}

/// What was stirred in so far, and how many blocks of its stream were given.
struct Stirred {
    key: hmac::Key,
    sum: [u8; 32],
    blocks: u64,
}

impl std::fmt::Debug for Stirred {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stirred")
    }
}

impl Chance for Random {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
        self.system.fill(bytes).map_err(|_| Dry)?;
        if let Some(stirred) = &mut *self.stirred.lock().unwrap_or_else(PoisonError::into_inner) {
            stirred.add(bytes);
        }
        Ok(())
    }

    fn stir(&self, seed: &[u8]) -> usize {
        let mut stirred = self.stirred.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stirred.as_ref().map_or([0; 32], |stirred| stirred.sum);
        *stirred = Some(Stirred::after(before, seed));
        seed.len()
    }
}

impl Stirred {
    fn after(before: [u8; 32], seed: &[u8]) -> Self {
        let mut digest = Context::new(&SHA256);
        digest.update(&before);
        digest.update(seed);
        let mut sum = [0; 32];
        sum.copy_from_slice(digest.finish().as_ref());
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &sum), sum, blocks: 0 }
    }

    /// Adds the stream to bytes that nobody can guess.
    fn add(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.blocks = self.blocks.wrapping_add(1);
            let block = hmac::sign(&self.key, &self.blocks.to_be_bytes());
            chunk.iter_mut().zip(block.as_ref()).for_each(|(byte, more)| *byte ^= more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::array;

    #[test]
    fn two_draws_differ() {
        let random = Random::default();
        assert_ne!(array::<32>(&random), array::<32>(&random));
    }

    #[test]
    fn the_stream_of_what_was_stirred_in_depends_on_all_of_it_and_never_repeats() {
        let stream = |seeds: &[&[u8]]| {
            let mut sum = [0; 32];
            seeds.iter().for_each(|seed| sum = Stirred::after(sum, seed).sum);
            let (mut stirred, mut bytes) = (Stirred::after(sum, b""), [0; 64]);
            stirred.add(&mut bytes);
            bytes
        };
        assert_ne!(stream(&[b"a", b"b"]), stream(&[b"b", b"a"]));
        assert_ne!(stream(&[b"a"]), stream(&[b"a", b"a"]));
        let bytes = stream(&[b"a"]);
        assert_ne!(bytes[..32], bytes[32..]);
    }

    #[test]
    fn two_draws_differ_after_the_same_seed_too() {
        let (one, other) = (Random::default(), Random::default());
        assert_eq!((one.stir(b"same"), other.stir(b"same")), (4, 4));
        assert_ne!(array::<32>(&one), array::<32>(&other));
    }
}
