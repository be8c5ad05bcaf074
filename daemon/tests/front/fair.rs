//! A client with heavy requests keeps nobody else waiting: neither by what it asks for nor by how often it does.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustls::version::TLS13;
use strongroom::front::kmip::{Carrier, encoding::Encoding};
use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Link, Listed, One, Template},
    client::Client,
    code::{
        BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, DerivationMethod, DigitalSignatureAlgorithm,
        HashingAlgorithm, KeyFormatType, LinkType, ObjectType, OpaqueDataType, PaddingMethod, QueryFunction,
        SecretDataType,
    },
    message::RequestMessage,
    object::{KeyBlock, Object, OpaqueObject, SecretData},
    operation::Request,
    payload::{
        AddAttributeRequest, CreateKeyPairRequest, CreateRequest, DerivationParameters, DeriveKeyRequest,
        EncryptRequest, GetRequest, HashRequest, LocateRequest, MACRequest, QueryRequest, RegisterRequest, SignRequest,
    },
    secret::{Secret, Wiped},
    ttlv::DateTime,
    version::V2_1,
};

use crate::{
    door::{Door, Identity, usual},
    line::Line,
};

/// What shows that a load was one.
#[derive(Clone, Copy)]
enum Seen {
    /// A single request took as long as this.
    Lasting(Duration),
    /// So many were answered while the other client was measured.
    Many(usize),
}

/// What a load has done so far.
#[derive(Default)]
struct Tally {
    done: AtomicUsize,
    /// Microseconds that the longest took.
    longest: AtomicU64,
    stop: AtomicBool,
}

impl Tally {
    /// Does this again and again, until it fails or the measuring is over. How long it waits for itself is nobody's concern.
    fn repeat(&self, mut work: impl FnMut() -> bool) {
        while !self.stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            if !work() {
                return;
            }
            self.done.fetch_add(1, Ordering::Relaxed);
            let took = u64::try_from(begun.elapsed().as_micros()).unwrap();
            self.longest.fetch_max(took, Ordering::Relaxed);
        }
    }

    fn shows(&self, seen: Seen) -> bool {
        match seen {
            Seen::Lasting(least) => Duration::from_micros(self.longest.load(Ordering::Relaxed)) >= least,
            Seen::Many(least) => self.done.load(Ordering::Relaxed) >= least,
        }
    }
}

/// A door with one client that has much to do and one that has little.
struct Scene {
    door: Door,
    /// How they write, where that is over HTTPS.
    encoding: Option<Encoding>,
    heavy: Identity,
    light: Identity,
    /// A key of the light client's.
    key: String,
    /// No two loads are measured at the same time.
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    fn new(door: Door) -> Self {
        Self::spoken(door, None)
    }

    /// One over HTTPS, where both clients write so.
    fn posted(encoding: Encoding) -> Self {
        Self::spoken(Door::over(Carrier::Https, usual()), Some(encoding))
    }

