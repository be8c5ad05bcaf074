//! What endpoints are told without asking: which changes, of whose objects, and what never goes there.

use strongroom::{
    caller::{Caller, Front, Principal, Role, Scope},
    service::{Endpoint, Letter, Order, Refusal, Report, Trouble, order::EndpointRow},
    vault::ObjectId,
};
use strongroom_kmip::{
    attribute::{Attribute, Changed, Instance, Kind, Name, One, Reference, Standard},
    code::{CryptographicUsageMask, Operation, PutFunction, ResultReason, RevocationReasonCode, State, WrappingMethod},
    message::RequestMessage,
    object::{KeyMaterial, KeyValue},
    operation::Request,
    payload::{
        ActivateRequest, AddAttributeRequest, DeleteAttributeRequest, DestroyRequest, EncryptRequest, NotifyRequest,
        PutRequest, ReKeyRequest, RevokeRequest, SetAttributeRequest,
    },
    secret::Secret,
    ttlv::{DateTime, Limits, Tree},
    version::{V1_4, V2_1, Version},
};

use crate::house::{House, NOON, aes, alice, bob, client, operator};

pub(crate) fn endpoint() -> Endpoint {
    Endpoint {
        name: "array".into(),
        address: Some("array.example:5696".into()),
        client: "alice".parse().unwrap(),
        version: V2_1,
        notifies: true,
        puts: true,
        replacements: false,
        own: false,
        wrapping_key: None,
        most: 8,
        most_bytes: 1 << 20,
    }
}

pub(crate) fn house(endpoint: Endpoint) -> House {
    registered(House::telling(vec![endpoint]))
}

/// The same with alice registered: what is put is hers as she stands.
fn registered(house: House) -> House {
    house.service.found_authority(&operator(), "house", &["127.0.0.1".into()]).unwrap();
    for name in ["alice", "bob"] {
        let add = Order::ClientAdd { name: name.into(), role: "user".into(), days: 1, user: None, csr: None };
        house.service.order(&operator(), add).unwrap();
    }
    house
}

pub(crate) fn root() -> Caller {
    client("root", Role::Administrator)
}

fn daemon() -> Caller {
    Caller { principal: Principal::Daemon, front: Front::Rounds, scope: Scope::Everything, ..root() }
}

fn waiting(house: &House) -> EndpointRow {
    match house.service.order(&operator(), Order::Status).unwrap() {
        Report::Status(mut status) => status.endpoints.remove(0),
        other => panic!("{other:?}"),
    }
}

fn push(house: &House, id: &str) -> Result<Report, Refusal> {
    house.service.order(&operator(), Order::KmipPut { endpoint: "array".into(), id: id.into() })
}

/// The letter whose turn it is, and what stands in it.
pub(crate) fn letter(house: &House, version: Version) -> (Letter, Request) {
    let letter = house.service.letter(0).expect("something is to be told");
    let message = house.service.written(&letter).unwrap().expect("it goes");
    let tree = Tree::read(&message, &Limits::default()).unwrap();
    let mut message = RequestMessage::read(&tree).unwrap();
    let header = &message.header;
    assert_eq!(header.protocol_version, version);
    assert!(header.maximum_response_size.is_none() && header.batch_order_option.is_none());
    (letter, message.items.remove(0).payload.unwrap())
}

pub(crate) fn notify(house: &House) -> NotifyRequest {
    let (letter, request) = letter(house, V2_1);
    let Request::Notify(notify) = request else { panic!("{request:?}") };
    assert_eq!(letter.operation, Operation::Notify);
    house.service.answered(&letter, None).unwrap();
    notify
}

fn put(house: &House) -> PutRequest {
    let (letter, request) = letter(house, V2_1);
    let Request::Put(put) = request else { panic!("{request:?}") };
    house.service.answered(&letter, None).unwrap();
    put
}

fn states(changed: &Changed) -> Vec<State> {
    let state = |attribute: &Attribute| if let Attribute::State(state) = attribute { Some(*state) } else { None };
    changed.iter().filter_map(state).collect()
}

pub(crate) fn key(house: &House, name: &str, more: &[Attribute]) -> String {
    let mut request = aes(name);
    request.attributes.attributes.extend(more.iter().cloned().map(Instance::from));
    house.ask(&alice(), request).unwrap().unique_identifier.0
}

fn revoke(id: &str) -> RevokeRequest {
    RevokeRequest {
        unique_identifier: Some(id.into()),
        revocation_reason: strongroom_kmip::attribute::RevocationReason {
            revocation_reason_code: RevocationReasonCode::CessationOfOperation,
            revocation_message: None,
        },
        compromise_occurrence_date: None,
    }
}

