//! From a mechanism with its parameter to the one that a slot understands. Parameters that make no sense are refused
//! here, so that the function that begins the work says so.

use strongroom_kmip::mechanism::{Block, Form, Hash, Input, Mechanism, Mode, Padding, Prehash, Side, Signing};
use strongroom_pkcs11_wire::{
    Rv,
    mechanism::{self as wire, Parameter},
    number::Hedge,
};

use super::{
    mechanism::{self, Named},
    operation::Kind,
};
use crate::service::Offered;

/// A mechanism that is ready to be used.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// After so many bytes a counter would begin again, or there would be more than were promised.
    limit: Option<u64>,
    /// Bytes of the tag that stands behind what is decrypted and is not counted there.
    tag: u64,
}

impl Translated {
    /// How many bytes may come for work of that kind.
    pub fn limit(&self, kind: Kind) -> Option<u64> {
        let tag = if kind == Kind::Decrypt { self.tag } else { 0 };
        self.limit.map(|limit| limit.saturating_add(tag))
    }
}

/// Translates a mechanism that uses a key.
///
/// # Errors
/// [`Rv::MECHANISM_INVALID`] for one that uses none, [`Rv::MECHANISM_PARAM_INVALID`] for a parameter that cannot be.
pub fn translate(named: Named, parameter: &Parameter) -> Result<Translated, Rv> {
    let (mut limit, mut behind) = (None, 0);
    let mechanism = match named.offered {
        Offered::AesEcb => Mechanism::Cipher(Block::Aes, ecb(parameter)?),
        Offered::TripleDesEcb => Mechanism::Cipher(Block::TripleDes, ecb(parameter)?),
        Offered::AesCbc => cbc(Block::Aes, Padding::None, parameter)?,
        Offered::AesCbcPad => cbc(Block::Aes, Padding::Pkcs7, parameter)?,
        Offered::TripleDesCbc => cbc(Block::TripleDes, Padding::None, parameter)?,
        Offered::TripleDesCbcPad => cbc(Block::TripleDes, Padding::Pkcs7, parameter)?,
        Offered::AesCts => Mechanism::Cipher(Block::Aes, Mode::Cts { iv: iv(Block::Aes, parameter)? }),
        Offered::AesXts => Mechanism::Cipher(Block::Aes, Mode::Xts { tweak: iv(Block::Aes, parameter)? }),
        Offered::AesCfb8 => Mechanism::Cipher(Block::Aes, Mode::Cfb8 { iv: iv(Block::Aes, parameter)? }),
        Offered::AesCfb => Mechanism::Cipher(Block::Aes, Mode::Cfb { iv: iv(Block::Aes, parameter)? }),
        Offered::AesCfb64 => Mechanism::Cipher(Block::Aes, Mode::Cfb64 { iv: iv(Block::Aes, parameter)? }),
        Offered::AesCfb1 => Mechanism::Cipher(Block::Aes, Mode::Cfb1 { iv: iv(Block::Aes, parameter)? }),
        Offered::AesOfb => Mechanism::Cipher(Block::Aes, Mode::Ofb { iv: iv(Block::Aes, parameter)? }),
        Offered::AesCtr => {
            let Parameter::Ctr(counter) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
            limit = before_wrap(counter)?;
            Mechanism::Cipher(Block::Aes, Mode::Ctr { block: counter.block.to_vec() })
        }
        Offered::AesGcm => {
            let given = gcm(parameter)?;
            let mode = Mode::Gcm { nonce: given.iv.to_vec(), additional: given.aad.to_vec(), tag: tag(given)? };
            Mechanism::Cipher(Block::Aes, mode)
        }
        Offered::AesGmac => {
            let given = gcm(parameter)?;
            // What is authenticated comes as the data; something besides would be silently left out.
            if !given.aad.is_empty() {
                return Err(Rv::MECHANISM_PARAM_INVALID);
            }
            Mechanism::Gmac { nonce: given.iv.to_vec(), length: tag(given)? }
        }
        Offered::AesCcm => {
            let (mechanism, promised, tag) = ccm(parameter)?;
            (limit, behind) = (Some(promised), tag);
            mechanism
        }
        Offered::ChaCha20 => chacha(parameter)?,
        Offered::ChaCha20Poly1305 => {
            let Parameter::Poly1305(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
            if given.nonce.len() != 12 {
                return Err(Rv::MECHANISM_PARAM_INVALID);
            }
            Mechanism::ChaCha20Poly1305 { nonce: given.nonce.to_vec(), additional: given.aad.to_vec(), tag: 16 }
        }
        Offered::RsaPkcs1 => nothing(parameter, Mechanism::RsaPkcs1)?,
        Offered::RsaRaw => nothing(parameter, Mechanism::RsaRaw)?,
        Offered::RsaPkcs1Hashed(hash) => nothing(parameter, Mechanism::RsaPkcs1Hashed { hash, input: Input::Message })?,
        Offered::RsaPss => pss(parameter, None)?,
        Offered::RsaPssHashed(hash) => pss(parameter, Some(hash))?,
        Offered::RsaOaep => oaep(parameter)?,
        Offered::RsaAesWrap => rsa_aes(parameter)?,
        Offered::Ecdsa => nothing(parameter, Mechanism::Ecdsa { hash: None, form: Form::Raw })?,
        Offered::EcdsaHashed(hash) => nothing(parameter, Mechanism::Ecdsa { hash: Some(hash), form: Form::Raw })?,
        Offered::Dsa => nothing(parameter, Mechanism::Dsa { hash: None, form: Form::Raw })?,
        Offered::DsaHashed(hash) => nothing(parameter, Mechanism::Dsa { hash: Some(hash), form: Form::Raw })?,
        Offered::Eddsa => eddsa(parameter)?,
        Offered::MlDsa => Mechanism::MlDsa(signing(parameter, None)?),
        Offered::MlDsaHashed(hash) => Mechanism::MlDsa(signing(parameter, Some(Prehash::Hash(hash)))?),
        Offered::MlDsaShake128 => Mechanism::MlDsa(signing(parameter, Some(Prehash::Shake128))?),
        Offered::MlDsaShake256 => Mechanism::MlDsa(signing(parameter, Some(Prehash::Shake256))?),
        Offered::MlDsaDigest => Mechanism::MlDsa(digested(parameter)?),
        Offered::SlhDsa => Mechanism::SlhDsa(signing(parameter, None)?),
        Offered::SlhDsaHashed(hash) => Mechanism::SlhDsa(signing(parameter, Some(Prehash::Hash(hash)))?),
        Offered::SlhDsaShake128 => Mechanism::SlhDsa(signing(parameter, Some(Prehash::Shake128))?),
        Offered::SlhDsaShake256 => Mechanism::SlhDsa(signing(parameter, Some(Prehash::Shake256))?),
        Offered::SlhDsaDigest => Mechanism::SlhDsa(digested(parameter)?),
        Offered::AesCmac => cmac(Block::Aes, named, parameter)?,
        Offered::TripleDesCmac => cmac(Block::TripleDes, named, parameter)?,
        Offered::AesCbcMac => cbc_mac(Block::Aes, named, parameter)?,
        Offered::TripleDesCbcMac => cbc_mac(Block::TripleDes, named, parameter)?,
        Offered::TlsMac => finished(parameter)?,
        Offered::Hmac(hash) => Mechanism::Hmac { hash, length: mac_length(hash.length(), named, parameter)? },
        // What has no parameters here, uses no key, or makes one.
        _ => return Err(Rv::MECHANISM_INVALID),
    };
    Ok(Translated { mechanism, limit, tag: behind })
}

/// The hash function of a digesting mechanism.
///
/// # Errors
/// As for [`translate`].
pub fn digest(mechanism: &wire::Mechanism) -> Result<Hash, Rv> {
    match (mechanism::named(mechanism.kind), &mechanism.parameter) {
        // SHA-512/t says how many bits it keeps; FIPS 180-4 §5.3.6 approves of two.
        (Some(Named { offered: Offered::Digest(_), general: true }), Parameter::Number(given)) => match given.number {
            224 => Ok(Hash::Sha512_224),
            256 => Ok(Hash::Sha512_256),
            _ => Err(Rv::MECHANISM_PARAM_INVALID),
        },
        (Some(Named { offered: Offered::Digest(hash), general: false }), parameter) => nothing(parameter, hash),
        (Some(Named { offered: Offered::Digest(_), .. }), _) => Err(Rv::MECHANISM_PARAM_INVALID),
        _ => Err(Rv::MECHANISM_INVALID),
    }
}

/// Refuses a parameter where none belongs.
pub fn nothing<T>(parameter: &Parameter, value: T) -> Result<T, Rv> {
    match parameter {
        Parameter::None => Ok(value),
        // An application may say "no parameter" as one of no bytes.
        Parameter::Iv(given) if given.iv.is_empty() => Ok(value),
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

fn ecb(parameter: &Parameter) -> Result<Mode, Rv> {
    nothing(parameter, Mode::Ecb { padding: Padding::None })
}

fn cbc(block: Block, padding: Padding, parameter: &Parameter) -> Result<Mechanism, Rv> {
    Ok(Mechanism::Cipher(block, Mode::Cbc { iv: iv(block, parameter)?, padding }))
}

fn iv(block: Block, parameter: &Parameter) -> Result<Vec<u8>, Rv> {
    match parameter {
        Parameter::Iv(given) if given.iv.len() == block.length() => Ok(given.iv.to_vec()),
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

/// How many bytes the counter lasts for. A counter of all 128 bits lasts for ever.
fn before_wrap(counter: &wire::Ctr) -> Result<Option<u64>, Rv> {
    let bits = u32::try_from(counter.bits).ok().filter(|bits| (1..=128).contains(bits));
    let bits = bits.ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let Some(blocks) = 1_u128.checked_shl(bits).filter(|_| bits < 128) else { return Ok(None) };
    let start = u128::from_be_bytes(counter.block) & blocks.wrapping_sub(1);
    let bytes = blocks.saturating_sub(start).saturating_mul(16);
    Ok(u64::try_from(bytes).ok())
}

fn gcm(parameter: &Parameter) -> Result<&wire::Gcm, Rv> {
    let Parameter::Gcm(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    // Applications leave the count of bits at nought as often as not.
    let bits_agree =
        u64::try_from(given.iv.len()).is_ok_and(|bytes| [0, bytes.saturating_mul(8)].contains(&given.iv_bits));
    if given.iv.is_empty() || given.iv.len() > LONGEST_NONCE || !bits_agree {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    Ok(given)
}

/// Bytes of the tag: one of the lengths of SP 800-38D §5.2.1.2.
fn tag(given: &wire::Gcm) -> Result<usize, Rv> {
    let tag = usize::try_from(given.tag_bits / 8).ok().filter(|tag| matches!(tag, 4 | 8 | 12..=16));
    tag.filter(|_| given.tag_bits.is_multiple_of(8)).ok_or(Rv::MECHANISM_PARAM_INVALID)
}

/// CCM, how many bytes of data were promised, and how many the tag has (PKCS#11 3.2 §6.13.4).
fn ccm(parameter: &Parameter) -> Result<(Mechanism, u64, u64), Rv> {
    let Parameter::Ccm(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let tag = usize::try_from(given.tag_length).ok().filter(|tag| matches!(tag, 4 | 6 | 8 | 10 | 12 | 14 | 16));
    let tag = tag.ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    if !(7..=13).contains(&given.nonce.len()) {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    let mode = Mode::Ccm { nonce: given.nonce.to_vec(), additional: given.aad.to_vec(), tag };
    Ok((Mechanism::Cipher(Block::Aes, mode), given.data_length, given.tag_length))
}

/// ChaCha20 as it was first, with 64 bits each of counter and nonce, or as RFC 8439 has it, with 32 and 96.
fn chacha(parameter: &Parameter) -> Result<Mechanism, Rv> {
    let Parameter::ChaCha(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let counter = match (given.counter.len(), given.nonce.len()) {
        (4, 12) | (8, 8) => given.counter.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        _ => return Err(Rv::MECHANISM_PARAM_INVALID),
    };
    Ok(Mechanism::ChaCha20 { nonce: given.nonce.to_vec(), counter })
}

fn cmac(block: Block, named: Named, parameter: &Parameter) -> Result<Mechanism, Rv> {
    Ok(Mechanism::Cmac { block, length: mac_length(block.length(), named, parameter)? })
}

fn cbc_mac(block: Block, named: Named, parameter: &Parameter) -> Result<Mechanism, Rv> {
    // Half a block where nothing is said.
    let length = if named.general { mac_length(block.length(), named, parameter)? } else { block.length() / 2 };
    if named.general { Ok(()) } else { nothing(parameter, ()) }?;
    Ok(Mechanism::CbcMac { block, length })
}

fn finished(parameter: &Parameter) -> Result<Mechanism, Rv> {
    let Parameter::Finished(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    // RFC 5246 §5 has no weaker hash, and §7.4.9 nothing shorter.
    let hash = Hash::of_digest(given.hash.0).filter(|hash| !matches!(hash, Hash::Md5 | Hash::Sha1 | Hash::Sha224));
    let length = usize::try_from(given.length).ok().filter(|length| (12..=LONGEST_FINISHED).contains(length));
    let side = match given.side {
        1 => Some(Side::Server),
        2 => Some(Side::Client),
        _ => None,
    };
    match (hash, side, length) {
        (Some(hash), Some(side), Some(length)) => Ok(Mechanism::TlsMac { hash, side, length }),
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

fn pss(parameter: &Parameter, own: Option<Hash>) -> Result<Mechanism, Rv> {
    let Parameter::Pss(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let hash = Hash::of_digest(given.hash.0).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let mask = Hash::of_mask(given.mask.0).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let salt = usize::try_from(given.salt).ok().filter(|salt| *salt <= LONGEST_SALT);
    let salt = salt.ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    if own.is_some_and(|own| own != hash) {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    let input = if own.is_some() { Input::Message } else { Input::Digest };
    Ok(Mechanism::RsaPss { hash, mask, salt: Some(salt), input })
}

fn rsa_aes(parameter: &Parameter) -> Result<Mechanism, Rv> {
    let Parameter::RsaAes(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let bits = usize::try_from(given.bits).ok().filter(|bits| matches!(bits, 128 | 192 | 256));
    let (hash, mask, label) = oaep_parts(&given.oaep)?;
    Ok(Mechanism::RsaAesWrap { bits: bits.ok_or(Rv::MECHANISM_PARAM_INVALID)?, hash, mask, label })
}

fn oaep(parameter: &Parameter) -> Result<Mechanism, Rv> {
    let Parameter::Oaep(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let (hash, mask, label) = oaep_parts(given)?;
    Ok(Mechanism::RsaOaep { hash, mask, label })
}

fn oaep_parts(given: &wire::Oaep) -> Result<(Hash, Hash, Vec<u8>), Rv> {
    let hash = Hash::of_digest(given.hash.0).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let mask = Hash::of_mask(given.mask.0).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    // The source is told only where there is a label; some applications leave it at nought.
    let known = given.source == strongroom_pkcs11_wire::number::Source::DATA_SPECIFIED || given.label.is_empty();
    if !known {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    Ok((hash, mask, given.label.to_vec()))
}

fn eddsa(parameter: &Parameter) -> Result<Mechanism, Rv> {
    match parameter {
        Parameter::Eddsa(given) if given.context.len() > LONGEST_CONTEXT => Err(Rv::MECHANISM_PARAM_INVALID),
        // RFC 8032 §5.1 wants Ed25519ctx to have a context: without one, the plain scheme is meant.
        Parameter::Eddsa(given) if !given.prehash && given.context.is_empty() => Ok(Mechanism::Eddsa),
        Parameter::Eddsa(given) => {
            let input = if given.prehash { Input::Digest } else { Input::Message };
            Ok(Mechanism::EddsaContext { input, context: given.context.to_vec() })
        }
        other => nothing(other, Mechanism::Eddsa),
    }
}

/// `CK_SIGN_ADDITIONAL_CONTEXT`, which may be left out.
fn signing(parameter: &Parameter, hash: Option<Prehash>) -> Result<Signing, Rv> {
    let digest = hash.map(|hash| (hash, Input::Message));
    match parameter {
        Parameter::Context(given) => Ok(Signing {
            context: context(&given.context)?,
            digest,
            deterministic: given.hedge == Hedge::DETERMINISTIC_REQUIRED,
        }),
        other => nothing(other, Signing { digest, ..Signing::default() }),
    }
}

/// `CK_HASH_SIGN_ADDITIONAL_CONTEXT`: the digest comes, and the parameter says of which hash.
fn digested(parameter: &Parameter) -> Result<Signing, Rv> {
    let Parameter::HashContext(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let hash = match Hash::of_digest(given.hash.0) {
        Some(Hash::Sha1) | None => return Err(Rv::MECHANISM_PARAM_INVALID),
        Some(hash) => Prehash::Hash(hash),
    };
    Ok(Signing {
        context: context(&given.context)?,
        digest: Some((hash, Input::Digest)),
        deterministic: given.hedge == Hedge::DETERMINISTIC_REQUIRED,
    })
}

fn context(bytes: &[u8]) -> Result<Vec<u8>, Rv> {
    if bytes.len() > LONGEST_CONTEXT { Err(Rv::MECHANISM_PARAM_INVALID) } else { Ok(bytes.to_vec()) }
}

/// Bytes of a MAC that has at most so many.
fn mac_length(most: usize, named: Named, parameter: &Parameter) -> Result<usize, Rv> {
    match parameter {
        Parameter::Number(given) if named.general => {
            let length = usize::try_from(given.number).ok().filter(|length| (1..=most).contains(length));
            length.ok_or(Rv::MECHANISM_PARAM_INVALID)
        }
        other if !named.general => nothing(other, most),
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

/// As long as the longest digest: nothing that is negotiated is longer.
const LONGEST_FINISHED: usize = 64;
/// The slot takes no longer ones.
const LONGEST_NONCE: usize = 256;
/// No RSA key that is served has room for a longer one.
const LONGEST_SALT: usize = 1024;
/// RFC 8032 §5.1.
const LONGEST_CONTEXT: usize = 255;

#[cfg(test)]
mod tests {
    use strongroom_pkcs11_wire::{
        MechanismType,
        mechanism::{Ccm, ChaCha, Ctr, Gcm, Iv, Number, Pss},
        number::Mask,
        value::Bytes,
    };

    use super::*;

    fn of(kind: MechanismType, parameter: Parameter) -> Result<Mechanism, Rv> {
        translate(mechanism::named(kind).unwrap(), &parameter).map(|translated| translated.mechanism)
    }

    fn gcm_of(nonce: usize, iv_bits: u64, tag_bits: u64) -> Parameter {
        Parameter::Gcm(Gcm { iv: Bytes(vec![1; nonce]), iv_bits, aad: Bytes::default(), tag_bits })
    }

    fn ccm_of(nonce: usize, tag_length: u64) -> Parameter {
        Parameter::Ccm(Ccm { data_length: 16, nonce: Bytes(vec![1; nonce]), aad: Bytes::default(), tag_length })
    }

    fn chacha_of(counter: usize, nonce: usize) -> Parameter {
        Parameter::ChaCha(ChaCha { counter: Bytes(vec![1; counter]), nonce: Bytes(vec![2; nonce]) })
    }

    fn pss_of(hash: MechanismType, mask: Mask, salt: u64) -> Parameter {
        Parameter::Pss(Pss { hash, mask, salt })
    }

    #[test]
    fn a_parameter_that_cannot_be_is_refused_when_the_work_begins() {
        let iv = |length| Parameter::Iv(Iv { iv: Bytes(vec![0; length]) });
        let number = |number| Parameter::Number(Number { number });
        let counter = |bits| Parameter::Ctr(Ctr { bits, block: [0; 16] });
        use MechanismType as M;
        for (name, kind, parameter) in [
            ("a short iv", M::AES_CBC, iv(15)),
            ("no iv", M::AES_CBC, Parameter::None),
            ("an iv that nothing needs", M::AES_ECB, iv(16)),
            ("a tag of 20 bits", M::AES_GCM, gcm_of(12, 96, 20)),
            ("a tag longer than a block", M::AES_GCM, gcm_of(12, 96, 136)),
            ("no nonce", M::AES_GCM, gcm_of(0, 96, 128)),
            ("a tag of a length that GCM has not", M::AES_GCM, gcm_of(12, 96, 40)),
            ("GMAC without a nonce", M::AES_GMAC, gcm_of(0, 0, 128)),
            ("GMAC with a tag of 20 bits", M::AES_GMAC, gcm_of(12, 96, 20)),
            ("GMAC of nothing at all", M::AES_GMAC, Parameter::None),
            ("CCM with a short nonce", M::AES_CCM, ccm_of(6, 16)),
            ("CCM with a long nonce", M::AES_CCM, ccm_of(14, 16)),
            ("CCM without a nonce", M::AES_CCM, ccm_of(0, 16)),
            ("CCM with a tag of no length", M::AES_CCM, ccm_of(12, 0)),
            ("CCM with a short tag", M::AES_CCM, ccm_of(12, 3)),
            ("CCM with an odd tag", M::AES_CCM, ccm_of(12, 9)),
            ("CCM with a long tag", M::AES_CCM, ccm_of(12, 17)),
            ("CCM with an endless tag", M::AES_CCM, ccm_of(12, u64::MAX)),
            ("CCM with the parameter of GCM", M::AES_CCM, gcm_of(12, 96, 128)),
            ("CTS with a short iv", M::AES_CTS, iv(15)),
            ("CTS with a long iv", M::AES_CTS, iv(17)),
            ("CTS without an iv", M::AES_CTS, Parameter::None),
            ("CFB8 with a short iv", M::AES_CFB8, iv(15)),
            ("CFB8 with a long iv", M::AES_CFB8, iv(17)),
            ("CFB8 with an empty iv", M::AES_CFB8, iv(0)),
            ("OFB with a short iv", M::AES_OFB, iv(15)),
            ("OFB with an empty iv", M::AES_OFB, iv(0)),
            ("XTS with a short number", M::AES_XTS, iv(8)),
            ("XTS with a long number", M::AES_XTS, iv(17)),
            ("XTS without a number", M::AES_XTS, Parameter::None),
            ("CMAC of nothing", M::AES_CMAC_GENERAL, number(0)),
            ("CMAC longer than a block", M::AES_CMAC_GENERAL, number(17)),
            ("CMAC with an endless length", M::AES_CMAC_GENERAL, number(u64::MAX)),
            ("a length of CMAC that is settled", M::AES_CMAC, number(16)),
            ("3DES CMAC longer than a block", M::DES3_CMAC_GENERAL, number(9)),
            ("ChaCha20 without anything", M::CHACHA20, Parameter::None),
            ("ChaCha20 with no nonce", M::CHACHA20, chacha_of(4, 0)),
            ("ChaCha20 with no counter", M::CHACHA20, chacha_of(0, 12)),
            ("ChaCha20 with a nonce of XChaCha20", M::CHACHA20, chacha_of(8, 24)),
            ("ChaCha20 with a long counter and a long nonce", M::CHACHA20, chacha_of(8, 12)),
            ("ChaCha20 with a short counter and a short nonce", M::CHACHA20, chacha_of(4, 8)),
            ("a nonce of another length than it says", M::AES_GCM, gcm_of(12, 64, 128)),
            ("a counter of no bits", M::AES_CTR, counter(0)),
            ("a counter wider than the block", M::AES_CTR, counter(129)),
            ("a MAC of nothing", M::SHA256_HMAC_GENERAL, number(0)),
            ("a MAC longer than the hash", M::SHA256_HMAC_GENERAL, number(33)),
            ("a MAC without a length", M::SHA256_HMAC_GENERAL, Parameter::None),
            ("a length that is settled", M::SHA256_HMAC, number(16)),
            ("another hash than the name says", M::SHA256_RSA_PKCS_PSS, pss_of(M::SHA_1, Mask::MGF1_SHA1, 20)),
            ("a hash that is none", M::RSA_PKCS_PSS, pss_of(M::AES_CBC, Mask::MGF1_SHA1, 20)),
            ("a mask that is none", M::RSA_PKCS_PSS, pss_of(M::SHA_1, Mask(9_999), 20)),
            ("more salt than the sea", M::RSA_PKCS_PSS, pss_of(M::SHA_1, Mask::MGF1_SHA1, u64::MAX)),
        ] {
            assert_eq!(of(kind, parameter).err(), Some(Rv::MECHANISM_PARAM_INVALID), "{name}");
        }
    }

    #[test]
    fn sha_512_is_cut_as_its_parameter_says() {
        let of = |parameter| digest(&wire::Mechanism { kind: MechanismType::SHA512_T, parameter });
        let number = |number| Parameter::Number(Number { number });
        assert_eq!(of(number(224)), Ok(Hash::Sha512_224));
        assert_eq!(of(number(256)), Ok(Hash::Sha512_256));
        for (name, parameter) in [
            ("nothing", Parameter::None),
            ("no bits", number(0)),
            ("all bits", number(512)),
            ("the bits of SHA-384", number(384)),
            ("bytes", number(32)),
            ("more than there are", number(u64::MAX)),
        ] {
            assert_eq!(of(parameter), Err(Rv::MECHANISM_PARAM_INVALID), "{name}");
        }
        let plain = wire::Mechanism { kind: MechanismType::SHA256, parameter: number(256) };
        assert_eq!(digest(&plain), Err(Rv::MECHANISM_PARAM_INVALID));
    }

    #[test]
    fn a_mechanism_without_a_key_is_not_translated() {
        for kind in [MechanismType::SHA256, MechanismType::AES_KEY_GEN, MechanismType::EC_KEY_PAIR_GEN] {
            assert_eq!(of(kind, Parameter::None).err(), Some(Rv::MECHANISM_INVALID), "{kind}");
        }
    }

    #[test]
    fn a_short_counter_ends_before_it_begins_again() {
        let mut block = [0xFF; 16];
        block[15] = 0xFE;
        assert_eq!(before_wrap(&Ctr { bits: 8, block }), Ok(Some(2 * 16)));
        assert_eq!(before_wrap(&Ctr { bits: 128, block }), Ok(None));
        assert_eq!(before_wrap(&Ctr { bits: 32, block: [0; 16] }), Ok(Some(16 << 32)));
    }

    #[test]
    fn what_pkcs_11_says_is_what_the_slot_hears() {
        let pss = of(MechanismType::SHA256_RSA_PKCS_PSS, pss_of(MechanismType::SHA256, Mask::MGF1_SHA256, 32));
        let expected =
            Mechanism::RsaPss { hash: Hash::Sha256, mask: Hash::Sha256, salt: Some(32), input: Input::Message };
        assert_eq!(pss, Ok(expected));
        assert_eq!(of(MechanismType::EDDSA, Parameter::None), Ok(Mechanism::Eddsa));
        let raw = Mechanism::Ecdsa { hash: None, form: Form::Raw };
        assert_eq!(of(MechanismType::ECDSA, Parameter::None), Ok(raw));
        let chacha = Mechanism::ChaCha20 { nonce: vec![2; 8], counter: 0x0101_0101_0101_0101 };
        assert_eq!(of(MechanismType::CHACHA20, chacha_of(8, 8)), Ok(chacha));
        let cmac = Mechanism::Cmac { block: Block::Aes, length: 12 };
        assert_eq!(of(MechanismType::AES_CMAC_GENERAL, Parameter::Number(Number { number: 12 })), Ok(cmac));
    }

    #[test]
    fn ccm_takes_no_more_than_was_promised_and_the_tag_of_what_is_decrypted() {
        let way = translate(mechanism::named(MechanismType::AES_CCM).unwrap(), &ccm_of(12, 8)).unwrap();
        assert_eq!((way.limit(Kind::Encrypt), way.limit(Kind::Decrypt)), (Some(16), Some(16 + 8)));
    }
}
