//! Slots that an operator makes, as orders: what is refused, what is in the log, and that what is ordered is durable.

use strongroom::{
    caller::{Caller, Role},
    service::{Ask, Order, Quorum, Refusal, Report, SlotRow, SlotTerms},
};
use strongroom_kmip::{
    attribute::{Attribute, References},
    code::{ProtectionStorageMask, ResultReason, RevocationReasonCode},
    payload::{CreateRequest, DestroyRequest, GetAttributesRequest, GetRequest, ProtectionStorageMasks, RevokeRequest},
    secret::Secret,
    version::{V1_4, V2_1},
};

use crate::house::{House, aes, client, operator};

fn make(house: &House, name: &str, terms: SlotTerms) -> Result<SlotRow, Refusal> {
    match house.service.order(&operator(), Order::SlotMake { name: name.to_owned(), terms })? {
        Report::Slot(row) => Ok(*row),
        other => panic!("{other:?}"),
    }
}

fn slots(house: &House) -> Vec<SlotRow> {
    match house.service.order(&operator(), Order::SlotList).unwrap() {
        Report::Slots { slots } => slots,
        other => panic!("{other:?}"),
    }
}

fn row(house: &House, name: &str) -> SlotRow {
    slots(house).into_iter().find(|row| row.name == name).unwrap()
}

/// A key in a slot, as PKCS#11 asks for it.
fn create_in(house: &House, caller: &Caller, key: &str, name: &str) -> Result<String, Refusal> {
    let ask = Ask { slot: Some(key.to_owned()), ..Ask::new(aes(name), V2_1, house.service.number()) };
    let answer = house.service.answer(caller, ask);
    answer.receipt.wait().unwrap();
    answer.outcome.map(|response| {
        let created = <CreateRequest as strongroom_kmip::operation::Ask>::answer(response).unwrap();
        created.unique_identifier.0
    })
}

