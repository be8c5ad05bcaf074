//! What a token can do, said in mechanisms of ours, whose numbers stand in the one table of mechanisms.

use std::sync::{Arc, Mutex, PoisonError};

use cryptoki_sys::{
    CKK_AES, CKK_DES2, CKK_DES3, CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_GENERIC_SECRET, CKM_AES_KEY_WRAP_PAD,
};
use strongroom_kmip::mechanism::{Curve, Hash, Input, Keys, Mechanism, Mode, Number, Padding, Work};

use super::{
    codec::Plain,
    message::{Making, Parameter, Step, Token, Using},
    token::MAKES,
    vendors,
};
use crate::slot::contract::{Error, Family, Offer, Offered, Pair, Purpose, Recipe, Shape};

/// How a mechanism is done: by the token alone, or over a digest that is taken here first.
pub(super) struct Plan {
    /// What the token does.
    pub(super) step: Step,
    /// What is hashed here first.
    pub(super) first: Option<Hash>,
    /// What stands before the digest that the token is given.
    pub(super) prefix: Vec<u8>,
    /// Bytes of the digest that the data are, where they are one already.
    pub(super) digest: Option<usize>,
}

/// How a token does it with a key of this shape.
///
/// # Errors
/// [`Error::Unsupported`] for what tokens do not do, or not with such a key.
pub(super) fn plan(shape: Shape, mechanism: &Mechanism) -> Result<Plan, Error> {
    let number = numbered(shape, mechanism).ok_or(UNSUPPORTED)?;
    let parameter = parameter(mechanism)?;
    let plain = Plan { step: Step { number, parameter }, first: None, prefix: Vec::new(), digest: None };
    Ok(match mechanism {
        Mechanism::RsaPkcs1Hashed { hash, input } => {
            let first = (*input == Input::Message).then_some(*hash);
            Plan { first, prefix: digest_info(*hash)?, digest: Some(hash.length()), ..plain }
        }
        Mechanism::RsaPss { hash, input, .. } => {
            let first = (*input == Input::Message).then_some(*hash);
            Plan { first, digest: Some(hash.length()), ..plain }
        }
        Mechanism::Ecdsa { hash, .. } => Plan { first: *hash, ..plain },
        _ => plain,
    })
}

/// The number of the mechanism by which a token does this.
fn numbered(shape: Shape, mechanism: &Mechanism) -> Option<u64> {
    let plain = match mechanism {
        Mechanism::Cipher(_, Mode::Ecb { padding }) => *padding == Padding::None,
        Mechanism::EddsaContext { .. } => false,
        _ => !matches!(shape, Shape::Public(_)),
    };
    asked(mechanism.offered().filter(|offered| plain && offered.facts().keys == shape.keys())?)
}

/// The number by which a token is asked for it; nothing for what no token is asked for.
fn asked(offered: Offered) -> Option<u64> {
    let of = |offered: Offered| first(offered.facts().numbers);
    match offered {
        // As tokens have it that are older than PKCS#11 3.0.
        Offered::AesKeyWrapPadded => Some(CKM_AES_KEY_WRAP_PAD),
        // Over a digest that is taken here.
        Offered::RsaPkcs1Hashed(hash) => digest_info(hash).ok().and_then(|_| of(Offered::RsaPkcs1)),
        Offered::RsaPssHashed(hash) => hashes(hash).and_then(|_| of(Offered::RsaPss)),
        Offered::EcdsaHashed(_) => of(Offered::Ecdsa),
        Offered::Hmac(hash) => hashes(hash).and_then(|_| of(offered)),
        Offered::AesEcb
        | Offered::AesCbc
        | Offered::AesCbcPad
        | Offered::AesCtr
        | Offered::AesGcm
        | Offered::AesKeyWrap
        | Offered::AesCmac
        | Offered::TripleDesEcb
        | Offered::TripleDesCbc
        | Offered::TripleDesCbcPad
        | Offered::RsaPkcs1
        | Offered::RsaPss
        | Offered::RsaOaep
        | Offered::RsaRaw
        | Offered::Ecdsa
        | Offered::Eddsa
        | Offered::AesKeyGen
        | Offered::GenericKeyGen
        | Offered::TripleDesKeyGen
        | Offered::RsaKeyGen
        | Offered::EllipticKeyGen
        | Offered::EdwardsKeyGen => of(offered),
        _ => None,
    }
}

