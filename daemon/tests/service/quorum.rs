//! What several people must agree to: nothing happens before they have, and then what they agreed to, once.

use std::thread;

use strongroom::{
    audit::{Durability, Entry, Event},
    caller::{Caller, Front, Principal, Role, Scope},
    service::{ApprovalRow, Guarded, Officer, Order, PinError, Quorum, Refusal, Report, Rule},
    vault::{Action, Error, ObjectId},
};
use strongroom_kmip::{
    attribute::Attribute,
    code::{KeyFormatType, ResultReason},
    payload::{ActivateRequest, DestroyRequest, ExportRequest, GetRequest, ImportRequest},
    secret::Secret,
};

use crate::{
    house::{House, aes, alice, bob, operator},
    pair::pair,
};

/// Two of three must agree, within an hour.
fn quorum() -> Quorum {
    let officer = |(name, user): (&str, u32)| Officer { name: name.parse().unwrap(), user };
    Quorum {
        officers: [("anna", 2001), ("ben", 2002), ("cleo", 2003)].map(officer).to_vec(),
        rules: vec![Rule { guarded: Guarded::ALL.to_vec(), approvals: 2, within: 3600 }],
    }
}

fn house() -> House {
    House::guarding(quorum())
}

fn officer(name: &str) -> Caller {
    Caller {
        principal: Principal::Officer(name.parse().unwrap()),
        role: Role::Auditor,
        front: Front::Control,
        from: "a test".to_owned(),
        scope: Scope::Everything,
    }
}

fn destroy(id: &str) -> DestroyRequest {
    DestroyRequest { unique_identifier: Some(id.into()) }
}

fn get(id: &str, format: Option<KeyFormatType>) -> GetRequest {
    GetRequest { unique_identifier: Some(id.into()), key_format_type: format, ..GetRequest::default() }
}

fn waiting(house: &House) -> Vec<ApprovalRow> {
    match house.service.order(&operator(), Order::ApprovalList).unwrap() {
        Report::Approvals { approvals } => approvals,
        other => panic!("{other:?}"),
    }
}

fn approve(house: &House, name: &str, id: &str) -> Result<Report, Refusal> {
    house.service.order(&officer(name), Order::ApprovalGive { id: id.to_owned() })
}

fn both(house: &House, id: &str) {
    ["anna", "ben"].into_iter().for_each(|name| drop(approve(house, name, id).unwrap()));
}

fn deny(house: &House, name: &str, id: &str) -> Result<Report, Refusal> {
    house.service.order(&officer(name), Order::ApprovalDeny { id: id.to_owned() })
}

/// A key of alice's that may be destroyed, and the request that waits for it.
fn held(house: &House) -> (String, String) {
    let key = house.ask(&alice(), aes("held")).unwrap().unique_identifier.0;
    let refusal = house.ask(&alice(), destroy(&key)).unwrap_err();
    (key, named(&refusal))
}

/// The request that a refusal names.
fn named(refusal: &Refusal) -> String {
    assert!(refusal.held && refusal.reason == ResultReason::PermissionDenied, "{refusal:?}");
    let (_, rest) = refusal.message.split_once("waits as ").unwrap();
    rest.split(';').next().unwrap().to_owned()
}

fn is_there(house: &House, key: &str) -> bool {
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(key.into()) }).is_ok()
}

