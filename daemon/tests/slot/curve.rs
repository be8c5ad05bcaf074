//! The curves that AWS-LC has no names for, against what OpenSSL makes of them, and Ed25519's other schemes.

use std::sync::Arc;

use strongroom::slot::{
    Derivation, Error, Finish, Form, Kept, Made, Material, Pair, Peer, Purpose, Recipe, Shape, Slot, registry,
};
use strongroom_kmip::{
    mechanism::{Curve, Form as Spelling, Hash, Input, Keys, Mechanism},
    secret::Secret,
};

use crate::vector::{Record, records};

const NAMED: [Curve; 5] =
    [Curve::BrainpoolP256r1, Curve::BrainpoolP384r1, Curve::BrainpoolP512r1, Curve::Ed448, Curve::X448];

const DATA: &[u8] = b"what is signed";

fn slot() -> Arc<dyn Slot> {
    (registry::MEMBERS[0].open)("dev")
}

fn known() -> Vec<(Curve, Record<'static>)> {
    let named = |record: &Record<'_>| {
        let name = record.text("curve").unwrap().to_owned();
        NAMED.into_iter().find(|curve| format!("{curve:?}") == name).unwrap()
    };
    records(include_str!("vectors/curve.txt")).map(|record| (named(&record), record)).collect()
}

fn private(curve: Curve, record: &Record<'_>) -> Kept {
    let material = Material::Pkcs8(Secret::new(record.bytes("private")));
    slot().take(Shape::Private(Pair::Elliptic(curve)), &material).unwrap()
}

fn public(curve: Curve, record: &Record<'_>) -> Kept {
    slot().take(Shape::Public(Pair::Elliptic(curve)), &Material::PublicKeyInfo(record.bytes("public"))).unwrap()
}

fn signing(curve: Curve) -> Mechanism {
    match curve.keys() {
        Keys::Edwards => Mechanism::Eddsa,
        _ => Mechanism::Ecdsa { hash: Some(Hash::Sha256), form: Spelling::Der },
    }
}

#[test]
fn keys_of_openssl_come_in_and_go_out_as_they_came() {
    let known = known();
    assert_eq!(known.len(), NAMED.len());
    for (curve, record) in &known {
        let kept = private(*curve, record);
        let Material::Pkcs8(der) = slot().give(&kept, Form::Pkcs8).unwrap() else { panic!("no PKCS#8") };
        assert_eq!(der.reveal(), record.bytes("private"), "{curve:?}");
        for kept in [kept, public(*curve, record)] {
            let Material::PublicKeyInfo(der) = slot().give(&kept, Form::PublicKeyInfo).unwrap() else {
                panic!("no info")
            };
            assert_eq!(der, record.bytes("public"), "{curve:?}");
        }
    }
}

#[test]
fn numbers_and_points_make_the_same_keys() {
    for (curve, record) in &known() {
        for (kept, shape) in [
            (private(*curve, record), Shape::Private(Pair::Elliptic(*curve))),
            (public(*curve, record), Shape::Public(Pair::Elliptic(*curve))),
        ] {
            let numbers = slot().give(&kept, Form::Numbers).unwrap();
            let again = slot().take(shape, &numbers).unwrap();
            assert!(again.held.same_as(kept.held.reveal()), "{curve:?}");
        }
    }
}

#[test]
fn openssl_and_we_read_each_others_signatures() {
    for (curve, record) in known().iter().filter(|(curve, _)| curve.keys() != Keys::Montgomery) {
        let (signs, checks) = (private(*curve, record), public(*curve, record));
        let (signs, checks) = (slot().open(&signs).unwrap(), slot().open(&checks).unwrap());
        let mechanism = signing(*curve);
        checks.verify(&mechanism, DATA, &record.bytes("signature")).unwrap();
        let made = signs.work(Purpose::Sign, &mechanism, DATA).unwrap();
        checks.verify(&mechanism, DATA, made.reveal()).unwrap();
        assert_eq!(checks.verify(&mechanism, b"something else", made.reveal()), Err(Error::Mismatch), "{curve:?}");
        let mut cut = made.reveal().to_vec();
        cut.pop();
        assert_eq!(checks.verify(&mechanism, DATA, &cut), Err(Error::Mismatch), "{curve:?}");
    }
}

#[test]
fn openssl_and_we_agree_on_the_same_secrets() {
    for (curve, record) in known().iter().filter(|(curve, _)| curve.keys() != Keys::Edwards) {
        let derivation = Derivation::Agreement { peer: Peer::Info(record.bytes("peer")), finish: Finish::First };
        let expected = record.bytes("secret");
        let made = slot().derive(&private(*curve, record), &derivation, expected.len()).unwrap();
        assert_eq!(made.reveal(), expected, "{curve:?}");
    }
}