#[test]
fn a_slot_is_made_shown_renamed_set_and_removed() {
    let house = House::new();
    let made = make(&house, "alpha", SlotTerms { max_objects: Some(7), ..SlotTerms::default() }).unwrap();
    assert_eq!((made.origin.as_str(), made.mechanisms.as_str(), made.max_objects), ("made", "standard", Some(7)));
    assert_eq!(row(&house, "dev").origin, "configured");
    let rename = Order::SlotRename { slot: "alpha".to_owned(), name: "beta".to_owned() };
    house.service.order(&operator(), rename).unwrap();
    let terms = SlotTerms { mechanisms: Some("strict".to_owned()), max_objects: Some(0), ..SlotTerms::default() };
    house.service.order(&operator(), Order::SlotSet { slot: "beta".to_owned(), terms }).unwrap();
    let now = row(&house, "beta");
    assert_eq!((&now.key, now.number), (&made.key, made.number));
    assert_eq!((now.mechanisms.as_str(), now.max_objects, now.objects), ("strict", None, Some(0)));
    house.service.order(&operator(), Order::SlotRemove { slot: "beta".to_owned() }).unwrap();
    assert_eq!(slots(&house).len(), 1);
    let another = make(&house, "alpha", SlotTerms::default()).unwrap();
    assert!(another.number > made.number, "a number is never given twice");
    let log = house.told().join("\n");
    for word in ["slot-made", "slot-set", "slot-removed", "alpha/beta"] {
        assert!(log.contains(word), "{word}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_name_and_changes_nothing() {
    let house = House::new();
    make(&house, "alpha", SlotTerms::default()).unwrap();
    let (none, text) = (SlotTerms::default, |text: &str| Some(text.to_owned()));
    let long = "x".repeat(33);
    for (case, name, terms, says) in [
        ("no name", "", none(), "1 to 32"),
        ("a long one", long.as_str(), none(), "1 to 32"),
        ("a space", "a b", none(), "1 to 32"),
        ("a control character", "a\u{7}", none(), "1 to 32"),
        ("a line's end", "a\n", none(), "1 to 32"),
        ("another script", "schlüssel", none(), "1 to 32"),
        ("a slot of the configuration", "dev", none(), "another slot is called so"),
        ("a slot that was made", "alpha", none(), "another slot is called so"),
        ("no policy", "b", SlotTerms { mechanisms: text("lax"), ..none() }, "strict, standard or legacy"),
        ("no derivation", "b", SlotTerms { open_derivations: Some(vec!["XOR".to_owned()]), ..none() }, "ECDH"),
        ("no protection", "b", SlotTerms { protection: Some(vec!["hardware".to_owned()]), ..none() }, "no such way"),
        ("a PIN of nothing", "b", SlotTerms { shortest_pin: Some(0), ..none() }, "shortest PIN"),
        ("a PIN too long", "b", SlotTerms { shortest_pin: Some(300), ..none() }, "shortest PIN"),
    ] {
        let refusal = make(&house, name, terms).unwrap_err();
        assert!(refusal.to_string().contains(says), "{case}: {refusal}");
    }
    let slot = |name: &str| name.to_owned();
    for (case, order, says) in [
        ("to rename what is not there", Order::SlotRename { slot: slot("x"), name: slot("y") }, "there is no slot x"),
        ("to rename what is configured", Order::SlotRename { slot: slot("dev"), name: slot("y") }, "the configuration"),
        ("to a name that is taken", Order::SlotRename { slot: slot("alpha"), name: slot("dev") }, "another slot"),
        ("to set what is configured", Order::SlotSet { slot: slot("dev"), terms: none() }, "the configuration"),
        ("to remove what is configured", Order::SlotRemove { slot: slot("dev") }, "the configuration"),
        ("to remove what is not there", Order::SlotRemove { slot: slot("x") }, "there is no slot x"),
        ("to zeroise what is not there", Order::SlotZeroise { slot: slot("x") }, "there is no slot x"),
    ] {
        let refusal = house.service.order(&operator(), order).unwrap_err();
        assert!(refusal.to_string().contains(says), "{case}: {refusal}");
    }
    assert_eq!(slots(&house).iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["dev", "alpha"]);
}

#[test]
fn slots_are_ordered_by_administrators_and_while_the_vault_is_open() {
    let house = House::new();
    let auditor = Caller { role: Role::Auditor, ..operator() };
    let order = || Order::SlotMake { name: "alpha".to_owned(), terms: SlotTerms::default() };
    assert_eq!(house.service.order(&auditor, order()).unwrap_err().reason, ResultReason::PermissionDenied);
    house.vault.seal();
    assert_eq!(house.service.order(&operator(), order()).unwrap_err().reason, ResultReason::NotAuthorised);
}

#[test]
fn there_are_only_so_many_slots() {
    let house = House::new();
    for number in 0..256 {
        make(&house, &format!("s{number}"), SlotTerms::default()).unwrap();
    }
    assert!(make(&house, "more", SlotTerms::default()).unwrap_err().to_string().contains("as many slots"));
    house.service.order(&operator(), Order::SlotRemove { slot: "s7".to_owned() }).unwrap();
    make(&house, "more", SlotTerms::default()).unwrap();
}

#[test]
fn a_full_slot_refuses_in_the_words_of_each_protocol_and_is_freed_by_a_destroy() {
    let (house, alice) = (House::new(), client("alice", Role::User));
    let key = make(&house, "alpha", SlotTerms { max_objects: Some(1), ..SlotTerms::default() }).unwrap().key;
    let id = create_in(&house, &alice, &key, "one").unwrap();
    let refusal = create_in(&house, &alice, &key, "two").unwrap_err();
    assert_eq!(refusal.reason, ResultReason::ServerLimitExceeded);
    assert_eq!(refusal.spoken(V1_4), ResultReason::GeneralFailure);
    assert!(refusal.to_string().contains("1 objects"), "{refusal}");
    let revocation_reason = strongroom_kmip::attribute::RevocationReason {
        revocation_reason_code: RevocationReasonCode::CessationOfOperation,
        revocation_message: None,
    };
    let unique_identifier = || Some(id.as_str().into());
    let revoke =
        RevokeRequest { unique_identifier: unique_identifier(), revocation_reason, compromise_occurrence_date: None };
    let _ = house.ask(&alice, revoke);
    house.ask(&alice, DestroyRequest { unique_identifier: unique_identifier() }).unwrap();
    create_in(&house, &alice, &key, "two").unwrap();
    let removed = house.service.order(&operator(), Order::SlotRemove { slot: "alpha".to_owned() });
    assert!(removed.unwrap_err().to_string().contains("zeroise it first"));
}

#[test]
fn kmip_finds_a_made_slot_by_how_it_protects() {
    let (house, alice) = (House::new(), client("alice", Role::User));
    let masks = |mask| Some(ProtectionStorageMasks { protection_storage_mask: vec![mask] });
    let wanted = ProtectionStorageMask::OnPremises | ProtectionStorageMask::Validated;
    let create = |name| CreateRequest { protection_storage_masks: masks(wanted), ..aes(name) };
    let refusal = house.ask(&alice, create("early")).unwrap_err();
    assert_eq!(refusal.reason, ResultReason::ProtectionStorageUnavailable);
    let protection = Some(vec!["on-premises".to_owned(), "validated".to_owned()]);
    make(&house, "vaulted", SlotTerms { protection, ..SlotTerms::default() }).unwrap();
    let id = house.ask(&alice, create("one")).unwrap().unique_identifier.0;
    assert_eq!(row(&house, "vaulted").objects, Some(1));
    let attribute_reference = References(Vec::new());
    let asked = GetAttributesRequest { unique_identifier: Some(id.as_str().into()), attribute_reference };
    let told = house.ask(&alice, asked).unwrap();
    let mask = told.attributes.0.iter().find_map(|instance| match instance.attribute {
        Attribute::ProtectionStorageMask(mask) => Some(mask),
        _ => None,
    });
    assert_eq!(mask, Some(wanted | ProtectionStorageMask::Software));
    let Report::Object(shown) = house.service.order(&operator(), Order::KeyShow { id }).unwrap() else { panic!() };
    assert_eq!(shown.slot, "vaulted");
}

#[test]
fn a_zeroised_slot_has_neither_objects_nor_pins_and_says_so_in_the_log() {
    let (house, alice) = (House::new(), client("alice", Role::User));
    let key = make(&house, "alpha", SlotTerms::default()).unwrap().key;
    let (so_pin, user_pin) = (Secret::copy_of(b"officer"), Secret::copy_of(b"user-pin"));
    house.service.order(&operator(), Order::TokenInit { slot: "alpha".to_owned(), so_pin, user_pin }).unwrap();
    let gone = create_in(&house, &alice, &key, "gone").unwrap();
    let kept = house.aes(&alice, "kept");
    assert_eq!((row(&house, "alpha").objects, row(&house, "alpha").initialised), (Some(1), Some(true)));
    let report = house.service.order(&operator(), Order::SlotZeroise { slot: "alpha".to_owned() }).unwrap();
    assert!(matches!(report, Report::Zeroised { objects: 1 }), "{report:?}");
    assert_eq!((row(&house, "alpha").objects, row(&house, "alpha").initialised), (Some(0), Some(false)));
    let get = |id: &str| GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() };
    assert_eq!(house.ask(&alice, get(&gone)).unwrap_err().reason, Refusal::absent().reason);
    house.ask(&alice, get(&kept)).unwrap();
    create_in(&house, &alice, &key, "gone").unwrap();
    let log = house.told().join("\n");
    assert!(log.contains("zeroised") && log.contains("removed"), "{log}");
}

#[test]
fn a_quorum_over_zeroise_stands_before_the_zeroising_of_a_slot() {
    let rule =
        strongroom::service::Rule { guarded: vec![strongroom::service::Guarded::Zeroise], approvals: 1, within: 3600 };
    let quorum = Quorum { officers: Vec::new(), rules: vec![rule] };
    let (house, alice) = (House::guarding(quorum), client("alice", Role::User));
    let key = make(&house, "alpha", SlotTerms::default()).unwrap().key;
    create_in(&house, &alice, &key, "kept").unwrap();
    let refusal = house.service.order(&operator(), Order::SlotZeroise { slot: "alpha".to_owned() }).unwrap_err();
    assert!(refusal.held, "{refusal}");
    assert_eq!(row(&house, "alpha").objects, Some(1));
}
