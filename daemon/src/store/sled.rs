//! Keeps rows in a sled database, and makes it safe against a loss of power.
//!
//! What sled calls a flush is `sync_file_range`, which tells no disk to empty its cache; so after each flush the file is
//! synced here. sled puts pages beyond a size into files of their own, and a crash between such a file and the log would
//! leave half a batch; so [large values lie in parts](super::row), and there never is such a file.
//!
//! sled takes damage in the latest part of its log for the end of the log. So a *mark* stands beside the database: the
//! generation that was durable when the mark was written. A database that opens with less has lost something. The first
//! mark is the last step of making a store, so a store without a mark was never used.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::ahead::{Ahead, Files};
use super::contract::{Batch, Error, Store, Table, Visit};
use super::folder::{Folder, disk};
use super::jot;
use super::journal::{self, JOURNAL, LONGEST};
use super::medium::Medium;
use super::row::{self, Outline, PART, Row};
use super::settings::Settings;
use super::writer::Written;
use crate::slate::{BLOCK, Board};

/// Opens the database in the settings' folder, or makes it.
pub(super) fn open(settings: &Settings) -> Result<Box<dyn Store>, Error> {
    let (sled, files) = Sled::open(settings)?;
    Ok(Box::new(Written::start(Ahead::start(sled, files, &settings.folder)?, settings.queue)?))
}

struct Sled {
    rows: sled::Db,
    /// The database file, to sync it.
    file: File,
    mark: File,
    generation: u64,
    /// The last field, so that the lock outlives the database.
    folder: Folder,
}

impl Sled {
    fn open(settings: &Settings) -> Result<(Self, Files), Error> {
        let folder = Folder::take(&settings.folder)?;
        // Only our writer flushes: whatever sled wrote by itself would be neither synced nor counted.
        let config = sled::Config::new().path(folder.path()).cache_capacity(settings.cache).flush_every_ms(None);
        // A snapshot that was under way when the power went. sled leaves it, and takes it for the newest when it opens.
        folder.clear(".generating")?;
        let finished = folder.has("mark")?;
        let rows = match begin(folder.path(), &config) {
            // A crash came while the store was made. Nothing can have been kept in it; still, nothing is thrown away.
            Err(Error::Unreadable(_) | Error::Version { .. }) if !finished => {
                log::warn!("the store in {0} was never finished; it is in {0}/unfinished now", folder.path().display());
                folder.set_aside("unfinished")?;
                begin(folder.path(), &config)?
            }
            other => other?,
        };
        let (file, mark) = (folder.open("db")?, folder.open("mark")?);
        let mut this = Self { rows, file, mark, generation: 0, folder };
        let journal = this.folder.path().join(JOURNAL);
        this.generation = this.catch_up(&journal)?;
        let blocks = settings.journal.min(LONGEST) / BLOCK as u64;
        let (slate, _) = Board::open(&journal, blocks).map_err(|error| disk("make", &journal, error))?;
        let [first, second] = jot::FILES.map(|name| this.folder.open(name));
        let files = Files {
            slate: Box::new(slate),
            blocks,
            jots: [first?, second?],
            follows: this.generation > 0 || settings.since == 0,
        };
        // The names of all that was made, the journal's included.
        this.folder.settle()?;
        this.write_mark(this.generation)?;
        // Not in the mark: what is not written was not durable.
        if this.generation == 0 {
            this.generation = settings.since;
        }
        this.mark.sync_data().map_err(|error| disk("sync", &this.folder.path().join("mark"), error))?;
        Ok((this, files))
    }

    /// Puts in, durably, what was written ahead and the database does not have, and says the generation that is reached so.
    /// It must not be less than was once durable.
    fn catch_up(&self, journal: &Path) -> Result<u64, Error> {
        let generation = self.recognise()?;
        let read = |path: &Path, longest| journal::read(path, longest).map_err(|error| disk("read", path, error));
        let mut lacking = journal::lacking(&read(journal, LONGEST)?, generation);
        if lacking.torn || lacking.generation < self.marked()? {
            return Err(Error::Unreadable(self.folder.path().to_owned()));
        }
        let [first, second] = jot::FILES.map(|name| read(&self.folder.path().join(name), jot::LONGEST));
        let (jotted, reached) = jot::newer([first?.as_slice(), second?.as_slice()], lacking.generation);
        lacking.groups.extend(jotted);
        lacking.generation = reached;
        if lacking.generation > generation {
            self.apply(&lacking.groups, lacking.generation)?;
            self.sync()?;
        }
        Ok(lacking.generation)
    }

    /// Checks that this is a store of ours, and says the database's generation.
    fn recognise(&self) -> Result<u64, Error> {
        let path = self.folder.path();
        let other = || Error::Version { path: path.to_owned(), reads: VERSION };
        let Some(version) = self.read(FORMAT)? else {
            // Before its first commit a store has no rows, and a crash may leave it so.
            let empty = guard(path, || self.rows.first())?.is_none();
            return if empty { Ok(0) } else { Err(other()) };
        };
        if *version != VERSION.to_be_bytes() {
            return Err(other());
        }
        let generation = self.read(GENERATION)?.and_then(|bytes| <[u8; 8]>::try_from(&*bytes).ok());
        generation.map(u64::from_be_bytes).ok_or_else(|| Error::Unreadable(path.to_owned()))
    }

