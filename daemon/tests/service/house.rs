//! A house without fronts, for tests: software slot, store in memory, log in a folder that goes with it.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use strongroom::{
    audit::{Durability, Log, Options},
    caller::{Caller, Front, Principal, Role, Scope},
    clock::{Clock, StillClock, Time},
    service::{Ask, Endpoint, Order, Quorum, Refusal, Service},
    slot::{
        Slot,
        policy::Level,
        software::{Random, Software},
    },
    store::{self, Kind, Settings},
    vault::{Fitted, Hands, UnsealKey, Vault},
};
use strongroom_kmip::{
    attribute::{Attribute, Name, Template},
    code::{CryptographicAlgorithm, CryptographicUsageMask, ObjectType},
    operation::{Ask as Asks, Request, Response},
    payload::{ActivateRequest, CreateRequest},
    secret::Secret,
    version::{V2_1, Version},
};

/// The house.
pub struct House {
    pub service: Service,
    pub vault: Arc<Vault>,
    pub clock: Arc<StillClock>,
    pub log: Arc<Log>,
    folder: PathBuf,
}

pub const NOON: i64 = 1_800_000_000;

impl House {
    pub fn new() -> Self {
        Self::of(Level::Standard)
    }

    /// One that serves the operation that opens and closes interoperability tests.
    pub fn conforming() -> Self {
        Self::built(Level::Standard, Service::conforming)
    }

    /// One with endpoints that clients are told at.
    pub fn telling(endpoints: Vec<Endpoint>) -> Self {
        Self::built(Level::Standard, |service| service.telling(endpoints))
    }

    /// One in which several people must agree to what is named there.
    pub fn guarding(quorum: Quorum) -> Self {
        Self::built(Level::Standard, |service| service.guarding(quorum))
    }

    /// The same, where each operator enters one share.
    pub fn of_different_hands(quorum: Quorum) -> Self {
        Self::handed(Level::Standard, Hands::Different, |service| service.guarding(quorum))
    }

    /// The same after a restart in which nothing but the store was kept.
    pub fn begun_again(self, quorum: Quorum) -> Self {
        self.vault.seal();
        let mut house = self;
        house.service = Service::new(house.vault.clone(), house.log.clone(), Durability::Written).guarding(quorum);
        house.service.order(&operator(), Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
        house
    }

    /// One whose slot is as strict as that.
    pub fn of(level: Level) -> Self {
        Self::built(level, |service| service)
    }

    fn built(level: Level, change: impl FnOnce(Service) -> Service) -> Self {
        Self::handed(level, Hands::Any, change)
    }

    fn handed(level: Level, hands: Hands, change: impl FnOnce(Service) -> Service) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("strongroom-service-{}-{number}", std::process::id()));
        let clock = Arc::new(StillClock::at(Time::from_seconds(NOON)));
        let (timed, chance): (Arc<dyn Clock>, Arc<Random>) = (clock.clone(), Arc::new(Random::default()));
        let store = store::open(&Settings::new(Kind::Memory, &folder)).unwrap();
        let slot: Arc<dyn Slot> = Arc::new(Software::new("dev"));
        let vault = Vault::new(store, vec![Fitted::new(slot, level)], timed.clone(), chance.clone()).with_hands(hands);
        let vault = Arc::new(vault);
        std::fs::create_dir_all(&folder).unwrap();
        let (log, _) = Log::open(Options::new(folder.join("audit"), timed, chance)).unwrap();
        vault.initialise(&[key()]).unwrap();
        vault.enter(key()).unwrap();
        let log = Arc::new(log);
        let service = change(Service::new(vault.clone(), log.clone(), Durability::Written));
        Self { service, vault, clock, log, folder }
    }

    /// The same store under a log that is open.
    pub fn with_new_log(mut self) -> Self {
        let (clock, chance): (Arc<dyn Clock>, Arc<Random>) = (self.clock.clone(), Arc::new(Random::default()));
        let (log, _) = Log::open(Options::new(self.folder.join("another"), clock, chance)).unwrap();
        self.log = Arc::new(log);
        self.service = Service::new(self.vault.clone(), self.log.clone(), Durability::Written);
        self
    }

    /// The same store after a restart with these endpoints.
    pub fn configured(self, endpoints: Vec<Endpoint>) -> Self {
        self.vault.seal();
        let mut house = self.with_new_log();
        house.service = Service::new(house.vault.clone(), house.log.clone(), Durability::Written).telling(endpoints);
        house.service.order(&operator(), Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
        house
    }

    /// Every line of its logs.
    pub fn told(&self) -> Vec<String> {
        let mut files = Vec::new();
        for log in ["audit", "another"] {
            files.extend(
                std::fs::read_dir(self.folder.join(log)).into_iter().flatten().map(|file| file.unwrap().path()),
            );
        }
        files.sort();
        let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Asks in KMIP 2.1 and waits until the answer may leave.
    pub fn ask<A: Asks>(&self, caller: &Caller, request: A) -> Result<A::Answer, Refusal> {
        self.ask_in(V2_1, caller, request)
    }

    /// Asks in KMIP 2.1 for any operation, and waits until the answer may leave.
    pub fn request(&self, caller: &Caller, request: Request) -> Result<Response, Refusal> {
        let answer = self.service.answer(caller, Ask::new(request, V2_1, self.service.number()));
        answer.receipt.wait().unwrap();
        answer.outcome
    }

    pub fn ask_in<A: Asks>(&self, version: Version, caller: &Caller, request: A) -> Result<A::Answer, Refusal> {
        let answer = self.service.answer(caller, Ask::new(request, version, self.service.number()));
        answer.receipt.wait().unwrap();
        answer.outcome.map(|response| A::answer(response).unwrap())
    }

    /// An AES-256 key of the caller's, activated.
    pub fn aes(&self, caller: &Caller, name: &str) -> String {
        let id = self.ask(caller, aes(name)).unwrap().unique_identifier.0;
        self.ask(caller, ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
        id
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What opens the vault.
pub fn key() -> UnsealKey {
    UnsealKey::File(Secret::new(vec![7; 32]))
}

/// A request for an AES-256 key.
pub fn aes(name: &str) -> CreateRequest {
    let attributes = vec![
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt),
        Attribute::Name(Name::text(name)),
    ];
    let attributes = attributes.into_iter().map(Into::into).collect();
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes },
        protection_storage_masks: None,
    }
}

/// A client of this name and role.
pub fn client(name: &str, role: Role) -> Caller {
    Caller {
        principal: Principal::Client(name.parse().unwrap()),
        role,
        front: Front::Kmip,
        from: "127.0.0.1:1".to_owned(),
        scope: Scope::Everything,
    }
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

pub fn alice() -> Caller {
    client("alice", Role::User)
}

pub fn bob() -> Caller {
    client("bob", Role::User)
}
