//! PKCS#11 from other hosts: who is let in, what they may not do, and for how long they are waited for.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixListener,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use strongroom::{
    caller::Role,
    front::{
        Limits,
        pkcs11::{self, Afar},
    },
    service::Order,
    slot::software::Random,
};
use strongroom_kmip::secret::Secret;
use strongroom_pkcs11_wire::{
    Rv,
    call::{self, Ask, request},
    codec::{self, NAME},
    number::{Protocol, SessionFlags, UserType},
    value::Wiped,
};

use crate::door::{Door, Identity, Stream, usual};

/// A house that applications on other hosts reach.
struct Gate {
    house: Door,
    address: SocketAddr,
    door: Option<pkcs11::Door>,
}

impl Gate {
    fn new() -> Self {
        Self::with(usual())
    }

    fn with(limits: Limits) -> Self {
        let house = Door::new();
        let (so_pin, user_pin) = (Secret::copy_of(b"87654321"), Secret::copy_of(PIN));
        house.order(Order::TokenInit { slot: "dev".to_owned(), so_pin, user_pin }).unwrap();
        let near = UnixListener::bind(house.folder.join("pkcs11.sock")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let afar = Afar { listeners: vec![listener], tls: house.tls.clone(), limits };
        let places = pkcs11::Places::default();
        let door = pkcs11::open(near, Some(afar), house.service.clone(), &Random::default(), places).unwrap();
        Self { house, address, door: Some(door) }
    }

    fn config(&self, identity: Option<&Identity>) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.house.config(identity, &[&TLS13]));
        config.alpn_protocols = vec![NAME.to_vec()];
        config
    }

    fn connect(&self, config: ClientConfig) -> Application {
        let name = ServerName::from(self.address.ip());
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Application(StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream))
    }

    fn attach(&self, identity: &Identity, nonce: u8) -> Application {
        let mut application = self.connect(self.config(Some(identity)));
        application.attach(nonce).unwrap().unwrap();
        application
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.door.take().unwrap().close();
    }
}

/// The other host's side.
struct Application(Stream);

impl Application {
    /// A call; nothing when the daemon has hung up.
    fn call<R: Ask>(&mut self, ask: &R) -> Option<Result<R::Answer, Rv>> {
        let mut bytes = Vec::new();
        call::write_request(ask, &mut bytes).unwrap();
        self.0.write_all(&bytes).ok()?;
        let mut answer = Vec::new();
        loop {
            if let Some(frame) = codec::cut(&answer).unwrap() {
                let rv = Rv(u64::from(frame.head));
                return Some(call::read_answer::<R>(rv, frame.body).unwrap().ok_or(rv));
            }
            let mut part = [0; 4096];
            match self.0.read(&mut part) {
                Ok(length) if length > 0 => answer.extend_from_slice(&part[..length]),
                _ => return None,
            }
        }
    }

    fn attach(&mut self, nonce: u8) -> Option<Result<call::answer::Attach, Rv>> {
        self.call(&request::Attach { protocol: Protocol::THREE, nonce: [nonce; 16], process: 1 })
    }

    fn session(&mut self) -> u64 {
        self.call(&request::OpenSession { slot: 0, flags: RW }).unwrap().unwrap().session
    }

    fn log_in(&mut self, session: u64, user: UserType, pin: &[u8]) -> Result<(), Rv> {
        let ask = request::Login { session, user, pin: Some(Wiped::from(pin)) };
        self.call(&ask).unwrap().map(|_| ())
    }

    /// How long it takes until the daemon hangs up.
    fn lasts(&mut self) -> Duration {
        let since = Instant::now();
        assert_eq!(self.0.read(&mut [0; 16]).unwrap_or(0), 0, "nobody asked for anything");
        since.elapsed()
    }
}

const PIN: &[u8] = b"1234";
const RW: SessionFlags = SessionFlags(0x6);

#[test]
fn a_registered_client_has_sessions_from_afar() {
    let gate = Gate::new();
    let mut application = gate.attach(&gate.house.register("alice"), 1);
    let session = application.session();
    application.log_in(session, UserType::USER, PIN).unwrap();
    let random = application.call(&request::GenerateRandom { session, length: 32 }).unwrap().unwrap();
    assert_eq!(random.random.len(), 32);
    assert!(gate.house.logged("login") > 0, "and its login is in the log");
}

