//! What products say again and again.

use crate::{
    wire::{Item, bytes, enumeration, integer, structure, text},
    word::*,
};

/// An attribute as KMIP 1.x writes it. The value bears the tag Attribute Value, whatever it is made with.
pub fn attribute(name: &str, mut value: Item) -> Item {
    value.tag = ATTRIBUTE_VALUE;
    structure(ATTRIBUTE, [text(ATTRIBUTE_NAME, name), value])
}

pub fn named(name: &str) -> Item {
    attribute("Name", name_value(name))
}

pub fn name_value(name: &str) -> Item {
    structure(NAME, [text(NAME_VALUE, name), enumeration(NAME_TYPE, 1)])
}

/// A custom attribute, or a standard one of text.
pub fn words(name: &str, value: &str) -> Item {
    attribute(name, text(0, value))
}

pub fn object_type(kind: u32) -> Item {
    attribute("Object Type", enumeration(0, kind))
}

pub fn mask(mask: i32) -> Item {
    attribute("Cryptographic Usage Mask", integer(0, mask))
}

/// AES with 256 bits that encrypts and decrypts.
pub fn aes() -> Vec<Item> {
    vec![
        attribute("Cryptographic Algorithm", enumeration(0, 3)),
        attribute("Cryptographic Length", integer(0, 256)),
        mask(ENCRYPT_AND_DECRYPT),
    ]
}

pub fn template(attributes: impl Into<Vec<Item>>) -> Item {
    structure(TEMPLATE_ATTRIBUTE, attributes)
}

/// The payload of Create for AES-256 with more attributes besides.
pub fn create(more: impl IntoIterator<Item = Item>) -> Vec<Item> {
    let attributes: Vec<Item> = aes().into_iter().chain(more).collect();
    vec![enumeration(OBJECT_TYPE, SYMMETRIC_KEY_OBJECT), template(attributes)]
}

pub fn id(id: &str) -> Vec<Item> {
    vec![text(UNIQUE_IDENTIFIER, id)]
}

/// The payload of Get Attributes.
pub fn ask_for(id: &str, names: &[&str]) -> Vec<Item> {
    let names = names.iter().map(|name| text(ATTRIBUTE_NAME, name));
    [text(UNIQUE_IDENTIFIER, id)].into_iter().chain(names).collect()
}

/// The payload of Revoke: cessation of operation.
pub fn revoke(id: &str) -> Vec<Item> {
    vec![text(UNIQUE_IDENTIFIER, id), structure(REVOCATION_REASON, [enumeration(REVOCATION_REASON_CODE, 6)])]
}

/// A key block of raw bytes.
pub fn key_block(form: u32, material: &[u8], more: impl IntoIterator<Item = Item>) -> Item {
    let value = structure(KEY_VALUE, [bytes(KEY_MATERIAL, material)]);
    let items: Vec<Item> = [enumeration(KEY_FORMAT_TYPE, form), value].into_iter().chain(more).collect();
    structure(KEY_BLOCK, items)
}

/// An AES key of these bytes, in a structure of its own.
pub fn symmetric_key(material: &[u8]) -> Item {
    let bits = i32::try_from(material.len() * 8).expect("short");
    let more = [enumeration(CRYPTOGRAPHIC_ALGORITHM, 3), integer(CRYPTOGRAPHIC_LENGTH, bits)];
    structure(SYMMETRIC_KEY, [key_block(1, material, more)])
}

/// A password.
pub fn secret_data(secret: &[u8]) -> Item {
    structure(SECRET_DATA, [enumeration(SECRET_DATA_TYPE, 1), key_block(2, secret, [])])
}

/// The payload of Register.
pub fn register(kind: u32, attributes: impl Into<Vec<Item>>, object: Item) -> Vec<Item> {
    vec![enumeration(OBJECT_TYPE, kind), template(attributes), object]
}

/// Username and password, as the header carries them.
pub fn credential(username: &str, password: &str) -> Item {
    let value = structure(CREDENTIAL_VALUE, [text(USERNAME, username), text(PASSWORD, password)]);
    structure(AUTHENTICATION, [structure(CREDENTIAL, [enumeration(CREDENTIAL_TYPE, 1), value])])
}

pub const ENCRYPT_AND_DECRYPT: i32 = 0x0C;
