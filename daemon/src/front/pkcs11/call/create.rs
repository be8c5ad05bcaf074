//! Objects that an application brings: keys, certificates, data.

use strongroom_kmip::{
    attribute::{Attribute as Kmip, CryptographicDomainParameters, Template},
    code::{CertificateType as Certified, CryptographicAlgorithm, KeyFormatType, OpaqueDataType, RecommendedCurve},
    mechanism::{Curve, Hash, Keys, ParameterSet},
    object::{
        Certificate, KeyBlock, KeyMaterial, KeyValue, Object as Managed, OpaqueObject, PrivateKey, PublicKey,
        SymmetricKey, TransparentDHPrivateKey, TransparentDHPublicKey, TransparentDSAPublicKey,
        TransparentRSAPrivateKey, TransparentRSAPublicKey,
    },
    payload::RegisterRequest,
    secret::Secret,
    ttlv::{BigInteger, Bytes},
};
use strongroom_pkcs11_wire::{
    AttributeType, Rv,
    call::{answer, request},
    number::{CertificateType, KeyType, ObjectClass},
};

use super::contract::Serve;
use crate::{
    front::pkcs11::{
        der, desk::Desk, mechanism, passing::Leftovers, refusal::About, session::Standing, template::Wishes,
    },
    service::ObjectId,
};

impl Serve for request::CreateObject {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::CreateObject), Rv> {
        let standing = desk.application.standing(self.session)?;
        let wishes = Wishes::of(Wishes::class_of(&self.template)?, &self.template)?;
        may_make(standing, &wishes)?;
        let brought = bring(&wishes)?;
        let mut attributes = brought.attributes;
        attributes.extend(wishes.attributes(brought.key, desk.house.service.now())?);
        let request = RegisterRequest {
            object_type: brought.object.object_type(),
            attributes: template(attributes),
            object: brought.object,
            protection_storage_masks: None,
        };
        let made = desk.ask_in(standing.slot, request).map_err(|failure| failure.rv(About::Template))?;
        let object = settle(desk, self.session, standing, &wishes, &made.unique_identifier.0)?;
        Ok((Rv::OK, answer::CreateObject { object }))
    }
}

/// An object that is to be registered.
struct Brought {
    object: Managed,
    key: Option<KeyType>,
    attributes: Vec<Kmip>,
}

/// Whether a session may make such an object.
///
/// # Errors
/// [`Rv::SESSION_READ_ONLY`], [`Rv::USER_NOT_LOGGED_IN`].
pub fn may_make(standing: Standing, wishes: &Wishes<'_>) -> Result<(), Rv> {
    if wishes.is_lasting() && !standing.is_writable() {
        return Err(Rv::SESSION_READ_ONLY);
    }
    if wishes.is_private() && !standing.is_user() {
        return Err(Rv::USER_NOT_LOGGED_IN);
    }
    // Who need not log in at all cannot be asked to do so each time (PKCS#11 3.2 §4.9).
    if wishes.truth(AttributeType::ALWAYS_AUTHENTICATE) == Some(true) && !wishes.is_private() {
        return Err(Rv::TEMPLATE_INCONSISTENT);
    }
    Ok(())
}

/// The handle of a new object, which ends with its session unless it was to last.
///
/// # Errors
/// As [`Application::tie`](crate::front::pkcs11::application::Application::tie) has it: what was to end with a session
/// that has ended meanwhile is gone too.
pub fn settle(desk: &Desk<'_>, session: u64, standing: Standing, wishes: &Wishes<'_>, id: &str) -> Result<u64, Rv> {
    let id = ObjectId::from_text(id);
    if !wishes.is_lasting()
        && let Err(rv) = desk.application.tie(session, &id, wishes.is_private())
    {
        desk.tidy(Leftovers { objects: vec![id], operations: Vec::new() });
        return Err(rv);
    }
    Ok(desk.application.handle(standing.slot, &id, wishes.is_private()))
}

