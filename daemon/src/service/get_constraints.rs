//! Get Constraints: what the caller's new objects must be.

use strongroom_kmip::payload::{GetConstraintsRequest, GetConstraintsResponse};

use super::{call::Call, contract::Perform, refusal::Refusal, rules};

impl Perform for GetConstraintsRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<GetConstraintsResponse, Refusal> {
        Ok(GetConstraintsResponse { constraints: rules::constraints(call)? })
    }
}
