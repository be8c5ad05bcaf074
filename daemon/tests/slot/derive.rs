//! Derivations, against published and independently computed values.

use strongroom::slot::{
    Derivation, End, Error, Family, Field, Finish, Function, Kept, Made, Material, Method, Number, Operand, Order,
    Pair, Peer, Recipe, Shake, Shape, Step, Sum, registry,
};
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
            Derivation::chain(Method::Counter, hmac, secret(&hex(cavs))),
            "10621342bfb0fd40046c0e29f2cfdbf0",
        ),
        (
            "counter over two blocks",
            key(Family::Hmac, &counting),
            Derivation::chain(Method::Counter, hmac, data()),
            "18b8910606f09c475658fb393a63521855b7deee922916562c76d87ba4f91aa88d4d4fe95ec82226c6c2bead07a2dfca",
        ),
        (
            "counter with CMAC",
            key(Family::Aes, &counting[..16]),
            Derivation::chain(Method::Counter, Function::Cmac, data()),
            "042226feaeda38b74d524e5778eac4bf3532e39ce7c2552c025c69c9d0b56d7b",
        ),
        (
            "feedback",
            key(Family::Hmac, &counting),
            Derivation::chain(Method::Feedback(vec![1, 2, 3]), hmac, data()),
            "fdcf8836d2570db91384f8e4706c9500bad11dc6a4467d0bdba92176a2926d9767b78a1aee5220b478c993da399c4c27",
        ),
        (
            "double pipeline",
            key(Family::Hmac, &counting),
            Derivation::chain(Method::Pipeline, hmac, data()),
            "80d3e0462dfaf65bdca1b3602dd52bd373e6c927a1a184164c6b71fe08fc665b5bb5a1a7788f40db135c5f3095d0974e",
        ),
        (
            "RFC 5869, 1",
            key(Family::Hmac, &[0x0B; 22]),
            Derivation::Hkdf {
                step: Step::Both,
                hash: Hash::Sha256,
                salt: Operand::Bytes(secret(&hex("000102030405060708090a0b0c"))),
                info: secret(&hex("f0f1f2f3f4f5f6f7f8f9")),
            },
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "RFC 5869, 3",
            key(Family::Hmac, &[0x0B; 22]),
            Derivation::Hkdf {
                step: Step::Both,
                hash: Hash::Sha256,
                salt: Operand::Bytes(secret(b"")),
                info: secret(b""),
            },
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
        (
            "HKDF",
            Derivation::Hkdf {
                step: Step::Both,
                hash: Hash::Sha1,
                salt: Operand::Bytes(secret(b"")),
                info: secret(b""),
            },
            255 * 20,
        ),
        ("a counter", Derivation::chain(Method::Counter, Function::Hmac(Hash::Sha256), data()), 8192),
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
    let cmac = Derivation::chain(Method::Counter, Function::Cmac, secret(b"data"));
    assert!(matches!(derive(&key(Family::Hmac, &[1; 16]), &cmac, 16), Err(Error::Unsupported(_))));
}

fn with(public: Vec<u8>) -> Derivation {
    Derivation::Agreement { peer: Peer::Info(public), finish: Finish::First }
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
        let mine = derive(&ours, &with(their_public.clone()), length).unwrap();
        assert_eq!(mine, derive(&theirs, &with(our_public), length).unwrap(), "{curve:?}");
        let (other, _) = pair(curve);
        assert_ne!(mine, derive(&other, &with(their_public.clone()), length).unwrap(), "{curve:?}");
        let longer = derive(&ours, &with(their_public), length + 1);
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
        assert!(matches!(derive(private, &with(public), 32), Err(Error::Key(_))), "{name}");
    }
    let symmetric = key(Family::Aes, &[1; 16]);
    assert!(matches!(derive(&symmetric, &with(p256_public), 32), Err(Error::Unsupported(_))));
    assert!(matches!(derive(&p256, &Derivation::Digest(Hash::Sha256), 32), Err(Error::Unsupported(_))));
}

/// A private key with the number 1, 2, …, 32 on P-256.
fn numbered() -> Kept {
    let number = secret(&(1..=32).collect::<Vec<u8>>());
    let slot = (registry::MEMBERS[0].open)("dev");
    let material = Material::EllipticPrivate { curve: Curve::P256, number };
    slot.take(Shape::Private(Pair::Elliptic(Curve::P256)), &material).unwrap()
}

/// The point of the number 33, 34, …, 64.
const POINT: &str = "041f140146bfb1b251f84f4ddbe0d4cdcfd77afd984a9520e35794021f8312bb9e\
                     ec995a08b1fa7704df3dcc0b50a9665263fb7711f95f9f8a449c5096e47c892b";

