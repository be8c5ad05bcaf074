//! Between KMIP's managed objects and the forms that a slot reads and writes.

use strongroom_kmip::{
    attribute::Set,
    code::{CryptographicAlgorithm, KeyCompressionType, KeyFormatType, ObjectType, RecommendedCurve, ResultReason},
    mechanism::{Curve, Hash, ParameterSet},
    object::{
        KeyBlock, KeyMaterial, KeyValue, Object, PrivateKey, PublicKey, SymmetricKey, TransparentDHPrivateKey,
        TransparentDHPublicKey, TransparentDSAPublicKey, TransparentECPrivateKey, TransparentECPublicKey,
        TransparentRSAPrivateKey, TransparentRSAPublicKey, TransparentSymmetricKey,
    },
    secret::Secret,
    tag::Tag,
    ttlv::{BigInteger, Bytes, Field as _, Fields, Limits, Tree, Writer},
    version::{EVERY, V1_4},
};

use super::refusal::Refusal;
use crate::vault::{DsaPublic, Family, Form, Group, Material, Pair, QuantumPrivate, Recipe, RsaPrivate, Shape};

/// What kind of key these attributes describe, if it is one that a slot works with.
pub fn shape(object: ObjectType, attributes: &Set) -> Option<Shape> {
    let algorithm = attributes.algorithm()?;
    let bits = attributes.length().and_then(|bits| usize::try_from(bits).ok());
    match object {
        ObjectType::SymmetricKey => {
            let bits = bits?;
            // No key of AES alone is so long: these are the two keys of XTS.
            let family =
                family(algorithm).map(|known| if (known, bits) == (Family::Aes, 512) { Family::AesXts } else { known });
            Some(Shape::Symmetric { family: family?, bits })
        }
        ObjectType::PrivateKey => pair(algorithm, bits, attributes).map(Shape::Private),
        // DSA verifies what is old: private keys of it, and public ones of lengths that no standard has today, are kept
        // and not worked with.
        ObjectType::PublicKey if algorithm == CryptographicAlgorithm::DSA => {
            bits.filter(|bits| *bits >= 1024).map(|bits| Shape::Public(Pair::Dsa { bits }))
        }
        ObjectType::PublicKey => pair(algorithm, bits, attributes).map(Shape::Public),
        _ => None,
    }
}

fn family(algorithm: CryptographicAlgorithm) -> Option<Family> {
    match algorithm {
        CryptographicAlgorithm::AES => Some(Family::Aes),
        CryptographicAlgorithm::DES3 => Some(Family::TripleDes),
        CryptographicAlgorithm::ChaCha20 | CryptographicAlgorithm::ChaCha20Poly1305 => Some(Family::ChaCha20),
        algorithm if Hash::of_mac(algorithm).is_some() => Some(Family::Hmac),
        algorithm if KEPT_ONLY.contains(&algorithm) => Some(Family::Foreign),
        _ => None,
    }
}

fn pair(algorithm: CryptographicAlgorithm, bits: Option<usize>, attributes: &Set) -> Option<Pair> {
    match algorithm {
        CryptographicAlgorithm::RSA => bits.map(|bits| Pair::Rsa { bits }),
        CryptographicAlgorithm::DH => bits.map(|bits| Pair::Group { bits }),
        CryptographicAlgorithm::Ed25519 => Some(Pair::Elliptic(Curve::Ed25519)),
        algorithm if ParameterSet::of_code(algorithm).is_some() => ParameterSet::of_code(algorithm).map(Pair::Quantum),
        CryptographicAlgorithm::Ed448 => Some(Pair::Elliptic(Curve::Ed448)),
        CryptographicAlgorithm::EC | CryptographicAlgorithm::ECDSA | CryptographicAlgorithm::ECDH => {
            let named = attributes.domain_parameters().and_then(|parameters| parameters.recommended_curve);
            match named {
                Some(code) => curve(code).map(Pair::Elliptic),
                None => by_bits(bits?).map(Pair::Elliptic),
            }
        }
        _ => None,
    }
}

/// The recipe for a key of this shape.
pub fn recipe(shape: Shape) -> Recipe {
    match shape {
        Shape::Symmetric { family, bits } => Recipe::Symmetric { family, bits },
        Shape::Private(pair) | Shape::Public(pair) => Recipe::Pair(pair),
    }
}

