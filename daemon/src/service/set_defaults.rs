//! Set Defaults: which attributes new objects have where a client gives none. Query tells them.

use strongroom_kmip::payload::{SetDefaultsRequest, SetDefaultsResponse};

use super::{call::Call, contract::Perform, refusal::Refusal, rules};

impl Perform for SetDefaultsRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<SetDefaultsResponse, Refusal> {
        rules::settle(call, self.defaults_information)?;
        Ok(SetDefaultsResponse {})
    }
}
