//! Objects that leave one server whole and come to another.

use strongroom_kmip::{
    attribute::{Attribute, Digest, Listed, Name, Standard},
    code::{HashingAlgorithm, KeyFormatType, ObjectType, ResultReason, State},
    object::{KeyMaterial, KeyValue, Object},
    payload::{ActivateRequest, DestroyRequest, EncryptRequest, ExportRequest, ExportResponse, ImportRequest},
    secret::Secret,
    ttlv::{Bytes, DateTime},
};

use crate::house::{House, aes, alice, bob};

fn export(id: &str) -> ExportRequest {
    ExportRequest { unique_identifier: Some(id.into()), ..ExportRequest::default() }
}

fn import(exported: ExportResponse, replace: Option<bool>) -> ImportRequest {
    ImportRequest {
        unique_identifier: exported.unique_identifier,
        object_type: exported.object_type,
        replace_existing: replace,
        key_wrap_type: None,
        attributes: exported.attributes,
        object: exported.object.unwrap(),
    }
}

fn told(exported: &ExportResponse) -> Vec<Attribute> {
    exported.attributes.0.iter().map(|instance| instance.attribute.clone()).collect()
}

fn put(request: &mut ImportRequest, attribute: Attribute) {
    let kind = attribute.kind();
    request.attributes.0.retain(|instance| instance.attribute.kind() != kind);
    request.attributes.0.push(attribute.into());
}

fn plain(object: &Object) -> Vec<u8> {
    match &object.key_block().unwrap().key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => bytes.reveal().to_vec(),
        other => panic!("no plain bytes: {other:?}"),
    }
}

fn activated(house: &House) -> String {
    house.aes(&alice(), "k")
}

#[test]
fn what_is_exported_is_imported_elsewhere_with_all_that_is_known_of_it() {
    let (here, there) = (House::new(), House::new());
    let id = activated(&here);
    here.clock.advance(50_000);
    let before = here.ask(&alice(), export(&id)).unwrap();
    let expected = told(&before);
    assert_eq!(there.ask(&alice(), import(before, None)).unwrap().unique_identifier.0, id);
    let after = told(&there.ask(&alice(), export(&id)).unwrap());
    for attribute in &expected {
        assert!(after.contains(attribute), "{attribute:?} among {after:?}");
    }
    assert_eq!(after.len(), expected.len());
    let encrypt = EncryptRequest {
        unique_identifier: Some(id.as_str().into()),
        data: Some(Secret::copy_of(b"data")),
        ..EncryptRequest::default()
    };
    assert!(there.ask(&alice(), encrypt).is_ok());
}

#[test]
fn an_identifier_that_is_taken_is_taken_again_only_where_the_request_says_so() {
    let house = House::new();
    let id = activated(&house);
    let exported = || house.ask(&alice(), export(&id)).unwrap();
    for replace in [None, Some(false)] {
        let refused = house.ask(&alice(), import(exported(), replace)).unwrap_err();
        assert_eq!(refused.reason, ResultReason::ObjectAlreadyExists);
    }
    let other = house.ask(&alice(), aes("other")).unwrap().unique_identifier.0;
    let mut request = import(exported(), Some(true));
    request.object = house.ask(&alice(), export(&other)).unwrap().object.unwrap();
    request.attributes.0.retain(|instance| instance.attribute.standard() != Some(Standard::Digest));
    house.ask(&alice(), request).unwrap();
    let bytes = |id: &str| plain(&house.ask(&alice(), export(id)).unwrap().object.unwrap());
    assert_eq!(bytes(&id), bytes(&other));
}

#[test]
fn a_destroyed_object_comes_back_by_import() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let exported = house.ask(&alice(), export(&id)).unwrap();
    house.ask(&alice(), DestroyRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    let gone = house.ask(&alice(), export(&id)).unwrap();
    assert!(gone.object.is_none());
    assert!(told(&gone).contains(&Attribute::State(State::Destroyed)));
    house.ask(&alice(), import(exported, Some(true))).unwrap();
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
}

#[test]
fn nobody_puts_an_object_in_the_place_of_anothers() {
    let house = House::new();
    let id = activated(&house);
    let exported = house.ask(&alice(), export(&id)).unwrap();
    let refused = house.ask(&bob(), import(exported, Some(true))).unwrap_err();
    assert_eq!(refused.reason, ResultReason::ObjectAlreadyExists, "as without Replace Existing");
    assert_eq!(house.ask(&bob(), export(&id)).unwrap_err().reason, ResultReason::ItemNotFound);
}

#[test]
fn what_contradicts_the_object_is_refused() {
    let house = House::new();
    let id = activated(&house);
    type Bend = fn(&mut ImportRequest);
    let rows: [(&str, Bend, ResultReason); 8] = [
        (
            "another identifier inside",
            |request| put(request, Attribute::UniqueIdentifier("other".into())),
            ResultReason::InvalidAttributeValue,
        ),
        (
            "another type inside",
            |request| put(request, Attribute::ObjectType(ObjectType::SecretData)),
            ResultReason::InvalidAttributeValue,
        ),
        (
            "another format inside",
            |request| put(request, Attribute::KeyFormatType(KeyFormatType::PKCS_8)),
            ResultReason::InvalidAttributeValue,
        ),
        (
            "a digest of something else",
            |request| {
                put(
                    request,
                    Attribute::Digest(Digest {
                        hashing_algorithm: HashingAlgorithm::SHA_256,
                        digest_value: Some(Bytes(vec![0; 32])),
                        key_format_type: Some(KeyFormatType::Raw),
                    }),
                );
            },
            ResultReason::InvalidAttributeValue,
        ),
        ("another length", |request| put(request, Attribute::CryptographicLength(128)), ResultReason::InvalidField),
        (
            "dates out of order",
            |request| put(request, Attribute::DeactivationDate(DateTime(1))),
            ResultReason::InvalidAttributeValue,
        ),
        ("another type", |request| request.object_type = ObjectType::SecretData, ResultReason::InvalidField),
        ("no identifier", |request| request.unique_identifier = "".into(), ResultReason::InvalidField),
    ];
    for (name, bend, reason) in rows {
        let mut request = import(house.ask(&alice(), export(&id)).unwrap(), Some(true));
        bend(&mut request);
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, reason, "{name}");
    }
}

#[test]
fn identifiers_that_would_not_be_read_again_are_refused() {
    let house = House::new();
    let id = activated(&house);
    let long = "x".repeat(129);
    for (name, wanted) in [("spaces", "a b"), ("a line", "a\nb"), ("not ASCII", "ü"), ("too long", long.as_str())] {
        let mut request = import(house.ask(&alice(), export(&id)).unwrap(), None);
        request.unique_identifier = wanted.into();
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, ResultReason::InvalidField, "{name}");
    }
}

#[test]
fn a_name_stays_unique() {
    let house = House::new();
    let id = activated(&house);
    let mut request = import(house.ask(&alice(), export(&id)).unwrap(), None);
    request.unique_identifier = "fresh".into();
    let Listed(instances) = &mut request.attributes;
    instances.retain(|instance| instance.attribute.standard() != Some(Standard::UniqueIdentifier));
    assert!(instances.iter().any(|instance| instance.attribute == Attribute::Name(Name::text("k"))));
    assert_eq!(house.ask(&alice(), request).unwrap_err().reason, ResultReason::NonUniqueNameAttribute);
}
