//! What a slot offers once its mechanism policy has had its say, for those who list mechanisms before they use one.

use strongroom_kmip::mechanism::{Block, Curve, Form, Hash, Input, Mechanism, Mode, Padding};

use super::{
    contract::{Family, Offer, Offered, Pair, Purpose, Recipe, Shape},
    policy::{self, Level},
};

/// The purposes of an offer that a slot of this level serves for at least one length of key; nothing when the level
/// leaves nothing of the offer.
pub fn purposes(level: Level, offer: &Offer) -> Option<Vec<Purpose>> {
    if let Some(recipe) = recipe(offer) {
        return policy::check_recipe(level, &recipe).is_ok().then(Vec::new);
    }
    let Some((mechanism, keys)) = example(offer.mechanism) else { return Some(offer.purposes.to_vec()) };
    let allowed = |purpose: &Purpose| {
        let shape = shape(offer, keys, *purpose);
        policy::check(level, *purpose, &mechanism, shape).is_ok()
    };
    let left: Vec<Purpose> = offer.purposes.iter().copied().filter(allowed).collect();
    (!left.is_empty()).then_some(left)
}

/// What kind of keys a mechanism works with.
#[derive(Clone, Copy)]
enum Keys {
    Symmetric(Family),
    Rsa,
    Elliptic(Curve),
}

/// The longest key that the offer takes, which is the one that policies like best.
fn shape(offer: &Offer, keys: Keys, purpose: Purpose) -> Shape {
    let bits = offer.bits.1;
    let pair = match keys {
        Keys::Symmetric(family) => return Shape::Symmetric { family, bits },
        Keys::Rsa => Pair::Rsa { bits },
        Keys::Elliptic(curve) => Pair::Elliptic(curve),
    };
    match purpose {
        Purpose::Sign | Purpose::Decrypt | Purpose::Unwrap | Purpose::Derive => Shape::Private(pair),
        Purpose::Verify | Purpose::Encrypt | Purpose::Wrap => Shape::Public(pair),
    }
}

/// The longest key that the offer makes, if it makes any.
fn recipe(offer: &Offer) -> Option<Recipe> {
    let bits = offer.bits.1;
    let symmetric = |family| Some(Recipe::Symmetric { family, bits });
    match offer.mechanism {
        Offered::AesKeyGen => symmetric(Family::Aes),
        Offered::GenericKeyGen => symmetric(Family::Hmac),
        Offered::ChaCha20KeyGen => symmetric(Family::ChaCha20),
        Offered::TripleDesKeyGen => symmetric(Family::TripleDes),
        Offered::RsaKeyGen => Some(Recipe::Pair(Pair::Rsa { bits })),
        Offered::EllipticKeyGen => Some(Recipe::Pair(Pair::Elliptic(Curve::P256))),
        Offered::EdwardsKeyGen => Some(Recipe::Pair(Pair::Elliptic(Curve::Ed25519))),
        _ => None,
    }
}

