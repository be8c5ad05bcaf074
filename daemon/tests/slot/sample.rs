//! Keys and mechanisms to test with.

use std::sync::{Arc, OnceLock};

use strongroom::slot::{
    Kept, Key, Made, Purpose, Recipe, Slot,
    contract::{Family, Pair},
    registry::MEMBERS,
};
use strongroom_kmip::mechanism::{Block, Curve, Form, Hash, Input, Mechanism, Mode, Padding, Side};

/// One slot of every kind.
pub(crate) fn slots() -> Vec<Arc<dyn Slot>> {
    MEMBERS.iter().map(|member| (member.open)("test")).collect()
}

/// A new symmetric key.
pub(crate) fn symmetric(slot: &dyn Slot, family: Family, bits: usize) -> Kept {
    match slot.make(&Recipe::Symmetric { family, bits }).unwrap() {
        Made::One(kept) => kept,
        Made::Pair { .. } => panic!("a symmetric recipe made a pair"),
    }
}

/// A new pair: the private half, the public half.
pub(crate) fn pair(slot: &dyn Slot, pair: Pair) -> (Kept, Kept) {
    match slot.make(&Recipe::Pair(pair)).unwrap() {
        Made::Pair { private, public } => (private, public),
        Made::One(_) => panic!("a recipe for a pair made one key"),
    }
}

/// An opened key of every kind, made once: the kind's name, the key that signs or encrypts, and its other half.
pub(crate) struct Ring {
    pub name: &'static str,
    /// Signs and decrypts; the same as `public` for a symmetric key.
    pub private: Arc<dyn Key>,
    /// Verifies and encrypts.
    pub public: Arc<dyn Key>,
}

/// Keys of every kind in the first slot.
pub(crate) fn rings() -> &'static [Ring] {
    static RINGS: OnceLock<Vec<Ring>> = OnceLock::new();
    RINGS.get_or_init(|| slots().iter().flat_map(|slot| ring_of(&**slot)).collect())
}