fn re_key(id: &str) -> ReKeyRequest {
    ReKeyRequest { unique_identifier: Some(id.into()), offset: None, attributes: None, protection_storage_masks: None }
}

fn logged(house: &House, action: &str) -> Vec<String> {
    let action = format!("\"action\":\"{action}\"");
    house.told().into_iter().filter(|line| line.contains(&action)).collect()
}

#[test]
fn what_a_date_and_what_an_administrator_has_changed_is_told_in_its_order() {
    let house = house(endpoint());
    let dated = key(&house, "dated", &[Attribute::ActivationDate(DateTime(NOON + 10))]);
    assert_eq!(waiting(&house).waiting, 0, "what is new has not changed");
    house.clock.advance(10_000);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 1);
    house.ask(&root(), revoke(&dated)).unwrap();
    assert_eq!(waiting(&house).waiting, 2);
    let first = notify(&house);
    assert_eq!((first.unique_identifier.0, states(&first.changed)), (dated.clone(), vec![State::Active]));
    assert!(first.changed.iter().any(|attribute| *attribute == Attribute::LastChangeDate(DateTime(NOON + 10))));
    let second = notify(&house);
    assert_eq!((second.unique_identifier.0, states(&second.changed)), (dated, vec![State::Deactivated]));
    assert_eq!((house.service.letter(0), waiting(&house).waiting), (None, 0));
    assert_eq!(logged(&house, "delivered").len(), 2);
}

#[test]
fn the_last_change_date_is_told_even_when_its_second_is_the_same() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    house.ask(&root(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    let told = notify(&house).changed;
    assert!(told.iter().any(|attribute| *attribute == Attribute::LastChangeDate(DateTime(NOON))), "{told:?}");
}

#[test]
fn nothing_goes_of_another_clients_objects_nor_of_what_was_undone_refused_or_only_used() {
    let house = house(endpoint());
    let bobs = house.ask(&bob(), aes("bob's")).unwrap().unique_identifier.0;
    house.ask(&root(), ActivateRequest { unique_identifier: Some(bobs.as_str().into()) }).unwrap();
    let grant = Order::KeyGrant { id: bobs.clone(), to: "client:alice".into(), level: Some("manage".into()) };
    house.service.order(&operator(), grant).unwrap();
    house.ask(&alice(), revoke(&bobs)).unwrap();
    let limits = strongroom_kmip::attribute::UsageLimits {
        usage_limits_total: 100,
        usage_limits_count: None,
        usage_limits_unit: strongroom_kmip::code::UsageLimitsUnit::Object,
    };
    let own = key(&house, "own", &[Attribute::UsageLimits(limits)]);
    let grant = Order::KeyGrant { id: own.clone(), to: "client:bob".into(), level: Some("use".into()) };
    house.service.order(&operator(), grant).unwrap();
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(own.as_str().into()) }).unwrap();
    let encrypt = EncryptRequest {
        unique_identifier: Some(own.as_str().into()),
        cryptographic_parameters: Some(strongroom_kmip::attribute::CryptographicParameters {
            block_cipher_mode: Some(strongroom_kmip::code::BlockCipherMode::GCM),
            random_iv: Some(true),
            tag_length: Some(16),
            ..Default::default()
        }),
        data: Some(Secret::copy_of(b"text")),
        ..EncryptRequest::default()
    };
    house.ask(&bob(), encrypt).unwrap();
    let refused = DestroyRequest { unique_identifier: Some(own.as_str().into()) };
    assert!(house.ask(&root(), refused).is_err(), "it is active");
    assert_eq!(waiting(&house).waiting, 0);
}

#[test]
fn the_clients_own_changes_are_told_where_that_is_configured() {
    let own = house(Endpoint { own: true, ..endpoint() });
    own.aes(&alice(), "k");
    assert_eq!(states(&notify(&own).changed), [State::Active]);
    let silent = house(Endpoint { notifies: false, own: true, ..endpoint() });
    silent.aes(&alice(), "k");
    assert_eq!(waiting(&silent).waiting, 0);
}

