//! Private keys that come and go as PKCS#12.

use strongroom::{service::is_slow, slot::policy::Level};
use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Link, Linked, References, RevocationReason, Set, Template},
    code::{
        CryptographicAlgorithm, CryptographicUsageMask, DigitalSignatureAlgorithm, KeyFormatType, LinkType, ObjectType,
        Operation, RecommendedCurve, ResultReason, RevocationReasonCode, SecretDataType, State,
    },
    object::{KeyBlock, KeyMaterial, KeyValue, Object, PrivateKey, SecretData},
    payload::{
        ExportRequest, GetAttributesRequest, GetRequest, ImportRequest, RegisterRequest, RevokeRequest, SignRequest,
    },
    secret::Secret,
    ttlv::DateTime,
    version::{V1_4, V2_1},
};

use crate::house::{House, NOON, alice, bob};

/// The file of this name.
fn file(name: &str) -> Vec<u8> {
    let text = include_str!("vectors/bundle.txt");
    let (_, rest) = text.split_once(&format!("name = {name}\nfile = ")).unwrap();
    let digits = rest.lines().next().unwrap().as_bytes();
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn register(object_type: ObjectType, attributes: Vec<Attribute>, object: impl Into<Object>) -> RegisterRequest {
    let attributes: Template = attributes.into_iter().collect();
    RegisterRequest { object_type, attributes, object: object.into(), protection_storage_masks: None }
}

fn secret(kind: SecretDataType, text: &[u8], attributes: Vec<Attribute>) -> RegisterRequest {
    let key_block = KeyBlock::of(KeyFormatType::Opaque, Secret::copy_of(text));
    register(ObjectType::SecretData, attributes, SecretData { secret_data_type: kind, key_block })
}

fn active() -> Attribute {
    Attribute::ActivationDate(DateTime(NOON - 60))
}

/// An active password of alice's.
fn password(house: &House, text: &[u8]) -> String {
    let mask = Attribute::CryptographicUsageMask(CryptographicUsageMask::DeriveKey);
    let request = secret(SecretDataType::Password, text, vec![active(), mask]);
    house.ask(&alice(), request).unwrap().unique_identifier.0
}

fn to(id: &str) -> Attribute {
    Attribute::Link(Link::to(LinkType::PKCS_12PasswordLink, id))
}

fn bundled(file: &[u8]) -> PrivateKey {
    PrivateKey { key_block: KeyBlock::of(KeyFormatType::PKCS_12, Secret::copy_of(file)) }
}

fn key(file: &[u8], more: Vec<Attribute>) -> RegisterRequest {
    let mask = Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign);
    register(ObjectType::PrivateKey, [vec![mask, active()], more].concat(), bundled(file))
}

fn get(id: &str, format: Option<KeyFormatType>) -> GetRequest {
    GetRequest {
        unique_identifier: Some(id.into()),
        key_format_type: format,
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: None,
    }
}

fn attributes(house: &House, id: &str) -> Set {
    let request = GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference: References(vec![]) };
    house.ask(&alice(), request).unwrap().attributes.0.into_iter().map(|instance| instance.attribute).collect()
}

fn linked(set: &Set, wanted: LinkType) -> Option<String> {
    set.links().filter(|link| link.link_type == wanted).find_map(|link| match &link.linked_object_identifier {
        Linked::Identifier(identifier) => Some(identifier.clone()),
        _ => None,
    })
}

fn bytes(object: &Object) -> Vec<u8> {
    match &object.key_block().unwrap().key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => bytes.reveal().to_vec(),
        other => panic!("no plain bytes: {other:?}"),
    }
}

fn subject(house: &House, id: &str) -> String {
    let set = attributes(house, id);
    let subject = set.iter().find_map(|attribute| match attribute {
        Attribute::CertificateSubjectCN(name) => Some(name.clone()),
        _ => None,
    });
    subject.unwrap()
}