#[test]
fn nobody_else_is_let_in() {
    let gate = Gate::new();
    let alice = gate.house.register("alice");
    let elsewhere = Door::new().register("alice");
    let for_what = |versions: &[&'static SupportedProtocolVersion], what: &[&[u8]]| {
        let mut config = ClientConfig::clone(&gate.house.config(Some(&alice), versions));
        config.alpn_protocols = what.iter().map(|what| what.to_vec()).collect();
        config
    };
    for (name, config, recorded) in [
        ("no certificate", gate.config(None), 1),
        ("a client of another appliance", gate.config(Some(&elsewhere)), 1),
        ("TLS 1.2", for_what(&[&TLS12], &[NAME]), 0),
        ("who does not say what for", for_what(&[&TLS13], &[]), 0),
        ("who has come for something else", for_what(&[&TLS13], &[b"http/1.1"]), 0),
    ] {
        let before = gate.house.logged("tls-refused");
        assert!(gate.connect(config).attach(1).is_none(), "{name}");
        let until = Instant::now() + Duration::from_secs(5);
        while gate.house.logged("tls-refused") < before + recorded && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(gate.house.logged("tls-refused"), before + recorded, "{name}");
    }
}

#[test]
fn what_one_client_has_is_not_anothers_whatever_it_calls_itself() {
    let gate = Gate::new();
    let mut alice = gate.attach(&gate.house.register("alice"), 1);
    let session = alice.session();
    alice.log_in(session, UserType::USER, PIN).unwrap();
    let mut bob = gate.attach(&gate.house.register("bob"), 1);
    let random = request::GenerateRandom { session, length: 1 };
    assert_eq!(bob.call(&random).unwrap().err(), Some(Rv::SESSION_HANDLE_INVALID));
}

#[test]
fn a_second_connection_of_an_application_has_its_sessions_and_a_forked_child_has_not() {
    let gate = Gate::new();
    let identity = gate.house.register("alice");
    let mut first = gate.attach(&identity, 1);
    let session = first.session();
    let random = request::GenerateRandom { session, length: 1 };
    assert!(gate.attach(&identity, 1).call(&random).unwrap().is_ok());
    assert_eq!(gate.attach(&identity, 2).call(&random).unwrap().err(), Some(Rv::SESSION_HANDLE_INVALID));
}

#[test]
fn only_an_administrator_is_the_security_officer_from_afar() {
    let gate = Gate::new();
    let (user, officer) = (gate.house.register("alice"), gate.house.register_as("root", Role::Administrator));
    let mut application = gate.attach(&user, 1);
    let session = application.session();
    assert_eq!(application.log_in(session, UserType::SO, b"87654321"), Err(Rv::FUNCTION_REJECTED));
    let pin = || Some(Wiped::from(&b"87654321"[..]));
    let made = application.call(&request::InitToken { slot: 0, pin: pin(), label: [b' '; 32] });
    assert_eq!(made.unwrap().err(), Some(Rv::FUNCTION_REJECTED));
    let mut application = gate.attach(&officer, 1);
    let session = application.session();
    assert_eq!(application.log_in(session, UserType::SO, b"87654321"), Ok(()));
}

#[test]
fn wrong_pins_from_afar_lock_out_their_client_alone() {
    let gate = Gate::new();
    let mut alice = gate.attach(&gate.house.register("alice"), 1);
    let mut bob = gate.attach(&gate.house.register("bob"), 1);
    let (hers, his) = (alice.session(), bob.session());
    let tries: Vec<_> = (0..4).map(|_| alice.log_in(hers, UserType::USER, b"0000").unwrap_err()).collect();
    assert_eq!(tries, [Rv::PIN_INCORRECT; 4], "the fourth has to wait");
    assert_eq!(alice.log_in(hers, UserType::USER, PIN), Err(Rv::PIN_INCORRECT), "and so has the right one");
    assert_eq!(bob.log_in(his, UserType::USER, PIN), Ok(()));
}

#[test]
fn a_revoked_client_is_cut_off() {
    let gate = Gate::new();
    let identity = gate.house.register("alice");
    let mut application = gate.attach(&identity, 1);
    let session = application.session();
    gate.house.order(Order::ClientRevoke { name: "alice".to_owned() }).unwrap();
    let random = request::GenerateRandom { session, length: 1 };
    assert_eq!(application.call(&random).unwrap().err(), Some(Rv::DEVICE_REMOVED));
    assert!(application.call(&random).is_none());
    assert!(gate.connect(gate.config(Some(&identity))).attach(1).is_none());
}

