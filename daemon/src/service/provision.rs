//! What clients are issued: certificates of the appliance's own authority, for keys that they bring or that are made.

use aws_lc_rs::digest::{SHA256, digest};
use strongroom_kmip::{code::ResultReason, mechanism::Curve, secret::Secret};

use super::refusal::Refusal;
use crate::{
    certificate::{self, Authority},
    vault::{Form, Kept, Made, Material, Pair, Recipe, Vault},
};

/// The appliance's authority.
///
/// # Errors
/// [`Refusal`] when there is none, or the vault is sealed.
pub fn authority(vault: &Vault) -> Result<Authority, Refusal> {
    let none = || Refusal::new(ResultReason::ItemNotFound, "the appliance has no authority; run `strongroom init`");
    let certificate = vault.setting(AUTHORITY)?.ok_or_else(none)?;
    let key = vault.setting(AUTHORITY_KEY)?.ok_or_else(none)?;
    Authority::open(certificate.reveal(), key.reveal()).map_err(certificates)
}

/// A new P-256 pair.
///
/// # Errors
/// [`Refusal`], as the slot says.
pub fn pair(vault: &Vault, slot: Option<&str>) -> Result<(Kept, Kept), Refusal> {
    match vault.make(slot, &Recipe::Pair(Pair::Elliptic(Curve::P256)))? {
        Made::Pair { private, public } => Ok((private, public)),
        Made::One(_) => Err(odd()),
    }
}

/// A new P-256 pair that leaves: PKCS#8 and SubjectPublicKeyInfo.
///
/// # Errors
/// [`Refusal`], as the slot says.
pub fn leaving(vault: &Vault) -> Result<(Secret, Vec<u8>), Refusal> {
    // A slot that holds its keys gives none out.
    let slot = vault.slots().iter().find(|fitted| fitted.is_emulated()).cloned();
    let slot = slot.as_ref().map(|fitted| fitted.key());
    let (private, public) = pair(vault, slot)?;
    match vault.give(slot, &private, Form::Pkcs8)? {
        Material::Pkcs8(key) => Ok((key, info(vault, slot, &public)?)),
        _ => Err(odd()),
    }
}

/// The SubjectPublicKeyInfo of a public key.
///
/// # Errors
/// [`Refusal`], as the slot says.
pub fn info(vault: &Vault, slot: Option<&str>, public: &Kept) -> Result<Vec<u8>, Refusal> {
    match vault.give(slot, public, Form::PublicKeyInfo)? {
        Material::PublicKeyInfo(public) => Ok(public),
        _ => Err(odd()),
    }
}

/// What the holder of a SubjectPublicKeyInfo is known by.
pub fn fingerprint(public: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, public).as_ref());
    key
}

/// What a certificate's fault is to whoever asked.
pub fn certificates(error: certificate::Error) -> Refusal {
    Refusal::invalid(error.to_string())
}

fn odd() -> Refusal {
    Refusal::new(ResultReason::GeneralFailure, "the slot made no pair that can leave")
}

/// The settings that hold the authority.
pub const AUTHORITY: &str = "authority.certificate";
pub const AUTHORITY_KEY: &str = "authority.key";
