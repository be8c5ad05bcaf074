//! Poll: what became of a request that is answered later.

use std::time::Duration;

use strongroom_kmip::payload::{PollRequest, PollResponse};

use super::{
    call::{Call, Instead},
    contract::Perform,
    defer,
    later::{self, ANSWERS, Polled, Value},
    refusal::Refusal,
};

impl Perform for PollRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<PollResponse, Refusal> {
        let value: Value = self.asynchronous_correlation_value.0.as_slice().try_into().map_err(|_| later::unknown())?;
        call.instead = Some(match call.later.poll(&value, later::owner(call.caller)?, call.vault.now(), PATIENCE)? {
            Polled::Pending => Instead::Pending(self.asynchronous_correlation_value),
            Polled::Done => {
                let row = call.vault.setting(&later::setting(ANSWERS, &value))?;
                let item = row.as_ref().and_then(defer::answer_of).ok_or_else(later::unknown)?;
                Instead::Answer(Box::new(item))
            }
        });
        Ok(PollResponse {})
    }
}

/// How long a Poll waits; a request is given up a little later.
const PATIENCE: Duration = Duration::from_secs(25);
