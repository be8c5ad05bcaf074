//! Keys that leave under another key, and keys that came under one.

use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters},
    code::{BlockCipherMode, CryptographicUsageMask, EncodingOption, ResultReason, WrappingMethod},
    identifier::UniqueIdentifier,
    mechanism::Mechanism,
    object::{
        EncryptionKeyInformation, KeyBlock, KeyMaterial, KeyValue, KeyWrappingData, KeyWrappingSpecification,
        Object as Managed,
    },
    secret::Secret,
    ttlv::{Bytes, Limits, Tree, Writer},
};

use super::{
    call::Call,
    parameters::{self, Given},
    refusal::Refusal,
};
use crate::vault::{Action, Family, Object, ObjectId, Pair, Purpose, Shape, Usable};

/// Wraps the key that is about to leave. A sensitive key fixes the role of the key it leaves under: what wraps it
/// decrypts nothing any more, or whoever may decrypt could have the sensitive key after all.
///
/// # Errors
/// [`Refusal`] for an object that is no key, for a way to wrap that is not served, and as policy, state and mask of the
/// wrapping key say.
pub fn wrap(
    call: &mut Call<'_>,
    object: &Object,
    managed: &mut Managed,
    specification: &KeyWrappingSpecification,
) -> Result<(), Refusal> {
    let key = encryption(specification.wrapping_method, specification.encryption_key_information.as_ref())?;
    if specification.mac_signature_key_information.is_some() || !specification.attribute_name.is_empty() {
        return Err(Refusal::unsupported("keys are wrapped by encryption alone, and without attributes"));
    }
    let block = managed.key_block_mut().ok_or_else(no_key)?;
    if block.key_wrapping_data.is_some() {
        return Err(Refusal::new(ResultReason::KeyWrapTypeNotSupported, "the key came wrapped and leaves as it came"));
    }
    let value = block.key_value.as_ref().ok_or_else(|| Refusal::missing("Key Value"))?;
    let encoded = encode(call, value, specification.encoding_option)?;
    let (id, usable, mechanism) = tool(call, key, Purpose::Wrap)?;
    let wrapped = usable.work(&mechanism, encoded.reveal())?;
    if object.attributes.sensitive() == Some(true) {
        keep_apart(call, &id, &usable)?;
    }
    call.notes.mechanism = Some(mechanism.name());
    block.key_value = Some(KeyValue::Wrapped(Bytes(wrapped.reveal().to_vec())));
    block.key_wrapping_data = Some(Box::new(KeyWrappingData {
        wrapping_method: specification.wrapping_method,
        encryption_key_information: specification.encryption_key_information.clone(),
        mac_signature_key_information: None,
        mac_signature: None,
        iv_counter_nonce: None,
        encoding_option: specification.encoding_option,
    }));
    Ok(())
}

/// Unwraps a key that was registered wrapped; one that was not stays as it is.
///
/// # Errors
/// [`Refusal`] as for [`wrap`], and when the wrapping key does not fit.
pub fn unwrap(call: &mut Call<'_>, managed: &mut Managed) -> Result<(), Refusal> {
    let Some(block) = managed.key_block_mut() else { return Ok(()) };
    let Some(data) = block.key_wrapping_data.take() else { return Ok(()) };
    let key = encryption(data.wrapping_method, data.encryption_key_information.as_ref())?;
    let wrapped = match &block.key_value {
        Some(KeyValue::Wrapped(bytes)) => bytes.0.as_slice(),
        // Clients of KMIP 1.x put the wrapped bytes where the plain ones would be.
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => bytes.reveal(),
        Some(KeyValue::Plain { .. }) | None => return Err(Refusal::missing("Key Value")),
    };
    let (_, usable, mechanism) = tool(call, key, Purpose::Unwrap)?;
    let bytes = usable.work(&mechanism, wrapped)?;
    call.notes.mechanism = Some(mechanism.name());
    block.key_value = Some(decode(block, bytes, data.encoding_option)?);
    Ok(())
}

