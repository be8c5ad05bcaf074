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
use super::lines::{Lines, Walk};
use super::medium::{Folder, Medium, SMALL, read, segment_name, segments};
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
    let mut end = End::find(&options.folder, &starts, &signed).map_err(disk)??;
    let torn = end.tidy(&folder, &starts).map_err(disk)?;
    let id = match end.walk.log {
        Some(id) => id,
        None => chance::array(&*options.chance)?,
    };
    let boot = chance::array(&*options.chance)?;
    let medium = over(Arc::clone(&folder));
    let segment = medium.segment(end.start).map_err(disk)?;
    let mut desk = Desk::new(end.walk.next, end.walk.previous.unwrap_or_default(), end.tree, segment, end.length);
    // Lines that the last run wrote may not be durable yet.
    desk.dirty = true;
    let last: Vec<Record> = end.last.into();
    let found = Found {
        clean: last.last().is_none_or(|record| record.action == Event::Stop.word()),
        last,
        torn,
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
}

impl End {
    fn find(folder: &Path, starts: &[u64], signed: &Signed) -> io::Result<Result<Self, OpenError>> {
        let size = signed.last().map_or(0, |checkpoint| checkpoint.size);
        // The last segment that the checkpoint reaches, and the nearest before it whose beginning is known.
        let near = starts.iter().rev().copied().filter(|start| *start <= size && *start != 0);
        for start in near {
            let note = read(&folder.join(before_name(start)), SMALL)?;
            let before = note.and_then(|note| Before::parse(std::str::from_utf8(&note).ok()?));
            let Some(before) = before.filter(|before| before.tree.size() == start) else { continue };
            match Self::walk(folder, starts, signed, start, before)? {
                Ok(end) => return Ok(Ok(end)),
                // The note may be what is wrong: the whole log decides.
                Err(_) => break,
            }
        }
        Self::walk(folder, starts, signed, 0, Before { previous: [0; 32], tree: Range::default() })
    }

    /// Walks from the segment that begins with `start` to the end.
    fn walk(
        folder: &Path,
        starts: &[u64],
        signed: &Signed,
        start: u64,
        before: Before,
    ) -> io::Result<Result<Self, OpenError>> {
        let size = signed.last().map_or(0, |checkpoint| checkpoint.size);
        let walk = Walk { log: signed.id, next: start, previous: Some(before.previous) };
        let mut end = Self { walk, tree: before.tree, start, length: 0, last: VecDeque::new(), torn: false };
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
        for segment in starts.iter().copied().filter(|segment| *segment >= start) {
            if segment != end.walk.next {
                if end.walk.next < size {
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
                    Err(fault) if end.walk.next < size => {
                        return Ok(Err(damaged(segment, end.walk.next, fault)));
                    }
                    Err(_) => {
                        end.torn = true;
                        break;
                    }
                };
                end.take(line, record);
                if wrong(&end.tree) {
                    return Ok(Err(damaged(segment, end.tree.size().saturating_sub(1), Fault::Root)));
                }
            }
            if end.torn {
                break;
            }
        }
        if end.tree.size() < size {
            return Ok(Err(damaged(end.start, end.tree.size(), Fault::Short)));
        }
        Ok(Ok(end))
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