#[test]
fn a_token_is_made_anew_when_two_people_have_agreed_to_what_goes_with_it() {
    let house = house();
    let pin = |text: &str| Secret::copy_of(text.as_bytes());
    let anew = |label: &str| house.service.init_token(&bob(), "dev", &pin("87654321"), label.as_bytes().to_vec());
    let order = || Order::TokenInit { slot: "dev".to_owned(), so_pin: pin("87654321"), user_pin: pin("1234") };
    both(&house, &named(&house.service.order(&operator(), order()).unwrap_err()));
    house.service.order(&operator(), order()).unwrap();
    let key = house.ask(&alice(), aes("kept")).unwrap().unique_identifier.0;
    let held = |outcome| match outcome {
        Err(PinError::Refused(refusal)) => named(&refusal),
        other => panic!("{other:?}"),
    };
    let id = held(anew("mine"));
    assert!(waiting(&house)[0].request.contains("everything in slot dev"));
    assert!(is_there(&house, &key), "nothing has happened");
    approve(&house, "anna", &id).unwrap();
    assert_eq!(held(anew("mine")), id, "one is not two");
    approve(&house, "ben", &id).unwrap();
    assert_ne!(held(anew("other")), id, "another label is another request");
    assert!(house.ask(&alice(), get(&key, None)).is_err_and(|refusal| refusal.held), "it is there still");
    assert_eq!(anew("mine"), Ok(()));
    assert!(house.ask(&alice(), destroy(&key)).is_err_and(|refusal| refusal.reason == ResultReason::ItemNotFound));
    held(anew("mine"));
}

#[test]
fn a_token_with_objects_is_not_made_anew_past_those_who_guard_destruction_alone() {
    let rules = vec![Rule { guarded: vec![Guarded::Destroy], approvals: 2, within: 3600 }];
    let house = House::guarding(Quorum { rules, ..quorum() });
    let pin = |text: &str| Secret::copy_of(text.as_bytes());
    let anew = || house.service.init_token(&bob(), "dev", &pin("87654321"), b"mine".to_vec());
    let order = Order::TokenInit { slot: "dev".to_owned(), so_pin: pin("87654321"), user_pin: pin("1234") };
    house.service.order(&operator(), order).unwrap();
    assert_eq!(anew(), Ok(()), "there is nothing to destroy");
    let key = house.ask(&alice(), aes("kept")).unwrap().unique_identifier.0;
    let Err(PinError::Refused(refusal)) = anew() else { panic!("nobody was asked") };
    assert_eq!(waiting(&house)[0].operation, "destroy");
    assert!(is_there(&house, &key));
    both(&house, &named(&refusal));
    assert_eq!(anew(), Ok(()));
    assert!(!is_there(&house, &key));
    assert_eq!(anew(), Ok(()));
}