/// The handles of objects that were made together: of all of them or of none, so that none stays of which nobody knows.
///
/// # Errors
/// As for [`settle`].
pub fn settle_all(
    desk: &Desk<'_>,
    session: u64,
    standing: Standing,
    made: &[(&Wishes<'_>, &str)],
) -> Result<Vec<u64>, Rv> {
    let settled = made.iter().map(|(wishes, id)| settle(desk, session, standing, wishes, id));
    settled.collect::<Result<_, _>>().inspect_err(|_| {
        let objects: Vec<ObjectId> = made.iter().map(|(_, id)| ObjectId::from_text(id)).collect();
        objects.iter().for_each(|id| desk.application.forget(id));
        desk.tidy(Leftovers { objects, operations: Vec::new() });
    })
}

/// Attributes as a request carries them.
pub fn template(attributes: Vec<Kmip>) -> Template {
    Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() }
}

fn bring(wishes: &Wishes<'_>) -> Result<Brought, Rv> {
    match wishes.class {
        ObjectClass::DATA => {
            let opaque_data_value = Secret::copy_of(wishes.bytes(AttributeType::VALUE).unwrap_or_default());
            let object = OpaqueObject { opaque_data_type: OPAQUE, opaque_data_value }.into();
            Ok(Brought { object, key: None, attributes: Vec::new() })
        }
        ObjectClass::CERTIFICATE => certificate(wishes),
        ObjectClass::DOMAIN_PARAMETERS => domain(wishes),
        ObjectClass::SECRET_KEY => secret(wishes),
        ObjectClass::PUBLIC_KEY | ObjectClass::PRIVATE_KEY => pair(wishes),
        _ => Err(Rv::ATTRIBUTE_VALUE_INVALID),
    }
}

/// Domain parameters are kept as they come: whoever makes a key with them puts them into its template, and they are looked at
/// there.
fn domain(wishes: &Wishes<'_>) -> Result<Brought, Rv> {
    let numbers = match key_type(wishes)? {
        KeyType::DH => &[AttributeType::PRIME, AttributeType::BASE][..],
        KeyType::DSA => &[AttributeType::PRIME, AttributeType::SUBPRIME, AttributeType::BASE],
        _ => return Err(Rv::ATTRIBUTE_VALUE_INVALID),
    };
    for number in numbers {
        if !(1..=LONGEST_PRIME).contains(&wishes.needed(*number)?.len()) {
            return Err(Rv::ATTRIBUTE_VALUE_INVALID);
        }
    }
    let object = OpaqueObject { opaque_data_type: OPAQUE, opaque_data_value: Secret::copy_of(&[]) }.into();
    Ok(Brought { object, key: None, attributes: Vec::new() })
}

fn certificate(wishes: &Wishes<'_>) -> Result<Brought, Rv> {
    let kind = wishes.number(AttributeType::CERTIFICATE_TYPE).ok_or(Rv::TEMPLATE_INCOMPLETE)?;
    if CertificateType(kind) != CertificateType::X_509 {
        return Err(Rv::ATTRIBUTE_VALUE_INVALID);
    }
    let certificate_value = Bytes(wishes.needed(AttributeType::VALUE)?.to_vec());
    let object = Certificate { certificate_type: Certified::X_509, certificate_value }.into();
    Ok(Brought { object, key: None, attributes: Vec::new() })
}

fn secret(wishes: &Wishes<'_>) -> Result<Brought, Rv> {
    let key = key_type(wishes)?;
    let value = wishes.needed(AttributeType::VALUE)?;
    let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
    if wishes.number(AttributeType::VALUE_LEN).is_some_and(|said| said != length) {
        return Err(Rv::TEMPLATE_INCONSISTENT);
    }
    let attributes = secret_attributes(key, bits(value.len())?)?;
    let key_block = KeyBlock::of(KeyFormatType::Raw, Secret::copy_of(value));
    Ok(Brought { object: SymmetricKey { key_block }.into(), key: Some(key), attributes })
}

fn pair(wishes: &Wishes<'_>) -> Result<Brought, Rv> {
    let key = key_type(wishes)?;
    let (material, attributes) = match key {
        KeyType::RSA => rsa(wishes)?,
        KeyType::DH => finite(wishes)?,
        KeyType::DSA if wishes.class == ObjectClass::PUBLIC_KEY => dsa(wishes)?,
        KeyType::ML_KEM | KeyType::ML_DSA | KeyType::SLH_DSA => quantum(wishes, key)?,
        KeyType::EC | KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY => elliptic(wishes, key)?,
        _ => return Err(Rv::ATTRIBUTE_VALUE_INVALID),
    };
    let private = wishes.class == ObjectClass::PRIVATE_KEY;
    let key_format_type = match (&material, private) {
        (KeyMaterial::RSAPrivateKey(_), _) => KeyFormatType::TransparentRSAPrivateKey,
        (KeyMaterial::RSAPublicKey(_), _) => KeyFormatType::TransparentRSAPublicKey,
        (KeyMaterial::DHPrivateKey(_), _) => KeyFormatType::TransparentDHPrivateKey,
        (KeyMaterial::DHPublicKey(_), _) => KeyFormatType::TransparentDHPublicKey,
        (KeyMaterial::DSAPublicKey(_), _) => KeyFormatType::TransparentDSAPublicKey,
        _ => KeyFormatType::Raw,
    };
    let key_block = KeyBlock {
        key_format_type,
        key_compression_type: None,
        key_value: Some(KeyValue::plain(material)),
        cryptographic_algorithm: None,
        cryptographic_length: None,
        key_wrapping_data: None,
    };
    let object = if private { PrivateKey { key_block }.into() } else { PublicKey { key_block }.into() };
    Ok(Brought { object, key: Some(key), attributes })
}

fn rsa(wishes: &Wishes<'_>) -> Result<(KeyMaterial, Vec<Kmip>), Rv> {
    let number = |kind| wishes.bytes(kind).map(BigInteger::positive);
    let needed = |kind| wishes.needed(kind).map(BigInteger::positive);
    let length = magnitude_bits(wishes.needed(AttributeType::MODULUS)?)?;
    let modulus = needed(AttributeType::MODULUS)?;
    let material = if wishes.class == ObjectClass::PRIVATE_KEY {
        KeyMaterial::RSAPrivateKey(TransparentRSAPrivateKey {
            modulus,
            private_exponent: Some(needed(AttributeType::PRIVATE_EXPONENT)?),
            public_exponent: number(AttributeType::PUBLIC_EXPONENT),
            p: number(AttributeType::PRIME_1),
            q: number(AttributeType::PRIME_2),
            prime_exponent_p: number(AttributeType::EXPONENT_1),
            prime_exponent_q: number(AttributeType::EXPONENT_2),
            crt_coefficient: number(AttributeType::COEFFICIENT),
        })
    } else {
        let public_exponent = needed(AttributeType::PUBLIC_EXPONENT)?;
        KeyMaterial::RSAPublicKey(TransparentRSAPublicKey { modulus, public_exponent })
    };
    Ok((material, described(CryptographicAlgorithm::RSA, length)))
}

fn finite(wishes: &Wishes<'_>) -> Result<(KeyMaterial, Vec<Kmip>), Rv> {
    let needed = |kind| wishes.needed(kind).map(BigInteger::positive);
    let (p, g) = (needed(AttributeType::PRIME)?, needed(AttributeType::BASE)?);
    let number = needed(AttributeType::VALUE)?;
    let material = if wishes.class == ObjectClass::PRIVATE_KEY {
        KeyMaterial::DHPrivateKey(TransparentDHPrivateKey { p, q: None, g, j: None, x: number })
    } else {
        KeyMaterial::DHPublicKey(TransparentDHPublicKey { p, q: None, g, j: None, y: number })
    };
    Ok((material, described(CryptographicAlgorithm::DH, magnitude_bits(wishes.needed(AttributeType::PRIME)?)?)))
}

fn dsa(wishes: &Wishes<'_>) -> Result<(KeyMaterial, Vec<Kmip>), Rv> {
    let needed = |kind| wishes.needed(kind).map(BigInteger::positive);
    let material = KeyMaterial::DSAPublicKey(TransparentDSAPublicKey {
        p: needed(AttributeType::PRIME)?,
        q: needed(AttributeType::SUBPRIME)?,
        g: needed(AttributeType::BASE)?,
        y: needed(AttributeType::VALUE)?,
    });
    Ok((material, described(CryptographicAlgorithm::DSA, magnitude_bits(wishes.needed(AttributeType::PRIME)?)?)))
}

/// Bits of a number, from the highest that is set.
///
/// # Errors
/// [`Rv::ATTRIBUTE_VALUE_INVALID`] for nought and for more than KMIP can say.
pub fn magnitude_bits(number: &[u8]) -> Result<i32, Rv> {
    let bits = i32::try_from(der::bits(number)).map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID)?;
    if bits > 0 { Ok(bits) } else { Err(Rv::ATTRIBUTE_VALUE_INVALID) }
}

