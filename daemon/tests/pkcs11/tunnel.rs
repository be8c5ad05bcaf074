//! The PKCS#11 operation of KMIP: another door to the same functions.

use std::time::Duration;

use strongroom::{
    caller::{Caller, Front, Principal, Role, Scope},
    service::{Ask as Message, Refusal},
};
use strongroom_kmip::{
    code::{PKCS11Function, ResultReason},
    operation::Response,
    payload::{PKCS11Request, PKCS11Response},
    secret::Secret,
    ttlv::Bytes,
    version::{V2_1, V3_0, Version},
};
use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, MechanismType, Rv,
    call::{self, Ask, request},
    codec,
    mechanism::{Iv, Parameter},
    number::{TokenFlags, UserType},
    value::{Output, Room, Wiped},
};

use crate::house::{House, OFFICER, PIN, RW, lasting_aes, number};

/// A client of KMIP and one of its applications.
struct Remote<'h> {
    house: &'h House,
    caller: Caller,
    correlation: Option<Vec<u8>>,
}

fn client(name: &str) -> Caller {
    Caller {
        principal: Principal::Client(name.parse().unwrap()),
        role: Role::User,
        front: Front::Kmip,
        from: "a test".to_owned(),
        scope: Scope::Everything,
    }
}

impl<'h> Remote<'h> {
    /// An application that has begun.
    fn new(house: &'h House, name: &str) -> Self {
        let mut remote = Self { house, caller: client(name), correlation: None };
        let begun = remote.send(PKCS11Function::C_Initialize, &[1], V2_1).unwrap();
        assert_eq!(begun.pkcs11_return_code.0, 0);
        remote.correlation = begun.correlation_value.map(|value| value.0);
        remote
    }

    fn send(&self, function: PKCS11Function, input: &[u8], version: Version) -> Result<PKCS11Response, Refusal> {
        let request = PKCS11Request {
            pkcs11_interface: None,
            pkcs11_function: function,
            correlation_value: self.correlation.clone().map(Bytes),
            pkcs11_input_parameters: (!input.is_empty()).then(|| Secret::copy_of(input)),
        };
        let answer = self.house.service.answer(&self.caller, Message::new(request, version, 1));
        answer.receipt.wait().unwrap();
        answer.outcome.map(|response| match response {
            Response::PKCS_11(answer) => answer,
            other => panic!("an answer to {}", other.operation()),
        })
    }

    fn ask<R: Ask>(&self, ask: R) -> Result<R::Answer, Rv> {
        let mut frame = Vec::new();
        call::write_request(&ask, &mut frame).unwrap();
        let function = PKCS11Function(u32::try_from(R::FUNCTION.0).unwrap());
        let answer = self.send(function, codec::cut(&frame).unwrap().unwrap().body, V2_1).unwrap();
        let rv = Rv(answer.pkcs11_return_code.0.into());
        let output = answer.pkcs11_output_parameters;
        let read = call::read_answer::<R>(rv, output.as_ref().map_or(&[], |output| output.reveal())).unwrap();
        read.filter(|_| rv == Rv::OK).ok_or(rv)
    }
}

#[test]
fn a_client_logs_in_makes_a_key_and_uses_it_from_afar() {
    let house = House::new();
    let remote = Remote::new(&house, "alice");
    let session = remote.ask(request::OpenSession { slot: 0, flags: RW }).unwrap().session;
    let login = |pin: &[u8]| request::Login { session, user: UserType::USER, pin: Some(Wiped::from(pin)) };
    assert_eq!(remote.ask(login(b"9999")).err(), Some(Rv::PIN_INCORRECT));
    remote.ask(login(PIN)).unwrap();
    let mechanism = Mechanism::plain(MechanismType::AES_KEY_GEN);
    let generate = request::GenerateKey { session, mechanism, template: lasting_aes("far") };
    let key = remote.ask(generate).unwrap().key;
    let parameter = Parameter::Iv(Iv { iv: strongroom_pkcs11_wire::value::Bytes(vec![0; 16]) });
    let mechanism = Some(Mechanism { kind: MechanismType::AES_CBC_PAD, parameter });
    remote.ask(request::EncryptInit { session, mechanism, key }).unwrap();
    let encrypt = request::Encrypt { session, data: Wiped::from(&b"data"[..]), room: Room::Bytes(64) };
    let Output::Bytes(block) = remote.ask(encrypt).unwrap().output else { panic!("only a length") };
    assert_eq!(block.len(), 16);
    assert!(house.records("\"action\":\"Create\"") > 0 && house.records("\"action\":\"PKCS#11\"") > 5);
    remote.ask(request::Finalize {}).unwrap();
    assert_eq!(remote.ask(request::CloseSession { session }).err(), Some(Rv::CRYPTOKI_NOT_INITIALIZED));
}