#[test]
fn pairs_are_made_on_every_curve() {
    for curve in Curve::ALL {
        let Made::Pair { private, public } = slot().make(&Recipe::Pair(Pair::Elliptic(curve))).unwrap() else {
            panic!("no pair");
        };
        if curve.keys() == Keys::Montgomery {
            continue;
        }
        let mechanism = signing(curve);
        let made = slot().open(&private).unwrap().work(Purpose::Sign, &mechanism, DATA).unwrap();
        slot().open(&public).unwrap().verify(&mechanism, DATA, made.reveal()).unwrap();
    }
}

#[test]
fn what_is_no_key_of_the_curve_is_refused() {
    let known = known();
    for (curve, record) in &known {
        let shape = Shape::Private(Pair::Elliptic(*curve));
        let der = record.bytes("private");
        let mut longer = der.clone();
        longer.push(0);
        let pkcs8 = |bytes: &[u8]| Material::Pkcs8(Secret::copy_of(bytes));
        for (why, material) in [
            ("cut short", pkcs8(&der[..der.len() - 1])),
            ("with something behind it", pkcs8(&longer)),
            ("nothing", pkcs8(&[])),
            (
                "a number of another length",
                Material::EllipticPrivate { curve: *curve, number: Secret::new(vec![1; 70]) },
            ),
        ] {
            assert!(matches!(slot().take(shape, &material), Err(Error::Key(_))), "{curve:?}, {why}");
        }
        let others = known.iter().filter(|(other, _)| other != curve);
        for (other, record) in others {
            let theirs = pkcs8(&record.bytes("private"));
            assert!(matches!(slot().take(shape, &theirs), Err(Error::Key(_))), "{curve:?} from {other:?}");
        }
    }
    for (why, curve, point) in [
        ("off the curve", Curve::BrainpoolP256r1, [&[4; 1][..], &[7; 64]].concat()),
        ("at infinity", Curve::BrainpoolP384r1, vec![0]),
        ("of small order", Curve::Ed448, vec![0; 57]),
        ("short", Curve::X448, vec![9; 55]),
    ] {
        let material = Material::EllipticPublic { curve, point };
        let taken = slot().take(Shape::Public(Pair::Elliptic(curve)), &material);
        assert!(matches!(taken, Err(Error::Key(_))), "{why}");
    }
    let nought = Material::EllipticPrivate { curve: Curve::BrainpoolP512r1, number: Secret::new(vec![0; 64]) };
    let taken = slot().take(Shape::Private(Pair::Elliptic(Curve::BrainpoolP512r1)), &nought);
    assert!(matches!(taken, Err(Error::Key(_))), "the number nought");
}

/// RFC 8032 §7.2 and §7.3.
#[test]
fn ed25519_signs_in_contexts_and_over_digests() {
    let hex = |text: &str| {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    let of = |input, context: &[u8]| Mechanism::EddsaContext { input, context: context.to_vec() };
    for (why, seed, mechanism, message, expected) in [
        (
            "in a context",
            "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
            of(Input::Message, b"foo"),
            hex("f726936d19c800494e3fdaff20b276a8"),
            "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587\
             b4b21f4b888e4e7edb0d",
        ),
        (
            "over a digest",
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            of(Input::Digest, b""),
            b"abc".to_vec(),
            "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636\
             062aaad11c2a26083406",
        ),
    ] {
        let pair = Pair::Elliptic(Curve::Ed25519);
        let number = Secret::new(hex(seed));
        let private =
            slot().take(Shape::Private(pair), &Material::EllipticPrivate { curve: Curve::Ed25519, number }).unwrap();
        let info = slot().give(&private, Form::PublicKeyInfo).unwrap();
        let public = slot().open(&slot().take(Shape::Public(pair), &info).unwrap()).unwrap();
        let made = slot().open(&private).unwrap().work(Purpose::Sign, &mechanism, &message).unwrap();
        assert_eq!(made.reveal(), hex(expected), "{why}");
        public.verify(&mechanism, &message, made.reveal()).unwrap();
        for (other, wrong) in [("plain", Mechanism::Eddsa), ("another context", of(Input::Message, b"bar"))] {
            assert_eq!(public.verify(&wrong, &message, made.reveal()), Err(Error::Mismatch), "{why}, {other}");
        }
        let long = of(Input::Message, &[0; 256]);
        let refused = slot().open(&private).unwrap().work(Purpose::Sign, &long, &message);
        assert_eq!(refused.unwrap_err(), Error::Parameter("context"), "{why}");
    }
}
