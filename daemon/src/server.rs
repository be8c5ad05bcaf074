//! Building the house: rooms from the ground up, then the wait, then the drain from the top down.

use std::{
    env, io,
    net::{SocketAddr, TcpListener as StdTcpListener},
    os::unix::net::UnixListener as StdUnixListener,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::Notify,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    audit::{self, Log},
    caller::{Caller, Front, Principal, Role, Scope},
    chance::Chance,
    clock::{Clock, SystemClock},
    config::{self, Method, Secrecy, Settings},
    front::{
        self, Crew, Limits, Listening, Phase, Places, Stopper, Tls, control,
        kmip::{self, Carrier},
        pkcs11,
        tell::{self, Line},
    },
    memory,
    rounds::{Attendant, Timetable},
    service::{Order, Refusal, Service},
    slot::software::Random,
    store::{self, Kind, Store, Table},
    vault::{self, Fitted, Vault},
};

/// Why the daemon does not start, or why it stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration, or a file that it names.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] audit::OpenError),
    /// Memory that keeps secrets.
    #[error(transparent)]
    Memory(#[from] memory::Error),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// Nothing was made here yet.
    #[error("there is no appliance in {path} yet; make one with `strongroom init`", path = .0.display())]
    Uninitialised(PathBuf),
    /// Certificates and keys for TLS.
    #[error(transparent)]
    Tls(#[from] front::TlsError),
    /// A socket.
    #[error("cannot listen on {at}: {source}")]
    Listen {
        /// Where.
        at: String,
        /// Why not.
        source: io::Error,
    },
    /// The system gives no threads, signals or timers.
    #[error("the system gives no {what}: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// An order that the daemon gave itself was refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The log or the store failed while serving. Nothing could be answered any more.
    #[error("stopped, because {0}")]
    Failed(&'static str),
}

/// The rooms below the fronts, built and connected.
pub struct House {
    /// What performs requests.
    pub service: Arc<Service>,
    /// Objects and who may use them.
    pub vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
    store: Arc<dyn Store>,
    failed: Arc<Notify>,
}

/// Where a daemon that is ready can be reached.
#[derive(Debug)]
pub struct Ready {
    /// KMIP over TLS.
    pub kmip: Vec<SocketAddr>,
    /// KMIP over HTTPS.
    pub kmip_https: Vec<SocketAddr>,
    /// PKCS#11 for other hosts.
    pub pkcs11: Vec<SocketAddr>,
}

impl House {
    /// Builds the rooms. The vault is sealed.
    ///
    /// # Errors
    /// [`Error`], as store, log or slots say.
    pub fn build(settings: &Settings) -> Result<Self, Error> {
        memory::no_core_dumps()?;
        memory::give_back();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let chance: Arc<dyn Chance> = Arc::new(Random::default());
        let mut kept = store::Settings::new(Kind::Sled, &settings.store.path);
        kept.cache = u64::from(settings.store.cache) << 20;
        let store = store::open(&kept)?;
        let failed = Arc::new(Notify::new());
        let mut options = audit::Options::new(&settings.audit.path, Arc::clone(&clock), Arc::clone(&chance));
        let news = Arc::clone(&failed);
        options.stop = Box::new(move || news.notify_one());
        let (log, found) = Log::open(options)?;
        if let Some(torn) = &found.torn {
            log::warn!("the end of the audit log was torn by a crash; {} bytes are in {}", torn.bytes, torn.file);
        }
        if found.restored > 0 {
            log::warn!("a loss of power took the last {} records of the audit log; they are back", found.restored);
        }
        log.set_generation(store.generation());
        if !found.clean && found.checkpoint.is_some() {
            log::warn!("the daemon did not stop in good order last time; log and store are held against each other");
        }
        let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let fitted = |slot: &config::Slot| {
            let fitted = Fitted::new(slot.open(credentials.clone(), &clock), slot.mechanisms.into());
            fitted.with_openness(slot.openness()).with_most(slot.max_objects)
        };
        let slots: Vec<Fitted> = settings.slot.iter().map(fitted).collect();
        let vault = Vault::new(Arc::clone(&store), slots, Arc::clone(&clock), chance).with_hands(settings.hands());
        let vault = Arc::new(vault);
        let log = Arc::new(log);
        let service = Service::new(Arc::clone(&vault), Arc::clone(&log), settings.audit.durability.into());
        let service = settings.slot.iter().fold(service, |service, slot| service.with_pins(&slot.name, slot.into()));
        let service = if settings.kmip.conformance { service.conforming() } else { service };
        let service = service.guarding(config::Quorum::told(&settings.quorum, &settings.operator));
        let service =
            Arc::new(service.telling(settings.kmip.endpoint.iter().filter_map(config::Endpoint::told).collect()));
        service.remember(&found.last);
        Ok(Self { service, vault, clock, log, store, failed })
    }

    /// Opens the vault with what the configuration or systemd hands over. Without either, or when it does not fit, the
    /// vault stays sealed and waits for an operator.
    pub fn unseal(&self, settings: &Settings) {
        for &method in &settings.seal.methods {
            if method == Method::Slot {
                self.service.await_slots();
                continue;
            }
            let order = unseal_order(settings, method).transpose();
            let entered = order.map(|order| Ok::<_, Error>(self.service.order(&daemon(), order?)?));
            match entered {
                Some(Ok(_)) if !self.vault.is_sealed() => return,
                Some(Ok(_)) | None => {}
                Some(Err(error)) => log::error!("the vault stays sealed: {error}"),
            }
        }
        log::warn!("the vault is sealed; open it with `strongroom unseal`");
    }

    /// Ends the workers of slots, signs the last checkpoint and closes log and store, in this order.
    ///
    /// # Errors
    /// [`Error::Failed`], when the last words did not reach the disk.
    pub fn close(self) -> Result<(), Error> {
        self.vault.forget();
        for fitted in self.vault.slots().iter() {
            if let Some(holding) = fitted.slot.holding() {
                holding.close();
            }
        }
        let logged = self.log.close().map_err(|_| Error::Failed("the audit log could not be closed in good order"));
        let stored = self.store.close();
        logged?;
        Ok(stored?)
    }
}

/// The daemon itself, for what it does unasked.
pub fn daemon() -> Caller {
    let from = format!("pid {}", process::id());
    Caller {
        principal: Principal::Daemon,
        role: Role::Administrator,
        front: Front::Rounds,
        from,
        scope: Scope::Everything,
    }
}

/// What the vault is to be opened with by a method, if there is such a thing.
fn unseal_order(settings: &Settings, method: Method) -> Result<Option<Order>, Error> {
    let credential = |name: &str| {
        let folder = env::var_os("CREDENTIALS_DIRECTORY")?;
        let path = Path::new(&folder).join(name);
        path.exists().then_some(path)
    };
    let (named, name) = match method {
        Method::Key => (&settings.seal.key, "unseal.key"),
        Method::Passphrase => (&settings.seal.passphrase, "unseal.passphrase"),
        Method::Slot => return Ok(None),
    };
    let Some(path) = named.clone().or_else(|| credential(name)) else { return Ok(None) };
    let bytes = config::read(&path, Secrecy::Secret)?;
    Ok(Some(match method {
        Method::Passphrase => Order::Unseal { passphrase: config::line(&bytes) },
        Method::Key | Method::Slot => Order::UnsealFile { key: bytes },
    }))
}

/// Serves until it is told to stop. `ready` is called once, when every front can be reached.
///
/// # Errors
/// [`Error`], when it cannot start, or stopped because it could not go on.
pub fn serve(settings: &Settings, ready: impl FnOnce(&Ready)) -> Result<(), Error> {
    // Looked at first, so that nothing is made where `init` was forgotten.
    if !settings.store.path.exists() {
        return Err(Error::Uninitialised(settings.state.clone()));
    }
    let house = House::build(settings)?;
    if !house.vault.is_initialised()? {
        house.close()?;
        return Err(Error::Uninitialised(settings.state.clone()));
    }
    house.unseal(settings);
    run(house, settings, ready)
}

/// Checks what can be checked without starting anything: the files that the configuration names.
///
/// # Errors
/// [`Error`], for the first file that cannot be used.
pub fn check(settings: &Settings) -> Result<(), Error> {
    config::credentials(settings)?;
    lines(settings)?;
    settings.seal.methods.iter().try_for_each(|&method| unseal_order(settings, method).map(|_| ()))
}

/// Serves from a house that is built already.
///
/// # Errors
/// As for [`serve`].
pub fn run(house: House, settings: &Settings, ready: impl FnOnce(&Ready)) -> Result<(), Error> {
    let limits = Limits::from(&settings.limits);
    raise_descriptors(limits.connections);
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .thread_name("front")
        // Besides the requests themselves: operators, and words for the log about peers that were turned away.
        .max_blocking_threads(limits.threads.saturating_add(32))
        .build()
        .map_err(|source| Error::System { what: "threads", source })?;
    let tls = Arc::new(Tls::new(config::credentials(settings)?, Arc::clone(&house.service))?);
    let workers = house.service.work().map_err(|source| Error::System { what: "threads", source })?;
    let served = runtime.block_on(fronts(&house, settings, limits, tls, ready));
    drain(runtime);
    workers.close(PARTING);
    let closed = house.close();
    served.and(closed)
}

async fn fronts(
    house: &House,
    settings: &Settings,
    limits: Limits,
    tls: Arc<Tls>,
    ready: impl FnOnce(&Ready),
) -> Result<(), Error> {
    let Sockets { kmip, kmip_https, control, pkcs11, pkcs11_tls } = sockets(settings)?;
    let addresses = |sockets: &[Listening]| sockets.iter().map(|listening| listening.address).collect();
    let distant = pkcs11_tls.iter().map(StdTcpListener::local_addr).collect::<io::Result<_>>();
    let distant = distant.map_err(|source| Error::System { what: "address of a socket", source })?;
    let reached = Ready { kmip: addresses(&kmip), kmip_https: addresses(&kmip_https), pkcs11: distant };
    let (stopper, stop) = Stopper::new();
    let crew = Arc::new(Crew::new());
    let places = Places::new(limits.connections, limits.per_address);
    let service = Arc::clone(&house.service);
    let desk = Arc::new(kmip::Desk::new(Arc::clone(&service), Arc::clone(&house.clock), limits));
    let mut doors = Vec::new();
    for (sockets, carrier) in [(kmip, Carrier::Tls), (kmip_https, Carrier::Https)] {
        let server = Arc::new(kmip::Server::new(Arc::clone(&tls), Arc::clone(&desk), carrier));
        for Listening { listener, .. } in sockets {
            let (server, places) = (Arc::clone(&server), Arc::clone(&places));
            let (stop, crew) = (stop.clone(), Arc::clone(&crew));
            doors.push(tokio::spawn(async move {
                let serve = |stream, from, place| Arc::clone(&server).serve(stream, from, place, stop.clone());
                front::accept(listener, places, stop.clone(), &crew, serve).await;
            }));
        }
    }
    let afar = pkcs11::Afar { listeners: pkcs11_tls, tls: Arc::clone(&tls), limits };
    let places = pkcs11::Places::from(&settings.limits);
    let module = pkcs11::open(pkcs11, Some(afar), Arc::clone(&service), &Random::default(), places)
        .map_err(|source| Error::System { what: "thread for the PKCS#11 socket", source })?;
    let timetable = Timetable::start(Arc::clone(&service), daemon())
        .map_err(|source| Error::System { what: "thread for the timetable", source })?;
    let lines = lines(settings)?;
    for line in &lines {
        let (service, line, stop, member) = (Arc::clone(&service), Arc::clone(line), stop.clone(), crew.member());
        tokio::spawn(async move {
            tell::carry(service, line, Arc::new(Random::default()), stop).await;
            drop(member);
        });
    }
    let attendant = Attendant::start(Arc::clone(&service), daemon())
        .map_err(|source| Error::System { what: "thread for the slots", source })?;
    let (hearing, members) = (stop.clone(), Arc::clone(&crew));
    doors.push(tokio::spawn(async move { control::serve(control, service, hearing, &members).await }));
    ready(&reached);
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
    let why = wait(house, settings, &tls, &lines).await;
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is in hand")]);
    log::info!("stopping: nothing new is taken, what is in hand is finished");
    stopper.enter(Phase::Draining);
    let drain = Duration::from_secs(settings.limits.drain);
    let closing = tokio::task::spawn_blocking(move || {
        timetable.stop();
        attendant.stop();
        module.close();
    });
    for door in doors {
        let _ = door.await;
    }
    if let Some(crew) = Arc::into_inner(crew) {
        let mut dismissed = Box::pin(crew.dismissed());
        if timeout(drain, &mut dismissed).await.is_err() {
            stopper.enter(Phase::Cut);
            let _ = timeout(PARTING, dismissed).await;
        }
    }
    // A call that hangs is left behind; the process is about to end.
    let _ = timeout(drain.min(PARTING), closing).await;
    why
}

/// Waits until there is a reason to stop, and does meanwhile what must be done every second.
async fn wait(house: &House, settings: &Settings, tls: &Arc<Tls>, lines: &[Arc<Line>]) -> Result<(), Error> {
    let signals = |kind| signal(kind).map_err(|source| Error::System { what: "signals", source });
    let mut terminate = signals(SignalKind::terminate())?;
    let mut interrupt = signals(SignalKind::interrupt())?;
    let mut hangup = signals(SignalKind::hangup())?;
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watched = sd_notify::watchdog_enabled().is_some();
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => reload(settings, tls, lines),
            () = house.failed.notified() => return Err(Error::Failed("the audit log could not be written")),
            _ = second.tick() => {
                house.log.tick();
                if house.service.has_failed() {
                    return Err(Error::Failed("the audit log could not be written"));
                }
                if let Err(error) = house.store.get(Table::Setting, GLANCE) {
                    log::error!("{error}");
                    return Err(Error::Failed("the store could not be written"));
                }
                if watched {
                    tell(&[NotifyState::Watchdog]);
                }
            }
        }
    }
}

