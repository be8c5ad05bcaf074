//! Copying an object, for a front that has a call for it: KMIP has none.

use strongroom_kmip::{
    attribute::{Attribute, Set},
    code::{CryptographicUsageMask as Mask, Operation, ResultReason},
    ttlv::DateTime,
};

use super::{
    guard,
    refusal::Refusal,
    registry::{Error, Service},
};
use crate::{
    audit::{self, Action, Durability, Entry, Outcome, Who},
    caller::Caller,
    receipt::Receipt,
    vault::{Object, ObjectId},
};

impl Service {
    /// Makes another object of the same content and with the same attributes, but its Names, which are not shared; those
    /// given take the place of others, and what is sensitive or stays inside is so in the copy. Recorded as a Get of the
    /// object and a Register of the copy.
    pub fn copy(
        &self,
        caller: &Caller,
        id: &ObjectId,
        new: Vec<Attribute>,
    ) -> (Result<ObjectId, Refusal>, Receipt<(), Error>) {
        let mut change = None;
        let now = self.vault.now();
        let outcome: Result<ObjectId, Refusal> = self.vault.begin().map_err(Refusal::from).and_then(|mut begun| {
            let copy = self.vault.copy(&mut begun, caller, id, |object| {
                let mut set = may_copy(object)?;
                guard::forget(&mut set);
                set.put(Attribute::InitialDate(DateTime(now.seconds())));
                set.put(Attribute::LastChangeDate(DateTime(now.seconds())));
                for attribute in new {
                    super::alter::tightens(object, &attribute)?;
                    set.remove_all(&attribute.kind());
                    set.put(attribute);
                }
                Ok::<Set, Refusal>(set)
            })?;
            change = Some(begun);
            Ok(copy)
        });
        let said = outcome.as_ref().err().map_or(Outcome::Success, super::registry::refused);
        let source = self.settle(&entry(caller, Operation::Get, id, None, said), Durability::Sync, None);
        let Ok(copy) = &outcome else { return (outcome, source) };
        // The records stand in the log in their order, so whoever waits for the second has waited for the first.
        let receipt = self.settle(&entry(caller, Operation::Register, copy, Some(1), said), Durability::Sync, change);
        drop(source);
        (outcome, receipt)
    }
}

fn entry<'e>(
    caller: &'e Caller,
    operation: Operation,
    id: &'e ObjectId,
    version: Option<u64>,
    said: Outcome,
) -> Entry<'e> {
    let mut entry = Entry::new(Who::Known(caller), Action::Operation(operation), said);
    entry.object = Some(audit::Object { id: id.as_str(), version });
    entry
}

/// The attributes that a copy begins with.
fn may_copy(object: &Object) -> Result<Set, Refusal> {
    let attributes = &object.attributes;
    may_double(attributes)?;
    let kept = attributes.iter().filter(|attribute| {
        !matches!(attribute, Attribute::Name(_) | Attribute::UniqueIdentifier(_) | Attribute::ShortUniqueIdentifier(_))
    });
    Ok(kept.cloned().collect())
}

/// Whether there may be another object of the same key.
///
/// # Errors
/// [`Refusal`] where the other would do what this one no longer does.
pub(super) fn may_double(attributes: &Set) -> Result<(), Refusal> {
    if attributes.usage_limits().is_some() {
        return Err(refuse("a key of limited use has no copies"));
    }
    let mask = attributes.usage_mask().unwrap_or(Mask(0));
    // The first use fixes which of the two the key does; a copy would do the other.
    let both = |one, other| mask.contains(one) && mask.contains(other);
    if both(Mask::WrapKey, Mask::Decrypt) || both(Mask::UnwrapKey, Mask::Encrypt) {
        return Err(refuse("a key whose use is not settled has no copies"));
    }
    Ok(())
}

fn refuse(why: &str) -> Refusal {
    Refusal::new(ResultReason::PermissionDenied, why)
}
