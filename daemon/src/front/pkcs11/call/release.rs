//! What only the release of an object's material tells: the bytes of a key, a certificate, data.

use strongroom_kmip::{
    code::KeyFormatType,
    object::{KeyMaterial, KeyValue, Object as Managed},
    payload::GetRequest,
    secret::Secret,
    ttlv::BigInteger,
};
use strongroom_pkcs11_wire::{AttributeType, number::ObjectClass};

use crate::front::pkcs11::{
    attribute,
    der::{self, Numbers},
    desk::Desk,
    object::View,
    refusal::Failure,
};

/// The material of an object, released.
pub struct Material(Managed, Option<Managed>);

/// Why there is none.
pub enum Withheld {
    /// It does not leave.
    Sensitive,
    /// The service says no.
    Failure(Failure),
}

/// Releases the material of an object, which is recorded.
///
/// # Errors
/// [`Withheld`].
pub fn release(desk: &Desk<'_>, view: &View<'_>) -> Result<Material, Withheld> {
    if attribute::is_guarded(view) {
        return Err(Withheld::Sensitive);
    }
    let format = match (view.class(), view.numbers()) {
        (Some(ObjectClass::PRIVATE_KEY), Some(Numbers::Rsa { .. })) => Some(KeyFormatType::TransparentRSAPrivateKey),
        (Some(ObjectClass::PRIVATE_KEY), Some(Numbers::Group { .. })) => Some(KeyFormatType::TransparentDHPrivateKey),
        (Some(ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY), _) => Some(KeyFormatType::Raw),
        _ => None,
    };
    let get = |format| {
        let request = GetRequest {
            unique_identifier: Some(view.object.id.as_str().into()),
            key_format_type: format,
            key_wrap_type: None,
            key_compression_type: None,
            key_wrapping_specification: None,
        };
        desk.ask(request).map(|answer| answer.object).map_err(Withheld::Failure)
    };
    // What a key is expanded from stands in PKCS#8 alone.
    let seeded = view.class() == Some(ObjectClass::PRIVATE_KEY) && view.set().is_some_and(|set| set.facts().seed > 0);
    let seed = if seeded { Some(get(Some(KeyFormatType::PKCS_8))?) } else { None };
    Ok(Material(get(format)?, seed))
}

impl Material {
    /// The value of an attribute.
    pub fn attribute(&self, kind: AttributeType) -> Option<Secret> {
        if kind == AttributeType::SEED {
            return self.1.as_ref().and_then(seed);
        }
        match &self.0 {
            Managed::Certificate(certificate) if kind == AttributeType::PUBLIC_KEY_INFO => {
                der::certified(&certificate.certificate_value.0).map(Secret::copy_of)
            }
            Managed::Certificate(certificate) => Some(Secret::copy_of(&certificate.certificate_value.0)),
            Managed::OpaqueObject(opaque) => Some(opaque.opaque_data_value.duplicate()),
            other => match &other.key_block()?.key_value {
                Some(KeyValue::Plain { material, .. }) => number(material, kind),
                _ => None,
            },
        }
    }
}

/// The seed in PKCS#8: alone (RFC 9881 §6, RFC 9935 §6), or before what is expanded from it.
fn seed(object: &Managed) -> Option<Secret> {
    let Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) = &object.key_block()?.key_value else {
        return None;
    };
    let version = der::first(der::first(bytes.reveal())?.content)?;
    let octets = der::first(der::first(version.rest)?.rest)?;
    let inner = der::first(octets.content)?;
    match inner.tag {
        0x80 => Some(Secret::copy_of(inner.content)),
        0x30 => der::first(inner.content).map(|seed| Secret::copy_of(seed.content)),
        _ => None,
    }
}

fn number(material: &KeyMaterial, kind: AttributeType) -> Option<Secret> {
    let magnitude = |number: &BigInteger| number.magnitude().map(Secret::copy_of);
    match (material, kind) {
        (KeyMaterial::Bytes(bytes), AttributeType::VALUE) => Some(bytes.duplicate()),
        (KeyMaterial::DHPrivateKey(key), AttributeType::VALUE) => magnitude(&key.x),
        (KeyMaterial::SymmetricKey(key), AttributeType::VALUE) => Some(key.key.duplicate()),
        (KeyMaterial::RSAPrivateKey(key), _) => match kind {
            AttributeType::PRIVATE_EXPONENT => key.private_exponent.as_ref(),
            AttributeType::PRIME_1 => key.p.as_ref(),
            AttributeType::PRIME_2 => key.q.as_ref(),
            AttributeType::EXPONENT_1 => key.prime_exponent_p.as_ref(),
            AttributeType::EXPONENT_2 => key.prime_exponent_q.as_ref(),
            AttributeType::COEFFICIENT => key.crt_coefficient.as_ref(),
            _ => None,
        }
        .and_then(magnitude),
        _ => None,
    }
}