fn reload(settings: &Settings, tls: &Tls, lines: &[Arc<Line>]) {
    let told = |outcome: Result<(), Error>, what: &str| match outcome {
        Ok(()) => log::info!("read the certificates of {what} again"),
        Err(error) => log::error!("{what} keeps its old certificates: {error}"),
    };
    let fresh = config::credentials(settings).map_err(Error::from);
    told(fresh.and_then(|fresh| Ok(tls.reload(fresh)?)), "the server");
    let endpoints = settings.kmip.endpoint.iter().filter(|endpoint| endpoint.address.is_some());
    for (line, endpoint) in lines.iter().zip(endpoints) {
        let fresh = config::endpoint_credentials(settings, endpoint).map_err(Error::from);
        told(fresh.and_then(|fresh| Ok(line.reload(fresh)?)), &format!("endpoint {}", endpoint.name));
    }
}

/// Ends the runtime's threads. One that hangs in a request is left behind; the process is about to end.
fn drain(runtime: Runtime) {
    runtime.shutdown_timeout(PARTING);
}

/// The sockets of all fronts, inherited or bound.
struct Sockets {
    kmip: Vec<Listening>,
    kmip_https: Vec<Listening>,
    control: tokio::net::UnixListener,
    pkcs11: StdUnixListener,
    pkcs11_tls: Vec<StdTcpListener>,
}

