//! From Cryptographic Parameters to a mechanism: what KMIP says in eighteen optional fields, said once.

use strongroom_kmip::{
    attribute::CryptographicParameters,
    code::{
        BlockCipherMode, CryptographicAlgorithm, DigitalSignatureAlgorithm, HashingAlgorithm, PaddingMethod,
        ResultReason,
    },
    mechanism::{Block, Curve, Form, Hash, Input, Keys, Mechanism, Mode, Padding, Signing},
};

use super::refusal::Refusal;
use crate::vault::{Family, Object, Pair, Shape};

/// What a request says about how to use the key: its own parameters or, where it gives none, the first of the key's.
pub fn of(request: Option<CryptographicParameters>, object: &Object) -> CryptographicParameters {
    let given = request.filter(|given| *given != CryptographicParameters::default());
    given.or_else(|| object.attributes.parameters().cloned()).unwrap_or_default()
}

/// What a cipher is given besides the key and the parameters.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The initialisation vector, counter or nonce.
    pub iv: Option<Vec<u8>>,
    /// What is authenticated and not encrypted.
    pub additional: Vec<u8>,
}

/// Bytes of the initialisation vector, counter or nonce that the cipher takes; nothing for one that takes none.
pub fn iv_length(parameters: &CryptographicParameters, shape: Shape) -> Option<usize> {
    let asked = parameters.iv_length.and_then(|length| usize::try_from(length).ok()).filter(|length| *length > 0);
    match shape {
        Shape::Symmetric { family: Family::ChaCha20, .. } => Some(asked.unwrap_or(12)),
        Shape::Symmetric { family: Family::AesXts, .. } => Some(16),
        Shape::Symmetric { family, .. } => match parameters.block_cipher_mode {
            Some(BlockCipherMode::ECB) => None,
            None | Some(BlockCipherMode::GCM | BlockCipherMode::CCM | BlockCipherMode::AEAD) => {
                Some(asked.unwrap_or(12))
            }
            _ => Some(if family == Family::TripleDes { 8 } else { 16 }),
        },
        Shape::Private(_) | Shape::Public(_) => None,
    }
}

/// Bytes of the tag that an authenticated cipher adds; nought for others.
///
/// # Errors
/// [`Refusal`] for a tag length that no cipher has.
pub fn tag_length(parameters: &CryptographicParameters, shape: Shape) -> Result<usize, Refusal> {
    let authenticated = match shape {
        Shape::Symmetric { family: Family::ChaCha20, .. } => is_chacha_poly(parameters),
        Shape::Symmetric { .. } => {
            let mode = parameters.block_cipher_mode;
            matches!(mode, None | Some(BlockCipherMode::GCM | BlockCipherMode::CCM | BlockCipherMode::AEAD))
        }
        Shape::Private(_) | Shape::Public(_) => false,
    };
    match parameters.tag_length {
        _ if !authenticated => Ok(0),
        None => Ok(16),
        Some(length) => usize::try_from(length)
            .ok()
            .filter(|length| (4..=16).contains(length))
            .ok_or_else(|| Refusal::new(ResultReason::GeneralFailure, "no cipher has a tag of this length")),
    }
}

