//! The log as a whole: what it keeps, what it survives, and that it stops where it must.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use strongroom_kmip::code::Operation;
use strongroom_kmip::secret::Secret;

use super::*;
use crate::caller::{Caller, Front, Principal, Role};
use crate::chance::{Chance, Dry};
use crate::clock::{Clock, StillClock, Time};

/// A folder that goes with the test.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("strongroom-audit-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.join("audit")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes that look random and never come twice in a run.
pub(super) struct Counted(AtomicU64);

impl Chance for Counted {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let seed = tree::leaf(&number.to_be_bytes());
        bytes.iter_mut().zip(seed.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

/// A seal that only mixes a word in: enough to see that no key stands in clear, and that another word does not open it.
pub(super) struct Word(pub(super) u8);

impl Keeper for Word {
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed: Vec<u8> = plain.iter().map(|byte| byte ^ self.0).collect();
        sealed.push(self.0);
        Some(sealed)
    }

    fn open(&self, sealed: &[u8]) -> Option<Secret> {
        let (word, rest) = sealed.split_last()?;
        (*word == self.0).then(|| Secret::new(rest.iter().map(|byte| byte ^ self.0).collect()))
    }
}

static CHANCE: AtomicU64 = AtomicU64::new(0);

pub(super) fn options(folder: &Path) -> (Options, Arc<StillClock>) {
    let clock = Arc::new(StillClock::at(Time(1_800_000_000_000)));
    let chance = Counted(AtomicU64::new(CHANCE.fetch_add(1 << 32, Ordering::Relaxed)));
    let given: Arc<dyn Clock> = clock.clone();
    (Options::new(folder, given, Arc::new(chance)), clock)
}

/// An open and signing log.
pub(super) fn signing(folder: &Path) -> (Log, Found) {
    let (log, found) = Log::open(options(folder).0).unwrap();
    log.unlock(Arc::new(Word(0x5a))).unwrap();
    (log, found)
}

pub(super) fn alice() -> Caller {
    Caller {
        principal: Principal::Client("alice".parse().unwrap()),
        role: Role::User,
        front: Front::Kmip,
        from: "127.0.0.1:40000".into(),
    }
}

pub(super) fn sign_by(caller: &Caller) -> Entry<'_> {
    let object = Some(Object { id: "6f1c", version: Some(1) });
    let entry = Entry::new(Who::Known(caller), Action::Operation(Operation::Sign), Outcome::Success);
    Entry { object, mechanism: Some("ECDSA-SHA256"), request: Some(7), input: Some(32), output: Some(70), ..entry }
}

/// The lines of the first segment.
pub(super) fn lines(folder: &Path) -> Vec<String> {
    fs::read_to_string(folder.join("000000000000.log")).unwrap().lines().map(str::to_owned).collect()
}

pub(super) fn actions(folder: &Path) -> Vec<String> {
    lines(folder).iter().map(|line| Record::parse(line.as_bytes()).unwrap().action).collect()
}

#[test]
fn a_log_is_opened_filled_and_closed_and_says_so() {
    let scratch = Scratch::new();
    let (log, found) = signing(&scratch.path());
    assert!(found.clean && found.last.is_empty() && found.torn.is_none());
    let caller = alice();
    assert_eq!(log.append(&sign_by(&caller), Durability::Sync).wait(), Ok(Sequence(1)));
    assert_eq!(log.append(&sign_by(&caller), Durability::Written).wait(), Ok(Sequence(2)));
    assert_eq!(log.close(), Ok(()));
    assert_eq!(log.close(), Ok(()), "closing twice");
    assert_eq!(log.append(&sign_by(&caller), Durability::Sync).wait(), Err(Error::Closed));
    assert_eq!(log.head().unwrap().size, 4);
    assert_eq!(actions(&scratch.path()), ["start", "Sign", "Sign", "stop"]);
    drop(log);
    let (log, found) = signing(&scratch.path());
    assert!(found.clean);
    assert_eq!(found.last.len(), 4);
    assert_eq!(found.checkpoint.unwrap().size, 4);
    assert_eq!(log.append(&sign_by(&caller), Durability::Sync).wait(), Ok(Sequence(5)));
}

#[test]
fn many_threads_leave_no_gap_and_no_double() {
    let scratch = Scratch::new();
    let (log, _) = signing(&scratch.path());
    let caller = alice();
    let given = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let (log, caller) = (&log, &caller);
                scope.spawn(move || {
                    let durability = if worker % 2 == 0 { Durability::Sync } else { Durability::Written };
                    let append = |_| log.append(&sign_by(caller), durability).wait().unwrap().0;
                    (0..50).map(append).collect::<Vec<u64>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<BTreeSet<u64>>()
    });
    assert_eq!(given, (1..=400).collect());
    log.close().unwrap();
    drop(log);
    let (_, found) = signing(&scratch.path());
    assert_eq!(found.last.len(), 402);
}

#[test]
fn a_log_whose_process_died_goes_on_where_it_was() {
    let scratch = Scratch::new();
    let (log, _) = signing(&scratch.path());
    log.append(&sign_by(&alice()), Durability::Sync).wait().unwrap();
    // Dropped, not closed: there is no stop record, as after a kill.
    drop(log);
    let (log, found) = signing(&scratch.path());
    assert!(!found.clean);
    assert_eq!(found.last.len(), 2);
    log.close().unwrap();
    let start = Record::parse(lines(&scratch.path())[2].as_bytes()).unwrap();
    assert_eq!((start.action.as_str(), start.result.as_str()), ("start", "failed"));
    assert_eq!(start.reason.as_deref(), Some("not-stopped"));
}
