//! A private key that leaves as PKCS#12: with the certificates and under the password that it is linked to (KMIP 2.1
//! §6.1.19).

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute, Set},
    code::{KeyFormatType, LinkType, ObjectType, ResultReason, SecretDataType, State},
    object::{KeyBlock, KeyMaterial, KeyValue, Object as Managed, PrivateKey},
    secret::Secret,
};

use super::{call::Call, descent, material, refusal::Refusal};
use crate::{
    certificate::{self, Contents},
    vault::{Action, Form, Material, Object, ObjectId, Permit, Released},
};

/// The key in a bundle. What may leave at all was decided above.
///
/// # Errors
/// [`Refusal`] when a link is missing or leads to what the caller may not have, or when key and certificate do not belong
/// together.
pub fn bundle(call: &Call<'_>, object: &Object, permit: &Permit) -> Result<Managed, Refusal> {
    let Released::Key(Material::Pkcs8(key)) = call.view()?.release(object, permit, Form::Pkcs8)? else {
        return Err(Refusal::new(ResultReason::GeneralFailure, "the slot gave no private key"));
    };
    let password = password(call, &object.attributes)?;
    let password = std::str::from_utf8(password.reveal()).map_err(|_| Refusal::invalid("the password is no text"))?;
    let name = object.attributes.iter().find_map(|attribute| match attribute {
        Attribute::PKCS_12FriendlyName(name) => Some(name.as_str()),
        _ => None,
    });
    let chain = chain(call, object)?;
    let contents = Contents { key: key.reveal(), chain: &chain, name };
    let bundle = certificate::bundle(&contents, password, call.vault.chance())
        .map_err(|error| Refusal::invalid(error.to_string()))?;
    Ok(PrivateKey { key_block: KeyBlock::of(KeyFormatType::PKCS_12, Secret::new(bundle)) }.into())
}

/// The certificates from the key's own upwards. The link to the first stands at the key or at its public half; those
/// further up are links of either kind.
fn chain(call: &Call<'_>, key: &Object) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut chain = Vec::new();
    let mut next = descent::linked(key, LinkType::PKCS_12CertificateLink);
    if let (None, Some(public)) = (&next, descent::linked(key, LinkType::PublicKeyLink)) {
        let (public, _) = call.view()?.see(call.caller, &public, Action::See)?;
        next = descent::linked(&public, LinkType::PKCS_12CertificateLink);
    }
    while let Some(id) = next {
        if chain.len() >= LONGEST_CHAIN {
            return Err(Refusal::invalid("the PKCS#12 Certificate Links go on for too long"));
        }
        let (object, given) = read(call, &id)?;
        let Managed::Certificate(certificate) = given else {
            return Err(Refusal::invalid("a PKCS#12 Certificate Link leads to what is no certificate"));
        };
        chain.push(certificate.certificate_value.0);
        let above = || descent::linked(&object, LinkType::CertificateLink);
        next = descent::linked(&object, LinkType::PKCS_12CertificateLink).or_else(above);
    }
    Ok(chain)
}

/// The password that the one PKCS#12 Password Link among these attributes leads to.
///
/// # Errors
/// [`Refusal`] where there is no such link or more than one, or where it leads to no password, to one that is not active, or
/// to one that the caller may not have.
pub fn password(call: &Call<'_>, set: &Set) -> Result<Secret, Refusal> {
    let refused = |why: &str| Refusal::new(ResultReason::BadPassword, why);
    let mut links = set.links().filter(|link| link.link_type == LinkType::PKCS_12PasswordLink);
    let (Some(link), None) = (links.next(), links.next()) else {
        return Err(refused("PKCS#12 takes one PKCS#12 Password Link"));
    };
    let id = descent::target(link).ok_or_else(|| refused("the PKCS#12 Password Link leads to no object"))?;
    if call.view()?.see(call.caller, &id, Action::Read)?.0.object_type() != ObjectType::SecretData {
        return Err(refused("the PKCS#12 Password Link leads to no password"));
    }
    let (object, given) = read(call, &id)?;
    if object.state(call.vault.now()) != Some(State::Active) {
        return Err(refused("the password that the PKCS#12 Password Link leads to is not active"));
    }
    let value = match &given {
        Managed::SecretData(secret) if secret.secret_data_type == SecretDataType::Password => {
            secret.key_block.key_value.as_ref()
        }
        _ => None,
    };
    match value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => Ok(bytes.duplicate()),
        _ => Err(refused("the PKCS#12 Password Link leads to no password")),
    }
}

fn read(call: &Call<'_>, id: &ObjectId) -> Result<(Arc<Object>, Managed), Refusal> {
    let view = call.view()?;
    let (object, permit) = view.see(call.caller, id, Action::Read)?;
    match view.release(&object, &permit, Form::Raw)? {
        Released::Blob(bytes) => Ok((object, material::thaw(&bytes)?)),
        Released::Key(_) => Err(Refusal::invalid("a PKCS#12 link leads to a key")),
    }
}

/// No chain of certificates that anybody verifies is longer; links may also go in a circle.
const LONGEST_CHAIN: usize = 10;
