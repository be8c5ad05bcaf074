//! A private key that comes as PKCS#12: opened with the password that it is linked to, its certificates kept beside it (KMIP
//! 2.1 §4.39, §6.1.43 and §11.28).

use strongroom_kmip::{
    attribute::{Attribute, Kind, Link, Set, Standard},
    code::{CertificateType, KeyFormatType, LinkType, ObjectType, ResultReason},
    object::{Certificate, KeyBlock, KeyMaterial, KeyValue, Object, PrivateKey},
    secret::Secret,
    ttlv::{Bytes, DateTime},
};

use super::{bundle, call::Call, certificate as told, create, creation, descent, material, private, refusal::Refusal};
use crate::{
    certificate::{self, Age, Parcel, Unopened},
    vault::{Content, MechanismLevel, ObjectId},
};

/// Whether this is a private key in PKCS#12 that nothing else is wrapped around.
pub fn is_bundle(object: &Object) -> bool {
    file(object).is_some()
}

/// Opens a private key that comes as PKCS#12, so that it comes as PKCS#8: says of it what it is and what people call it, and
/// adds its certificates to what the call writes, linked from the key upwards. A key that is linked to its certificate already
/// has them here. Any other object stays as it is.
///
/// # Errors
/// [`Refusal`] for a file that the password does not open, or that is no such file.
pub fn open(call: &mut Call<'_>, object: &mut Object, set: &mut Set) -> Result<(), Refusal> {
    let Some(file) = file(object) else { return Ok(()) };
    let parcel = opened(call, file, set)?;
    if let Some(name) = parcel.name {
        let kind = Kind::from(Standard::PKCS_12FriendlyName);
        set.remove_all(&kind);
        set.put(Attribute::PKCS_12FriendlyName(name));
    }
    private::fill(set, &parcel.key);
    *object = PrivateKey { key_block: KeyBlock::of(KeyFormatType::PKCS_8, Secret::copy_of(&parcel.key)) }.into();
    if descent::link_of(set, LinkType::PKCS_12CertificateLink).is_none()
        && let Some(own) = keep(call, &parcel.chain, set)?
    {
        set.put(Attribute::Link(Link::to(LinkType::PKCS_12CertificateLink, own.as_str())));
    }
    Ok(())
}

fn file(object: &Object) -> Option<&Secret> {
    let Object::PrivateKey(PrivateKey { key_block: block }) = object else { return None };
    match &block.key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. })
            if block.key_format_type == KeyFormatType::PKCS_12 && block.key_wrapping_data.is_none() =>
        {
            Some(bytes)
        }
        _ => None,
    }
}

fn opened(call: &Call<'_>, file: &Secret, set: &Set) -> Result<Parcel, Refusal> {
    let password = bundle::password(call, set)?;
    let password = std::str::from_utf8(password.reveal());
    let password = password.map_err(|_| Refusal::new(ResultReason::BadPassword, "the password is no text"))?;
    let name = set.iter().find_map(|attribute| match attribute {
        Attribute::PKCS_12FriendlyName(name) => Some(name.as_str()),
        _ => None,
    });
    let age = match call.vault.slot(call.slot.as_deref())?.level {
        MechanismLevel::Legacy => Age::Old,
        _ => Age::Current,
    };
    certificate::unbundle(file.reveal(), password, name, age).map_err(refused)
}

/// Adds the certificates, from the highest down, each linked to the one above it, and says which is the key's own.
fn keep(call: &mut Call<'_>, chain: &[Vec<u8>], key: &Set) -> Result<Option<ObjectId>, Refusal> {
    let mut above: Option<ObjectId> = None;
    for der in chain.iter().rev() {
        let certificate =
            Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(der.clone()) };
        let mut set = creation::gather(call, ObjectType::Certificate, &[])?;
        if let Some(date) = key.activation_date() {
            set.put(Attribute::ActivationDate(DateTime(date)));
        }
        if let Some(above) = above {
            set.put(Attribute::Link(Link::to(LinkType::CertificateLink, above.as_str())));
        }
        told::describe(&mut set, &certificate)?;
        creation::complete(call, &mut set, ObjectType::Certificate, der, Some(KeyFormatType::Raw));
        let content = Content::Blob(material::freeze(&certificate.into()));
        let id = create::add(call, content, &mut set)?;
        call.notes.others.push(id.to_string());
        above = Some(id);
    }
    Ok(above)
}

fn refused(error: Unopened) -> Refusal {
    let reason = match error {
        Unopened::Password => ResultReason::BadPassword,
        Unopened::Unserved(_) | Unopened::Weak(_) => ResultReason::KeyFormatTypeNotSupported,
        Unopened::Damaged(_) | Unopened::Unprotected | Unopened::Costly | Unopened::Crowded | Unopened::Keyless => {
            ResultReason::InvalidField
        }
    };
    Refusal::new(reason, error.to_string())
}
