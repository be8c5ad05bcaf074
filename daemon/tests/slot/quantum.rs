//! ML-KEM, ML-DSA and SLH-DSA against what other implementations make of them.

use std::sync::Arc;

use strongroom::slot::{
    Derivation, Error, Finish, Form, Kept, Made, Material, Pair, Purpose, QuantumPrivate, Recipe, Shape, Slot, registry,
};
use strongroom_kmip::{
    mechanism::{Hash, Input, Keys, Mechanism, ParameterSet, Prehash, Signing},
    secret::Secret,
};

use crate::vector::{Record, records};

const DATA: &[u8] = b"what is signed";

fn slot() -> Arc<dyn Slot> {
    (registry::MEMBERS[0].open)("dev")
}

fn known() -> Vec<(ParameterSet, Record<'static>)> {
    let named = |record: &Record<'_>| {
        let name = record.text("set").unwrap().to_owned();
        ParameterSet::ALL.iter().copied().find(|set| format!("{set:?}") == name).unwrap()
    };
    records(include_str!("vectors/quantum.txt")).map(|record| (named(&record), record)).collect()
}

fn private(set: ParameterSet) -> Shape {
    Shape::Private(Pair::Quantum(set))
}

fn public(set: ParameterSet) -> Shape {
    Shape::Public(Pair::Quantum(set))
}

fn read(set: ParameterSet, record: &Record<'_>) -> (Kept, Kept) {
    let key = slot().take(private(set), &Material::Pkcs8(Secret::new(record.bytes("private")))).unwrap();
    let other = slot().take(public(set), &Material::PublicKeyInfo(record.bytes("public"))).unwrap();
    (key, other)
}

fn signing(context: &[u8]) -> Signing {
    Signing { context: context.to_vec(), ..Signing::default() }
}

/// The mechanism of a set's signatures.
fn way(set: ParameterSet, signing: Signing) -> Mechanism {
    if set.facts().keys == Keys::MlDsa { Mechanism::MlDsa(signing) } else { Mechanism::SlhDsa(signing) }
}

fn numbers(seed: Option<Secret>, expanded: Option<Secret>, set: ParameterSet) -> Material {
    Material::QuantumPrivate(QuantumPrivate { set, seed, expanded })
}

#[test]
fn keys_come_in_by_seed_by_expanded_form_and_as_der() {
    for (set, record) in &known() {
        let (key, other) = read(*set, record);
        let Material::QuantumPrivate(own) = slot().give(&key, Form::Numbers).unwrap() else { panic!("no numbers") };
        let seed = own.seed.unwrap();
        assert_eq!(seed.reveal(), record.bytes("seed"), "{set:?}");
        let expanded = own.expanded.unwrap();
        assert_eq!(expanded.len(), set.facts().private, "{set:?}");
        for (how, seed, expanded) in [
            ("by its seed", Some(seed.duplicate()), None),
            ("expanded", None, Some(expanded.duplicate())),
            ("by both", Some(seed.duplicate()), Some(expanded.duplicate())),
        ] {
            let again = slot().take(private(*set), &numbers(seed, expanded, *set)).unwrap();
            let Material::PublicKeyInfo(info) = slot().give(&again, Form::PublicKeyInfo).unwrap() else {
                panic!("no info")
            };
            assert_eq!(info, record.bytes("public"), "{set:?} {how}");
        }
        let Material::QuantumPublic { bytes, .. } = slot().give(&other, Form::Numbers).unwrap() else {
            panic!("no bytes")
        };
        assert_eq!(bytes.len(), set.facts().public, "{set:?}");
        let again = slot().take(public(*set), &Material::QuantumPublic { set: *set, bytes }).unwrap();
        assert!(again.held.same_as(other.held.reveal()), "{set:?}");
    }
}

#[test]
fn halves_that_contradict_each_other_are_refused() {
    for (set, record) in &known() {
        let Material::QuantumPrivate(own) = slot().give(&read(*set, record).0, Form::Numbers).unwrap() else {
            panic!("no numbers");
        };
        let expanded = own.expanded.unwrap();
        let other = Secret::new(vec![9; set.facts().seed]);
        for (why, material) in [
            ("another seed", numbers(Some(other), Some(expanded.duplicate()), *set)),
            ("a short seed", numbers(Some(Secret::new(vec![9; 31])), None, *set)),
            ("cut short", numbers(None, Some(Secret::copy_of(&expanded.reveal()[1..])), *set)),
            ("nothing", numbers(None, None, *set)),
        ] {
            assert!(matches!(slot().take(private(*set), &material), Err(Error::Key(_))), "{set:?}, {why}");
        }
        let short = Material::QuantumPublic { set: *set, bytes: vec![1; set.facts().public - 1] };
        assert!(matches!(slot().take(public(*set), &short), Err(Error::Key(_))), "{set:?}");
    }
}

