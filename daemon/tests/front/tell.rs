//! Endpoints that hear, refuse, hang, hang up, talk nonsense or are somebody else.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use strongroom::{
    audit::{Durability, Log, Options},
    caller::{Caller, Front, Principal, Role, Scope},
    certificate::{Authority, Span, Wanted, key_of_pair},
    clock::{Clock, SystemClock},
    front::{
        Credentials, Phase, Stopper,
        tell::{Line, carry},
    },
    service::{Ask, Endpoint, Order, Report, Service, order::EndpointRow},
    slot::{
        Form, Made, Material, Pair, Recipe, Slot,
        policy::Level,
        software::{Random, Software},
    },
    store::{self, Kind, Settings},
    vault::{Fitted, UnsealKey, Vault},
};
use strongroom_kmip::{
    attribute::{Attribute, Template},
    code::{CryptographicAlgorithm, CryptographicUsageMask, ObjectType, Operation, ResultReason},
    mechanism::Curve,
    message::{RequestMessage, ResponseItem, ResponseMessage},
    operation::{Request, Response},
    payload::{ActivateRequest, CreateRequest, NotifyResponse, PutResponse},
    secret::Secret,
    ttlv::{DateTime, Limits, Tree},
    version::V2_1,
};
use tokio::runtime::{Builder, Runtime};

/// What an endpoint does with the next message, or before it.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Hears,
    Refuses,
    HangsUp,
    TalksNonsense,
    ClaimsTooMuch,
    AnswersSomethingElse,
}

type Heard = mpsc::Receiver<Request>;

/// An authority and what it issues.
struct Issuer(Authority);

struct Papers {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn pair() -> Vec<u8> {
    let slot = Software::new("spare");
    let Made::Pair { private, .. } = slot.make(&Recipe::Pair(Pair::Elliptic(Curve::P256))).unwrap() else {
        panic!("no pair")
    };
    let Material::Pkcs8(key) = slot.give(&private, Form::Pkcs8).unwrap() else { panic!("no PKCS#8") };
    key.reveal().to_vec()
}

fn span() -> Span {
    Span::days(SystemClock.now(), 1)
}

impl Issuer {
    fn new(name: &str) -> Self {
        Self(Authority::found(name, &pair(), span(), &Random::default()).unwrap())
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.0.certificate().to_vec())
    }

    fn server(&self, name: &str) -> Papers {
        let own = pair();
        let names = [name.to_owned()];
        self.issue(own, |key| Wanted::Server { names: &names, key })
    }

    fn client(&self) -> Papers {
        self.issue(pair(), |key| Wanted::Client { name: "appliance", key })
    }

    fn issue<'w>(&self, own: Vec<u8>, wanted: impl FnOnce(&'w [u8]) -> Wanted<'w>) -> Papers {
        let public: &'w [u8] = key_of_pair(&own).unwrap().leak();
        let issued = self.0.issue(&wanted(public), span(), &Random::default()).unwrap();
        Papers { chain: vec![issued.certificate.into()], key: PrivateKeyDer::try_from(own).unwrap() }
    }
}

/// A server of the test's own: each connection takes the next manner, and the last one stays.
fn endpoint(papers: Papers, clients: &Issuer, manners: &[Manner]) -> (SocketAddr, Heard) {
    let mut roots = RootCertStore::empty();
    roots.add(clients.certificate()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(papers.chain, papers.key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heard) = mpsc::channel();
    let (config, manners) = (Arc::new(config), manners.to_vec());
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let manner = manners[number.min(manners.len() - 1)];
            let session = ServerConnection::new(config.clone()).unwrap();
            // It ends when the daemon hangs up.
            let _ = attend(StreamOwned::new(session, stream.unwrap()), manner, &sender);
        }
    });
    (address, heard)
}

fn attend(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    manner: Manner,
    heard: &mpsc::Sender<Request>,
) -> std::io::Result<()> {
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head)?;
        let mut message = head.to_vec();
        message.resize(8 + u32::from_be_bytes(head[4..].try_into().unwrap()) as usize, 0);
        stream.read_exact(&mut message[8..])?;
        let tree = Tree::read(&message, &Limits::default()).unwrap();
        let request = RequestMessage::read(&tree).unwrap().items.remove(0).payload.unwrap();
        let operation = request.operation();
        let yes = |operation| -> Response {
            if operation == Operation::Put { PutResponse {}.into() } else { NotifyResponse {}.into() }
        };
        let other = if operation == Operation::Put { Operation::Notify } else { Operation::Put };
        let answer = |item| ResponseMessage::of(V2_1, DateTime(0), vec![item]).write().to_vec();
        heard.send(request).unwrap();
        let bytes = match manner {
            Manner::Hears => answer(ResponseItem::success(yes(operation))),
            Manner::Refuses => answer(ResponseItem::failure(Some(operation), ResultReason::PermissionDenied, "no")),
            Manner::HangsUp => return Ok(()),
            Manner::TalksNonsense => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            Manner::ClaimsTooMuch => vec![0x42, 0, 0x7B, 1, 0x7F, 0xFF, 0xFF, 0xF8],
            Manner::AnswersSomethingElse => answer(ResponseItem::success(yes(other))),
        };
        stream.write_all(&bytes)?;
        stream.flush()?;
    }
}

