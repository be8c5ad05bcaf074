//! What a client asks for has an end, however it is asked for: in bytes, in time, in turns.

use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use rustls::version::TLS13;
use strongroom::front::Limits;
use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Template},
    client::Client,
    code::{
        AsynchronousIndicator, BatchErrorContinuationOption, CryptographicAlgorithm, CryptographicUsageMask,
        DerivationMethod, HashingAlgorithm, KeyFormatType, ObjectType, OpaqueDataType, ResultReason, ResultStatus,
        SecretDataType,
    },
    message::{Asynchronous, RequestMessage, ResponseItem},
    object::{KeyBlock, Object, OpaqueObject, SecretData},
    operation::Request,
    payload::{
        DerivationParameters, DeriveKeyRequest, GetRequest, LocateRequest, PingRequest, PollRequest, RegisterRequest,
    },
    secret::{Secret, Wiped},
    ttlv::DateTime,
    version::V2_1,
};

use crate::{
    batch::create,
    door::{Door, Identity, Stream, usual},
};

fn template(attributes: Vec<Attribute>) -> Template {
    Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() }
}

/// A megabyte, which a client has registered.
fn large(client: &mut Client<Stream>) -> String {
    let value = Secret::new(vec![7; LARGE]);
    let object = OpaqueObject { opaque_data_type: OpaqueDataType(0x8000_0001), opaque_data_value: value };
    register(client, ObjectType::OpaqueObject, template(Vec::new()), object.into())
}

/// A password that keys are derived from.
fn password(client: &mut Client<Stream>) -> String {
    let key_block = KeyBlock::of(KeyFormatType::Opaque, Secret::copy_of(b"correct horse battery staple"));
    let object = SecretData { secret_data_type: SecretDataType::Password, key_block };
    let attributes = template(vec![
        Attribute::CryptographicUsageMask(CryptographicUsageMask::DeriveKey),
        Attribute::ActivationDate(DateTime(1)),
    ]);
    register(client, ObjectType::SecretData, attributes, object.into())
}

fn register(client: &mut Client<Stream>, object_type: ObjectType, attributes: Template, object: Object) -> String {
    let request = RegisterRequest { object_type, attributes, object, protection_storage_masks: None };
    client.ask(request).unwrap().unique_identifier.0
}

fn get(id: &str) -> Request {
    GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() }.into()
}

/// Stretches a password, which lasts the longer the more rounds there are.
fn stretch(password: &str, rounds: i32) -> Request {
    DeriveKeyRequest {
        object_type: ObjectType::SymmetricKey,
        unique_identifier: vec![password.into()],
        derivation_method: DerivationMethod::PBKDF2,
        derivation_parameters: DerivationParameters {
            cryptographic_parameters: Some(CryptographicParameters {
                hashing_algorithm: Some(HashingAlgorithm::SHA_256),
                ..CryptographicParameters::default()
            }),
            initialization_vector: None,
            derivation_data: Vec::new(),
            salt: Some(Secret::copy_of(b"salt and more salt")),
            iteration_count: Some(rounds),
        },
        attributes: Some(template(vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
        ])),
    }
    .into()
}

/// A message of several items that goes on after one that fails.
fn continuing(requests: impl IntoIterator<Item = Request>) -> RequestMessage {
    let mut message = RequestMessage::of(V2_1, requests);
    message.header.batch_error_continuation_option = Some(BatchErrorContinuationOption::Continue);
    message
}

/// How many succeeded, and why the others did not.
fn told(items: &[ResponseItem]) -> (usize, Vec<ResultReason>) {
    let done = items.iter().filter(|item| item.result_status == ResultStatus::Success).count();
    (done, items.iter().filter_map(|item| item.result_reason).collect())
}

#[test]
fn answers_that_are_fetched_later_share_one_room_too() {
    let door = Door::new();
    let mut client = door.client(&door.register("alice"), V2_1);
    let id = large(&mut client);
    let mut later = RequestMessage::of(V2_1, [get(&id)]);
    later.header.asynchronous_indicator = Some(Asynchronous(AsynchronousIndicator::Mandatory));
    let taken = client.exchange(&later).unwrap().items.remove(0);
    let value = taken.asynchronous_correlation_value.unwrap();
    let poll = || PollRequest { asynchronous_correlation_value: value.clone() }.into();
    assert!(door.service.work_once());
    assert!(client.send(&message(poll())).unwrap().len() > LARGE, "one is as long as it is");
    for indicator in [None, Some(Asynchronous(AsynchronousIndicator::Mandatory))] {
        let mut message = continuing((0..64).map(|_| poll()));
        message.header.asynchronous_indicator = indicator;
        let items = client.exchange(&message).unwrap().items;
        let (done, why) = told(&items);
        assert!((14..=16).contains(&done), "{done} answers of a megabyte");
        assert!(why.len() == 64 - done && why.iter().all(|why| *why == ResultReason::ResponseTooLarge), "{why:?}");
    }
}