/// The mechanism of Encrypt and Decrypt.
///
/// # Errors
/// [`Refusal`] for parameters that name no cipher of this key, or that lack something it needs.
pub fn cipher(parameters: &CryptographicParameters, shape: Shape, given: Given) -> Result<Mechanism, Refusal> {
    let iv = || given.iv.clone().ok_or_else(missing_iv);
    if !parameters.cryptographic_algorithm.is_none_or(|algorithm| is_for(algorithm, shape)) {
        return Err(unfit("the key is not for this Cryptographic Algorithm"));
    }
    match shape {
        Shape::Symmetric { family: Family::Aes, .. } => block(Block::Aes, parameters, shape, &given),
        Shape::Symmetric { family: Family::AesXts, .. } => match parameters.block_cipher_mode {
            None | Some(BlockCipherMode::XTS) => Ok(Mechanism::Cipher(Block::Aes, Mode::Xts { tweak: iv()? })),
            Some(_) => Err(unfit("two keys of AES in one are for XTS alone")),
        },
        Shape::Symmetric { family: Family::TripleDes, .. } => block(Block::TripleDes, parameters, shape, &given),
        Shape::Symmetric { family: Family::ChaCha20, .. } if is_chacha_poly(parameters) => {
            let tag = tag_length(parameters, shape)?;
            Ok(Mechanism::ChaCha20Poly1305 { nonce: iv()?, additional: given.additional, tag })
        }
        Shape::Symmetric { family: Family::ChaCha20, .. } => {
            let counter = parameters.initial_counter_value.unwrap_or(0);
            let counter = u64::try_from(counter).map_err(|_| Refusal::invalid("Initial Counter Value is negative"))?;
            Ok(Mechanism::ChaCha20 { nonce: iv()?, counter })
        }
        Shape::Private(Pair::Rsa { .. }) | Shape::Public(Pair::Rsa { .. }) => rsa_cipher(parameters),
        _ => Err(unfit("this key neither encrypts nor decrypts")),
    }
}

/// Whether a cipher that a request names is one of the key's.
fn is_for(algorithm: CryptographicAlgorithm, shape: Shape) -> bool {
    match shape {
        Shape::Symmetric { family: Family::Aes | Family::AesXts, .. } => algorithm == CryptographicAlgorithm::AES,
        Shape::Symmetric { family: Family::TripleDes, .. } => algorithm == CryptographicAlgorithm::DES3,
        Shape::Symmetric { family: Family::ChaCha20, .. } => {
            matches!(algorithm, CryptographicAlgorithm::ChaCha20 | CryptographicAlgorithm::ChaCha20Poly1305)
        }
        Shape::Symmetric { .. } => false,
        Shape::Private(_) | Shape::Public(_) => algorithm == CryptographicAlgorithm::RSA,
    }
}

fn block(
    block: Block,
    parameters: &CryptographicParameters,
    shape: Shape,
    given: &Given,
) -> Result<Mechanism, Refusal> {
    let padding = match parameters.padding_method {
        None | Some(PaddingMethod::None) => Padding::None,
        Some(PaddingMethod::PKCS5) => Padding::Pkcs7,
        Some(_) => return Err(unsupported("this Padding Method")),
    };
    let iv = || given.iv.clone().ok_or_else(missing_iv);
    let mode = match parameters.block_cipher_mode {
        Some(BlockCipherMode::ECB) => Mode::Ecb { padding },
        Some(BlockCipherMode::CBC) => Mode::Cbc { iv: iv()?, padding },
        Some(BlockCipherMode::CTR) => Mode::Ctr { block: iv()? },
        Some(BlockCipherMode::CFB) => Mode::Cfb { iv: iv()? },
        Some(BlockCipherMode::OFB) => Mode::Ofb { iv: iv()? },
        Some(BlockCipherMode::CCM) => {
            Mode::Ccm { nonce: iv()?, additional: given.additional.clone(), tag: tag_length(parameters, shape)? }
        }
        None | Some(BlockCipherMode::GCM | BlockCipherMode::AEAD) => {
            Mode::Gcm { nonce: iv()?, additional: given.additional.clone(), tag: tag_length(parameters, shape)? }
        }
        Some(_) => return Err(unsupported("this Block Cipher Mode")),
    };
    Ok(Mechanism::Cipher(block, mode))
}

fn rsa_cipher(parameters: &CryptographicParameters) -> Result<Mechanism, Refusal> {
    match parameters.padding_method {
        None | Some(PaddingMethod::OAEP) => {
            let hash = optional_hash(parameters.hashing_algorithm)?.unwrap_or(DEFAULT_OAEP_HASH);
            let mask = optional_hash(parameters.mask_generator_hashing_algorithm)?.unwrap_or(hash);
            let label = parameters.p_source.as_ref().map(|source| source.0.clone()).unwrap_or_default();
            Ok(Mechanism::RsaOaep { hash, mask, label })
        }
        Some(PaddingMethod::PKCS1V1_5) => Ok(Mechanism::RsaPkcs1),
        Some(PaddingMethod::None) => Ok(Mechanism::RsaRaw),
        Some(_) => Err(unsupported("this Padding Method")),
    }
}

