//! A key in its block.

use super::{KeyMaterial, KeyWrappingData};
use crate::{
    attribute::Listed,
    code::{CryptographicAlgorithm, KeyCompressionType, KeyFormatType},
    secret::Secret,
    tag::Tag,
    ttlv::{Bytes, Field, Fields, Item, Kind, Malformed, Value, Writer},
};

/// A key and what must be known to read it (KMIP 2.1 §3.1).
#[derive(Debug)]
pub struct KeyBlock {
    /// In which format the key material is.
    pub key_format_type: KeyFormatType,
    /// How the point of an elliptic curve public key is compressed.
    pub key_compression_type: Option<KeyCompressionType>,
    /// The key; absent where the server knows only where the key is (since KMIP 1.2).
    pub key_value: Option<KeyValue>,
    /// What the key is for.
    pub cryptographic_algorithm: Option<CryptographicAlgorithm>,
    /// Its length in bits.
    pub cryptographic_length: Option<i32>,
    /// How the value is wrapped, where it is.
    pub key_wrapping_data: Option<Box<KeyWrappingData>>,
}

impl KeyBlock {
    /// A block with these bytes in this format and nothing else.
    pub fn of(key_format_type: KeyFormatType, bytes: Secret) -> Self {
        Self {
            key_format_type,
            key_compression_type: None,
            key_value: Some(KeyValue::plain(KeyMaterial::Bytes(bytes))),
            cryptographic_algorithm: None,
            cryptographic_length: None,
            key_wrapping_data: None,
        }
    }
}

impl Value for KeyBlock {
    fn write(&self, tag: Tag, to: &mut Writer) {
        to.structure(tag, |to| {
            Field::emit(&self.key_format_type, Tag::KeyFormatType, to);
            Field::emit(&self.key_compression_type, Tag::KeyCompressionType, to);
            if let Some(value) = &self.key_value {
                value.write(to);
            }
            Field::emit(&self.cryptographic_algorithm, Tag::CryptographicAlgorithm, to);
            Field::emit(&self.cryptographic_length, Tag::CryptographicLength, to);
            Field::emit(&self.key_wrapping_data, Tag::KeyWrappingData, to);
        });
    }

    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        let mut fields = Fields::of(item)?;
        let key_format_type = Field::scan(Tag::KeyFormatType, &mut fields)?;
        let block = Self {
            key_format_type,
            key_compression_type: Field::scan(Tag::KeyCompressionType, &mut fields)?,
            key_value: fields.take(Tag::KeyValue).map(|value| KeyValue::read(value, key_format_type)).transpose()?,
            cryptographic_algorithm: Field::scan(Tag::CryptographicAlgorithm, &mut fields)?,
            cryptographic_length: Field::scan(Tag::CryptographicLength, &mut fields)?,
            key_wrapping_data: Field::scan(Tag::KeyWrappingData, &mut fields)?,
        };
        fields.finish()?;
        Ok(block)
    }
}

/// The value of a key (KMIP 2.1 §3.2).
#[derive(Debug)]
pub enum KeyValue {
    /// The key material, and attributes that travel with it.
    Plain {
        /// The key material.
        material: KeyMaterial,
        /// Attributes that are wrapped with the key when it is wrapped.
        attributes: Option<Listed>,
    },
    /// An encoded key value that is wrapped.
    Wrapped(Bytes),
}

impl KeyValue {
    /// Key material without attributes.
    pub fn plain(material: KeyMaterial) -> Self {
        Self::Plain { material, attributes: None }
    }

    /// Reads the value of a key in this format, such as the one that stands encoded in an unwrapped key.
    ///
    /// # Errors
    /// [`Malformed`] as for any structure, and where the material does not go with the format.
    pub fn read(item: Item<'_, '_>, format: KeyFormatType) -> Result<Self, Malformed> {
        if item.kind() == Kind::ByteString {
            return Value::read(item).map(Self::Wrapped);
        }
        let mut fields = Fields::of(item)?;
        let material = fields.take(Tag::KeyMaterial).ok_or(Malformed::Missing(Tag::KeyMaterial))?;
        let value = Self::Plain {
            material: KeyMaterial::read(material, format)?,
            attributes: Field::scan(Tag::Attributes, &mut fields)?,
        };
        fields.finish()?;
        Ok(value)
    }

    /// Writes the value as one item.
    pub fn write(&self, to: &mut Writer) {
        match self {
            Self::Wrapped(bytes) => bytes.write(Tag::KeyValue, to),
            Self::Plain { material, attributes } => to.structure(Tag::KeyValue, |to| {
                material.write(to);
                Field::emit(attributes, Tag::Attributes, to);
            }),
        }
    }
}