#[test]
fn a_token_that_nobody_has_agreed_to_make_anew_does_not_wait_for_what_is_done_in_its_slot() {
    let house = house();
    let pin = |text: &str| Secret::copy_of(text.as_bytes());
    let order = || Order::TokenInit { slot: "dev".to_owned(), so_pin: pin("87654321"), user_pin: pin("1234") };
    both(&house, &named(&house.service.order(&operator(), order()).unwrap_err()));
    house.service.order(&operator(), order()).unwrap();
    let key = house.ask(&alice(), aes("kept")).unwrap().unique_identifier.0;
    let (id, mut under_way) = (ObjectId::from_text(&key), house.vault.begin().unwrap());
    house.vault.edit(&mut under_way, &alice(), &id, Action::Change, |_| Ok::<_, Error>(())).unwrap();
    let outcome = house.service.init_token(&bob(), "dev", &pin("87654321"), b"mine".to_vec());
    // The slot was not closed: what was under way would have kept it from that.
    let Err(PinError::Refused(refusal)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(waiting(&house)[0].id, named(&refusal));
    drop(under_way);
    assert!(is_there(&house, &key));
}

#[test]
fn a_destruction_waits_for_two_people_and_then_happens_once() {
    let house = house();
    let (key, id) = held(&house);
    assert!(house.ask(&alice(), destroy(&key)).unwrap_err().message.contains(&id), "asking again opens no second one");
    approve(&house, "anna", &id).unwrap();
    assert!(house.ask(&alice(), destroy(&key)).unwrap_err().held, "one is not two");
    approve(&house, "ben", &id).unwrap();
    house.ask(&alice(), destroy(&key)).unwrap();
    assert!(!is_there(&house, &key));
    assert!(waiting(&house).is_empty());
    house.log.append(&Entry::event(Event::Heartbeat), Durability::Sync).wait().unwrap();
    let told = house.told().join("\n");
    for (who, action) in [
        ("client:alice", "approval-asked"),
        ("operator:anna", "approved"),
        ("operator:ben", "approved"),
        ("daemon", "approval-used"),
    ] {
        let line =
            told.lines().find(|line| line.contains(&format!("\"{who}\"")) && line.contains(&format!("\"{action}\"")));
        assert!(line.is_some_and(|line| line.contains(&format!("{id}/destroy/{key}"))), "{who} {action}: {told}");
    }
}

#[test]
fn the_request_is_shown_in_full_and_without_secrets() {
    let house = house();
    let (key, id) = held(&house);
    let Report::Approval(row) = house.service.order(&officer("cleo"), Order::ApprovalShow { id }).unwrap() else {
        panic!()
    };
    assert_eq!((row.by.as_str(), row.operation.as_str(), row.state.as_str()), ("client:alice", "destroy", "waiting"));
    for part in ["Destroy", &key, "\"held\"", "AES 256", "owner client:alice", "Unique Identifier"] {
        assert!(row.request.contains(part), "{part}: {}", row.request);
    }
}

#[test]
fn what_leaves_is_guarded_and_what_is_public_is_not() {
    let house = house();
    let key = house.aes(&alice(), "secret");
    let id = named(&house.ask(&alice(), get(&key, None)).unwrap_err());
    both(&house, &id);
    house.ask(&alice(), get(&key, None)).unwrap();
    assert!(house.ask(&alice(), get(&key, None)).unwrap_err().held, "an approval serves once");
    let (private, public) = pair(&house);
    house.ask(&alice(), get(&public, None)).unwrap();
    assert!(house.ask(&alice(), get(&private, None)).unwrap_err().held);
}

#[test]
fn an_approval_is_for_exactly_this_request_of_exactly_this_caller() {
    let house = house();
    let key = house.aes(&alice(), "secret");
    let id = named(&house.ask(&alice(), get(&key, None)).unwrap_err());
    both(&house, &id);
    let other = house.aes(&alice(), "other");
    for (name, refusal) in [
        ("another object", house.ask(&alice(), get(&other, None)).unwrap_err()),
        ("another format", house.ask(&alice(), get(&key, Some(KeyFormatType::Raw))).unwrap_err()),
        ("another operation", house.ask(&alice(), export(&key)).unwrap_err()),
    ] {
        assert!(refusal.held && !refusal.message.contains(&id), "{name}: {refusal:?}");
    }
    let stranger = house.ask(&bob(), get(&key, None)).unwrap_err();
    assert_eq!(stranger.reason, ResultReason::ItemNotFound, "who may not anyway learns nothing");
    assert_eq!(waiting(&house).len(), 4, "and opens nothing");
    house.ask(&alice(), get(&key, None)).unwrap();
}

fn export(id: &str) -> ExportRequest {
    ExportRequest { unique_identifier: Some(id.into()), ..ExportRequest::default() }
}

#[test]
fn what_came_under_the_same_name_since_is_something_else() {
    let house = house();
    let (key, id) = held(&house);
    both(&house, &id);
    // Another content takes the place of the key; that too has to be approved.
    let elsewhere = House::new();
    let other = elsewhere.ask(&alice(), aes("other")).unwrap().unique_identifier.0;
    // The first time it stops being fresh; from then on it reads the same.
    elsewhere.ask(&alice(), export(&other)).unwrap();
    let import = || {
        let mut exported = elsewhere.ask(&alice(), export(&other)).unwrap();
        exported.attributes.0.retain(|listed| !matches!(listed.attribute, Attribute::UniqueIdentifier(_)));
        ImportRequest {
            unique_identifier: key.as_str().into(),
            object_type: exported.object_type,
            replace_existing: Some(true),
            key_wrap_type: None,
            attributes: exported.attributes,
            object: exported.object.unwrap(),
        }
    };
    let second = named(&house.ask(&alice(), import()).unwrap_err());
    both(&house, &second);
    house.ask(&alice(), import()).unwrap();
    let refusal = house.ask(&alice(), destroy(&key)).unwrap_err();
    assert!(refusal.held && !refusal.message.contains(&id), "{refusal:?}");
}

#[test]
fn whoever_asks_has_no_say() {
    let house = house();
    let (_, id) = held(&house);
    approve(&house, "anna", &id).unwrap();
    let again = approve(&house, "anna", &id).unwrap_err();
    assert!(again.message.contains("anna has approved"), "{again}");
    // An officer's own order, and one of a client that is the same user.
    let by_officer = Caller { role: Role::Administrator, ..officer("anna") };
    let order = || Order::ClientRevoke { name: "nobody".to_owned() };
    let own = named(&house.service.order(&by_officer, order()).unwrap_err());
    assert!(approve(&house, "anna", &own).unwrap_err().message.contains("anna asked for"));
    let user = Caller { principal: Principal::User(2002), ..alice() };
    let key = house.ask(&user, aes("ben's")).unwrap().unique_identifier.0;
    let own = named(&house.ask(&user, destroy(&key)).unwrap_err());
    assert!(approve(&house, "ben", &own).unwrap_err().message.contains("ben asked for"));
}

#[test]
fn nobody_has_a_say_but_the_operators_of_the_configuration() {
    let house = house();
    let (key, id) = held(&house);
    for caller in [operator(), alice()] {
        let refusal = house.service.order(&caller, Order::ApprovalGive { id: id.clone() }).unwrap_err();
        assert_eq!(refusal.reason, ResultReason::PermissionDenied, "{}", caller.principal);
    }
    let refusal = house.service.order(&officer("anna"), Order::Seal).unwrap_err();
    assert_eq!(refusal.reason, ResultReason::PermissionDenied);
    assert!(!house.service.is_sealed());
    assert!(is_there(&house, &key));
}

#[test]
fn one_denial_ends_it() {
    let house = house();
    let (key, id) = held(&house);
    both(&house, &id);
    deny(&house, "cleo", &id).unwrap();
    assert!(house.ask(&alice(), destroy(&key)).unwrap_err().message.contains("denied by cleo"));
    assert!(approve(&house, "anna", &id).unwrap_err().message.contains("denied already"));
    assert!(deny(&house, "cleo", &id).is_err());
}

#[test]
fn what_comes_too_late_counts_for_nothing() {
    let house = house();
    let (key, id) = held(&house);
    approve(&house, "anna", &id).unwrap();
    house.clock.advance(3_600_000);
    assert!(approve(&house, "ben", &id).unwrap_err().message.contains("expired already"));
    // Approved in time and used too late is too late as well.
    let second = named(&house.ask(&alice(), destroy(&key)).unwrap_err());
    assert_ne!(second, id);
    both(&house, &second);
    house.clock.advance(3_600_000);
    assert!(house.ask(&alice(), destroy(&key)).unwrap_err().held);
    assert!(is_there(&house, &key));
}

#[test]
fn an_approval_is_not_spent_by_a_call_that_fails() {
    let house = house();
    let (key, id) = held(&house);
    both(&house, &id);
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(key.as_str().into()) }).unwrap();
    let active = house.ask(&alice(), destroy(&key)).unwrap_err();
    assert_eq!(active.reason, ResultReason::WrongKeyLifecycleState);
    assert_eq!(waiting(&house).pop().unwrap().state, "approved");
}

