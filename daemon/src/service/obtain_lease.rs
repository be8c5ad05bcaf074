//! Obtain Lease: how long a client may go on with what it has fetched.

use strongroom_kmip::{
    payload::{ObtainLeaseRequest, ObtainLeaseResponse},
    ttlv::DateTime,
};

use super::{call::Call, contract::Perform, lease, refusal::Refusal};
use crate::vault::Action;

impl Perform for ObtainLeaseRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ObtainLeaseResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Use)?;
        let lease_time = lease::granted(&object, call.vault.now())?;
        let changed = object.attributes.last_change_date().or(object.attributes.initial_date());
        call.placeholder = Some(id.clone());
        Ok(ObtainLeaseResponse {
            unique_identifier: id.as_str().into(),
            lease_time,
            last_change_date: DateTime(changed.unwrap_or(0)),
        })
    }
}