/// Computed by Python's cryptography (OpenSSL).
#[test]
fn an_agreement_ends_as_its_key_derivation_function_says() {
    let finish = |finish| Derivation::Agreement { peer: Peer::Bare(hex(POINT)), finish };
    let shared = || b"shared".to_vec();
    let compressed = format!("03{}", &POINT[2..66]);
    let bare = Derivation::Agreement { peer: Peer::Bare(hex(&compressed)), finish: Finish::Last };
    for (name, derivation, expected) in [
        ("whole", finish(Finish::Last), "4fe243908f378aa1c2a69538822e6ed908c3225d8692575507c649901245150a"),
        ("a compressed point", bare, "4fe243908f378aa1c2a69538822e6ed908c3225d8692575507c649901245150a"),
        ("the last bytes", finish(Finish::Last), "08c3225d8692575507c649901245150a"),
        ("the first bytes", finish(Finish::First), "4fe243908f378aa1c2a69538822e6ed9"),
        (
            "X9.63 with SHA-1",
            finish(Finish::X963(Hash::Sha1, shared())),
            "9b5e1e49dfaf9fdde06822b396df55674b116bc5fc38894b23499a80ede974d7d8faf36f7a981c51a948e0f7d7ef28f663e2c29b\
             5fb652292f6f616f",
        ),
        (
            "X9.63 with SHA3-384",
            finish(Finish::X963(Hash::Sha3_384, shared())),
            "ea82fa12f4adc05f802e759e88f7b19ca224aa1fbbc07b5e44e4767e6ea451e12ec9f1b627bd60b8ea9eff5fbe665145cbb858be\
             046890e11ea4c73b",
        ),
        (
            "one step with SHA-256",
            finish(Finish::OneStep(Hash::Sha256, shared())),
            "5d1e5ff095e9305813efd988313ecfa0f77a29868f82bd704a6fdb4f8e946456a6ec447fc6160f115635eb5dc0b81e5f5b7ef044\
             72168a374a4e7b0f",
        ),
    ] {
        let expected = hex(expected);
        assert_eq!(derive(&numbered(), &derivation, expected.len()).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_point_that_is_none_agrees_on_nothing() {
    let mut off = hex(POINT);
    off[40] ^= 1;
    for (name, bytes) in [
        ("off the curve", off),
        ("cut short", hex(POINT)[..64].to_vec()),
        ("at infinity", vec![0]),
        ("another curve's", vec![4; 97]),
        ("nothing", Vec::new()),
    ] {
        let derivation = Derivation::Agreement { peer: Peer::Bare(bytes), finish: Finish::Last };
        assert_eq!(derive(&numbered(), &derivation, 32), Err(Error::Parameter("public key")), "{name}");
    }
}

/// Computed by Python's cryptography and hashlib.
#[test]
fn what_pkcs_11_derives_is_what_others_derive() {
    let base = || key(Family::Hmac, &(1..=32).collect::<Vec<u8>>());
    let aes = || key(Family::Aes, &(1..=32).collect::<Vec<u8>>());
    let hmac = Function::Hmac(Hash::Sha256);
    let big = |bytes| Number { bytes, end: End::Big };
    let text = |bytes: &[u8]| Field::Data(Operand::Bytes(secret(bytes)));
    let chain = |method, function, fields| Derivation::Chain { method, function, fields };
    let little = Number { bytes: 4, end: End::Little };
    let fixed = |first: Vec<Field>| {
        first.into_iter().chain([text(b"label\0context"), Field::Length(little, Sum::Keys)]).collect::<Vec<_>>()
    };
    for (name, base, derivation, expected) in [
        (
            "HKDF, expand alone",
            base(),
            Derivation::Hkdf {
                step: Step::Expand,
                hash: Hash::Sha256,
                salt: Operand::Bytes(secret(b"")),
                info: secret(b"info"),
            },
            "3aa8346ff3204914e735c0c5a0cc9f21d272d578d90f8cdc1ba585197d66d0c8923e4fd3d2b6394120c1",
        ),
        (
            "HKDF, extract alone, salted by a key",
            base(),
            Derivation::Hkdf {
                step: Step::Extract,
                hash: Hash::Sha256,
                salt: Operand::Key(key(Family::Hmac, b"salt")),
                info: secret(b""),
            },
            "d95bfb062f0f914df5f3762b484c58fdc7e0a987e75d937d5f6d1d5d9be622ae",
        ),
        (
            "a counter of two bytes, and the length",
            base(),
            chain(
                Method::Counter,
                hmac,
                vec![Field::Iteration(big(2)), text(b"label\0context"), Field::Length(big(2), Sum::Keys)],
            ),
            "9d8c037618308253262c2757051977f257dd52c774fdcac2493177f31f813cc1825eb4dedde08914058f353d218b7a4e6365",
        ),
        (
            "a counter behind the data",
            base(),
            chain(
                Method::Counter,
                hmac,
                vec![text(b"label\0context"), Field::Length(big(4), Sum::Keys), Field::Iteration(big(1))],
            ),
            "8e86540e438181aaa1146d2b05e9bc9b2911a2a962702ff10a5602f06ee6a499b509cec9f32bf3e176edc64da02451655774",
        ),
        (
            "CMAC",
            aes(),
            chain(
                Method::Counter,
                Function::Cmac,
                vec![Field::Iteration(big(1)), text(b"label\0context"), Field::Length(big(4), Sum::Keys)],
            ),
            "25990327408a2a02a90d24eb47f592c1217f704fb8711935700a99ca6886e435f13010606cd9c58b",
        ),
        (
            "feedback with a counter of one byte",
            base(),
            chain(
                Method::Feedback(b"iv".to_vec()),
                hmac,
                fixed(vec![Field::Iteration(big(4)), Field::Counter(big(1))]),
            ),
            "bca53a1472c915ce6789dc649380fdc54b062fe83f52a590f4da29442cb8854656934893ce7e2f5ef286898a34",
        ),
        (
            "a pipeline without counter",
            base(),
            chain(Method::Pipeline, hmac, fixed(vec![Field::Iteration(big(4))])),
            "108d6f8518d02f56a66a74d96a2431fad62c8f4a4b3c06ef2d6b34fcdf55e315f5f6dbe666866ad576b6865b4c",
        ),
        (
            "TLS 1.2",
            base(),
            Derivation::Tls { hash: Hash::Sha256, label: b"master secret".to_vec(), seed: secret(&b"seed".repeat(16)) },
            "0442d1b62c54d3b6c0e2a297a4347980dc627e7248ea12e7e96e31be391c190571db83c1cdb2fa0afa331a7cd3b98f1b",
        ),
        (
            "SHAKE128",
            base(),
            Derivation::Shake(Shake::Shake128),
            "5d52e8465ab88e1779801a3af13071dddbbc5fd194bb6b4e29d2fe452e584ba867e0bbd3324d760c",
        ),
        (
            "SHAKE256",
            base(),
            Derivation::Shake(Shake::Shake256),
            "f6a704e0fa1de28f681dd2fb0835391aadd2f114b6521c7bf69fc4f9e5de4ffebf4c82fc872d7c6f",
        ),
        ("bits", base(), Derivation::Extract(21), "6080a0c0e10121416181a1c1e20222426282a2c2"),
        (
            "data behind",
            key(Family::Hmac, &hex("01234567")),
            Derivation::Join { order: Order::KeyFirst, other: Operand::Bytes(secret(&hex("89abcdef"))) },
            "0123456789abcdef",
        ),
        (
            "a key before",
            key(Family::Hmac, &hex("01234567")),
            Derivation::Join { order: Order::KeyLast, other: Operand::Key(key(Family::Aes, &hex("89abcdef"))) },
            "89abcdef01234567",
        ),
        ("exclusive or", key(Family::Hmac, &hex("01234567")), Derivation::Xor(secret(&hex("89abcdef"))), "88888888"),
        // PKCS#11 3.2 §6.43.7's own example.
        ("bits of the standard", key(Family::Hmac, &hex("329f84a9")), Derivation::Extract(21), "9526"),
        ("no shift", key(Family::Hmac, &hex("329f84a9")), Derivation::Extract(8), "9f84a932"),
    ] {
        let expected = hex(expected);
        assert_eq!(derive(&base, &derivation, expected.len()).unwrap(), expected, "{name}");
    }
}

#[test]
fn fields_and_lengths_that_cannot_be_are_refused() {
    let base = || key(Family::Hmac, &[7; 32]);
    let counter = |bytes| Field::Iteration(Number { bytes, end: End::Big });
    let chain = |fields| Derivation::Chain { method: Method::Counter, function: Function::Hmac(Hash::Sha256), fields };
    let join = |length| Derivation::Join { order: Order::KeyFirst, other: Operand::Bytes(secret(&vec![1; length])) };
    for (name, derivation, length, expected) in [
        ("no iteration", chain(vec![]), 32, Error::Parameter("data fields")),
        ("two", chain(vec![counter(1), counter(1)]), 32, Error::Parameter("data fields")),
        ("two counters", chain(vec![counter(1), Field::Counter(Number::USUAL)]), 32, Error::Parameter("data fields")),
        ("a number of no bytes", chain(vec![counter(0)]), 32, Error::Parameter("width of a number")),
        ("a number too wide", chain(vec![counter(9)]), 32, Error::Parameter("width of a number")),
        ("a counter that would begin again", chain(vec![counter(1)]), 8192, Error::Length),
        ("more than both have", join(4), 37, Error::Length),
        ("more than the shorter has", Derivation::Xor(secret(&[1; 16])), 17, Error::Length),
        ("a bit behind the last", Derivation::Extract(256), 16, Error::Parameter("first bit")),
        ("bits twice", Derivation::Extract(1), 33, Error::Length),
        (
            "a second key that is not there",
            Derivation::Join { order: Order::KeyFirst, other: Operand::Second },
            32,
            Error::Parameter("second key"),
        ),
    ] {
        assert_eq!(derive(&base(), &derivation, length).unwrap_err(), expected, "{name}");
    }
}
