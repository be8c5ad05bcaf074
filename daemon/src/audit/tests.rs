//! The log over a disk that fails or is slow: it stops, and no receipt promises what is not there. What can be tried from
//! outside stands in `tests/audit`.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use strongroom_kmip::secret::Secret;

use super::medium::{Folder, Hold, Medium, Segment};
use super::*;
use crate::chance::{Chance, Dry};
use crate::clock::{StillClock, Time};
use crate::receipt::shared;
use crate::slate::Slate;

/// What a disk does when asked for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// Every write ends after half of the bytes.
    Tears,
    /// As a full file system.
    Full,
    /// Nothing becomes durable.
    Forgets,
    /// Nothing can be put in a file's place.
    Keeps,
    /// Nothing can be added to the history.
    Silent,
    /// Whoever wants something durable waits.
    Slow,
}

/// A folder with moods, and what was done to it in order.
struct Disk {
    folder: Arc<Folder>,
    mood: Mutex<Mood>,
    changed: Condvar,
    done: Mutex<Vec<&'static str>>,
}

impl Disk {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    fn become_(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.changed.notify_all();
    }

    fn note(&self, what: &'static str) {
        self.done.lock().unwrap().push(what);
    }

    fn refuse(&self, mood: Mood) -> io::Result<()> {
        if self.mood() == mood { Err(io::Error::other("a failing disk")) } else { Ok(()) }
    }
}

struct Page {
    disk: Arc<Disk>,
    file: Arc<dyn Segment>,
}

impl Segment for Page {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.disk.note("append");
        match self.disk.mood() {
            Mood::Tears => {
                self.file.append(&bytes[..bytes.len() / 2])?;
                Err(io::Error::other("a failing disk"))
            }
            Mood::Full => OpenOptions::new().append(true).open("/dev/full")?.append(bytes),
            _ => self.file.append(bytes),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let slow = |mood: &mut Mood| *mood == Mood::Slow;
        drop(self.disk.changed.wait_while(self.disk.mood.lock().unwrap(), slow).unwrap());
        self.disk.refuse(Mood::Forgets)?;
        self.disk.note("sync");
        self.file.sync()
    }
}

/// The journal on a disk with moods.
struct Leaf {
    disk: Arc<Disk>,
    slate: Box<dyn Slate>,
}

impl Slate for Leaf {
    fn write(&self, blocks: &[u8], at: u64) -> io::Result<()> {
        let slow = |mood: &mut Mood| *mood == Mood::Slow;
        drop(self.disk.changed.wait_while(self.disk.mood.lock().unwrap(), slow).unwrap());
        self.disk.refuse(Mood::Forgets)?;
        self.disk.note("journal");
        self.slate.write(blocks, at)
    }
}

struct Shared(Arc<Disk>);

impl Medium for Shared {
    fn segment(&self, start: u64) -> io::Result<Arc<dyn Segment>> {
        Ok(Arc::new(Page { disk: Arc::clone(&self.0), file: self.0.folder.segment(start)? }))
    }

    fn extend(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.refuse(Mood::Silent)?;
        self.0.folder.extend(name, bytes)
    }

    fn replace(&self, name: &str, bytes: &[u8], hold: Hold) -> io::Result<()> {
        self.0.refuse(Mood::Keeps)?;
        if name == "checkpoint" {
            self.0.note("checkpoint");
        }
        self.0.folder.replace(name, bytes, hold)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.folder.rename(from, to)
    }

    fn slate(&self, name: &str, blocks: u64) -> io::Result<Box<dyn Slate>> {
        Ok(Box::new(Leaf { disk: Arc::clone(&self.0), slate: self.0.folder.slate(name, blocks)? }))
    }
}

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

/// An open, signing log over a disk with moods.
struct Scene {
    path: PathBuf,
    disk: Arc<Disk>,
    log: Option<Log>,
    clock: Arc<StillClock>,
    stops: Arc<AtomicUsize>,
}

impl Scene {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("strongroom-audit-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        let (clock, stops) = (Arc::new(StillClock::at(Time(0))), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&stops);
        let mut options = Options::new(&path, clock.clone(), Arc::new(Counted(AtomicU64::new(0))));
        options.stop = Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let mut held = None;
        let (inner, _) = opening::open(options, |folder| {
            let (mood, done) = (Mutex::new(Mood::Well), Mutex::default());
            let disk = Arc::new(Disk { folder, mood, changed: Condvar::new(), done });
            held = Some(Arc::clone(&disk));
            Arc::new(Shared(disk))
        })
        .unwrap();
        let log = Log::start(inner);
        log.unlock(Arc::new(Clear)).unwrap();
        Self { path, disk: held.unwrap(), log: Some(log), clock, stops }
    }

    fn log(&self) -> &Log {
        self.log.as_ref().unwrap()
    }

    fn append(&self, durability: Durability) -> crate::receipt::Receipt<Sequence, Error> {
        self.log().append(&Entry::event(Event::Heartbeat), durability)
    }