fn elliptic(wishes: &Wishes<'_>, key: KeyType) -> Result<(KeyMaterial, Vec<Kmip>), Rv> {
    let curve = curve(wishes, key)?;
    let bytes = if wishes.class == ObjectClass::PRIVATE_KEY {
        let number = wishes.needed(AttributeType::VALUE)?;
        // Applications leave leading noughts out or put one in front; a number here is as long as the curve's order.
        let length = curve.length();
        let magnitude = if curve.keys() != Keys::Weierstrass { number.to_vec() } else { der::magnitude(number) };
        let missing = length.checked_sub(magnitude.len()).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)?;
        Secret::new([vec![0; missing], magnitude].concat())
    } else {
        Secret::copy_of(der::point(curve, wishes.needed(AttributeType::EC_POINT)?))
    };
    Ok((KeyMaterial::Bytes(bytes), curve_attributes(curve)?))
}

fn quantum(wishes: &Wishes<'_>, key: KeyType) -> Result<(KeyMaterial, Vec<Kmip>), Rv> {
    let set = set(wishes, key)?;
    let (seed, value) = (wishes.bytes(AttributeType::SEED), wishes.bytes(AttributeType::VALUE));
    let bytes = match (seed.filter(|seed| !seed.is_empty()), value) {
        (None, value) => Secret::copy_of(value.ok_or(Rv::TEMPLATE_INCOMPLETE)?),
        (Some(seed), value) if seed.len() == set.facts().seed => {
            Secret::new([seed, value.unwrap_or_default()].concat())
        }
        (Some(_), _) => return Err(Rv::ATTRIBUTE_VALUE_INVALID),
    };
    Ok((KeyMaterial::Bytes(bytes), set_attributes(set)))
}