#[test]
fn of_two_calls_with_one_approval_one_is_let_through() {
    let house = house();
    let key = house.aes(&alice(), "secret");
    let id = named(&house.ask(&alice(), get(&key, None)).unwrap_err());
    both(&house, &id);
    let through = thread::scope(|scope| {
        let asks: Vec<_> = (0..8).map(|_| scope.spawn(|| house.ask(&alice(), get(&key, None)).is_ok())).collect();
        asks.into_iter().map(|ask| usize::from(ask.join().unwrap())).sum::<usize>()
    });
    assert_eq!(through, 1);
}

#[test]
fn requests_and_approvals_outlast_the_daemon() {
    let house = house();
    let (key, id) = held(&house);
    approve(&house, "anna", &id).unwrap();
    let house = house.begun_again(quorum());
    approve(&house, "ben", &id).unwrap();
    let house = house.begun_again(quorum());
    house.ask(&alice(), destroy(&key)).unwrap();
    let house = house.begun_again(quorum());
    assert!(waiting(&house).is_empty());
}

#[test]
fn an_operators_order_waits_too_and_its_secrets_are_not_shown() {
    let house = house();
    let order = |pin: &[u8]| Order::TokenInit {
        slot: "dev".to_owned(),
        so_pin: Secret::copy_of(pin),
        user_pin: Secret::copy_of(b"654321"),
    };
    let exact = |pin: &[u8]| pin.to_vec();
    let give = |pin: &[u8]| house.service.order_exactly(&operator(), order(pin), &exact(pin));
    assert!(give(b"12345678").unwrap_err().held);
    let row = waiting(&house).pop().unwrap();
    assert!(row.request.contains("TokenInit") && !row.request.contains("654321"), "{}", row.request);
    both(&house, &row.id);
    assert!(give(b"12345679").unwrap_err().held, "another PIN is another order");
    give(b"12345678").unwrap();
    assert!(give(b"12345678").unwrap_err().held);
}