/// A house that tells one endpoint.
struct Teller {
    service: Arc<Service>,
    vault: Arc<Vault>,
    stopper: Stopper,
    folder: std::path::PathBuf,
    _runtime: Runtime,
}

impl Teller {
    fn new(address: &str, name: Option<&str>, authority: &Issuer, own: Papers) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("strongroom-tell-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (clock, chance): (Arc<dyn Clock>, Arc<Random>) = (Arc::new(SystemClock), Arc::new(Random::default()));
        let store = store::open(&Settings::new(Kind::Memory, &folder)).unwrap();
        let slot = Fitted::new(Arc::new(Software::new("dev")), Level::Standard);
        let vault = Arc::new(Vault::new(store, vec![slot], clock.clone(), chance.clone()));
        let (log, _) = Log::open(Options::new(folder.join("audit"), clock, chance.clone())).unwrap();
        vault.initialise(&[UnsealKey::File(Secret::new(vec![7; 32]))]).unwrap();
        let endpoint = Endpoint {
            name: "array".into(),
            address: Some(address.into()),
            client: "alice".parse().unwrap(),
            version: V2_1,
            notifies: true,
            puts: true,
            replacements: false,
            own: true,
            wrapping_key: None,
            most: 100,
            most_bytes: 1 << 20,
        };
        let service = Service::new(vault.clone(), Arc::new(log), Durability::Written).telling(vec![endpoint]);
        let service = Arc::new(service);
        service.order(&operator(), Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
        service.found_authority(&operator(), "house", &["127.0.0.1".into()]).unwrap();
        let add = Order::ClientAdd { name: "alice".into(), role: "user".into(), days: 1, user: None, csr: None };
        service.order(&operator(), add).unwrap();
        let credentials = Credentials { chain: own.chain, key: own.key, authorities: vec![authority.certificate()] };
        let line = Arc::new(Line::new(0, address, name, credentials).unwrap());
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stopper, stop) = Stopper::new();
        runtime.spawn(carry(service.clone(), line, chance, stop));
        Self { service, vault, stopper, folder, _runtime: runtime }
    }

    /// Makes a key and activates it, of which the endpoint is told.
    fn change(&self) -> String {
        let attributes = [
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
        ];
        let create = CreateRequest {
            object_type: ObjectType::SymmetricKey,
            attributes: attributes.into_iter().collect::<Template>(),
            protection_storage_masks: None,
        };
        let Response::Create(made) = self.ask(create.into()) else { panic!("another answer") };
        let id = made.unique_identifier.0;
        self.ask(ActivateRequest { unique_identifier: Some(id.as_str().into()) }.into());
        id
    }

    fn ask(&self, request: Request) -> Response {
        let alice = Caller { principal: "client:alice".parse().unwrap(), role: Role::User, ..operator() };
        let answer = self.service.answer(&alice, Ask::new(request, V2_1, self.service.number()));
        answer.receipt.wait().unwrap();
        answer.outcome.unwrap()
    }

