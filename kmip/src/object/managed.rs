//! The objects themselves, each under a tag of its own.

use super::KeyBlock;
use crate::{
    attribute::Listed,
    code::{
        CertificateRequestType, CertificateType, ObjectType, OpaqueDataType, SecretDataType, SplitKeyMethod,
        SplitKeyPolynomial,
    },
    secret::Secret,
    tag::Tag,
    ttlv::{BigInteger, Bytes, Field, Fields, Malformed, Value, Writer},
};

/// Declares [`Object`]: one row for every kind of object, which is at once its Object Type, its tag and its structure.
macro_rules! objects {
    ($($(#[$about:meta])* $name:ident;)*) => {
        /// A managed object (KMIP 2.1 §2). In a payload it stands under the tag of its kind.
        #[derive(Debug)]
        pub enum Object {
            $($(#[$about])* $name($name),)*
        }

        impl Object {
            /// The type of the object.
            pub fn object_type(&self) -> ObjectType {
                match self {
                    $(Self::$name(_) => ObjectType::$name,)*
                }
            }

            fn write(&self, to: &mut Writer) {
                match self {
                    $(Self::$name(object) => object.write(Tag::$name, to),)*
                }
            }

            fn take(from: &mut Fields<'_, '_>) -> Result<Option<Self>, Malformed> {
                $(
                    if let Some(item) = from.take(Tag::$name) {
                        return Value::read(item).map(|object| Some(Self::$name(object)));
                    }
                )*
                Ok(None)
            }
        }

        $(
            impl From<$name> for Object {
                fn from(object: $name) -> Self {
                    Self::$name(object)
                }
            }
        )*
    };
}

objects! {
    /// A certificate.
    Certificate;
    /// A symmetric key.
    SymmetricKey;
    /// The public half of a key pair.
    PublicKey;
    /// The private half of a key pair.
    PrivateKey;
    /// A part of a key.
    SplitKey;
    /// Attributes under a name (KMIP 1.x).
    Template;
    /// A secret that is no key, such as a password or a seed.
    SecretData;
    /// Bytes that mean nothing to the server.
    OpaqueObject;
    /// A PGP key (since KMIP 1.2).
    PGPKey;
    /// A certificate request (since KMIP 2.0).
    CertificateRequest;
}

impl Object {
    /// The block of the key that the object holds, if it holds one.
    pub fn key_block(&self) -> Option<&KeyBlock> {
        match self {
            Self::SymmetricKey(object) => Some(&object.key_block),
            Self::PublicKey(object) => Some(&object.key_block),
            Self::PrivateKey(object) => Some(&object.key_block),
            Self::SplitKey(object) => Some(&object.key_block),
            Self::SecretData(object) => Some(&object.key_block),
            Self::PGPKey(object) => Some(&object.key_block),
            Self::Certificate(_) | Self::Template(_) | Self::OpaqueObject(_) | Self::CertificateRequest(_) => None,
        }
    }

    /// The same block, to be changed.
    pub fn key_block_mut(&mut self) -> Option<&mut KeyBlock> {
        match self {
            Self::SymmetricKey(object) => Some(&mut object.key_block),
            Self::PublicKey(object) => Some(&mut object.key_block),
            Self::PrivateKey(object) => Some(&mut object.key_block),
            Self::SplitKey(object) => Some(&mut object.key_block),
            Self::SecretData(object) => Some(&mut object.key_block),
            Self::PGPKey(object) => Some(&mut object.key_block),
            Self::Certificate(_) | Self::Template(_) | Self::OpaqueObject(_) | Self::CertificateRequest(_) => None,
        }
    }
}

/// An object stands under its own tag, whatever tag the row names.
impl Field for Object {
    fn emit(&self, _: Tag, to: &mut Writer) {
        self.write(to);
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Self::take(from)?.ok_or(Malformed::Missing(tag))
    }
}

impl Field for Option<Object> {
    fn emit(&self, _: Tag, to: &mut Writer) {
        if let Some(object) = self {
            object.write(to);
        }
    }
    fn scan(_: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Object::take(from)
    }
}

structure! {
    /// A certificate (KMIP 2.1 §2.1).
    Certificate {
        certificate_type: CertificateType = CertificateType, V1_0;
        /// The certificate, as DER where it is X.509.
        certificate_value: Bytes = CertificateValue, V1_0;
    }
}

structure! {
    /// A symmetric key (KMIP 2.1 §2.9).
    SymmetricKey {
        key_block: KeyBlock = KeyBlock, V1_0;
    }
}

structure! {
    /// A public key (KMIP 2.1 §2.6).
    PublicKey {
        key_block: KeyBlock = KeyBlock, V1_0;
    }
}

structure! {
    /// A private key (KMIP 2.1 §2.5).
    PrivateKey {
        key_block: KeyBlock = KeyBlock, V1_0;
    }
}

structure! {
    /// A part of a key (KMIP 2.1 §2.8).
    SplitKey {
        /// Of how many.
        split_key_parts: i32 = SplitKeyParts, V1_0;
        /// Which one.
        key_part_identifier: i32 = KeyPartIdentifier, V1_0;
        /// How many are needed to make the key.
        split_key_threshold: i32 = SplitKeyThreshold, V1_0;
        split_key_method: SplitKeyMethod = SplitKeyMethod, V1_0;
        split_key_polynomial: Option<SplitKeyPolynomial> = SplitKeyPolynomial, V3_0;
        prime_field_size: Option<BigInteger> = PrimeFieldSize, V1_0;
        key_block: KeyBlock = KeyBlock, V1_0;
    }
}

structure! {
    /// Attributes that requests may refer to by the template's name (KMIP 1.4 §2.2.6).
    Template {
        attributes: Listed = Attribute, V1_0;
    }
}

structure! {
    /// A secret that is no key (KMIP 2.1 §2.7).
    SecretData {
        secret_data_type: SecretDataType = SecretDataType, V1_0;
        key_block: KeyBlock = KeyBlock, V1_0;
    }
}

structure! {
    /// Bytes that mean nothing to the server (KMIP 2.1 §2.3).
    OpaqueObject {
        opaque_data_type: OpaqueDataType = OpaqueDataType, V1_0;
        opaque_data_value: Secret = OpaqueDataValue, V1_0;
    }
}

structure! {
    /// A PGP key (KMIP 2.1 §2.4).
    PGPKey {
        pgp_key_version: i32 = PGPKeyVersion, V1_2;
        key_block: KeyBlock = KeyBlock, V1_2;
    }
}

structure! {
    /// A certificate request (KMIP 2.1 §2.2).
    CertificateRequest {
        certificate_request_type: CertificateRequestType = CertificateRequestType, V2_0;
        certificate_request_value: Bytes = CertificateRequestValue, V2_0;
    }
}
