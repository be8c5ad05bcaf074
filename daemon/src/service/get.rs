//! Get: an object's material, in the format that was asked for.

use strongroom_kmip::{
    attribute::Attribute,
    code::{KeyFormatType, KeyWrapType, ResultReason},
    object::Object as Managed,
    payload::{GetRequest, GetResponse},
};

use super::{bundle, call::Call, contract::Perform, material, refusal::Refusal, wrapping};
use crate::vault::{self, Action, Body, Form, Object, ObjectId, Permit, Released, Shape};

impl Perform for GetRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<GetResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let action = needed(call, &id)?;
        let (object, permit) = call.see(&id, action)?;
        if object.is_destroyed() {
            return Err(Refusal::new(ResultReason::ObjectDestroyed, "the object is destroyed"));
        }
        let given = give(call, &object, &permit, &self)?;
        no_longer_fresh(call, &object, action)?;
        call.placeholder = Some(id.clone());
        Ok(GetResponse { object_type: object.object_type(), unique_identifier: id.as_str().into(), object: given })
    }
}

/// The object as the request wants it: in its format, and wrapped where it says so.
///
/// # Errors
/// [`Refusal`] for an object that must not leave so, and for a form that it does not have.
pub(super) fn give(
    call: &mut Call<'_>,
    object: &Object,
    permit: &Permit,
    request: &GetRequest,
) -> Result<Managed, Refusal> {
    let mut given = match object.body {
        Body::Key(shape) => key(call, object, permit, shape, request)?,
        Body::Blob | Body::Gone => blob(call, object, permit, request)?,
    };
    if request.key_wrap_type == Some(KeyWrapType::NotWrapped) {
        wrapping::unwrap(call, &mut given)?;
    }
    if let Some(specification) = &request.key_wrapping_specification {
        wrapping::wrap(call, object, &mut given, specification)?;
    }
    Ok(given)
}

/// Says that an object has been given out (KMIP 2.1 §4.25 Fresh).
///
/// # Errors
/// [`Refusal`], as the policy says.
pub(super) fn no_longer_fresh(call: &mut Call<'_>, object: &Object, action: Action) -> Result<(), Refusal> {
    if !object.attributes.iter().any(|attribute| matches!(attribute, Attribute::Fresh(true))) {
        return Ok(());
    }
    call.edit(&object.id, action, |object| {
        object.attributes.put(Attribute::Fresh(false));
        Ok(())
    })
}

/// Whoever may see a public key or a certificate may have it; anything else takes the right to read.
pub(super) fn needed(call: &mut Call<'_>, id: &ObjectId) -> Result<Action, Refusal> {
    let (object, _) = call.see(id, Action::See)?;
    Ok(if object.is_public() { Action::See } else { Action::Read })
}

fn key(
    call: &Call<'_>,
    object: &Object,
    permit: &Permit,
    shape: Shape,
    request: &GetRequest,
) -> Result<Managed, Refusal> {
    leaves(object, request)?;
    let own = object.attributes.iter().find_map(|attribute| match attribute {
        Attribute::KeyFormatType(format) => Some(*format),
        _ => None,
    });
    if request.key_format_type == Some(KeyFormatType::PKCS_12) && matches!(shape, Shape::Private(_)) {
        return bundle::bundle(call, object, permit);
    }
    let format = request.key_format_type.or(own).unwrap_or_else(|| material::default_format(shape));
    let Released::Key(given) = call.view()?.release(object, permit, material::form(format, shape)?)? else {
        return Err(Refusal::new(ResultReason::GeneralFailure, "the slot gave no key"));
    };
    let mut block = material::block(format, request.key_compression_type, given)?;
    block.cryptographic_algorithm = object.attributes.algorithm();
    block.cryptographic_length = object.attributes.length();
    material::object(object.object_type(), block)
}

fn blob(call: &Call<'_>, object: &Object, permit: &Permit, request: &GetRequest) -> Result<Managed, Refusal> {
    leaves(object, request)?;
    let Released::Blob(bytes) = call.view()?.release(object, permit, Form::Raw)? else {
        return Err(Refusal::new(ResultReason::GeneralFailure, "the object is no blob"));
    };
    let managed = material::thaw(&bytes)?;
    let own = managed.key_block().map(|block| block.key_format_type);
    let fits = |asked: KeyFormatType| own.is_none_or(|own| own == asked);
    if request.key_format_type.is_some_and(|asked| !fits(asked)) {
        return Err(Refusal::new(ResultReason::KeyFormatTypeNotSupported, "the object has no such form"));
    }
    Ok(managed)
}

/// Refuses an object that is wrapped with trusted keys alone (PKCS#11 3.2 §4.9 CKA_WRAP_WITH_TRUSTED) where nothing wraps it.
///
/// # Errors
/// [`Refusal`].
pub(super) fn untrusting(object: &Object) -> Result<(), Refusal> {
    if vault::guard::says(&object.attributes, vault::guard::WRAP_WITH_TRUSTED) {
        let message = "the object is wrapped with trusted keys alone";
        return Err(Refusal::new(ResultReason::KeyWrapTypeNotSupported, message));
    }
    Ok(())
}

/// A sensitive object leaves wrapped or not at all, one that is not extractable never.
fn leaves(object: &Object, request: &GetRequest) -> Result<(), Refusal> {
    if object.attributes.extractable() == Some(false) {
        return Err(Refusal::new(ResultReason::NotExtractable, "the object is not extractable"));
    }
    let hidden = request.key_wrapping_specification.as_deref().is_some_and(wrapping::hides);
    // Whether the key that hides it is trusted is asked when that is known.
    if request.key_wrapping_specification.is_some() && !hidden {
        untrusting(object)?;
    }
    if object.attributes.sensitive() == Some(true) && !hidden {
        return Err(Refusal::new(ResultReason::Sensitive, "the object is sensitive and leaves only wrapped"));
    }
    Ok(())
}
