//! Keys that are none: points off their curve, numbers out of bounds, lengths that no algorithm has.

use strongroom::slot::{
    Error, Kept, Material, Shape,
    contract::{Family, Form, Pair},
};
use strongroom_kmip::{mechanism::Curve, secret::Secret};

use crate::key::PAIRS;
use crate::sample::{pair, slots, symmetric};

#[test]
fn elliptic_numbers_and_points_are_checked() {
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&order[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let numbers = [
        ("nought", vec![0; 32], false),
        ("the order", order.clone(), false),
        ("above the order", vec![0xff; 32], false),
        ("too long", vec![1; 33], false),
        ("empty", Vec::new(), false),
        ("one", [&[0; 31][..], &[1]].concat(), true),
        ("short", vec![5], true),
        ("below the order", [&order[..31], &[0x50]].concat(), true),
    ];
    for slot in slots() {
        let shape = Shape::Private(Pair::Elliptic(Curve::P256));
        for (name, number, sound) in &numbers {
            let material = Material::EllipticPrivate { curve: Curve::P256, number: Secret::copy_of(number) };
            let taken = slot.take(shape, &material);
            assert_eq!(taken.is_ok(), *sound, "{name}");
            assert!(*sound || matches!(taken, Err(Error::Key(_))), "{name}: {taken:?}");
        }
        let (_, public) = pair(&*slot, Pair::Elliptic(Curve::P256));
        let Material::EllipticPublic { point, .. } = slot.give(&public, Form::Numbers).unwrap() else { panic!() };
        let (x, y) = (&point[1..33], &point[33..]);
        let mut off = point.clone();
        off[64] ^= 1;
        let points = [
            ("uncompressed", point.clone(), true),
            ("compressed", [&[2 + (y[31] & 1)], x].concat(), true),
            ("off the curve", off, false),
            ("infinity", vec![0], false),
            ("infinity written out", [&[4][..], &[0; 64]].concat(), false),
            ("a coordinate above the field", [&[4][..], &[0xff; 64]].concat(), false),
            ("no such encoding", [&[5], x, y].concat(), false),
            ("cut", point[..64].to_vec(), false),
            ("longer", [&point[..], &[0]].concat(), false),
            ("empty", Vec::new(), false),
        ];
        for (name, point, sound) in points {
            let taken = slot.take(public.shape, &Material::EllipticPublic { curve: Curve::P256, point });
            assert_eq!(taken.is_ok(), sound, "{name}");
            if let Ok(taken) = taken {
                assert!(taken.held.same_as(public.held.reveal()), "{name}");
            }
        }
    }
}

#[test]
fn edwards_points_that_are_none_or_of_small_order_are_refused() {
    let hex = |text: &str| (0..32).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect();
    let rows: [(&str, Vec<u8>, bool); 11] = [
        ("RFC 8032 test 1", hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), true),
        ("of order one", hex("0100000000000000000000000000000000000000000000000000000000000000"), false),
        ("of order two", hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), false),
        ("of order four", hex("0000000000000000000000000000000000000000000000000000000000000000"), false),
        ("of order four, the other", hex("0000000000000000000000000000000000000000000000000000000000000080"), false),
        ("of order eight", hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), false),
        ("of order eight, another", hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), false),
        ("y is p", hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), false),
        ("y is above p", hex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), false),
        ("no x for that y", hex("0200000000000000000000000000000000000000000000000000000000000000"), false),
        ("short", vec![0xd7; 31], false),
    ];
    for slot in slots() {
        let shape = Shape::Public(Pair::Elliptic(Curve::Ed25519));
        for (name, point, sound) in &rows {
            let taken = slot.take(shape, &Material::EllipticPublic { curve: Curve::Ed25519, point: point.clone() });
            assert_eq!(taken.is_ok(), *sound, "{name}");
            assert!(*sound || matches!(taken, Err(Error::Key(_))), "{name}: {taken:?}");
        }
    }
}

#[test]
fn rsa_public_numbers_are_checked() {
    for slot in slots() {
        let (_, public) = pair(&*slot, Pair::Rsa { bits: 2048 });
        let Material::RsaPublic { modulus, exponent } = slot.give(&public, Form::Numbers).unwrap() else { panic!() };
        let mut even = modulus.clone();
        *even.last_mut().unwrap() &= 0xfe;
        let rows = [
            ("an even modulus", even, exponent.clone()),
            ("no modulus", Vec::new(), exponent.clone()),
            ("a short modulus", modulus[1..].to_vec(), exponent.clone()),
            ("an even exponent", modulus.clone(), vec![2]),
            ("one as an exponent", modulus.clone(), vec![1]),
            ("no exponent", modulus.clone(), Vec::new()),
            ("an exponent above the modulus", modulus.clone(), vec![0xff; 257]),
            ("an endless modulus", vec![0xff; 100_000], exponent.clone()),
        ];
        for (name, modulus, exponent) in rows {
            let refused = slot.take(public.shape, &Material::RsaPublic { modulus, exponent });
            assert!(matches!(refused, Err(Error::Key(_))), "{name}: {refused:?}");
        }
        let good = slot.take(public.shape, &Material::RsaPublic { modulus, exponent }).unwrap();
        assert!(good.held.same_as(public.held.reveal()));
    }
}