fn first(numbers: &[Number]) -> Option<u64> {
    numbers.first().map(|number| number.value)
}

fn parameter(mechanism: &Mechanism) -> Result<Parameter, Error> {
    let hash = |hash| hashes(hash).map(|(digest, _)| digest).ok_or(UNSUPPORTED);
    let mask = |hash| hashes(hash).map(|(_, mask)| mask).ok_or(UNSUPPORTED);
    let number = |count| u32::try_from(count).map_err(|_| Error::Length);
    Ok(match mechanism {
        Mechanism::Cipher(_, Mode::Cbc { iv, .. }) => Parameter::Start { iv: Plain(iv.clone()) },
        Mechanism::Cipher(_, Mode::Ctr { block }) => Parameter::Counter { block: Plain(block.clone()) },
        Mechanism::Cipher(_, Mode::Gcm { nonce, additional, tag }) => Parameter::Gcm {
            nonce: Plain(nonce.clone()),
            additional: Plain(additional.clone()),
            tag: number(tag.saturating_mul(8))?,
        },
        Mechanism::RsaPss { hash: own, mask: inner, salt, .. } => {
            Parameter::Pss { hash: hash(*own)?, mask: mask(*inner)?, salt: number(salt.unwrap_or(own.length()))? }
        }
        Mechanism::RsaOaep { hash: own, mask: inner, label } => {
            Parameter::Oaep { hash: hash(*own)?, mask: mask(*inner)?, label: Plain(label.clone()) }
        }
        _ => Parameter::None,
    })
}

/// The digest and the mask of a hash function, where tokens are asked for them.
fn hashes(hash: Hash) -> Option<(u64, u64)> {
    match hash {
        Hash::Sha1 | Hash::Sha224 | Hash::Sha256 | Hash::Sha384 | Hash::Sha512 => {
            Some((first(hash.facts().digest)?, first(hash.facts().mask)?))
        }
        _ => None,
    }
}

/// What stands before the digest in a signature (RFC 8017 §9.2, DigestInfo), whatever hash it is.
fn digest_info(hash: Hash) -> Result<Vec<u8>, Error> {
    let nist = |last| vec![0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last];
    let name = match hash {
        Hash::Sha1 => vec![0x2b, 0x0e, 0x03, 0x02, 0x1a],
        Hash::Sha256 => nist(1),
        Hash::Sha384 => nist(2),
        Hash::Sha512 => nist(3),
        Hash::Sha224 => nist(4),
        Hash::Sha512_224 => nist(5),
        Hash::Sha512_256 => nist(6),
        Hash::Sha3_224 => nist(7),
        Hash::Sha3_256 => nist(8),
        Hash::Sha3_384 => nist(9),
        Hash::Sha3_512 => nist(10),
        #[allow(unreachable_patterns)]
        _ => return Err(UNSUPPORTED),
    };
    let byte = |length: usize| u8::try_from(length).map_err(|_| UNSUPPORTED);
    let algorithm = [&[0x06, byte(name.len())?], name.as_slice(), &[0x05, 0x00]].concat();
    let whole = algorithm.len().saturating_add(4).saturating_add(hash.length());
    let inner = [0x30, byte(algorithm.len())?];
    Ok([&[0x30, byte(whole)?], inner.as_slice(), &algorithm, &[0x04, byte(hash.length())?]].concat())
}

/// How a token makes a key.
///
/// # Errors
/// [`Error::Unsupported`] for what tokens do not make.
pub(super) fn making(recipe: &Recipe) -> Result<Making, Error> {
    let length = |bits: usize| u32::try_from(bits / 8).map_err(|_| UNSUPPORTED);
    Ok(match *recipe {
        Recipe::Symmetric { family, bits } => {
            let (offered, kind, length) = match family {
                Family::Aes => (Offered::AesKeyGen, CKK_AES, Some(length(bits)?)),
                Family::Hmac => (Offered::GenericKeyGen, CKK_GENERIC_SECRET, Some(length(bits)?)),
                Family::TripleDes if bits <= 128 => (Offered::DoubleDesKeyGen, CKK_DES2, None),
                Family::TripleDes => (Offered::TripleDesKeyGen, CKK_DES3, None),
                _ => return Err(NOT_MADE),
            };
            Making::Secret { mechanism: maker(offered).ok_or(NOT_MADE)?, kind, length }
        }
        Recipe::Pair(Pair::Rsa { bits }) => Making::Rsa { bits: u32::try_from(bits).map_err(|_| NOT_MADE)? },
        Recipe::Pair(Pair::Group { .. } | Pair::Dsa { .. } | Pair::Quantum(_)) => return Err(NOT_MADE),
        Recipe::Pair(Pair::Elliptic(curve)) => {
            let (mechanism, kind, parameters) = elliptic(curve).ok_or(NOT_MADE)?;
            Making::Elliptic { mechanism, kind, parameters: Plain(parameters.to_vec()) }
        }
    })
}

