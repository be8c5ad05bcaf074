//! Delete Attribute: one value, or all, taken away.

use strongroom_kmip::{
    attribute::{Attribute, Instance, Kind, One, Reference},
    code::ResultReason,
    payload::{DeleteAttributeRequest, DeleteAttributeResponse},
};

use super::{
    alter::{self, Way},
    call::Call,
    contract::Perform,
    refusal::Refusal,
};
use crate::vault::{Action, Object};

impl Perform for DeleteAttributeRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<DeleteAttributeResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Change)?;
        let which = Which::of(&self)?;
        let (version, now) = (call.version, call.vault.now());
        let seen = call.seen;
        alter::check((version, seen), now, &object, &which.kind(), Way::Delete)?;
        let removed = call.edit(&id, Action::Change, |object| {
            // Asked again of the object as it is claimed: its state may have changed since it was looked at.
            alter::check((version, seen), now, object, &which.kind(), Way::Delete)?;
            which.remove(object)
        })?;
        call.placeholder = Some(id.clone());
        let attribute = removed.into_iter().next_back();
        Ok(DeleteAttributeResponse {
            unique_identifier: id.as_str().into(),
            attribute: attribute.map(|attribute| One(Instance { index: self.attribute_index, attribute })),
        })
    }
}

/// Which values are meant.
enum Which {
    /// The instance of this index (KMIP 1.x).
    Index(Kind, i32),
    /// This very value (since KMIP 2.0).
    Value(Attribute),
    /// All of them (since KMIP 2.0).
    All(Kind),
}

impl Which {
    fn of(request: &DeleteAttributeRequest) -> Result<Self, Refusal> {
        if let Some(name) = &request.attribute_name {
            return Ok(Self::Index(Kind::named(name), request.attribute_index.unwrap_or(0)));
        }
        if let Some(One(instance)) = &request.current_attribute {
            return Ok(Self::Value(instance.attribute.clone()));
        }
        match &request.attribute_reference {
            Some(Reference(kind)) => Ok(Self::All(kind.clone())),
            None => Err(Refusal::missing("attribute to delete")),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Index(kind, _) | Self::All(kind) => kind.clone(),
            Self::Value(attribute) => attribute.kind(),
        }
    }

    fn remove(self, object: &mut Object) -> Result<Vec<Attribute>, Refusal> {
        let kind = self.kind();
        let removed = match self {
            Self::Index(kind, index) => object.attributes.remove(&kind, index).into_iter().collect(),
            Self::Value(value) if object.attributes.remove_value(&value) => vec![value],
            Self::Value(_) => Vec::new(),
            Self::All(kind) => object.attributes.remove_all(&kind),
        };
        if removed.is_empty() {
            return Err(Refusal::new(ResultReason::AttributeNotFound, format!("the object has no such {kind}")));
        }
        Ok(removed)
    }
}
