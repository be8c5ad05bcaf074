//! What is refused, and with which word: parameters that cannot be, data that do not fit, mechanisms that no row offers.

use strongroom::slot::{
    Error, Made, Purpose, Recipe,
    contract::{Family, Offered, Pair},
};
use strongroom_kmip::mechanism::{Block, Curve, Form, Hash, Input, Mechanism, Mode, Padding, Side};

use crate::sample::{ring, slots};

fn gcm(nonce: usize, tag: usize) -> Mechanism {
    Mechanism::Cipher(Block::Aes, Mode::Gcm { nonce: vec![1; nonce], additional: Vec::new(), tag })
}

fn ccm(nonce: usize, tag: usize) -> Mechanism {
    Mechanism::Cipher(Block::Aes, Mode::Ccm { nonce: vec![1; nonce], additional: Vec::new(), tag })
}

fn cbc(block: Block, iv: usize, padding: Padding) -> Mechanism {
    Mechanism::Cipher(block, Mode::Cbc { iv: vec![1; iv], padding })
}

fn pss(salt: usize, input: Input) -> Mechanism {
    Mechanism::RsaPss { hash: Hash::Sha256, mask: Hash::Sha256, salt: Some(salt), input }
}

fn oaep(hash: Hash) -> Mechanism {
    Mechanism::RsaOaep { hash, mask: hash, label: Vec::new() }
}

