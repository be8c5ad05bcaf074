//! RNG Seed: bytes that a client wishes into the generator. They are stirred in and can only add to its secrecy.

use strongroom_kmip::{
    code::ResultReason,
    payload::{RNGSeedRequest, RNGSeedResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::{caller::Role, vault};

impl Perform for RNGSeedRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<RNGSeedResponse, Refusal> {
        if call.vault.is_sealed() {
            return Err(vault::Error::Sealed.into());
        }
        if call.caller.role == Role::Auditor {
            return Err(Refusal::new(ResultReason::PermissionDenied, "an auditor changes nothing"));
        }
        call.notes.input = u64::try_from(self.data.len()).ok();
        let taken = call.vault.chance().stir(self.data.reveal());
        Ok(RNGSeedResponse { data_length: i32::try_from(taken).unwrap_or(i32::MAX) })
    }
}
