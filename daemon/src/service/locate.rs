//! Locate: which objects have these attributes.

use strongroom_kmip::{
    attribute::{Attribute, Listed},
    code::{ObjectGroupMember, State},
    payload::{LocateRequest, LocateResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::{Found, Query};

impl Perform for LocateRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<LocateResponse, Refusal> {
        let count = |items: Option<i32>, what: &str| {
            let negative = |_| Refusal::invalid(format!("{what} is negative"));
            items.map(usize::try_from).transpose().map_err(negative)
        };
        let Listed(instances) = self.attributes;
        if instances.len() > MOST_FILTERS {
            return Err(Refusal::invalid("objects are looked for by 256 attributes at most"));
        }
        let mut filters: Vec<_> = instances.into_iter().map(|instance| instance.attribute).collect();
        if self.object_group_member == Some(ObjectGroupMember::GroupMemberFresh) {
            filters.push(Attribute::Fresh(true));
        }
        let (offset, maximum) =
            (count(self.offset_items, "Offset Items")?, count(self.maximum_items, "Maximum Items")?);
        let default = self.object_group_member == Some(ObjectGroupMember::GroupMemberDefault);
        let query = Query {
            filters,
            offset: offset.filter(|_| !default).unwrap_or(0),
            maximum: maximum.filter(|_| !default),
            storage: self.storage_status_mask,
            classes: self.object_class_mask,
            after: None,
        };
        let mut found = call.view()?.find(call.caller, &query);
        if default {
            found = default_member(call, &query, found)?;
        }
        call.notes.count = u64::try_from(found.located).ok();
        // The placeholder points at an object only when exactly one was found (KMIP 2.1 §6.1.28).
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

/// The default object of a group: the newest that is Active, and where none is, the newest.
fn default_member(call: &Call<'_>, query: &Query, found: Found) -> Result<Found, Refusal> {
    if !query.filters.iter().any(|filter| matches!(filter, Attribute::ObjectGroup(_))) {
        return Err(Refusal::missing("Object Group whose default member is asked for"));
    }
    let now = call.vault.now();
    let mut objects = found.objects;
    let at = objects.iter().position(|object| object.state(now) == Some(State::Active)).unwrap_or(0);
    objects = objects.into_iter().skip(at).take(1).collect();
    Ok(Found { located: objects.len(), objects })
}

/// Far more than anybody looks for: each of them is looked at in each object that the others leave.
const MOST_FILTERS: usize = 256;
