//! Ping: the server is there.

use strongroom_kmip::payload::{PingRequest, PingResponse};

use super::{call::Call, contract::Perform, refusal::Refusal};

impl Perform for PingRequest {
    fn perform(self, _: &mut Call<'_>) -> Result<PingResponse, Refusal> {
        Ok(PingResponse {})
    }
}