#[test]
fn the_security_officer_works_from_afar_as_an_administrator_only() {
    let house = House::new();
    let pin = |pin: &[u8]| Some(Wiped::from(pin));
    let tried = |remote: &Remote<'_>| {
        let session = remote.ask(request::OpenSession { slot: 0, flags: RW }).unwrap().session;
        let login = request::Login { session, user: UserType::SO, pin: pin(b"wrong pin") };
        let set = request::SetPIN { session, old: pin(b"wrong pin"), new: pin(b"another pin") };
        [remote.ask(login).err(), remote.ask(set).err()]
    };
    let alice = Remote::new(&house, "alice");
    assert_eq!(tried(&alice), [Some(Rv::FUNCTION_REJECTED); 2]);
    let mut admin = Remote::new(&house, "admin");
    admin.caller.role = Role::Administrator;
    assert_eq!(tried(&admin), [Some(Rv::PIN_INCORRECT); 2]);
}

#[test]
fn an_application_is_its_clients_alone() {
    let house = House::new();
    let alice = Remote::new(&house, "alice");
    let session = alice.ask(request::OpenSession { slot: 0, flags: RW }).unwrap().session;
    let other = Remote::new(&house, "alice");
    let thief = Remote { caller: client("bob"), correlation: alice.correlation.clone(), house: &house };
    let nobody = Remote { caller: client("alice"), correlation: None, house: &house };
    for (name, remote, rv) in [
        ("another application", &other, Rv::SESSION_HANDLE_INVALID),
        ("another client with its correlation value", &thief, Rv::CRYPTOKI_NOT_INITIALIZED),
        ("no correlation value", &nobody, Rv::CRYPTOKI_NOT_INITIALIZED),
    ] {
        assert_eq!(remote.ask(request::CloseSession { session }).err(), Some(rv), "{name}");
    }
    let (again, code) =
        (alice.send(PKCS11Function::C_Initialize, &[1], V2_1).unwrap(), Rv::CRYPTOKI_ALREADY_INITIALIZED);
    assert_eq!(u64::from(again.pkcs11_return_code.0), code.0);
    assert!(alice.ask(request::CloseSession { session }).is_ok());
}

#[test]
fn what_is_no_call_is_refused_for_what_it_is() {
    let house = House::new();
    let remote = Remote::new(&house, "alice");
    let attach = PKCS11Function(0x8000_0001);
    for (name, function, input, reason) in [
        ("no such function", PKCS11Function(0x7FFF), &[][..], ResultReason::PKCS_11InvalidFunction),
        ("the socket's own word", attach, &[0; 32], ResultReason::PKCS_11InvalidFunction),
        ("arguments for C_Initialize", PKCS11Function::C_Initialize, &[1, 2], ResultReason::PKCS_11CodecError),
        ("too little", PKCS11Function::C_CloseSession, &[0; 7], ResultReason::PKCS_11CodecError),
        ("too much", PKCS11Function::C_CloseSession, &[0; 9], ResultReason::PKCS_11CodecError),
        ("something for C_GetInfo", PKCS11Function::C_GetInfo, &[0], ResultReason::PKCS_11CodecError),
    ] {
        let refused = remote.send(function, input, V2_1).err().map(|refusal| refusal.reason);
        assert_eq!(refused, Some(reason), "{name}");
    }
    let request = PKCS11Request {
        pkcs11_interface: Some("Vendor".to_owned()),
        pkcs11_function: PKCS11Function::C_GetInfo,
        correlation_value: None,
        pkcs11_input_parameters: None,
    };
    let refused = house.service.answer(&client("alice"), Message::new(request, V2_1, 1)).outcome.err();
    assert_eq!(refused.map(|refusal| refusal.reason), Some(ResultReason::PKCS_11InvalidInterface));
}

#[test]
fn a_client_has_a_bounded_number_of_applications() {
    let house = House::new();
    let kept: Vec<Remote<'_>> = (0..16).map(|_| Remote::new(&house, "alice")).collect();
    let more = Remote { house: &house, caller: client("alice"), correlation: None };
    let refused = more.send(PKCS11Function::C_Initialize, &[], V2_1).unwrap();
    assert_eq!(u64::from(refused.pkcs11_return_code.0), Rv::HOST_MEMORY.0);
    assert!(refused.correlation_value.is_none());
    Remote::new(&house, "bob");
    kept[0].ask(request::Finalize {}).unwrap();
    Remote::new(&house, "alice");
}