#[test]
fn a_key_that_comes_in_a_file_is_a_key_and_its_certificates_are_linked_upwards() {
    let house = House::new();
    let opens = password(&house, b"secret");
    let id = house.ask(&alice(), key(&file("modern"), vec![to(&opens)])).unwrap().unique_identifier.0;

    let set = attributes(&house, &id);
    assert_eq!(set.algorithm(), Some(CryptographicAlgorithm::EC));
    assert_eq!(set.length(), Some(256));
    assert_eq!(set.domain_parameters().unwrap().recommended_curve, Some(RecommendedCurve::P_256));
    assert!(set.iter().any(|attribute| *attribute == Attribute::PKCS_12FriendlyName("shop".to_owned())));
    assert!(set.iter().any(|attribute| *attribute == Attribute::KeyFormatType(KeyFormatType::PKCS_8)));
    assert_eq!(set.iter().filter(|attribute| matches!(attribute, Attribute::Digest(_))).count(), 2);

    let leaf = linked(&set, LinkType::PKCS_12CertificateLink).unwrap();
    let middle = linked(&attributes(&house, &leaf), LinkType::CertificateLink).unwrap();
    let root = linked(&attributes(&house, &middle), LinkType::CertificateLink).unwrap();
    let subjects = [&leaf, &middle, &root].map(|id| subject(&house, id));
    assert_eq!(subjects, ["leaf", "mid", "root"]);
    assert_eq!(linked(&attributes(&house, &root), LinkType::CertificateLink), None);
    assert_eq!(attributes(&house, &leaf).state(), Some(State::Active));
    let names = |line: &String| [&id, &leaf, &middle, &root].iter().all(|made| line.contains(made.as_str()));
    assert!(house.told().iter().any(names), "the record of the call names all that it made");

    let sign = SignRequest {
        unique_identifier: Some(id.as_str().into()),
        cryptographic_parameters: Some(CryptographicParameters {
            digital_signature_algorithm: Some(DigitalSignatureAlgorithm::ECDSAWithSHA256),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::copy_of(b"message")),
        ..SignRequest::default()
    };
    assert!(!house.ask(&alice(), sign).unwrap().signature_data.unwrap().0.is_empty());
    let plain = house.ask(&alice(), get(&id, Some(KeyFormatType::PKCS_8))).unwrap().object;
    assert_eq!(plain.key_block().unwrap().key_format_type, KeyFormatType::PKCS_8);

    // What leaves as a file comes back from it.
    let again = bytes(&house.ask(&alice(), get(&id, Some(KeyFormatType::PKCS_12))).unwrap().object);
    let other = house.ask(&alice(), key(&again, vec![to(&opens)])).unwrap().unique_identifier.0;
    let same = house.ask(&alice(), get(&other, Some(KeyFormatType::PKCS_8))).unwrap().object;
    assert_eq!(bytes(&plain), bytes(&same));
}

#[test]
fn a_key_is_found_by_its_name_and_keeps_the_certificate_that_it_is_linked_to() {
    let house = House::new();
    let opens = password(&house, b"secret");
    let named = |name: &str| vec![to(&opens), Attribute::PKCS_12FriendlyName(name.to_owned())];
    let first = house.ask(&alice(), key(&file("modern"), named("SHOP"))).unwrap().unique_identifier.0;
    let refused = house.ask(&alice(), key(&file("modern"), named("stall"))).unwrap_err();
    assert_eq!(refused.reason, ResultReason::InvalidField, "{refused}");

    let leaf = linked(&attributes(&house, &first), LinkType::PKCS_12CertificateLink).unwrap();
    let own = vec![to(&opens), Attribute::Link(Link::to(LinkType::PKCS_12CertificateLink, &leaf))];
    let second = house.ask(&alice(), key(&file("modern"), own)).unwrap().unique_identifier.0;
    assert_eq!(linked(&attributes(&house, &second), LinkType::PKCS_12CertificateLink), Some(leaf));
}

#[test]
fn a_file_that_is_not_to_be_opened_is_refused_and_leaves_nothing_behind() {
    let house = House::new();
    let ask = |request: RegisterRequest| house.ask(&alice(), request).unwrap().unique_identifier.0;
    let (good, bad) = (password(&house, b"secret"), password(&house, b"Secret"));
    let no_text = password(&house, &[0xFF]);
    let mask = || Attribute::CryptographicUsageMask(CryptographicUsageMask::DeriveKey);
    let early = ask(secret(SecretDataType::Password, b"secret", vec![mask()]));
    let seed = ask(secret(SecretDataType::Seed, b"secret", vec![active(), mask()]));
    let late = password(&house, b"secret");
    let why =
        RevocationReason { revocation_reason_code: RevocationReasonCode::KeyCompromise, revocation_message: None };
    let revoke = RevokeRequest {
        unique_identifier: Some(late.as_str().into()),
        revocation_reason: why,
        compromise_occurrence_date: Some(DateTime(NOON)),
    };
    house.ask(&alice(), revoke).unwrap();
    let a_key = house.aes(&alice(), "k");
    let theirs = house.ask(&bob(), secret(SecretDataType::Password, b"secret", vec![active(), mask()]));
    let theirs = theirs.unwrap().unique_identifier.0;
    let modern = file("modern");
    let mut longer = modern.clone();
    longer.push(0);
    let before = house.told().len();
    for (name, file, links, reason) in [
        ("no password", &modern, vec![], ResultReason::BadPassword),
        ("two passwords", &modern, vec![to(&good), to(&bad)], ResultReason::BadPassword),
        ("a wrong password", &modern, vec![to(&bad)], ResultReason::BadPassword),
        ("a password that is no text", &modern, vec![to(&no_text)], ResultReason::BadPassword),
        ("a password that is not active yet", &modern, vec![to(&early)], ResultReason::BadPassword),
        ("a password that was revoked", &modern, vec![to(&late)], ResultReason::BadPassword),
        ("a secret that is no password", &modern, vec![to(&seed)], ResultReason::BadPassword),
        ("a key for a password", &modern, vec![to(&a_key)], ResultReason::BadPassword),
        ("nobody's password", &modern, vec![to("nobody")], ResultReason::ItemNotFound),
        ("somebody else's password", &modern, vec![to(&theirs)], ResultReason::ItemNotFound),
        ("bytes behind the file", &longer, vec![to(&good)], ResultReason::InvalidField),
        ("no file", &b"no file".to_vec(), vec![to(&good)], ResultReason::InvalidField),
        ("no MAC", &file("no MAC"), vec![to(&good)], ResultReason::InvalidField),
        ("Triple DES", &file("Triple DES"), vec![to(&good)], ResultReason::KeyFormatTypeNotSupported),
        ("RC2", &file("RC2 of 40 bits"), vec![to(&good)], ResultReason::KeyFormatTypeNotSupported),
    ] {
        let refused = house.ask(&alice(), key(file, links)).unwrap_err();
        assert_eq!(refused.reason, reason, "{name}: {refused}");
        assert!(!refused.to_string().to_lowercase().contains("secret"), "{name}: {refused}");
    }
    let told = house.told().split_off(before).join("\n");
    assert!(!told.contains("Certificate") && !told.contains("\"result\":\"ok\""), "{told}");
    // Since a version that has no such reason.
    let refused = house.ask_in(V1_4, &alice(), key(&modern, vec![to(&bad)])).unwrap_err();
    assert_eq!(refused.told(Operation::Register, V1_4), ResultReason::InvalidField);
    assert_eq!(refused.told(Operation::Register, V2_1), ResultReason::BadPassword);
}

#[test]
fn old_ciphers_open_where_the_slot_is_for_old_data() {
    let house = House::of(Level::Legacy);
    let opens = password(&house, b"secret");
    let id = house.ask(&alice(), key(&file("Triple DES"), vec![to(&opens)])).unwrap().unique_identifier.0;
    assert!(linked(&attributes(&house, &id), LinkType::PKCS_12CertificateLink).is_some());
    let refused = house.ask(&alice(), key(&file("RC2 of 40 bits"), vec![to(&opens)])).unwrap_err();
    assert_eq!(refused.to_string(), "the PKCS#12 file is protected with RC2 of 40 bits, which is not served");
}

#[test]
fn a_key_that_was_exported_in_a_file_is_imported_from_it() {
    let house = House::new();
    let opens = password(&house, b"secret");
    let id = house.ask(&alice(), key(&file("modern"), vec![to(&opens)])).unwrap().unique_identifier.0;
    let export = ExportRequest {
        unique_identifier: Some(id.as_str().into()),
        key_format_type: Some(KeyFormatType::PKCS_12),
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: None,
    };
    let exported = house.ask(&alice(), export).unwrap();
    let mut attributes_told = exported.attributes;
    attributes_told.0.retain(|instance| !matches!(instance.attribute, Attribute::UniqueIdentifier(_)));
    let import = ImportRequest {
        unique_identifier: "imported".into(),
        object_type: ObjectType::PrivateKey,
        replace_existing: None,
        key_wrap_type: None,
        attributes: attributes_told,
        object: exported.object.unwrap(),
    };
    house.ask(&alice(), import).unwrap();
    let plain = |id: &str| bytes(&house.ask(&alice(), get(id, Some(KeyFormatType::PKCS_8))).unwrap().object);
    assert_eq!(plain("imported"), plain(&id));
    let own = |id: &str| linked(&attributes(&house, id), LinkType::PKCS_12CertificateLink);
    assert_eq!(own("imported"), own(&id), "its certificates are not kept twice");
}

#[test]
fn a_file_is_opened_apart_from_what_is_quick() {
    let plain = PrivateKey { key_block: KeyBlock::of(KeyFormatType::PKCS_8, Secret::copy_of(b"key")) };
    for (name, object, slow) in [("a file", bundled(b"file"), true), ("a key", plain, false)] {
        assert_eq!(is_slow(&register(ObjectType::PrivateKey, vec![], object).into()), slow, "{name}");
    }
}
