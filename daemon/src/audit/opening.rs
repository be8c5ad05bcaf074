//! Opening a log: its end is held against its last checkpoint, what a crash tore is moved aside, and the rest is as it was.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Condvar, Mutex};

use super::before::{Before, before_name};
use super::checkpoint::Checkpoint;
use super::contract::{Durability, Found, OpenError, Options, Torn};
use super::damage::Fault;
use super::desk::Desk;
use super::entry::{Action, Entry, Event, Object, Outcome, Reason, Who, opening};
use super::journal::{self, JOURNAL, Journal, Kept};
use super::lines::{Ending, Lines, Walk};
use super::medium::{Folder, Medium, SMALL, Segment, read, segment_name, segments};
use super::record::Record;
use super::signed::Signed;
use super::tree::{Range, leaf};
use super::writer::{Inner, Pen};
use crate::chance;

/// Opens the log with these options, writing through whatever `over` makes of its folder.
pub(super) fn open(
    options: Options,
    over: impl FnOnce(Arc<Folder>) -> Arc<dyn Medium>,
) -> Result<(Inner, Found), OpenError> {
    let folder = Arc::new(Folder::open(&options.folder).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked(options.folder.clone()),
        _ => OpenError::Disk { folder: options.folder.clone(), error },
    })?);
    let disk = |error| OpenError::Disk { folder: options.folder.clone(), error };
    let signed = Signed::read(&options.folder).map_err(disk)??;
    let starts = segments(&options.folder).map_err(disk)?;
    let kept = Kept::read(&options.folder).map_err(disk)?;
    let mut end = End::find(&options.folder, &starts, &signed, kept.as_ref()).map_err(disk)??;
    let torn = end.tidy(&folder, &starts).map_err(disk)?;
    // A log that lost its power before its first line was on the disk may have a key already, made for this id.
    let id = match end.walk.log.or(kept.as_ref().map(|kept| kept.log)) {
        Some(id) => id,
        None => chance::array(&*options.chance)?,
    };
    let boot = chance::array(&*options.chance)?;
    let medium = over(Arc::clone(&folder));
    let segment = medium.segment(end.start).map_err(disk)?;
    end.restore(&folder, &starts, &*segment).map_err(disk)?;
    // Only now that the log's own files have everything may the journal be written to.
    let size = options.journal.clamp(journal::SHORTEST, journal::LONGEST);
    let journal = Journal::begin(&*medium, size, id, kept.as_ref(), end.walk.next).map_err(disk)?;
    let desk = Desk::new(end.walk.next, end.walk.previous.unwrap_or_default(), end.tree, segment, end.length);
    let last: Vec<Record> = end.last.into();
    let found = Found {
        clean: last.last().is_none_or(|record| record.action == Event::Stop.word()),
        last,
        torn,
        restored: end.restored,
        checkpoint: signed.last().cloned(),
    };
    let beat = AtomicI64::new(options.clock.now().0);
    let inner = Inner {
        id,
        clock: options.clock,
        chance: options.chance,
        medium,
        folder,
        opening: opening(&id, &boot),
        segment: options.segment,
        epoch_time: options.epoch_time,
        epoch_records: options.epoch_records,
        heartbeat: options.heartbeat,
        beat,
        generation: AtomicU64::new(found.last.last().map_or(0, |record| record.generation)),
        desk: Mutex::new(desk),
        bell: Condvar::new(),
        journal: Mutex::new(journal),
        most: Journal::most(size),
        pen: Mutex::new(Pen { epoch: None, expected: signed.expected, published: None, passed: 0 }),
        head: Mutex::new(None),
        stop: Mutex::new(Some(options.stop)),
    };
    record_start(&inner, &found);
    Ok((inner, found))
}

