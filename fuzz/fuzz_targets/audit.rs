//! Whatever stands in the audit folder: nothing panics, what is not as it was signed is not believed, and what is believed can be
//! opened and written on. The first byte says which file of a small, sound log the rest takes the place of, and whether the log
//! is opened too.

#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use libfuzzer_sys::fuzz_target;
use strongroom::audit::checkpoint::{Checkpoint, Identity, Note};
use strongroom::audit::{Durability, Entry, Event, Keeper, Log, Options, Record, tree, verify};
use strongroom::chance::{Chance, Dry};
use strongroom::clock::{StillClock, Time};
use strongroom_kmip::secret::Secret;

const FILES: [&str; 3] = ["000000000000.log", "checkpoint", "epochs"];
const OPENED: u8 = 0x80;

fuzz_target!(|bytes: &[u8]| {
    alone(bytes);
    let Some((which, rest)) = bytes.split_first() else { return };
    let file = usize::from(*which & 3) % FILES.len();
    among(file, rest, which & OPENED != 0);
});

/// What each reader says of the bytes by themselves.
fn alone(bytes: &[u8]) {
    let _ = Record::parse(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.text(), text, "a checkpoint has one spelling");
    }
    if let Some(note) = Note::parse(text) {
        assert!(!note.signed_by(&LOG.identity.key) || text.contains("epoch 0\n"), "each epoch has its own key");
    }
    if let Some(identity) = Identity::parse(text) {
        assert_eq!(identity.to_string(), text.strip_suffix('\n').unwrap_or(text), "an identity has one spelling");
    }
}

/// What the verifier says of the log with these bytes in the place of one file.
fn among(file: usize, bytes: &[u8], opened: bool) {
    let folder = LOG.scratch.join("changed");
    fill(&folder, &LOG.files);
    fs::write(folder.join(FILES[file]), bytes).unwrap();
    let Ok(report) = verify(&folder, &LOG.identity, &mut |_| {}) else { return };
    if file == 0 {
        assert!(bytes.starts_with(&LOG.files[0].1), "every line of this log is signed");
    }
    assert!(report.signed <= LOG.lines);
    if opened {
        let (log, _) = Log::open(options(&folder)).expect("what is sound is opened");
        drop(log);
        verify(&folder, &LOG.identity, &mut |_| {}).expect("what was sound stays sound");
    }
}

struct Sound {
    scratch: PathBuf,
    files: Vec<(String, Vec<u8>)>,
    identity: Identity,
    lines: u64,
}

static LOG: LazyLock<Sound> = LazyLock::new(|| {
    // In memory where there is such a place: the log makes everything durable.
    let memory = Path::new("/dev/shm");
    let top = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let scratch = top.join(format!("strongroom-fuzz-{}", std::process::id()));
    fs::create_dir_all(&scratch).unwrap();
    let folder = scratch.join("sound");
    let (log, _) = Log::open(options(&folder)).unwrap();
    log.unlock(Arc::new(Clear)).unwrap();
    for _ in 0..10 {
        log.append(&Entry::event(Event::Heartbeat), Durability::Sync).wait().unwrap();
    }
    log.close().unwrap();
    let read = |name: &str| (name.to_owned(), fs::read(folder.join(name)).unwrap());
    let files: Vec<_> = FILES.into_iter().chain(["log.pub"]).map(read).collect();
    let identity = Identity::parse(std::str::from_utf8(&files[3].1).unwrap()).unwrap();
    Sound { scratch, files, identity, lines: 12 }
});

fn fill(folder: &Path, files: &[(String, Vec<u8>)]) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn options(folder: &Path) -> Options {
    let clock = Arc::new(StillClock::at(Time(1_800_000_000_000)));
    Options { epoch_records: 5, ..Options::new(folder, clock, Arc::new(Counted(AtomicU64::new(0)))) }
}

/// The same bytes in every run, so that what was found once is found again.
struct Counted(AtomicU64);

impl Chance for Counted {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
        let seed = tree::leaf(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes.iter_mut().zip(seed).for_each(|(to, from)| *to = from);
        Ok(())
    }
}

struct Clear;

impl Keeper for Clear {
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some(plain.to_vec())
    }

    fn open(&self, sealed: &[u8]) -> Option<Secret> {
        Some(Secret::copy_of(sealed))
    }
}
