//! A KMIP front on a free port over a house in memory, and clients that knock.

use std::{
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::TLS13,
};
use strongroom::{
    audit::{Durability, Log, Options},
    caller::{Caller, Front, Principal, Role, Scope},
    clock::{Clock, SystemClock, Time},
    front::{
        self, Credentials, Crew, Limits, Phase, Places, Stopper, Tls,
        kmip::{self, Carrier},
    },
    service::{Endpoint, Order, Refusal, Report, Service},
    slot::{
        policy::Level,
        software::{Random, Software},
    },
    store::{self, Batch, Gather, Kind, Receipt, Settings, Snapshot, Store, Table, Visit},
    vault::{Fitted, UnsealKey, Vault},
};
use strongroom_kmip::{client::Client, secret::Secret, version::Version};
use tokio::runtime::{Builder, Runtime};

/// What a client of tests speaks over.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A front that serves until it is dropped.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) service: Arc<Service>,
    pub(crate) places: Arc<Places>,
    pub(crate) stopper: Stopper,
    /// How far its clock is ahead of the system's.
    pub(crate) ahead: Arc<Ahead>,
    pub(crate) store: Arc<Moody>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) folder: PathBuf,
    vault: Arc<Vault>,
    authority: CertificateDer<'static>,
    _runtime: Runtime,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// The published limits.
pub(crate) fn usual() -> Limits {
    Limits::default()
}

impl Door {
    pub(crate) fn new() -> Self {
        Self::with(usual())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self::over(Carrier::Tls, limits)
    }

    /// One that tells clients what they did not ask for.
    pub(crate) fn telling(endpoints: Vec<Endpoint>) -> Self {
        Self::built(Carrier::Tls, usual(), endpoints, Level::Standard)
    }

    /// A front of either kind.
    pub(crate) fn over(carrier: Carrier, limits: Limits) -> Self {
        Self::built(carrier, limits, Vec::new(), Level::Standard)
    }

    /// One whose slot does what is old.
    pub(crate) fn old() -> Self {
        Self::built(Carrier::Tls, usual(), Vec::new(), Level::Legacy)
    }