/// The first keys of that name.
pub(crate) fn ring(name: &str) -> &'static Ring {
    rings().iter().find(|ring| ring.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn ring_of(slot: &dyn Slot) -> Vec<Ring> {
    let one = |name, family, bits| {
        let key = slot.open(&symmetric(slot, family, bits)).unwrap();
        Ring { name, private: Arc::clone(&key), public: key }
    };
    let two = |name, kind| {
        let (private, public) = pair(slot, kind);
        Ring { name, private: slot.open(&private).unwrap(), public: slot.open(&public).unwrap() }
    };
    vec![
        one("AES-128", Family::Aes, 128),
        one("AES-192", Family::Aes, 192),
        one("AES-256", Family::Aes, 256),
        one("AES-XTS", Family::AesXts, 512),
        one("3DES of two keys", Family::TripleDes, 112),
        one("3DES of three keys", Family::TripleDes, 192),
        one("ChaCha20", Family::ChaCha20, 256),
        one("HMAC", Family::Hmac, 256),
        one("foreign", Family::Foreign, 128),
        two("RSA-2048", Pair::Rsa { bits: 2048 }),
        two("P-224", Pair::Elliptic(Curve::P224)),
        two("P-256", Pair::Elliptic(Curve::P256)),
        two("P-384", Pair::Elliptic(Curve::P384)),
        two("P-521", Pair::Elliptic(Curve::P521)),
        two("secp256k1", Pair::Elliptic(Curve::Secp256k1)),
        two("Ed25519", Pair::Elliptic(Curve::Ed25519)),
        two("X25519", Pair::Elliptic(Curve::X25519)),
    ]
}

/// Every purpose.
pub(crate) const PURPOSES: [Purpose; 6] =
    [Purpose::Encrypt, Purpose::Decrypt, Purpose::Sign, Purpose::Verify, Purpose::Wrap, Purpose::Unwrap];

/// Every mechanism with usable parameters, each hash where it has one.
pub(crate) fn mechanisms() -> Vec<Mechanism> {
    let mut all = Vec::new();
    for (block, length) in [(Block::Aes, 16), (Block::TripleDes, 8)] {
        for padding in [Padding::None, Padding::Pkcs7] {
            all.push(Mechanism::Cipher(block, Mode::Ecb { padding }));
            all.push(Mechanism::Cipher(block, Mode::Cbc { iv: vec![7; length], padding }));
        }
        all.push(Mechanism::Cipher(block, Mode::Ctr { block: vec![0xff; length] }));
        all.push(Mechanism::Cipher(block, Mode::Cfb { iv: vec![7; length] }));
        all.push(Mechanism::Cipher(block, Mode::Ofb { iv: vec![7; length] }));
        all.push(Mechanism::Cipher(block, Mode::Cts { iv: vec![7; length] }));
        all.push(Mechanism::Cipher(block, Mode::Cfb8 { iv: vec![7; length] }));
        all.push(Mechanism::Cipher(block, Mode::Cfb1 { iv: vec![7; length] }));
        all.push(Mechanism::Cipher(block, Mode::Cfb64 { iv: vec![7; length] }));
        all.push(Mechanism::Cipher(block, Mode::Xts { tweak: vec![7; length] }));
        for (nonce, tag) in [(13, 16), (7, 4), (11, 10)] {
            let additional = b"seen by all".to_vec();
            all.push(Mechanism::Cipher(block, Mode::Ccm { nonce: vec![9; nonce], additional, tag }));
        }
        all.push(Mechanism::Cmac { block, length });
        all.push(Mechanism::Cmac { block, length: 6 });
        all.push(Mechanism::CbcMac { block, length });
        all.push(Mechanism::CbcMac { block, length: length / 2 });
        for (nonce, tag) in [(12, 16), (12, 12), (12, 4), (16, 16), (1, 13), (256, 8)] {
            let additional = b"seen by all".to_vec();
            all.push(Mechanism::Cipher(block, Mode::Gcm { nonce: vec![9; nonce], additional, tag }));
        }
    }
    all.push(Mechanism::ChaCha20 { nonce: vec![3; 12], counter: 1 });
    all.push(Mechanism::ChaCha20 { nonce: vec![3; 8], counter: u64::from(u32::MAX) });
    for tag in [16, 12, 4] {
        all.push(Mechanism::ChaCha20Poly1305 { nonce: vec![3; 12], additional: b"seen by all".to_vec(), tag });
    }
    all.extend([
        Mechanism::RsaPkcs1,
        Mechanism::RsaRaw,
        Mechanism::Eddsa,
        Mechanism::KeyWrap,
        Mechanism::KeyWrapPadded,
        Mechanism::Gmac { nonce: vec![5; 12], length: 16 },
        Mechanism::Gmac { nonce: vec![5; 16], length: 12 },
        Mechanism::TlsMac { hash: Hash::Sha256, side: Side::Client, length: 12 },
        Mechanism::TlsMac { hash: Hash::Sha384, side: Side::Server, length: 64 },
    ]);
    for form in [Form::Raw, Form::Der] {
        all.push(Mechanism::Ecdsa { hash: None, form });
        all.extend(Hash::ALL.iter().map(|hash| Mechanism::Ecdsa { hash: Some(*hash), form }));
    }
    for hash in Hash::ALL.iter().copied() {
        all.push(Mechanism::Hmac { hash, length: hash.length() });
        all.push(Mechanism::Hmac { hash, length: 12 });
        all.push(Mechanism::RsaOaep { hash, mask: hash, label: Vec::new() });
        all.push(Mechanism::RsaOaep { hash, mask: Hash::Sha1, label: b"label".to_vec() });
        for input in [Input::Message, Input::Digest] {
            all.push(Mechanism::RsaPkcs1Hashed { hash, input });
            all.push(Mechanism::RsaPss { hash, mask: hash, salt: Some(hash.length()), input });
            all.push(Mechanism::RsaPss { hash, mask: hash, salt: None, input });
            all.push(Mechanism::RsaPss { hash, mask: Hash::Sha256, salt: Some(0), input });
        }
    }
    all
}

/// Data of a length that a mechanism takes on its way in with that key.
pub(crate) fn fitting(mechanism: &Mechanism) -> Vec<u8> {
    let length = match mechanism {
        Mechanism::RsaPkcs1Hashed { hash, input: Input::Digest }
        | Mechanism::RsaPss { hash, input: Input::Digest, .. } => hash.length(),
        Mechanism::RsaRaw => 256,
        _ => 48,
    };
    // The first byte keeps a bare RSA block below its modulus.
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}
