//! Keys in parts.

use strongroom_kmip::{
    attribute::{Attribute, Name, Template, UsageLimits, Vendor},
    code::{
        CryptographicAlgorithm, CryptographicUsageMask, ObjectType, ResultReason, SecretDataType, SplitKeyMethod,
        UsageLimitsUnit,
    },
    object::{KeyMaterial, KeyValue, Object},
    payload::{CreateSplitKeyRequest, GetAttributesRequest, GetRequest, JoinSplitKeyRequest},
    ttlv::{Any, BigInteger, DateTime},
    version::{V1_4, V2_1},
};

use crate::house::{House, NOON, aes, alice, bob};

fn split(id: Option<&str>, method: SplitKeyMethod, parts: i32, threshold: i32) -> CreateSplitKeyRequest {
    let prime = [&[0x01][..], &[0xFF; 65]].concat();
    CreateSplitKeyRequest {
        object_type: ObjectType::SplitKey,
        unique_identifier: id.map(Into::into),
        split_key_parts: parts,
        split_key_threshold: threshold,
        split_key_method: method,
        split_key_polynomial: None,
        prime_field_size: (method == SplitKeyMethod::PolynomialSharingPrimeField).then(|| BigInteger::positive(&prime)),
        attributes: None,
        protection_storage_masks: None,
    }
}

fn join(object_type: ObjectType, ids: &[&str]) -> JoinSplitKeyRequest {
    JoinSplitKeyRequest {
        object_type,
        unique_identifier: ids.iter().map(|id| (*id).into()).collect(),
        secret_data_type: None,
        attributes: None,
        protection_storage_masks: None,
    }
}

fn template(attributes: &[Attribute]) -> Option<Template> {
    Some(attributes.iter().cloned().collect())
}

fn get(id: &str) -> GetRequest {
    GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() }
}

fn bytes(object: &Object) -> Vec<u8> {
    match &object.key_block().unwrap().key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => bytes.reveal().to_vec(),
        other => panic!("no plain bytes: {other:?}"),
    }
}

fn made(house: &House, request: CreateSplitKeyRequest) -> Vec<String> {
    let ids = house.ask(&alice(), request).unwrap().unique_identifier;
    ids.into_iter().map(|id| id.0).collect()
}

#[test]
fn any_parts_that_are_enough_make_the_key_again() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let key = bytes(&house.ask(&alice(), get(&id)).unwrap().object);
    for (name, method, threshold) in [
        ("XOR", SplitKeyMethod::XOR, 3),
        ("GF(2^8)", SplitKeyMethod::PolynomialSharingGF2_8, 2),
        ("GF(2^16)", SplitKeyMethod::PolynomialSharingGF2_16, 2),
        ("prime field", SplitKeyMethod::PolynomialSharingPrimeField, 2),
    ] {
        let parts = made(&house, split(Some(&id), method, 3, threshold));
        let mut chosen: Vec<&str> = parts.iter().map(String::as_str).rev().collect();
        chosen.truncate(usize::try_from(threshold).unwrap());
        let joined = house.ask(&alice(), join(ObjectType::SymmetricKey, &chosen)).unwrap().unique_identifier.0;
        assert_eq!(bytes(&house.ask(&alice(), get(&joined)).unwrap().object), key, "{name}");
        let fewer = house.ask(&alice(), join(ObjectType::SymmetricKey, &chosen[1..])).unwrap_err();
        assert_eq!(fewer.reason, ResultReason::CryptographicFailure, "{name}");
    }
}

#[test]
fn a_part_says_what_it_is_a_part_of_and_shows_nothing_of_the_key() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let key = bytes(&house.ask(&alice(), get(&id)).unwrap().object);
    let parts = made(&house, split(Some(&id), SplitKeyMethod::PolynomialSharingGF2_8, 4, 3));
    let Object::SplitKey(third) = house.ask(&alice(), get(&parts[2])).unwrap().object else { panic!("no part") };
    assert_eq!((third.split_key_parts, third.key_part_identifier, third.split_key_threshold), (4, 3, 3));
    assert_eq!(third.key_block.cryptographic_algorithm, Some(CryptographicAlgorithm::AES));
    let Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) = &third.key_block.key_value else {
        panic!("no bytes");
    };
    assert_ne!(bytes.reveal(), key);
}

#[test]
fn a_new_key_is_kept_in_parts_alone() {
    let house = House::new();
    let mask = CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt;
    let request = CreateSplitKeyRequest {
        attributes: template(&[
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(128),
            Attribute::CryptographicUsageMask(mask),
        ]),
        ..split(None, SplitKeyMethod::PolynomialSharingGF2_8, 3, 2)
    };
    let parts = made(&house, request);
    let joined = house.ask(&alice(), join(ObjectType::SymmetricKey, &[&parts[0], &parts[2]])).unwrap();
    let key = bytes(&house.ask(&alice(), get(&joined.unique_identifier.0)).unwrap().object);
    assert_eq!(key.len(), 16);
    let other = house.ask(&alice(), join(ObjectType::SymmetricKey, &[&parts[1], &parts[2]])).unwrap();
    assert_eq!(bytes(&house.ask(&alice(), get(&other.unique_identifier.0)).unwrap().object), key);
}

