//! Appends to an audit log until it is killed, and says what it found and what was acknowledged. `tests/crash` runs it.
//!
//! `clerk FOLDER JOURNAL WRITERS RECORDS` opens the log with a journal of so many bytes, lets it sign, and has each writer
//! append so many records, each of which says whose it is and its number. The log's files and its epochs are small, so that
//! each of them comes to its end again and again. Lines:
//!
//! ```text
//! found RESTORED TORN           how many lines were put back, how many bytes were moved aside
//! ready
//! ack SEQUENCE WRITER NUMBER
//! refused WRITER WHY
//! ```

use std::collections::VecDeque;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use strongroom::audit::{Durability, Entry, Event, Keeper, Log, Options};
use strongroom::chance::{Chance, Dry};
use strongroom::clock::SystemClock;
use strongroom_kmip::secret::Secret;
use strongroom_tests::{fail, say};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, folder, journal, writers, records] = &arguments[..] else {
        return fail("usage: clerk FOLDER JOURNAL WRITERS RECORDS");
    };
    let (Ok(journal), Ok(writers), Ok(records)) = (journal.parse(), writers.parse::<u8>(), records.parse::<u64>())
    else {
        return fail("not a number of bytes, of writers, or of records");
    };
    let mut options = Options::new(Path::new(folder), Arc::new(SystemClock), Arc::new(Urandom));
    (options.segment, options.epoch_records, options.journal) = (100_000, 400, journal);
    let (log, found) = match Log::open(options) {
        Ok(opened) => opened,
        Err(error) => return fail(&error.to_string()),
    };
    say(format_args!("found {} {}", found.restored, found.torn.map_or(0, |torn| torn.bytes)));
    if let Err(error) = log.unlock(Arc::new(Plain)) {
        return fail(&error.to_string());
    }
    say(format_args!("ready"));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (log, done) = (&log, &done);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                log.tick();
                thread::sleep(TICK);
            }
        });
        let work: Vec<_> = (0..writers).map(|writer| scope.spawn(move || append(log, writer, records))).collect();
        for writer in work {
            let _ = writer.join();
        }
        done.store(true, Ordering::Relaxed);
    });
    match log.close() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Appends so many records, a few of them under way at a time, every third one not waited for; stops once one is refused.
fn append(log: &Log, writer: u8, records: u64) {
    let mut under_way = VecDeque::new();
    for number in 1..=records {
        let words = format!("{writer} {number} {}", "-".repeat(usize::from(writer) * 40));
        let entry = Entry { correlation: Some(&words), ..Entry::event(Event::Inspect) };
        if number.is_multiple_of(3) {
            drop(log.append(&entry, Durability::Written));
            continue;
        }
        under_way.push_back((number, log.append(&entry, Durability::Sync)));
        let ahead = if number.saturating_add(2) > records { 0 } else { usize::from(writer) % 4 };
        while under_way.len() > ahead
            && let Some((number, receipt)) = under_way.pop_front()
        {
            match receipt.wait() {
                Ok(sequence) => say(format_args!("ack {} {writer} {number}", sequence.0)),
                Err(error) => return say(format_args!("refused {writer} {error}")),
            }
        }
    }
}

struct Urandom;

impl Chance for Urandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
        std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(bytes)).map_err(|_| Dry)
    }
}

/// What is sealed is of no interest here.
struct Plain;

impl Keeper for Plain {
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Some(plain.to_vec())
    }

    fn open(&self, sealed: &[u8]) -> Option<Secret> {
        Some(Secret::copy_of(sealed))
    }
}

/// Far more often than a daemon does.
const TICK: Duration = Duration::from_millis(30);
