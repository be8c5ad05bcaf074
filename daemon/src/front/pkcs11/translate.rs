//! From a mechanism with its parameter to the one that a slot understands. Parameters that make no sense are refused
//! here, so that the function that begins the work says so.

use strongroom_kmip::mechanism::{Block, Form, Hash, Input, Mechanism, Mode, Padding};
use strongroom_pkcs11_wire::{
    Rv,
    mechanism::{self as wire, Parameter},
};

use super::mechanism::{self, Named};
use crate::service::Offered;

/// A mechanism that is ready to be used.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The mechanism.
    pub mechanism: Mechanism,
    /// After so many bytes a counter would begin again.
    pub limit: Option<u64>,
}

/// Translates a mechanism that uses a key.
///
/// # Errors
/// [`Rv::MECHANISM_INVALID`] for one that uses none, [`Rv::MECHANISM_PARAM_INVALID`] for a parameter that cannot be.
pub fn translate(named: Named, parameter: &Parameter) -> Result<Translated, Rv> {
    let mut limit = None;
    let mechanism = match named.offered {
        Offered::AesEcb => Mechanism::Cipher(Block::Aes, ecb(parameter)?),
        Offered::TripleDesEcb => Mechanism::Cipher(Block::TripleDes, ecb(parameter)?),
        Offered::AesCbc => cbc(Block::Aes, Padding::None, parameter)?,
        Offered::AesCbcPad => cbc(Block::Aes, Padding::Pkcs7, parameter)?,
        Offered::TripleDesCbc => cbc(Block::TripleDes, Padding::None, parameter)?,
        Offered::TripleDesCbcPad => cbc(Block::TripleDes, Padding::Pkcs7, parameter)?,
        Offered::AesCfb => Mechanism::Cipher(Block::Aes, Mode::Cfb { iv: iv(Block::Aes, parameter)? }),
        Offered::AesOfb => Mechanism::Cipher(Block::Aes, Mode::Ofb { iv: iv(Block::Aes, parameter)? }),
        Offered::AesCtr => {
            let Parameter::Ctr(counter) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
            limit = before_wrap(counter)?;
            Mechanism::Cipher(Block::Aes, Mode::Ctr { block: counter.block.to_vec() })
        }
        Offered::AesGcm => gcm(parameter)?,
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
        Offered::Ecdsa => nothing(parameter, Mechanism::Ecdsa { hash: None, form: Form::Raw })?,
        Offered::EcdsaHashed(hash) => nothing(parameter, Mechanism::Ecdsa { hash: Some(hash), form: Form::Raw })?,
        Offered::Eddsa => eddsa(parameter)?,
        Offered::AesCmac => nothing(parameter, Mechanism::Cmac { length: 16 })?,
        Offered::Hmac(hash) => Mechanism::Hmac { hash, length: mac_length(hash, named.general, parameter)? },
        // What has no parameters here, uses no key, or makes one.
        _ => return Err(Rv::MECHANISM_INVALID),
    };
    Ok(Translated { mechanism, limit })
}

/// The hash function of a digesting mechanism.
///
/// # Errors
/// As for [`translate`].
pub fn digest(mechanism: &wire::Mechanism) -> Result<Hash, Rv> {
    match mechanism::named(mechanism.kind).map(|named| named.offered) {
        Some(Offered::Digest(hash)) => nothing(&mechanism.parameter, hash),
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

fn gcm(parameter: &Parameter) -> Result<Mechanism, Rv> {
    let Parameter::Gcm(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    // Applications leave the count of bits at nought as often as not.
    let bits_agree =
        u64::try_from(given.iv.len()).is_ok_and(|bytes| [0, bytes.saturating_mul(8)].contains(&given.iv_bits));
    let tag = usize::try_from(given.tag_bits / 8).ok().filter(|tag| given.tag_bits % 8 == 0 && (4..=16).contains(tag));
    let tag = tag.ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    if given.iv.is_empty() || given.iv.len() > LONGEST_NONCE || !bits_agree {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    let mode = Mode::Gcm { nonce: given.iv.to_vec(), additional: given.aad.to_vec(), tag };
    Ok(Mechanism::Cipher(Block::Aes, mode))
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

fn oaep(parameter: &Parameter) -> Result<Mechanism, Rv> {
    let Parameter::Oaep(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let hash = Hash::of_digest(given.hash.0).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let mask = Hash::of_mask(given.mask.0).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    // The source is told only where there is a label; some applications leave it at nought.
    let known = given.source == strongroom_pkcs11_wire::number::Source::DATA_SPECIFIED || given.label.is_empty();
    if !known {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    Ok(Mechanism::RsaOaep { hash, mask, label: given.label.to_vec() })
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

fn mac_length(hash: Hash, general: bool, parameter: &Parameter) -> Result<usize, Rv> {
    match parameter {
        Parameter::Number(given) if general => {
            let length = usize::try_from(given.number).ok().filter(|length| (1..=hash.length()).contains(length));
            length.ok_or(Rv::MECHANISM_PARAM_INVALID)
        }
        other if !general => nothing(other, hash.length()),
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

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
        mechanism::{Ctr, Gcm, Iv, Number, Pss},
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
    }
}