/// The code of a curve, for attributes; Ed25519 has an algorithm of its own and needs none.
pub fn curve_code(curve: Curve) -> Option<RecommendedCurve> {
    CURVES.iter().find(|(_, known)| *known == curve).map(|&(code, _)| code)
}

fn curve(code: RecommendedCurve) -> Option<Curve> {
    CURVES.iter().find(|(known, _)| *known == code).map(|&(_, curve)| curve)
}

/// The curve that a client means that gives a length only.
fn by_bits(bits: usize) -> Option<Curve> {
    [Curve::P224, Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| curve.bits() == bits)
}

/// The public half of a pair.
pub fn public(shape: Shape) -> Shape {
    match shape {
        Shape::Private(pair) => Shape::Public(pair),
        shape => shape,
    }
}

/// The other kind of elliptic key of the same length, if there is one.
pub fn sibling(shape: Shape) -> Option<Shape> {
    match shape {
        Shape::Private(Pair::Elliptic(Curve::P256)) => Some(Shape::Private(Pair::Elliptic(Curve::Secp256k1))),
        Shape::Public(Pair::Elliptic(Curve::P256)) => Some(Shape::Public(Pair::Elliptic(Curve::Secp256k1))),
        _ => None,
    }
}

/// The material of a key block, as a slot reads it.
///
/// # Errors
/// [`Refusal`] for a format that is not served, or one that does not fit the kind of key.
pub fn read(block: &KeyBlock, shape: Shape) -> Result<Material, Refusal> {
    let format = block.key_format_type;
    let material = match &block.key_value {
        Some(KeyValue::Plain { material, .. }) => material,
        Some(KeyValue::Wrapped(_)) => return Err(Refusal::unsupported("a wrapped key cannot be worked with")),
        None => return Err(Refusal::missing("Key Value")),
    };
    match (material, format, shape) {
        (KeyMaterial::Bytes(bytes), KeyFormatType::Raw, Shape::Symmetric { .. }) => {
            Ok(Material::Raw(bytes.duplicate()))
        }
        (KeyMaterial::Bytes(bytes), KeyFormatType::PKCS_8, Shape::Private(_)) => Ok(Material::Pkcs8(bytes.duplicate())),
        (KeyMaterial::Bytes(bytes), KeyFormatType::PKCS_1, Shape::Private(_)) => {
            Ok(Material::Pkcs1Private(bytes.duplicate()))
        }
        (KeyMaterial::Bytes(bytes), KeyFormatType::ECPrivateKey, Shape::Private(_)) => {
            Ok(Material::Sec1(bytes.duplicate()))
        }
        (KeyMaterial::Bytes(bytes), KeyFormatType::PKCS_1, Shape::Public(_)) => {
            Ok(Material::Pkcs1Public(bytes.reveal().to_vec()))
        }
        (KeyMaterial::Bytes(bytes), KeyFormatType::X_509, Shape::Public(_)) => {
            Ok(Material::PublicKeyInfo(bytes.reveal().to_vec()))
        }
        (KeyMaterial::Bytes(bytes), KeyFormatType::Raw, Shape::Private(Pair::Elliptic(curve))) => {
            Ok(Material::EllipticPrivate { curve, number: bytes.duplicate() })
        }
        (KeyMaterial::Bytes(bytes), KeyFormatType::Raw, Shape::Public(Pair::Elliptic(curve))) => {
            Ok(Material::EllipticPublic { curve, point: bytes.reveal().to_vec() })
        }
        (KeyMaterial::Bytes(bytes), KeyFormatType::Raw, Shape::Private(Pair::Quantum(set))) => quantum(set, bytes),
        (KeyMaterial::Bytes(bytes), KeyFormatType::Raw, Shape::Public(Pair::Quantum(set))) => {
            Ok(Material::QuantumPublic { set, bytes: bytes.reveal().to_vec() })
        }
        (KeyMaterial::SymmetricKey(key), _, Shape::Symmetric { .. }) => Ok(Material::Raw(key.key.duplicate())),
        (KeyMaterial::RSAPrivateKey(key), _, Shape::Private(Pair::Rsa { .. })) => rsa_private(key),
        (KeyMaterial::RSAPublicKey(key), _, Shape::Public(Pair::Rsa { .. })) => {
            Ok(Material::RsaPublic { modulus: open(&key.modulus)?, exponent: open(&key.public_exponent)? })
        }
        (KeyMaterial::DHPrivateKey(key), _, Shape::Private(Pair::Group { .. })) => Ok(Material::GroupPrivate {
            group: Group::of(magnitude(&key.p)?, magnitude(&key.g)?),
            number: Secret::copy_of(magnitude(&key.x)?),
        }),
        (KeyMaterial::DHPublicKey(key), _, Shape::Public(Pair::Group { .. })) => Ok(Material::GroupPublic {
            group: Group::of(magnitude(&key.p)?, magnitude(&key.g)?),
            number: open(&key.y)?,
        }),
        (KeyMaterial::DSAPublicKey(key), _, Shape::Public(Pair::Dsa { .. })) => Ok(Material::DsaPublic(DsaPublic {
            prime: open(&key.p)?,
            order: open(&key.q)?,
            base: open(&key.g)?,
            number: open(&key.y)?,
        })),
        (KeyMaterial::ECPrivateKey(key), _, Shape::Private(Pair::Elliptic(_))) => Ok(Material::EllipticPrivate {
            curve: curve(key.recommended_curve).ok_or_else(|| Refusal::unsupported("this curve is not served"))?,
            number: Secret::copy_of(magnitude(&key.d)?),
        }),
        (KeyMaterial::ECPublicKey(key), _, Shape::Public(Pair::Elliptic(_))) => Ok(Material::EllipticPublic {
            curve: curve(key.recommended_curve).ok_or_else(|| Refusal::unsupported("this curve is not served"))?,
            point: key.q_string.0.clone(),
        }),
        _ => Err(format_refused(format)),
    }
}