/// The mechanism of Sign and Signature Verify; `digested` says that the data are a digest already.
///
/// # Errors
/// [`Refusal`] for parameters that name no signature of this key.
pub fn signature(parameters: &CryptographicParameters, shape: Shape, digested: bool) -> Result<Mechanism, Refusal> {
    let (named, pss) = signature_named(parameters.digital_signature_algorithm)?;
    let hash = named.or(optional_hash(parameters.hashing_algorithm)?);
    let input = if digested { Input::Digest } else { Input::Message };
    let pair = match shape {
        Shape::Private(pair) | Shape::Public(pair) => pair,
        Shape::Symmetric { .. } => return Err(unfit("a symmetric key makes MACs, no signatures")),
    };
    match pair {
        Pair::Rsa { .. } if pss || parameters.padding_method == Some(PaddingMethod::PSS) => {
            let hash = hash.unwrap_or(Hash::Sha256);
            let mask = optional_hash(parameters.mask_generator_hashing_algorithm)?.unwrap_or(hash);
            let salt = parameters.salt_length.map(usize::try_from).transpose();
            let salt = salt.map_err(|_| Refusal::invalid("Salt Length is negative"))?;
            Ok(Mechanism::RsaPss { hash, mask, salt, input })
        }
        Pair::Rsa { .. } => match (parameters.padding_method, hash) {
            (None | Some(PaddingMethod::PKCS1V1_5), Some(hash)) => Ok(Mechanism::RsaPkcs1Hashed { hash, input }),
            (None | Some(PaddingMethod::PKCS1V1_5), None) if digested => Ok(Mechanism::RsaPkcs1),
            (None | Some(PaddingMethod::PKCS1V1_5), None) => {
                Ok(Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input })
            }
            _ => Err(unsupported("this Padding Method")),
        },
        Pair::Group { .. } => Err(unfit("such a key agrees on keys, it makes no signatures")),
        // What names no hash is of the time when there was but one (FIPS 186-2).
        Pair::Dsa { .. } => {
            let hash = (!digested).then(|| hash.unwrap_or(Hash::Sha1));
            Ok(Mechanism::Dsa { hash, form: Form::Der })
        }
        Pair::Quantum(set) => {
            let signing = Signing::default();
            match set.facts().keys {
                _ if digested => Err(unfit("such a key signs messages, no digests")),
                Keys::MlDsa => Ok(Mechanism::MlDsa(signing)),
                Keys::SlhDsa => Ok(Mechanism::SlhDsa(signing)),
                _ => Err(unfit("such a key brings secrets, it makes no signatures")),
            }
        }
        Pair::Elliptic(Curve::Ed25519 | Curve::Ed448) if digested => Err(unfit("EdDSA signs messages, no digests")),
        Pair::Elliptic(Curve::Ed25519 | Curve::Ed448) => Ok(Mechanism::Eddsa),
        Pair::Elliptic(Curve::X25519 | Curve::X448) => Err(unfit("such a key agrees on keys, it makes no signatures")),
        Pair::Elliptic(curve) => {
            let hash = (!digested).then(|| hash.unwrap_or(default_hash(curve)));
            Ok(Mechanism::Ecdsa { hash, form: Form::Der })
        }
    }
}

