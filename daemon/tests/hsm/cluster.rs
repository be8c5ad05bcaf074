//! Several tokens that hold the same keys.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use nix::sys::signal::{Signal, kill};
use strongroom::slot::{
    Condition, Error, Family, Form, Holding, Kept, Made, Pair, Purpose, Recipe, Shape, Slot, Why, hsm::Settings,
    registry, software::Software,
};
use strongroom_kmip::{
    code::ProtectionStorageMask,
    mechanism::{self, Curve, Hash, Input, Mechanism},
    secret::Secret,
};

use crate::bench::{Ending, Token, until, usable};
use crate::house::House;
use crate::orphans::worker;

const HARDWARE: ProtectionStorageMask = ProtectionStorageMask::Hardware;
const WRAPPER: &str = "wrapping";
const ECDSA: Mechanism = Mechanism::Ecdsa { hash: Some(Hash::Sha256), form: mechanism::Form::Raw };

/// Tokens of one library, each with a program of its own, by which its workers are known.
pub(crate) struct Tokens {
    pub(crate) token: Token,
    labels: Vec<&'static str>,
}

impl Tokens {
    pub(crate) fn new(labels: &[&'static str]) -> Option<Self> {
        let token = Token::new(labels[0])?;
        labels[1..].iter().for_each(|label| token.initialise(label));
        let tokens = Self { token, labels: labels.to_vec() };
        tokens
            .labels
            .iter()
            .for_each(|label| symlink(env!("CARGO_BIN_EXE_strongroom"), tokens.program(label)).unwrap());
        Some(tokens)
    }

    fn program(&self, label: &str) -> PathBuf {
        self.token.folder.0.join(format!("worker-of-{label}"))
    }

    /// Puts a wrapping key into a token.
    fn wrapper(&self, label: &str, byte: u8) {
        let path = self.token.folder.0.join("wrapper");
        fs::write(&path, [byte; 32]).unwrap();
        let path = path.display().to_string();
        let key = ["--write-object", &path, "--type", "secrkey", "--key-type", "AES:32", "--label", WRAPPER];
        self.token.tool(&[&["--token-label", label][..], &key, &["--private", "--sensitive", "--usage-wrap"]].concat());
    }

    fn settings(&self, label: &str) -> (String, Settings) {
        let settings = Settings {
            name: format!("hsm/{label}"),
            program: self.program(label),
            wrap_with: Some(WRAPPER.to_owned()),
            ..self.token.settings(label)
        };
        (label.to_owned(), settings)
    }

    /// A slot over all of them, whose keys go from one to another by the wrapping key.
    pub(crate) fn slot(&self) -> Arc<dyn Slot> {
        let members = self.labels.iter().map(|label| self.settings(label)).collect();
        let slot = registry::cluster("hsm", members, Some(WRAPPER.to_owned()));
        all_usable(&*slot);
        slot
    }

    /// A slot over one of them alone.
    fn alone(&self, label: &str) -> Arc<dyn Slot> {
        usable(registry::token(self.token.settings(label)))
    }

    fn kill(&self, label: &str) {
        worker(&self.program(label)).into_iter().for_each(|worker| {
            let _ = kill(worker, Signal::SIGKILL);
        });
    }

    /// Keeps a member from being opened, or lets it again.
    fn bar(&self, label: &str, barred: bool) {
        let program = self.program(label);
        fs::remove_file(&program).unwrap();
        symlink(if barred { Path::new("/nowhere") } else { Path::new(env!("CARGO_BIN_EXE_strongroom")) }, program)
            .unwrap();
    }
}

fn all_usable(slot: &dyn Slot) {
    eventually("all members are usable", || {
        slot.holding().unwrap().members().iter().all(|member| member.condition == Condition::Usable)
    });
}

#[track_caller]
fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        sleep(Duration::from_millis(20));
    }
}

fn pair(slot: &dyn Slot, pair: Pair) -> (Kept, Kept) {
    match slot.make(&Recipe::Pair(pair)).unwrap() {
        Made::Pair { private, public } => (private, public),
        Made::One(_) => panic!("one key"),
    }
}

