//! An object as PKCS#11 sees it: what class it is, who may see it without logging in, what it is called.

use std::{cell::OnceCell, sync::Arc};

use strongroom_kmip::{
    attribute::{Attribute, Vendor},
    code::{CryptographicAlgorithm, LinkType, ObjectType},
    mechanism::ParameterSet,
    ttlv::{Any, Bytes},
};
use strongroom_pkcs11_wire::{
    AttributeType, MechanismType,
    attribute::{Shape as Form, Template, Value},
    codec::{Reader, Wire, Writer},
    number::{KeyType, ObjectClass},
};

use super::{der, mechanism};
use crate::{
    caller::Caller,
    service::{Body, Family, Object, Pair, Service, Shape},
};

/// An object, with what it takes to know its public numbers.
pub struct View<'v> {
    /// The object.
    pub object: &'v Object,
    service: &'v Service,
    caller: &'v Caller,
    info: OnceCell<Option<Arc<[u8]>>>,
    numbers: OnceCell<Option<der::Numbers>>,
}

impl<'v> View<'v> {
    /// A look at an object.
    pub fn new(object: &'v Object, service: &'v Service, caller: &'v Caller) -> Self {
        Self { object, service, caller, info: OnceCell::new(), numbers: OnceCell::new() }
    }

    /// Its class; nothing for objects that PKCS#11 does not have.
    pub fn class(&self) -> Option<ObjectClass> {
        class(self.object)
    }

    /// What kind of key it is, for a key or a certificate's key.
    pub fn key_type(&self) -> Option<KeyType> {
        if let Some(Value::Ulong(said)) = kept(self.object, AttributeType::KEY_TYPE) {
            return Some(KeyType(said));
        }
        match self.object.body {
            Body::Key(Shape::Symmetric { family: Family::TripleDes, bits: ..=128 }) => Some(KeyType::DES2),
            Body::Key(shape) if let Some(key) = mechanism::of_keys(shape.keys()) => Some(key),
            _ => self.object.attributes.algorithm().map(symmetric_type),
        }
    }

    /// The parameter set of a key of ML-KEM, ML-DSA or SLH-DSA.
    pub fn set(&self) -> Option<ParameterSet> {
        match self.object.body {
            Body::Key(Shape::Private(Pair::Quantum(set)) | Shape::Public(Pair::Quantum(set))) => Some(set),
            _ => None,
        }
    }

    /// SubjectPublicKeyInfo, for either half of a pair.
    pub fn public_info(&self) -> Option<&[u8]> {
        let ask = || self.service.public_half(self.caller, &self.object.id).unwrap_or_default();
        self.info.get_or_init(ask).as_deref()
    }

    /// The public numbers, for either half of a pair.
    pub fn numbers(&self) -> Option<&der::Numbers> {
        self.numbers.get_or_init(|| self.public_info().and_then(der::numbers)).as_ref()
    }
}

/// The class of an object; nothing for objects that PKCS#11 does not have.
pub fn class(object: &Object) -> Option<ObjectClass> {
    match object.object_type() {
        ObjectType::SymmetricKey => Some(ObjectClass::SECRET_KEY),
        ObjectType::PrivateKey => Some(ObjectClass::PRIVATE_KEY),
        ObjectType::PublicKey => Some(ObjectClass::PUBLIC_KEY),
        ObjectType::Certificate => Some(ObjectClass::CERTIFICATE),
        // Data of an application are of no key's type.
        ObjectType::OpaqueObject if kept(object, AttributeType::KEY_TYPE).is_some() => {
            Some(ObjectClass::DOMAIN_PARAMETERS)
        }
        ObjectType::OpaqueObject => Some(ObjectClass::DATA),
        _ => None,
    }
}

/// Whether an object is seen only by those who have logged in.
pub fn is_private(object: &Object) -> bool {
    match kept(object, AttributeType::PRIVATE) {
        Some(Value::Bool(said)) => said,
        _ => class(object).is_none_or(private_by_nature),
    }
}

/// Whether objects of a class are private when nobody says anything.
pub fn private_by_nature(class: ObjectClass) -> bool {
    !matches!(class, ObjectClass::PUBLIC_KEY | ObjectClass::CERTIFICATE | ObjectClass::DOMAIN_PARAMETERS)
}

/// Whether an object outlives its session.
pub fn is_lasting(object: &Object) -> bool {
    !matches!(kept(object, AttributeType::TOKEN), Some(Value::Bool(false)))
}

/// Whether it is a Triple DES key.
pub fn is_triple(object: &Object) -> bool {
    object.attributes.algorithm() == Some(CryptographicAlgorithm::DES3)
}

/// What an object is called: what PKCS#11 calls it, or its first Name.
pub fn label(object: &Object) -> Vec<u8> {
    match kept(object, AttributeType::LABEL) {
        Some(Value::Bytes(label)) => label.into_vec(),
        _ => object.attributes.names().next().map(|name| name.value.clone().into_bytes()).unwrap_or_default(),
    }
}

/// What both halves of a pair, and their certificate, are known by: what PKCS#11 has set, or the identifier of the
/// private key.
pub fn id(object: &Object) -> Vec<u8> {
    match kept(object, AttributeType::ID) {
        Some(Value::Bytes(id)) => id.into_vec(),
        _ => {
            let linked = object.attributes.linked(LinkType::PrivateKeyLink);
            packed(linked.unwrap_or(object.id.as_str()))
        }
    }
}