    /// After the generation is durable, and itself not synced: so whatever a crash leaves of it, it never claims too much.
    fn write_mark(&self, generation: u64) -> Result<(), Error> {
        let mark = [generation.to_be_bytes(), (!generation).to_be_bytes()].concat();
        self.mark.write_all_at(&mark, 0).map_err(|error| disk("write to", &self.folder.path().join("mark"), error))
    }

    /// The generation that was durable when the mark was last written; zero where that is not known.
    fn marked(&self) -> Result<u64, Error> {
        let mut bytes = [0; 16];
        match self.mark.read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
            Err(error) => return Err(disk("read", &self.folder.path().join("mark"), error)),
        }
        let (generation, check) = (u128::from_be_bytes(bytes) >> 64, u128::from_be_bytes(bytes) & LOW);
        match u64::try_from(generation) {
            Ok(generation) if u128::from(!generation) == check => Ok(generation),
            _ => {
                log::warn!("the mark of the store in {} is damaged and is made anew", self.folder.path().display());
                Ok(0)
            }
        }
    }

    fn read(&self, key: &[u8]) -> Result<Option<sled::IVec>, Error> {
        guard(self.folder.path(), || self.rows.get(key))
    }

    /// The outline of the value that a row has now, if that is in parts.
    fn outline(&self, table: Table, key: &[u8]) -> Result<Option<Outline>, Error> {
        let row = self.read(&row::key(table, key)).map_err(|error| at(table, key, error))?;
        match row.as_deref().map(Row::read) {
            None | Some(Some(Row::Whole(_))) => Ok(None),
            Some(Some(Row::Parted(outline))) => Ok(Some(outline)),
            Some(None) => Err(damaged(table, key)),
        }
    }

    /// Puts a value together; nothing if a writer was faster and the outline no longer holds.
    fn gather(&self, table: Table, key: &[u8], outline: Outline) -> Result<Option<Vec<u8>>, Error> {
        let mut value = Vec::new();
        for index in 0..outline.parts() {
            let part = self.read(&row::part_key(table, key, index)).map_err(|error| at(table, key, error))?;
            match part.as_deref().and_then(|part| row::read_part(part, outline.generation)) {
                Some(part) => value.extend_from_slice(part),
                None => return Ok(None),
            }
        }
        Ok((u64::try_from(value.len()) == Ok(outline.length)).then_some(value))
    }

    /// Shows rows from a key on until the table ends, the visitor breaks, or something cannot be read; leaves the key
    /// from which to go on.
    fn stroll(&self, table: Table, from: &mut Vec<u8>, visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut rows = self.rows.range(row::key(table, from)..vec![table.number().saturating_add(1)]);
        let mut count = 0u32;
        while let Some((key, bytes)) = guard(self.folder.path(), || rows.next().transpose())? {
            // sled weighs what its cache holds only once it was asked for pages some ten thousand times, and a walk asks for
            // each once: without being asked more often it would come to hold all of a large table.
            count = count.wrapping_add(1);
            if count.is_multiple_of(ROWS_A_LOOK) {
                self.read(&key)?;
            }
            let key = key.get(1..).unwrap_or_default();
            *from = [key, &[0]].concat();
            let wanted = match Row::read(&bytes) {
                Some(Row::Whole(value)) => visit(key, value),
                _ => match self.get(table, key)? {
                    Some(value) => visit(key, &value),
                    None => ControlFlow::Continue(()),
                },
            };
            if wanted.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Where a walk that cannot go on from `from` can, to the precision of a key's first eight bytes. Which keys a
    /// damaged page had is not known, so it is felt for: in growing steps up to a row, then back by halves.
    fn beyond(&self, table: Table, from: &[u8]) -> Option<Vec<u8>> {
        let end = vec![table.number().saturating_add(1)];
        let readable = |start: u64| {
            let range = row::key(table, &start.to_be_bytes())..end.clone();
            guard(self.folder.path(), || self.rows.range(range).next().transpose()).is_ok()
        };
        let mut start = [0; 8];
        start.iter_mut().zip(from).for_each(|(byte, from)| *byte = *from);
        let mut bad = u64::from_be_bytes(start);
        let steps = (0..u64::BITS).map(|bit| bad.saturating_add(1 << bit));
        let mut good = steps.into_iter().find(|start| readable(*start))?;
        while good.abs_diff(bad) > 1 {
            let middle = bad.midpoint(good);
            *(if readable(middle) { &mut good } else { &mut bad }) = middle;
        }
        (good > bad).then(|| good.to_be_bytes().to_vec())
    }
}

impl Medium for Sled {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut seen = None;
        loop {
            let bytes = self.read(&row::key(table, key)).map_err(|error| at(table, key, error))?;
            let Some(bytes) = bytes else { return Ok(None) };
            let outline = match Row::read(&bytes) {
                Some(Row::Whole(value)) => return Ok(Some(value.to_vec())),
                Some(Row::Parted(outline)) => outline,
                None => return Err(damaged(table, key)),
            };
            if let Some(value) = self.gather(table, key, outline)? {
                return Ok(Some(value));
            }
            // Parts that do not fit are a writer's doing only if it has left a new outline.
            if seen.replace(outline) == Some(outline) {
                return Err(damaged(table, key));
            }
        }
    }

    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        let (mut from, mut damage) = (from.to_vec(), Ok(()));
        loop {
            let error = match self.stroll(table, &mut from, visit) {
                Ok(()) => return damage,
                Err(error @ Error::Damaged { .. }) => error,
                Err(Error::Unreadable(_)) => {
                    let error = damaged(table, &from);
                    match self.beyond(table, &from) {
                        Some(next) => from = next,
                        None => return damage.and(Err(error)),
                    }
                    error
                }
                Err(other) => return Err(other),
            };
            log::error!("{error}");
            damage = damage.and(Err(error));
        }
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn admits(&self, batch: &Batch) -> Result<(), Error> {
        for write in batch.writes() {
            self.outline(write.table, &write.key)?;
        }
        Ok(())
    }

    fn apply(&self, group: &[Batch], generation: u64) -> Result<(), Error> {
        let mut latest = BTreeMap::new();
        for write in group.iter().flat_map(Batch::writes) {
            latest.insert((write.table, &*write.key), write.value.as_deref());
        }
        let mut changes = sled::Batch::default();
        for ((table, key), value) in latest {
            let before = self.outline(table, key)?.map_or(0, Outline::parts);
            let after = match value {
                Some(value) if value.len() > PART => {
                    for (index, part) in (0..).zip(value.chunks(PART)) {
                        changes.insert(row::part_key(table, key, index), row::write_part(part, generation));
                    }
                    let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
                    changes.insert(row::key(table, key), Row::Parted(Outline { generation, length }).write());
                    parts(value)
                }
                Some(value) => {
                    changes.insert(row::key(table, key), Row::Whole(value).write());
                    0
                }
                None => {
                    changes.remove(row::key(table, key));
                    0
                }
            };
            for index in after..before {
                changes.remove(row::part_key(table, key, index));
            }
        }
        changes.insert(FORMAT, &VERSION.to_be_bytes());
        changes.insert(GENERATION, &generation.to_be_bytes());
        guard(self.folder.path(), || self.rows.apply_batch(changes))
    }

    fn sync(&self) -> Result<(), Error> {
        guard(self.folder.path(), || self.rows.flush())?;
        self.file.sync_data().map_err(|error| disk("sync", &self.folder.path().join("db"), error))
    }

    fn reached(&self, generation: u64) -> Result<(), Error> {
        self.write_mark(generation)
    }
}