#[test]
fn parameters_that_cannot_be_are_refused_before_and_in_the_middle() {
    use Purpose::{Decrypt, Encrypt, Sign};
    let long_label = Mechanism::RsaOaep { hash: Hash::Sha256, mask: Hash::Sha256, label: vec![0; 100_000] };
    let rows = [
        ("no nonce", "AES-256", Encrypt, gcm(0, 16)),
        ("an endless nonce", "AES-256", Encrypt, gcm(257, 16)),
        ("no nonce to decrypt with", "AES-256", Decrypt, gcm(0, 16)),
        ("no tag", "AES-256", Encrypt, gcm(12, 0)),
        ("a tag of 11 bytes", "AES-256", Decrypt, gcm(12, 11)),
        ("a tag of 17 bytes", "AES-256", Encrypt, gcm(12, 17)),
        ("a short IV", "AES-128", Encrypt, cbc(Block::Aes, 15, Padding::None)),
        ("a long IV", "AES-128", Decrypt, cbc(Block::Aes, 17, Padding::Pkcs7)),
        ("no IV", "AES-128", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Ofb { iv: Vec::new() })),
        ("no IV of CTS", "AES-128", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Cts { iv: Vec::new() })),
        ("a short IV of CTS", "AES-128", Decrypt, Mechanism::Cipher(Block::Aes, Mode::Cts { iv: vec![0; 15] })),
        ("a long IV of CTS", "AES-128", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Cts { iv: vec![0; 17] })),
        ("no IV of CFB8", "AES-128", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Cfb8 { iv: Vec::new() })),
        ("a long IV of CFB8", "AES-128", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Cfb8 { iv: vec![0; 17] })),
        ("a short IV of CFB1", "AES-128", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Cfb1 { iv: vec![0; 15] })),
        ("no IV of CFB64", "AES-128", Decrypt, Mechanism::Cipher(Block::Aes, Mode::Cfb64 { iv: Vec::new() })),
        ("no place of XTS", "AES-XTS", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Xts { tweak: Vec::new() })),
        ("a short place of XTS", "AES-XTS", Decrypt, Mechanism::Cipher(Block::Aes, Mode::Xts { tweak: vec![0; 8] })),
        ("a long place of XTS", "AES-XTS", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Xts { tweak: vec![0; 17] })),
        ("no nonce of CCM", "AES-256", Encrypt, ccm(0, 16)),
        ("a short nonce of CCM", "AES-256", Encrypt, ccm(6, 16)),
        ("a long nonce of CCM", "AES-256", Decrypt, ccm(14, 16)),
        ("no tag of CCM", "AES-256", Encrypt, ccm(12, 0)),
        ("an odd tag of CCM", "AES-256", Decrypt, ccm(12, 9)),
        ("a long tag of CCM", "AES-256", Decrypt, ccm(12, 18)),
        ("no nonce of GMAC", "AES-256", Sign, Mechanism::Gmac { nonce: Vec::new(), length: 16 }),
        ("an endless nonce of GMAC", "AES-256", Sign, Mechanism::Gmac { nonce: vec![0; 257], length: 16 }),
        ("GMAC of nothing", "AES-256", Sign, Mechanism::Gmac { nonce: vec![0; 12], length: 0 }),
        ("GMAC longer than a block", "AES-256", Sign, Mechanism::Gmac { nonce: vec![0; 12], length: 17 }),
        ("CBC-MAC of nothing", "AES-256", Sign, Mechanism::CbcMac { block: Block::Aes, length: 0 }),
        ("CBC-MAC longer than a block", "AES-256", Sign, Mechanism::CbcMac { block: Block::Aes, length: 17 }),
        (
            "the end of a handshake of nothing",
            "HMAC",
            Sign,
            Mechanism::TlsMac { hash: Hash::Sha256, side: Side::Client, length: 0 },
        ),
        ("CMAC of nothing", "AES-256", Sign, Mechanism::Cmac { block: Block::Aes, length: 0 }),
        ("CMAC longer than a block", "AES-256", Sign, Mechanism::Cmac { block: Block::Aes, length: 17 }),
        (
            "CMAC longer than a block of DES",
            "3DES of two keys",
            Sign,
            Mechanism::Cmac { block: Block::TripleDes, length: 9 },
        ),
        ("no counter block", "AES-128", Encrypt, Mechanism::Cipher(Block::Aes, Mode::Ctr { block: Vec::new() })),
        ("an IV of AES", "3DES of three keys", Encrypt, cbc(Block::TripleDes, 16, Padding::None)),
        ("a nonce of 9 bytes", "ChaCha20", Encrypt, Mechanism::ChaCha20 { nonce: vec![0; 9], counter: 0 }),
        ("a counter too high", "ChaCha20", Encrypt, Mechanism::ChaCha20 { nonce: vec![0; 12], counter: 1 << 32 }),
        (
            "a nonce of 8 bytes",
            "ChaCha20",
            Decrypt,
            Mechanism::ChaCha20Poly1305 { nonce: vec![0; 8], additional: Vec::new(), tag: 16 },
        ),
        ("a MAC of nothing", "HMAC", Sign, Mechanism::Hmac { hash: Hash::Sha256, length: 0 }),
        ("a MAC longer than its hash", "HMAC", Sign, Mechanism::Hmac { hash: Hash::Sha256, length: 33 }),
        ("a salt too long", "RSA-2048", Sign, pss(223, Input::Message)),
        ("an endless salt", "RSA-2048", Sign, pss(usize::MAX, Input::Message)),
    ];
    for (name, key, purpose, mechanism) in rows {
        let data = if purpose == Decrypt { &[0; 64][..] } else { &[0; 32] };
        let key = &ring(key).private;
        assert!(matches!(key.work(purpose, &mechanism, data), Err(Error::Parameter(_))), "{name}");
        let begun = key.begin(purpose, &mechanism).map(|_| ());
        assert!(matches!(begun, Err(Error::Parameter(_))), "{name}: {begun:?}");
    }
    let key = &ring("RSA-2048").public;
    assert!(matches!(key.work(Encrypt, &long_label, b"data"), Err(Error::Parameter(_))));
    assert!(ring("RSA-2048").private.work(Sign, &pss(222, Input::Message), b"data").is_ok(), "the longest salt");
}