    fn spoken(door: Door, encoding: Option<Encoding>) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (heavy, light) = (door.register("alice"), door.register("bob"));
        let mut scene = Self { door, encoding, heavy, light, key: String::new(), _alone: alone };
        let mut client = scene.line(&scene.light);
        scene.key = made(&mut client, CryptographicAlgorithm::AES, CryptographicUsageMask::Encrypt);
        scene
    }

    fn line(&self, identity: &Identity) -> Client<Line> {
        let stream = self.door.connect(self.door.config(Some(identity), &[&TLS13]));
        Client::new(Line::new(stream, self.encoding), V2_1)
    }

    /// The client with much to do.
    fn client(&self) -> Client<Line> {
        self.line(&self.heavy)
    }

    /// How long half of the requests of the light client take at most, of the kind that takes longest.
    fn usual(&self, client: &mut Client<Line>) -> Duration {
        let id = || Some(self.key.as_str().into());
        let get = GetRequest { unique_identifier: id(), ..GetRequest::default() };
        let query = QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None };
        let encrypt = encrypt(&self.key, 1000);
        let requests = [query.into(), get.into(), encrypt].map(|request: Request| message(vec![request]));
        let most = requests.iter().map(|request| {
            let mut took: Vec<Duration> = (0..ROUNDS)
                .map(|_| {
                    let begun = Instant::now();
                    assert!(succeeds(&client.send(request).unwrap()));
                    begun.elapsed()
                })
                .collect();
            took.sort_unstable();
            took[ROUNDS / 2]
        });
        most.max().unwrap()
    }

    /// The machine may be busy with something else, so it is measured a few times, each time beside the same without load.
    fn holds(&self, name: &str, connections: usize, seen: Seen, work: &(dyn Fn(&Tally) + Sync)) {
        let mut light = self.line(&self.light);
        let mut delays = Vec::new();
        for _ in 0..TRIES {
            let tally = Tally::default();
            let (alone, delay) = thread::scope(|scope| {
                let alone = self.usual(&mut light);
                for _ in 0..connections {
                    scope.spawn(|| work(&tally));
                }
                // All of them are at work, or wait for it.
                thread::sleep(Duration::from_millis(300));
                let delay = self.usual(&mut light).saturating_sub(alone);
                // What has not ended yet is waited for where it must be seen how long it takes.
                let begun = Instant::now();
                while !tally.shows(seen) && begun.elapsed() < Duration::from_secs(60) {
                    thread::sleep(Duration::from_millis(20));
                }
                tally.stop.store(true, Ordering::Relaxed);
                (alone, delay)
            });
            assert!(tally.shows(seen), "{name}: this was no load");
            delays.push((delay, alone));
            if delay < MOST {
                return;
            }
            thread::sleep(PAUSE);
        }
        panic!("{name}: delays, and the time that it takes alone: {delays:?}");
    }

    /// The same for a message that is sent over and over.
    fn holds_beside(&self, name: &str, connections: usize, seen: Seen, message: &Wiped) {
        self.holds(name, connections, seen, &|tally| {
            let mut client = self.client();
            tally.repeat(|| client.send(message).is_ok_and(|answer| succeeds(&answer)));
        });
    }
}

fn message(requests: Vec<Request>) -> Wiped {
    RequestMessage::of(V2_1, requests).write()
}

/// Whether Success stands in an answer: Result Status, an Enumeration of four bytes, 0.
fn succeeds(answer: &[u8]) -> bool {
    let success = [0x42, 0, 0x7F, 5, 0, 0, 0, 4, 0, 0, 0, 0];
    answer.windows(success.len()).any(|found| found == success)
}

fn template(attributes: Vec<Attribute>) -> Template {
    Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() }
}

fn active(mut attributes: Vec<Attribute>) -> Template {
    attributes.push(Attribute::ActivationDate(DateTime(0)));
    template(attributes)
}

fn create(algorithm: CryptographicAlgorithm, mask: CryptographicUsageMask) -> CreateRequest {
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: active(vec![
            Attribute::CryptographicAlgorithm(algorithm),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(mask),
        ]),
        protection_storage_masks: None,
    }
}

/// An active key.
fn made(client: &mut Client<Line>, algorithm: CryptographicAlgorithm, mask: CryptographicUsageMask) -> String {
    client.ask(create(algorithm, mask)).unwrap().unique_identifier.0
}

fn pair(bits: i32) -> CreateKeyPairRequest {
    CreateKeyPairRequest {
        common_attributes: Some(active(vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
            Attribute::CryptographicLength(bits),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign),
        ])),
        ..CreateKeyPairRequest::default()
    }
}

fn register(object_type: ObjectType, attributes: Template, object: Object) -> RegisterRequest {
    RegisterRequest { object_type, attributes, object, protection_storage_masks: None }
}

fn password(mask: CryptographicUsageMask) -> RegisterRequest {
    let key_block = KeyBlock::of(KeyFormatType::Opaque, Secret::copy_of(b"correct horse battery staple"));
    let object = SecretData { secret_data_type: SecretDataType::Password, key_block };
    register(ObjectType::SecretData, active(vec![Attribute::CryptographicUsageMask(mask)]), object.into())
}

fn get(id: &str, key_format_type: Option<KeyFormatType>) -> Request {
    GetRequest { unique_identifier: Some(id.into()), key_format_type, ..GetRequest::default() }.into()
}

fn given(client: &mut Client<Line>, id: &str, format: KeyFormatType) -> Object {
    let request =
        GetRequest { unique_identifier: Some(id.into()), key_format_type: Some(format), ..GetRequest::default() };
    client.ask(request).unwrap().object
}

fn encrypt(id: &str, length: usize) -> Request {
    EncryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(CryptographicParameters {
            block_cipher_mode: Some(BlockCipherMode::CBC),
            padding_method: Some(PaddingMethod::PKCS5),
            random_iv: Some(true),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::new(vec![7; length])),
        ..EncryptRequest::default()
    }
    .into()
}

