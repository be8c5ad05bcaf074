//! Register: an object that was made elsewhere.

use strongroom_kmip::{
    attribute::{Attribute, Set},
    code::{KeyFormatType, ObjectType},
    object::{KeyBlock, KeyMaterial, KeyValue, Object},
    payload::{RegisterRequest, RegisterResponse},
};

use super::{
    call::Call, certificate, contract::Perform, create, creation, material, parts, private, refusal::Refusal, unbundle,
    wrapping,
};
use crate::vault::{self, Content, Kept, Shape, SlotError};

impl Perform for RegisterRequest {
    fn perform(mut self, call: &mut Call<'_>) -> Result<RegisterResponse, Refusal> {
        if self.object.object_type() != self.object_type {
            return Err(Refusal::invalid("the object is not of the Object Type that the request gives"));
        }
        creation::place(call, self.protection_storage_masks.as_ref())?;
        let mut set = creation::gather(call, self.object_type, &[Some(&self.attributes)])?;
        // A front that names a mechanism wants the key unwrapped with it; otherwise it is kept as it came.
        if call.mechanism.is_some()
            && let Some(usable) = wrapping::unwrap(call, &mut self.object)?.under
        {
            private::describe(&mut set, &self.object)?;
            if set.sensitive() == Some(true) {
                wrapping::keep_apart(call, &usable)?;
            }
        }
        unbundle::open(call, &mut self.object, &mut set)?;
        let content = content(call, &mut self.object, &mut set)?;
        let id = create::add(call, content, &mut set)?;
        call.placeholder = Some(id.clone());
        call.notes.object = Some(id.clone());
        Ok(RegisterResponse { unique_identifier: id.as_str().into(), attributes: None })
    }
}

/// What the vault keeps of an object that was made elsewhere, with what it says of itself put among its attributes.
///
/// # Errors
/// [`Refusal`] for an object that cannot be read or contradicts its attributes.
pub(super) fn content(call: &mut Call<'_>, object: &mut Object, set: &mut Set) -> Result<Content, Refusal> {
    if let Object::SplitKey(split) = object {
        let polynomial = split.split_key_polynomial.or(parts::polynomial(call.version, split.split_key_method));
        split.split_key_polynomial = polynomial;
    }
    if let Some(block) = object.key_block() {
        agree(set, block)?;
    }
    match worked_with(object, object.object_type(), set) {
        Some((block, shape)) => key(call, block, shape, set, object.object_type()),
        None => blob(call, object, set),
    }
}

/// Takes algorithm and length from the key block where the attributes do not give them, and from nowhere else.
fn agree(set: &mut Set, block: &KeyBlock) -> Result<(), Refusal> {
    let pairs = [
        block.cryptographic_algorithm.map(Attribute::CryptographicAlgorithm),
        block.cryptographic_length.map(Attribute::CryptographicLength),
    ];
    for attribute in pairs.into_iter().flatten() {
        match set.get(&attribute.kind()) {
            Some(given) if *given != attribute => {
                return Err(Refusal::invalid(format!("attributes and key block disagree about {}", attribute.kind())));
            }
            Some(_) => {}
            None => set.put(attribute),
        }
    }
    Ok(())
}

/// The key block and the kind of key, for an object that a slot works with.
fn worked_with<'o>(object: &'o Object, object_type: ObjectType, set: &Set) -> Option<(&'o KeyBlock, Shape)> {
    let block = object.key_block()?;
    let plain = matches!(block.key_value, Some(KeyValue::Plain { .. })) && block.key_wrapping_data.is_none();
    if !plain || block.key_format_type == KeyFormatType::Opaque {
        return None;
    }
    Some((block, material::shape(object_type, set)?))
}

/// Has the slot take a key, and says of it what the slot found.
pub(super) fn key(
    call: &mut Call<'_>,
    block: &KeyBlock,
    shape: Shape,
    set: &mut Set,
    object: ObjectType,
) -> Result<Content, Refusal> {
    creation::masked(call.version, set, shape)?;
    let kept = take(call, block, shape, set)?;
    creation::describe(set, kept.shape);
    let format = block.key_format_type;
    let usual = material::default_format(kept.shape);
    let Some(given) = creation::shown(call, call.slot.as_deref(), &kept, material::form(usual, kept.shape)?)? else {
        creation::complete_held(call, set, object, None, Some(usual));
        return Ok(Content::Key(kept));
    };
    if format == usual {
        creation::complete(call, set, object, material::bytes(&given), Some(format));
        return Ok(Content::Key(kept));
    }
    // A key that is kept has its own format and the usual one, whichever is asked for first.
    let own = call.vault.give(call.slot.as_deref(), &kept, material::form(format, kept.shape)?)?;
    creation::complete(call, set, object, material::digested(format, own)?.reveal(), Some(format));
    set.put(Attribute::Digest(creation::digest_of(material::bytes(&given), Some(usual))));
    Ok(Content::Key(kept))
}

/// Has the slot take the key. Where the client names no curve but a length, the key says which curve of that length it is.
fn take(call: &Call<'_>, block: &KeyBlock, shape: Shape, set: &Set) -> Result<Kept, Refusal> {
    let named = set.domain_parameters().is_some_and(|parameters| parameters.recommended_curve.is_some());
    let taken = call.vault.take(call.slot.as_deref(), shape, &material::read(block, shape)?);
    match (taken, material::sibling(shape).filter(|_| !named)) {
        (Err(vault::Error::Slot(SlotError::Key(_))), Some(other)) => {
            Ok(call.vault.take(call.slot.as_deref(), other, &material::read(block, other)?)?)
        }
        (taken, _) => Ok(taken?),
    }
}

fn blob(call: &mut Call<'_>, object: &Object, set: &mut Set) -> Result<Content, Refusal> {
    let (bytes, format): (&[u8], _) = match object {
        Object::Certificate(certificate) => {
            certificate::describe(set, certificate)?;
            (&certificate.certificate_value.0, Some(KeyFormatType::Raw))
        }
        Object::CertificateRequest(request) => (&request.certificate_request_value.0, Some(KeyFormatType::PKCS_10)),
        Object::OpaqueObject(opaque) => {
            set.put(Attribute::OpaqueDataType(opaque.opaque_data_type));
            (opaque.opaque_data_value.reveal(), Some(KeyFormatType::Opaque))
        }
        Object::Template(_) => (&[], None),
        _ => {
            let block = object.key_block().ok_or_else(|| Refusal::missing("Key Block"))?;
            (bytes(block)?, Some(block.key_format_type))
        }
    };
    creation::complete(call, set, object.object_type(), bytes, format);
    if object.key_block().is_some_and(|block| block.key_value.is_none()) {
        set.put(Attribute::KeyValuePresent(false));
    }
    Ok(Content::Blob(material::freeze(object)))
}

/// The bytes of a key block that no slot works with.
fn bytes(block: &KeyBlock) -> Result<&[u8], Refusal> {
    match &block.key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => Ok(bytes.reveal()),
        Some(KeyValue::Plain { material: KeyMaterial::SymmetricKey(key), .. }) => Ok(key.key.reveal()),
        Some(KeyValue::Wrapped(bytes)) => Ok(&bytes.0),
        Some(KeyValue::Plain { .. }) => Ok(&[]),
        // The key is kept elsewhere; its Key Value Location says where.
        None => Ok(&[]),
    }
}
