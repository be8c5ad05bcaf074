//! An object of a PKCS#11 token, by its attributes.

use std::collections::BTreeMap;

use cryptoki_sys::*;
use strongroom_kmip::{
    attribute::{Attribute, CryptographicDomainParameters},
    code::{
        CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, OpaqueDataType, RecommendedCurve,
        SecretDataType,
    },
    object::{
        KeyBlock, KeyMaterial, KeyValue, OpaqueObject, PrivateKey, PublicKey, SecretData, TransparentECPrivateKey,
        TransparentECPublicKey, TransparentRSAPrivateKey, TransparentRSAPublicKey,
    },
    secret::Secret,
    ttlv::{BigInteger, Bytes},
};

use super::{
    parcel::{Left, Parcel, bytes, cryptoki},
    plain,
};

/// One attribute's value.
pub(super) enum Fact {
    Truth(bool),
    Number(u64),
    Bytes(Secret),
}

/// What a token says of an object.
#[derive(Default)]
pub(super) struct Card {
    /// By the numbers of its attributes.
    pub(super) facts: BTreeMap<u64, Fact>,
    /// What came out of a wrapping: PKCS#8 of a private key, the bytes of a secret one.
    pub(super) unwrapped: Option<Secret>,
}

impl Card {
    /// The type of the object, where it is one that has a place here.
    pub(super) fn kind(&self) -> Option<ObjectType> {
        match self.number(CKA_CLASS)? {
            CKO_DATA => Some(ObjectType::OpaqueObject),
            CKO_CERTIFICATE => Some(ObjectType::Certificate),
            CKO_PUBLIC_KEY => Some(ObjectType::PublicKey),
            CKO_PRIVATE_KEY => Some(ObjectType::PrivateKey),
            CKO_SECRET_KEY => Some(ObjectType::SymmetricKey),
            _ => None,
        }
    }