#[test]
fn while_the_vault_is_sealed_there_are_slots_and_no_tokens() {
    let gate = Gate::new();
    let identity = gate.house.register("alice");
    let mut application = gate.attach(&identity, 1);
    gate.house.order(Order::Seal).unwrap();
    let slots = |token_present| request::GetSlotList { token_present };
    assert_eq!(application.call(&slots(false)).unwrap().unwrap().slots, [0]);
    assert_eq!(application.call(&slots(true)).unwrap().unwrap().slots, [0; 0]);
    let open = request::OpenSession { slot: 0, flags: RW };
    assert_eq!(application.call(&open).unwrap().err(), Some(Rv::TOKEN_NOT_PRESENT));
    assert_eq!(gate.house.refused("sealed"), 1, "that is in the log by its key");
    gate.house.order(Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
    application.session();
}

#[test]
fn whoever_says_nothing_is_waited_for_so_long_and_no_longer() {
    let limit = Duration::from_secs(1);
    let gate = Gate::with(Limits { handshake: limit, idle: limit, request: limit, ..usual() });
    let identity = gate.house.register("alice");
    let mut silent = TcpStream::connect(gate.address).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let since = Instant::now();
    assert_eq!(silent.read(&mut [0; 16]).unwrap_or(0), 0);
    assert!(since.elapsed() < LATE, "no handshake: {:?}", since.elapsed());
    let lasted = gate.attach(&identity, 1).lasts();
    assert!(lasted >= limit / 2 && lasted < LATE, "no call: {lasted:?}");
    let mut halting = gate.attach(&identity, 2);
    halting.session();
    halting.0.write_all(&[0, 0]).unwrap();
    halting.0.flush().unwrap();
    let lasted = halting.lasts();
    assert!(lasted < LATE, "half a call: {lasted:?}");
}

#[test]
fn a_request_that_drips_is_cut_off_all_the_same() {
    let limit = Duration::from_secs(1);
    let gate = Gate::with(Limits { request: limit, ..usual() });
    let mut application = gate.attach(&gate.house.register("alice"), 1);
    application.session();
    let since = Instant::now();
    let mut frame = Vec::new();
    call::write_request(&request::GetSlotList { token_present: true }, &mut frame).unwrap();
    let drips = frame.iter().cycle().take_while(|byte| {
        std::thread::sleep(Duration::from_millis(300));
        application.0.write_all(&[**byte]).and_then(|()| application.0.flush()).is_ok() && since.elapsed() < LATE
    });
    let sent = drips.count();
    assert!(sent < 40 && since.elapsed() < LATE, "{sent} bytes in {:?}", since.elapsed());
}

#[test]
fn a_session_that_is_open_keeps_its_connection() {
    let gate = Gate::with(Limits { idle: Duration::from_millis(300), ..usual() });
    let mut application = gate.attach(&gate.house.register("alice"), 1);
    let session = application.session();
    std::thread::sleep(Duration::from_secs(2));
    assert!(application.call(&request::GenerateRandom { session, length: 1 }).unwrap().is_ok());
}

#[test]
fn one_client_has_so_many_connections() {
    let gate = Gate::with(Limits { per_key: 2, ..usual() });
    let (alice, bob) = (gate.house.register("alice"), gate.house.register("bob"));
    let first = gate.attach(&alice, 1);
    let _second = gate.attach(&alice, 2);
    assert!(gate.connect(gate.config(Some(&alice))).attach(3).is_none());
    let _other = gate.attach(&bob, 1);
    drop(first);
    let until = Instant::now() + Duration::from_secs(5);
    while gate.connect(gate.config(Some(&alice))).attach(4).is_none() {
        assert!(Instant::now() < until, "the place of who left is free");
    }
}

#[test]
fn what_is_no_call_is_recorded_under_the_key() {
    let gate = Gate::new();
    let mut application = gate.attach(&gate.house.register("alice"), 1);
    application.0.write_all(&[0xFF; 64]).unwrap();
    application.lasts();
    assert_eq!(gate.house.refused("unreadable"), 1);
}

/// A busy machine takes its time to notice.
const LATE: Duration = Duration::from_secs(10);
