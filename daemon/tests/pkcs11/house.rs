//! A house with the socket alone, and applications that speak to it.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use strongroom::{
    audit::{Durability, Log, Options},
    caller::{Caller, Front, Principal, Role, Scope},
    clock::{Clock, SystemClock, Time},
    front::pkcs11::{Door, Places, open},
    service::{Order, PinRules, Quorum, Service},
    slot::{
        Slot,
        openness::Openness,
        policy::Level,
        software::{Random, Software},
    },
    store::{self, Kind, Settings},
    vault::{Fitted, UnsealKey, Vault},
};
use strongroom_kmip::secret::Secret;
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Template, Value},
    call::{self, Ask, answer, request},
    codec,
    number::{ObjectClass, Protocol, SessionFlags, UserType},
    value::{Output, Room, Wiped},
};

/// The house.
pub struct House {
    pub service: Arc<Service>,
    pub vault: Arc<Vault>,
    pub log: Arc<Log>,
    pub ahead: Arc<Ahead>,
    door: Option<Door>,
    folder: PathBuf,
}

pub const PIN: &[u8] = b"1234";
pub const OFFICER: &[u8] = b"87654321";

impl House {
    pub fn new() -> Self {
        Self::with(Places::default())
    }

    pub fn with(places: Places) -> Self {
        Self::of(Level::Standard, places, |service| service)
    }

    /// People must agree to what is named there.
    pub fn guarding(quorum: Quorum) -> Self {
        Self::of(Level::Standard, Places::default(), |service| service.guarding(quorum))
    }

    /// Its slots are for old data.
    pub fn legacy() -> Self {
        Self::of(Level::Legacy, Places::default(), |service| service)
    }

    fn of(level: Level, places: Places, change: impl FnOnce(Service) -> Service) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("strongroom-pkcs11-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (ahead, chance) = (Arc::new(Ahead::default()), Arc::new(Random::default()));
        let clock: Arc<dyn Clock> = ahead.clone();
        let store = store::open(&Settings::new(Kind::Memory, &folder)).unwrap();
        let fitted = |name: &str| {
            let slot: Arc<dyn Slot> = Arc::new(Software::new(name));
            Fitted::new(slot, level)
        };
        let openness = Openness::of(&["ECDH", "HKDF", "TLS-PRF"].map(str::to_owned)).unwrap();
        let slots = vec![fitted("dev"), fitted("other").with_openness(openness)];
        let vault = Arc::new(Vault::new(store, slots, clock.clone(), chance.clone()));
        let (log, _) = Log::open(Options::new(folder.join("audit"), clock, chance)).unwrap();
        vault.initialise(&[key()]).unwrap();
        vault.enter(key()).unwrap();
        let log = Arc::new(log);
        let service = Service::new(vault.clone(), log.clone(), Durability::Written);
        for slot in ["dev", "other"] {
            let (so_pin, user_pin) = (Secret::copy_of(OFFICER), Secret::copy_of(PIN));
            service.order(&operator(), Order::TokenInit { slot: slot.to_owned(), so_pin, user_pin }).unwrap();
        }
        let rules = PinRules { shortest: 5, protected_path: true };
        let service = Arc::new(change(service.with_pins("other", rules)));
        let mut house = Self { service, vault, log, ahead, door: None, folder };
        house.open(places);
        house
    }

    fn open(&mut self, places: Places) {
        let listener = UnixListener::bind(self.folder.join("pkcs11.sock")).unwrap();
        self.door = Some(open(listener, None, self.service.clone(), &Random::default(), places).unwrap());
    }

    /// Closes the door and waits until everybody is out.
    pub fn close(&mut self) {
        self.door.take().unwrap().close();
    }

    /// The daemon starts anew on the same store.
    pub fn reopen(&mut self) {
        self.close();
        std::fs::remove_file(self.folder.join("pkcs11.sock")).unwrap();
        self.open(Places::default());
    }

    /// The timetable's round, once.
    pub fn pass(&self) {
        let daemon = Caller { principal: Principal::Daemon, front: Front::Rounds, ..operator() };
        self.service.pass(&daemon).unwrap();
    }

    /// How many records in the audit log have this text.
    pub fn records(&self, text: &str) -> usize {
        self.logs().map(|log| log.matches(text).count()).sum()
    }

    /// The audit log, file by file.
    pub fn logs(&self) -> impl Iterator<Item = String> {
        let files = std::fs::read_dir(self.folder.join("audit")).unwrap().map(|file| file.unwrap().path());
        // The journal beside them holds the newest records a second time.
        let logs = files.filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
    }

