//! Log: a client's words for the operator, in the daemon's log. The audit log says only that, and how much, it spoke.

use strongroom_kmip::payload::{LogRequest, LogResponse};

use super::{call::Call, contract::Perform, refusal::Refusal};

impl Perform for LogRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<LogResponse, Refusal> {
        let message = self.log_message;
        call.notes.input = u64::try_from(message.len()).ok();
        if message.len() > LONGEST {
            return Err(Refusal::invalid("a Log Message has at most 1024 bytes"));
        }
        // Quoted: no line of a client's passes for one of the daemon's.
        log::info!("{} says {message:?}", call.caller.principal);
        Ok(LogResponse {})
    }
}

/// A line that an operator reads.
const LONGEST: usize = 1024;