#[test]
fn data_of_a_length_that_does_not_fit_are_refused() {
    use Purpose::{Decrypt, Encrypt, Sign, Unwrap, Wrap};
    let ecdsa = Mechanism::Ecdsa { hash: None, form: Form::Raw };
    let digest = Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: Input::Digest };
    let none = Padding::None;
    let rows = [
        ("CBC over part of a block", "AES-256", Encrypt, cbc(Block::Aes, 16, none), 17),
        ("CBC back over part of a block", "AES-256", Decrypt, cbc(Block::Aes, 16, none), 15),
        ("padded CBC back over nothing", "AES-256", Decrypt, cbc(Block::Aes, 16, Padding::Pkcs7), 0),
        ("padded CBC back over part of a block", "AES-256", Decrypt, cbc(Block::Aes, 16, Padding::Pkcs7), 33),
        (
            "CTS of less than a block",
            "AES-256",
            Encrypt,
            Mechanism::Cipher(Block::Aes, Mode::Cts { iv: vec![0; 16] }),
            15,
        ),
        ("CTS of nothing", "AES-256", Decrypt, Mechanism::Cipher(Block::Aes, Mode::Cts { iv: vec![0; 16] }), 0),
        (
            "XTS of less than a block",
            "AES-XTS",
            Encrypt,
            Mechanism::Cipher(Block::Aes, Mode::Xts { tweak: vec![0; 16] }),
            15,
        ),
        ("XTS of nothing", "AES-XTS", Decrypt, Mechanism::Cipher(Block::Aes, Mode::Xts { tweak: vec![0; 16] }), 0),
        ("CCM of more than its nonce leaves room for", "AES-256", Encrypt, ccm(13, 16), 1 << 16),
        ("3DES over part of a block", "3DES of two keys", Encrypt, cbc(Block::TripleDes, 8, none), 9),
        ("key wrap of one block", "AES-256", Wrap, Mechanism::KeyWrap, 8),
        ("key wrap of part of a block", "AES-256", Wrap, Mechanism::KeyWrap, 17),
        ("padded key wrap of nothing", "AES-256", Wrap, Mechanism::KeyWrapPadded, 0),
        ("key wrap of more than a key", "AES-256", Unwrap, Mechanism::KeyWrap, 1 << 20),
        ("PKCS#1 over too much", "RSA-2048", Sign, Mechanism::RsaPkcs1, 246),
        ("PKCS#1 over a digest too short", "RSA-2048", Sign, digest.clone(), 31),
        ("PKCS#1 over a digest too long", "RSA-2048", Sign, digest, 33),
        ("PSS over a digest too short", "RSA-2048", Sign, pss(32, Input::Digest), 20),
        ("raw RSA over too little", "RSA-2048", Sign, Mechanism::RsaRaw, 255),
        ("raw RSA over too much", "RSA-2048", Sign, Mechanism::RsaRaw, 257),
        ("RSA back over too little", "RSA-2048", Decrypt, Mechanism::RsaPkcs1, 255),
        ("OAEP back over too much", "RSA-2048", Decrypt, oaep(Hash::Sha256), 257),
        ("ECDSA over a digest of nothing", "P-256", Sign, ecdsa.clone(), 0),
        ("ECDSA over a message by mistake", "P-256", Sign, ecdsa, 2000),
    ];
    for (name, key, purpose, mechanism, length) in rows {
        let key = &ring(key).private;
        let data = vec![0; length];
        assert_eq!(key.work(purpose, &mechanism, &data).unwrap_err(), Error::Length, "{name}");
        let mut running = key.begin(purpose, &mechanism).unwrap();
        let ended = running.update(&data).and_then(|_| running.finish());
        assert_eq!(ended.unwrap_err(), Error::Length, "{name} in parts");
    }
    let public = &ring("RSA-2048").public;
    let rows = [
        ("PKCS#1 encryption of too much", Mechanism::RsaPkcs1, 246),
        ("OAEP of too much", oaep(Hash::Sha256), 191),
        ("OAEP of too much, SHA-512", oaep(Hash::Sha512), 127),
        ("raw RSA of too little", Mechanism::RsaRaw, 10),
    ];
    for (name, mechanism, length) in rows {
        assert_eq!(public.work(Encrypt, &mechanism, &vec![0; length]).unwrap_err(), Error::Length, "{name}");
    }
    assert!(public.work(Encrypt, &oaep(Hash::Sha512), &[0; 126]).is_ok(), "the most that OAEP takes");
}