/// The offered mechanism with the parameters that most use, and its keys; nothing for what uses no key.
fn example(offered: Offered) -> Option<(Mechanism, Keys)> {
    let cipher = |block: Block, mode| {
        let family = if block == Block::Aes { Family::Aes } else { Family::TripleDes };
        Some((Mechanism::Cipher(block, mode), Keys::Symmetric(family)))
    };
    let iv = |block: Block| vec![0; block.length()];
    let cbc = |block, padding| cipher(block, Mode::Cbc { iv: iv(block), padding });
    let stream = |mechanism| Some((mechanism, Keys::Symmetric(Family::ChaCha20)));
    let rsa = |mechanism| Some((mechanism, Keys::Rsa));
    let elliptic = |mechanism, curve| Some((mechanism, Keys::Elliptic(curve)));
    let pss = |hash: Hash, input| rsa(Mechanism::RsaPss { hash, mask: hash, salt: Some(hash.length()), input });
    let none = Padding::None;
    match offered {
        Offered::AesEcb => cipher(Block::Aes, Mode::Ecb { padding: none }),
        Offered::AesCbc => cbc(Block::Aes, none),
        Offered::AesCbcPad => cbc(Block::Aes, Padding::Pkcs7),
        Offered::AesCtr => cipher(Block::Aes, Mode::Ctr { block: iv(Block::Aes) }),
        Offered::AesCfb => cipher(Block::Aes, Mode::Cfb { iv: iv(Block::Aes) }),
        Offered::AesOfb => cipher(Block::Aes, Mode::Ofb { iv: iv(Block::Aes) }),
        Offered::AesGcm => cipher(Block::Aes, Mode::Gcm { nonce: vec![0; 12], additional: Vec::new(), tag: 16 }),
        Offered::AesKeyWrap => Some((Mechanism::KeyWrap, Keys::Symmetric(Family::Aes))),
        Offered::AesCmac => Some((Mechanism::Cmac { length: 16 }, Keys::Symmetric(Family::Aes))),
        Offered::AesKeyWrapPadded => Some((Mechanism::KeyWrapPadded, Keys::Symmetric(Family::Aes))),
        Offered::TripleDesEcb => cipher(Block::TripleDes, Mode::Ecb { padding: none }),
        Offered::TripleDesCbc => cbc(Block::TripleDes, none),
        Offered::TripleDesCbcPad => cbc(Block::TripleDes, Padding::Pkcs7),
        Offered::ChaCha20 => stream(Mechanism::ChaCha20 { nonce: vec![0; 12], counter: 0 }),
        Offered::ChaCha20Poly1305 => {
            stream(Mechanism::ChaCha20Poly1305 { nonce: vec![0; 12], additional: Vec::new(), tag: 16 })
        }
        Offered::RsaPkcs1 => rsa(Mechanism::RsaPkcs1),
        Offered::RsaPkcs1Hashed(hash) => rsa(Mechanism::RsaPkcs1Hashed { hash, input: Input::Message }),
        Offered::RsaPss => pss(Hash::Sha256, Input::Digest),
        Offered::RsaPssHashed(hash) => pss(hash, Input::Message),
        Offered::RsaOaep => rsa(Mechanism::RsaOaep { hash: Hash::Sha256, mask: Hash::Sha256, label: Vec::new() }),
        Offered::RsaRaw => rsa(Mechanism::RsaRaw),
        Offered::Ecdsa => elliptic(Mechanism::Ecdsa { hash: None, form: Form::Raw }, Curve::P256),
        Offered::EcdsaHashed(hash) => elliptic(Mechanism::Ecdsa { hash: Some(hash), form: Form::Raw }, Curve::P256),
        Offered::Eddsa => elliptic(Mechanism::Eddsa, Curve::Ed25519),
        Offered::Hmac(hash) => Some((Mechanism::Hmac { hash, length: hash.length() }, Keys::Symmetric(Family::Hmac))),
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
        let row = |mechanism| Offer { mechanism, bits: (224, 8192), purposes: both };
        for (why, level, mechanism, expected) in [
            (
                "SHA-1 is only checked",
                Level::Standard,
                Offered::RsaPkcs1Hashed(Hash::Sha1),
                Some(&[Purpose::Verify][..]),
            ),
            ("SHA-1 is signed for old data", Level::Legacy, Offered::RsaPkcs1Hashed(Hash::Sha1), Some(both)),
            ("SHA-1 is gone", Level::Strict, Offered::EcdsaHashed(Hash::Sha1), None),
            ("SHA-256 is everywhere", Level::Strict, Offered::EcdsaHashed(Hash::Sha256), Some(both)),
        ] {
            assert_eq!(purposes(level, &row(mechanism)).as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn keys_that_are_not_made_are_not_listed() {
        let row = |mechanism| Offer { mechanism, bits: (112, 192), purposes: &[] };
        assert_eq!(purposes(Level::Standard, &row(Offered::TripleDesKeyGen)), None);
        assert_eq!(purposes(Level::Legacy, &row(Offered::TripleDesKeyGen)), Some(Vec::new()));
        assert_eq!(purposes(Level::Strict, &row(Offered::EdwardsKeyGen)), Some(Vec::new()));
    }
}
