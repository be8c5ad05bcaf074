//! Randomness, given and never taken: rooms ask whoever they were handed.

/// A source of random bytes fit for keys.
pub trait Chance: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`Dry`] when the source gives none; nothing may then be made from `bytes`.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry>;

    /// Takes in bytes of somebody's who hopes that they make what comes harder to guess. They never make it easier.
    /// Says how many were used; a source that wants none uses none.
    fn stir(&self, seed: &[u8]) -> usize {
        let _ = seed;
        0
    }
}

/// The random source gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the random source gives nothing")]
pub struct Dry;

/// An array of random bytes.
///
/// # Errors
/// [`Dry`], as the source says.
pub fn array<const N: usize>(chance: &dyn Chance) -> Result<[u8; N], Dry> {
    let mut bytes = [0; N];
    chance.fill(&mut bytes)?;
    Ok(bytes)
}
