//! Keys in and out: every form there and back, what is missing computed, what is unsound refused.

use strongroom::slot::{
    Error, Kept, Material, Purpose, Shape, Slot,
    contract::{Family, Form, Pair, RsaPrivate},
};
use strongroom_kmip::{
    mechanism::{Curve, Hash, Input, Mechanism, ParameterSet},
    secret::Secret,
};

use crate::sample::{pair, slots, symmetric};

/// A pair of every kind.
pub(crate) const PAIRS: [Pair; 11] = [
    Pair::Rsa { bits: 2048 },
    Pair::Elliptic(Curve::P224),
    Pair::Elliptic(Curve::P256),
    Pair::Elliptic(Curve::P384),
    Pair::Elliptic(Curve::P521),
    Pair::Elliptic(Curve::Secp256k1),
    Pair::Elliptic(Curve::Ed25519),
    Pair::Elliptic(Curve::X25519),
    Pair::Quantum(ParameterSet::MlDsa44),
    Pair::Quantum(ParameterSet::MlKem512),
    Pair::Quantum(ParameterSet::SlhDsaShake128f),
];

const FORMS: [Form; 6] = [Form::Raw, Form::Pkcs8, Form::Pkcs1, Form::Sec1, Form::PublicKeyInfo, Form::Numbers];

/// The forms that a private key of that kind has of itself; of the others it has none, or its public half's.
fn private_forms(pair: Pair) -> &'static [Form] {
    match pair {
        Pair::Rsa { .. } => &[Form::Pkcs8, Form::Pkcs1, Form::Numbers],
        Pair::Dsa { .. } => &[],
        Pair::Quantum(_) | Pair::Group { .. } => &[Form::Pkcs8, Form::Numbers],
        Pair::Elliptic(Curve::Ed25519 | Curve::X25519) => &[Form::Pkcs8, Form::Numbers],
        Pair::Elliptic(_) => &[Form::Pkcs8, Form::Sec1, Form::Numbers],
    }
}

#[test]
fn every_form_of_a_key_is_taken_back_as_the_same_key() {
    for slot in slots() {
        for kind in PAIRS {
            let (private, public) = pair(&*slot, kind);
            for form in FORMS {
                let given = slot.give(&private, form);
                if private_forms(kind).contains(&form) {
                    let again = slot.take(private.shape, &given.unwrap()).unwrap();
                    assert!(again.held.same_as(private.held.reveal()), "{kind:?} {form:?}");
                } else if form == Form::PublicKeyInfo {
                    let half = slot.take(public.shape, &given.unwrap()).unwrap();
                    assert!(half.held.same_as(public.held.reveal()), "{kind:?}: the public half");
                } else {
                    assert!(matches!(given, Err(Error::Unsupported(_))), "{kind:?} {form:?}");
                }
                match slot.give(&public, form) {
                    Ok(given) => {
                        let again = slot.take(public.shape, &given).unwrap();
                        assert!(again.held.same_as(public.held.reveal()), "public {kind:?} {form:?}");
                    }
                    Err(error) => assert!(matches!(error, Error::Unsupported(_)), "public {kind:?} {form:?}: {error}"),
                }
            }
        }
        for (family, bits) in [(Family::Aes, 192), (Family::TripleDes, 168), (Family::Hmac, 72), (Family::Foreign, 40)]
        {
            let key = symmetric(&*slot, family, bits);
            let again = slot.take(key.shape, &slot.give(&key, Form::Raw).unwrap()).unwrap();
            assert!(again.held.same_as(key.held.reveal()), "{family:?}");
            for form in [Form::Pkcs8, Form::Pkcs1, Form::Sec1, Form::PublicKeyInfo] {
                assert!(matches!(slot.give(&key, form), Err(Error::Unsupported(_))), "{family:?} {form:?}");
            }
        }
    }
}

#[test]
fn canonical_der_of_another_engine_comes_out_as_it_went_in() {
    for slot in slots() {
        for kind in ["RSA-2048", "P-224", "P-256", "P-384", "P-521", "secp256k1", "Ed25519"] {
            let (shape, private, public) = foreign(kind);
            let kept = slot.take(Shape::Private(shape), &Material::Pkcs8(Secret::copy_of(&private))).unwrap();
            assert_eq!(der(&*slot, &kept, Form::Pkcs8), private, "{kind}");
            assert_eq!(der(&*slot, &kept, Form::PublicKeyInfo), public, "{kind}");
            let kept = slot.take(Shape::Public(shape), &Material::PublicKeyInfo(public.clone())).unwrap();
            assert_eq!(der(&*slot, &kept, Form::PublicKeyInfo), public, "{kind}");
        }
    }
}

