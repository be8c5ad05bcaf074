//! What Locate finds: every filter by itself and together, in pages, and inside a batch that may be undone.

use strongroom::{
    caller::Role,
    service::{Ask, Together},
};
use strongroom_kmip::{
    attribute::{
        ApplicationSpecificInformation, Attribute, CryptographicParameters, Instance, Link, Listed, Name, One,
        UsageLimits, Vendor,
    },
    code::{
        BlockCipherMode, CryptographicUsageMask, HashingAlgorithm, LinkType, ObjectClassMask, ObjectGroupMember,
        ResultReason, State, StorageStatusMask, UsageLimitsUnit,
    },
    operation::{Request, Response},
    payload::*,
    ttlv::{Any, DateTime},
    version::V2_1,
};

use crate::house::{House, NOON, aes, alice, bob, client};

fn looking(attributes: Vec<Attribute>) -> LocateRequest {
    LocateRequest { attributes: attributes.into_iter().collect::<Listed>(), ..LocateRequest::default() }
}

fn found(house: &House, request: LocateRequest) -> Vec<String> {
    house.ask(&alice(), request).unwrap().unique_identifier.into_iter().map(|id| id.0).collect()
}

fn key(house: &House, name: &str, attributes: Vec<Attribute>) -> String {
    let mut request = aes(name);
    request.attributes.attributes.extend(attributes.into_iter().map(Instance::from));
    house.ask(&alice(), request).unwrap().unique_identifier.0
}

fn limits(total: i64, count: Option<i64>) -> Attribute {
    Attribute::UsageLimits(UsageLimits {
        usage_limits_total: total,
        usage_limits_count: count,
        usage_limits_unit: UsageLimitsUnit::Byte,
    })
}

fn parameters(mode: BlockCipherMode, hash: Option<HashingAlgorithm>) -> Attribute {
    Attribute::CryptographicParameters(Box::new(CryptographicParameters {
        block_cipher_mode: Some(mode),
        hashing_algorithm: hash,
        ..CryptographicParameters::default()
    }))
}

fn information(data: Option<&str>) -> Attribute {
    Attribute::ApplicationSpecificInformation(ApplicationSpecificInformation {
        application_namespace: "ssl".to_owned(),
        application_data: data.map(str::to_owned),
    })
}

fn own(value: &str) -> Attribute {
    Attribute::Vendor(Vendor { vendor: "x".into(), name: "own".into(), value: Any::text(value) })
}

fn group(name: &str) -> Attribute {
    Attribute::ObjectGroup(name.to_owned())
}

#[test]
fn every_filter_finds_what_fits_it_and_nothing_else() {
    let house = House::new();
    let date = |seconds| Attribute::ActivationDate(DateTime(seconds));
    let mask = Attribute::CryptographicUsageMask;
    let to = |link_type| Attribute::Link(Link::to(link_type, "elsewhere"));
    let id = key(
        &house,
        "wanted",
        vec![
            date(NOON + 100),
            limits(100, None),
            parameters(BlockCipherMode::GCM, Some(HashingAlgorithm::SHA_256)),
            information(Some("example.org")),
            own("value"),
            group("one"),
            group("two"),
            to(LinkType::ParentLink),
        ],
    );
    key(&house, "other", vec![date(NOON - 100), own("another"), group("three")]);
    house.ask(&bob(), aes("wanted")).unwrap();
    let (encrypt, decrypt) = (CryptographicUsageMask::Encrypt, CryptographicUsageMask::Decrypt);
    let name = |name: &str| Attribute::Name(Name::text(name));
    for (why, filters, fits) in [
        ("its name", vec![name("wanted")], true),
        ("a part of its name", vec![name("want")], false),
        ("its name in another case", vec![name("Wanted")], false),
        ("its identifier", vec![Attribute::UniqueIdentifier(id.as_str().into())], true),
        ("its state", vec![Attribute::State(State::PreActive)], true),
        ("its name and another state", vec![name("wanted"), Attribute::State(State::Active)], false),
        ("its date", vec![date(NOON + 100)], true),
        ("another date", vec![date(NOON + 99)], false),
        ("a range around its date", vec![date(NOON + 99), date(NOON + 101)], true),
        ("a range that ends at its date", vec![date(NOON + 100), date(NOON + 1)], true),
        ("a range after its date", vec![date(NOON + 101), date(NOON + 200)], false),
        ("no end of a range", vec![date(NOON + 1), date(i64::MAX)], true),
        ("a date it has not", vec![Attribute::DeactivationDate(DateTime(NOON))], false),
        ("a date that asks for nothing", vec![name("wanted"), Attribute::DeactivationDate(DateTime(i64::MAX))], true),
        ("one of its uses", vec![name("wanted"), mask(encrypt)], true),
        ("all of its uses", vec![name("wanted"), mask(encrypt | decrypt)], true),
        ("a use more", vec![name("wanted"), mask(encrypt | CryptographicUsageMask::Sign)], false),
        ("limits as large", vec![limits(100, Some(100))], true),
        ("limits less large", vec![limits(50, None)], true),
        ("limits larger", vec![limits(101, None)], false),
        ("some of its parameters", vec![parameters(BlockCipherMode::GCM, None)], true),
        ("other parameters", vec![parameters(BlockCipherMode::CBC, None)], false),
        ("its namespace", vec![information(None)], true),
        ("other data in its namespace", vec![information(Some("example.com"))], false),
        ("its own attribute", vec![own("value")], true),
        ("two of its groups", vec![group("one"), group("two")], true),
        ("a group it is not in", vec![group("one"), group("three")], false),
        ("its link", vec![to(LinkType::ParentLink)], true),
        ("its link, whatever the type", vec![to(Link::ANY)], true),
        ("a link of another type", vec![to(LinkType::ChildLink)], false),
    ] {
        let expected: &[String] = if fits { std::slice::from_ref(&id) } else { &[] };
        assert_eq!(found(&house, looking(filters)), expected, "{why}");
    }
}

