//! RNG Retrieve: random bytes.

use strongroom_kmip::{
    payload::{RNGRetrieveRequest, RNGRetrieveResponse},
    secret::Secret,
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault;

impl Perform for RNGRetrieveRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<RNGRetrieveResponse, Refusal> {
        if call.vault.is_sealed() {
            return Err(vault::Error::Sealed.into());
        }
        let length = usize::try_from(self.data_length).ok().filter(|length| (1..=MOST).contains(length));
        let length = length.ok_or_else(|| Refusal::invalid("Data Length is from 1 to 65,536"))?;
        let mut bytes = vec![0; length];
        call.vault.chance().fill(&mut bytes).map_err(vault::Error::from)?;
        call.notes.output = u64::try_from(length).ok();
        Ok(RNGRetrieveResponse { data: Secret::new(bytes) })
    }
}

/// More than any key needs; whoever wants more asks again.
const MOST: usize = 65_536;