#[test]
fn what_is_gone_is_told_by_its_name() {
    let change = |house: &House| {
        let id =
            key(house, "first", &[Attribute::Name(Name::text("second")), Attribute::ContactInformation("me".into())]);
        let gone = |standard: Standard, value: Option<Attribute>| DeleteAttributeRequest {
            unique_identifier: Some(id.as_str().into()),
            attribute_name: None,
            attribute_index: None,
            current_attribute: value.clone().map(|value| One(value.into())),
            attribute_reference: value.is_none().then(|| Reference(standard.into())),
        };
        house.ask(&root(), gone(Standard::ContactInformation, None)).unwrap();
        house.ask(&root(), gone(Standard::Name, Some(Attribute::Name(Name::text("second"))))).unwrap();
    };
    let tagged = house(endpoint());
    change(&tagged);
    assert_eq!(notify(&tagged).changed.deleted, [(Kind::from(Standard::ContactInformation), None)]);
    let names = notify(&tagged).changed;
    assert!(names.deleted.is_empty(), "one Name is left, and is told");
    assert!(names.iter().any(|attribute| *attribute == Attribute::Name(Name::text("first"))));
    let named = house(Endpoint { version: V1_4, ..endpoint() });
    change(&named);
    let (first, request) = letter(&named, V1_4);
    let Request::Notify(contact) = request else { panic!("{request:?}") };
    assert_eq!(contact.changed.deleted, [(Kind::from(Standard::ContactInformation), None)]);
    named.service.answered(&first, None).unwrap();
    let (_, request) = letter(&named, V1_4);
    let Request::Notify(name) = request else { panic!("{request:?}") };
    assert_eq!(name.changed.deleted, [(Kind::from(Standard::Name), Some(1))], "by its index");
}

#[test]
fn a_replacement_is_given_with_what_it_replaces() {
    let house = house(Endpoint { replacements: true, ..endpoint() });
    let old = house.aes(&alice(), "k");
    let new = house.ask(&alice(), re_key(&old)).unwrap().unique_identifier.0;
    let given = put(&house);
    assert_eq!((given.put_function, given.unique_identifier.0), (PutFunction::Replace, new.clone()));
    assert_eq!(given.replaced_unique_identifier.map(|id| id.0), Some(old.clone()));
    let attributes = given.attributes.unwrap().0;
    assert!(attributes.iter().any(|instance| instance.attribute == Attribute::Name(Name::text("k"))));
    house.ask(&root(), re_key(&new)).unwrap();
    let told = [notify(&house).unique_identifier.0, put(&house).replaced_unique_identifier.unwrap().0];
    assert_eq!(told, [new.clone(), new], "the change of the old key, then the new key");
}

#[test]
fn the_log_tells_of_a_release_before_the_message_is_there() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    push(&house, &id).unwrap();
    assert!(logged(&house, "Put").is_empty(), "nothing has left yet");
    assert_eq!(logged(&house, "pushed").len(), 1);
    let letter = house.service.letter(0).unwrap();
    let _message = house.service.written(&letter).unwrap().unwrap();
    let [record] = &logged(&house, "Put")[..] else { panic!("one release, one record") };
    for part in ["\"caller\":\"client:alice\"", "\"front\":\"endpoint\"", "\"from\":\"array\"", &id, "success"] {
        assert!(record.contains(part), "{part}: {record}");
    }
    house.service.undelivered(&letter, Trouble::Closed).unwrap();
    let again = put(&house);
    assert_eq!(again.put_function, PutFunction::New);
    assert_eq!(logged(&house, "Put").len(), 2, "sent twice, released twice");
    let delivered: Vec<bool> =
        logged(&house, "delivered").iter().map(|line| line.contains("\"reason\":\"closed\"")).collect();
    assert_eq!(delivered, [true, false]);
}

#[test]
fn what_the_client_could_not_get_is_not_put() {
    let house = house(endpoint());
    let sensitive = key(&house, "s", &[Attribute::Sensitive(true)]);
    let kept = key(&house, "e", &[Attribute::Extractable(false)]);
    let bobs = house.ask(&bob(), aes("b")).unwrap().unique_identifier.0;
    let destroyed = key(&house, "d", &[]);
    house.ask(&alice(), DestroyRequest { unique_identifier: Some(destroyed.as_str().into()) }).unwrap();
    for (name, id, reason) in [
        ("sensitive", sensitive.as_str(), ResultReason::Sensitive),
        ("not extractable", &kept, ResultReason::NotExtractable),
        ("another's", &bobs, ResultReason::ItemNotFound),
        ("destroyed", &destroyed, ResultReason::ObjectDestroyed),
        ("unknown", "nothing", ResultReason::ItemNotFound),
    ] {
        assert_eq!(push(&house, id).unwrap_err().reason, reason, "{name}");
    }
    let elsewhere = Order::KmipPut { endpoint: "disk".into(), id: key(&house, "k", &[]) };
    assert_eq!(house.service.order(&operator(), elsewhere).unwrap_err().reason, ResultReason::ItemNotFound);
    assert_eq!(waiting(&house).waiting, 0);
}