#[test]
fn signatures_of_others_are_read_and_ours_are_ours() {
    for (set, record) in known().iter().filter(|(set, _)| set.facts().keys == Keys::MlDsa) {
        let (key, other) = read(*set, record);
        let (signs, checks) = (slot().open(&key).unwrap(), slot().open(&other).unwrap());
        for (context, field) in [(&b""[..], "signature"), (b"context", "contextual")] {
            let mechanism = way(*set, signing(context));
            checks.verify(&mechanism, DATA, &record.bytes(field)).unwrap();
            assert_eq!(checks.verify(&mechanism, b"else", &record.bytes(field)), Err(Error::Mismatch), "{set:?}");
            let made = signs.work(Purpose::Sign, &mechanism, DATA).unwrap();
            assert_eq!(made.len(), set.facts().output, "{set:?}");
            checks.verify(&mechanism, DATA, made.reveal()).unwrap();
        }
        let swapped = checks.verify(&way(*set, signing(b"")), DATA, &record.bytes("contextual"));
        assert_eq!(swapped, Err(Error::Mismatch), "{set:?}");
        let long = signs.work(Purpose::Sign, &way(*set, signing(&[0; 256])), DATA);
        assert_eq!(long.unwrap_err(), Error::Parameter("context"), "{set:?}");
        let same = Signing { deterministic: true, ..Signing::default() };
        assert!(matches!(signs.work(Purpose::Sign, &way(*set, same), DATA), Err(Error::Parameter(_))), "{set:?}");
    }
}

#[test]
fn a_signature_over_a_digest_is_another_than_over_the_message() {
    for set in [ParameterSet::MlDsa44, ParameterSet::SlhDsaShake128f] {
        let Made::Pair { private, public } = slot().make(&Recipe::Pair(Pair::Quantum(set))).unwrap() else {
            panic!("no pair");
        };
        let (signs, checks) = (slot().open(&private).unwrap(), slot().open(&public).unwrap());
        let over = |hash, input| way(set, Signing { digest: Some((hash, input)), ..Signing::default() });
        for hash in [Prehash::Hash(Hash::Sha256), Prehash::Shake128] {
            let made = signs.work(Purpose::Sign, &over(hash, Input::Message), DATA).unwrap();
            checks.verify(&over(hash, Input::Message), DATA, made.reveal()).unwrap();
            let plain = checks.verify(&way(set, Signing::default()), DATA, made.reveal());
            assert_eq!(plain, Err(Error::Mismatch), "{set:?}");
            let other = checks.verify(&over(Prehash::Hash(Hash::Sha512), Input::Message), DATA, made.reveal());
            assert_eq!(other, Err(Error::Mismatch), "{set:?}");
        }
        // The digest of the message, taken elsewhere.
        let mut digesting = slot().digest(Hash::Sha256).unwrap();
        digesting.update(DATA).unwrap();
        let digest = digesting.finish().unwrap();
        let hash = Prehash::Hash(Hash::Sha256);
        let made = signs.work(Purpose::Sign, &over(hash, Input::Digest), digest.reveal()).unwrap();
        checks.verify(&over(hash, Input::Message), DATA, made.reveal()).unwrap();
        let short = signs.work(Purpose::Sign, &over(hash, Input::Digest), &digest.reveal()[1..]);
        assert_eq!(short.unwrap_err(), Error::Length, "{set:?}");
        let weak = signs.work(Purpose::Sign, &over(Prehash::Hash(Hash::Sha1), Input::Message), DATA);
        assert!(weak.is_err(), "{set:?}");
    }
}

