//! Logout: a ticket is good for nothing any more.

use std::sync::Arc;

use strongroom_kmip::payload::{LogoutRequest, LogoutResponse};

use super::{call::Call, contract::Perform, refusal::Refusal};

impl Perform for LogoutRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<LogoutResponse, Refusal> {
        let value = self.ticket.ticket_value;
        call.tickets.check(&value, &call.caller.principal)?;
        let tickets = Arc::clone(call.tickets);
        call.change()?.afterwards(move || tickets.end(&value));
        Ok(LogoutResponse {})
    }
}