    /// A connection that has said nothing yet.
    pub fn knock(&self) -> Client {
        let stream = UnixStream::connect(self.folder.join("pkcs11.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Client { stream, read: Vec::new() }
    }

    /// An application that calls itself so.
    pub fn attach(&self, nonce: u8) -> Client {
        let mut client = self.knock();
        let ask = request::Attach { protocol: Protocol::THREE, nonce: [nonce; 16], process: 1 };
        assert_eq!(client.ask(ask).unwrap().protocol, Protocol::THREE);
        client
    }

    /// An application with a session that may write, logged in.
    pub fn user(&self) -> (Client, u64) {
        let mut client = self.attach(1);
        let session = client.session(RW);
        client.log_in(session, UserType::USER, PIN).unwrap();
        (client, session)
    }
}

/// The system's clock, and what it is ahead of it in milliseconds.
#[derive(Default)]
pub struct Ahead(AtomicI64);

impl Ahead {
    pub fn by(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Time {
        Time(SystemClock.now().0 + self.0.load(Ordering::Relaxed))
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(door) = self.door.take() {
            door.close();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub fn key() -> UnsealKey {
    UnsealKey::File(Secret::new(vec![7; 32]))
}

pub fn operator() -> Caller {
    Caller {
        principal: Principal::Operator,
        role: Role::Administrator,
        front: Front::Control,
        from: "a test".to_owned(),
        scope: Scope::Everything,
    }
}

pub const RW: SessionFlags = SessionFlags(0x6);
pub const RO: SessionFlags = SessionFlags(0x4);

/// An application's connection.
pub struct Client {
    pub stream: UnixStream,
    read: Vec<u8>,
}

impl Client {
    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer's return value and body; nothing when the daemon has hung up.
    pub fn receive(&mut self) -> Option<(Rv, Vec<u8>)> {
        loop {
            if let Some(frame) = codec::cut(&self.read).unwrap() {
                let (rv, body, taken) = (Rv(u64::from(frame.head)), frame.body.to_vec(), frame.taken);
                self.read.drain(..taken);
                return Some((rv, body));
            }
            let mut part = [0; 4096];
            match self.stream.read(&mut part) {
                Ok(0) => return None,
                Ok(length) => self.read.extend_from_slice(&part[..length]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// A call, and both halves of what comes back.
    pub fn call<R: Ask>(&mut self, ask: R) -> (Rv, Option<R::Answer>) {
        let mut bytes = Vec::new();
        call::write_request(&ask, &mut bytes).unwrap();
        self.send(&bytes);
        let (rv, body) = self.receive().unwrap();
        (rv, call::read_answer::<R>(rv, &body).unwrap())
    }

    /// A call that either goes well or is refused.
    pub fn ask<R: Ask>(&mut self, ask: R) -> Result<R::Answer, Rv> {
        match self.call(ask) {
            (Rv::OK, Some(answer)) => Ok(answer),
            (rv, _) => Err(rv),
        }
    }

    pub fn session(&mut self, flags: SessionFlags) -> u64 {
        self.ask(request::OpenSession { slot: 0, flags }).unwrap().session
    }

    pub fn log_in(&mut self, session: u64, user: UserType, pin: &[u8]) -> Result<answer::Login, Rv> {
        self.ask(request::Login { session, user, pin: Some(Wiped::from(pin)) })
    }

    /// An AES key of the token.
    pub fn aes(&mut self, session: u64, template: Template) -> Result<u64, Rv> {
        let mechanism = Mechanism::plain(MechanismType::AES_KEY_GEN);
        self.ask(request::GenerateKey { session, mechanism, template }).map(|answer| answer.key)
    }

    /// A P-256 pair of the token: public, private.
    pub fn p256(&mut self, session: u64, label: &str) -> (u64, u64) {
        let public = vec![Attribute::bytes(AttributeType::EC_PARAMS, P256), labelled(label), lasts()];
        let private = vec![labelled(label), lasts()];
        let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
        let made = self.ask(request::GenerateKeyPair { session, mechanism, public, private }).unwrap();
        (made.public, made.private)
    }

    /// What an AES key makes of a block.
    pub fn encrypted(&mut self, session: u64, key: u64) -> Vec<u8> {
        let mechanism = Some(Mechanism::plain(MechanismType::AES_ECB));
        self.ask(request::EncryptInit { session, mechanism, key }).unwrap();
        let ask = request::Encrypt { session, data: Wiped::new(vec![7; 16]), room: Room::Bytes(16) };
        let Output::Bytes(bytes) = self.ask(ask).unwrap().output else { panic!("no output") };
        bytes.into_vec()
    }

    /// Everything that a template finds.
    pub fn find(&mut self, session: u64, template: Template) -> Vec<u64> {
        self.ask(request::FindObjectsInit { session, template }).unwrap();
        let found = self.ask(request::FindObjects { session, most: 100 }).unwrap().found;
        self.ask(request::FindObjectsFinal { session }).unwrap();
        found.into_iter().map(|found| found.object).collect()
    }
}

pub const P256: [u8; 10] = [0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];

pub fn truth(kind: AttributeType, value: bool) -> Attribute {
    Attribute::new(kind, Value::Bool(value))
}

pub fn number(kind: AttributeType, value: u64) -> Attribute {
    Attribute::new(kind, Value::Ulong(value))
}

pub fn labelled(label: &str) -> Attribute {
    Attribute::bytes(AttributeType::LABEL, label.as_bytes())
}

pub fn class(class: ObjectClass) -> Attribute {
    number(AttributeType::CLASS, class.0)
}

/// It outlives the session.
pub fn lasts() -> Attribute {
    truth(AttributeType::TOKEN, true)
}

/// The template of an AES-256 key that outlives the session.
pub fn lasting_aes(label: &str) -> Template {
    vec![labelled(label), number(AttributeType::VALUE_LEN, 32), lasts()]
}