#[test]
fn what_others_encapsulate_is_brought_and_the_other_way_round() {
    for (set, record) in known().iter().filter(|(set, _)| set.facts().keys == Keys::MlKem) {
        let (key, other) = read(*set, record);
        let bring = |ciphertext: Vec<u8>| slot().derive(&key, &Derivation::Decapsulation(ciphertext), 32);
        let secret = record.bytes("secret");
        assert_eq!(bring(record.bytes("ciphertext")).unwrap().reveal(), secret, "{set:?}");
        let (ciphertext, ours) = slot().encapsulate(&other, &Finish::First, 32).unwrap();
        assert!(bring(ciphertext).unwrap().same_as(ours.reveal()), "{set:?}");
        // FIPS 203 §6.3: a ciphertext of nobody's brings something that nobody else knows.
        let mut wrong = record.bytes("ciphertext");
        wrong[7] ^= 1;
        assert_ne!(bring(wrong.clone()).unwrap().reveal(), secret, "{set:?}");
        wrong.pop();
        assert_eq!(bring(wrong).unwrap_err(), Error::Parameter("ciphertext"), "{set:?}");
        assert!(slot().encapsulate(&key, &Finish::First, 32).is_err(), "{set:?}");
    }
}

#[test]
fn pairs_of_every_set_are_made_and_sign_or_bring() {
    let slow = |set: &&ParameterSet| format!("{set:?}").starts_with("SlhDsa") && !format!("{set:?}").ends_with("128f");
    for set in ParameterSet::ALL.iter().filter(|set| !slow(set)).copied() {
        let Made::Pair { private, public } = slot().make(&Recipe::Pair(Pair::Quantum(set))).unwrap() else {
            panic!("no pair");
        };
        if set.facts().keys == Keys::MlKem {
            let (ciphertext, ours) = slot().encapsulate(&public, &Finish::First, 32).unwrap();
            let theirs = slot().derive(&private, &Derivation::Decapsulation(ciphertext), 32).unwrap();
            assert!(theirs.same_as(ours.reveal()), "{set:?}");
            continue;
        }
        let mechanism = way(set, Signing::default());
        let made = slot().open(&private).unwrap().work(Purpose::Sign, &mechanism, DATA).unwrap();
        slot().open(&public).unwrap().verify(&mechanism, DATA, made.reveal()).unwrap();
    }
}

/// Computed by the crate fips205, an implementation of other people's: deterministic signatures over the text in the context
/// "context", told by their SHA-256.
#[test]
fn slh_dsa_signs_what_others_sign() {
    let hex = |text: &str| {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    for (set, bytes, plain, hashed) in [
        (
            ParameterSet::SlhDsaSha2_128f,
            "6067606ebbd7f11e5e757e34aae2612ece4a4479d55b2cb04be5587f31e836f72fd35f5542377c28ebfbf25d222c30b7adb0\
             846b115f12e33a9a0ab770f6ab96",
            "1bc4317f5bab522fa23a28495056da9c3542d856a1f5b81de1aafa37a789ca74",
            "816d9c94dbdcdfb2bdb6a3891cc675a66a3fcad8e0b74b6104396a130af8650e",
        ),
        (
            ParameterSet::SlhDsaShake128f,
            "aa09d713d7cdf4be464638931468fd5828461a723010d4da1d9db8c3597c5954a576bfef757dd2b201ca46e1bee9fb2b5702\
             ccc194e8461efe330efab255b869",
            "8ec6ebfe1f93f4bc3aaf96bd2e3c181d56135189e0c014453dd225590cee1405",
            "744f78877350fb7f4a9453b094a98ac0699cf344d50d4a326ed4b098e50b3663",
        ),
    ] {
        let key = slot().take(private(set), &numbers(None, Some(Secret::new(hex(bytes))), set)).unwrap();
        let signs = slot().open(&key).unwrap();
        for (digest, expected) in [(None, plain), (Some((Prehash::Hash(Hash::Sha256), Input::Message)), hashed)] {
            let signing = Signing { context: b"context".to_vec(), digest, deterministic: true };
            let made = signs.work(Purpose::Sign, &Mechanism::SlhDsa(signing), DATA).unwrap();
            let mut digesting = slot().digest(Hash::Sha256).unwrap();
            digesting.update(made.reveal()).unwrap();
            assert_eq!(digesting.finish().unwrap().reveal(), hex(expected), "{set:?}");
        }
        let mut wrong = hex(bytes);
        wrong[63] ^= 1;
        let refused = slot().take(private(set), &numbers(None, Some(Secret::new(wrong)), set));
        assert!(matches!(refused, Err(Error::Key(_))), "{set:?} with a false root");
    }
}