#[test]
fn what_could_not_be_answered_is_not_performed() {
    let door = Door::new();
    let mut client = door.client(&door.register("alice"), V2_1);
    let id = large(&mut client);
    let gets = (0..16).map(|_| get(&id));
    let creates = (0..8).map(|_| create());
    let items = client.exchange(&continuing(gets.chain(creates))).unwrap().items;
    let refused: Vec<_> = items.iter().skip(16).filter(|item| item.result_status != ResultStatus::Success).collect();
    let there = client.ask(LocateRequest::default()).unwrap().unique_identifier.len();
    assert_eq!(there, 1 + 8 - refused.len(), "what was made was answered, and what was refused was not made");
}

#[test]
fn no_item_is_begun_once_the_time_of_a_request_is_over() {
    let door = Door::with(Limits { request: Duration::from_secs(2), per_client: 1, ..usual() });
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let id = password(&mut client);
    let batch = continuing((0..200).map(|_| stretch(&id, 1_000_000)));
    assert!(client.send(&batch.write()).is_err(), "the connection is given up");
    // The only turn of the client's comes free, long before the batch would have ended.
    let free = || door.client(&alice, V2_1).ask(PingRequest {}).is_ok();
    let begun = Instant::now();
    assert!((0..3).any(|_| free()), "after {:?}", begun.elapsed());
}

#[test]
fn clients_with_slow_requests_leave_turns_for_others() {
    let door = Door::with(Limits { threads: 8, ..usual() });
    let heavy: Vec<(Identity, String)> = ["alice", "bob"]
        .map(|name| {
            let identity = door.register(name);
            let id = password(&mut door.client(&identity, V2_1));
            (identity, id)
        })
        .into();
    let carol = door.register("carol");
    thread::scope(|scope| {
        for (identity, id) in &heavy {
            for _ in 0..8 {
                scope.spawn(|| drop(door.client(identity, V2_1).send(&message(stretch(id, 1_000_000)))));
            }
        }
        thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        let mut client = door.client(&carol, V2_1);
        client.ask(LocateRequest::default()).unwrap();
        client.ask(PingRequest {}).unwrap();
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}: sixteen slow requests stood before it");
    });
}

#[test]
fn whoever_takes_no_long_answers_waits_for_itself() {
    let door = Door::with(Limits { per_client: 2, threads: 2, ..usual() });
    let (alice, bob) = (door.register("alice"), door.register("bob"));
    let id = large(&mut door.client(&alice, V2_1));
    let gets = continuing((0..32).map(|_| get(&id))).write();
    let mut deaf: Vec<Stream> = (0..2).map(|_| connect(&door, &alice)).collect();
    for stream in &mut deaf {
        stream.write_all(&gets).unwrap();
        stream.flush().unwrap();
    }
    thread::sleep(Duration::from_millis(1500));
    door.client(&bob, V2_1).ask(LocateRequest::default()).unwrap();
    let ping = message(PingRequest {}.into());
    let mut third = connect(&door, &alice);
    third.sock.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    third.write_all(&ping).unwrap();
    third.flush().unwrap();
    assert!(third.read(&mut [0; 1]).is_err(), "a third answer while two are not taken");
    let [first, _] = &mut deaf[..] else { panic!("two") };
    let mut left = 15 * LARGE;
    let mut some = vec![0; 1 << 16];
    while left > 0 {
        left = left.saturating_sub(first.read(&mut some).unwrap());
    }
    drop(deaf);
    third.sock.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(third.read(&mut [0; 1]).unwrap(), 1, "once they are taken");
}

fn connect(door: &Door, identity: &Identity) -> Stream {
    door.connect(door.config(Some(identity), &[&TLS13]))
}

fn message(request: Request) -> Wiped {
    RequestMessage::of(V2_1, [request]).write()
}

/// Bytes of an object that is large.
const LARGE: usize = 1_000_000;