#[test]
fn a_number_that_is_not_below_the_modulus_is_refused() {
    let key = ring("RSA-2048");
    for purpose in [Purpose::Sign, Purpose::Decrypt] {
        let refused = key.private.work(purpose, &Mechanism::RsaRaw, &[0xff; 256]);
        assert_eq!(refused.unwrap_err(), Error::Length, "{purpose:?}");
    }
    assert_eq!(key.public.work(Purpose::Encrypt, &Mechanism::RsaRaw, &[0xff; 256]).unwrap_err(), Error::Length);
    assert_eq!(key.private.work(Purpose::Decrypt, &Mechanism::RsaPkcs1, &[0xff; 256]).unwrap_err(), Error::Length);
}

#[test]
fn a_decryption_that_fails_does_not_say_why() {
    let rows = [
        ("a tag cut off", "AES-256", gcm(12, 16), 15),
        ("nothing", "AES-256", gcm(12, 16), 0),
        ("a wrong tag", "AES-256", gcm(12, 16), 40),
        ("a wrong short tag", "AES-256", gcm(16, 12), 40),
        ("wrong padding", "AES-256", cbc(Block::Aes, 16, Padding::Pkcs7), 32),
        ("wrong OAEP", "RSA-2048", oaep(Hash::Sha256), 256),
        (
            "a wrong Poly1305 tag",
            "ChaCha20",
            Mechanism::ChaCha20Poly1305 { nonce: vec![0; 12], additional: Vec::new(), tag: 16 },
            40,
        ),
    ];
    for (name, key, mechanism, length) in rows {
        let key = &ring(key).private;
        // Random keys might by chance decrypt one such text in hundreds; none decrypts three.
        let refused = (0..3u8).filter(|byte| {
            let answer = key.work(Purpose::Decrypt, &mechanism, &vec![*byte; length]);
            assert!(matches!(answer, Ok(_) | Err(Error::Undecryptable)), "{name}: {answer:?}");
            answer.is_err()
        });
        assert!(refused.count() > 0, "{name}");
    }
    for mechanism in [Mechanism::KeyWrap, Mechanism::KeyWrapPadded] {
        for length in [0, 8, 16, 23, 24, 32] {
            let refused = ring("AES-256").private.work(Purpose::Unwrap, &mechanism, &vec![5; length]);
            assert_eq!(refused.unwrap_err(), Error::Undecryptable, "{mechanism} {length}");
        }
    }
}

#[test]
fn pkcs1_decryption_answers_bad_padding_with_bytes_that_stay_the_same() {
    let key = ring("RSA-2048");
    let mut sealed = key.public.work(Purpose::Encrypt, &Mechanism::RsaPkcs1, b"secret").unwrap().reveal().to_vec();
    sealed[255] ^= 1;
    let decrypt = || key.private.work(Purpose::Decrypt, &Mechanism::RsaPkcs1, &sealed);
    if let (Ok(first), Ok(second)) = (decrypt(), decrypt()) {
        assert!(first.same_as(second.reveal()));
        assert_ne!(first.reveal(), b"secret");
    } else {
        // Only a number above the modulus is told apart, which the sender could tell too.
        assert_eq!(decrypt().unwrap_err(), Error::Length);
    }
}

