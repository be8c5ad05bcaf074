//! Mechanisms as applications use them: keys of every type, parameters, and known answers through the whole house.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    mechanism::{Ccm, ChaCha, Gcm, Iv, Number, Parameter},
    number::{KeyType, MechanismFlags, ObjectClass},
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, class, number, truth};

fn of(kind: MechanismType, parameter: Parameter) -> Mechanism {
    Mechanism { kind, parameter }
}

fn iv(bytes: &[u8]) -> Parameter {
    Parameter::Iv(Iv { iv: Bytes(bytes.to_vec()) })
}

fn ccm(data_length: u64, nonce: &[u8], tag_length: u64) -> Parameter {
    Parameter::Ccm(Ccm { data_length, nonce: Bytes(nonce.to_vec()), aad: Bytes((0..8).collect()), tag_length })
}

fn gmac(nonce: &[u8], aad: &[u8]) -> Parameter {
    Parameter::Gcm(Gcm { iv: Bytes(nonce.to_vec()), iv_bits: 0, aad: Bytes(aad.to_vec()), tag_bits: 128 })
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// A key of that type that was made elsewhere and does everything that such a key may.
fn bring(client: &mut Client, session: u64, key: KeyType, value: &[u8]) -> Result<u64, Rv> {
    let mut template = vec![
        class(ObjectClass::SECRET_KEY),
        number(AttributeType::KEY_TYPE, key.0),
        Attribute::bytes(AttributeType::VALUE, value),
        truth(AttributeType::SIGN, true),
        truth(AttributeType::VERIFY, true),
    ];
    if [KeyType::AES, KeyType::AES_XTS, KeyType::CHACHA20].contains(&key) {
        template.extend([truth(AttributeType::ENCRYPT, true), truth(AttributeType::DECRYPT, true)]);
    }
    client.ask(request::CreateObject { session, template }).map(|made| made.object)
}

fn encrypt(client: &mut Client, session: u64, key: u64, mechanism: Mechanism, data: &[u8]) -> Result<Vec<u8>, Rv> {
    client.ask(request::EncryptInit { session, mechanism: Some(mechanism), key })?;
    let ask = request::Encrypt { session, data: Wiped::from(data), room: Room::Bytes(1024) };
    let Output::Bytes(bytes) = client.ask(ask)?.output else { panic!("no output") };
    Ok(bytes.into_vec())
}

fn decrypt(client: &mut Client, session: u64, key: u64, mechanism: Mechanism, data: &[u8]) -> Result<Vec<u8>, Rv> {
    client.ask(request::DecryptInit { session, mechanism: Some(mechanism), key })?;
    let ask = request::Decrypt { session, data: Wiped::from(data), room: Room::Bytes(1024) };
    let Output::Bytes(bytes) = client.ask(ask)?.output else { panic!("no output") };
    Ok(bytes.into_vec())
}

fn sign(client: &mut Client, session: u64, key: u64, mechanism: Mechanism, data: &[u8]) -> Result<Vec<u8>, Rv> {
    client.ask(request::SignInit { session, mechanism: Some(mechanism), key })?;
    let ask = request::Sign { session, data: Wiped::from(data), room: Room::Bytes(1024) };
    let Output::Bytes(bytes) = client.ask(ask)?.output else { panic!("no output") };
    Ok(bytes.into_vec())
}

fn key_type(client: &mut Client, session: u64, object: u64) -> KeyType {
    let wanted = vec![Wanted { kind: AttributeType::KEY_TYPE, room: Room::Bytes(8) }];
    let revealed = client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed;
    let [Reveal::Value(Attribute { value: Value::Ulong(key), .. })] = &revealed[..] else { panic!("{revealed:?}") };
    KeyType(*key)
}

#[test]
fn ciphers_give_the_answers_of_their_standards() {
    let house = House::new();
    let (mut client, session) = house.user();
    let nist = "2b7e151628aed2a6abf7158809cf4f3c";
    let counting: Vec<u8> = (0..16).collect();
    let rows = [
        (
            "SP 800-38A F.3.7",
            KeyType::AES,
            nist,
            of(MechanismType::AES_CFB8, iv(&counting)),
            "6bc1bee22e409f96e93d7e117393172aae2d",
            "3b79424c9c0dd436bace9e0ed4586a4f32b9",
        ),
        (
            "RFC 3962 appendix B, 17 bytes",
            KeyType::AES,
            "636869636b656e207465726979616b69",
            of(MechanismType::AES_CTS, iv(&[0; 16])),
            "4920776f756c64206c696b652074686520",
            "c6353568f2bf8cb4d8a580362da7ff7f97",
        ),
        (
            "RFC 3610 packet vector 1, with the whole tag",
            KeyType::AES,
            "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf",
            of(MechanismType::AES_CCM, ccm(23, &hex("00000003020100a0a1a2a3a4a5"), 16)),
            "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
            CCM_16,
        ),
        (
            "RFC 8439 2.4.2",
            KeyType::CHACHA20,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            of(
                MechanismType::CHACHA20,
                Parameter::ChaCha(ChaCha {
                    counter: Bytes(vec![1, 0, 0, 0]),
                    nonce: Bytes(hex("000000000000004a00000000")),
                }),
            ),
            "4c616469657320616e642047656e746c656d656e206f662074686520636c6173",
            "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b",
        ),
        (
            "IEEE 1619 vector 10, its first block",
            KeyType::AES_XTS,
            concat!(
                "2718281828459045235360287471352662497757247093699959574966967627",
                "3141592653589793238462643383279502884197169399375105820974944592"
            ),
            of(MechanismType::AES_XTS, iv(&hex("ff000000000000000000000000000000"))),
            "000102030405060708090a0b0c0d0e0f",
            "1c3b3a102f770386e4836c99e370cf9b",
        ),
    ];
    for (name, key, value, mechanism, plain, sealed) in rows {
        let again = || Mechanism { kind: mechanism.kind, parameter: copied(&mechanism.parameter) };
        let object = bring(&mut client, session, key, &hex(value)).unwrap();
        assert_eq!(key_type(&mut client, session, object), key, "{name}");
        assert_eq!(encrypt(&mut client, session, object, again(), &hex(plain)), Ok(hex(sealed)), "{name}");
        assert_eq!(decrypt(&mut client, session, object, again(), &hex(sealed)), Ok(hex(plain)), "{name}");
    }
}

/// The parameter once more; wire values are made to be sent once.
fn copied(parameter: &Parameter) -> Parameter {
    match parameter {
        Parameter::Iv(given) => iv(&given.iv),
        Parameter::Ccm(given) => ccm(given.data_length, &given.nonce, given.tag_length),
        Parameter::ChaCha(given) => {
            Parameter::ChaCha(ChaCha { counter: Bytes(given.counter.to_vec()), nonce: Bytes(given.nonce.to_vec()) })
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn macs_give_the_answers_of_their_standards_and_no_nonce_comes_twice() {
    let house = House::new();
    let (mut client, session) = house.user();
    let aes = bring(&mut client, session, KeyType::AES, &[0; 16]).unwrap();
    let first = of(MechanismType::AES_GMAC, gmac(&[0; 12], &[]));
    let tag = sign(&mut client, session, aes, first, &[]);
    assert_eq!(tag, Ok(hex("58e2fccefa7e3061367f1d57a4e7455a")), "GCM specification, test case 1");
    let again = of(MechanismType::AES_GMAC, gmac(&[0; 12], &[]));
    assert!(sign(&mut client, session, aes, again, b"other data").is_err(), "the nonce was spent");
    let begin = |mechanism| request::SignInit { session, mechanism: Some(mechanism), key: aes };
    let besides = of(MechanismType::AES_GMAC, gmac(&[1; 12], b"besides"));
    assert_eq!(client.ask(begin(besides)).err(), Some(Rv::MECHANISM_PARAM_INVALID));

    let aes = bring(&mut client, session, KeyType::AES, &hex("2b7e151628aed2a6abf7158809cf4f3c")).unwrap();
    let whole = Mechanism::plain(MechanismType::AES_CMAC);
    let cmac = hex("bb1d6929e95937287fa37d129b756746");
    assert_eq!(sign(&mut client, session, aes, whole, &[]), Ok(cmac.clone()), "RFC 4493 §4");
    let part = of(MechanismType::AES_CMAC_GENERAL, Parameter::Number(Number { number: 12 }));
    assert_eq!(sign(&mut client, session, aes, part, &[]), Ok(cmac[..12].to_vec()));
    let short = of(MechanismType::AES_CMAC_GENERAL, Parameter::Number(Number { number: 4 }));
    assert!(sign(&mut client, session, aes, short, &[]).is_err(), "the policy wants 96 bits");
}

#[test]
fn ccm_holds_its_caller_to_the_length_that_was_promised() {
    let house = House::new();
    let (mut client, session) = house.user();
    let aes = bring(&mut client, session, KeyType::AES, &[7; 16]).unwrap();
    let way = |nonce: u8, length| of(MechanismType::AES_CCM, ccm(length, &[nonce; 12], 16));
    for length in [5, 20, 21] {
        assert_eq!(
            encrypt(&mut client, session, aes, way(1, 4), &vec![1; length]),
            Err(Rv::DATA_LEN_RANGE),
            "{length}"
        );
    }
    assert!(decrypt(&mut client, session, aes, way(1, 4), &[1; 21]).is_err());
    let sealed = encrypt(&mut client, session, aes, way(2, 4), &[1; 4]).unwrap();
    assert_eq!(sealed.len(), 20);
    assert_eq!(decrypt(&mut client, session, aes, way(2, 4), &sealed), Ok(vec![1; 4]));
    let mut other = sealed;
    other[3] ^= 1;
    assert_eq!(decrypt(&mut client, session, aes, way(2, 4), &other), Err(Rv::ENCRYPTED_DATA_INVALID));
    assert!(encrypt(&mut client, session, aes, way(2, 4), &[2; 4]).is_err(), "the nonce was spent");
}

#[test]
fn a_key_for_one_hash_works_with_that_hash_alone() {
    let house = House::new();
    let (mut client, session) = house.user();
    for (mechanism, key, hmac, other, length) in [
        (
            MechanismType::SHA256_KEY_GEN,
            KeyType::SHA256_HMAC,
            MechanismType::SHA256_HMAC,
            MechanismType::SHA512_HMAC,
            32,
        ),
        (
            MechanismType::SHA512_256_KEY_GEN,
            KeyType::SHA512_256_HMAC,
            MechanismType::SHA512_256_HMAC,
            MechanismType::SHA256_HMAC,
            32,
        ),
        (
            MechanismType::SHA3_384_KEY_GEN,
            KeyType::SHA3_384_HMAC,
            MechanismType::SHA3_384_HMAC,
            MechanismType::SHA384_HMAC,
            48,
        ),
    ] {
        let template = vec![number(AttributeType::VALUE_LEN, 32)];
        let ask = request::GenerateKey { session, mechanism: Mechanism::plain(mechanism), template };
        let made = client.ask(ask).unwrap().key;
        assert_eq!(key_type(&mut client, session, made), key);
        let mac = sign(&mut client, session, made, Mechanism::plain(hmac), b"data").unwrap();
        assert_eq!(mac.len(), length, "{hmac}");
        let refused = sign(&mut client, session, made, Mechanism::plain(other), b"data");
        assert_eq!(refused, Err(Rv::KEY_TYPE_INCONSISTENT), "{other} with a key of {key}");
    }
    // RFC 4231, test case 2, with a key of its own type.
    let jefe = bring(&mut client, session, KeyType::SHA224_HMAC, b"Jefe");
    assert!(jefe.is_ok(), "{jefe:?}");
}

#[test]
fn a_key_of_xts_is_two_keys_and_nothing_else() {
    let house = House::new();
    let (mut client, session) = house.user();
    let length = |bytes| vec![number(AttributeType::VALUE_LEN, bytes)];
    let make = |template: Template| request::GenerateKey {
        session,
        mechanism: Mechanism::plain(MechanismType::AES_XTS_KEY_GEN),
        template,
    };
    let key = client.ask(make(length(64))).unwrap().key;
    assert_eq!(key_type(&mut client, session, key), KeyType::AES_XTS);
    let way = || of(MechanismType::AES_XTS, iv(&[0; 16]));
    let sealed = encrypt(&mut client, session, key, way(), &[5; 33]).unwrap();
    assert_eq!(decrypt(&mut client, session, key, way(), &sealed), Ok(vec![5; 33]));
    let cbc = of(MechanismType::AES_CBC, iv(&[0; 16]));
    assert!(encrypt(&mut client, session, key, cbc, &[5; 16]).is_err(), "CBC with the key of XTS");
    for bytes in [0, 16, 32, 63, 65, u64::MAX] {
        assert!(client.ask(make(length(bytes))).is_err(), "{bytes} bytes");
    }
    assert_eq!(
        bring(&mut client, session, KeyType::AES_XTS, &[3; 64]),
        Err(Rv::ATTRIBUTE_VALUE_INVALID),
        "one key twice"
    );
    assert_eq!(bring(&mut client, session, KeyType::AES_XTS, &[3; 32]), Err(Rv::ATTRIBUTE_VALUE_INVALID));
    let halves: Vec<u8> = (0..64).collect();
    assert_eq!(bring(&mut client, session, KeyType::AES, &halves), Err(Rv::ATTRIBUTE_VALUE_INVALID));
    let aes = bring(&mut client, session, KeyType::AES, &halves[..32]).unwrap();
    assert_eq!(encrypt(&mut client, session, aes, way(), &[5; 33]), Err(Rv::KEY_TYPE_INCONSISTENT));
}

#[test]
fn digests_are_as_long_as_their_names_and_parameters_say() {
    let house = House::new();
    let (mut client, session) = house.user();
    let number = |number| Parameter::Number(Number { number });
    for (name, kind, parameter, expected) in [
        (
            "SHA-512/224 of FIPS 180-4",
            MechanismType::SHA512_T,
            number(224),
            "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa",
        ),
        (
            "BLAKE2b with 256 bits, as Python's hashlib has it",
            MechanismType::BLAKE2B_256,
            Parameter::None,
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
        ),
    ] {
        client.ask(request::DigestInit { session, mechanism: Some(of(kind, parameter)) }).unwrap();
        let ask = request::Digest { session, data: Wiped::from(&b"abc"[..]), room: Room::Bytes(64) };
        let Output::Bytes(digest) = client.ask(ask).unwrap().output else { panic!("no output") };
        assert_eq!(digest.into_vec(), hex(expected), "{name}");
    }
    for (name, kind, parameter, expected) in [
        ("no length", MechanismType::SHA512_T, Parameter::None, Rv::MECHANISM_PARAM_INVALID),
        ("another length", MechanismType::SHA512_T, number(200), Rv::MECHANISM_PARAM_INVALID),
        ("a length that nothing asks for", MechanismType::BLAKE2B_256, number(256), Rv::MECHANISM_PARAM_INVALID),
        ("a broken hash", MechanismType::MD5, Parameter::None, Rv::MECHANISM_INVALID),
    ] {
        let ask = request::DigestInit { session, mechanism: Some(of(kind, parameter)) };
        assert_eq!(client.ask(ask).err(), Some(expected), "{name}");
    }
}

#[test]
fn what_is_listed_says_what_it_is_for() {
    let house = House::new();
    let (mut client, _) = house.user();
    let listed = client.ask(request::GetMechanismList { slot: 0 }).unwrap().mechanisms;
    assert!(listed.windows(2).all(|pair| pair[0] < pair[1]), "sorted, each once");
    for kind in &listed {
        let info = client.ask(request::GetMechanismInfo { slot: 0, mechanism: *kind }).unwrap().info;
        assert_ne!(info.flags, MechanismFlags::default(), "{kind}");
        assert!(info.smallest_key <= info.largest_key, "{kind}");
    }
    use MechanismType as M;
    for kind in [M::AES_CCM, M::AES_XTS, M::AES_GMAC, M::AES_CMAC_GENERAL, M::CHACHA20, M::SHA512_256_KEY_GEN] {
        assert!(listed.contains(&kind), "{kind}");
    }
    for kind in [M::DES3_CMAC, M::DES3_CMAC_GENERAL, M::DES3_CBC, M::MD5, M::MD5_HMAC] {
        assert!(!listed.contains(&kind), "{kind} is for old data, and by name");
    }
}

/// The ciphertext of RFC 3610, whose tag has 16 bytes here, as OpenSSL (Python cryptography 50.0.2) makes it.
const CCM_16: &str = "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384509da654e32deac369c2dae7133cb08d";
