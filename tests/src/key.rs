//! The key that is made most often: how it is asked for, and for its bytes.

use strongroom_kmip::{
    attribute::{Attribute, Name, Template},
    client::Error,
    code::{CryptographicAlgorithm, CryptographicUsageMask, ObjectType},
    object::{KeyMaterial, KeyValue},
    payload::{CreateRequest, GetRequest},
};

use crate::Line;

/// Asks for a key for AES-256 that encrypts and decrypts, with a name where one is given.
#[must_use]
pub fn aes(name: Option<&str>) -> CreateRequest {
    let mask = CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt;
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(mask),
    ];
    let attributes = attributes.into_iter().chain(name.map(|name| Attribute::Name(Name::text(name))));
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes: attributes.map(Into::into).collect() },
        protection_storage_masks: None,
    }
}

/// Asks for an object as it is.
#[must_use]
pub fn whole(id: &str) -> GetRequest {
    GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() }
}

/// Makes such a key without a name, and says its identifier.
///
/// # Errors
///
/// What the appliance says.
pub fn create(line: &mut Line) -> Result<String, Error> {
    line.ask(aes(None)).map(|answer| answer.unique_identifier.0)
}

/// The bytes of a key.
///
/// # Errors
///
/// What the appliance says.
///
/// # Panics
///
/// When the object is no key that comes as bytes.
pub fn get(line: &mut Line, id: &str) -> Result<Vec<u8>, Error> {
    let object = line.ask(whole(id))?.object;
    match object.key_block().and_then(|block| block.key_value.as_ref()) {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => Ok(bytes.reveal().to_vec()),
        other => panic!("{id} comes as {other:?}"),
    }
}
