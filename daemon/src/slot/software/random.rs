//! The random source of the software slot: AWS-LC's own generator, seeded by the kernel.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::chance::{Chance, Dry};

/// AWS-LC's generator. It reseeds itself from the kernel, and after a fork.
#[derive(Debug, Default)]
pub struct Random(SystemRandom);

impl Chance for Random {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
        self.0.fill(bytes).map_err(|_| Dry)
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
}