/// A pair of that kind from the vectors: PKCS#8 and SubjectPublicKeyInfo.
fn foreign(kind: &str) -> (Pair, Vec<u8>, Vec<u8>) {
    let texts = [include_str!("vectors/rsa.txt"), include_str!("vectors/ecdsa.txt"), include_str!("vectors/eddsa.txt")];
    let found =
        texts.iter().flat_map(|text| crate::vector::records(text)).find(|record| record.text("kind") == Some(kind));
    let record = found.unwrap();
    (crate::vector::kind(kind), record.bytes("private"), record.bytes("public"))
}

fn der(slot: &dyn Slot, kept: &Kept, form: Form) -> Vec<u8> {
    bytes(&slot.give(kept, form).unwrap())
}

fn bytes(material: &Material) -> Vec<u8> {
    match material {
        Material::Raw(der) | Material::Pkcs8(der) | Material::Pkcs1Private(der) | Material::Sec1(der) => {
            der.reveal().to_vec()
        }
        Material::PublicKeyInfo(der) | Material::Pkcs1Public(der) => der.clone(),
        material => panic!("no DER: {material:?}"),
    }
}

/// The numbers of an RSA key, to leave some out.
fn numbers(slot: &dyn Slot, kept: &Kept) -> RsaPrivate {
    match slot.give(kept, Form::Numbers).unwrap() {
        Material::RsaPrivate(numbers) => numbers,
        other => panic!("no numbers: {other:?}"),
    }
}

type Change = fn(&mut RsaPrivate);

#[test]
fn missing_numbers_of_an_rsa_key_are_computed() {
    let no_rest: Change = |n| (n.dp, n.dq, n.qinv) = (None, None, None);
    let rows: [(&str, Change); 9] = [
        ("no remainders", no_rest),
        ("n, e, d", |n| (n.p, n.q, n.dp, n.dq, n.qinv) = (None, None, None, None, None)),
        ("n, d", |n| (n.public_exponent, n.p, n.q, n.dp, n.dq, n.qinv) = (None, None, None, None, None, None)),
        ("n, e, p", |n| (n.private_exponent, n.q, n.dp, n.dq, n.qinv) = (None, None, None, None, None)),
        ("n, d, q", |n| (n.public_exponent, n.p, n.dp, n.dq, n.qinv) = (None, None, None, None, None)),
        ("n, e, p, q", |n| (n.private_exponent, n.dp, n.dq, n.qinv) = (None, None, None, None)),
        ("e, p, q", |n| {
            n.modulus.clear();
            (n.private_exponent, n.dp, n.dq, n.qinv) = (None, None, None, None);
        }),
        ("all but e", |n| n.public_exponent = None),
        ("numbers with noughts before them", |n| {
            n.modulus.insert(0, 0);
            n.p = n.p.take().map(|p| Secret::new([&[0], p.reveal()].concat()));
        }),
    ];
    let mechanism = Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: Input::Message };
    for slot in slots() {
        let (private, public) = pair(&*slot, Pair::Rsa { bits: 2048 });
        for (name, leave_out) in rows {
            let mut some = numbers(&*slot, &private);
            leave_out(&mut some);
            let whole = slot.take(private.shape, &Material::RsaPrivate(some)).unwrap_or_else(|e| panic!("{name}: {e}"));
            let signature = slot.open(&whole).unwrap().work(Purpose::Sign, &mechanism, b"data").unwrap();
            let checked = slot.open(&public).unwrap().verify(&mechanism, b"data", signature.reveal());
            assert_eq!(checked, Ok(()), "{name}");
            let full = numbers(&*slot, &whole);
            assert!(full.p.is_some() && full.qinv.is_some() && full.public_exponent.is_some(), "{name}");
        }
    }
}