fn sockets(settings: &Settings) -> Result<Sockets, Error> {
    let at = |at: String| move |source| Error::Listen { at, source };
    let mut inherited = listenfd::ListenFd::from_env();
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let (mut kmip, mut kmip_https) = (Vec::new(), Vec::new());
    let (mut control, mut pkcs11, mut pkcs11_tls) = (None, None, Vec::new());
    for (place, name) in names.split(':').take(inherited.len()).enumerate() {
        let failed = || at(format!("the inherited socket {name}"));
        match name {
            "kmip" | "kmip-https" => {
                if let Some(socket) = inherited.take_tcp_listener(place).map_err(failed())? {
                    let sockets = if name == "kmip" { &mut kmip } else { &mut kmip_https };
                    sockets.push(Listening::inherited(socket).map_err(failed())?);
                }
            }
            "control" => control = inherited.take_unix_listener(place).map_err(failed())?,
            "pkcs11" => pkcs11 = inherited.take_unix_listener(place).map_err(failed())?,
            "pkcs11-tls" => pkcs11_tls.extend(inherited.take_tcp_listener(place).map_err(failed())?),
            other => log::warn!("nothing here serves the inherited socket {other:?}"),
        }
    }
    for (sockets, addresses) in [(&mut kmip, &settings.kmip.listen), (&mut kmip_https, &settings.kmip.https)] {
        if sockets.is_empty() {
            for address in addresses {
                sockets.push(front::bind(*address).map_err(at(address.to_string()))?);
            }
        }
    }
    if pkcs11_tls.is_empty() {
        for address in &settings.pkcs11.listen {
            pkcs11_tls.push(StdTcpListener::bind(address).map_err(at(address.to_string()))?);
        }
    }
    let path = &settings.control.socket;
    let failed = || at(path.display().to_string());
    // Operators of the configuration are other users. The kernel says who knocks, and whoever is nobody is turned away.
    let mode = if settings.operator.is_empty() { 0o600 } else { 0o666 };
    let control = control.map_or_else(|| front::bind_local(path, mode), Ok).map_err(failed())?;
    let control = local(control).map_err(failed())?;
    let path = &settings.pkcs11.socket;
    let failed = || at(path.display().to_string());
    // Whoever may reach the socket's folder may knock: the kernel says who it is, and the PIN is asked for.
    let pkcs11 = pkcs11.map_or_else(|| front::bind_local(path, 0o666), Ok).map_err(failed())?;
    Ok(Sockets { kmip, kmip_https, control, pkcs11, pkcs11_tls })
}