/// The length tells a seed from what is expanded from it, and both from one behind the other.
fn quantum(set: ParameterSet, bytes: &Secret) -> Result<Material, Refusal> {
    let facts = set.facts();
    let (seed, expanded) = match bytes.len() {
        length if length == facts.seed => (Some(bytes.duplicate()), None),
        length if length == facts.private => (None, Some(bytes.duplicate())),
        _ => {
            let both = bytes.reveal().split_at_checked(facts.seed).filter(|_| facts.seed > 0);
            let (seed, expanded) = both.ok_or_else(|| Refusal::invalid("the key has a wrong length"))?;
            (Some(Secret::copy_of(seed)), Some(Secret::copy_of(expanded)))
        }
    };
    Ok(Material::QuantumPrivate(QuantumPrivate { set, seed, expanded }))
}

fn rsa_private(key: &TransparentRSAPrivateKey) -> Result<Material, Refusal> {
    let secret =
        |number: &Option<BigInteger>| number.as_ref().map(|number| magnitude(number).map(Secret::copy_of)).transpose();
    Ok(Material::RsaPrivate(RsaPrivate {
        modulus: open(&key.modulus)?,
        public_exponent: key.public_exponent.as_ref().map(open).transpose()?,
        private_exponent: secret(&key.private_exponent)?,
        p: secret(&key.p)?,
        q: secret(&key.q)?,
        dp: secret(&key.prime_exponent_p)?,
        dq: secret(&key.prime_exponent_q)?,
        qinv: secret(&key.crt_coefficient)?,
    }))
}

fn magnitude(number: &BigInteger) -> Result<&[u8], Refusal> {
    number.magnitude().ok_or_else(|| Refusal::invalid("a number of the key is negative"))
}

fn open(number: &BigInteger) -> Result<Vec<u8>, Refusal> {
    magnitude(number).map(<[u8]>::to_vec)
}

/// The format in which a key is given out when nobody asks for one (KMIP 2.1 §4.29, default key formats).
pub fn default_format(shape: Shape) -> KeyFormatType {
    match shape {
        Shape::Symmetric { .. } => KeyFormatType::Raw,
        Shape::Private(Pair::Rsa { .. }) | Shape::Public(Pair::Rsa { .. }) => KeyFormatType::PKCS_1,
        Shape::Private(
            Pair::Group { .. }
            | Pair::Dsa { .. }
            | Pair::Quantum(_)
            | Pair::Elliptic(Curve::Ed25519 | Curve::Ed448 | Curve::X25519 | Curve::X448),
        ) => KeyFormatType::PKCS_8,
        Shape::Private(Pair::Elliptic(_)) => KeyFormatType::ECPrivateKey,
        Shape::Public(Pair::Elliptic(_) | Pair::Group { .. } | Pair::Dsa { .. } | Pair::Quantum(_)) => {
            KeyFormatType::X_509
        }
    }
}