/// The parameter set that a template names, which must be one for that type of key.
///
/// # Errors
/// [`Rv::TEMPLATE_INCOMPLETE`], [`Rv::PARAMETER_SET_NOT_SUPPORTED`].
pub fn set(wishes: &Wishes<'_>, key: KeyType) -> Result<ParameterSet, Rv> {
    let number = wishes.number(AttributeType::PARAMETER_SET).ok_or(Rv::TEMPLATE_INCOMPLETE)?;
    let keys = match key {
        KeyType::ML_KEM => Keys::MlKem,
        KeyType::ML_DSA => Keys::MlDsa,
        _ => Keys::SlhDsa,
    };
    ParameterSet::of_number(keys, number).ok_or(Rv::PARAMETER_SET_NOT_SUPPORTED)
}

/// What KMIP says of a key of a parameter set.
pub fn set_attributes(set: ParameterSet) -> Vec<Kmip> {
    vec![Kmip::CryptographicAlgorithm(set.facts().code)]
}

/// The curve that a template names, which must be one for that type of key.
///
/// # Errors
/// [`Rv::TEMPLATE_INCOMPLETE`], [`Rv::CURVE_NOT_SUPPORTED`].
pub fn curve(wishes: &Wishes<'_>, key: KeyType) -> Result<Curve, Rv> {
    let named = der::curve(wishes.needed(AttributeType::EC_PARAMS)?);
    named.filter(|curve| mechanism::of_keys(curve.keys()) == Some(key)).ok_or(Rv::CURVE_NOT_SUPPORTED)
}

/// What KMIP says of a key on a curve.
///
/// # Errors
/// [`Rv::CURVE_NOT_SUPPORTED`].
pub fn curve_attributes(curve: Curve) -> Result<Vec<Kmip>, Rv> {
    let length = i32::try_from(curve.bits()).map_err(|_| Rv::CURVE_NOT_SUPPORTED)?;
    let code = match curve {
        Curve::Ed25519 => return Ok(described(CryptographicAlgorithm::Ed25519, length)),
        Curve::P192 => RecommendedCurve::P_192,
        Curve::P224 => RecommendedCurve::P_224,
        Curve::P256 => RecommendedCurve::P_256,
        Curve::P384 => RecommendedCurve::P_384,
        Curve::P521 => RecommendedCurve::P_521,
        Curve::Secp256k1 => RecommendedCurve::SECP256K1,
        Curve::Ed448 => return Ok(described(CryptographicAlgorithm::Ed448, length)),
        Curve::BrainpoolP256r1 => RecommendedCurve::BRAINPOOLP256R1,
        Curve::BrainpoolP384r1 => RecommendedCurve::BRAINPOOLP384R1,
        Curve::BrainpoolP512r1 => RecommendedCurve::BRAINPOOLP512R1,
        Curve::X25519 => RecommendedCurve::CURVE25519,
        Curve::X448 => RecommendedCurve::CURVE448,
    };
    let mut attributes = described(CryptographicAlgorithm::EC, length);
    attributes.push(Kmip::CryptographicDomainParameters(CryptographicDomainParameters {
        qlength: None,
        recommended_curve: Some(code),
    }));
    Ok(attributes)
}