/// Records what was found. The writer that is about to start makes it durable.
fn record_start(inner: &Inner, found: &Found) {
    if let Some(torn) = &found.torn {
        let object = Some(Object { id: &torn.file, version: None });
        let entry = Entry { object, count: Some(torn.bytes), ..Entry::event(Event::Torn) };
        inner.append(&entry, Durability::Written).then(|_| ());
    }
    if found.restored > 0 {
        let entry = Entry { count: Some(found.restored), ..Entry::event(Event::Restored) };
        inner.append(&entry, Durability::Written).then(|_| ());
    }
    // A start after anything but a clean stop is remembered as such.
    let outcome = if found.clean { Outcome::Success } else { Outcome::Failed(Reason::Named("not-stopped")) };
    let start = Entry::new(Who::Daemon, Action::Event(Event::Start), outcome);
    inner.append(&start, Durability::Written).then(|_| ());
}

/// Where a log ends.
struct End {
    walk: Walk,
    tree: Range,
    /// The first sequence and the length in bytes of the last segment.
    start: u64,
    length: u64,
    last: VecDeque<Record>,
    /// Whether bytes follow that are no lines of the log.
    torn: bool,
    /// The first sequence of the first segment that was read.
    from: u64,
    /// How many lines the journal has that the segment lacks, and these lines.
    restored: u64,
    lacking: Vec<u8>,
}

impl End {
    fn find(
        folder: &Path,
        starts: &[u64],
        signed: &Signed,
        kept: Option<&Kept>,
    ) -> io::Result<Result<Self, OpenError>> {
        let size = signed.last().map_or(0, |checkpoint| checkpoint.size);
        // The last segment that the checkpoint reaches, and the nearest before it whose beginning is known.
        let near = starts.iter().rev().copied().filter(|start| *start <= size && *start != 0);
        for start in near {
            let note = read(&folder.join(before_name(start)), SMALL)?;
            let before = note.and_then(|note| Before::parse(std::str::from_utf8(&note).ok()?));
            let Some(before) = before.filter(|before| before.tree.size() == start) else { continue };
            match Self::walk(folder, starts, signed, kept, start, before)? {
                Ok(end) => return Ok(Ok(end)),
                // The note may be what is wrong: the whole log decides.
                Err(_) => break,
            }
        }
        Self::walk(folder, starts, signed, kept, 0, Before { previous: [0; 32], tree: Range::default() })
    }

    /// Walks from the segment that begins with `start` to the end.
    fn walk(
        folder: &Path,
        starts: &[u64],
        signed: &Signed,
        kept: Option<&Kept>,
        start: u64,
        before: Before,
    ) -> io::Result<Result<Self, OpenError>> {
        let size = signed.last().map_or(0, |checkpoint| checkpoint.size);
        let walk = Walk { log: signed.id, next: start, previous: Some(before.previous) };
        let last = VecDeque::new();
        let (torn, restored, lacking) = (false, 0, Vec::new());
        let mut end = Self { walk, tree: before.tree, start, length: 0, last, torn, from: start, restored, lacking };
        // Whether the log's own files must have this line: a loss of power takes only what the journal has.
        let needs = kept.map_or(0, Kept::needs);
        let must = |line| line < needs || line < size && !kept.is_some_and(|kept| kept.covers(line));
        let damaged = |start: u64, line: u64, fault| OpenError::Damaged {
            file: segment_name(start),
            line: line.saturating_sub(start).saturating_add(1),
            fault,
        };
        let wrong = |tree: &Range| {
            let signs = |checkpoint: &&Checkpoint| checkpoint.size == tree.size() && checkpoint.root != tree.root();
            [&signed.closing, &signed.head].into_iter().flatten().any(|checkpoint| signs(&checkpoint))
        };
        if wrong(&end.tree) {
            return Ok(Err(damaged(start, start, Fault::Root)));
        }
        let wrong_journal = |fault| OpenError::Damaged { file: JOURNAL.to_owned(), line: 1, fault };
        let is_foreign = |walk: &Walk| kept.is_some_and(|kept| walk.log.is_some_and(|log| log != kept.log));
        if is_foreign(&end.walk) {
            return Ok(Err(wrong_journal(Fault::Foreign)));
        }
        for segment in starts.iter().copied().filter(|segment| *segment >= start) {
            if segment != end.walk.next {
                if must(end.walk.next) {
                    return Ok(Err(damaged(segment, segment, Fault::Segment)));
                }
                end.torn = true;
                break;
            }
            (end.start, end.length) = (segment, 0);
            let mut lines = Lines::open(&folder.join(segment_name(segment)))?;
            while let Some((line, ending)) = lines.next()? {
                let record = match end.walk.step(line, ending) {
                    Ok(record) => record,
                    Err(fault) if must(end.walk.next) => {
                        return Ok(Err(damaged(segment, end.walk.next, fault)));
                    }
                    Err(_) => {
                        end.torn = true;
                        break;
                    }
                };
                if kept.and_then(|kept| kept.line(end.tree.size())).is_some_and(|kept| kept != line) {
                    return Ok(Err(damaged(segment, end.tree.size(), Fault::Journal)));
                }
                end.take(line, record);
                if wrong(&end.tree) {
                    return Ok(Err(damaged(segment, end.tree.size().saturating_sub(1), Fault::Root)));
                }
            }
            if end.torn {
                break;
            }
        }
        if is_foreign(&end.walk) {
            return Ok(Err(wrong_journal(Fault::Foreign)));
        }
        if end.tree.size() < needs {
            return Ok(Err(damaged(end.start, end.tree.size(), Fault::Short)));
        }
        if let Some(kept) = kept {
            while let Some(line) = kept.line(end.walk.next) {
                let record = match end.walk.step(line, Ending::Whole) {
                    Ok(record) => record,
                    Err(Fault::Previous) => {
                        return Ok(Err(damaged(end.start, end.tree.size().saturating_sub(1), Fault::Changed)));
                    }
                    Err(fault) => return Ok(Err(wrong_journal(fault))),
                };
                end.lack(line, record);
                if wrong(&end.tree) {
                    return Ok(Err(wrong_journal(Fault::Root)));
                }
            }
        }
        if end.tree.size() < size {
            return Ok(Err(damaged(end.start, end.tree.size(), Fault::Short)));
        }
        Ok(Ok(end))
    }