#[test]
fn nobody_fills_the_memory_with_requests() {
    let house = house();
    let mut last = None;
    for number in 0..40 {
        let key = house.ask(&alice(), aes(&format!("key {number}"))).unwrap().unique_identifier.0;
        last = house.ask(&alice(), destroy(&key)).err();
    }
    assert_eq!(last.unwrap().reason, ResultReason::ServerLimitExceeded);
    assert_eq!(waiting(&house).len(), 32);
    let key = house.ask(&bob(), aes("bob's")).unwrap().unique_identifier.0;
    assert!(house.ask(&bob(), destroy(&key)).unwrap_err().held, "others are not kept out");
}

#[test]
fn where_each_operator_enters_one_share_no_more_are_asked_for_than_there_are_operators() {
    let house = House::of_different_hands(Quorum { rules: Vec::new(), ..quorum() });
    let rekey = |threshold| {
        let labels = ["anna", "ben", "cleo", "dan"].map(str::to_owned).to_vec();
        let (passphrase, key) = (Secret::new(Vec::new()), Secret::new(Vec::new()));
        house.service.order(&operator(), Order::Rekey { passphrase, key, threshold, labels, slot: None, stay: true })
    };
    let refused = rekey(4).unwrap_err();
    assert!(refused.message.contains("the configuration has 3"), "{}", refused.message);
    let Report::Shares(dealt) = rekey(2).unwrap() else { panic!("no shares") };
    house.vault.seal();
    let enter = |name: &str, at: usize| {
        let share = Secret::copy_of(dealt.shares[at].share.as_bytes());
        house.service.order(&officer(name), Order::UnsealShare { share }).map(|_| house.vault.is_sealed())
    };
    assert!(enter("anna", 0).unwrap());
    let refused = enter("anna", 1).unwrap_err();
    assert_eq!(refused.reason, ResultReason::AuthenticationNotSuccessful);
    assert!(refused.message.contains("share 2 of ben is for another operator to enter"), "{}", refused.message);
    assert!(!enter("ben", 1).unwrap(), "two different operators open it");
}