    /// What it is called, and by which bytes it is known.
    pub(super) fn title(&self) -> String {
        let kind = self.kind().map_or("object", |kind| match kind {
            ObjectType::OpaqueObject => "data",
            ObjectType::Certificate => "certificate",
            ObjectType::PublicKey => "public key",
            ObjectType::PrivateKey => "private key",
            _ => "secret key",
        });
        let id: String = self.bytes(CKA_ID).iter().map(|byte| format!("{byte:02x}")).collect();
        let parts = [kind.to_owned(), self.label(), id];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Whether a boolean attribute is there and true.
    pub(super) fn is(&self, attribute: u64) -> bool {
        matches!(self.facts.get(&attribute), Some(Fact::Truth(true)))
    }

    /// The object on its way.
    ///
    /// # Errors
    /// [`Left`]: why it stays.
    pub(super) fn parcel(mut self, origin: String) -> Result<Parcel, Left> {
        let kind = self.kind().ok_or(Left::Kind("an object of this class"))?;
        let mut parcel = match kind {
            ObjectType::Certificate => {
                if self.number(CKA_CERTIFICATE_TYPE) != Some(CKC_X_509) {
                    return Err(Left::Kind("a certificate that is not X.509"));
                }
                plain::certificate(origin, self.bytes(CKA_VALUE))?
            }
            ObjectType::OpaqueObject => {
                let opaque_data_value = self.take(CKA_VALUE).ok_or(Left::Kept)?;
                let opaque_data_type = OpaqueDataType(UNSAID);
                Parcel::new(origin, OpaqueObject { opaque_data_type, opaque_data_value }, Vec::new())
            }
            ObjectType::PublicKey => self.public(origin)?,
            ObjectType::PrivateKey => self.private(origin)?,
            _ => self.secret(origin)?,
        };
        self.describe(&mut parcel);
        Ok(parcel)
    }

    /// What every object says of itself.
    fn describe(&self, parcel: &mut Parcel) {
        let label = self.label();
        if !label.is_empty() {
            parcel.attributes.push(plain::name(&label));
        }
        let id = self.bytes(CKA_ID);
        if !id.is_empty() {
            parcel.attributes.push(cryptoki("CKA_ID", bytes(id)));
            parcel.bond = Some(id.to_vec());
        } else if self.kind() != Some(ObjectType::Certificate) {
            parcel.bond = None;
        }
        if matches!(self.kind(), Some(ObjectType::PrivateKey | ObjectType::SymmetricKey)) {
            for (attribute, make) in [
                (CKA_SENSITIVE, Attribute::Sensitive as fn(bool) -> Attribute),
                (CKA_EXTRACTABLE, Attribute::Extractable),
            ] {
                if let Some(Fact::Truth(truth)) = self.facts.get(&attribute) {
                    parcel.attributes.push(make(*truth));
                }
            }
        }
    }

    fn public(&mut self, origin: String) -> Result<Parcel, Left> {
        let mask = self.mask();
        let (algorithm, bits, curve, format, material) = match self.number(CKA_KEY_TYPE) {
            Some(CKK_RSA) => {
                let modulus = self.bytes(CKA_MODULUS);
                let material = KeyMaterial::RSAPublicKey(TransparentRSAPublicKey {
                    modulus: BigInteger::positive(modulus),
                    public_exponent: BigInteger::positive(self.bytes(CKA_PUBLIC_EXPONENT)),
                });
                let format = KeyFormatType::TransparentRSAPublicKey;
                (CryptographicAlgorithm::RSA, bits(modulus), None, format, material)
            }
            Some(CKK_EC) => {
                let (recommended_curve, bits) = self.curve()?;
                let point = octets(self.bytes(CKA_EC_POINT)).ok_or(Left::Damaged("its point is none"))?;
                let material = KeyMaterial::ECPublicKey(TransparentECPublicKey {
                    recommended_curve,
                    q_string: Bytes(point.to_vec()),
                });
                let format = KeyFormatType::TransparentECPublicKey;
                (CryptographicAlgorithm::EC, bits, Some(recommended_curve), format, material)
            }
            Some(CKK_EC_EDWARDS) => {
                let point = octets(self.bytes(CKA_EC_POINT)).filter(|point| point.len() == 32);
                let key = point.and_then(|point| {
                    openssl::pkey::PKey::public_key_from_raw_bytes(point, openssl::pkey::Id::ED25519).ok()
                });
                return plain::public(origin, &key.ok_or(Left::Kind("the curve of this key"))?, Some(mask));
            }
            _ => return Err(Left::Kind("the algorithm of this key")),
        };
        let block = block(format, material);
        Ok(Parcel::new(origin, PublicKey { key_block: block }, attributes(algorithm, bits, curve, mask)))
    }

    fn private(&mut self, origin: String) -> Result<Parcel, Left> {
        let mask = self.mask();
        if let Some(der) = self.unwrapped.take() {
            let key = openssl::pkey::PKey::private_key_from_pkcs8(der.reveal());
            return plain::private(origin, &key.map_err(|_| UNREADABLE)?, Some(mask));
        }
        let (algorithm, bits, curve, format, material) = match self.number(CKA_KEY_TYPE) {
            Some(CKK_RSA) => {
                let number =
                    |attribute| Some(self.bytes(attribute)).filter(|bytes| !bytes.is_empty()).map(BigInteger::positive);
                let modulus = self.bytes(CKA_MODULUS);
                let material = KeyMaterial::RSAPrivateKey(TransparentRSAPrivateKey {
                    modulus: number(CKA_MODULUS).ok_or(Left::Kept)?,
                    private_exponent: Some(number(CKA_PRIVATE_EXPONENT).ok_or(Left::Kept)?),
                    public_exponent: number(CKA_PUBLIC_EXPONENT),
                    p: number(CKA_PRIME_1),
                    q: number(CKA_PRIME_2),
                    prime_exponent_p: number(CKA_EXPONENT_1),
                    prime_exponent_q: number(CKA_EXPONENT_2),
                    crt_coefficient: number(CKA_COEFFICIENT),
                });
                let format = KeyFormatType::TransparentRSAPrivateKey;
                (CryptographicAlgorithm::RSA, bits(modulus), None, format, material)
            }
            Some(CKK_EC) => {
                let (recommended_curve, bits) = self.curve()?;
                let d = self.take(CKA_VALUE).ok_or(Left::Kept)?;
                let material = KeyMaterial::ECPrivateKey(TransparentECPrivateKey {
                    recommended_curve,
                    d: BigInteger::positive(d.reveal()),
                });
                let format = KeyFormatType::TransparentECPrivateKey;
                (CryptographicAlgorithm::EC, bits, Some(recommended_curve), format, material)
            }
            Some(CKK_EC_EDWARDS) => {
                let seed = self.take(CKA_VALUE).ok_or(Left::Kept)?;
                let key = openssl::pkey::PKey::private_key_from_raw_bytes(seed.reveal(), openssl::pkey::Id::ED25519);
                return plain::private(origin, &key.map_err(|_| Left::Kind("the curve of this key"))?, Some(mask));
            }
            _ => return Err(Left::Kind("the algorithm of this key")),
        };
        let block = block(format, material);
        Ok(Parcel::new(origin, PrivateKey { key_block: block }, attributes(algorithm, bits, curve, mask)))
    }

    fn secret(&mut self, origin: String) -> Result<Parcel, Left> {
        let mask = self.mask();
        let value = self.unwrapped.take().or_else(|| self.take(CKA_VALUE)).ok_or(Left::Kept)?;
        let algorithm = match self.number(CKA_KEY_TYPE) {
            Some(CKK_AES) => CryptographicAlgorithm::AES,
            Some(CKK_DES3 | CKK_DES2) => CryptographicAlgorithm::DES3,
            Some(CKK_CHACHA20) => CryptographicAlgorithm::ChaCha20,
            Some(CKK_SHA_1_HMAC) => CryptographicAlgorithm::HMAC_SHA1,
            Some(CKK_SHA384_HMAC) => CryptographicAlgorithm::HMAC_SHA384,
            Some(CKK_SHA512_HMAC) => CryptographicAlgorithm::HMAC_SHA512,
            Some(CKK_SHA256_HMAC) => CryptographicAlgorithm::HMAC_SHA256,
            // A generic secret has no hash of its own; this is the one that every application knows.
            Some(CKK_GENERIC_SECRET) if self.is(CKA_SIGN) => CryptographicAlgorithm::HMAC_SHA256,
            Some(CKK_GENERIC_SECRET) => {
                let block = KeyBlock::of(KeyFormatType::Raw, value);
                let secret = SecretData { secret_data_type: SecretDataType::Seed, key_block: block };
                return Ok(Parcel::new(origin, secret, vec![Attribute::CryptographicUsageMask(mask)]));
            }
            _ => return Err(Left::Kind("the algorithm of this key")),
        };
        plain::symmetric(origin, value, algorithm, mask)
    }

    fn curve(&self) -> Result<(RecommendedCurve, i32), Left> {
        let params = self.bytes(CKA_EC_PARAMS);
        let found = CURVES.iter().find(|(oid, ..)| *oid == params);
        found.map(|(_, curve, bits)| (*curve, *bits)).ok_or(Left::Kind("the curve of this key"))
    }

    fn mask(&self) -> CryptographicUsageMask {
        let secret = self.kind() == Some(ObjectType::SymmetricKey);
        let mut mask = CryptographicUsageMask(0);
        for (attribute, of_secret, of_pair) in USES {
            if self.is(*attribute) {
                mask = mask | if secret { *of_secret } else { *of_pair };
            }
        }
        mask
    }

    fn label(&self) -> String {
        String::from_utf8_lossy(self.bytes(CKA_LABEL)).trim_end().to_owned()
    }

    fn number(&self, attribute: u64) -> Option<u64> {
        match self.facts.get(&attribute) {
            Some(Fact::Number(number)) => Some(*number),
            _ => None,
        }
    }

    fn bytes(&self, attribute: u64) -> &[u8] {
        match self.facts.get(&attribute) {
            Some(Fact::Bytes(bytes)) => bytes.reveal(),
            _ => &[],
        }
    }

    fn take(&mut self, attribute: u64) -> Option<Secret> {
        match self.facts.remove(&attribute) {
            Some(Fact::Bytes(bytes)) if !bytes.is_empty() => Some(bytes),
            _ => None,
        }
    }
}

fn block(format: KeyFormatType, material: KeyMaterial) -> KeyBlock {
    let mut block = KeyBlock::of(format, Secret::copy_of(&[]));
    block.key_value = Some(KeyValue::plain(material));
    block
}

fn attributes(
    algorithm: CryptographicAlgorithm,
    bits: i32,
    curve: Option<RecommendedCurve>,
    mask: CryptographicUsageMask,
) -> Vec<Attribute> {
    let domain = curve.map(|curve| {
        let recommended_curve = Some(curve);
        Attribute::CryptographicDomainParameters(CryptographicDomainParameters { qlength: None, recommended_curve })
    });
    let usual = [
        Attribute::CryptographicAlgorithm(algorithm),
        Attribute::CryptographicLength(bits),
        Attribute::CryptographicUsageMask(mask),
    ];
    usual.into_iter().chain(domain).collect()
}

/// The length of a number.
fn bits(number: &[u8]) -> i32 {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let rest = number.get(first..).unwrap_or_default();
    let leading = rest.first().map_or(0, |byte| byte.leading_zeros());
    let bits = u32::try_from(rest.len()).ok().and_then(|bytes| bytes.checked_mul(8)).unwrap_or(0);
    i32::try_from(bits.saturating_sub(leading)).unwrap_or(i32::MAX)
}

/// What a DER OCTET STRING holds, as PKCS#11 wraps points; some tokens give them bare.
fn octets(der: &[u8]) -> Option<&[u8]> {
    let inner = match der {
        [0x04, 0x81, length, rest @ ..] if rest.len() == usize::from(*length) => rest,
        [0x04, length, rest @ ..] if rest.len() == usize::from(*length) && *length < 0x80 => rest,
        bare => bare,
    };
    Some(inner).filter(|point| !point.is_empty())
}

/// The curves by their CKA_EC_PARAMS.
const CURVES: &[(&[u8], RecommendedCurve, i32)] = &[
    (b"\x06\x05\x2b\x81\x04\x00\x21", RecommendedCurve::P_224, 224),
    (b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", RecommendedCurve::P_256, 256),
    (b"\x06\x05\x2b\x81\x04\x00\x22", RecommendedCurve::P_384, 384),
    (b"\x06\x05\x2b\x81\x04\x00\x23", RecommendedCurve::P_521, 521),
    (b"\x06\x05\x2b\x81\x04\x00\x0a", RecommendedCurve::SECP256K1, 256),
];

/// PKCS#11's uses, and KMIP's for secret keys and for the halves of pairs.
const USES: &[(u64, CryptographicUsageMask, CryptographicUsageMask)] = &[
    (CKA_ENCRYPT, CryptographicUsageMask::Encrypt, CryptographicUsageMask::Encrypt),
    (CKA_DECRYPT, CryptographicUsageMask::Decrypt, CryptographicUsageMask::Decrypt),
    (CKA_WRAP, CryptographicUsageMask::WrapKey, CryptographicUsageMask::WrapKey),
    (CKA_UNWRAP, CryptographicUsageMask::UnwrapKey, CryptographicUsageMask::UnwrapKey),
    (CKA_SIGN, CryptographicUsageMask::MACGenerate, CryptographicUsageMask::Sign),
    (CKA_VERIFY, CryptographicUsageMask::MACVerify, CryptographicUsageMask::Verify),
    (CKA_DERIVE, CryptographicUsageMask::DeriveKey, CryptographicUsageMask::KeyAgreement),
];

/// The first Opaque Data Type of the vendors' range: PKCS#11 does not say what data is.
const UNSAID: u32 = 0x8000_0000;

const UNREADABLE: Left = Left::Damaged("what came out of the wrapping is no private key");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_number_is_that_of_its_bits() {
        for (number, expected) in
            [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 0x80], 8), (&[1, 0], 9), (&[0xFF; 256], 2048)]
        {
            assert_eq!(bits(number), expected, "{number:02x?}");
        }
    }

    #[test]
    fn a_point_is_read_wrapped_and_bare() {
        assert_eq!(octets(&[0x04, 2, 7, 8]), Some(&[7, 8][..]));
        assert_eq!(octets(&[0x04, 7, 8]), Some(&[0x04, 7, 8][..]));
        assert_eq!(octets(&[]), None);
        let long: Vec<u8> = [0x04, 0x81, 0x85].into_iter().chain([9; 0x85]).collect();
        assert_eq!(octets(&long).map(<[u8]>::len), Some(0x85));
    }

    #[test]
    fn an_object_without_its_value_stays() {
        let mut card = Card::default();
        card.facts.insert(CKA_CLASS, Fact::Number(CKO_SECRET_KEY));
        card.facts.insert(CKA_KEY_TYPE, Fact::Number(CKK_AES));
        assert!(matches!(card.parcel(String::new()), Err(Left::Kept)));
    }
}