/// What a value is wrapped as: its bytes alone, or all of it as TTLV.
fn encode(call: &Call<'_>, value: &KeyValue, option: Option<EncodingOption>) -> Result<Secret, Refusal> {
    match (option, value) {
        (
            Some(EncodingOption::NoEncoding),
            KeyValue::Plain { material: KeyMaterial::Bytes(bytes), attributes: None },
        ) => Ok(bytes.duplicate()),
        (None | Some(EncodingOption::TTLVEncoding), KeyValue::Plain { .. }) => {
            let mut writer = Writer::new(call.version);
            value.write(&mut writer);
            Ok(Secret::copy_of(writer.as_bytes()))
        }
        _ => Err(encoding_refused()),
    }
}

fn decode(block: &KeyBlock, bytes: Secret, option: Option<EncodingOption>) -> Result<KeyValue, Refusal> {
    match option {
        Some(EncodingOption::NoEncoding) => Ok(KeyValue::plain(KeyMaterial::Bytes(bytes))),
        None | Some(EncodingOption::TTLVEncoding) => {
            let tree = Tree::read(bytes.reveal(), &Limits::default()).map_err(|_| encoding_refused())?;
            KeyValue::read(tree.root(), block.key_format_type).map_err(|_| encoding_refused())
        }
        Some(_) => Err(encoding_refused()),
    }
}

fn encryption(
    method: WrappingMethod,
    key: Option<&EncryptionKeyInformation>,
) -> Result<&EncryptionKeyInformation, Refusal> {
    if method != WrappingMethod::Encrypt {
        return Err(Refusal::unsupported("keys are wrapped by encryption alone"));
    }
    key.ok_or_else(|| Refusal::missing("Encryption Key Information"))
}

/// The wrapping key and how it works. What the log says of the call stays about the key that is wrapped.
fn tool(
    call: &mut Call<'_>,
    key: &EncryptionKeyInformation,
    purpose: Purpose,
) -> Result<(ObjectId, Usable, Mechanism), Refusal> {
    let UniqueIdentifier::Identifier(identifier) = &key.unique_identifier else {
        return Err(Refusal::invalid("a wrapping key is named by its Unique Identifier"));
    };
    let id = ObjectId::from_text(&identifier.0);
    let notes = call.notes.clone();
    let usable = call.usable(&id, purpose);
    call.notes = notes;
    let usable = usable.map_err(|refusal| match refusal.reason {
        ResultReason::ItemNotFound => Refusal {
            reason: ResultReason::WrappingObjectNotFound,
            message: "there is no such wrapping key".to_owned(),
            ..refusal
        },
        _ => refusal,
    })?;
    let mechanism = mechanism(&parameters::of(key.cryptographic_parameters.clone(), usable.object()), usable.shape())?;
    Ok((id, usable, mechanism))
}

fn mechanism(parameters: &CryptographicParameters, shape: Shape) -> Result<Mechanism, Refusal> {
    match (shape, parameters.block_cipher_mode) {
        (Shape::Symmetric { family: Family::Aes, .. }, None | Some(BlockCipherMode::NISTKeyWrap)) => {
            Ok(Mechanism::KeyWrap)
        }
        (Shape::Symmetric { family: Family::Aes, .. }, Some(BlockCipherMode::AESKeyWrapPadding)) => {
            Ok(Mechanism::KeyWrapPadded)
        }
        (Shape::Private(Pair::Rsa { .. }) | Shape::Public(Pair::Rsa { .. }), _) => {
            parameters::cipher(parameters, shape, Given::default())
        }
        _ => Err(Refusal::new(
            ResultReason::UnsupportedCryptographicParameters,
            "keys are wrapped by NISTKeyWrap, AESKeyWrapPadding or RSA",
        )),
    }
}

/// Takes from a key that wraps a sensitive one the right to encrypt and decrypt.
fn keep_apart(call: &mut Call<'_>, id: &ObjectId, usable: &Usable) -> Result<(), Refusal> {
    let data = CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt;
    let Some(mask) = usable.object().attributes.usage_mask().filter(|mask| mask.0 & data.0 != 0) else {
        return Ok(());
    };
    let notes = call.notes.clone();
    let edited = call.edit(id, Action::Use, |object| {
        object.attributes.put(Attribute::CryptographicUsageMask(CryptographicUsageMask(mask.0 & !data.0)));
        Ok(())
    });
    call.notes = notes;
    edited
}

fn no_key() -> Refusal {
    Refusal::new(ResultReason::InvalidObjectType, "only a key is wrapped")
}

fn encoding_refused() -> Refusal {
    Refusal::new(ResultReason::EncodingOptionError, "the Encoding Option does not fit the key")
}