/// By which mechanism a pair of this curve is made, its type, and its CKA_EC_PARAMS.
pub(super) fn elliptic(curve: Curve) -> Option<(u64, u64, &'static [u8])> {
    let (offered, kind, parameters): (_, _, &[u8]) = match curve {
        Curve::P192 => (Offered::EllipticKeyGen, CKK_EC, b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x01"),
        Curve::P224 => (Offered::EllipticKeyGen, CKK_EC, b"\x06\x05\x2b\x81\x04\x00\x21"),
        Curve::P256 => (Offered::EllipticKeyGen, CKK_EC, b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
        Curve::P384 => (Offered::EllipticKeyGen, CKK_EC, b"\x06\x05\x2b\x81\x04\x00\x22"),
        Curve::P521 => (Offered::EllipticKeyGen, CKK_EC, b"\x06\x05\x2b\x81\x04\x00\x23"),
        Curve::Secp256k1 => (Offered::EllipticKeyGen, CKK_EC, b"\x06\x05\x2b\x81\x04\x00\x0a"),
        // By name (PKCS#11 2.40 with errata, and what tokens read), not by the identifiers of RFC 8410.
        Curve::Ed25519 => (Offered::EdwardsKeyGen, CKK_EC_EDWARDS, b"\x13\x0cedwards25519"),
        Curve::X25519 => (Offered::MontgomeryKeyGen, CKK_EC_MONTGOMERY, b"\x13\x0acurve25519"),
        #[allow(unreachable_patterns)]
        _ => return None,
    };
    Some((maker(offered)?, kind, parameters))
}

/// The number of what makes keys.
fn maker(offered: Offered) -> Option<u64> {
    first(offered.facts().numbers)
}

/// Whether the token does this.
pub(super) fn has(token: &Token, number: u64, bit: u8) -> bool {
    let listed = token.mechanisms.iter().any(|known| known.number == number && known.uses & bit != 0);
    listed && !(bit == MAKES && vendors::makes_not(token, number))
}

/// Whether the token makes such a key.
pub(super) fn makes(token: &Token, making: &Making) -> bool {
    let number = match making {
        Making::Elliptic { parameters, .. } if lacks(token, parameters) => return false,
        Making::Secret { mechanism, .. } | Making::Elliptic { mechanism, .. } => Some(*mechanism),
        Making::Rsa { .. } => maker(Offered::RsaKeyGen),
    };
    number.is_some_and(|number| has(token, number, MAKES))
}

/// Whether the token fails on this curve, by its CKA_EC_PARAMS.
fn lacks(token: &Token, parameters: &Plain) -> bool {
    let is = |curve: &Curve| elliptic(*curve).is_some_and(|(_, _, known)| parameters.0 == known);
    vendors::lacking(token).iter().any(is)
}

/// What the slot offers: what the token does with secret keys, what others do with public ones, and digests, which need no
/// token.
pub(super) fn offers(token: &Token, beside: &[Offer]) -> Vec<Offer> {
    let offer = |row: &Offer| {
        if matches!(row.mechanism, Offered::Digest(_)) {
            return Some(*row);
        }
        let (number, facts) = (asked(row.mechanism)?, row.mechanism.facts());
        if matches!(facts.work, Work::Key | Work::Pair) {
            return has(token, number, MAKES).then_some(*row);
        }
        // The public half works beside the token.
        let public = !matches!(facts.keys, Keys::Symmetric(_));
        let can = |purpose: &Purpose| match (purpose, public) {
            (Purpose::Verify | Purpose::Encrypt | Purpose::Wrap, true) => true,
            (Purpose::Sign | Purpose::Verify, _) => has(token, number, Using::Sign.bit()),
            (Purpose::Decrypt, _) => has(token, number, Using::Decrypt.bit()),
            (Purpose::Encrypt, _) => has(token, number, Using::Encrypt.bit()),
            (Purpose::Wrap, _) => has(token, number, Using::Wrap.bit() | Using::Encrypt.bit()),
            (Purpose::Unwrap, _) => has(token, number, Using::Unwrap.bit() | Using::Decrypt.bit()),
            (Purpose::Derive, _) => false,
        };
        let left: Vec<Purpose> = row.purposes.iter().copied().filter(can).collect();
        if left.is_empty() {
            return None;
        }
        Some(Offer { purposes: part(row.purposes, &left), ..*row })
    };
    beside.iter().filter_map(offer).collect()
}

/// What all of several lists have, with the purposes and lengths that all of them have.
pub(super) fn common(lists: &[Arc<[Offer]>]) -> Arc<[Offer]> {
    let Some((first, others)) = lists.split_first() else { return Arc::default() };
    if others.is_empty() {
        return Arc::clone(first);
    }
    let shared = |offer: &Offer| {
        let mut least = *offer;
        for list in others {
            let other = list.iter().find(|other| other.mechanism == offer.mechanism)?;
            let both = |purpose: &Purpose| other.purposes.contains(purpose);
            let left: Vec<_> = least.purposes.iter().copied().filter(both).collect();
            least.purposes = part(least.purposes, &left);
            least.bits = (least.bits.0.max(other.bits.0), least.bits.1.min(other.bits.1));
        }
        // What makes keys, and digests, have no purposes to lose.
        (offer.purposes.is_empty() || !least.purposes.is_empty()).then_some(least)
    };
    first.iter().filter_map(shared).collect()
}

/// Some of the purposes of a row, in its order. Each selection is kept once for good: there are a few dozen that any row can
/// come to, whatever tokens say and however often they say something else.
fn part(all: &'static [Purpose], left: &[Purpose]) -> &'static [Purpose] {
    static KEPT: Mutex<Vec<&'static [Purpose]>> = Mutex::new(Vec::new());
    if left == all {
        return all;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    match kept.iter().find(|known| **known == left) {
        Some(known) => known,
        None => {
            let fresh: &'static [Purpose] = left.to_vec().leak();
            kept.push(fresh);
            fresh
        }
    }
}

pub(super) const UNSUPPORTED: Error = Error::Unsupported("this mechanism with such a key");
const NOT_MADE: Error = Error::Unsupported("making such a key");

#[cfg(test)]
mod tests {
    use super::{super::message::Known, *};
    use crate::slot::{contract::Slot as _, software::Software};

    #[test]
    fn what_tokens_have_in_common_is_all_of_it_where_they_are_alike() {
        let names = |list: &[Offer]| list.iter().map(|offer| offer.mechanism).collect::<Vec<_>>();
        let all = Software::new("alike").offers();
        assert!(all.iter().any(|offer| offer.purposes.is_empty()), "some make keys");
        let like = || Arc::clone(&all);
        assert_eq!(names(&common(&[like(), like(), like()])), names(&all));
    }

    #[test]
    fn a_list_that_changes_for_ever_leaves_nothing_behind() {
        // For each number of a mechanism, all uses that a token can say, twice: the second time nothing new is kept.
        let all = Software::new("beside").offers();
        let mut first = Vec::new();
        for round in 0..2 {
            for uses in 0..=u8::MAX {
                let mechanisms = 0x1000..0x1200u64;
                let known = |number| Known { number, least: 0, most: 0, uses };
                let said = || String::new();
                let token = Token {
                    label: said(),
                    serial: said(),
                    manufacturer: said(),
                    model: said(),
                    library: said(),
                    mechanisms: mechanisms.map(known).collect(),
                };
                let places: Vec<_> = offers(&token, &all).iter().map(|offer| offer.purposes.as_ptr()).collect();
                match round {
                    0 => first.push(places),
                    _ => assert_eq!(first.get(usize::from(uses)), Some(&places), "uses {uses:#x}"),
                }
            }
        }
    }

    #[test]
    fn a_digest_info_is_that_of_the_standard() {
        let known = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
        assert_eq!(digest_info(Hash::Sha256).unwrap(), known);
        let known = b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14";
        assert_eq!(digest_info(Hash::Sha1).unwrap(), known);
    }
}