/// Opens the database. sled frees what it held in its own good time, the lock on its file included; since the folder is
/// ours by now, only an earlier store of this very process can still have it, and not for long.
fn begin(path: &Path, config: &sled::Config) -> Result<sled::Db, Error> {
    for _ in 0..PATIENCE {
        match guard(path, || config.open()) {
            Err(Error::Disk { source, .. }) if source.to_string().contains("could not acquire lock") => {
                thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
    Err(Error::Taken(path.to_owned()))
}

/// Calls sled, and turns what it says, a panic included, into an error of ours.
fn guard<T>(path: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(sled::Error::Io(error))) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Err(disk("read or write", path, error))
        }
        Ok(Err(sled::Error::Unsupported(_))) => Err(Error::Version { path: path.to_owned(), reads: VERSION }),
        Ok(Err(_)) | Err(_) => Err(Error::Unreadable(path.to_owned())),
    }
}

/// Where the database as a whole reads but one page of it does not, the row is named.
fn at(table: Table, key: &[u8], error: Error) -> Error {
    match error {
        Error::Unreadable(_) => damaged(table, key),
        other => other,
    }
}

fn damaged(table: Table, key: &[u8]) -> Error {
    Error::Damaged { table, from: key.iter().map(|byte| format!("{byte:02x}")).collect() }
}

fn parts(value: &[u8]) -> u64 {
    if value.len() > PART { u64::try_from(value.len().div_ceil(PART)).unwrap_or(u64::MAX) } else { 0 }
}

/// Rows of the store itself; no table has the number zero.
const FORMAT: &[u8] = b"\0format";
const GENERATION: &[u8] = b"\0generation";

/// How rows lie in the database. A change that this program could not read gets a new number.
const VERSION: u32 = 1;

/// Pages hold some ten rows.
const ROWS_A_LOOK: u32 = 2;

/// How often, and how long apart, the lock is tried: two seconds in all.
const PATIENCE: usize = 400;
const PAUSE: Duration = Duration::from_millis(5);

/// The lower half of a mark.
const LOW: u128 = u64::MAX as u128;