fn local(listener: StdUnixListener) -> io::Result<tokio::net::UnixListener> {
    listener.set_nonblocking(true)?;
    tokio::net::UnixListener::from_std(listener)
}

/// The ways to the endpoints that the configuration names.
fn lines(settings: &Settings) -> Result<Vec<Arc<Line>>, Error> {
    let line = |(place, endpoint): (usize, &config::Endpoint)| {
        let address = endpoint.address.as_deref()?;
        let credentials = config::endpoint_credentials(settings, endpoint).map_err(Error::from);
        let name = endpoint.server_name.as_deref();
        Some(credentials.and_then(|credentials| Ok(Arc::new(Line::new(place, address, name, credentials)?))))
    };
    settings.kmip.endpoint.iter().enumerate().filter_map(line).collect()
}

/// Asks for as many descriptors as there may be connections, and some for files; the system may give fewer.
fn raise_descriptors(connections: usize) {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(256);
    if let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE)
        && now < wanted
        && setrlimit(Resource::RLIMIT_NOFILE, wanted.min(most), most).is_ok()
        && most < wanted
    {
        log::warn!("the system gives {most} descriptors, fewer than the {connections} connections allowed");
    }
}

/// Tells systemd, if it is there.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::warn!("cannot tell systemd: {error}");
    }
}

/// A row that is not there. After a failed write the store says so at every look, also at this one.
const GLANCE: &[u8] = b"glance";
/// What is not done after the drain's limit gets this much longer to notice that it was cut off.
const PARTING: Duration = Duration::from_secs(2);
