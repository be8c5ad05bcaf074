//! What a slot offers once its mechanism policy has had its say, for those who list mechanisms before they use one.

use strongroom_kmip::mechanism::{Block, Form, Hash, Input, Mechanism, Mode, Padding};

use super::{
    contract::{Family, Offer, Offered, Pair, Purpose, Shape},
    policy::{self, Level},
};

/// The purposes of an offer that a slot of this level serves for at least one length of key.
pub fn purposes(level: Level, offer: &Offer) -> Vec<Purpose> {
    let allowed = |purpose: &Purpose| {
        example(offer.mechanism).is_none_or(|(mechanism, family)| {
            let shape = shape(offer, family, *purpose);
            policy::check(level, *purpose, &mechanism, shape).is_ok()
        })
    };
    offer.purposes.iter().copied().filter(allowed).collect()
}

/// The longest key that the offer takes, which is the one that policies like best.
fn shape(offer: &Offer, family: Option<Family>, purpose: Purpose) -> Shape {
    let bits = offer.bits.1;
    let pair = Pair::Rsa { bits };
    match (family, purpose) {
        (Some(family), _) => Shape::Symmetric { family, bits },
        (None, Purpose::Sign | Purpose::Decrypt | Purpose::Unwrap) => Shape::Private(pair),
        (None, Purpose::Verify | Purpose::Encrypt | Purpose::Wrap) => Shape::Public(pair),
    }
}

/// The offered mechanism with the parameters that most use, and the family of its keys; nothing for what uses no key.
fn example(offered: Offered) -> Option<(Mechanism, Option<Family>)> {
    let cipher = |block: Block, mode| {
        let family = if block == Block::Aes { Family::Aes } else { Family::TripleDes };
        Some((Mechanism::Cipher(block, mode), Some(family)))
    };
    let iv = |block: Block| vec![0; block.length()];
    let cbc = |block, padding| cipher(block, Mode::Cbc { iv: iv(block), padding });
    let stream = |mechanism| Some((mechanism, Some(Family::ChaCha20)));
    let pair = |mechanism| Some((mechanism, None));
    let pss = |hash: Hash, input| pair(Mechanism::RsaPss { hash, mask: hash, salt: Some(hash.length()), input });
    let none = Padding::None;
    match offered {
        Offered::AesEcb => cipher(Block::Aes, Mode::Ecb { padding: none }),
        Offered::AesCbc => cbc(Block::Aes, none),
        Offered::AesCbcPad => cbc(Block::Aes, Padding::Pkcs7),
        Offered::AesCtr => cipher(Block::Aes, Mode::Ctr { block: iv(Block::Aes) }),
        Offered::AesCfb => cipher(Block::Aes, Mode::Cfb { iv: iv(Block::Aes) }),
        Offered::AesOfb => cipher(Block::Aes, Mode::Ofb { iv: iv(Block::Aes) }),
        Offered::AesGcm => cipher(Block::Aes, Mode::Gcm { nonce: vec![0; 12], additional: Vec::new(), tag: 16 }),
        Offered::AesKeyWrap => Some((Mechanism::KeyWrap, Some(Family::Aes))),
        Offered::AesKeyWrapPadded => Some((Mechanism::KeyWrapPadded, Some(Family::Aes))),
        Offered::TripleDesEcb => cipher(Block::TripleDes, Mode::Ecb { padding: none }),
        Offered::TripleDesCbc => cbc(Block::TripleDes, none),
        Offered::TripleDesCbcPad => cbc(Block::TripleDes, Padding::Pkcs7),
        Offered::ChaCha20 => stream(Mechanism::ChaCha20 { nonce: vec![0; 12], counter: 0 }),
        Offered::ChaCha20Poly1305 => {
            stream(Mechanism::ChaCha20Poly1305 { nonce: vec![0; 12], additional: Vec::new(), tag: 16 })
        }
        Offered::RsaPkcs1 => pair(Mechanism::RsaPkcs1),
        Offered::RsaPkcs1Hashed(hash) => pair(Mechanism::RsaPkcs1Hashed { hash, input: Input::Message }),
        Offered::RsaPss => pss(Hash::Sha256, Input::Digest),
        Offered::RsaPssHashed(hash) => pss(hash, Input::Message),
        Offered::RsaOaep => pair(Mechanism::RsaOaep { hash: Hash::Sha256, mask: Hash::Sha256, label: Vec::new() }),
        Offered::RsaRaw => pair(Mechanism::RsaRaw),
        Offered::Ecdsa => pair(Mechanism::Ecdsa { hash: None, form: Form::Raw }),
        Offered::EcdsaHashed(hash) => pair(Mechanism::Ecdsa { hash: Some(hash), form: Form::Raw }),
        Offered::Eddsa => pair(Mechanism::Eddsa),
        Offered::Hmac(hash) => Some((Mechanism::Hmac { hash, length: hash.length() }, Some(Family::Hmac))),
        Offered::Digest(_)
        | Offered::AesKeyGen
        | Offered::GenericKeyGen
        | Offered::ChaCha20KeyGen
        | Offered::TripleDesKeyGen
        | Offered::RsaKeyGen
        | Offered::EllipticKeyGen
        | Offered::EdwardsKeyGen => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_promises_only_what_the_policy_allows() {
        let both: &'static [Purpose] = &[Purpose::Sign, Purpose::Verify];
        let row = |mechanism| Offer { mechanism, bits: (112, 8192), purposes: both };
        for (why, level, mechanism, expected) in [
            ("SHA-1 is only checked", Level::Standard, Offered::RsaPkcs1Hashed(Hash::Sha1), &[Purpose::Verify][..]),
            ("SHA-1 is signed for old data", Level::Legacy, Offered::RsaPkcs1Hashed(Hash::Sha1), both),
            ("SHA-1 is gone", Level::Strict, Offered::EcdsaHashed(Hash::Sha1), &[]),
            ("SHA-256 is everywhere", Level::Strict, Offered::EcdsaHashed(Hash::Sha256), both),
        ] {
            assert_eq!(purposes(level, &row(mechanism)), expected, "{why}");
        }
    }
}
