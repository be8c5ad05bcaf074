//! Writes into a store until it is killed, and says what it found and what was acknowledged. `tests/crash` runs it.
//!
//! `scribe MEMBER FOLDER WRITERS BATCHES` opens the store and first checks what is there: every writer has written numbered
//! batches, and each batch put a fixed set of rows in all tables, added a row of its own and removed an older one, so the
//! rows of a writer must all be of one and the same batch. Then each writer goes on with the next number, for so many
//! batches. Where `STRONGROOM_SCRIBE_JOTS` is set every other writer jots its batches, and has them gathered. Lines:
//!
//! ```text
//! found GENERATION
//! state WRITER BATCH            the batch whose rows are there; 0 for none
//! torn WRITER WHAT              rows of different batches, or wrong rows
//! ready
//! ack WRITER BATCH GENERATION
//! refused WRITER WHY
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use strongroom::store::{self, Batch, Error, Gather, MEMBERS, Receipt, Settings, Store, Table};
use strongroom_tests::{fail, say};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, member, folder, writers, batches] = &arguments[..] else {
        return fail("usage: scribe MEMBER FOLDER WRITERS BATCHES");
    };
    let Some(member) = MEMBERS.iter().find(|known| known.name == member) else {
        return fail("no such store");
    };
    let (Ok(writers), Ok(batches)) = (writers.parse::<u8>(), batches.parse::<u64>()) else {
        return fail("not a number of writers, or of batches");
    };
    let store = match store::open(&Settings::new(member.kind, Path::new(folder))) {
        Ok(store) => store,
        Err(error) => return fail(&error.to_string()),
    };
    say(format_args!("found {}", store.generation()));
    let mut next = Vec::new();
    for writer in 0..MOST_WRITERS {
        match found(&*store, writer) {
            Ok(batch) => {
                say(format_args!("state {writer} {batch}"));
                next.push(batch.saturating_add(1));
            }
            Err(torn) => {
                say(format_args!("torn {writer} {torn}"));
                return ExitCode::FAILURE;
            }
        }
    }
    say(format_args!("ready"));
    thread::scope(|scope| {
        for (writer, next) in (0..writers).zip(next) {
            let store = &*store;
            scope.spawn(move || write(store, writer, next, batches));
        }
    });
    match store.close() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Writes so many batches, a few of them under way at a time; stops early once a few have been refused.
fn write(store: &dyn Store, writer: u8, first: u64, batches: u64) {
    let mut under_way = VecDeque::new();
    let mut refused = 0;
    let jots = writer % 2 == 1 && std::env::var_os("STRONGROOM_SCRIBE_JOTS").is_some();
    let last = first.saturating_add(batches);
    let sheaf = Arc::new(Sheaf::default());
    for number in first..last {
        let batch = batch(writer, number);
        under_way.push_back((number, if jots { sheaf.jot(store, batch) } else { store.commit(batch) }));
        // What is jotted overtakes what still waits.
        let ahead = if jots || number.saturating_add(1) == last { 0 } else { usize::from(writer) % 4 };
        while under_way.len() > ahead
            && let Some((number, receipt)) = under_way.pop_front()
        {
            match receipt.wait() {
                Ok(generation) => say(format_args!("ack {writer} {number} {generation}")),
                Err(error) => {
                    say(format_args!("refused {writer} {error}"));
                    refused += 1;
                }
            }
        }
        if refused > 8 {
            return;
        }
    }
}

/// What a writer has jotted and nobody has asked for yet.
#[derive(Default)]
struct Sheaf(Mutex<Batch>);

impl Sheaf {
    fn jot(self: &Arc<Self>, store: &dyn Store, batch: Batch) -> Receipt {
        self.rows().append(batch.clone());
        store.gather(Arc::clone(self) as Arc<dyn Gather>);
        store.jot(batch)
    }

    fn rows(&self) -> MutexGuard<'_, Batch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gather for Sheaf {
    fn rows(&self) -> Result<Batch, Error> {
        Ok(std::mem::take(&mut *Sheaf::rows(self)))
    }
}

fn batch(writer: u8, number: u64) -> Batch {
    let mut batch = Batch::new();
    for (row, table) in rows() {
        batch.put(table, [b'r', writer, row], value(writer, number, row));
    }
    batch.put(Table::Object, own(writer, number), number.to_be_bytes());
    if let Some(old) = number.checked_sub(KEPT) {
        batch.remove(Table::Object, own(writer, old));
    }
    batch
}

/// The last batch whose rows are there, all of them and nothing else of this writer.
fn found(store: &dyn Store, writer: u8) -> Result<u64, String> {
    let mut seen = BTreeMap::new();
    for (row, table) in rows() {
        let value = store.get(table, &[b'r', writer, row]).map_err(|error| error.to_string())?;
        seen.insert(row, value);
    }
    let Some(first) = seen.values().next().and_then(Option::as_ref) else {
        let nothing = seen.values().all(Option::is_none) && owned(store, writer)?.is_empty();
        return if nothing { Ok(0) } else { Err("some rows of the first batch".to_owned()) };
    };
    let number = first.first_chunk::<8>().copied().map(u64::from_be_bytes).ok_or("a short row")?;
    for (row, found) in seen {
        let read = found.as_ref().and_then(|found| found.first_chunk::<8>()).copied().map(u64::from_be_bytes);
        if found != Some(value(writer, number, row)) {
            return Err(format!("row 0 is of batch {number}, row {row} of batch {read:?}"));
        }
    }
    let expected: Vec<u64> = (number.saturating_sub(KEPT - 1).max(1)..=number).collect();
    let owned = owned(store, writer)?;
    if owned == expected { Ok(number) } else { Err(format!("of batch {number}, but with rows {owned:?}")) }
}

/// The numbers of the batches whose own rows are there.
fn owned(store: &dyn Store, writer: u8) -> Result<Vec<u64>, String> {
    let mut numbers = Vec::new();
    let end = store.walk(Table::Object, &mut |key, _| {
        if let Some(number) = key.strip_prefix(&[b'o', writer])
            && let Some(number) = number.first_chunk::<8>()
        {
            numbers.push(u64::from_be_bytes(*number));
        }
        ControlFlow::Continue(())
    });
    end.map(|()| numbers).map_err(|error| error.to_string())
}

fn own(writer: u8, number: u64) -> Vec<u8> {
    [&[b'o', writer][..], &number.to_be_bytes()].concat()
}

fn rows() -> impl Iterator<Item = (u8, Table)> {
    (0..ROWS).zip(Table::ALL.iter().copied().cycle())
}

/// A value that only this row of this batch has: mostly small, now and then larger than a page of any store.
fn value(writer: u8, number: u64, row: u8) -> Vec<u8> {
    let turn = number.wrapping_mul(5).wrapping_add(u64::from(row));
    let size = if turn.is_multiple_of(23) { 9_000 } else { 40 + (turn % 7) as usize * 60 };
    let byte = (turn as u8) ^ writer;
    [&number.to_be_bytes()[..], &vec![byte; size]].concat()
}

/// As many as a round may ask for.
const MOST_WRITERS: u8 = 8;

/// Rows of one batch, over all tables.
const ROWS: u8 = 6;

/// How many of its batches' own rows a writer leaves.
const KEPT: u64 = 8;
