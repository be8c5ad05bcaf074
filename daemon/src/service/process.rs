//! Process: the next Poll for a request waits until it is done.

use strongroom_kmip::payload::{ProcessRequest, ProcessResponse};

use super::{
    call::Call,
    contract::Perform,
    later::{self, Value},
    refusal::Refusal,
};

impl Perform for ProcessRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ProcessResponse, Refusal> {
        let value: Value = self.asynchronous_correlation_value.0.as_slice().try_into().map_err(|_| later::unknown())?;
        call.later.hurry(&value, later::owner(call.caller)?, call.vault.now())?;
        Ok(ProcessResponse {})
    }
}