#[test]
fn an_endpoint_for_notifications_is_given_nothing() {
    let house = house(Endpoint { puts: false, replacements: true, ..endpoint() });
    let id = house.aes(&alice(), "k");
    assert_eq!(push(&house, &id).unwrap_err().reason, ResultReason::FeatureNotSupported);
    house.ask(&alice(), re_key(&id)).unwrap();
    assert_eq!(waiting(&house).waiting, 0);
}

#[test]
fn what_was_allowed_at_the_order_is_asked_again_when_it_goes() {
    let house = house(endpoint());
    let [first, second] = ["a", "b"].map(|name| key(&house, name, &[]));
    push(&house, &first).unwrap();
    push(&house, &second).unwrap();
    house.ask(&alice(), DestroyRequest { unique_identifier: Some(first.as_str().into()) }).unwrap();
    let letter = house.service.letter(0).unwrap();
    assert!(house.service.written(&letter).unwrap().is_none(), "nothing of it goes");
    assert!(logged(&house, "Put").iter().any(|line| line.contains("refused") && line.contains(&first)));
    assert!(logged(&house, "dropped").iter().any(|line| line.contains(&first)));
    house.service.order(&operator(), Order::ClientRevoke { name: "alice".into() }).unwrap();
    let letter = house.service.letter(0).unwrap();
    assert!(house.service.written(&letter).unwrap().is_none(), "the client is revoked");
    assert_eq!((house.service.letter(0), waiting(&house).waiting), (None, 0));
    assert!(waiting(&house).error.is_some_and(|why| why.contains(&second)));
}

#[test]
fn secrets_go_under_the_wrapping_key_and_no_other_way() {
    let mask = CryptographicUsageMask::WrapKey | CryptographicUsageMask::UnwrapKey;
    let plain = registered(House::telling(vec![endpoint()]));
    let kek = {
        let mut request = aes("kek");
        request.attributes.attributes.retain(|it| !matches!(it.attribute, Attribute::CryptographicUsageMask(_)));
        request.attributes.attributes.push(Attribute::CryptographicUsageMask(mask).into());
        plain.ask(&alice(), request).unwrap().unique_identifier.0
    };
    plain.ask(&alice(), ActivateRequest { unique_identifier: Some(kek.as_str().into()) }).unwrap();
    let wrapping_key = Some(ObjectId::from_text(&kek));
    let house = plain.configured(vec![Endpoint { wrapping_key, ..endpoint() }]);
    let id = key(&house, "k", &[Attribute::Sensitive(true)]);
    push(&house, &id).unwrap();
    let block_of = |given: &PutRequest| {
        let block = given.object.key_block().unwrap();
        let data = block.key_wrapping_data.as_ref().expect("it is wrapped");
        assert_eq!(data.wrapping_method, WrappingMethod::Encrypt);
        matches!(block.key_value, Some(KeyValue::Wrapped(_)))
    };
    assert!(block_of(&put(&house)));
    house.ask(&alice(), revoke(&kek)).unwrap();
    assert!(push(&house, &id).is_err(), "the wrapping key is deactivated");
    let bare = key(&house, "bare", &[]);
    assert!(push(&house, &bare).is_err(), "nothing goes in the clear instead");
}

#[test]
fn a_key_goes_as_it_is_where_no_wrapping_is_configured() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    push(&house, &id).unwrap();
    let given = put(&house);
    match &given.object.key_block().unwrap().key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => assert_eq!(bytes.len(), 32),
        other => panic!("{other:?}"),
    }
    let attributes = given.attributes.unwrap().0;
    assert!(attributes.iter().any(|instance| instance.attribute == Attribute::Fresh(true)), "it was fresh");
    push(&house, &id).unwrap();
    let attributes = put(&house).attributes.unwrap().0;
    assert!(attributes.iter().any(|instance| instance.attribute == Attribute::Fresh(false)), "and is no more");
}

