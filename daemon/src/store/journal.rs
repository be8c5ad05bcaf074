//! The journal: where a group of changes is durable first.
//!
//! To make a database durable costs the disk several trips, one after the other: its pages, its size, its cache. So each
//! group is written, as one *entry*, into a file that never grows, in one trip; then it is answered. The database gets it
//! later, together with others, and before the journal needs the room. At a start the groups that the database lacks are
//! put into it from here.
//!
//! An entry carries the generation of its group, so the entries that the database lacks are those that follow its own
//! generation, one after the other. An entry that is not whole was being written when the power went, and was never
//! answered; where a whole one comes after a gap, something is lost.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use super::contract::{Batch, Table};
use crate::slate::{BLOCK, Sheet, Slate};

/// The journal of a store at work.
pub(super) struct Journal {
    slate: Box<dyn Slate>,
    /// How many blocks there are, and the one that is written next.
    blocks: u64,
    at: u64,
    rows: Vec<u8>,
    sheet: Sheet,
}

/// What became of a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is durable, and takes so many blocks.
    Durably(u64),
    /// There is room for it once the database has what the journal holds.
    Later,
    /// No journal takes so much at once.
    Never,
}

impl Journal {
    /// Begins with a journal of which the database has everything.
    pub(super) fn begin(slate: Box<dyn Slate>, blocks: u64) -> Self {
        Self { slate, blocks, at: 0, rows: Vec::new(), sheet: Sheet::default() }
    }

    /// Writes a group, durable before the answer, where so many blocks hold what the database lacks.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn write<'a>(
        &mut self,
        group: impl IntoIterator<Item = &'a Batch>,
        generation: u64,
        held: u64,
    ) -> io::Result<Kept> {
        self.rows.clear();
        group.into_iter().for_each(|batch| write_rows(batch, &mut self.rows));
        if self.rows.len() > LARGEST {
            self.rows = Vec::new();
            return Ok(Kept::Never);
        }
        let head = entry_head(generation, &self.rows);
        let entry = self.sheet.fill(&[&head, &sum(&head, &self.rows), &self.rows]);
        let need = u64::try_from(entry.len() / BLOCK).unwrap_or(u64::MAX);
        if need > self.blocks / 2 {
            return Ok(Kept::Never);
        }
        // An entry does not go over the end; the blocks left there count as used.
        let left = self.blocks.saturating_sub(self.at);
        let (at, used) = if need <= left { (self.at, need) } else { (0, need.saturating_add(left)) };
        if held.saturating_add(used) > self.blocks {
            return Ok(Kept::Later);
        }
        self.slate.write(entry, at)?;
        self.at = at.saturating_add(need);
        Ok(Kept::Durably(used))
    }
}

/// What the database lacks.
#[derive(Debug, Default)]
pub(super) struct Lacking {
    /// Its changes, in order.
    pub(super) groups: Vec<Batch>,
    /// The generation of the last, or that of the database where there is none.
    pub(super) generation: u64,
    /// Whether there is more, after a gap.
    pub(super) torn: bool,
}

/// Reads a journal, or as much of it as a journal may have; nothing where there is none.
///
/// # Errors
/// As the disk says.
pub(super) fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        file => {
            file?.take(longest).read_to_end(&mut bytes)?;
        }
    }
    Ok(bytes)
}

/// What a database of that generation lacks of a journal.
pub(super) fn lacking(journal: &[u8], generation: u64) -> Lacking {
    let mut entries = BTreeMap::new();
    let mut rest = journal;
    while !rest.is_empty() {
        let entry = read_entry(rest);
        let length = entry.map_or(0, |(_, rows, _)| rows.len());
        if let Some((of, rows, _)) = entry.filter(|(of, ..)| *of > generation) {
            entries.insert(of, rows);
        }
        rest = rest.get(HEAD.saturating_add(length).div_ceil(BLOCK).saturating_mul(BLOCK)..).unwrap_or_default();
    }
    let mut lacking = Lacking { generation, ..Lacking::default() };
    for (of, rows) in entries {
        let next = lacking.generation.checked_add(1) == Some(of);
        let Some(batch) = read_rows(rows).filter(|_| next) else {
            lacking.torn = true;
            break;
        };
        lacking.groups.push(batch);
        lacking.generation = of;
    }
    lacking
}

/// The generation and the rows of the entry with which these bytes begin, if it is whole, and what follows.
pub(super) fn read_entry(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let rest = bytes.strip_prefix(MARK)?;
    let (generation, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (check, rest) = rest.split_first_chunk::<32>()?;
    let (rows, rest) = rest.split_at_checked(usize::try_from(u64::from_be_bytes(*length)).ok()?)?;
    let generation = u64::from_be_bytes(*generation);
    (sum(&entry_head(generation, rows), rows) == *check).then_some((generation, rows, rest))
}

/// Appends a whole entry.
pub(super) fn write_entry(generation: u64, batch: &Batch, to: &mut Vec<u8>) {
    let mut rows = Vec::new();
    write_rows(batch, &mut rows);
    let head = entry_head(generation, &rows);
    for part in [&head[..], &sum(&head, &rows), &rows] {
        to.extend_from_slice(part);
    }
}

/// What an entry begins with, before its check.
fn entry_head(generation: u64, rows: &[u8]) -> Vec<u8> {
    let length = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    [&MARK[..], &generation.to_be_bytes(), &length.to_be_bytes()].concat()
}

/// The check of an entry.
fn sum(head: &[u8], rows: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(head);
    context.update(rows);
    let mut sum = [0; 32];
    sum.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    sum
}

/// Writes the changes of a batch.
fn write_rows(batch: &Batch, rows: &mut Vec<u8>) {
    for write in batch.writes() {
        let length = write.value.as_ref().map_or(0, Vec::len);
        rows.push(write.table.number());
        rows.push(if write.value.is_some() { PUT } else { REMOVE });
        rows.extend_from_slice(&u32::try_from(write.key.len()).unwrap_or(u32::MAX).to_be_bytes());
        rows.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        rows.extend_from_slice(&write.key);
        rows.extend_from_slice(write.value.as_deref().unwrap_or_default());
    }
}

/// Reads them; nothing where they are none.
pub(super) fn read_rows(mut rows: &[u8]) -> Option<Batch> {
    let mut batch = Batch::new();
    while let Some((&[table, kind], rest)) = rows.split_first_chunk() {
        let (key, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*key)).ok()?)?;
        let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*value)).ok()?)?;
        let table = Table::numbered(table)?;
        match kind {
            PUT => batch.put(table, key, value),
            REMOVE => batch.remove(table, key),
            _ => return None,
        }
        rows = rest;
    }
    rows.is_empty().then_some(batch)
}

