//! Locate: which objects have these attributes.

use strongroom_kmip::{
    attribute::Listed,
    code::ObjectGroupMember,
    payload::{LocateRequest, LocateResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::Query;

impl Perform for LocateRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<LocateResponse, Refusal> {
        let count = |items: Option<i32>, what: &str| {
            let negative = |_| Refusal::invalid(format!("{what} is negative"));
            items.map(usize::try_from).transpose().map_err(negative)
        };
        let Listed(instances) = self.attributes;
        let mut filters: Vec<_> = instances.into_iter().map(|instance| instance.attribute).collect();
        if self.object_group_member == Some(ObjectGroupMember::GroupMemberFresh) {
            filters.push(strongroom_kmip::attribute::Attribute::Fresh(true));
        }
        let query = Query {
            filters,
            offset: count(self.offset_items, "Offset Items")?.unwrap_or(0),
            maximum: count(self.maximum_items, "Maximum Items")?,
            storage: self.storage_status_mask,
        };
        let found = call.view()?.find(call.caller, &query);
        call.notes.count = u64::try_from(found.located).ok();
        // The placeholder points at an object only when exactly one was found (KMIP 2.1 §6.1.29).
        call.placeholder = match found.objects.as_slice() {
            [only] => Some(only.id.clone()),
            _ => None,
        };
        Ok(LocateResponse {
            located_items: self.offset_items.and_then(|_| i32::try_from(found.located).ok()),
            unique_identifier: found.objects.iter().map(|object| object.id.as_str().into()).collect(),
        })
    }
}