#[test]
fn a_key_of_another_kind_or_length_than_was_said_is_refused() {
    for slot in slots() {
        let (rsa, rsa_public) = pair(&*slot, Pair::Rsa { bits: 2048 });
        let (elliptic, _) = pair(&*slot, Pair::Elliptic(Curve::P256));
        let given = |kept: &Kept, form| slot.give(kept, form).unwrap();
        let rows = [
            ("a longer modulus", Shape::Private(Pair::Rsa { bits: 3072 }), given(&rsa, Form::Pkcs8)),
            ("a shorter modulus", Shape::Public(Pair::Rsa { bits: 2040 }), given(&rsa_public, Form::Pkcs1)),
            ("another curve", Shape::Private(Pair::Elliptic(Curve::Secp256k1)), given(&elliptic, Form::Pkcs8)),
            ("RSA for elliptic", Shape::Private(Pair::Elliptic(Curve::P256)), given(&rsa, Form::Pkcs8)),
            ("elliptic for RSA", Shape::Private(Pair::Rsa { bits: 256 }), given(&elliptic, Form::Pkcs8)),
        ];
        for (name, shape, material) in rows {
            let refused = slot.take(shape, &material);
            assert!(matches!(refused, Err(Error::Key(_))), "{name}: {refused:?}");
        }
        let halves = [
            ("a public key for a private one", rsa.shape, given(&rsa, Form::PublicKeyInfo)),
            ("a private key for a public one", rsa_public.shape, given(&rsa, Form::Pkcs8)),
            (
                "a pair for a symmetric key",
                Shape::Symmetric { family: Family::Aes, bits: 256 },
                given(&rsa, Form::Pkcs8),
            ),
        ];
        for (name, shape, material) in halves {
            let refused = slot.take(shape, &material);
            assert!(matches!(refused, Err(Error::Unsupported(_))), "{name}: {refused:?}");
        }
    }
}

#[test]
fn symmetric_keys_have_the_lengths_of_their_algorithm() {
    let rows = [
        ("AES-128", Family::Aes, 128, 16, true),
        ("AES-64", Family::Aes, 64, 8, false),
        ("AES with a byte too many", Family::Aes, 256, 33, false),
        ("AES of another length than said", Family::Aes, 128, 32, false),
        ("AES of nothing", Family::Aes, 0, 0, false),
        ("AES-XTS of two keys that are one", Family::AesXts, 512, 64, false),
        ("AES-XTS with AES-128", Family::AesXts, 256, 32, false),
        ("AES-XTS of nothing", Family::AesXts, 0, 0, false),
        ("3DES with parity bits", Family::TripleDes, 192, 24, true),
        ("3DES without parity bits", Family::TripleDes, 168, 24, true),
        ("two-key 3DES", Family::TripleDes, 112, 16, true),
        ("single DES", Family::TripleDes, 64, 8, false),
        ("3DES of another length than said", Family::TripleDes, 112, 24, false),
        ("ChaCha20", Family::ChaCha20, 256, 32, true),
        ("short ChaCha20", Family::ChaCha20, 128, 16, false),
        ("HMAC of one byte", Family::Hmac, 8, 1, true),
        ("HMAC of nothing", Family::Hmac, 0, 0, false),
        ("HMAC of odd bits", Family::Hmac, 9, 1, false),
        ("HMAC above all measure", Family::Hmac, 40_000, 5000, false),
        ("foreign", Family::Foreign, 56, 7, true),
    ];
    for slot in slots() {
        for (name, family, bits, length, sound) in rows {
            let taken = slot.take(Shape::Symmetric { family, bits }, &Material::Raw(Secret::new(vec![9; length])));
            assert_eq!(taken.is_ok(), sound, "{name}");
            assert!(sound || matches!(taken, Err(Error::Key(_))), "{name}: {taken:?}");
            if let Ok(kept) = taken {
                assert!(slot.open(&kept).is_ok(), "{name}");
            }
        }
    }
}

#[test]
fn what_is_no_longer_a_key_is_not_opened() {
    for slot in slots() {
        for kind in PAIRS {
            for mut kept in <[Kept; 2]>::from(pair(&*slot, kind)) {
                kept.held = Secret::copy_of(&kept.held.reveal()[1..]);
                assert!(matches!(slot.open(&kept), Err(Error::Key(_))), "{kind:?}");
            }
        }
        let mut kept = symmetric(&*slot, Family::Aes, 256);
        kept.held = Secret::copy_of(&kept.held.reveal()[1..]);
        assert!(matches!(slot.open(&kept), Err(Error::Key(_))));
    }
}
