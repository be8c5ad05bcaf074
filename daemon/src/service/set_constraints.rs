//! Set Constraints: what new objects must be from now on.

use strongroom_kmip::payload::{SetConstraintsRequest, SetConstraintsResponse};

use super::{call::Call, contract::Perform, refusal::Refusal, rules};

impl Perform for SetConstraintsRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<SetConstraintsResponse, Refusal> {
        rules::constrain(call, self.constraints)?;
        Ok(SetConstraintsResponse {})
    }
}
