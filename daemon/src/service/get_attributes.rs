//! Get Attributes: what is known about an object.

use strongroom_kmip::{
    attribute::{Attribute, Kind, Listed, References, Set},
    payload::{GetAttributesRequest, GetAttributesResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::{Action, Object};

impl Perform for GetAttributesRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<GetAttributesResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::See)?;
        let set = known(call, &object);
        let References(asked) = self.attribute_reference;
        let attributes = if asked.is_empty() { listed(call, &object, &set) } else { set.select(&asked) };
        call.placeholder = Some(id.clone());
        Ok(GetAttributesResponse { unique_identifier: id.as_str().into(), attributes })
    }
}

/// The attributes as they stand now: the state that dates have brought about is told, whether or not it is stored.
pub(super) fn known(call: &Call<'_>, object: &Object) -> Set {
    let mut set = object.attributes.clone();
    if let Some(state) = object.state(call.vault.now()) {
        set.put(Attribute::State(state));
    }
    set
}

pub(super) fn listed(call: &Call<'_>, object: &Object, set: &Set) -> Listed {
    let Listed(instances) = set.listed();
    Listed(
        instances
            .into_iter()
            .filter(|instance| stands(call, object, &instance.attribute.kind_for(call.version)))
            .collect(),
    )
}

/// Whether a peer of this version expects the attribute at this object without asking for it.
pub(super) fn stands(call: &Call<'_>, object: &Object, kind: &Kind) -> bool {
    kind.fits(call.version) && kind.row().is_none_or(|row| row.objects.include(object.object_type(), call.version))
}