/// The form to ask a slot for, to answer in this format.
///
/// # Errors
/// [`Refusal`] for a format that this kind of key does not have.
pub fn form(format: KeyFormatType, shape: Shape) -> Result<Form, Refusal> {
    let private = matches!(shape, Shape::Private(_));
    let symmetric = matches!(shape, Shape::Symmetric { .. });
    match format {
        KeyFormatType::Raw if symmetric => Ok(Form::Raw),
        KeyFormatType::Raw if matches!(shape, Shape::Private(Pair::Elliptic(_)) | Shape::Public(Pair::Elliptic(_))) => {
            Ok(Form::Numbers)
        }
        KeyFormatType::Raw if matches!(shape, Shape::Private(Pair::Quantum(_)) | Shape::Public(Pair::Quantum(_))) => {
            Ok(Form::Numbers)
        }
        KeyFormatType::TransparentSymmetricKey if symmetric => Ok(Form::Raw),
        KeyFormatType::PKCS_8 if private => Ok(Form::Pkcs8),
        KeyFormatType::PKCS_1 if !symmetric => Ok(Form::Pkcs1),
        KeyFormatType::X_509 if !symmetric && !private => Ok(Form::PublicKeyInfo),
        KeyFormatType::ECPrivateKey if private => Ok(Form::Sec1),
        KeyFormatType::TransparentDHPrivateKey if private => Ok(Form::Numbers),
        KeyFormatType::TransparentDHPublicKey | KeyFormatType::TransparentDSAPublicKey if !symmetric && !private => {
            Ok(Form::Numbers)
        }
        KeyFormatType::TransparentRSAPrivateKey | KeyFormatType::TransparentECPrivateKey if private => {
            Ok(Form::Numbers)
        }
        KeyFormatType::TransparentECDSAPrivateKey | KeyFormatType::TransparentECDHPrivateKey if private => {
            Ok(Form::Numbers)
        }
        KeyFormatType::TransparentRSAPublicKey | KeyFormatType::TransparentECPublicKey if !symmetric && !private => {
            Ok(Form::Numbers)
        }
        KeyFormatType::TransparentECDSAPublicKey | KeyFormatType::TransparentECDHPublicKey
            if !symmetric && !private =>
        {
            Ok(Form::Numbers)
        }
        _ => Err(format_refused(format)),
    }
}

