//! One suite over every kind of slot, software first. What a kind cannot do stands in its row; the suite holds it to that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use strongroom::clock::SystemClock;
use strongroom::slot::contract::{Family, Pair};
use strongroom::slot::hsm::{Choice, Network, Settings};
use strongroom::slot::software::Software;
use strongroom::slot::{
    Condition, Derivation, Error, Finish, Form, Kept, Made, Name, Peer, Purpose, Recipe, Shape, Slot, registry,
};
use strongroom_kmip::mechanism::{self, Block, Curve, Hash, Input, Mechanism, Mode, Padding};
use strongroom_kmip::secret::Secret;
use strongroom_tests::{Token, VENDORS, alone, built};

/// Tries whether a slot can do something.
type Trial = fn(&dyn Slot) -> Result<(), Error>;

/// What a slot can do, by name. A trial says what the slot lacks by refusing it up front; everything else that goes wrong is a
/// failure.
const SUITE: &[(&str, Trial)] = &[
    ("AES-ECB", |slot| sealed(slot, Family::Aes, 256, Block::Aes, Mode::Ecb { padding: Padding::None })),
    ("AES-CBC", |slot| sealed(slot, Family::Aes, 128, Block::Aes, cbc(16, Padding::None))),
    ("AES-CBC-PAD", |slot| sealed(slot, Family::Aes, 256, Block::Aes, cbc(16, Padding::Pkcs7))),
    ("AES-CTR", |slot| sealed(slot, Family::Aes, 256, Block::Aes, Mode::Ctr { block: vec![1; 16] })),
    ("AES-GCM", |slot| {
        let mode = Mode::Gcm { nonce: vec![1; 12], additional: b"seen".to_vec(), tag: 16 };
        sealed(slot, Family::Aes, 256, Block::Aes, mode)
    }),
    ("3DES-CBC", |slot| sealed(slot, Family::TripleDes, 192, Block::TripleDes, cbc(8, Padding::None))),
    ("AES-KW", |slot| wrapped(slot, &Mechanism::KeyWrap)),
    ("AES-KWP", |slot| wrapped(slot, &Mechanism::KeyWrapPadded)),
    ("AES-CMAC", |slot| vouched(slot, Family::Aes, &Mechanism::Cmac { block: Block::Aes, length: 16 })),
    ("HMAC-SHA-256", |slot| vouched(slot, Family::Hmac, &Mechanism::Hmac { hash: Hash::Sha256, length: 32 })),
    ("HMAC-SHA-512", |slot| vouched(slot, Family::Hmac, &Mechanism::Hmac { hash: Hash::Sha512, length: 16 })),
    ("RSA PKCS#1", |slot| signed(slot, RSA, &PKCS1)),
    ("RSA-PSS", |slot| {
        let (hash, input) = (Hash::Sha256, Input::Message);
        signed(slot, RSA, &Mechanism::RsaPss { hash, mask: hash, salt: None, input })
    }),
    ("RSA PKCS#1 decryption", |slot| opened(slot, &Mechanism::RsaPkcs1)),
    ("RSA-OAEP", |slot| {
        let hash = Hash::Sha1;
        opened(slot, &Mechanism::RsaOaep { hash, mask: hash, label: Vec::new() })
    }),
    ("P-256", |slot| signed(slot, Pair::Elliptic(Curve::P256), &ecdsa(Hash::Sha256))),
    ("P-384", |slot| signed(slot, Pair::Elliptic(Curve::P384), &ecdsa(Hash::Sha384))),
    ("P-521", |slot| signed(slot, Pair::Elliptic(Curve::P521), &ecdsa(Hash::Sha512))),
    ("secp256k1", |slot| signed(slot, Pair::Elliptic(Curve::Secp256k1), &ecdsa(Hash::Sha256))),
    ("Ed25519", |slot| signed(slot, Pair::Elliptic(Curve::Ed25519), &Mechanism::Eddsa)),
    ("agreement on P-256", |slot| agreed(slot, Curve::P256)),
    ("agreement on X25519", |slot| agreed(slot, Curve::X25519)),
    ("AES from elsewhere", |slot| {
        let elsewhere = Software::new("elsewhere");
        let key = one(&elsewhere, Family::Aes, 256)?;
        let taken = slot.take(key.shape, &elsewhere.give(&key, Form::Raw)?)?;
        let mechanism = Mechanism::Cipher(Block::Aes, cbc(16, Padding::None));
        let here = slot.open(&taken)?.work(Purpose::Encrypt, &mechanism, &[7; 32])?;
        let there = elsewhere.open(&key)?.work(Purpose::Encrypt, &mechanism, &[7; 32])?;
        assert!(here.same_as(there.reveal()), "it is another key");
        Ok(())
    }),
    ("RSA from elsewhere", |slot| taken(slot, RSA, &PKCS1)),
    ("EC from elsewhere", |slot| taken(slot, Pair::Elliptic(Curve::P256), &ecdsa(Hash::Sha256))),
    ("keys that never leave", |slot| {
        let key = two(slot, RSA)?.0;
        match slot.give(&key, Form::Pkcs8) {
            Err(Error::Held) => Ok(()),
            _ => Err(LACKING),
        }
    }),
    ("adoption", |slot| {
        let holding = slot.holding().ok_or(LACKING)?;
        let (_, name) = named(slot)?;
        let found = holding.found()?;
        assert!(found.iter().any(|found| found.id == name.0 && found.public.is_some()), "it is not found");
        Ok(())
    }),
    ("copies", |slot| {
        let holding = slot.holding().ok_or(LACKING)?;
        let (key, _) = named(slot)?;
        let copy = holding.copy(&name(slot)?, &key)?;
        let errand = holding.errand(&key.held).expect("the slot holds it");
        holding.remove(&errand)?;
        slot.open(&copy)?.work(Purpose::Sign, &PKCS1, b"data").map(drop)
    }),
    ("removal", |slot| {
        let holding = slot.holding().ok_or(LACKING)?;
        let (key, _) = named(slot)?;
        let errand = holding.errand(&key.held).expect("the slot holds it");
        let open = slot.open(&key)?;
        let _ = open.work(Purpose::Sign, &PKCS1, b"data")?;
        // Twice: what is gone is gone.
        holding.remove(&errand)?;
        holding.remove(&errand)?;
        assert_eq!(open.work(Purpose::Sign, &PKCS1, b"data").err(), Some(Error::Vanished));
        Ok(())
    }),
];