#[test]
fn objects_come_newest_first_and_in_pages() {
    let house = House::new();
    let ids: Vec<_> = (0..5).map(|number| key(&house, &format!("k{number}"), vec![group("all")])).collect();
    let page = |offset_items, maximum_items| {
        let request = LocateRequest { offset_items, maximum_items, ..looking(vec![group("all")]) };
        let answer = house.ask(&alice(), request).unwrap();
        let ids: Vec<_> = answer.unique_identifier.into_iter().map(|id| id.0).collect();
        (ids, answer.located_items)
    };
    let newest = |range: std::ops::Range<usize>| {
        ids.iter().rev().skip(range.start).take(range.len()).cloned().collect::<Vec<_>>()
    };
    for (why, offset, maximum, expected, located) in [
        ("all", None, None, 0..5, None),
        ("the first two", None, Some(2), 0..2, None),
        ("the next two", Some(2), Some(2), 2..4, Some(5)),
        ("the last", Some(4), Some(2), 4..5, Some(5)),
        ("past the end", Some(9), None, 5..5, Some(5)),
        ("none at all", Some(0), Some(0), 0..0, Some(5)),
    ] {
        assert_eq!(page(offset, maximum), (newest(expected), located), "{why}");
    }
    for (why, offset_items, maximum_items) in
        [("a negative offset", Some(-1), None), ("a negative maximum", None, Some(-1))]
    {
        let request = LocateRequest { offset_items, maximum_items, ..looking(Vec::new()) };
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, ResultReason::InvalidField, "{why}");
    }
}

#[test]
fn a_group_has_fresh_members_and_a_default_one() {
    let house = House::new();
    let (old, new) = (key(&house, "old", vec![group("all")]), key(&house, "new", vec![group("all")]));
    let member = |object_group_member, filters| LocateRequest { object_group_member, ..looking(filters) };
    let (fresh, default) = (Some(ObjectGroupMember::GroupMemberFresh), Some(ObjectGroupMember::GroupMemberDefault));
    assert_eq!(found(&house, member(fresh, vec![group("all")])), [new.clone(), old.clone()]);
    let get = GetRequest { unique_identifier: Some(new.as_str().into()), ..GetRequest::default() };
    house.ask(&alice(), get).unwrap();
    assert_eq!(found(&house, member(fresh, vec![group("all")])), std::slice::from_ref(&old), "the other was served");
    assert_eq!(found(&house, member(default, vec![group("all")])), std::slice::from_ref(&new), "none is active");
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(old.as_str().into()) }).unwrap();
    assert_eq!(found(&house, member(default, vec![group("all")])), std::slice::from_ref(&old), "the active one");
    assert_eq!(found(&house, member(default, vec![group("none")])), [""; 0]);
    let nowhere = house.ask(&alice(), member(default, Vec::new())).unwrap_err();
    assert_eq!(nowhere.reason, ResultReason::MissingData);
}