fn errand(holding: &dyn Holding, kept: &Kept) -> Secret {
    holding.errand(&kept.held).unwrap()
}

/// Whether a key signs in a slot so that its public half says so, there and elsewhere.
fn signs(slot: &dyn Slot, private: &Kept, public: &Kept, mechanism: &Mechanism) -> bool {
    let signature = slot.open(private).unwrap().work(Purpose::Sign, mechanism, b"data");
    let elsewhere = Software::new("beside");
    let publics = [slot, &elsewhere as &dyn Slot].map(|slot| slot.open(public).unwrap());
    signature.is_ok_and(|signature| {
        publics.iter().all(|public| public.verify(mechanism, b"data", signature.reveal()).is_ok())
    })
}

#[test]
fn a_key_made_at_one_member_is_at_all_of_them_when_its_making_is_answered() {
    let Some(tokens) = Tokens::new(&["one", "two", "three"]) else { return };
    tokens.labels.iter().for_each(|label| tokens.wrapper(label, 7));
    let slot = tokens.slot();
    let holding = slot.holding().unwrap();
    let rsa = Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: Input::Message };
    for (name, kind, mechanism) in [
        ("P-256", Pair::Elliptic(Curve::P256), &ECDSA),
        ("RSA", Pair::Rsa { bits: 2048 }, &rsa),
        ("P-521", Pair::Elliptic(Curve::P521), &ECDSA),
    ] {
        let (private, public) = pair(&*slot, kind);
        assert_eq!(holding.whereabouts(&errand(holding, &private)), tokens.labels, "{name}");
        for label in &tokens.labels {
            assert!(signs(&*tokens.alone(label), &private, &public, mechanism), "{name} at {label}");
        }
        assert_eq!(slot.give(&private, Form::Pkcs8).unwrap_err(), Error::Held);
    }
    let Made::One(hmac) = slot.make(&Recipe::Symmetric { family: Family::Hmac, bits: 256 }).unwrap() else { panic!() };
    let mechanism = Mechanism::Hmac { hash: Hash::Sha256, length: 32 };
    let mac = |slot: &dyn Slot| slot.open(&hmac).unwrap().work(Purpose::Sign, &mechanism, b"data").unwrap();
    let first = mac(&*tokens.alone("one"));
    assert!(first.same_as(mac(&*tokens.alone("two")).reveal()) && first.same_as(mac(&*tokens.alone("three")).reveal()));
    let said = tokens.token.tool(&["--token-label", "two", "--list-objects", "--type", "privkey"]);
    assert!(said.contains("sensitive") && !said.contains("never extractable"), "{said}");
    holding.remove(&errand(holding, &hmac)).unwrap();
    assert_eq!(holding.whereabouts(&errand(holding, &hmac)), Vec::<String>::new());
    assert_eq!(slot.open(&hmac).unwrap().work(Purpose::Sign, &mechanism, b"data").unwrap_err(), Error::Vanished);
}

#[test]
fn a_member_that_is_away_is_not_missed_and_gets_the_keys_that_were_made_meanwhile() {
    let Some(tokens) = Tokens::new(&["one", "two"]) else { return };
    tokens.labels.iter().for_each(|label| tokens.wrapper(label, 7));
    let slot = tokens.slot();
    let house = House::over(slot.clone());
    let before = house.hmac(HARDWARE).unwrap();
    let mac = house.mac(&before).unwrap();
    tokens.bar("two", true);
    tokens.kill("two");
    eventually("two is away", || slot.holding().unwrap().members()[1].condition != Condition::Usable);
    assert_eq!(slot.holding().unwrap().condition(), Condition::Usable);
    assert_eq!(house.mac(&before).unwrap(), mac);
    let made: Vec<_> = (0..3).map(|_| house.hmac(HARDWARE).unwrap()).collect();
    house.destroy(&before).unwrap();
    house.attend();
    // What is destroyed goes from the member that is away when it comes back.
    assert_eq!(house.row().2, 1);
    tokens.bar("two", false);
    all_usable(&*slot);
    assert_eq!(slot.holding().unwrap().members()[1].lacking, None, "nobody has looked yet");
    eventually("two has all keys", || {
        house.attend();
        let members = slot.holding().unwrap().members();
        house.row().2 == 0 && members[1].lacking == Some(0) && tokens.token_objects("two") == made.len()
    });
    assert!(!house.told("\"spread\"").is_empty());
    assert!(house.told("\"slot-changed\"").iter().any(|line| line.contains("hsm/two")));
    tokens.bar("one", true);
    tokens.kill("one");
    eventually("one is away", || slot.holding().unwrap().members()[0].condition != Condition::Usable);
    assert!(made.iter().all(|id| house.mac(id).is_ok()), "a key is not at the other member");
    let id = house.hmac(HARDWARE).unwrap();
    assert!(house.mac(&id).is_ok());
}