/// The journal's file.
pub(super) const JOURNAL: &str = "journal";

/// What an entry begins with.
const MARK: &[u8; 16] = b"\xFFstrongroom.s1\n\0";

/// The bytes of an entry before its rows: the mark, the generation, the length and the check.
const HEAD: usize = 16 + 8 + 8 + 32;

/// A group with more bytes than this goes to the database at once: beyond that, its own sync costs no more.
const LARGEST: usize = 512 * 1024;

/// No journal is longer: a start reads all of it.
pub(super) const LONGEST: u64 = 64 << 20;

const PUT: u8 = 1;
const REMOVE: u8 = 0;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A slate in memory.
    #[derive(Clone, Default)]
    struct Wax(Arc<Mutex<Vec<u8>>>);

    impl Slate for Wax {
        fn write(&self, blocks: &[u8], at: u64) -> io::Result<()> {
            let mut wax = self.0.lock().unwrap();
            let at = usize::try_from(at).unwrap() * BLOCK;
            let end = wax.len().max(at + blocks.len());
            wax.resize(end, 0);
            wax[at..at + blocks.len()].copy_from_slice(blocks);
            Ok(())
        }
    }

    impl Wax {
        fn read(&self, generation: u64) -> Lacking {
            lacking(&self.0.lock().unwrap(), generation)
        }
    }

    fn group(number: u8, size: usize) -> [Batch; 2] {
        let (mut put, mut remove) = (Batch::new(), Batch::new());
        put.put(Table::Object, [number], vec![number; size]);
        remove.remove(Table::Client, [number]);
        [put, remove]
    }

    fn together(group: &[Batch; 2]) -> Batch {
        let mut all = group[0].clone();
        all.append(group[1].clone());
        all
    }

    #[test]
    fn what_the_database_lacks_reads_back_in_its_order() {
        let wax = Wax::default();
        let mut journal = Journal::begin(Box::new(wax.clone()), 16);
        for number in 1..=4 {
            let kept = journal.write(&group(number, 5000), number.into(), 0).unwrap();
            assert_eq!(kept, Kept::Durably(2));
        }
        let lacking = wax.read(2);
        assert_eq!(lacking.groups, [together(&group(3, 5000)), together(&group(4, 5000))]);
        assert_eq!((lacking.generation, lacking.torn), (4, false));
        assert!(wax.read(4).groups.is_empty());
    }

    #[test]
    fn an_entry_never_takes_the_room_of_one_that_the_database_lacks() {
        let wax = Wax::default();
        let mut journal = Journal::begin(Box::new(wax.clone()), 5);
        assert_eq!(journal.write(&group(1, 5000), 1, 0).unwrap(), Kept::Durably(2));
        assert_eq!(journal.write(&group(2, 5000), 2, 2).unwrap(), Kept::Durably(2));
        assert_eq!(journal.write(&group(3, 5000), 3, 4).unwrap(), Kept::Later);
        assert_eq!(journal.write(&group(3, 5000), 3, 2).unwrap(), Kept::Durably(3), "with the block left at the end");
        assert_eq!(wax.read(1).generation, 3);
    }

    #[test]
    fn what_is_too_large_is_never_taken() {
        let mut journal = Journal::begin(Box::new(Wax::default()), 1024);
        assert_eq!(journal.write(&group(1, LARGEST), 1, 0).unwrap(), Kept::Never);
        let mut journal = Journal::begin(Box::new(Wax::default()), 4);
        assert_eq!(journal.write(&group(1, 8192), 1, 0).unwrap(), Kept::Never);
    }

    #[test]
    fn a_last_entry_that_is_not_whole_was_never_answered() {
        let wax = Wax::default();
        let mut journal = Journal::begin(Box::new(wax.clone()), 16);
        for number in 1..=2 {
            let _ = journal.write(&group(number, 5000), number.into(), 0).unwrap();
        }
        wax.0.lock().unwrap()[3 * BLOCK] ^= 1;
        let lacking = wax.read(0);
        assert_eq!((lacking.generation, lacking.torn, lacking.groups.len()), (1, false, 1));
    }

    #[test]
    fn a_gap_before_a_whole_entry_is_seen() {
        let wax = Wax::default();
        let mut journal = Journal::begin(Box::new(wax.clone()), 16);
        for number in 1..=3 {
            let _ = journal.write(&group(number, 10), number.into(), 0).unwrap();
        }
        wax.0.lock().unwrap()[BLOCK + HEAD] ^= 1;
        let lacking = wax.read(0);
        assert_eq!((lacking.generation, lacking.torn), (1, true));
    }
}
