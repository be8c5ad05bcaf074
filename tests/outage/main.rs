//! The whole appliance loses its life or its power while clients make, change and destroy keys: whatever a client was told
//! is so afterwards, and the log verifies.
//!
//! `STRONGROOM_OUTAGE_ROUNDS` sets how often each happens.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::{
    collections::{HashMap, HashSet},
    env, fs,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use strongroom_kmip::{
    attribute::{Attribute, Listed, References, Template},
    code::{AsynchronousIndicator, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, ResultStatus, State},
    message::{Asynchronous, RequestMessage},
    operation::{Request, Response},
    payload::{
        ActivateRequest, CreateKeyPairRequest, CreateRequest, DestroyRequest, GetAttributesRequest, LocateRequest,
        PollRequest,
    },
    version::V2_1,
};
use strongroom_tests::{Appliance, Doors, Line, Loss, Powerloss, connect, run};

#[test]
fn a_killed_appliance_keeps_what_it_acknowledged() {
    let mut appliance = Appliance::start();
    let told = Told::default();
    for _ in 0..rounds() {
        under_load(&appliance, &told);
        appliance.kill();
        appliance.restart();
        told.holds(appliance.doors());
        verifies(&appliance);
    }
}

#[test]
fn an_appliance_that_loses_its_power_keeps_what_it_acknowledged() {
    let mut appliance = Appliance::start();
    let told = Told::default();
    let model = Powerloss::build();
    for _ in 0..rounds() {
        appliance.stop();
        let watch = model.watch(appliance.dir());
        appliance.restart_under(watch.env());
        under_load(&appliance, &told);
        appliance.kill();
        watch.restore(Loss::PLAIN);
        // The model knows files and folders; what it puts where a socket was would be in the daemon's way.
        for socket in ["control.sock", "pkcs11.sock"] {
            let _ = fs::remove_file(appliance.dir().join(socket));
        }
        appliance.restart();
        told.holds(appliance.doors());
        verifies(&appliance);
    }
}

#[test]
fn what_a_killed_appliance_was_to_answer_later_is_done_after_the_next_start() {
    let mut appliance = Appliance::start();
    let mut line = connect(appliance.doors(), "alice", V2_1).unwrap();
    // More than there are seats, so that some are under way and some are not begun when all goes dark.
    let mut message = RequestMessage::of(V2_1, (0..2).map(|_| rsa()));
    message.header.asynchronous_indicator = Some(Asynchronous(AsynchronousIndicator::Mandatory));
    let messages = (0..4).flat_map(|_| line.exchange(&message).unwrap().items);
    let values: Vec<_> = messages.map(|item| item.asynchronous_correlation_value.unwrap()).collect();
    appliance.kill();
    appliance.restart();
    let mut line = connect(appliance.doors(), "alice", V2_1).unwrap();
    let mut made = HashSet::new();
    for value in &values {
        let poll = || PollRequest { asynchronous_correlation_value: value.clone() };
        let began = Instant::now();
        let item = loop {
            let item = line.exchange(&RequestMessage::of(V2_1, [poll().into()])).unwrap().items.remove(0);
            if item.result_status != ResultStatus::OperationPending {
                break item;
            }
            assert!(began.elapsed() < LONGEST, "it is pending for ever");
            thread::sleep(Duration::from_millis(50));
        };
        let Some(Response::CreateKeyPair(pair)) = item.payload else { panic!("no pair: {item:?}") };
        let id = pair.private_key_unique_identifier.0;
        assert_eq!(state(&mut line, &id), State::PreActive);
        made.insert(id);
    }
    assert_eq!(made.len(), values.len(), "each was done");
    let all = LocateRequest {
        attributes: [Attribute::ObjectType(ObjectType::PrivateKey)].into_iter().collect::<Listed>(),
        ..LocateRequest::default()
    };
    assert_eq!(line.ask(all).unwrap().unique_identifier.len(), values.len(), "and none twice");
    drop(line);
    verifies(&appliance);
}

/// What clients were told: each object's last acknowledged state, and the one that was asked for when all went dark.
#[derive(Default)]
struct Told(Mutex<HashMap<String, (State, Option<State>)>>);

impl Told {
    fn asked(&self, id: &str, state: State) {
        if let Some(entry) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(id) {
            entry.1 = Some(state);
        }
    }

    fn told(&self, id: &str, state: State) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), (state, None));
    }

    /// Every object is as it was said to be, or as it was asked to become when the answer was lost.
    fn holds(&self, doors: &Doors) {
        let mut line = connect(doors, "alice", V2_1).unwrap();
        let mut told = self.0.lock().unwrap();
        assert!(!told.is_empty(), "the load made nothing");
        for (id, (said, asked)) in told.iter_mut() {
            let is = state(&mut line, id);
            assert!(is == *said || Some(is) == *asked, "{id} is {is}; it was said to be {said}, asked to be {asked:?}");
            (*said, *asked) = (is, None);
        }
    }
}

/// Four clients work for a moment; each stops when its line breaks, so the caller may strike at any time.
fn under_load(appliance: &Appliance, told: &Told) {
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut line = connect(appliance.doors(), "alice", V2_1).unwrap();
            scope.spawn(move || while work(&mut line, told).is_some() {});
        }
        thread::sleep(Duration::from_millis(300));
        appliance.signal(nix::sys::signal::Signal::SIGKILL);
    });
}

fn work(line: &mut Line, told: &Told) -> Option<()> {
    let id = line.ask(aes()).ok()?.unique_identifier.0;
    told.told(&id, State::PreActive);
    told.asked(&id, State::Active);
    line.ask(ActivateRequest { unique_identifier: Some(id.as_str().into()) }).ok()?;
    told.told(&id, State::Active);
    let other = line.ask(aes()).ok()?.unique_identifier.0;
    told.told(&other, State::PreActive);
    told.asked(&other, State::Destroyed);
    line.ask(DestroyRequest { unique_identifier: Some(other.as_str().into()) }).ok()?;
    told.told(&other, State::Destroyed);
    Some(())
}

fn state(line: &mut Line, id: &str) -> State {
    let request =
        GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference: References(Vec::new()) };
    let answer = line.ask(request).unwrap_or_else(|error| panic!("{id} was acknowledged and is gone: {error}"));
    let states = answer.attributes.0.into_iter().find_map(|instance| match instance.attribute {
        Attribute::State(state) => Some(state),
        _ => None,
    });
    states.unwrap()
}

fn verifies(appliance: &Appliance) {
    let config = appliance.dir().join("strongroom.toml");
    let told = run(appliance.strongroom().arg("--config").arg(config).args(["audit", "verify"]));
    assert_eq!(told.code, Some(0), "{told}");
}

fn aes() -> CreateRequest {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
    ];
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() },
        protection_storage_masks: None,
    }
}

fn rsa() -> Request {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
        Attribute::CryptographicLength(3072),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign),
    ];
    let common = Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() };
    CreateKeyPairRequest { common_attributes: Some(common), ..CreateKeyPairRequest::default() }.into()
}

/// Eight pairs of 3072 bits on a loaded machine take a fraction of it.
const LONGEST: Duration = Duration::from_secs(120);

fn rounds() -> u64 {
    env::var("STRONGROOM_OUTAGE_ROUNDS").map_or(6, |value| value.parse().expect("a number of rounds"))
}