impl Tokens {
    /// Secret keys of ours in a token.
    fn token_objects(&self, label: &str) -> usize {
        let said = self.token.tool(&["--token-label", label, "--list-objects", "--type", "secrkey"]);
        said.matches("strongroom ").count()
    }
}

#[test]
fn kills_of_members_under_load_lose_no_key_and_leave_none_behind() {
    let Some(tokens) = Tokens::new(&["one", "two", "three"]) else { return };
    tokens.labels.iter().for_each(|label| tokens.wrapper(label, 7));
    let slot = tokens.slot();
    let house = House::over(slot.clone());
    let steady = house.hmac(HARDWARE).unwrap();
    let mac = house.mac(&steady).unwrap();
    let heads = tokens.token.heads();
    let (over, kept, used) = (AtomicBool::new(false), Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (mine, _) = house.bustle(&over, 4);
                kept.lock().unwrap().extend(mine);
            });
        }
        scope.spawn(|| {
            // A use has no effect: another member serves it, and no call is refused while one is there.
            while !over.load(Ordering::Relaxed) {
                assert_eq!(house.mac(&steady).unwrap(), mac);
                used.fetch_add(1, Ordering::Relaxed);
            }
        });
        let attending = scope.spawn(|| house.attend_until(&over));
        let ending = Ending(&over);
        for round in 0..30usize {
            let label = tokens.labels[round % 2];
            let at = |member: usize| slot.holding().unwrap().members()[member].condition == Condition::Usable;
            eventually("those that are killed are usable", || {
                tokens.token.mend(&heads);
                at(0) && at(1)
            });
            sleep(Duration::from_millis(round as u64 * 7919 % 60));
            tokens.kill(label);
        }
        drop(ending);
        attending.join().unwrap();
    });
    tokens.token.mend(&heads);
    all_usable(&*slot);
    eventually("nothing is left over", || {
        house.attend();
        house.row().2 == 0
    });
    let kept = kept.into_inner().unwrap();
    assert!(kept.iter().all(|id| house.mac(id).is_ok()), "a key that was acknowledged is lost");
    assert!(used.into_inner() > 30);
    let held = house.vault.held_in("hsm").unwrap();
    eventually("every key is at every member", || {
        house.attend();
        held.iter().all(|key| slot.holding().unwrap().whereabouts(key).len() == 3)
    });
    for label in &tokens.labels {
        assert_eq!(tokens.token_objects(label), held.len(), "a key is orphaned at {label}");
    }
}

#[test]
fn a_member_that_cannot_take_keys_says_why_and_serves_those_that_it_has() {
    let Some(tokens) = Tokens::new(&["one", "two"]) else { return };
    tokens.wrapper("one", 7);
    let slot = tokens.slot();
    let house = House::over(slot.clone());
    let hindrance = || slot.holding().unwrap().members()[1].hindrance;
    let id = house.hmac(HARDWARE).unwrap();
    eventually("the missing key is told", || {
        house.attend();
        hindrance() == Some(Why::NoWrapper)
    });
    assert_eq!(slot.holding().unwrap().members()[1].lacking, Some(1));
    assert!(house.mac(&id).is_ok());
    tokens.wrapper("two", 8);
    slot.holding().unwrap().member("two").unwrap().retry(None);
    eventually("another key is told", || {
        house.attend();
        hindrance() == Some(Why::OtherWrapper)
    });
    tokens.token.tool(&["--token-label", "two", "--delete-object", "--type", "secrkey", "--label", WRAPPER]);
    tokens.wrapper("two", 7);
    slot.holding().unwrap().member("two").unwrap().retry(None);
    eventually("the key is brought", || {
        house.attend();
        hindrance().is_none()
            && slot.holding().unwrap().members()[1].lacking == Some(0)
            && tokens.token_objects("two") == 1
    });
}