/// An identifier in as few bytes as it takes: the 16 of a UUID, or the text.
fn packed(identifier: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        identifier.chars().filter(|char| *char != '-').filter_map(|char| char.to_digit(16)).collect();
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| {
            pair.iter().try_fold(0, |sum: u8, digit| sum.checked_mul(16)?.checked_add(u8::try_from(*digit).ok()?))
        })
        .collect();
    if unpacked(&bytes).as_deref() == Some(identifier) { bytes } else { identifier.as_bytes().to_vec() }
}

/// The identifier that [`packed`] made 16 bytes of.
pub fn unpacked(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Some(text)
}

/// An attribute that PKCS#11 has set and KMIP has no word for.
pub fn kept(object: &Object, kind: AttributeType) -> Option<Value> {
    let name = kind.name()?;
    let own = object.attributes.iter().find_map(|attribute| match attribute {
        Attribute::Vendor(own) if own.name == name && own.vendor == VENDOR => Some(&own.value),
        _ => None,
    })?;
    match kind.shape() {
        Form::Bool => own.read_as().ok().map(Value::Bool),
        Form::Ulong => own.read_as::<i64>().ok().map(|number| Value::Ulong(u64::from_ne_bytes(number.to_ne_bytes()))),
        Form::Ulongs => {
            let Bytes(bytes) = own.read_as().ok()?;
            let (numbers, _) = bytes.as_chunks();
            Some(Value::Ulongs(numbers.iter().map(|number| u64::from_be_bytes(*number)).collect()))
        }
        Form::Bytes => {
            let text = own.read_as().map(String::into_bytes);
            text.or_else(|_| own.read_as().map(|Bytes(bytes)| bytes)).ok().map(|bytes| Value::Bytes(bytes.into()))
        }
        Form::Template => {
            let Bytes(bytes) = own.read_as().ok()?;
            let mut from = Reader::new(&bytes);
            let template = Wire::read(&mut from).ok()?;
            from.end().ok().map(|()| Value::Template(template))
        }
        Form::Date => None,
    }
}

/// What an object says of others in a template of its own; nothing when it says nothing.
pub fn template(object: &Object, kind: AttributeType) -> Template {
    match kept(object, kind) {
        Some(Value::Template(template)) => template,
        _ => Template::new(),
    }
}

/// Whether an object wants to see the PIN before each use.
pub fn asks_each_time(object: &Object) -> bool {
    matches!(kept(object, AttributeType::ALWAYS_AUTHENTICATE), Some(Value::Bool(true)))
}

/// Whether the key's own list of mechanisms, where it has one, has this one.
pub fn allows(object: &Object, mechanism: MechanismType) -> bool {
    match kept(object, AttributeType::ALLOWED_MECHANISMS) {
        Some(Value::Ulongs(allowed)) => allowed.contains(&mechanism.0),
        Some(_) => false,
        None => true,
    }
}

/// The attribute in which a value is kept that KMIP has no word for; nothing for a value that is not kept so.
pub fn keep(kind: AttributeType, value: &Value) -> Option<Attribute> {
    let value = match value {
        Value::Bool(truth) => Any::of(truth),
        Value::Ulong(number) => Any::of(&i64::from_ne_bytes(number.to_ne_bytes())),
        Value::Ulongs(numbers) => Any::of(&Bytes(numbers.iter().flat_map(|number| number.to_be_bytes()).collect())),
        // A text is kept as one, so that it reads well through KMIP.
        Value::Bytes(bytes) => match std::str::from_utf8(bytes.reveal()) {
            Ok(text) if kind == AttributeType::LABEL || kind == AttributeType::APPLICATION => Any::text(text),
            _ => Any::of(&Bytes(bytes.reveal().to_vec())),
        },
        Value::Template(template) => {
            let mut bytes = Vec::new();
            template.write(&mut Writer::new(&mut bytes));
            Any::of(&Bytes(bytes))
        }
        Value::Date(_) => return None,
    };
    Some(Attribute::Vendor(Vendor { vendor: VENDOR.to_owned(), name: kind.name()?.to_owned(), value }))
}

/// The key type of a symmetric key.
fn symmetric_type(algorithm: CryptographicAlgorithm) -> KeyType {
    match algorithm {
        CryptographicAlgorithm::AES => KeyType::AES,
        CryptographicAlgorithm::DES3 => KeyType::DES3,
        CryptographicAlgorithm::ChaCha20 | CryptographicAlgorithm::ChaCha20Poly1305 => KeyType::CHACHA20,
        CryptographicAlgorithm::RSA => KeyType::RSA,
        CryptographicAlgorithm::EC | CryptographicAlgorithm::ECDSA | CryptographicAlgorithm::ECDH => KeyType::EC,
        _ => KeyType::GENERIC_SECRET,
    }
}

/// Under which vendor KMIP clients find what PKCS#11 has set.
pub const VENDOR: &str = "PKCS11";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_packed_and_comes_back() {
        let uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
        assert_eq!(packed(uuid).len(), 16);
        assert_eq!(unpacked(&packed(uuid)).as_deref(), Some(uuid));
    }

    #[test]
    fn what_is_no_uuid_stays_as_it_is() {
        for text in ["", "1", "0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5bd9cb469fa16570867728950e", "some key"] {
            assert_eq!(packed(text), text.as_bytes(), "{text}");
        }
        assert_eq!(unpacked(&[0; 15]), None);
    }
}