#[test]
fn every_kind_of_slot_does_what_it_does_and_refuses_the_rest_by_name() {
    if !alone("suite::every_kind_of_slot_does_what_it_does_and_refuses_the_rest_by_name") {
        return;
    }
    let software = Software::new("software");
    let mut wrong = differences("software", &software, &["keys that never leave", "adoption", "copies", "removal"]);
    for vendor in VENDORS {
        let Some(token) = vendor.start() else { continue };
        let lacks: Vec<&str> = vendor.lacks.iter().flat_map(|(_, names)| *names).copied().collect();
        let found = slot(&token).and_then(|slot| {
            let found = differences(vendor.name, &*slot, &lacks);
            let kept = two(&*slot, RSA).map_err(|error| format!("an RSA pair: {error}"))?.0;
            Ok((found, kept))
        });
        // What was made is there for a later worker.
        let later = found.and_then(|(found, kept)| {
            wrong.extend(found);
            let signature = slot(&token)?.open(&kept).and_then(|key| key.work(Purpose::Sign, &PKCS1, b"data"));
            signature.map_err(|error| format!("after a restart: {error}"))
        });
        wrong.extend(later.err().map(|why| format!("{}: {why}", vendor.name)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where a slot does not do what its row says, or does more.
fn differences(name: &str, slot: &dyn Slot, lacks: &[&str]) -> Vec<String> {
    let known: BTreeSet<&str> = SUITE.iter().map(|(what, _)| *what).collect();
    let mut wrong: Vec<String> =
        lacks.iter().filter(|what| !known.contains(*what)).map(|what| format!("{name}: {what}?")).collect();
    for (what, trial) in SUITE {
        match (trial(slot), lacks.contains(what)) {
            (Ok(()), false) | (Err(Error::Unsupported(_)), true) => {}
            (Ok(()), true) => wrong.push(format!("{name} can do {what}, which its row denies")),
            (Err(error), _) => wrong.push(format!("{name}: {what}: {error}")),
        }
    }
    wrong
}

/// A usable slot over a token, or what it is instead.
fn slot(token: &Token) -> Result<Arc<dyn Slot>, String> {
    let pin = token.pin.clone();
    let slot = registry::token(Settings {
        name: "hsm".to_owned(),
        library: token.library.clone(),
        choice: Choice::from_uri(&token.uri).expect("a token is named as it should be"),
        pin: Box::new(move || Some(Secret::copy_of(pin.as_bytes()))),
        deadline: Duration::from_secs(20),
        sessions: 4,
        network: if token.local { Network::Local } else { Network::None },
        processes: false,
        paths: token.paths.clone(),
        wrap_with: None,
        environment: token.environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        program: built("strongroom"),
        clock: Arc::new(SystemClock),
    });
    let begun = Instant::now();
    loop {
        match slot.holding().map(|holding| holding.condition()) {
            Some(Condition::Usable) => return Ok(slot),
            condition if begun.elapsed() > Duration::from_secs(30) => return Err(format!("it is {condition:?}")),
            _ => sleep(Duration::from_millis(5)),
        }
    }
}

fn name(slot: &dyn Slot) -> Result<Name, Error> {
    Ok(Name(strongroom::chance::array(slot.chance())?))
}

/// An RSA pair's private half of a known name.
fn named(slot: &dyn Slot) -> Result<(Kept, Name), Error> {
    let name = name(slot)?;
    match slot.holding().ok_or(LACKING)?.make(&name, &Recipe::Pair(RSA))? {
        Made::Pair { private, .. } => Ok((private, name)),
        Made::One(_) => panic!("one key"),
    }
}

fn one(slot: &dyn Slot, family: Family, bits: usize) -> Result<Kept, Error> {
    match slot.make(&Recipe::Symmetric { family, bits })? {
        Made::One(kept) => Ok(kept),
        Made::Pair { .. } => panic!("a pair"),
    }
}

fn two(slot: &dyn Slot, pair: Pair) -> Result<(Kept, Kept), Error> {
    match slot.make(&Recipe::Pair(pair))? {
        Made::Pair { private, public } => Ok((private, public)),
        Made::One(_) => panic!("one key"),
    }
}

fn sealed(slot: &dyn Slot, family: Family, bits: usize, block: Block, mode: Mode) -> Result<(), Error> {
    let key = slot.open(&one(slot, family, bits)?)?;
    let mechanism = Mechanism::Cipher(block, mode);
    let sealed = key.work(Purpose::Encrypt, &mechanism, &[7; 48])?;
    assert_ne!(sealed.reveal().get(..48), Some(&[7; 48][..]), "it is in the clear");
    let opened = key.work(Purpose::Decrypt, &mechanism, sealed.reveal())?;
    assert_eq!(opened.reveal(), [7; 48], "it came back as something else");
    Ok(())
}

fn wrapped(slot: &dyn Slot, mechanism: &Mechanism) -> Result<(), Error> {
    let key = slot.open(&one(slot, Family::Aes, 256)?)?;
    let wrapped = key.work(Purpose::Wrap, mechanism, &[9; 32])?;
    assert_eq!(key.work(Purpose::Unwrap, mechanism, wrapped.reveal())?.reveal(), [9; 32]);
    let mut bad = wrapped.reveal().to_vec();
    bad[3] ^= 1;
    assert!(key.work(Purpose::Unwrap, mechanism, &bad).is_err(), "a spoilt key came in");
    Ok(())
}

fn vouched(slot: &dyn Slot, family: Family, mechanism: &Mechanism) -> Result<(), Error> {
    let key = slot.open(&one(slot, family, if family == Family::Hmac { 512 } else { 256 })?)?;
    let mac = key.work(Purpose::Sign, mechanism, b"data")?;
    assert_eq!(key.verify(mechanism, b"data", mac.reveal()), Ok(()));
    assert_eq!(key.verify(mechanism, b"date", mac.reveal()), Err(Error::Mismatch));
    Ok(())
}

/// The public half verifies in software, so a token that signs by a rule of its own is found out.
fn signed(slot: &dyn Slot, pair: Pair, mechanism: &Mechanism) -> Result<(), Error> {
    let (private, public) = two(slot, pair)?;
    let signature = slot.open(&private)?.work(Purpose::Sign, mechanism, b"data")?;
    let public = slot.open(&public)?;
    assert_eq!(public.verify(mechanism, b"data", signature.reveal()), Ok(()));
    assert_eq!(public.verify(mechanism, b"date", signature.reveal()), Err(Error::Mismatch));
    Ok(())
}

fn opened(slot: &dyn Slot, mechanism: &Mechanism) -> Result<(), Error> {
    let (private, public) = two(slot, RSA)?;
    let sealed = slot.open(&public)?.work(Purpose::Encrypt, mechanism, b"data")?;
    let opened = slot.open(&private)?.work(Purpose::Decrypt, mechanism, sealed.reveal())?;
    assert_eq!(opened.reveal(), b"data");
    Ok(())
}

fn agreed(slot: &dyn Slot, curve: Curve) -> Result<(), Error> {
    let elsewhere = Software::new("elsewhere");
    let (here, there) = (two(slot, Pair::Elliptic(curve))?, two(&elsewhere, Pair::Elliptic(curve))?);
    let info = |slot: &dyn Slot, key: &Kept| match slot.give(key, Form::PublicKeyInfo) {
        Ok(strongroom::slot::Material::PublicKeyInfo(info)) => Ok(info),
        Ok(_) => panic!("another form"),
        Err(error) => Err(error),
    };
    let with = |peer| Derivation::Agreement { peer: Peer::Info(peer), finish: Finish::First };
    let one = slot.derive(&here.0, &with(info(&elsewhere, &there.1)?), 32)?;
    let other = elsewhere.derive(&there.0, &with(info(slot, &here.1)?), 32)?;
    assert!(one.same_as(other.reveal()), "the two sides disagree");
    Ok(())
}

fn taken(slot: &dyn Slot, pair: Pair, mechanism: &Mechanism) -> Result<(), Error> {
    let elsewhere = Software::new("elsewhere");
    let (private, public) = two(&elsewhere, pair)?;
    let taken = slot.take(Shape::Private(pair), &elsewhere.give(&private, Form::Pkcs8)?)?;
    let signature = slot.open(&taken)?.work(Purpose::Sign, mechanism, b"data")?;
    assert_eq!(elsewhere.open(&public)?.verify(mechanism, b"data", signature.reveal()), Ok(()));
    Ok(())
}

fn cbc(block: usize, padding: Padding) -> Mode {
    Mode::Cbc { iv: vec![1; block], padding }
}

const fn ecdsa(hash: Hash) -> Mechanism {
    Mechanism::Ecdsa { hash: Some(hash), form: mechanism::Form::Raw }
}

const RSA: Pair = Pair::Rsa { bits: 2048 };
const PKCS1: Mechanism = Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: Input::Message };
const LACKING: Error = Error::Unsupported("what a slot that keeps nothing has no use for");