#[test]
fn destroyed_objects_are_found_only_by_who_asks_for_them() {
    let house = House::new();
    let id = key(&house, "gone", Vec::new());
    house.ask(&alice(), DestroyRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    let masked = |mask| LocateRequest { storage_status_mask: mask, ..looking(Vec::new()) };
    assert_eq!(found(&house, masked(None)), [""; 0]);
    assert_eq!(found(&house, masked(Some(StorageStatusMask::DestroyedStorage))), [id]);
    assert_eq!(found(&house, masked(Some(StorageStatusMask::NONE))), [""; 0]);
}

#[test]
fn clients_find_their_own_and_no_object_of_the_systems() {
    let house = House::new();
    let id = key(&house, "k", Vec::new());
    let classes = |object_class_mask| LocateRequest { object_class_mask, ..looking(Vec::new()) };
    assert_eq!(found(&house, classes(Some(ObjectClassMask::User))), [id]);
    assert_eq!(found(&house, classes(Some(ObjectClassMask::System))), [""; 0]);
    assert!(house.ask(&bob(), looking(Vec::new())).unwrap().unique_identifier.is_empty());
    assert_eq!(house.ask(&client("ann", Role::Auditor), looking(Vec::new())).unwrap().unique_identifier.len(), 1);
}

#[test]
fn no_object_is_linked_without_a_type() {
    let house = House::new();
    let id = key(&house, "k", Vec::new());
    let new_attribute = One(Instance::from(Attribute::Link(Link::to(Link::ANY, "elsewhere"))));
    let add = AddAttributeRequest { unique_identifier: Some(id.as_str().into()), new_attribute };
    assert_eq!(house.ask(&alice(), add).unwrap_err().reason, ResultReason::InvalidAttributeValue);
}

#[test]
fn a_batch_that_may_be_undone_sees_what_it_has_made_and_let_go() {
    let house = House::new();
    let (id, caller) = (key(&house, "k", vec![group("all")]), alice());
    let mut together = Together::new(&house.service, &caller);
    let mut ask = |request: Request| together.perform(Ask::new(request, V2_1, 1)).unwrap();
    let located = |response| match response {
        Response::Locate(answer) => answer.unique_identifier.len(),
        other => panic!("{other:?}"),
    };
    let set = SetAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        new_attribute: One(Instance::from(Attribute::Comment("changed first".into()))),
    };
    ask(set.into());
    assert_eq!(located(ask(looking(vec![group("all")]).into())), 1);
    ask(ObliterateRequest { unique_identifier: Some(id.as_str().into()) }.into());
    assert_eq!(located(ask(looking(vec![group("all")]).into())), 0);
    ask(aes("k").into());
    together.undo().unwrap();
    assert_eq!(found(&house, looking(vec![group("all")])), [id]);
}

#[test]
fn what_a_batch_lets_go_leaves_the_store_in_order() {
    let house = House::new();
    let (id, caller) = (key(&house, "k", Vec::new()), alice());
    let mut together = Together::new(&house.service, &caller);
    let mut ask = |request: Request| together.perform(Ask::new(request, V2_1, 1)).unwrap();
    let set = SetAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        new_attribute: One(Instance::from(Attribute::Comment("changed first".into()))),
    };
    ask(set.into());
    ask(ObliterateRequest { unique_identifier: Some(id.as_str().into()) }.into());
    let Response::Create(made) = ask(aes("made and let go").into()) else { panic!("a key was asked for") };
    ask(ObliterateRequest { unique_identifier: Some(made.unique_identifier.into()) }.into());
    together.keep().unwrap();
    house.vault.seal();
    let findings = house.vault.enter(crate::house::key()).unwrap().findings().unwrap();
    assert!(!findings.rolled_back && findings.damaged.is_empty(), "{findings:?}");
    assert_eq!(house.vault.count().unwrap(), 0);
}

#[test]
fn nobody_looks_for_more_attributes_than_anything_has() {
    let house = House::new();
    let id = key(&house, "one", Vec::new());
    let dates = |count: i64| looking((0..count).map(|day| Attribute::InitialDate(DateTime(NOON + day - 10))).collect());
    assert_eq!(found(&house, dates(256)), [id]);
    let refusal = house.ask(&alice(), dates(257)).unwrap_err();
    assert_eq!(refusal.reason, ResultReason::InvalidField);
}