fn sign(id: &str) -> Request {
    SignRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(CryptographicParameters {
            digital_signature_algorithm: Some(DigitalSignatureAlgorithm::SHA_256WithRSAEncryption),
            padding_method: Some(PaddingMethod::PKCS1V1_5),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::new(vec![7; 100])),
        ..SignRequest::default()
    }
    .into()
}

fn sha_256() -> CryptographicParameters {
    let hashing_algorithm = Some(HashingAlgorithm::SHA_256);
    CryptographicParameters { hashing_algorithm, ..CryptographicParameters::default() }
}

#[test]
fn a_client_that_makes_rsa_keys_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::new());
    scene.holds_beside("RSA 4096", 8, Seen::Lasting(LONG), &message(vec![pair(4096).into()]));
}

#[test]
fn a_client_that_stretches_passwords_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::new());
    let secret = scene.client().ask(password(CryptographicUsageMask::DeriveKey)).unwrap().unique_identifier.0;
    let derive = DeriveKeyRequest {
        object_type: ObjectType::SymmetricKey,
        unique_identifier: vec![secret.as_str().into()],
        derivation_method: DerivationMethod::PBKDF2,
        derivation_parameters: DerivationParameters {
            cryptographic_parameters: Some(sha_256()),
            initialization_vector: None,
            derivation_data: Vec::new(),
            salt: Some(Secret::copy_of(b"salt and more salt")),
            iteration_count: Some(10_000_000),
        },
        attributes: Some(template(vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
        ])),
    };
    scene.holds_beside("PBKDF2", 3, Seen::Lasting(LONG), &message(vec![derive.into()]));
}

#[test]
fn a_client_with_long_batches_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::new());
    let key = scene.client().ask(pair(3072)).unwrap().private_key_unique_identifier.0;
    let work = message((0..BATCH).map(|_| sign(&key)).collect());
    scene.holds_beside("256 signatures", 4, Seen::Lasting(LONG), &work);
    let creates = (0..BATCH).map(|_| create(CryptographicAlgorithm::AES, CryptographicUsageMask::Encrypt).into());
    scene.holds_beside("256 keys", 8, Seen::Many(8), &message(creates.collect()));
}

#[test]
fn a_client_that_asks_for_much_at_once_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::new());
    let object =
        OpaqueObject { opaque_data_type: OpaqueDataType(0x8000_0001), opaque_data_value: Secret::new(vec![7; LARGE]) };
    let register = register(ObjectType::OpaqueObject, template(Vec::new()), object.into());
    let large = scene.client().ask(register).unwrap().unique_identifier.0;
    let gets = message((0..BATCH).map(|_| get(&large, None)).collect());
    let answer = scene.client().send(&gets).unwrap().len();
    assert!(answer > 15 * LARGE && answer < 17 << 20, "{answer} bytes: all of it is in memory before it leaves");
    scene.holds_beside("256 large objects", 2, Seen::Many(2), &gets);
}

#[test]
fn a_client_with_large_requests_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::new());
    let mut client = scene.client();
    let aes = made(&mut client, CryptographicAlgorithm::AES, CryptographicUsageMask::Encrypt);
    let hmac = made(&mut client, CryptographicAlgorithm::HMAC_SHA256, CryptographicUsageMask::MACGenerate);
    let hash = HashRequest {
        cryptographic_parameters: sha_256(),
        data: Some(Secret::new(vec![7; LARGE])),
        correlation_value: None,
        init_indicator: None,
        final_indicator: None,
    };
    let mac = MACRequest {
        unique_identifier: Some(hmac.as_str().into()),
        data: Some(Secret::new(vec![7; LARGE])),
        ..MACRequest::default()
    };
    for (name, request) in [("Encrypt", encrypt(&aes, LARGE)), ("Hash", hash.into()), ("MAC", mac.into())] {
        scene.holds_beside(name, 4, Seen::Many(50), &message(vec![request]));
    }
}

