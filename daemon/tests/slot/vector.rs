//! Known answers: every mechanism against vectors that another engine made, or that a standard prints.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom::slot::{
    Error, Kept, Key, Material, Purpose, Shape, Slot,
    contract::{Family, Offered, Pair},
};
use strongroom_kmip::{
    mechanism::{Block, Curve, Form, Hash, Input, Keys, Mechanism, Mode, Padding, Side, Work},
    secret::Secret,
};

use crate::sample::slots;

const FILES: &[(&str, &str)] = &[
    ("block", include_str!("vectors/block.txt")),
    ("feedback", include_str!("vectors/feedback.txt")),
    ("stealing", include_str!("vectors/stealing.txt")),
    ("xts", include_str!("vectors/xts.txt")),
    ("gcm", include_str!("vectors/gcm.txt")),
    ("gmac", include_str!("vectors/gmac.txt")),
    ("ccm", include_str!("vectors/ccm.txt")),
    ("wrap", include_str!("vectors/wrap.txt")),
    ("chacha", include_str!("vectors/chacha.txt")),
    ("blake", include_str!("vectors/blake.txt")),
    ("digest", include_str!("vectors/digest.txt")),
    ("mac", include_str!("vectors/mac.txt")),
    ("old", include_str!("vectors/old.txt")),
    ("finished", include_str!("vectors/finished.txt")),
    ("cmac", include_str!("vectors/cmac.txt")),
    ("ecdsa", include_str!("vectors/ecdsa.txt")),
    ("dsa", include_str!("vectors/dsa.txt")),
    ("eddsa", include_str!("vectors/eddsa.txt")),
    ("rsa", include_str!("vectors/rsa.txt")),
];

#[test]
fn every_known_answer_is_given() {
    for slot in slots() {
        for (file, text) in FILES {
            let mut keys = BTreeMap::new();
            for record in records(text) {
                if let Some(name) = record.text("define") {
                    keys.insert(name, pair(&*slot, &record));
                } else {
                    check(&*slot, &record, &keys, &format!("{file}: {}", record.text("name").unwrap()));
                }
            }
        }
    }
}

#[test]
fn every_offer_has_known_answers() {
    let known: Vec<String> =
        FILES.iter().flat_map(|(_, text)| records(text)).filter_map(|record| record.row()).collect();
    for slot in slots() {
        for offer in slot.offers().iter().filter(|offer| !is_generation(offer.mechanism)) {
            let row = format!("{:?}", offer.mechanism);
            assert!(known.contains(&row), "{row} has no known answer");
        }
    }
}

/// Whether it makes keys. Those that are made out of others have their known answers beside, in [`crate::derive`], as have
/// the algorithms of [`crate::quantum`].
fn is_generation(offered: Offered) -> bool {
    let facts = offered.facts();
    matches!(facts.work, Work::Key | Work::Pair | Work::Derivation) || matches!(facts.keys, Keys::MlDsa | Keys::SlhDsa)
}

/// An opened pair: private and public half.
type Opened = (Arc<dyn Key>, Arc<dyn Key>);

fn pair(slot: &dyn Slot, record: &Record<'_>) -> Opened {
    let pair = kind(record.text("kind").unwrap());
    let public = Material::PublicKeyInfo(record.bytes("public"));
    let public = slot.open(&slot.take(Shape::Public(pair), &public).unwrap()).unwrap();
    // What signs no more has a public half alone.
    let Some(private) = record.some("private") else { return (Arc::clone(&public), public) };
    let private = Material::Pkcs8(Secret::new(private));
    (slot.open(&slot.take(Shape::Private(pair), &private).unwrap()).unwrap(), public)
}

/// A kind of pair by its name in the files.
pub(crate) fn kind(name: &str) -> Pair {
    match name {
        "RSA-2048" => Pair::Rsa { bits: 2048 },
        "RSA-1024" => Pair::Rsa { bits: 1024 },
        "DSA-1024" => Pair::Dsa { bits: 1024 },
        "DSA-2048" => Pair::Dsa { bits: 2048 },
        "DSA-3072" => Pair::Dsa { bits: 3072 },
        "P-224" => Pair::Elliptic(Curve::P224),
        "P-256" => Pair::Elliptic(Curve::P256),
        "P-384" => Pair::Elliptic(Curve::P384),
        "P-521" => Pair::Elliptic(Curve::P521),
        "secp256k1" => Pair::Elliptic(Curve::Secp256k1),
        "Ed25519" => Pair::Elliptic(Curve::Ed25519),
        _ => panic!("no kind {name}"),
    }
}

