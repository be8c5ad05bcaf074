//! Login: a ticket for the caller, by which later messages may say who sends them.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::UsageLimits,
    code::{ResultReason, TicketType},
    payload::{self, Lease, LoginRequest, LoginResponse},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::{
    call::Call,
    contract::Perform,
    refusal::Refusal,
    ticket::{self, Rights, Ticket},
};
use crate::{caller::Principal, chance, vault};

impl Perform for LoginRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<LoginResponse, Refusal> {
        let ticket = give(call, self.lease_time, self.request_count, self.usage_limits.as_ref(), None)?;
        Ok(LoginResponse { ticket })
    }
}

/// Gives the caller a ticket, which is good once the call is kept.
pub(super) fn give(
    call: &mut Call<'_>,
    lease: Option<Lease>,
    count: Option<i32>,
    limits: Option<&UsageLimits>,
    rights: Option<Rights>,
) -> Result<payload::Ticket, Refusal> {
    if limits.is_some() {
        return Err(ticket::limits());
    }
    let (owner, now) = (call.caller.principal.clone(), call.vault.now());
    still_known(call, &owner)?;
    call.tickets.room(&owner, now)?;
    let ticket = Ticket::new(owner, lease, count, rights, now)?;
    let bytes: Zeroizing<[u8; LENGTH]> =
        Zeroizing::new(chance::array(call.vault.chance()).map_err(vault::Error::from)?);
    let value = Secret::copy_of(&*bytes);
    let (tickets, kept, number) = (Arc::clone(call.tickets), value.duplicate(), call.number);
    call.change()?.afterwards(move || tickets.give(&kept, ticket, number));
    Ok(payload::Ticket { ticket_type: TicketType::Login, ticket_value: value })
}

/// Refuses a client that was removed since the message was found to be its own. One that is removed from now on finds the
/// ticket ended.
fn still_known(call: &Call<'_>, owner: &Principal) -> Result<(), Refusal> {
    let Principal::Client(name) = owner else { return Ok(()) };
    match call.vault.client(name)? {
        Some(client) if client.revoked => {
            Err(Refusal::new(ResultReason::AuthenticationNotSuccessful, "this client is not known any more"))
        }
        _ => Ok(()),
    }
}

/// Bytes of a ticket: nobody guesses it.
const LENGTH: usize = 32;
