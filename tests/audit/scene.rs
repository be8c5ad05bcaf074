//! A log in a folder of its own, a clock that stands still, and copies of the log that can be damaged.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::audit::checkpoint::Identity;
use strongroom::audit::{
    Action, Damage, Durability, Entry, Found, Keeper, Log, Object, Options, Outcome, Reason, Record, Report, Who,
    verify,
};
use strongroom::caller::{Caller, Front, Principal, Role, Scope};
use strongroom::chance::{Chance, Dry};
use strongroom::clock::{Clock, StillClock, Time};
use strongroom_kmip::code::{Operation, ResultReason, State};
use strongroom_kmip::secret::Secret;
use strongroom_tests::Folder;

pub(crate) const SEGMENT: &str = "000000000000.log";

/// Bytes that never come twice in this process.
struct Counted;

impl Chance for Counted {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        for part in bytes.chunks_mut(32) {
            let number = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            part.copy_from_slice(&strongroom::audit::tree::leaf(&number)[..part.len()]);
        }
        Ok(())
    }
}

/// A seal that only mixes a word in: enough to see that no key stands in clear, and that another word opens nothing.
pub(crate) struct Word(pub(crate) u8);

impl Keeper for Word {
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some(plain.iter().chain(&[0]).map(|byte| byte ^ self.0).collect())
    }

    fn open(&self, sealed: &[u8]) -> Option<Secret> {
        let mut plain: Vec<u8> = sealed.iter().map(|byte| byte ^ self.0).collect();
        plain.pop().filter(|last| *last == 0).map(|_| Secret::new(plain))
    }
}

/// A folder for logs.
pub(crate) struct Scene {
    scratch: Folder,
    pub(crate) clock: Arc<StillClock>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { scratch: Folder::new(), clock: Arc::new(StillClock::at(Time(1_800_000_000_000))) }
    }

    /// The log's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.scratch.join("audit")
    }

    pub(crate) fn options(&self) -> Options {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Options { epoch_records: 5, journal: 64 * 1024, ..Options::new(self.folder(), clock, Arc::new(Counted)) }
    }

    /// Opens the log, with epochs of five records, and lets it sign.
    pub(crate) fn open(&self) -> (Log, Found) {
        self.open_with(self.options())
    }

    pub(crate) fn open_with(&self, options: Options) -> (Log, Found) {
        let (log, found) = Log::open(options).unwrap();
        log.unlock(Arc::new(Word(0x5a))).unwrap();
        (log, found)
    }

    /// A closed log with this many records besides its start and stop.
    pub(crate) fn closed(records: usize) -> Self {
        Self::closed_with(records, |_| {})
    }

    pub(crate) fn closed_with(records: usize, change: impl FnOnce(&mut Options)) -> Self {
        let scene = Self::new();
        let mut options = scene.options();
        change(&mut options);
        let (log, _) = scene.open_with(options);
        fill(&log, records);
        log.close().unwrap();
        scene
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::parse(&fs::read_to_string(self.folder().join("log.pub")).unwrap()).unwrap()
    }

    /// The path of the log's public key.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder().join("log.pub")
    }

    /// A fresh copy of the log under this name.
    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let to = self.scratch.join(name);
        copy(&self.folder(), &to);
        to
    }

    pub(crate) fn verify(&self) -> Result<Report, Damage> {
        self.verify_in(&self.folder())
    }

    pub(crate) fn verify_in(&self, folder: &Path) -> Result<Report, Damage> {
        verify(folder, &self.identity(), &mut |_| {})
    }

    /// The text of the first segment.
    pub(crate) fn text(&self) -> String {
        fs::read_to_string(self.folder().join(SEGMENT)).unwrap()
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.text().lines().map(|line| Record::parse(line.as_bytes()).unwrap()).collect()
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        self.records().into_iter().map(|record| record.action).collect()
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        // A log at work puts files in the place of others meanwhile.
        match fs::copy(file.path(), to.join(file.file_name())) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => drop(copied.unwrap()),
        }
    }
}

/// The note that signs so many lines, which comes a little after the last of them is safe.
pub(crate) fn head(log: &Log, size: u64) -> Arc<str> {
    let since = Instant::now();
    loop {
        match log.head().filter(|head| head.size >= size) {
            Some(head) => return head.note,
            None => assert!(since.elapsed() < Duration::from_secs(10)),
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Appends records of several kinds, each made durable by itself.
pub(crate) fn fill(log: &Log, records: usize) {
    for number in 0..records {
        let caller = alice();
        let entry = match number % 3 {
            0 => created(&caller),
            1 => signed(&caller),
            _ => refused(&caller),
        };
        log.append(&entry, Durability::Sync).wait().unwrap();
    }
}

pub(crate) fn alice() -> Caller {
    Caller {
        principal: Principal::Client("alice".parse().unwrap()),
        role: Role::User,
        front: Front::Kmip,
        from: "127.0.0.1:40000".into(),
        scope: Scope::Everything,
    }
}

fn created(caller: &Caller) -> Entry<'_> {
    let entry = Entry::new(Who::Known(caller), Action::Operation(Operation::Create), Outcome::Success);
    let object = Some(Object { id: "6f1c", version: Some(1) });
    Entry { object, others: &OTHERS[..], after: Some(State::PreActive), ..entry }
}

/// What was made besides it: names that need an escape, and none too many.
static OTHERS: LazyLock<[String; 2]> = LazyLock::new(|| ["6f1d".to_owned(), "a \"quoted\" \\ one".to_owned()]);

pub(crate) fn signed(caller: &Caller) -> Entry<'_> {
    let entry = Entry::new(Who::Known(caller), Action::Operation(Operation::Sign), Outcome::Success);
    let object = Some(Object { id: "6f1c", version: Some(1) });
    Entry {
        object,
        mechanism: Some("ECDSA"),
        request: Some(7),
        item: Some(0),
        input: Some(32),
        output: Some(64),
        ..entry
    }
}

fn refused(caller: &Caller) -> Entry<'_> {
    let reason = Outcome::Refused(Reason::Kmip(ResultReason::PermissionDenied));
    let entry = Entry::new(Who::Known(caller), Action::Operation(Operation::Get), reason);
    Entry { correlation: Some("it's \"mine\"\n"), ..entry }
}