fn check(slot: &dyn Slot, record: &Record<'_>, keys: &BTreeMap<&str, Opened>, label: &str) {
    let plain = record.bytes("plain");
    if record.text("mechanism") == Some("digest") {
        let mut running = slot.digest(record.hash("hash")).unwrap();
        running.update(&plain).unwrap();
        assert_eq!(running.finish().unwrap().reveal(), record.bytes("digest"), "{label}");
        return;
    }
    let mechanism = record.mechanism();
    let (private, public) = match keys.get(record.text("key").unwrap()) {
        Some((private, public)) => (Arc::clone(private), Arc::clone(public)),
        None => {
            let key = symmetric(slot, record);
            (Arc::clone(&key), key)
        }
    };
    // What has chance in it comes out otherwise each time, and is only read back.
    let repeats = record.text("made") != Some("no");
    if let Some(signature) = record.some("signature") {
        if repeats {
            let made = private.work(Purpose::Sign, &mechanism, &plain).unwrap();
            assert_eq!(made.reveal(), signature, "{label}");
        }
        assert_eq!(public.verify(&mechanism, &plain, &signature), Ok(()), "{label}");
        let mut other = signature.clone();
        *other.last_mut().unwrap() ^= 1;
        assert_eq!(public.verify(&mechanism, &plain, &other), Err(Error::Mismatch), "{label}, changed");
        return;
    }
    let cipher = record.bytes("cipher");
    let wraps = matches!(mechanism, Mechanism::KeyWrap | Mechanism::KeyWrapPadded | Mechanism::RsaAesWrap { .. });
    let (forth, back) = if wraps { (Purpose::Wrap, Purpose::Unwrap) } else { (Purpose::Encrypt, Purpose::Decrypt) };
    if repeats {
        assert_eq!(public.work(forth, &mechanism, &plain).unwrap().reveal(), cipher, "{label}");
    }
    assert_eq!(private.work(back, &mechanism, &cipher).unwrap().reveal(), plain, "{label}");
    if authenticates(&mechanism) {
        for at in 0..cipher.len() {
            let mut other = cipher.clone();
            other[at] ^= 0x40;
            let refused = private.work(back, &mechanism, &other).map(|_| ());
            assert_eq!(refused, Err(Error::Undecryptable), "{label}, byte {at} changed");
        }
    }
}

fn authenticates(mechanism: &Mechanism) -> bool {
    mechanism.tag() > 0 || matches!(mechanism, Mechanism::KeyWrap | Mechanism::KeyWrapPadded)
}

fn symmetric(slot: &dyn Slot, record: &Record<'_>) -> Arc<dyn Key> {
    let bytes = record.bytes("key");
    let family = match record.text("mechanism").unwrap() {
        "AES-XTS" => Family::AesXts,
        name if name.starts_with("AES") => Family::Aes,
        name if name.starts_with("3DES") => Family::TripleDes,
        name if name.starts_with("ChaCha20") => Family::ChaCha20,
        _ => Family::Hmac,
    };
    let shape = Shape::Symmetric { family, bits: bytes.len() * 8 };
    let kept: Kept = slot.take(shape, &Material::Raw(Secret::new(bytes))).unwrap();
    slot.open(&kept).unwrap()
}

/// One record of a file: `name = value` lines up to an empty one.
pub(crate) struct Record<'a>(BTreeMap<&'a str, &'a str>);

pub(crate) fn records(text: &str) -> impl Iterator<Item = Record<'_>> {
    let blocks = text.split("\n\n").map(|block| {
        let lines = block.lines().filter(|line| !line.starts_with('#'));
        Record(lines.map(|line| line.split_once(" = ").unwrap_or_else(|| panic!("{line}"))).collect())
    });
    blocks.filter(|record| !record.0.is_empty())
}