#[test]
fn a_mechanism_of_another_kind_of_key_is_unsupported() {
    use Purpose::{Decrypt, Encrypt, Sign, Verify, Wrap};
    let hmac = Mechanism::Hmac { hash: Hash::Sha256, length: 32 };
    let ecdsa = Mechanism::Ecdsa { hash: None, form: Form::Raw };
    let rows = [
        ("AES signs", "AES-256", Sign, Mechanism::Eddsa),
        ("3DES signs", "3DES of two keys", Sign, hmac.clone()),
        ("AES encrypts by key wrap", "AES-256", Encrypt, Mechanism::KeyWrap),
        ("AES as 3DES", "AES-256", Encrypt, cbc(Block::TripleDes, 8, Padding::None)),
        (
            "3DES counts",
            "3DES of two keys",
            Encrypt,
            Mechanism::Cipher(Block::TripleDes, Mode::Ctr { block: vec![0; 8] }),
        ),
        ("HMAC encrypts", "HMAC", Encrypt, gcm(12, 16)),
        ("HMAC wraps", "HMAC", Wrap, hmac.clone()),
        ("a foreign key encrypts", "foreign", Encrypt, gcm(12, 16)),
        ("a private key encrypts", "RSA-2048", Encrypt, oaep(Hash::Sha256)),
        ("a private key verifies", "RSA-2048", Verify, Mechanism::RsaPkcs1),
        ("RSA signs by OAEP", "RSA-2048", Sign, oaep(Hash::Sha256)),
        ("RSA decrypts by PSS", "RSA-2048", Decrypt, pss(32, Input::Message)),
        ("P-256 by EdDSA", "P-256", Sign, Mechanism::Eddsa),
        ("Ed25519 by ECDSA", "Ed25519", Sign, ecdsa.clone()),
        ("X25519 signs", "X25519", Sign, Mechanism::Eddsa),
        ("P-256 decrypts", "P-256", Decrypt, ecdsa),
    ];
    for (name, key, purpose, mechanism) in rows {
        let key = &ring(key).private;
        let refused = key.begin(purpose, &mechanism).map(|_| ());
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{name}: {refused:?}");
        let refused = key.work(purpose, &mechanism, &[0; 32]);
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{name}: {refused:?}");
        assert!(key.verify(&mechanism, b"data", b"signature").is_err(), "{name}");
    }
}

#[test]
fn only_what_the_table_offers_is_made() {
    let symmetric = |family, bits| Recipe::Symmetric { family, bits };
    let rsa = |bits| Recipe::Pair(Pair::Rsa { bits });
    let rows = [
        ("AES-192", symmetric(Family::Aes, 192), true),
        ("AES-160", symmetric(Family::Aes, 160), false),
        ("AES-0", symmetric(Family::Aes, 0), false),
        ("3DES of 168 bits", symmetric(Family::TripleDes, 168), true),
        ("3DES of 128 bits", symmetric(Family::TripleDes, 128), true),
        ("3DES of 150 bits", symmetric(Family::TripleDes, 150), false),
        ("single DES", symmetric(Family::TripleDes, 64), false),
        ("ChaCha20 of 128 bits", symmetric(Family::ChaCha20, 128), false),
        ("HMAC of 1024 bits", symmetric(Family::Hmac, 1024), true),
        ("HMAC of odd bits", symmetric(Family::Hmac, 129), false),
        ("HMAC of nothing", symmetric(Family::Hmac, 0), false),
        ("HMAC above all measure", symmetric(Family::Hmac, 1 << 20), false),
        ("RSA-1024, for old data", rsa(1024), true),
        ("RSA-896", rsa(896), false),
        ("RSA-2050", rsa(2050), false),
        ("RSA-8192", rsa(8192), false),
        ("RSA-0", rsa(0), false),
        ("P-256", Recipe::Pair(Pair::Elliptic(Curve::P256)), true),
    ];
    for slot in slots() {
        for (name, recipe, offered) in &rows {
            match slot.make(recipe) {
                Ok(_) => assert!(offered, "{name}"),
                Err(error) => assert!(!offered && matches!(error, Error::Unsupported(_)), "{name}: {error}"),
            }
        }
    }
}

#[test]
fn a_new_triple_des_key_has_odd_parity_and_different_parts() {
    for slot in slots() {
        let made = slot.make(&Recipe::Symmetric { family: Family::TripleDes, bits: 192 }).unwrap();
        let Made::One(kept) = made else { panic!() };
        let bytes = kept.held.reveal();
        assert!(bytes.iter().all(|byte| byte.count_ones() % 2 == 1));
        assert_ne!(bytes[..8], bytes[8..16]);
        assert_ne!(bytes[8..16], bytes[16..]);
    }
}

#[test]
fn the_table_names_each_mechanism_once_and_in_bounds() {
    for slot in slots() {
        let offers = slot.offers();
        for (at, offer) in offers.iter().enumerate() {
            assert!(offer.bits.0 <= offer.bits.1, "{offer:?}");
            assert!(offers[..at].iter().all(|other| other.mechanism != offer.mechanism), "{offer:?} twice");
        }
        assert!(offers.iter().any(|offer| offer.mechanism == Offered::AesGcm));
    }
}