#[test]
fn parts_that_make_a_secret_are_joined_as_one() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let key = bytes(&house.ask(&alice(), get(&id)).unwrap().object);
    let parts = made(&house, split(Some(&id), SplitKeyMethod::XOR, 2, 2));
    let request = JoinSplitKeyRequest {
        secret_data_type: Some(SecretDataType::Seed),
        ..join(ObjectType::SecretData, &[&parts[0], &parts[1]])
    };
    let joined = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let given = house.ask(&alice(), get(&joined)).unwrap().object;
    assert!(matches!(&given, Object::SecretData(secret) if secret.secret_data_type == SecretDataType::Seed));
    assert_eq!(bytes(&given), key);
}

#[test]
fn the_parts_of_a_sensitive_key_are_sensitive_and_so_is_what_they_make() {
    let house = House::new();
    let mut request = aes("k");
    request.attributes.attributes.push(Attribute::Sensitive(true).into());
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let parts = made(&house, split(Some(&id), SplitKeyMethod::XOR, 2, 2));
    assert_eq!(house.ask(&alice(), get(&parts[0])).unwrap_err().reason, ResultReason::Sensitive);
    let loose = JoinSplitKeyRequest {
        attributes: template(&[Attribute::Sensitive(false)]),
        ..join(ObjectType::SymmetricKey, &[&parts[0], &parts[1]])
    };
    assert_eq!(house.ask(&alice(), loose).unwrap_err().reason, ResultReason::InvalidAttributeValue);
    let joined = house.ask(&alice(), join(ObjectType::SymmetricKey, &[&parts[0], &parts[1]])).unwrap();
    let refused = house.ask(&alice(), get(&joined.unique_identifier.0)).unwrap_err();
    assert_eq!(refused.reason, ResultReason::Sensitive);
}

#[test]
fn a_key_that_is_not_extractable_is_not_split() {
    let house = House::new();
    let mut request = aes("k");
    request.attributes.attributes.push(Attribute::Extractable(false).into());
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let refused = house.ask(&alice(), split(Some(&id), SplitKeyMethod::XOR, 2, 2)).unwrap_err();
    assert_eq!(refused.reason, ResultReason::NotExtractable);
}

#[test]
fn what_cannot_be_split_is_refused() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let gf = SplitKeyMethod::PolynomialSharingGF2_8;
    let key = Some(id.as_str());
    let without_prime = CreateSplitKeyRequest {
        prime_field_size: None,
        ..split(key, SplitKeyMethod::PolynomialSharingPrimeField, 3, 2)
    };
    let small = CreateSplitKeyRequest {
        prime_field_size: Some(BigInteger::positive(&[0x01, 0x01])),
        ..split(key, SplitKeyMethod::PolynomialSharingPrimeField, 3, 2)
    };
    let named =
        CreateSplitKeyRequest { attributes: template(&[Attribute::Name(Name::text("all"))]), ..split(key, gf, 3, 2) };
    let typed = CreateSplitKeyRequest { object_type: ObjectType::SymmetricKey, ..split(key, gf, 3, 2) };
    for (name, request, reason) in [
        ("more needed than there are", split(key, gf, 2, 3), ResultReason::InvalidField),
        ("one is enough", split(key, gf, 2, 1), ResultReason::InvalidField),
        ("negative", split(key, gf, -1, -1), ResultReason::InvalidField),
        ("more than are made", split(key, gf, 256, 2), ResultReason::InvalidField),
        ("XOR with some to spare", split(key, SplitKeyMethod::XOR, 3, 2), ResultReason::InvalidField),
        ("an unknown method", split(key, SplitKeyMethod(77), 3, 2), ResultReason::UnsupportedCryptographicParameters),
        ("no prime", without_prime, ResultReason::MissingData),
        ("a small prime", small, ResultReason::BadCryptographicParameters),
        ("one Name for all", named, ResultReason::NonUniqueNameAttribute),
        ("another type", typed, ResultReason::InvalidObjectType),
        ("a new key of nothing", split(None, gf, 3, 2), ResultReason::MissingData),
        ("no such key", split(Some("none"), gf, 3, 2), ResultReason::ItemNotFound),
    ] {
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, reason, "{name}");
    }
    let others = house.ask(&bob(), split(key, gf, 3, 2)).unwrap_err();
    assert_eq!(others.reason, ResultReason::ItemNotFound);
}

