//! Keys that take the place of others.

use strongroom_kmip::{
    attribute::{Attribute, Link, Name, References, Template, UsageLimits},
    code::{
        CryptographicAlgorithm, CryptographicUsageMask, LinkType, ObjectType, ProtectionStorageMask, RecommendedCurve,
        ResultReason, State, UsageLimitsUnit,
    },
    object::{KeyMaterial, KeyValue},
    payload::{
        CreateKeyPairRequest, DestroyRequest, GetAttributesRequest, GetRequest, ProtectionStorageMasks,
        ReKeyKeyPairRequest, ReKeyRequest,
    },
    ttlv::{DateTime, Interval},
};

use crate::house::{House, NOON, aes, alice, bob};

fn re_key(id: &str, offset: Option<u32>, attributes: &[Attribute]) -> ReKeyRequest {
    ReKeyRequest {
        unique_identifier: Some(id.into()),
        offset: offset.map(Interval),
        attributes: Some(attributes.iter().cloned().collect()),
        protection_storage_masks: None,
    }
}

fn attributes(house: &House, id: &str) -> Vec<Attribute> {
    let request = GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference: References(vec![]) };
    let listed = house.ask(&alice(), request).unwrap().attributes.0;
    listed.into_iter().map(|instance| instance.attribute).collect()
}

fn material(house: &House, id: &str) -> Vec<u8> {
    let request = GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() };
    match &house.ask(&alice(), request).unwrap().object.key_block().unwrap().key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => bytes.reveal().to_vec(),
        other => panic!("no plain bytes: {other:?}"),
    }
}

fn link(link_type: LinkType, id: &str) -> Attribute {
    Attribute::Link(Link::to(link_type, id))
}

#[test]
fn a_replacement_has_the_names_and_the_older_key_a_link_to_it() {
    let house = House::new();
    let old = house.aes(&alice(), "k");
    let new = house.ask(&alice(), re_key(&old, None, &[Attribute::Name(Name::text("k2"))])).unwrap();
    let new = new.unique_identifier.0;
    let (before, after) = (attributes(&house, &old), attributes(&house, &new));
    assert_ne!(material(&house, &old), material(&house, &new));
    assert!(before.iter().all(|attribute| !matches!(attribute, Attribute::Name(_))));
    assert!(before.contains(&link(LinkType::ReplacementObjectLink, &new)));
    for expected in [
        Attribute::Name(Name::text("k")),
        Attribute::Name(Name::text("k2")),
        link(LinkType::ReplacedObjectLink, &old),
        Attribute::State(State::Active),
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
    ] {
        assert!(after.contains(&expected), "{expected:?} among {after:?}");
    }
}

#[test]
fn a_second_replacement_takes_the_link_of_the_first() {
    let house = House::new();
    let old = house.aes(&alice(), "k");
    let first = house.ask(&alice(), re_key(&old, None, &[])).unwrap().unique_identifier.0;
    let second = house.ask(&alice(), re_key(&old, None, &[])).unwrap().unique_identifier.0;
    let links = attributes(&house, &old);
    assert!(links.contains(&link(LinkType::ReplacementObjectLink, &second)));
    assert!(!links.contains(&link(LinkType::ReplacementObjectLink, &first)));
}

#[test]
fn dates_move_with_the_offset() {
    let house = House::new();
    let mut request = aes("k");
    for date in [
        Attribute::ActivationDate(DateTime(NOON - 100)),
        Attribute::ProcessStartDate(DateTime(NOON - 50)),
        Attribute::ProtectStopDate(DateTime(NOON + 50)),
        Attribute::DeactivationDate(DateTime(NOON + 100)),
    ] {
        request.attributes.attributes.push(date.into());
    }
    let old = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let copied = house.ask(&alice(), re_key(&old, None, &[])).unwrap().unique_identifier.0;
    let dates = |id: &str, expected: [i64; 4]| {
        let found = attributes(&house, id);
        for date in [
            Attribute::ActivationDate(DateTime(expected[0])),
            Attribute::ProcessStartDate(DateTime(expected[1])),
            Attribute::ProtectStopDate(DateTime(expected[2])),
            Attribute::DeactivationDate(DateTime(expected[3])),
        ] {
            assert!(found.contains(&date), "{date:?} among {found:?}");
        }
        found
    };
    dates(&copied, [NOON - 100, NOON - 50, NOON + 50, NOON + 100]);
    let moved = house.ask(&alice(), re_key(&copied, Some(30), &[])).unwrap().unique_identifier.0;
    let found = dates(&moved, [NOON + 30, NOON + 80, NOON + 180, NOON + 230]);
    assert!(found.contains(&Attribute::State(State::PreActive)));
}

#[test]
fn usage_begins_anew() {
    let house = House::new();
    let limits = |count| {
        Attribute::UsageLimits(UsageLimits {
            usage_limits_total: 10,
            usage_limits_count: count,
            usage_limits_unit: UsageLimitsUnit::Object,
        })
    };
    let mut request = aes("k");
    request.attributes.attributes.push(limits(None).into());
    let old = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let new = house.ask(&alice(), re_key(&old, None, &[])).unwrap().unique_identifier.0;
    assert!(attributes(&house, &new).contains(&limits(Some(10))));
}