impl<'a> Record<'a> {
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    fn some(&self, name: &str) -> Option<Vec<u8>> {
        let text = self.text(name)?.trim_end_matches('-');
        let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
        Some(digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect())
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.some(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.text("name")))
    }

    fn hash(&self, name: &str) -> Hash {
        match self.text(name).unwrap() {
            "MD5" => Hash::Md5,
            "BLAKE2b-160" => Hash::Blake2b160,
            "BLAKE2b-256" => Hash::Blake2b256,
            "BLAKE2b-384" => Hash::Blake2b384,
            "BLAKE2b-512" => Hash::Blake2b512,
            "SHA-1" => Hash::Sha1,
            "SHA-224" => Hash::Sha224,
            "SHA-256" => Hash::Sha256,
            "SHA-384" => Hash::Sha384,
            "SHA-512" => Hash::Sha512,
            "SHA-512/224" => Hash::Sha512_224,
            "SHA-512/256" => Hash::Sha512_256,
            "SHA3-224" => Hash::Sha3_224,
            "SHA3-256" => Hash::Sha3_256,
            "SHA3-384" => Hash::Sha3_384,
            "SHA3-512" => Hash::Sha3_512,
            name => panic!("no hash {name}"),
        }
    }

    fn mechanism(&self) -> Mechanism {
        let number = |name| self.text(name).unwrap().parse::<usize>().unwrap();
        let iv = || self.bytes("iv");
        let (none, pkcs7) = (Padding::None, Padding::Pkcs7);
        match self.text("mechanism").unwrap() {
            "AES-ECB" => Mechanism::Cipher(Block::Aes, Mode::Ecb { padding: none }),
            "AES-ECB-PAD" => Mechanism::Cipher(Block::Aes, Mode::Ecb { padding: pkcs7 }),
            "AES-CBC" => Mechanism::Cipher(Block::Aes, Mode::Cbc { iv: iv(), padding: none }),
            "AES-CBC-PAD" => Mechanism::Cipher(Block::Aes, Mode::Cbc { iv: iv(), padding: pkcs7 }),
            "AES-CTR" => Mechanism::Cipher(Block::Aes, Mode::Ctr { block: iv() }),
            "AES-CTS" => Mechanism::Cipher(Block::Aes, Mode::Cts { iv: iv() }),
            "AES-XTS" => Mechanism::Cipher(Block::Aes, Mode::Xts { tweak: iv() }),
            "AES-CFB8" => Mechanism::Cipher(Block::Aes, Mode::Cfb8 { iv: iv() }),
            "AES-CFB" => Mechanism::Cipher(Block::Aes, Mode::Cfb { iv: iv() }),
            "AES-CFB64" => Mechanism::Cipher(Block::Aes, Mode::Cfb64 { iv: iv() }),
            "AES-CFB1" => Mechanism::Cipher(Block::Aes, Mode::Cfb1 { iv: iv() }),
            "AES-OFB" => Mechanism::Cipher(Block::Aes, Mode::Ofb { iv: iv() }),
            "AES-GCM" => Mechanism::Cipher(
                Block::Aes,
                Mode::Gcm { nonce: iv(), additional: self.bytes("aad"), tag: number("tag") },
            ),
            "AES-CCM" => Mechanism::Cipher(
                Block::Aes,
                Mode::Ccm { nonce: iv(), additional: self.bytes("aad"), tag: number("tag") },
            ),
            "AES-GMAC" => Mechanism::Gmac { nonce: iv(), length: self.bytes("signature").len() },
            "3DES-ECB" => Mechanism::Cipher(Block::TripleDes, Mode::Ecb { padding: none }),
            "3DES-CBC" => Mechanism::Cipher(Block::TripleDes, Mode::Cbc { iv: iv(), padding: none }),
            "3DES-CBC-PAD" => Mechanism::Cipher(Block::TripleDes, Mode::Cbc { iv: iv(), padding: pkcs7 }),
            "AES-KW" => Mechanism::KeyWrap,
            "AES-KWP" => Mechanism::KeyWrapPadded,
            "ChaCha20" => Mechanism::ChaCha20 { nonce: iv(), counter: number("counter").try_into().unwrap() },
            "ChaCha20-Poly1305" => Mechanism::ChaCha20Poly1305 { nonce: iv(), additional: self.bytes("aad"), tag: 16 },
            "AES-CMAC" => Mechanism::Cmac { block: Block::Aes, length: self.bytes("signature").len() },
            "3DES-CMAC" => Mechanism::Cmac { block: Block::TripleDes, length: self.bytes("signature").len() },
            "AES-CBC-MAC" => Mechanism::CbcMac { block: Block::Aes, length: self.bytes("signature").len() },
            "3DES-CBC-MAC" => Mechanism::CbcMac { block: Block::TripleDes, length: self.bytes("signature").len() },
            name @ ("TLS-CLIENT" | "TLS-SERVER") => Mechanism::TlsMac {
                hash: self.hash("hash"),
                side: if name == "TLS-CLIENT" { Side::Client } else { Side::Server },
                length: self.bytes("signature").len(),
            },
            "HMAC" => Mechanism::Hmac { hash: self.hash("hash"), length: self.bytes("signature").len() },
            "ECDSA-DER" => Mechanism::Ecdsa { hash: Some(self.hash("hash")), form: Form::Der },
            "ECDSA-RAW" => Mechanism::Ecdsa { hash: None, form: Form::Raw },
            "DSA-DER" => Mechanism::Dsa { hash: Some(self.hash("hash")), form: Form::Der },
            "DSA-RAW" => Mechanism::Dsa { hash: None, form: Form::Raw },
            "EdDSA" => Mechanism::Eddsa,
            "RSA-PKCS1-HASHED" => Mechanism::RsaPkcs1Hashed { hash: self.hash("hash"), input: Input::Message },
            name @ ("RSA-PSS" | "RSA-PSS-DIGEST") => Mechanism::RsaPss {
                hash: self.hash("hash"),
                mask: self.hash("mask"),
                salt: Some(number("salt")),
                input: if name == "RSA-PSS" { Input::Message } else { Input::Digest },
            },
            "RSA-OAEP" => {
                Mechanism::RsaOaep { hash: self.hash("hash"), mask: self.hash("mask"), label: self.bytes("label") }
            }
            "RSA-AES-WRAP" => Mechanism::RsaAesWrap {
                bits: number("bits"),
                hash: self.hash("hash"),
                mask: self.hash("mask"),
                label: self.bytes("label"),
            },
            "RSA-PKCS1" => Mechanism::RsaPkcs1,
            "RSA-RAW" => Mechanism::RsaRaw,
            name => panic!("no mechanism {name}"),
        }
    }

    /// The row of the slot's table that this record speaks for.
    fn row(&self) -> Option<String> {
        let row = match self.text("mechanism")? {
            "digest" => Offered::Digest(self.hash("hash")),
            _ => self.mechanism().offered()?,
        };
        Some(format!("{row:?}"))
    }
}
