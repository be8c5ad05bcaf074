//! Archive: an object is put away until somebody recovers it.

use strongroom_kmip::{
    attribute::Attribute,
    code::ResultReason,
    payload::{ArchiveRequest, ArchiveResponse},
    ttlv::DateTime,
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::{self, Action};

impl Perform for ArchiveRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ArchiveResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let now = DateTime(call.vault.now().seconds());
        call.edit(&id, Action::Archive, |object| {
            if object.is_archived() {
                return Err(vault::Error::Archived(object.id.clone()).into());
            }
            if object.is_destroyed() {
                return Err(Refusal::new(ResultReason::ObjectDestroyed, "the object is destroyed"));
            }
            object.attributes.put(Attribute::ArchiveDate(now));
            Ok(())
        })?;
        call.placeholder = Some(id.clone());
        Ok(ArchiveResponse { unique_identifier: id.as_str().into() })
    }
}