#[test]
fn every_answer_of_3_0_names_its_application() {
    let house = House::new();
    let remote = Remote::new(&house, "alice");
    let info = |version| remote.send(PKCS11Function::C_GetInfo, &[], version).unwrap();
    assert_eq!(info(V3_0).correlation_value.map(|value| value.0), remote.correlation);
    assert_eq!(info(V2_1).correlation_value, None);
    assert_eq!(info(V2_1).pkcs11_output_parameters.unwrap().len(), 76);
}

impl Remote<'_> {
    fn session(&self) -> u64 {
        self.ask(request::OpenSession { slot: 0, flags: RW }).unwrap().session
    }

    fn log_in(&self, session: u64, pin: &[u8]) -> Result<(), Rv> {
        self.ask(request::Login { session, user: UserType::USER, pin: Some(Wiped::from(pin)) }).map(|_| ())
    }

    fn token_flags(&self) -> TokenFlags {
        self.ask(request::GetTokenInfo { slot: 0 }).unwrap().info.flags
    }
}

#[test]
fn a_guest_with_wrong_pins_locks_itself_out_and_nobody_else() {
    let house = House::new();
    let mallory = Remote::new(&house, "mallory");
    let session = mallory.session();
    for number in 1..=10 {
        assert_eq!(mallory.log_in(session, b"9999"), Err(Rv::PIN_INCORRECT), "try {number}");
        house.ahead.by(Duration::from_secs(1_000));
    }
    assert_eq!(mallory.log_in(session, PIN), Err(Rv::PIN_LOCKED));
    assert!(mallory.token_flags().has(TokenFlags::USER_PIN_LOCKED));
    let again = Remote::new(&house, "mallory");
    assert_eq!(again.log_in(again.session(), PIN), Err(Rv::PIN_LOCKED), "another application, the same client");
    let bob = Remote::new(&house, "bob");
    assert_eq!(bob.log_in(bob.session(), PIN), Ok(()));
    let (mut here, session) = house.user();
    let flags = here.ask(request::GetTokenInfo { slot: 0 }).unwrap().info.flags;
    assert!(!flags.has(TokenFlags::USER_PIN_LOCKED) && !flags.has(TokenFlags::USER_PIN_COUNT_LOW));
    // A new PIN is a new beginning for whoever guessed at the old one.
    let (old, new) = (Some(Wiped::from(PIN)), Some(Wiped::from(&b"5678"[..])));
    here.ask(request::SetPIN { session, old, new }).unwrap();
    assert_eq!(again.log_in(again.session(), b"5678"), Ok(()));
}

#[test]
fn a_guest_that_tries_too_fast_waits() {
    let house = House::new();
    let mallory = Remote::new(&house, "mallory");
    let session = mallory.session();
    for _ in 0..4 {
        assert_eq!(mallory.log_in(session, b"9999"), Err(Rv::PIN_INCORRECT));
    }
    assert_eq!(mallory.log_in(session, PIN), Err(Rv::PIN_INCORRECT), "not before the wait is over");
    house.ahead.by(Duration::from_secs(2));
    assert_eq!(mallory.log_in(session, PIN), Ok(()));
}

#[test]
fn a_token_that_a_guest_uses_is_not_made_anew() {
    let house = House::new();
    let remote = Remote::new(&house, "alice");
    let session = remote.session();
    let mut here = house.attach(1);
    let make = || request::InitToken { slot: 0, pin: Some(Wiped::from(OFFICER)), label: [b' '; 32] };
    assert_eq!(here.ask(make()).err(), Some(Rv::SESSION_EXISTS));
    remote.ask(request::CloseSession { session }).unwrap();
    assert!(here.ask(make()).is_ok());
}

#[test]
fn a_guest_that_does_not_call_any_more_is_seen_out_by_the_round() {
    let house = House::new();
    let remote = Remote::new(&house, "alice");
    let session = remote.session();
    remote.log_in(session, PIN).unwrap();
    let (mechanism, template) =
        (Mechanism::plain(MechanismType::AES_KEY_GEN), vec![number(AttributeType::VALUE_LEN, 32)]);
    remote.ask(request::GenerateKey { session, mechanism, template }).unwrap();
    house.pass();
    assert_eq!(house.records("\"action\":\"Destroy\""), 0, "it has called a moment ago");
    house.ahead.by(Duration::from_secs(600));
    house.pass();
    assert_eq!(house.records("\"action\":\"Destroy\""), 1, "its session object ended with it");
    assert_eq!(remote.ask(request::CloseSession { session }).err(), Some(Rv::CRYPTOKI_NOT_INITIALIZED));
}