    fn row(&self) -> EndpointRow {
        match self.service.order(&operator(), Order::Status).unwrap() {
            Report::Status(mut status) => status.endpoints.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the endpoint's row is so.
    fn until(&self, so: impl Fn(&EndpointRow) -> bool) -> EndpointRow {
        let began = Instant::now();
        loop {
            let row = self.row();
            if so(&row) {
                return row;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{row:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn logged(&self, wanted: &str) -> usize {
        let files = std::fs::read_dir(self.folder.join("audit")).unwrap().map(|entry| entry.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.map(|path| std::fs::read_to_string(path).unwrap().matches(wanted).count()).sum()
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.stopper.enter(Phase::Cut);
        self.vault.seal();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
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

/// A teller and an endpoint with those manners that know each other.
fn friends(manners: &[Manner]) -> (Teller, Heard) {
    let (theirs, ours) = (Issuer::new("theirs"), Issuer::new("ours"));
    let (address, heard) = endpoint(theirs.server("127.0.0.1"), &ours, manners);
    (Teller::new(&address.to_string(), None, &theirs, ours.client()), heard)
}

fn next(heard: &Heard) -> Request {
    heard.recv_timeout(Duration::from_secs(30)).unwrap()
}

#[test]
fn notifications_and_objects_arrive_over_mutual_tls() {
    let (teller, heard) = friends(&[Manner::Hears]);
    let id = teller.change();
    let Request::Notify(told) = next(&heard) else { panic!("something else") };
    assert_eq!(told.unique_identifier.0, id);
    teller.until(|row| row.waiting == 0 && row.delivered.is_some() && row.error.is_none());
    teller.service.order(&operator(), Order::KmipPut { endpoint: "array".into(), id: id.clone() }).unwrap();
    let Request::Put(given) = next(&heard) else { panic!("something else") };
    assert_eq!((given.unique_identifier.0, given.object.object_type()), (id, ObjectType::SymmetricKey));
    teller.until(|row| row.waiting == 0);
}

#[test]
fn many_letters_go_over_one_connection_in_their_order() {
    let (teller, heard) = friends(&[Manner::Hears]);
    let ids: Vec<String> = (0..20).map(|_| teller.change()).collect();
    let told: Vec<String> = (0..20)
        .map(|_| match next(&heard) {
            Request::Notify(told) => told.unique_identifier.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ids);
    teller.until(|row| row.waiting == 0);
}

#[test]
fn after_a_failure_the_same_is_told_again() {
    for (manner, word) in [
        (Manner::HangsUp, "closed"),
        (Manner::TalksNonsense, "unreadable"),
        (Manner::ClaimsTooMuch, "unreadable"),
        (Manner::AnswersSomethingElse, "unreadable"),
    ] {
        let (teller, heard) = friends(&[manner, Manner::Hears]);
        let id = teller.change();
        for _ in 0..2 {
            let Request::Notify(told) = next(&heard) else { panic!("something else") };
            assert_eq!(told.unique_identifier.0, id, "{manner:?}");
        }
        let row = teller.until(|row| row.waiting == 0);
        assert!(row.error.is_none(), "{manner:?}: {row:?}");
        assert_eq!(teller.logged(&format!("\"reason\":\"{word}\"")), 1, "{manner:?}");
    }
}

#[test]
fn what_is_refused_is_not_told_again() {
    let (teller, heard) = friends(&[Manner::Refuses]);
    let first = teller.change();
    let second = teller.change();
    for id in [first, second] {
        let Request::Notify(told) = next(&heard) else { panic!("something else") };
        assert_eq!(told.unique_identifier.0, id);
    }
    let row = teller.until(|row| row.waiting == 0);
    assert!(row.error.is_some_and(|why| why.contains("refused")));
    assert!(heard.recv_timeout(Duration::from_millis(300)).is_err(), "and nothing more");
}

#[test]
fn nobody_but_the_endpoint_itself_is_told() {
    let (theirs, ours, others) = (Issuer::new("theirs"), Issuer::new("ours"), Issuer::new("others"));
    for (name, papers, called, trusted, shown) in [
        ("another authority's certificate", others.server("127.0.0.1"), None, &theirs, ours.client()),
        ("a certificate for another name", theirs.server("elsewhere.example"), None, &theirs, ours.client()),
        ("not the name it should have", theirs.server("127.0.0.1"), Some("array.example"), &theirs, ours.client()),
        ("a client's certificate", theirs.client(), None, &theirs, ours.client()),
    ] {
        let (address, heard) = endpoint(papers, &ours, &[Manner::Hears]);
        let teller = Teller::new(&address.to_string(), called, trusted, shown);
        teller.change();
        let row = teller.until(|row| row.error.is_some());
        assert_eq!((row.waiting, row.error.as_deref()), (1, Some("its TLS handshake failed")), "{name}");
        assert!(heard.try_recv().is_err(), "{name}");
        assert!(teller.logged("\"reason\":\"untrusted\"") >= 1, "{name}");
    }
}

#[test]
fn an_endpoint_that_does_not_know_us_is_told_when_it_does() {
    let (theirs, ours, others) = (Issuer::new("theirs"), Issuer::new("ours"), Issuer::new("others"));
    let (address, heard) = endpoint(theirs.server("127.0.0.1"), &ours, &[Manner::Hears]);
    let teller = Teller::new(&address.to_string(), None, &theirs, others.client());
    teller.change();
    // TLS 1.3 has no answer to a client's certificate: the endpoint hangs up.
    teller.until(|row| row.error.is_some());
    assert!(heard.try_recv().is_err());
}

#[test]
fn who_cannot_be_reached_or_says_nothing_keeps_nobody_waiting() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (theirs, ours) = (Issuer::new("theirs"), Issuer::new("ours"));
    for (name, address, word) in [
        ("nobody listens", closed.to_string(), "it cannot be reached"),
        ("no such name", "nowhere.invalid:5696".to_owned(), "it cannot be reached"),
        ("a handshake that hangs", silent.local_addr().unwrap().to_string(), "it takes too long"),
    ] {
        let teller = Teller::new(&address, None, &theirs, ours.client());
        teller.change();
        let row = teller.until(|row| row.error.is_some());
        assert_eq!((row.waiting, row.error.as_deref()), (1, Some(word)), "{name}");
        let began = Instant::now();
        teller.change();
        assert!(began.elapsed() < Duration::from_secs(2), "{name}: the change did not wait for the endpoint");
    }
}