#[test]
fn what_waits_outlives_a_restart_and_keeps_its_order() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    house.ask(&root(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    push(&house, &id).unwrap();
    house.ask(&root(), revoke(&id)).unwrap();
    let under_way = house.service.letter(0).unwrap();
    assert_eq!(under_way.operation, Operation::Notify);
    let house = house.configured(vec![endpoint()]);
    assert_eq!(waiting(&house).waiting, 3, "the one under way as well: nobody knows whether it was heard");
    assert_eq!(states(&notify(&house).changed), [State::Active]);
    assert_eq!(put(&house).unique_identifier.0, id);
    assert_eq!(states(&notify(&house).changed), [State::Deactivated]);
    house
        .ask(
            &root(),
            SetAttributeRequest {
                unique_identifier: Some(id.as_str().into()),
                new_attribute: One(Attribute::Comment("later".into()).into()),
            },
        )
        .unwrap();
    assert!(!notify(&house).changed.is_empty());
}

#[test]
fn what_was_for_another_client_or_for_nobody_is_not_told() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    house.ask(&root(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    let house = house.configured(vec![Endpoint { client: "bob".parse().unwrap(), ..endpoint() }]);
    assert_eq!((house.service.letter(0), waiting(&house).waiting), (None, 0));
    let [record] = &logged(&house, "dropped")[..] else { panic!("one record") };
    assert!(record.contains(&id) && record.contains("unaddressed"), "{record}");
}

#[test]
fn a_full_queue_drops_the_oldest_notification_and_says_so() {
    let house = house(Endpoint { most: 2, ..endpoint() });
    let ids: Vec<String> = ["a", "b", "c"].iter().map(|name| key(&house, name, &[])).collect();
    push(&house, &ids[0]).unwrap();
    for id in &ids {
        house.ask(&root(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    }
    assert_eq!(waiting(&house).waiting, 2);
    let dropped = logged(&house, "dropped");
    assert!(dropped.len() == 2 && dropped.iter().all(|line| line.contains("\"reason\":\"full\"")), "{dropped:?}");
    assert_eq!(put(&house).unique_identifier.0, ids[0], "an order of the operator's stays");
    assert_eq!(notify(&house).unique_identifier.0, ids[2], "the newest is told");
    push(&house, &ids[0]).unwrap();
    push(&house, &ids[1]).unwrap();
    assert_eq!(push(&house, &ids[2]).unwrap_err().reason, ResultReason::ServerLimitExceeded);
}

#[test]
fn what_an_endpoint_refuses_or_never_answers_is_not_sent_for_ever() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    let comment = |text: &str| AddAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        new_attribute: One(Attribute::Vendor(strongroom_kmip::attribute::Vendor {
            vendor: "x".into(),
            name: text.into(),
            value: strongroom_kmip::ttlv::Any::text(text),
        })
        .into()),
    };
    house.ask(&root(), comment("one")).unwrap();
    house.ask(&root(), comment("two")).unwrap();
    let first = house.service.letter(0).unwrap();
    house.service.answered(&first, Some(ResultReason::PermissionDenied)).unwrap();
    assert!(logged(&house, "delivered")[0].contains("Permission Denied"));
    assert!(waiting(&house).error.is_some_and(|why| why.contains("refused")));
    for _ in 0..16 {
        let second = house.service.letter(0).expect("it waits still");
        house.service.undelivered(&second, Trouble::Unreadable).unwrap();
    }
    assert_eq!(house.service.letter(0), None);
    assert!(logged(&house, "dropped")[0].contains("unanswered"));
}

#[test]
fn a_client_cannot_send_what_servers_send() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    let changed = Changed { attributes: vec![Attribute::State(State::Destroyed).into()], deleted: Vec::new() };
    let request = NotifyRequest { unique_identifier: id.as_str().into(), changed };
    assert_eq!(house.ask(&alice(), request).unwrap_err().reason, ResultReason::OperationNotSupported);
}

#[test]
fn a_revoked_client_is_told_nothing_any_more() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    house.ask(&root(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    house.service.order(&operator(), Order::ClientRevoke { name: "alice".into() }).unwrap();
    let letter = house.service.letter(0).unwrap();
    assert!(house.service.written(&letter).unwrap().is_none());
    assert!(logged(&house, "dropped")[0].contains("\"reason\":\"revoked\""));
}

#[test]
fn a_sealed_vault_tells_nothing() {
    let house = house(endpoint());
    let id = key(&house, "k", &[]);
    house.ask(&root(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    let letter = house.service.letter(0).unwrap();
    house.vault.seal();
    assert!(house.service.written(&letter).is_err());
    assert_eq!(house.service.letter(0), None);
    house.service.order(&operator(), Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
    assert_eq!(states(&notify(&house).changed), [State::Active]);
}
