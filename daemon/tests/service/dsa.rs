//! Public keys of DSA through KMIP: registered, given back, and held against signatures of old data.

use strongroom::slot::policy::Level;
use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Template},
    code::{
        CryptographicAlgorithm, CryptographicUsageMask, DigitalSignatureAlgorithm, HashingAlgorithm, KeyFormatType,
        ObjectType, ResultReason, ValidityIndicator,
    },
    object::{KeyBlock, KeyMaterial, KeyValue, PrivateKey, PublicKey, TransparentDSAPublicKey},
    payload::{GetRequest, RegisterRequest, SignatureVerifyRequest},
    secret::Secret,
    ttlv::{BigInteger, Bytes, DateTime},
};

use crate::house::{House, alice};

const VECTORS: &str = include_str!("../slot/vectors/dsa.txt");

/// A field of a record of the vectors.
fn field(record: &str, name: &str) -> Vec<u8> {
    let block = VECTORS.split("\n\n").find(|block| block.lines().any(|line| line.ends_with(&format!(" = {record}"))));
    let line = block.unwrap().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).unwrap();
    (0..line.len() / 2).map(|at| u8::from_str_radix(&line[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn register(material: KeyMaterial, format: KeyFormatType, bits: i32) -> RegisterRequest {
    let key_block = KeyBlock {
        key_format_type: format,
        key_compression_type: None,
        key_value: Some(KeyValue::plain(material)),
        cryptographic_algorithm: Some(CryptographicAlgorithm::DSA),
        cryptographic_length: Some(bits),
        key_wrapping_data: None,
    };
    let attributes =
        vec![Attribute::CryptographicUsageMask(CryptographicUsageMask::Verify), Attribute::ActivationDate(DateTime(0))];
    RegisterRequest {
        object_type: ObjectType::PublicKey,
        attributes: Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() },
        object: PublicKey { key_block }.into(),
        protection_storage_masks: None,
    }
}

fn info(name: &str, bits: i32) -> RegisterRequest {
    register(KeyMaterial::Bytes(Secret::new(field(name, "public"))), KeyFormatType::X_509, bits)
}

fn get(id: &str, format: KeyFormatType) -> GetRequest {
    GetRequest { unique_identifier: Some(id.into()), key_format_type: Some(format), ..GetRequest::default() }
}

fn verify(id: &str, parameters: CryptographicParameters, data: &[u8], signature: Vec<u8>) -> SignatureVerifyRequest {
    SignatureVerifyRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(parameters),
        data: Some(Secret::copy_of(data)),
        digested_data: None,
        signature_data: Some(Bytes(signature)),
        correlation_value: None,
        init_indicator: None,
        final_indicator: None,
    }
}

fn with(hash: HashingAlgorithm) -> CryptographicParameters {
    CryptographicParameters { hashing_algorithm: Some(hash), ..CryptographicParameters::default() }
}

fn named(algorithm: DigitalSignatureAlgorithm) -> CryptographicParameters {
    CryptographicParameters { digital_signature_algorithm: Some(algorithm), ..CryptographicParameters::default() }
}

#[test]
fn old_signatures_are_verified() {
    use DigitalSignatureAlgorithm as D;
    let house = House::of(Level::Legacy);
    for (key, bits) in [("1024-160", 1024), ("2048-224", 2048), ("2048-256", 2048), ("3072-256", 3072)] {
        let id = house.ask(&alice(), info(&format!("DSA-{key}"), bits)).unwrap().unique_identifier.0;
        for (name, parameters, hash) in [
            ("a hash", with(HashingAlgorithm::SHA_384), "SHA-384"),
            ("an algorithm", named(D::DSAWithSHA256), "SHA-256"),
            ("an algorithm with SHA-224", named(D::DSAWithSHA224), "SHA-224"),
            ("an algorithm with SHA-1", named(D::DSAWithSHA_1), "SHA-1"),
            ("nothing", CryptographicParameters::default(), "SHA-1"),
        ] {
            let signature = field(&format!("{key} {hash}, DER"), "signature");
            let ask = |data: &[u8]| verify(&id, parameters.clone(), data, signature.clone());
            let said = house.ask(&alice(), ask(b"sample")).unwrap().validity_indicator;
            assert_eq!(said, Some(ValidityIndicator::Valid), "{key}, {name}");
            let said = house.ask(&alice(), ask(b"samplE")).unwrap().validity_indicator;
            assert_eq!(said, Some(ValidityIndicator::Invalid), "{key}, {name}: other data");
        }
    }
}

#[test]
fn a_digest_that_was_taken_already_is_verified_too() {
    let house = House::of(Level::Legacy);
    let id = house.ask(&alice(), info("DSA-1024-160", 1024)).unwrap().unique_identifier.0;
    let signature = field("1024-160 SHA-1, DER", "signature");
    let digest = field("1024-160 over a digest of SHA-1, raw", "plain");
    let ask = SignatureVerifyRequest {
        data: None,
        digested_data: Some(Secret::new(digest)),
        ..verify(&id, with(HashingAlgorithm::SHA_1), b"", signature)
    };
    assert_eq!(house.ask(&alice(), ask).unwrap().validity_indicator, Some(ValidityIndicator::Valid));
}

#[test]
fn a_key_is_given_back_in_both_its_forms_and_taken_in_both() {
    let house = House::of(Level::Legacy);
    let id = house.ask(&alice(), info("DSA-2048-256", 2048)).unwrap().unique_identifier.0;
    let given = |id: &str, format| {
        let object = house.ask(&alice(), get(id, format)).unwrap().object;
        match &object.key_block().unwrap().key_value {
            Some(KeyValue::Plain { material: KeyMaterial::DSAPublicKey(key), .. }) => {
                Err([&key.p, &key.q, &key.g, &key.y].map(|number| number.magnitude().unwrap().to_vec()))
            }
            Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => Ok(bytes.reveal().to_vec()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(given(&id, KeyFormatType::X_509), Ok(field("DSA-2048-256", "public")));
    let key = given(&id, KeyFormatType::TransparentDSAPublicKey).unwrap_err();
    let transparent = |key: [BigInteger; 4], bits| {
        let [p, q, g, y] = key;
        let material = KeyMaterial::DSAPublicKey(TransparentDSAPublicKey { p, q, g, y });
        house.ask(&alice(), register(material, KeyFormatType::TransparentDSAPublicKey, bits))
    };
    let numbers = || key.each_ref().map(|number| BigInteger::positive(number));
    let again = transparent(numbers(), 2048).unwrap().unique_identifier.0;
    assert_eq!(given(&again, KeyFormatType::X_509), Ok(field("DSA-2048-256", "public")));
    assert!(transparent(numbers(), 1024).is_err(), "another length");
    for (place, name) in ["prime", "order", "base", "number"].into_iter().enumerate() {
        for (what, number) in [("one", vec![1]), ("nought", vec![0]), ("nothing", vec![]), ("negative", vec![0xFF; 8])]
        {
            let mut spoilt = numbers();
            spoilt[place] = BigInteger(Secret::new(number));
            assert!(transparent(spoilt, 2048).is_err(), "a {name} that is {what}");
        }
    }
}

#[test]
fn a_stricter_slot_keeps_the_key_and_does_not_use_it() {
    let house = House::of(Level::Standard);
    let id = house.ask(&alice(), info("DSA-1024-160", 1024)).unwrap().unique_identifier.0;
    let signature = field("1024-160 SHA-256, DER", "signature");
    let refused = house.ask(&alice(), verify(&id, with(HashingAlgorithm::SHA_256), b"sample", signature)).unwrap_err();
    assert_eq!(refused.reason, ResultReason::IncompatibleCryptographicUsageMask, "{refused}");
}

#[test]
fn a_private_key_is_kept_as_it_came() {
    let house = House::of(Level::Legacy);
    let mut ask = register(KeyMaterial::Bytes(Secret::copy_of(b"whatever")), KeyFormatType::PKCS_8, 1024);
    let key_block = match ask.object {
        strongroom_kmip::object::Object::PublicKey(PublicKey { key_block }) => key_block,
        other => panic!("{other:?}"),
    };
    ask.object_type = ObjectType::PrivateKey;
    ask.object = PrivateKey { key_block }.into();
    let id = house.ask(&alice(), ask).unwrap().unique_identifier.0;
    let object = house.ask(&alice(), get(&id, KeyFormatType::PKCS_8)).unwrap().object;
    assert_eq!(object.object_type(), ObjectType::PrivateKey);
    let material = &object.key_block().unwrap().key_value;
    let kept = matches!(material, Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) if bytes.same_as(b"whatever"));
    assert!(kept, "{material:?}");
}