#[test]
fn rsa_numbers_that_are_too_few_or_contradict_each_other_are_refused() {
    fn other(number: &mut Option<Secret>) {
        let mut bytes = number.as_ref().unwrap().reveal().to_vec();
        *bytes.last_mut().unwrap() ^= 2;
        *number = Some(Secret::new(bytes));
    }
    let rows: [(&str, Change); 13] = [
        ("n alone", |n| (n.public_exponent, n.private_exponent, n.p, n.q) = (None, None, None, None)),
        ("n and e", |n| (n.private_exponent, n.p, n.q) = (None, None, None)),
        ("p and q without an exponent", |n| (n.public_exponent, n.private_exponent) = (None, None)),
        ("another e", |n| n.public_exponent = Some(vec![3])),
        ("an even e", |n| (n.public_exponent, n.private_exponent) = (Some(vec![2]), None)),
        ("another d", |n| other(&mut n.private_exponent)),
        ("another p", |n| other(&mut n.p)),
        ("another dp", |n| other(&mut n.dp)),
        ("another qinv", |n| other(&mut n.qinv)),
        ("another n", |n| *n.modulus.last_mut().unwrap() ^= 2),
        ("a factor that does not divide", |n| (n.p, n.q) = (Some(Secret::copy_of(&[7])), None)),
        ("p is nought", |n| n.p = Some(Secret::copy_of(&[0]))),
        ("d is longer than any modulus", |n| n.private_exponent = Some(Secret::new(vec![1; 5000]))),
    ];
    for slot in slots() {
        let (private, _) = pair(&*slot, Pair::Rsa { bits: 2048 });
        for (name, change) in rows {
            let mut wrong = numbers(&*slot, &private);
            change(&mut wrong);
            let refused = slot.take(private.shape, &Material::RsaPrivate(wrong));
            assert!(matches!(refused, Err(Error::Key(_))), "{name}: {refused:?}");
        }
    }
}

#[test]
fn a_factor_that_is_no_prime_is_refused() {
    for slot in slots() {
        let (private, _) = pair(&*slot, Pair::Rsa { bits: 2048 });
        let mut wrong = numbers(&*slot, &private);
        wrong.modulus.clear();
        // 2^1024 - 1 is a multiple of three; everything else is then computed to fit it.
        wrong.p = Some(Secret::new(vec![0xff; 128]));
        (wrong.private_exponent, wrong.dp, wrong.dq, wrong.qinv) = (None, None, None, None);
        let refused = slot.take(private.shape, &Material::RsaPrivate(wrong));
        assert_eq!(refused.unwrap_err(), Error::Key("a factor of its modulus is no prime"));
    }
}

#[test]
fn der_with_anything_wrong_in_it_is_refused() {
    for slot in slots() {
        for kind in PAIRS {
            let (private, public) = pair(&*slot, kind);
            for form in private_forms(kind).iter().copied().filter(|form| *form != Form::Numbers) {
                let good = der(&*slot, &private, form);
                for (name, bad) in spoilt(&good) {
                    let refused = slot.take(private.shape, &again(form, bad));
                    assert!(matches!(refused, Err(Error::Key(_))), "{kind:?} {form:?} {name}: {refused:?}");
                }
            }
            let good = der(&*slot, &public, Form::PublicKeyInfo);
            for (name, bad) in spoilt(&good) {
                let refused = slot.take(public.shape, &Material::PublicKeyInfo(bad));
                assert!(matches!(refused, Err(Error::Key(_))), "public {kind:?} {name}: {refused:?}");
            }
        }
    }
}

fn spoilt(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let longer = [good, &[0]].concat();
    let twice = [good, good].concat();
    let mut other_tag = good.to_vec();
    other_tag[0] = 0x31;
    // The length in its first octets no longer fits what follows.
    let mut other_length = good.to_vec();
    other_length[1] ^= 1;
    vec![
        ("empty", Vec::new()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("a byte behind", longer),
        ("twice", twice),
        ("another tag", other_tag),
        ("another length", other_length),
    ]
}

fn again(form: Form, der: Vec<u8>) -> Material {
    match form {
        Form::Pkcs8 => Material::Pkcs8(Secret::new(der)),
        Form::Pkcs1 => Material::Pkcs1Private(Secret::new(der)),
        _ => Material::Sec1(Secret::new(der)),
    }
}

#[test]
fn a_private_key_with_another_ones_public_point_is_refused() {
    for slot in slots() {
        let (one, _) = pair(&*slot, Pair::Elliptic(Curve::P256));
        let (other, _) = pair(&*slot, Pair::Elliptic(Curve::P256));
        let (one, other) = (der(&*slot, &one, Form::Sec1), der(&*slot, &other, Form::Sec1));
        // The point is the last thing in the structure.
        let mixed = [&one[..one.len() - 64], &other[other.len() - 64..]].concat();
        let refused = slot.take(Shape::Private(Pair::Elliptic(Curve::P256)), &Material::Sec1(Secret::new(mixed)));
        assert!(matches!(refused, Err(Error::Key(_))), "{refused:?}");
    }
}