/// A key block of this format around what a slot gave.
///
/// # Errors
/// [`Refusal`] when the two do not fit.
pub fn block(
    format: KeyFormatType,
    compression: Option<KeyCompressionType>,
    material: Material,
) -> Result<KeyBlock, Refusal> {
    if compression.is_some_and(|compression| compression != KeyCompressionType::ECPublicKeyTypeUncompressed) {
        return Err(Refusal::new(
            ResultReason::KeyCompressionTypeNotSupported,
            "elliptic points are given out uncompressed only",
        ));
    }
    let secret = |bytes: Vec<u8>| KeyMaterial::Bytes(Secret::new(bytes));
    let number = |bytes: &Secret| BigInteger::positive(bytes.reveal());
    let material = match (material, format) {
        (Material::Raw(bytes), KeyFormatType::TransparentSymmetricKey) => {
            KeyMaterial::SymmetricKey(TransparentSymmetricKey { key: bytes })
        }
        (Material::Raw(bytes) | Material::Pkcs8(bytes) | Material::Pkcs1Private(bytes) | Material::Sec1(bytes), _) => {
            KeyMaterial::Bytes(bytes)
        }
        (Material::PublicKeyInfo(bytes) | Material::Pkcs1Public(bytes), _) => secret(bytes),
        (Material::EllipticPrivate { number, .. }, KeyFormatType::Raw) => KeyMaterial::Bytes(number),
        (Material::QuantumPrivate(QuantumPrivate { expanded: Some(bytes), .. }), KeyFormatType::Raw) => {
            KeyMaterial::Bytes(bytes)
        }
        (Material::QuantumPublic { bytes, .. }, KeyFormatType::Raw) => secret(bytes),
        (Material::EllipticPublic { point, .. }, KeyFormatType::Raw) => secret(point),
        (Material::RsaPrivate(key), KeyFormatType::TransparentRSAPrivateKey) => {
            KeyMaterial::RSAPrivateKey(TransparentRSAPrivateKey {
                modulus: BigInteger::positive(&key.modulus),
                private_exponent: key.private_exponent.as_ref().map(number),
                public_exponent: key.public_exponent.as_ref().map(|bytes| BigInteger::positive(bytes)),
                p: key.p.as_ref().map(number),
                q: key.q.as_ref().map(number),
                prime_exponent_p: key.dp.as_ref().map(number),
                prime_exponent_q: key.dq.as_ref().map(number),
                crt_coefficient: key.qinv.as_ref().map(number),
            })
        }
        (Material::RsaPublic { modulus, exponent }, KeyFormatType::TransparentRSAPublicKey) => {
            KeyMaterial::RSAPublicKey(TransparentRSAPublicKey {
                modulus: BigInteger::positive(&modulus),
                public_exponent: BigInteger::positive(&exponent),
            })
        }
        (Material::GroupPrivate { group, number: x }, KeyFormatType::TransparentDHPrivateKey) => {
            KeyMaterial::DHPrivateKey(TransparentDHPrivateKey {
                p: BigInteger::positive(&group.prime),
                q: None,
                g: BigInteger::positive(&group.base),
                j: None,
                x: number(&x),
            })
        }
        (Material::GroupPublic { group, number: y }, KeyFormatType::TransparentDHPublicKey) => {
            KeyMaterial::DHPublicKey(TransparentDHPublicKey {
                p: BigInteger::positive(&group.prime),
                q: None,
                g: BigInteger::positive(&group.base),
                j: None,
                y: BigInteger::positive(&y),
            })
        }
        (Material::DsaPublic(key), KeyFormatType::TransparentDSAPublicKey) => {
            KeyMaterial::DSAPublicKey(TransparentDSAPublicKey {
                p: BigInteger::positive(&key.prime),
                q: BigInteger::positive(&key.order),
                g: BigInteger::positive(&key.base),
                y: BigInteger::positive(&key.number),
            })
        }
        (Material::EllipticPrivate { curve, number: d }, _) => KeyMaterial::ECPrivateKey(TransparentECPrivateKey {
            recommended_curve: curve_code(curve).ok_or_else(|| format_refused(format))?,
            d: number(&d),
        }),
        (Material::EllipticPublic { curve, point }, _) => KeyMaterial::ECPublicKey(TransparentECPublicKey {
            recommended_curve: curve_code(curve).ok_or_else(|| format_refused(format))?,
            q_string: Bytes(point),
        }),
        _ => return Err(format_refused(format)),
    };
    Ok(KeyBlock {
        key_format_type: format,
        key_compression_type: compression,
        key_value: Some(KeyValue::plain(material)),
        cryptographic_algorithm: None,
        cryptographic_length: None,
        key_wrapping_data: None,
    })
}

/// The bytes that a digest of a key is taken over: the key in its default format.
pub fn bytes(material: &Material) -> &[u8] {
    match material {
        Material::Raw(bytes) | Material::Pkcs8(bytes) | Material::Pkcs1Private(bytes) | Material::Sec1(bytes) => {
            bytes.reveal()
        }
        Material::PublicKeyInfo(bytes) | Material::Pkcs1Public(bytes) => bytes,
        Material::EllipticPrivate { number, .. } | Material::GroupPrivate { number, .. } => number.reveal(),
        Material::GroupPublic { number, .. } | Material::DsaPublic(DsaPublic { number, .. }) => number,
        Material::EllipticPublic { point, .. } => point,
        Material::QuantumPrivate(key) => key.expanded.as_ref().map_or(&[], Secret::reveal),
        Material::QuantumPublic { bytes, .. } => bytes,
        Material::RsaPrivate(key) => &key.modulus,
        Material::RsaPublic { modulus, .. } => modulus,
    }
}

