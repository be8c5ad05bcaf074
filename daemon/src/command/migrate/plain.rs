//! Keys and certificates in the forms that files have, as objects.

use openssl::{
    nid::Nid,
    pkey::{HasPublic, Id, PKey, PKeyRef, Private, Public},
};
use strongroom_kmip::{
    attribute::{Attribute, CryptographicDomainParameters, Name},
    code::{CertificateType, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, RecommendedCurve},
    object::{Certificate, KeyBlock, PrivateKey, PublicKey, SymmetricKey},
    secret::Secret,
    ttlv::Bytes,
};

use super::parcel::{self, Left, Parcel};

/// A private key, for everything that keys of its kind do, or what `mask` says.
///
/// # Errors
/// [`Left`], for a key of a kind that is not known here.
pub(super) fn private(
    origin: String,
    key: &PKey<Private>,
    mask: Option<CryptographicUsageMask>,
) -> Result<Parcel, Left> {
    let kind = kind(key)?;
    let der = Secret::new(key.private_key_to_pkcs8().map_err(|_| UNWRITABLE)?);
    let info = key.public_key_to_der().map_err(|_| UNWRITABLE)?;
    let block = KeyBlock::of(KeyFormatType::PKCS_8, der);
    let attributes = kind.attributes(mask.unwrap_or(kind.uses));
    let bond = Some(bond(&info));
    Ok(Parcel { bond, public: Some(info), ..Parcel::new(origin, PrivateKey { key_block: block }, attributes) })
}

/// A public key, for everything that keys of its kind do, or what `mask` says.
///
/// # Errors
/// [`Left`], for a key of a kind that is not known here.
pub(super) fn public(origin: String, key: &PKey<Public>, mask: Option<CryptographicUsageMask>) -> Result<Parcel, Left> {
    let kind = kind(key)?;
    let info = key.public_key_to_der().map_err(|_| UNWRITABLE)?;
    let block = KeyBlock::of(KeyFormatType::X_509, Secret::copy_of(&info));
    let attributes = kind.attributes(mask.unwrap_or(parcel::opposite(kind.uses)));
    Ok(Parcel { bond: Some(bond(&info)), ..Parcel::new(origin, PublicKey { key_block: block }, attributes) })
}

/// An X.509 certificate.
///
/// # Errors
/// [`Left`], when it is none.
pub(super) fn certificate(origin: String, der: &[u8]) -> Result<Parcel, Left> {
    let read = openssl::x509::X509::from_der(der).map_err(|_| Left::Damaged("it is no X.509 certificate"))?;
    let info = read.public_key().and_then(|key| key.public_key_to_der()).ok();
    let certificate = Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(der.to_vec()) };
    Ok(Parcel { bond: info.as_deref().map(bond), ..Parcel::new(origin, certificate, Vec::new()) })
}

/// A symmetric key.
///
/// # Errors
/// [`Left`], for one that is longer than any key.
pub(super) fn symmetric(
    origin: String,
    bytes: Secret,
    algorithm: CryptographicAlgorithm,
    mask: CryptographicUsageMask,
) -> Result<Parcel, Left> {
    let bits = bytes.len().checked_mul(8).and_then(|bits| i32::try_from(bits).ok());
    let attributes = vec![
        Attribute::CryptographicAlgorithm(algorithm),
        Attribute::CryptographicLength(bits.ok_or(Left::Damaged("it is longer than any key"))?),
        Attribute::CryptographicUsageMask(mask),
    ];
    let block = KeyBlock::of(KeyFormatType::Raw, bytes);
    Ok(Parcel::new(origin, SymmetricKey { key_block: block }, attributes))
}

/// A name, as an attribute.
pub(super) fn name(text: &str) -> Attribute {
    Attribute::Name(Name::text(text))
}

/// What the halves of a pair and its certificates have in common.
fn bond(info: &[u8]) -> Vec<u8> {
    openssl::sha::sha256(info).to_vec()
}

/// What is to be said of keys of one kind.
struct Sort {
    algorithm: CryptographicAlgorithm,
    bits: i32,
    curve: Option<RecommendedCurve>,
    /// What their private halves are used for.
    uses: CryptographicUsageMask,
}

impl Sort {
    fn attributes(&self, mask: CryptographicUsageMask) -> Vec<Attribute> {
        let domain = self.curve.map(|curve| {
            let recommended_curve = Some(curve);
            Attribute::CryptographicDomainParameters(CryptographicDomainParameters { qlength: None, recommended_curve })
        });
        let usual = [
            Attribute::CryptographicAlgorithm(self.algorithm),
            Attribute::CryptographicLength(self.bits),
            Attribute::CryptographicUsageMask(mask),
        ];
        usual.into_iter().chain(domain).collect()
    }
}

fn kind<T: HasPublic>(key: &PKeyRef<T>) -> Result<Sort, Left> {
    use CryptographicUsageMask as M;
    let bits = i32::try_from(key.bits()).map_err(|_| UNWRITABLE)?;
    let agreeing = M::KeyAgreement | M::DeriveKey;
    match key.id() {
        Id::RSA => {
            let uses = M::Sign | M::Decrypt | M::UnwrapKey;
            Ok(Sort { algorithm: CryptographicAlgorithm::RSA, bits, curve: None, uses })
        }
        Id::EC => {
            let named = key.ec_key().ok().and_then(|key| key.group().curve_name());
            let curve = CURVES.iter().find(|(nid, _)| Some(*nid) == named).map(|(_, curve)| *curve);
            let curve = Some(curve.ok_or(Left::Kind("the curve of this key"))?);
            Ok(Sort { algorithm: CryptographicAlgorithm::EC, bits, curve, uses: M::Sign | agreeing })
        }
        Id::ED25519 => Ok(Sort { algorithm: CryptographicAlgorithm::Ed25519, bits: 256, curve: None, uses: M::Sign }),
        Id::X25519 => {
            let curve = Some(RecommendedCurve::CURVE25519);
            Ok(Sort { algorithm: CryptographicAlgorithm::ECDH, bits: 256, curve, uses: agreeing })
        }
        _ => Err(Left::Kind("the algorithm of this key")),
    }
}

/// The curves that files have and the engine reads.
const CURVES: &[(Nid, RecommendedCurve)] = &[
    (Nid::SECP224R1, RecommendedCurve::P_224),
    (Nid::X9_62_PRIME256V1, RecommendedCurve::P_256),
    (Nid::SECP384R1, RecommendedCurve::P_384),
    (Nid::SECP521R1, RecommendedCurve::P_521),
    (Nid::SECP256K1, RecommendedCurve::SECP256K1),
];

const UNWRITABLE: Left = Left::Damaged("its numbers are those of no key");
