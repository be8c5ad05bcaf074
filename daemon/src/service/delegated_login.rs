//! Delegated Login: a ticket that lets its holder do less than the caller may.

use strongroom_kmip::payload::{DelegatedLoginRequest, DelegatedLoginResponse};

use super::{call::Call, contract::Perform, login, refusal::Refusal, ticket::Rights};

impl Perform for DelegatedLoginRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<DelegatedLoginResponse, Refusal> {
        let rights = Rights::new(self.rights)?;
        let ticket = login::give(call, self.lease_time, self.request_count, self.usage_limits.as_ref(), Some(rights))?;
        Ok(DelegatedLoginResponse { ticket })
    }
}
