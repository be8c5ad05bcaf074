//! DSA: which keys are taken, and which signatures fit.

use std::sync::Arc;

use strongroom::slot::{
    Error, Kept, Key, Material, Purpose, Recipe, Shape, Slot,
    contract::{DsaPublic, Form as Way, Pair},
};
use strongroom_kmip::{
    mechanism::{Form, Hash, Mechanism},
    secret::Secret,
};

use crate::{
    sample::slots,
    vector::{Record, kind, records},
};

const KEYS: &str = include_str!("vectors/dsa.txt");
const NONE: &str = include_str!("vectors/nodsa.txt");

fn defined(name: &str) -> Record<'static> {
    records(KEYS).find(|record| record.text("define") == Some(name)).unwrap()
}

fn taken(slot: &dyn Slot, name: &str) -> Kept {
    let record = defined(name);
    let shape = Shape::Public(kind(record.text("kind").unwrap()));
    slot.take(shape, &Material::PublicKeyInfo(record.bytes("public"))).unwrap()
}

fn numbers(slot: &dyn Slot, name: &str) -> DsaPublic {
    match slot.give(&taken(slot, name), Way::Numbers).unwrap() {
        Material::DsaPublic(numbers) => numbers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_comes_out_as_it_went_in() {
    for slot in slots() {
        for name in ["DSA-1024-160", "DSA-2048-224", "DSA-2048-256", "DSA-3072-256"] {
            let kept = taken(&*slot, name);
            for form in [Way::Raw, Way::Pkcs8, Way::Pkcs1, Way::Sec1] {
                assert!(matches!(slot.give(&kept, form), Err(Error::Unsupported(_))), "{name} {form:?}");
            }
            match slot.give(&kept, Way::PublicKeyInfo).unwrap() {
                Material::PublicKeyInfo(der) => assert_eq!(der, defined(name).bytes("public"), "{name}"),
                other => panic!("{name}: {other:?}"),
            }
            let mut numbers = numbers(&*slot, name);
            for number in [&mut numbers.prime, &mut numbers.order, &mut numbers.base, &mut numbers.number] {
                number.insert(0, 0);
            }
            let again = slot.take(kept.shape, &Material::DsaPublic(numbers)).unwrap();
            assert!(again.held.same_as(kept.held.reveal()), "{name}, with noughts in front");
        }
    }
}

#[test]
fn a_group_that_only_looks_like_one_is_refused() {
    for slot in slots() {
        for record in records(NONE) {
            let name = record.text("name").unwrap();
            let [prime, order, base, number] = ["prime", "order", "base", "number"].map(|field| record.bytes(field));
            for bits in [prime.len() * 8, prime.len() * 8 - 1] {
                let material = Material::DsaPublic(DsaPublic {
                    prime: prime.clone(),
                    order: order.clone(),
                    base: base.clone(),
                    number: number.clone(),
                });
                let refused = slot.take(Shape::Public(Pair::Dsa { bits }), &material).map(|_| ());
                assert!(matches!(refused, Err(Error::Key(_))), "{name}: {refused:?}");
            }
        }
    }
}

#[test]
fn numbers_that_do_not_belong_together_are_refused() {
    type Spoil = fn(&mut DsaPublic);
    let rows: [(&str, Spoil); 18] = [
        ("no prime", |key| key.prime.clear()),
        ("no order", |key| key.order.clear()),
        ("no base", |key| key.base.clear()),
        ("no number", |key| key.number.clear()),
        ("a prime that is even", |key| *key.prime.last_mut().unwrap() ^= 1),
        ("another prime", |key| key.prime[60] ^= 1),
        ("an order that is even", |key| *key.order.last_mut().unwrap() ^= 1),
        ("an order that does not divide", |key| key.order[10] ^= 2),
        ("an order that is longer than the prime", |key| key.order = key.prime.clone()),
        ("a base of one", |key| key.base = vec![1]),
        ("a base of two", |key| key.base = vec![2]),
        ("a base that is the prime", |key| key.base = key.prime.clone()),
        ("a base that is the last number", |key| {
            key.base = key.prime.clone();
            *key.base.last_mut().unwrap() ^= 1;
        }),
        ("a number of one", |key| key.number = vec![1]),
        ("a number outside the group", |key| key.number[60] ^= 1),
        ("a number beyond the prime", |key| key.number = vec![0xFF; 128]),
        ("a number without end", |key| key.number = vec![0xFF; 1 << 20]),
        ("a prime without end", |key| key.prime = vec![0xFF; 1 << 20]),
    ];
    for slot in slots() {
        for (name, spoil) in rows {
            let mut key = numbers(&*slot, "DSA-1024-160");
            spoil(&mut key);
            let refused = slot.take(Shape::Public(Pair::Dsa { bits: 1024 }), &Material::DsaPublic(key)).map(|_| ());
            assert!(matches!(refused, Err(Error::Key(_))), "{name}: {refused:?}");
        }
        let sound = || Material::DsaPublic(numbers(&*slot, "DSA-1024-160"));
        for (name, shape) in [
            ("another length", Shape::Public(Pair::Dsa { bits: 2048 })),
            ("RSA", Shape::Public(Pair::Rsa { bits: 1024 })),
            ("a private key", Shape::Private(Pair::Dsa { bits: 1024 })),
        ] {
            assert!(slot.take(shape, &sound()).is_err(), "{name}");
        }
        let der = defined("DSA-1024-160").bytes("public");
        for (name, der) in [
            ("cut", der[..der.len() - 1].to_vec()),
            ("longer", [&der[..], &[0]].concat()),
            ("empty", Vec::new()),
            // RFC 3279 §2.3.2 lets parameters be inherited from whoever issued a certificate; here is nobody.
            ("without its group", vec![0x30, 0x0E, 0x30, 9, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 1, 3, 1, 0]),
        ] {
            let refused = slot.take(Shape::Public(Pair::Dsa { bits: 1024 }), &Material::PublicKeyInfo(der));
            assert!(matches!(refused, Err(Error::Key(_))), "{name}");
        }
    }
}

#[test]
fn nothing_is_made_and_nothing_is_signed() {
    for slot in slots() {
        assert!(slot.make(&Recipe::Pair(Pair::Dsa { bits: 2048 })).is_err());
        let pkcs8 = Material::Pkcs8(Secret::copy_of(&[0x30, 0]));
        assert!(slot.take(Shape::Private(Pair::Dsa { bits: 2048 }), &pkcs8).is_err());
        let key = slot.open(&taken(&*slot, "DSA-2048-256")).unwrap();
        let way = Mechanism::Dsa { hash: Some(Hash::Sha256), form: Form::Der };
        for purpose in [Purpose::Sign, Purpose::Encrypt, Purpose::Decrypt, Purpose::Wrap, Purpose::Unwrap] {
            assert!(key.begin(purpose, &way).is_err(), "{purpose:?}");
            assert!(key.work(purpose, &way, b"data").is_err(), "{purpose:?}");
        }
        assert_eq!(key.output_length(Purpose::Verify, &way), None);
    }
}

#[test]
fn a_signature_that_is_none_does_not_fit() {
    let text = |name: &str| records(KEYS).find(|record| record.text("name") == Some(name)).unwrap();
    let (der, raw) = (text("2048-224 SHA-256, DER"), text("2048-224 over a digest of SHA-1, raw"));
    let (signature, halves) = (der.bytes("signature"), raw.bytes("signature"));
    let (r, s) = halves.split_at(28);
    let nought = [0; 28];
    for slot in slots() {
        let key: Arc<dyn Key> = slot.open(&taken(&*slot, "DSA-2048-224")).unwrap();
        let order = numbers(&*slot, "DSA-2048-224").order;
        let hashed = Mechanism::Dsa { hash: Some(Hash::Sha256), form: Form::Der };
        assert_eq!(key.verify(&hashed, b"sample", &signature), Ok(()));
        for (name, data, given) in [
            ("other data", &b"samplE"[..], signature.clone()),
            ("no data", b"", signature.clone()),
            ("no signature", b"sample", Vec::new()),
            ("a raw one", b"sample", halves.clone()),
            ("one that is longer", b"sample", [&signature[..], &[0]].concat()),
            ("one that is cut", b"sample", signature[..signature.len() - 1].to_vec()),
            ("two negative numbers", b"sample", vec![0x30, 6, 2, 1, 0x80, 2, 1, 0x80]),
            ("nought and nought", b"sample", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
            ("a length in more bytes than it takes", b"sample", [&[0x30, 0x81], &signature[1..]].concat()),
        ] {
            assert_eq!(key.verify(&hashed, data, &given), Err(Error::Mismatch), "{name}");
        }
        let bare = Mechanism::Dsa { hash: None, form: Form::Raw };
        assert_eq!(key.verify(&bare, &raw.bytes("plain"), &halves), Ok(()));
        for (name, given) in [
            ("empty", Vec::new()),
            ("one half", r.to_vec()),
            ("halves of other lengths", halves[..55].to_vec()),
            ("one byte more", [&halves[..], &[0]].concat()),
            ("the halves exchanged", [s, r].concat()),
            ("the first is nought", [&nought[..], s].concat()),
            ("the second is nought", [r, &nought[..]].concat()),
            ("the first is the order", [&order[..], s].concat()),
            ("the second is the order", [r, &order[..]].concat()),
            ("all ones", vec![0xFF; 56]),
            ("in DER", signature.clone()),
        ] {
            assert_eq!(key.verify(&bare, &raw.bytes("plain"), &given), Err(Error::Mismatch), "{name}");
        }
        assert_eq!(key.verify(&bare, b"", &halves), Err(Error::Length), "no digest");
        assert_eq!(key.verify(&bare, &[0; 1025], &halves), Err(Error::Length), "a message for a digest");
        let mut running = key.begin(Purpose::Verify, &hashed).unwrap();
        for part in b"sample".chunks(4) {
            running.update(part).unwrap();
        }
        assert_eq!(running.finish_against(&signature), Ok(()), "in parts");
    }
}
