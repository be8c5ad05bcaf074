//! Recover: an archived object is at hand again; one that is not archived stays as it is.

use strongroom_kmip::{
    attribute::Standard,
    payload::{RecoverRequest, RecoverResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::Action;

impl Perform for RecoverRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<RecoverResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Archive)?;
        if object.is_archived() {
            call.edit(&id, Action::Archive, |object| {
                object.attributes.remove_all(&Standard::ArchiveDate.into());
                Ok(())
            })?;
        }
        call.placeholder = Some(id.clone());
        Ok(RecoverResponse { unique_identifier: id.as_str().into() })
    }
}