    fn built(carrier: Carrier, limits: Limits, endpoints: Vec<Endpoint>, level: Level) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("strongroom-front-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (ahead, chance) = (Arc::new(Ahead::default()), Arc::new(Random::default()));
        let clock: Arc<dyn Clock> = ahead.clone();
        let inner = store::open(&Settings::new(Kind::Memory, &folder)).unwrap();
        let store = Arc::new(Moody { inner, refuses: AtomicUsize::new(0) });
        let slot = Fitted::new(Arc::new(Software::new("dev")), level);
        let vault = Arc::new(Vault::new(store.clone(), vec![slot], clock.clone(), chance.clone()));
        let (log, _) = Log::open(Options::new(folder.join("audit"), clock.clone(), chance)).unwrap();
        vault.initialise(&[key()]).unwrap();
        let service = Service::new(vault.clone(), Arc::new(log), Durability::Written);
        let service = Arc::new(service.telling(endpoints));
        service.order(&operator(), Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
        let founded = service.found_authority(&operator(), "house", &["127.0.0.1".to_owned()]).unwrap();
        let authority = CertificateDer::from(founded.authority);
        let credentials = Credentials {
            chain: vec![founded.server.into()],
            key: PrivateKeyDer::try_from(founded.server_key.reveal().to_vec()).unwrap(),
            authorities: vec![authority.clone()],
        };
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let tls = Arc::new(Tls::new(credentials, service.clone()).unwrap());
        let desk = Arc::new(kmip::Desk::new(service.clone(), clock, limits));
        let server = Arc::new(kmip::Server::new(tls.clone(), desk, carrier));
        let places = Places::new(limits.connections, limits.per_address);
        let (stopper, stop) = Stopper::new();
        let listening = runtime.block_on(async { front::bind("127.0.0.1:0".parse().unwrap()) }).unwrap();
        let address = listening.address;
        let room = places.clone();
        runtime.spawn(async move {
            let serve = |stream, from, place| server.clone().serve(stream, from, place, stop.clone());
            front::accept(listening.listener, room, stop.clone(), &Crew::new(), serve).await;
        });
        Self { address, service, places, stopper, ahead, store, tls, folder, vault, authority, _runtime: runtime }
    }

    /// Registers a client.
    pub(crate) fn register(&self, name: &str) -> Identity {
        self.register_as(name, Role::User)
    }

    /// Registers a client with a role.
    pub(crate) fn register_as(&self, name: &str, role: Role) -> Identity {
        let order =
            Order::ClientAdd { name: name.to_owned(), role: role.word().to_owned(), days: 1, user: None, csr: None };
        let Report::Client(made) = self.service.order(&operator(), order).unwrap() else { panic!("no client") };
        Identity {
            chain: vec![CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap()],
            key: PrivateKeyDer::from_pem_slice(made.key.unwrap().as_bytes()).unwrap(),
        }
    }

    pub(crate) fn order(&self, order: Order) -> Result<Report, Refusal> {
        self.service.order(&operator(), order)
    }

    /// The timetable's round, once.
    pub(crate) fn pass(&self) {
        let daemon = Caller { principal: Principal::Daemon, front: Front::Rounds, ..operator() };
        self.service.pass(&daemon).unwrap();
    }

    /// What a TLS client with this identity, or with none, is configured like.
    pub(crate) fn config(
        &self,
        identity: Option<&Identity>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key()).unwrap(),
        })
    }

    /// Connects; the handshake happens with the first byte.
    pub(crate) fn connect(&self, config: Arc<ClientConfig>) -> Stream {
        // An address for a name: no server name is sent, as by many clients in the wild.
        let name = ServerName::from(self.address.ip());
        let connection = ClientConnection::new(config, name).unwrap();
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        StreamOwned::new(connection, stream)
    }

    /// A client with this identity.
    pub(crate) fn client(&self, identity: &Identity, version: Version) -> Client<Stream> {
        Client::new(self.connect(self.config(Some(identity), &[&TLS13])), version)
    }

    /// The lines of the audit log with this word for what happened.
    pub(crate) fn logged(&self, action: &str) -> usize {
        self.said(&format!("\"action\":\"{action}\""))
    }

    /// How many records give this reason.
    pub(crate) fn refused(&self, reason: &str) -> usize {
        self.said(&format!("\"reason\":\"{reason}\""))
    }

    /// How often this stands in the audit log.
    pub(crate) fn said(&self, wanted: &str) -> usize {
        let folder = std::fs::read_dir(self.folder.join("audit")).unwrap();
        let logs =
            folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.map(|path| std::fs::read_to_string(path).unwrap().matches(wanted).count()).sum()
    }
}

/// The system's clock, and what it is ahead of it in milliseconds.
#[derive(Default)]
pub(crate) struct Ahead(AtomicI64);

impl Ahead {
    pub(crate) fn by(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Time {
        Time(SystemClock.now().0 + self.0.load(Ordering::Relaxed))
    }
}

/// A store that does not find what is to be answered later for a while.
pub(crate) struct Moody {
    inner: Arc<dyn Store>,
    /// So many looks fail.
    pub(crate) refuses: AtomicUsize,
}

impl Store for Moody {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, store::Error> {
        let less = |left: usize| left.checked_sub(1);
        if key.starts_with(b"later/") && self.refuses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            return Err(store::Error::Busy);
        }
        self.inner.get(table, key)
    }

    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), store::Error> {
        self.inner.walk(table, visit)
    }

    fn gather(&self, from: Arc<dyn Gather>) {
        self.inner.gather(from);
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot>, store::Error> {
        self.inner.snapshot()
    }

    fn commit(&self, batch: Batch) -> Receipt {
        self.inner.commit(batch)
    }

    fn generation(&self) -> u64 {
        self.inner.generation()
    }

    fn close(&self) -> Result<(), store::Error> {
        self.inner.close()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stopper.enter(Phase::Cut);
        self.vault.seal();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn key() -> UnsealKey {
    UnsealKey::File(Secret::new(vec![7; 32]))
}

fn operator() -> Caller {
    Caller {
        principal: Principal::Operator,
        role: Role::Administrator,
        front: Front::Control,
        from: "test".to_owned(),
        scope: Scope::Everything,
    }
}