/// The bytes that a digest of a key in this format is taken over: those of the key or, where it is transparent, those of
/// its Key Material as the wire has it.
///
/// # Errors
/// [`Refusal`] when the two do not fit.
pub fn digested(format: KeyFormatType, material: Material) -> Result<Secret, Refusal> {
    match block(format, None, material)?.key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => Ok(bytes),
        Some(KeyValue::Plain { material, .. }) => {
            let mut writer = Writer::new(EVERY);
            material.write(&mut writer);
            Ok(Secret::copy_of(writer.as_bytes()))
        }
        Some(KeyValue::Wrapped(_)) | None => Err(format_refused(format)),
    }
}

/// A managed object of this type around a key block.
///
/// # Errors
/// [`Refusal`] for a type that is no key.
pub fn object(object: ObjectType, key_block: KeyBlock) -> Result<Object, Refusal> {
    match object {
        ObjectType::SymmetricKey => Ok(SymmetricKey { key_block }.into()),
        ObjectType::PrivateKey => Ok(PrivateKey { key_block }.into()),
        ObjectType::PublicKey => Ok(PublicKey { key_block }.into()),
        _ => Err(Refusal::new(ResultReason::InvalidObjectType, "this object is no key")),
    }
}

/// The bytes that an object without a slot's key is kept as: the object as it is written on the wire.
pub fn freeze(object: &Object) -> Secret {
    // The form that has every field, whichever version the object came in.
    let version = if object.object_type() == ObjectType::Template { V1_4 } else { EVERY };
    let mut writer = Writer::new(version);
    writer.structure(Tag::ResponsePayload, |writer| object.emit(Tag::ObjectType, writer));
    Secret::copy_of(writer.as_bytes())
}

/// The object that [`freeze`] made bytes of.
///
/// # Errors
/// [`Refusal`] when the bytes are no object, which only a fault of ours could bring about.
pub fn thaw(bytes: &Secret) -> Result<Object, Refusal> {
    let tree = Tree::read(bytes.reveal(), &Limits { size: usize::MAX, ..Limits::default() })?;
    let mut fields = Fields::of(tree.root())?;
    Ok(Object::scan(Tag::ObjectType, &mut fields)?)
}

fn format_refused(format: KeyFormatType) -> Refusal {
    Refusal::new(ResultReason::KeyFormatTypeNotSupported, format!("this key has no {format} form"))
}

/// Algorithms whose keys are made, kept and given out, and not worked with.
const KEPT_ONLY: &[CryptographicAlgorithm] = &[
    CryptographicAlgorithm::DES,
    CryptographicAlgorithm::HMAC_MD5,
    CryptographicAlgorithm::Blowfish,
    CryptographicAlgorithm::Camellia,
    CryptographicAlgorithm::CAST5,
    CryptographicAlgorithm::IDEA,
    CryptographicAlgorithm::MARS,
    CryptographicAlgorithm::RC2,
    CryptographicAlgorithm::RC4,
    CryptographicAlgorithm::RC5,
    CryptographicAlgorithm::SKIPJACK,
    CryptographicAlgorithm::Twofish,
    CryptographicAlgorithm::OneTimePad,
    CryptographicAlgorithm::ARIA,
    CryptographicAlgorithm::SEED,
    CryptographicAlgorithm::SM4,
];

const CURVES: &[(RecommendedCurve, Curve)] = &[
    (RecommendedCurve::P_192, Curve::P192),
    (RecommendedCurve::P_224, Curve::P224),
    (RecommendedCurve::P_256, Curve::P256),
    (RecommendedCurve::P_384, Curve::P384),
    (RecommendedCurve::P_521, Curve::P521),
    (RecommendedCurve::SECP256K1, Curve::Secp256k1),
    (RecommendedCurve::BRAINPOOLP256R1, Curve::BrainpoolP256r1),
    (RecommendedCurve::BRAINPOOLP384R1, Curve::BrainpoolP384r1),
    (RecommendedCurve::BRAINPOOLP512R1, Curve::BrainpoolP512r1),
    (RecommendedCurve::CURVE25519, Curve::X25519),
    (RecommendedCurve::CURVE448, Curve::X448),
];