/// The mechanism of MAC and MAC Verify.
///
/// # Errors
/// [`Refusal`] for parameters that name no MAC of this key.
pub fn mac(
    parameters: &CryptographicParameters,
    shape: Shape,
    own: Option<CryptographicAlgorithm>,
) -> Result<Mechanism, Refusal> {
    if !matches!(shape, Shape::Symmetric { .. }) {
        return Err(unfit("only a symmetric key makes MACs"));
    }
    if parameters.block_cipher_mode == Some(BlockCipherMode::CMAC) {
        let triple = matches!(shape, Shape::Symmetric { family: Family::TripleDes, .. });
        let block = if triple { Block::TripleDes } else { Block::Aes };
        let length = parameters.tag_length.map_or(Ok(block.length()), usize::try_from);
        return Ok(Mechanism::Cmac { block, length: length.map_err(|_| Refusal::invalid("Tag Length is negative"))? });
    }
    let named = parameters.cryptographic_algorithm.or(own).and_then(Hash::of_mac);
    let hash = match named {
        Some(hash) => hash,
        None => optional_hash(parameters.hashing_algorithm)?.ok_or_else(|| unsupported("a MAC without a hash"))?,
    };
    Ok(Mechanism::Hmac { hash, length: hash.length() })
}

/// The hash function of Hash.
///
/// # Errors
/// [`Refusal`] when none is named, or one that is not served.
pub fn digest(parameters: &CryptographicParameters) -> Result<Hash, Refusal> {
    optional_hash(parameters.hashing_algorithm)?.ok_or_else(|| Refusal::missing("Hashing Algorithm"))
}

/// The hash function that the parameters name, if they name one.
///
/// # Errors
/// [`Refusal`] for one that is not served.
pub fn hash(parameters: &CryptographicParameters) -> Result<Option<Hash>, Refusal> {
    optional_hash(parameters.hashing_algorithm)
}

fn optional_hash(code: Option<HashingAlgorithm>) -> Result<Option<Hash>, Refusal> {
    code.map(|code| Hash::of_code(code).ok_or_else(|| unsupported("this Hashing Algorithm"))).transpose()
}

/// What a Digital Signature Algorithm says: the hash, and whether it is PSS.
fn signature_named(code: Option<DigitalSignatureAlgorithm>) -> Result<(Option<Hash>, bool), Refusal> {
    use DigitalSignatureAlgorithm as D;
    let Some(code) = code else { return Ok((None, false)) };
    let hash = match code {
        D::RSASSA_PSS => return Ok((None, true)),
        D::SHA_1WithRSAEncryption | D::ECDSAWithSHA_1 | D::DSAWithSHA_1 => Hash::Sha1,
        D::SHA_224WithRSAEncryption | D::ECDSAWithSHA224 | D::DSAWithSHA224 => Hash::Sha224,
        D::SHA_256WithRSAEncryption | D::ECDSAWithSHA256 | D::DSAWithSHA256 => Hash::Sha256,
        D::SHA_384WithRSAEncryption | D::ECDSAWithSHA384 => Hash::Sha384,
        D::SHA_512WithRSAEncryption | D::ECDSAWithSHA512 => Hash::Sha512,
        D::SHA3_256WithRSAEncryption => Hash::Sha3_256,
        D::SHA3_384WithRSAEncryption => Hash::Sha3_384,
        D::SHA3_512WithRSAEncryption => Hash::Sha3_512,
        _ => return Err(unsupported("this Digital Signature Algorithm")),
    };
    Ok((Some(hash), false))
}

fn is_chacha_poly(parameters: &CryptographicParameters) -> bool {
    parameters.cryptographic_algorithm == Some(CryptographicAlgorithm::ChaCha20Poly1305)
        || matches!(parameters.block_cipher_mode, Some(BlockCipherMode::AEAD))
}

fn default_hash(curve: Curve) -> Hash {
    match curve {
        Curve::P384 => Hash::Sha384,
        Curve::P521 => Hash::Sha512,
        _ => Hash::Sha256,
    }
}

fn missing_iv() -> Refusal {
    Refusal::new(ResultReason::InvalidMessage, "the mode needs an IV/Counter/Nonce and the request gives none")
}

fn unsupported(what: &str) -> Refusal {
    Refusal::new(ResultReason::UnsupportedCryptographicParameters, format!("{what} is not served"))
}

fn unfit(why: &str) -> Refusal {
    Refusal::new(ResultReason::BadCryptographicParameters, why)
}

/// RFC 8017's default, and what a peer means that names no hash.
const DEFAULT_OAEP_HASH: Hash = Hash::Sha1;