#[test]
fn a_replacement_is_of_the_same_kind_and_no_looser() {
    let house = House::new();
    let mut request = aes("k");
    request.attributes.attributes.push(Attribute::Sensitive(true).into());
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    for (name, attribute, reason) in [
        ("another length", Attribute::CryptographicLength(128), ResultReason::InvalidField),
        (
            "another algorithm",
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::DES3),
            ResultReason::InvalidField,
        ),
        ("not sensitive any more", Attribute::Sensitive(false), ResultReason::AttributeReadOnly),
        ("a State", Attribute::State(State::Active), ResultReason::ReadOnlyAttribute),
    ] {
        assert_eq!(house.ask(&alice(), re_key(&id, None, &[attribute])).unwrap_err().reason, reason, "{name}");
    }
    // Nothing of the refused requests has stayed.
    assert!(attributes(&house, &id).contains(&Attribute::Name(Name::text("k"))));
}

#[test]
fn what_is_not_there_or_is_no_key_is_not_replaced() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    assert_eq!(house.ask(&bob(), re_key(&id, None, &[])).unwrap_err().reason, ResultReason::ItemNotFound);
    house.ask(&alice(), DestroyRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    assert_eq!(house.ask(&alice(), re_key(&id, None, &[])).unwrap_err().reason, ResultReason::ObjectDestroyed);
    let pair = house.ask(&alice(), pair("p")).unwrap();
    let private = pair.private_key_unique_identifier.0;
    assert_eq!(house.ask(&alice(), re_key(&private, None, &[])).unwrap_err().reason, ResultReason::InvalidObjectType);
}

fn pair(name: &str) -> CreateKeyPairRequest {
    let set = |attributes: &[Attribute]| -> Option<Template> { Some(attributes.iter().cloned().collect()) };
    let parameters = strongroom_kmip::attribute::CryptographicDomainParameters {
        recommended_curve: Some(RecommendedCurve::P_256),
        ..Default::default()
    };
    CreateKeyPairRequest {
        common_attributes: set(&[
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::EC),
            Attribute::CryptographicDomainParameters(parameters),
        ]),
        private_key_attributes: set(&[
            Attribute::Name(Name::text(&format!("{name}-private"))),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign),
        ]),
        public_key_attributes: set(&[
            Attribute::Name(Name::text(&format!("{name}-public"))),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Verify),
        ]),
        ..CreateKeyPairRequest::default()
    }
}

fn re_key_pair(private: &str) -> ReKeyKeyPairRequest {
    ReKeyKeyPairRequest {
        private_key_unique_identifier: Some(private.into()),
        offset: None,
        common_attributes: None,
        private_key_attributes: None,
        public_key_attributes: None,
        common_protection_storage_masks: None,
        private_protection_storage_masks: None,
        public_protection_storage_masks: None,
    }
}

#[test]
fn both_halves_of_a_pair_are_replaced() {
    let house = House::new();
    let old = house.ask(&alice(), pair("p")).unwrap();
    let (old_private, old_public) = (old.private_key_unique_identifier.0, old.public_key_unique_identifier.0);
    let new = house.ask(&alice(), re_key_pair(&old_private)).unwrap();
    let (private, public) = (new.private_key_unique_identifier.0, new.public_key_unique_identifier.0);
    assert_ne!(material(&house, &old_public), material(&house, &public));
    for (name, id, expected) in [
        ("old private", &old_private, link(LinkType::ReplacementObjectLink, &private)),
        ("old public", &old_public, link(LinkType::ReplacementObjectLink, &public)),
        ("new private", &private, link(LinkType::ReplacedObjectLink, &old_private)),
        ("new public", &public, link(LinkType::ReplacedObjectLink, &old_public)),
        ("the private half's other", &private, link(LinkType::PublicKeyLink, &public)),
        ("the public half's other", &public, link(LinkType::PrivateKeyLink, &private)),
        ("the private half's name", &private, Attribute::Name(Name::text("p-private"))),
        ("the public half's name", &public, Attribute::Name(Name::text("p-public"))),
        ("the public half's use", &public, Attribute::CryptographicUsageMask(CryptographicUsageMask::Verify)),
    ] {
        assert!(attributes(&house, id).contains(&expected), "{name}");
    }
    let wrong = house.ask(&alice(), re_key_pair(&public)).unwrap_err();
    assert_eq!(wrong.reason, ResultReason::InvalidObjectType);
    assert_eq!(house.ask(&bob(), re_key_pair(&private)).unwrap_err().reason, ResultReason::ItemNotFound);
}

#[test]
fn a_replacement_cannot_be_said_to_be_of_another_type() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let request = re_key(&id, None, &[Attribute::ObjectType(ObjectType::PrivateKey)]);
    assert_eq!(house.ask(&alice(), request).unwrap_err().reason, ResultReason::ReadOnlyAttribute);
}

#[test]
fn a_replacement_is_protected_as_the_request_wants_or_is_not_made() {
    let house = House::new();
    let old = house.aes(&alice(), "k");
    let wanted = |masks: &[ProtectionStorageMask]| ReKeyRequest {
        protection_storage_masks: Some(ProtectionStorageMasks { protection_storage_mask: masks.to_vec() }),
        ..re_key(&old, None, &[])
    };
    let (hardware, software) = (ProtectionStorageMask::Hardware, ProtectionStorageMask::Software);
    let refused = house.ask(&alice(), wanted(&[hardware])).unwrap_err();
    assert_eq!(refused.reason, ResultReason::ProtectionStorageUnavailable);
    assert!(attributes(&house, &old).contains(&Attribute::Name(Name::text("k"))), "nothing has become of it");
    let new = house.ask(&alice(), wanted(&[hardware, software])).unwrap().unique_identifier.0;
    assert!(attributes(&house, &new).contains(&Attribute::ProtectionStorageMask(software)));
}
