//! Derivations, against published and independently computed values.

use strongroom::slot::{Derivation, Error, Family, Function, Kept, Made, Pair, Recipe, Shape, registry};
use strongroom_kmip::{
    mechanism::{Block, Curve, Hash, Mechanism, Mode, Padding},
    secret::Secret,
};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::copy_of(bytes)
}

fn key(family: Family, bytes: &[u8]) -> Kept {
    Kept { shape: Shape::Symmetric { family, bits: bytes.len() * 8 }, held: secret(bytes) }
}

fn derive(base: &Kept, derivation: &Derivation, length: usize) -> Result<Vec<u8>, Error> {
    let mut results = registry::MEMBERS.iter().map(|member| (member.open)("dev").derive(base, derivation, length));
    results.next().unwrap().map(|derived| derived.reveal().to_vec())
}

#[test]
fn derivations_give_what_others_compute() {
    let data = || secret(b"label\0context");
    let counting: Vec<u8> = (0..32).collect();
    let block = |mode| Mechanism::Cipher(Block::Aes, mode);
    let cavs = "01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b864a145fab25e517b08f8683d0315bb2911d80a0e\
                8aba17f3b413faac";
    let hmac = Function::Hmac(Hash::Sha256);
    let rows = [
        (
            "RFC 6070",
            key(Family::Hmac, b"password"),
            Derivation::Pbkdf2 { hash: Hash::Sha1, salt: secret(b"salt"), iterations: 4096 },
            "4b007901b765489abead49d926f721d0",
        ),
        (
            "PBKDF2 with SHA-256",
            key(Family::Hmac, b"password"),
            Derivation::Pbkdf2 { hash: Hash::Sha256, salt: secret(b"salt"), iterations: 1000 },
            "632c2812e46d4604102ba7618e9d6d7d2f8128f6266b4a03264d2a0460b7dcb3",
        ),
        (
            "OASIS TC-DERIVEKEY-1",
            key(Family::Aes, &hex("00112233445566778899aabbccddeeff")),
            Derivation::Digest(Hash::Sha256),
            "a8faed6abbf35c12a4b26e40f6feb19d",
        ),
        (
            "OASIS TC-DERIVEKEY-2",
            key(Family::Aes, &hex("00112233445566778899aabbccddeeff")),
            Derivation::Hmac { hash: Hash::Sha256, data: secret(&[1, 2]) },
            "1e15c1f1da233629f770fb0a04a5020e",
        ),
        (
            "NIST CAVS 14.4, counter before",
            key(Family::Hmac, &hex("dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0")),
            Derivation::Counter { function: hmac, data: secret(&hex(cavs)) },
            "10621342bfb0fd40046c0e29f2cfdbf0",
        ),
        (
            "counter over two blocks",
            key(Family::Hmac, &counting),
            Derivation::Counter { function: hmac, data: data() },
            "18b8910606f09c475658fb393a63521855b7deee922916562c76d87ba4f91aa88d4d4fe95ec82226c6c2bead07a2dfca",
        ),
        (
            "counter with CMAC",
            key(Family::Aes, &counting[..16]),
            Derivation::Counter { function: Function::Cmac, data: data() },
            "042226feaeda38b74d524e5778eac4bf3532e39ce7c2552c025c69c9d0b56d7b",
        ),
        (
            "feedback",
            key(Family::Hmac, &counting),
            Derivation::Feedback { function: hmac, start: vec![1, 2, 3], data: data() },
            "fdcf8836d2570db91384f8e4706c9500bad11dc6a4467d0bdba92176a2926d9767b78a1aee5220b478c993da399c4c27",
        ),
        (
            "double pipeline",
            key(Family::Hmac, &counting),
            Derivation::Pipeline { function: hmac, data: data() },
            "80d3e0462dfaf65bdca1b3602dd52bd373e6c927a1a184164c6b71fe08fc665b5bb5a1a7788f40db135c5f3095d0974e",
        ),
        (
            "RFC 5869, 1",
            key(Family::Hmac, &[0x0B; 22]),
            Derivation::Hkdf {
                hash: Hash::Sha256,
                salt: secret(&hex("000102030405060708090a0b0c")),
                info: secret(&hex("f0f1f2f3f4f5f6f7f8f9")),
            },
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "RFC 5869, 3",
            key(Family::Hmac, &[0x0B; 22]),
            Derivation::Hkdf { hash: Hash::Sha256, salt: secret(b""), info: secret(b"") },
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
        (
            "encryption in CBC",
            key(Family::Aes, &counting[..16]),
            Derivation::Encrypt {
                mechanism: block(Mode::Cbc { iv: vec![0; 16], padding: Padding::None }),
                data: secret(&[b'A'; 32]),
            },
            "dd4b1a0b47daa7067d0b59d95d58a6ae0fdbc4e2eea77988b21faae055ca5999",
        ),
        (
            "Amazon's own example",
            key(Family::Hmac, b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            Derivation::Aws { date: secret(b"20150830"), region: secret(b"us-east-1"), service: secret(b"iam") },
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9",
        ),
    ];
    for (name, base, derivation, expected) in rows {
        let expected = hex(expected);
        assert_eq!(derive(&base, &derivation, expected.len()).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_derivation_gives_no_more_than_it_has() {
    let base = || key(Family::Hmac, &[7; 32]);
    let data = || secret(b"data");
    for (name, derivation, most) in [
        ("a digest", Derivation::Digest(Hash::Sha256), 32),
        ("an HMAC", Derivation::Hmac { hash: Hash::Sha384, data: data() }, 48),
        ("HKDF", Derivation::Hkdf { hash: Hash::Sha1, salt: secret(b""), info: secret(b"") }, 255 * 20),
        ("a counter", Derivation::Counter { function: Function::Hmac(Hash::Sha256), data: data() }, 8192),
        ("Amazon's", Derivation::Aws { date: data(), region: data(), service: data() }, 32),
    ] {
        assert_eq!(derive(&base(), &derivation, most).unwrap().len(), most, "{name}");
        assert_eq!(derive(&base(), &derivation, most + 1).unwrap_err(), Error::Length, "{name}");
        assert_eq!(derive(&base(), &derivation, 0).unwrap_err(), Error::Length, "{name}");
    }
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let pbkdf2 = |iterations| Derivation::Pbkdf2 { hash: Hash::Sha256, salt: secret(b"salt"), iterations };
    for (name, iterations, length) in [("none", 0, 32), ("too many", u32::MAX, 32), ("too many in all", 1_000_000, 512)]
    {
        let refused = derive(&key(Family::Hmac, b"password"), &pbkdf2(iterations), length);
        assert_eq!(refused.unwrap_err(), Error::Parameter("iteration count"), "{name}");
    }
    let cmac = Derivation::Counter { function: Function::Cmac, data: secret(b"data") };
    assert!(matches!(derive(&key(Family::Hmac, &[1; 16]), &cmac, 16), Err(Error::Unsupported(_))));
}

fn pair(curve: Curve) -> (Kept, Vec<u8>) {
    let slot = (registry::MEMBERS[0].open)("dev");
    let Made::Pair { private, public } = slot.make(&Recipe::Pair(Pair::Elliptic(curve))).unwrap() else {
        panic!("no pair");
    };
    (private, public.held.reveal().to_vec())
}

#[test]
fn two_sides_agree_on_the_same_secret_and_nobody_else_does() {
    for (curve, length) in [(Curve::P256, 32), (Curve::P384, 48), (Curve::P521, 66), (Curve::X25519, 32)] {
        let ((ours, our_public), (theirs, their_public)) = (pair(curve), pair(curve));
        let mine = derive(&ours, &Derivation::Agreement(their_public.clone()), length).unwrap();
        assert_eq!(mine, derive(&theirs, &Derivation::Agreement(our_public), length).unwrap(), "{curve:?}");
        let (other, _) = pair(curve);
        assert_ne!(mine, derive(&other, &Derivation::Agreement(their_public.clone()), length).unwrap(), "{curve:?}");
        let longer = derive(&ours, &Derivation::Agreement(their_public), length + 1);
        assert_eq!(longer.unwrap_err(), Error::Length, "{curve:?}");
    }
}

#[test]
fn keys_that_do_not_agree_are_refused() {
    let ((p256, p256_public), (_, p384_public), (ed25519, ed25519_public)) =
        (pair(Curve::P256), pair(Curve::P384), pair(Curve::Ed25519));
    let (x25519, x25519_public) = pair(Curve::X25519);
    let mut nought = x25519_public.clone();
    let at = nought.len() - 32;
    nought[at..].fill(0);
    for (name, private, public) in [
        ("another curve", &p256, p384_public),
        ("a signature's key", &ed25519, ed25519_public),
        ("no key", &p256, b"no key".to_vec()),
        ("a point of small order", &x25519, nought),
    ] {
        assert!(matches!(derive(private, &Derivation::Agreement(public), 32), Err(Error::Key(_))), "{name}");
    }
    let symmetric = key(Family::Aes, &[1; 16]);
    assert!(matches!(derive(&symmetric, &Derivation::Agreement(p256_public), 32), Err(Error::Unsupported(_))));
    assert!(matches!(derive(&p256, &Derivation::Digest(Hash::Sha256), 32), Err(Error::Unsupported(_))));
}