    /// Takes a line that the journal has and the segment lacks.
    fn lack(&mut self, line: &[u8], record: Record) {
        let length = self.length;
        self.take(line, record);
        self.length = length;
        self.lacking.extend_from_slice(line);
        self.lacking.push(b'\n');
        self.restored = self.restored.saturating_add(1);
    }

    /// Puts back what the segment lacks, and makes durable what the last run may only have written.
    fn restore(&mut self, folder: &Folder, starts: &[u64], segment: &dyn Segment) -> io::Result<()> {
        if !self.lacking.is_empty() {
            segment.append(&self.lacking)?;
            self.length = self.length.saturating_add(u64::try_from(self.lacking.len()).unwrap_or(u64::MAX));
        }
        for start in starts.iter().copied().filter(|start| (self.from..self.start).contains(start)) {
            folder.sync(&segment_name(start))?;
        }
        segment.sync()
    }

    fn take(&mut self, line: &[u8], record: Record) {
        self.tree.push(leaf(line));
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX).saturating_add(1);
        self.length = self.length.saturating_add(bytes);
        if self.last.len() == MOST_FOUND {
            self.last.pop_front();
        }
        self.last.push_back(record);
    }

    /// Moves aside whatever follows the last good line.
    fn tidy(&mut self, folder: &Folder, starts: &[u64]) -> io::Result<Option<Torn>> {
        if !self.torn {
            return Ok(None);
        }
        let aside = format!("torn.{:012}", self.walk.next);
        let mut torn: Option<Torn> = None;
        for segment in starts.iter().copied().filter(|segment| *segment >= self.start) {
            let kept = if segment == self.start { self.length } else { 0 };
            if folder.length(&segment_name(segment))? == kept {
                if segment != self.start {
                    // Begun and not yet written to; the next line may go elsewhere.
                    folder.remove(&segment_name(segment))?;
                }
                continue;
            }
            let (file, bytes) = folder.cut(&segment_name(segment), kept, &aside)?;
            match &mut torn {
                Some(torn) => torn.bytes = torn.bytes.saturating_add(bytes),
                None => torn = Some(Torn { file, bytes }),
            }
        }
        Ok(torn)
    }
}

/// More calls than can be under way at once.
const MOST_FOUND: usize = 16_384;