#[test]
fn a_client_that_locates_among_ten_thousand_objects_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::new());
    let mut client = scene.client();
    let create = || create(CryptographicAlgorithm::AES, CryptographicUsageMask::Encrypt).into();
    let creates = message((0..BATCH).map(|_| create()).collect());
    for _ in 0..40 {
        assert!(succeeds(&client.send(&creates).unwrap()));
    }
    let dates = (0..50).flat_map(|day| {
        [
            Attribute::InitialDate(DateTime(day)),
            Attribute::ActivationDate(DateTime(-day)),
            Attribute::LastChangeDate(DateTime(day)),
        ]
    });
    let masks = (0..100).map(|_| Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt));
    let attributes: Listed = dates.chain(masks).collect();
    let locate = LocateRequest { maximum_items: Some(1), attributes, ..LocateRequest::default() };
    scene.holds_beside("Locate", 4, Seen::Many(4), &message(vec![locate.into()]));
}

#[test]
fn a_client_that_connects_over_and_over_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::new());
    let config = scene.door.config(Some(&scene.heavy), &[&TLS13]);
    let query = QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None };
    let query = message(vec![query.into()]);
    scene.holds("connections", 16, Seen::Many(100), &|tally| {
        tally.repeat(|| Client::new(scene.door.connect(config.clone()), V2_1).send(&query).is_ok());
    });
}

#[test]
fn a_client_that_takes_keys_under_a_password_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::old());
    let mut client = scene.client();
    let secret = client.ask(password(CryptographicUsageMask::Export)).unwrap().unique_identifier.0;
    let key = client.ask(pair(2048)).unwrap().private_key_unique_identifier.0;
    let link = Attribute::Link(Link::to(LinkType::PKCS_12PasswordLink, &secret));
    let add =
        AddAttributeRequest { unique_identifier: Some(key.as_str().into()), new_attribute: One(link.clone().into()) };
    client.ask(add).unwrap();
    let get = message(vec![get(&key, Some(KeyFormatType::PKCS_12))]);
    scene.holds_beside("PKCS#12", 4, Seen::Many(8), &get);
    let given = given(&mut client, &key, KeyFormatType::PKCS_12);
    let attributes = active(vec![Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign), link]);
    let register = message(vec![register(ObjectType::PrivateKey, attributes, given).into()]);
    scene.holds_beside("a key that comes as PKCS#12", 4, Seen::Many(8), &register);
}

#[test]
fn a_client_that_brings_large_keys_delays_another_by_less_than_fifty_milliseconds() {
    let scene = Scene::new(Door::new());
    let mut client = scene.client();
    let key = client.ask(pair(4096)).unwrap().private_key_unique_identifier.0;
    let given = given(&mut client, &key, KeyFormatType::PKCS_8);
    let attributes = active(vec![
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
        Attribute::CryptographicLength(4096),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign),
    ]);
    let rsa = register(ObjectType::PrivateKey, attributes, given);
    scene.holds_beside("RSA of 4096 bits", 8, Seen::Many(50), &message(vec![rsa.into()]));
    let key_block = KeyBlock::of(KeyFormatType::Opaque, Secret::new(vec![7; LARGE]));
    let secret = SecretData { secret_data_type: SecretDataType::Password, key_block };
    let attributes = template(vec![Attribute::CryptographicUsageMask(CryptographicUsageMask::DeriveKey)]);
    let large = register(ObjectType::SecretData, attributes, secret.into());
    scene.holds_beside("a secret as large as a message", 4, Seen::Many(8), &message(vec![large.into()]));
}

#[test]
fn a_client_with_large_requests_in_text_delays_another_by_less_than_fifty_milliseconds() {
    for (name, encoding) in [("XML", Encoding::Xml), ("JSON", Encoding::Json)] {
        let scene = Scene::posted(encoding);
        let mut client = scene.client();
        let aes = made(&mut client, CryptographicAlgorithm::AES, CryptographicUsageMask::Encrypt);
        scene.holds_beside(name, 4, Seen::Many(20), &message(vec![encrypt(&aes, LARGE / 4)]));
        let query = || QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None };
        let batch = message((0..BATCH).map(|_| query().into()).collect());
        scene.holds_beside(&format!("long batches in {name}"), 4, Seen::Many(8), &batch);
    }
}

const ROUNDS: usize = 30;
const TRIES: usize = 8;
const MOST: Duration = Duration::from_millis(50);
/// What else keeps the machine busy may be over by then.
const PAUSE: Duration = Duration::from_secs(2);
/// Longer than anybody else may be delayed, by far.
const LONG: Duration = Duration::from_millis(150);
/// As many items as a batch has at most.
const BATCH: usize = 256;
/// What fits into a request.
const LARGE: usize = (1 << 20) - 4096;