    /// A copy of the log's folder.
    fn copy(&self) -> PathBuf {
        let to = self.path.with_extension("copy");
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(&self.path).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        to
    }

    /// Waits until so many lines are signed.
    fn signed(&self, size: u64) {
        let since = Instant::now();
        while self.log().head().unwrap().size < size {
            assert!(since.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for the log to notice that it failed.
    fn failed(&self) {
        let since = Instant::now();
        while self.stops.load(Ordering::SeqCst) == 0 {
            assert!(since.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.disk.become_(Mood::Well);
        self.log = None;
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_and_promises_nothing() {
    for mood in [Mood::Tears, Mood::Full] {
        for durability in [Durability::Sync, Durability::Written] {
            let mut scene = Scene::new();
            scene.append(Durability::Sync).wait().unwrap();
            scene.disk.become_(mood);
            assert_eq!(scene.append(durability).wait(), Err(Error::Failed), "{mood:?} {durability:?}");
            // The disk comes back; the log does not, because nobody knows what is on it.
            scene.disk.become_(Mood::Well);
            assert_eq!(scene.append(durability).wait(), Err(Error::Failed));
            assert!(scene.log().has_failed());
            assert_eq!(scene.log().close(), Err(Error::Failed));
            assert_eq!(scene.stops.load(Ordering::SeqCst), 1);
            scene.log = None;
            // The scene still holds the folder's lock.
            let copy = scene.copy();
            let chance = Arc::new(Counted(AtomicU64::new(1 << 32)));
            let (log, found) = Log::open(Options::new(&copy, scene.clock.clone(), chance)).unwrap();
            assert_eq!(found.last.len(), 2, "{mood:?}: what was promised is there");
            assert_eq!(found.torn.is_some(), mood == Mood::Tears);
            drop(log);
            fs::remove_dir_all(&copy).unwrap();
        }
    }
}

#[test]
fn a_log_that_does_not_become_durable_stops_and_promises_nothing() {
    let scene = Scene::new();
    scene.disk.become_(Mood::Slow);
    let waiting: Vec<_> = (0..20).map(|_| scene.append(Durability::Sync)).collect();
    scene.disk.become_(Mood::Forgets);
    for receipt in waiting {
        assert_eq!(receipt.wait(), Err(Error::Failed));
    }
    scene.failed();
    assert_eq!(scene.append(Durability::Written).wait(), Err(Error::Failed));
}

#[test]
fn a_record_that_was_only_written_stops_the_log_when_it_does_not_become_durable() {
    let scene = Scene::new();
    scene.disk.become_(Mood::Forgets);
    assert!(scene.append(Durability::Written).wait().is_ok());
    scene.failed();
    assert_eq!(scene.append(Durability::Written).wait(), Err(Error::Failed));
}

#[test]
fn a_checkpoint_that_cannot_be_put_in_place_stops_the_log() {
    let scene = Scene::new();
    scene.disk.become_(Mood::Keeps);
    assert!(scene.append(Durability::Sync).wait().is_ok(), "the record itself is safe");
    scene.failed();
    assert_eq!(scene.append(Durability::Sync).wait(), Err(Error::Failed));
}

#[test]
fn an_epoch_that_cannot_be_ended_stops_the_log() {
    let scene = Scene::new();
    scene.disk.become_(Mood::Silent);
    scene.clock.advance(60_000);
    scene.log().tick();
    scene.failed();
    assert_eq!(scene.append(Durability::Sync).wait(), Err(Error::Failed));
    assert!(scene.log().lock().is_err());
    assert!(scene.log().unlock(Arc::new(Clear)).is_err());
}

#[test]
fn nothing_is_promised_or_signed_before_it_is_durable() {
    let scene = Scene::new();
    scene.append(Durability::Sync).wait().unwrap();
    scene.disk.become_(Mood::Slow);
    let signed = scene.log().head().unwrap().size;
    scene.disk.done.lock().unwrap().clear();
    let (sync, written) = (scene.append(Durability::Sync), scene.append(Durability::Written));
    assert!(written.is_ready());
    thread::sleep(Duration::from_millis(50));
    assert!(!sync.is_ready());
    assert_eq!(scene.log().head().unwrap().size, signed);
    assert_eq!(*scene.disk.done.lock().unwrap(), ["append", "append"]);
    scene.disk.become_(Mood::Well);
    sync.wait().unwrap();
    let done = || scene.disk.done.lock().unwrap().clone();
    let since = Instant::now();
    while !done().contains(&"checkpoint") {
        assert!(since.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(1));
    }
    // The writer may have begun its sync between the two lines; then it syncs once more.
    let mut done = done();
    done.dedup();
    assert_eq!(done, ["append", "journal", "checkpoint"]);
}

#[test]
fn of_rounds_that_follow_each_other_some_are_signed_and_the_last_always() {
    let scene = Scene::new();
    for _ in 2..=40 {
        scene.append(Durability::Sync).wait().unwrap();
    }
    scene.signed(40);
    assert_eq!(fs::read_to_string(scene.path.join("checkpoint")).unwrap(), *scene.log().head().unwrap().note);
    let published = scene.disk.done.lock().unwrap().iter().filter(|what| **what == "checkpoint").count();
    assert!(published < 40, "{published}");
}

#[test]
fn many_records_share_one_trip_to_the_disk() {
    let scene = Scene::new();
    scene.append(Durability::Sync).wait().unwrap();
    scene.disk.become_(Mood::Slow);
    let waiting: Vec<_> = (0..100).map(|_| scene.append(Durability::Sync)).collect();
    scene.disk.done.lock().unwrap().clear();
    scene.disk.become_(Mood::Well);
    assert!(waiting.into_iter().all(|receipt| receipt.wait().is_ok()));
    let trips = scene.disk.done.lock().unwrap().iter().filter(|what| **what == "journal").count();
    assert!(trips <= 2, "{trips}");
}

#[test]
fn the_queue_for_the_disk_has_an_end() {
    let scene = Scene::new();
    scene.disk.become_(Mood::Slow);
    // The writer takes some of them with it when it goes to the disk, so the queue may hold that many more.
    let queued: Vec<_> = (0..writer::MOST_WAITING * 2 + 1).map(|_| scene.append(Durability::Sync)).collect();
    scene.disk.become_(Mood::Well);
    let answers: Vec<_> = queued.into_iter().map(super::super::receipt::Receipt::wait).collect();
    assert_eq!(answers.last(), Some(&Err(Error::Busy)));
    let kept: Vec<u64> = answers.iter().filter_map(|answer| answer.as_ref().ok().map(|sequence| sequence.0)).collect();
    assert!(kept.len() >= writer::MOST_WAITING);
    assert!(kept.is_sorted(), "refused ones leave no gap");
    assert_eq!(kept.last().unwrap() - kept[0], kept.len() as u64 - 1);
    assert!(scene.append(Durability::Sync).wait().is_ok());
}

/// A log that has seen its callers come one by one, and is at rest.
fn lonely() -> Scene {
    let scene = Scene::new();
    for _ in 1..40 {
        scene.append(Durability::Sync).wait().unwrap();
    }
    let last = scene.append(Durability::Sync).wait().unwrap().0;
    scene.signed(last + 1);
    scene
}

#[test]
fn who_comes_alone_goes_to_the_disk_alone_and_who_comes_meanwhile_goes_together() {
    let scene = lonely();
    scene.disk.become_(Mood::Slow);
    scene.disk.done.lock().unwrap().clear();
    let (first, rest) = thread::scope(|scope| {
        let first = scope.spawn(|| scene.append(Durability::Sync).wait());
        let since = Instant::now();
        while !scene.disk.done.lock().unwrap().contains(&"append") {
            assert!(since.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
        let rest: Vec<_> = (0..20).map(|_| scene.append(Durability::Sync)).collect();
        assert!(rest.iter().all(|receipt| !receipt.is_ready()));
        scene.disk.become_(Mood::Well);
        let rest: Vec<_> = rest.into_iter().map(|receipt| receipt.wait().unwrap().0).collect();
        (first.join().unwrap().unwrap().0, rest)
    });
    assert_eq!(rest, (first + 1..=first + 20).collect::<Vec<_>>());
    let trips = scene.disk.done.lock().unwrap().iter().filter(|what| **what == "journal").count();
    assert_eq!(trips, 2);
    scene.signed(rest.last().unwrap() + 1);
}

#[test]
fn who_meets_nobody_but_the_writer_at_the_disk_leaves_the_next_to_go_alone() {
    let scene = lonely();
    scene.disk.become_(Mood::Slow);
    scene.append(Durability::Written).wait().unwrap();
    // The writer gathers such lines no longer than this, and then waits for the disk.
    thread::sleep(Duration::from_millis(100));
    let met = scene.append(Durability::Sync);
    assert!(!met.is_ready());
    scene.disk.become_(Mood::Well);
    let last = met.wait().unwrap().0;
    scene.signed(last + 1);
    assert!(scene.append(Durability::Sync).is_ready());
}

#[test]
fn a_thread_that_others_wait_for_leaves_the_disk_to_the_writer() {
    let scene = lonely();
    scene.disk.become_(Mood::Slow);
    thread::scope(|scope| {
        let brought = scope.spawn(|| shared(|| scene.append(Durability::Sync)));
        let since = Instant::now();
        while !brought.is_finished() && since.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(1));
        }
        let waited = !brought.is_finished();
        scene.disk.become_(Mood::Well);
        brought.join().unwrap().wait().unwrap();
        assert!(!waited, "it waited for the disk");
    });
}

#[test]
fn who_comes_alone_to_a_disk_that_forgets_stops_the_log_and_is_promised_nothing() {
    let scene = lonely();
    scene.disk.become_(Mood::Forgets);
    assert_eq!(scene.append(Durability::Sync).wait(), Err(Error::Failed));
    scene.failed();
    assert_eq!(scene.append(Durability::Written).wait(), Err(Error::Failed));
}