#[test]
fn parts_that_do_not_belong_together_are_not_joined() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let gf = SplitKeyMethod::PolynomialSharingGF2_8;
    let (first, second) = (made(&house, split(Some(&id), gf, 3, 2)), made(&house, split(Some(&id), gf, 4, 2)));
    let wanted = ObjectType::SymmetricKey;
    for (name, request, reason) in [
        ("of two splits", join(wanted, &[&first[0], &second[1]]), ResultReason::CryptographicFailure),
        ("the same twice", join(wanted, &[&first[0], &first[0]]), ResultReason::CryptographicFailure),
        ("none", join(wanted, &[]), ResultReason::MissingData),
        ("the key itself", join(wanted, &[&first[0], &id]), ResultReason::InvalidObjectType),
        ("to a certificate", join(ObjectType::Certificate, &[&first[0], &first[1]]), ResultReason::InvalidObjectType),
    ] {
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, reason, "{name}");
    }
    let others = house.ask(&bob(), join(wanted, &[&first[0], &first[1]])).unwrap_err();
    assert_eq!(others.reason, ResultReason::ItemNotFound);
}

#[test]
fn the_field_over_two_bytes_is_the_one_of_the_version() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let key = bytes(&house.ask(&alice(), get(&id)).unwrap().object);
    for version in [V1_4, V2_1] {
        let request = split(Some(&id), SplitKeyMethod::PolynomialSharingGF2_16, 2, 2);
        let parts = house.ask_in(version, &alice(), request).unwrap().unique_identifier;
        let request = join(ObjectType::SymmetricKey, &[&parts[0].0, &parts[1].0]);
        // Whoever joins need not speak the version in which the key was split.
        let joined = house.ask_in(V2_1, &alice(), request).unwrap().unique_identifier.0;
        assert_eq!(bytes(&house.ask(&alice(), get(&joined)).unwrap().object), key, "{version}");
    }
}

#[test]
fn a_key_whose_other_objects_would_do_more_is_not_split() {
    let house = House::new();
    let limits =
        UsageLimits { usage_limits_total: 1, usage_limits_count: None, usage_limits_unit: UsageLimitsUnit::Object };
    let trusted =
        Vendor { vendor: "PKCS11".to_owned(), name: "CKA_WRAP_WITH_TRUSTED".to_owned(), value: Any::of(&true) };
    for (why, attribute, reason) in [
        ("it may be used once", Attribute::UsageLimits(limits), ResultReason::PermissionDenied),
        ("no key is trusted", Attribute::Vendor(trusted), ResultReason::KeyWrapTypeNotSupported),
    ] {
        let mut request = aes(why);
        request.attributes.attributes.push(attribute.into());
        let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
        let refused = house.ask(&alice(), split(Some(&id), SplitKeyMethod::XOR, 2, 2)).unwrap_err();
        assert_eq!(refused.reason, reason, "{why}");
    }
    let mut unsettled = aes("unsettled");
    let mask = CryptographicUsageMask::WrapKey | CryptographicUsageMask::Decrypt;
    unsettled.attributes.attributes[2] = Attribute::CryptographicUsageMask(mask).into();
    let id = house.ask(&alice(), unsettled).unwrap().unique_identifier.0;
    let refused = house.ask(&alice(), split(Some(&id), SplitKeyMethod::XOR, 2, 2)).unwrap_err();
    assert_eq!(refused.reason, ResultReason::PermissionDenied);
}

#[test]
fn what_parts_make_does_no_more_and_lasts_no_longer_than_what_was_split() {
    let house = House::new();
    let mut request = aes("k");
    let until = Attribute::DeactivationDate(DateTime(NOON + 100));
    request.attributes.attributes.push(until.clone().into());
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let parts = made(&house, split(Some(&id), SplitKeyMethod::XOR, 2, 2));
    let whole = |attribute: Attribute| JoinSplitKeyRequest {
        attributes: template(&[attribute]),
        ..join(ObjectType::SymmetricKey, &[&parts[0], &parts[1]])
    };
    let more = CryptographicUsageMask::Encrypt | CryptographicUsageMask::WrapKey;
    let refused = house.ask(&alice(), whole(Attribute::CryptographicUsageMask(more))).unwrap_err();
    assert_eq!(refused.reason, ResultReason::InvalidAttributeValue);
    let longer = whole(Attribute::DeactivationDate(DateTime(NOON + 200)));
    let joined = house.ask(&alice(), longer).unwrap().unique_identifier.0;
    let ask = GetAttributesRequest {
        unique_identifier: Some(joined.as_str().into()),
        attribute_reference: strongroom_kmip::attribute::References::default(),
    };
    let told = house.ask(&alice(), ask).unwrap().attributes.0;
    assert!(told.iter().any(|instance| instance.attribute == until), "{told:?}");
}