/// Algorithm and length.
pub fn described(algorithm: CryptographicAlgorithm, bits: i32) -> Vec<Kmip> {
    vec![Kmip::CryptographicAlgorithm(algorithm), Kmip::CryptographicLength(bits)]
}

/// The algorithm of secret keys of a type.
///
/// # Errors
/// [`Rv::ATTRIBUTE_VALUE_INVALID`] for a type that is not served.
pub fn algorithm(key: KeyType) -> Result<CryptographicAlgorithm, Rv> {
    let row = ALGORITHMS.iter().find(|(known, _)| *known == key).map(|&(_, algorithm)| algorithm);
    let keyed = || Hash::of_key(key.0).map(|hash| hash.facts().mac.unwrap_or(CryptographicAlgorithm::HMAC_SHA256));
    row.or_else(keyed).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)
}

/// What KMIP says of a secret key of that type and so many bits.
///
/// # Errors
/// [`Rv::ATTRIBUTE_VALUE_INVALID`] for a type that is not served, and for a length that belongs to another type.
pub fn secret_attributes(key: KeyType, bits: i32) -> Result<Vec<Kmip>, Rv> {
    let algorithm = algorithm(key)?;
    // KMIP tells the two keys of XTS from one of AES by their length alone.
    if algorithm == CryptographicAlgorithm::AES && (key == KeyType::AES_XTS) != (bits == 512) {
        return Err(Rv::ATTRIBUTE_VALUE_INVALID);
    }
    let mut attributes = described(algorithm, bits);
    attributes.extend(said_type(key));
    Ok(attributes)
}

/// What is kept to know the type again, where the algorithm does not tell it.
pub fn said_type(key: KeyType) -> Option<Kmip> {
    let told = key != KeyType::HKDF && ALGORITHMS.iter().any(|(known, _)| *known == key);
    let value = strongroom_pkcs11_wire::attribute::Value::Ulong(key.0);
    if told { None } else { crate::front::pkcs11::object::keep(AttributeType::KEY_TYPE, &value) }
}

/// The key type that a template names.
///
/// # Errors
/// [`Rv::TEMPLATE_INCOMPLETE`] when it names none.
pub fn key_type(wishes: &Wishes<'_>) -> Result<KeyType, Rv> {
    wishes.number(AttributeType::KEY_TYPE).map(KeyType).ok_or(Rv::TEMPLATE_INCOMPLETE)
}

/// Bits of so many bytes, as KMIP counts a length.
///
/// # Errors
/// [`Rv::ATTRIBUTE_VALUE_INVALID`] for nothing and for more than KMIP can say.
pub fn bits(bytes: usize) -> Result<i32, Rv> {
    let bits = i32::try_from(bytes).ok().and_then(|bytes| bytes.checked_mul(8));
    bits.filter(|bits| *bits > 0).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)
}

/// Bytes of the longest prime of a group, with a nought in front.
const LONGEST_PRIME: usize = 1025;

/// What PKCS#11 calls data. The vendors' range: KMIP has no word for data of an application.
pub const OPAQUE: OpaqueDataType = OpaqueDataType(0x8000_0001);

/// A secret of no particular kind is one for HMAC, which takes any hash with it.
const ALGORITHMS: &[(KeyType, CryptographicAlgorithm)] = &[
    (KeyType::AES, CryptographicAlgorithm::AES),
    (KeyType::AES_XTS, CryptographicAlgorithm::AES),
    (KeyType::DES3, CryptographicAlgorithm::DES3),
    (KeyType::DES2, CryptographicAlgorithm::DES3),
    (KeyType::CHACHA20, CryptographicAlgorithm::ChaCha20),
    (KeyType::GENERIC_SECRET, CryptographicAlgorithm::HMAC_SHA256),
    (KeyType::HKDF, CryptographicAlgorithm::HMAC_SHA256),
];