#[test]
fn a_key_that_its_token_does_not_let_go_is_used_where_it_is_and_counted() {
    let Some(tokens) = Tokens::new(&["one", "two"]) else { return };
    tokens.labels.iter().for_each(|label| tokens.wrapper(label, 7));
    let (private, public) = {
        let alone = tokens.alone("two");
        pair(&*alone, Pair::Elliptic(Curve::P256))
    };
    let slot = tokens.slot();
    let holding = slot.holding().unwrap();
    let key = errand(holding, &private);
    assert_eq!(holding.found().unwrap().len(), 1, "the wrapping keys are not to be had");
    eventually("it is known to stay", || {
        holding.spread(&[key.duplicate()]);
        holding.members()[0].bound == 1
    });
    assert_eq!(holding.whereabouts(&key), ["two"]);
    assert!((0..8).all(|_| signs(&*slot, &private, &public, &ECDSA)));
}

#[test]
fn tokens_that_share_their_keys_by_themselves_are_looked_through_for_them() {
    let Some(tokens) = Tokens::new(&["one", "two"]) else { return };
    let members = || {
        tokens.labels.iter().map(|label| {
            let (name, settings) = tokens.settings(label);
            (name, Settings { wrap_with: None, ..settings })
        })
    };
    let slot = registry::cluster("hsm", members().collect(), None);
    all_usable(&*slot);
    let elsewhere = Software::new("elsewhere");
    let Made::Pair { private, .. } = elsewhere.make(&Recipe::Pair(Pair::Elliptic(Curve::P256))).unwrap() else {
        panic!()
    };
    let material = elsewhere.give(&private, Form::Pkcs8).unwrap();
    let shape = Shape::Private(Pair::Elliptic(Curve::P256));
    let kept = slot.take(shape, &material).unwrap();
    let holding = slot.holding().unwrap();
    assert_eq!(holding.whereabouts(&errand(holding, &kept)).len(), 1);
    let key = slot.open(&kept).unwrap();
    assert!((0..8).all(|_| key.work(Purpose::Sign, &ECDSA, b"data").is_ok()));
    let mut running = key.begin(Purpose::Sign, &ECDSA).unwrap();
    running.update(b"data").unwrap();
    assert_eq!(running.finish().unwrap().len(), 64);
    assert!(holding.is_scattered());
    assert_eq!(holding.spread(&[errand(holding, &kept)]), 0);
    assert_eq!(holding.members().iter().filter_map(|member| member.lacking).sum::<usize>(), 1);
}

#[test]
fn a_token_that_is_two_members_is_one_and_a_wrong_pin_is_that_of_its_member() {
    let Some(tokens) = Tokens::new(&["one", "two"]) else { return };
    let wrong = |label| {
        let (name, settings) = tokens.settings(label);
        (name, Settings { pin: Box::new(|| Some(Secret::copy_of(b"87654321"))), ..settings })
    };
    let (_, again) = tokens.settings("one");
    let members = vec![tokens.settings("one"), ("again".to_owned(), again), wrong("two")];
    let slot = registry::cluster("hsm", members, Some(WRAPPER.to_owned()));
    until(&*slot, |condition| condition == Condition::Usable);
    eventually("each says what is wrong", || {
        let conditions: Vec<_> = slot.holding().unwrap().members().iter().map(|member| member.condition).collect();
        conditions[1..] == [Condition::Unfit(Why::SameToken), Condition::Unfit(Why::WrongPin)]
    });
    slot.holding().unwrap().member("two").unwrap().retry(Some(Secret::copy_of(crate::bench::PIN.as_bytes())));
    eventually("the right PIN opens it", || slot.holding().unwrap().members()[2].condition == Condition::Usable);
    assert!(slot.holding().unwrap().member("nobody").is_none());
}
