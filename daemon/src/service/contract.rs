//! What a verb is to the house.

use strongroom_kmip::operation::Ask;

use super::{call::Call, refusal::Refusal};

/// A request that the house can perform. It cannot return another verb's answer.
pub trait Perform: Ask {
    /// Performs it: a few lines that ask the vault.
    ///
    /// # Errors
    /// [`Refusal`], in KMIP's words; then nothing is changed.
    fn perform(self, call: &mut Call<'_>) -> Result<Self::Answer, Refusal>;
}
