//! The journal: where lines are durable first.
//!
//! To sync a file that grows costs the disk two trips, because its size changes too. So each round of lines is written, as one
//! *entry*, into a file that never grows, in one trip; then it is answered. The log's own file has the lines as well, only its
//! sync comes later, and before the journal needs the room. At a start the lines that a loss of power has taken from the end
//! of the log are put back from here.
//!
//! The journal believes nothing and repairs nothing: it knows how many lines the log's own file had on the disk, and where
//! that has fewer, or others, the log is damaged.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};

use super::medium::{Medium, read};
use crate::slate::{BLOCK, Sheet, Slate};

/// The journal of a log at work.
pub(super) struct Journal {
    slate: Box<dyn Slate>,
    log: [u8; 16],
    /// How many blocks there are, and the one that is written next.
    blocks: u64,
    at: u64,
    /// The next entry's number.
    serial: u64,
    /// Blocks, from `at` backwards, with lines that the log's own file may not have on the disk.
    held: u64,
    /// How many lines the log's own file has on the disk.
    durable: u64,
    /// Whether an entry says so.
    marked: bool,
    sheet: Sheet,
}

impl Journal {
    /// Begins after what `kept` says was there, for a log of which `durable` lines are on the disk: all that there are.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn begin(
        medium: &dyn Medium,
        size: u64,
        log: [u8; 16],
        kept: Option<&Kept>,
        durable: u64,
    ) -> io::Result<Self> {
        let blocks = size / WIDE;
        let slate = medium.slate(JOURNAL, blocks)?;
        let serial = kept.map_or(0, |kept| kept.serial).saturating_add(1);
        let mut journal =
            Self { slate, log, blocks, at: 0, serial, held: 0, durable, marked: false, sheet: Sheet::default() };
        journal.mark()?;
        Ok(journal)
    }

    /// How many bytes of lines one entry may have: beyond that the log's own sync costs no more.
    pub(super) const fn most(size: u64) -> usize {
        let half = size / 2;
        if half < LARGEST as u64 { half as usize } else { LARGEST }
    }

    /// Writes lines, each with its newline, the first of which has the number `first`. Answers whether there was room; the
    /// log's own file must be synced where there was none.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn write(&mut self, lines: &[u8], first: u64, count: u64) -> io::Result<bool> {
        let head = Head { log: self.log, serial: self.serial, first, count, durable: self.durable };
        let text = head.text(lines.len());
        let entry = self.sheet.fill(&[&text, &sum(&text, lines), lines]);
        let need = u64::try_from(entry.len() / BLOCK).unwrap_or(u64::MAX);
        // An entry does not go over the end; the blocks left there count as used.
        let left = self.blocks.saturating_sub(self.at);
        let (at, used) = if need <= left { (self.at, need) } else { (0, need.saturating_add(left)) };
        let held = self.held.saturating_add(used);
        if held > self.blocks {
            return Ok(false);
        }
        self.slate.write(entry, at)?;
        (self.at, self.held, self.serial) = (at.saturating_add(need), held, self.serial.saturating_add(1));
        self.marked = true;
        Ok(true)
    }

    /// Whether it has lines that the log's own file may not have on the disk.
    pub(super) const fn holds(&self) -> bool {
        self.held > 0
    }

    /// Whether the log's own file should be synced soon, to make room.
    pub(super) const fn is_half_full(&self) -> bool {
        self.held > self.blocks / 2
    }

    /// Learns that the log's own file has this many lines on the disk, which are all that there are.
    pub(super) fn settle(&mut self, durable: u64) {
        self.marked = self.marked && self.durable == durable && self.held == 0;
        (self.durable, self.held) = (durable, 0);
    }

    /// Writes down how many lines the log's own file has on the disk, where no entry says so.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn mark(&mut self) -> io::Result<()> {
        if !self.marked {
            self.write(&[], self.durable, 0)?;
            // Without lines an entry is not held.
            self.held = 0;
        }
        Ok(())
    }
}

/// What a journal has, as it was found: the lines of its last entries.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) log: [u8; 16],
    serial: u64,
    /// How many lines the log's own file had on the disk.
    durable: u64,
    /// The number of the first line that is here.
    first: u64,
    lines: Vec<Box<[u8]>>,
}

impl Kept {
    /// Reads the journal in the log's folder; nothing where it has no whole entry. An entry that is not whole was being
    /// written when the power went, and was never answered.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let bytes = read(&folder.join(JOURNAL), LONGEST)?.unwrap_or_default();
        let mut entries = BTreeMap::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let entry = Head::read(rest);
            let blocks = entry.as_ref().map_or(1, |(_, lines)| blocks(lines.len()));
            if let Some((head, lines)) = entry {
                entries.insert(head.serial, (head, lines));
            }
            rest = rest.get(blocks.saturating_mul(BLOCK)..).unwrap_or_default();
        }
        let Some((_, (last, _))) = entries.last_key_value() else { return Ok(None) };
        // Backwards from the last entry, as long as one follows from the other.
        let (mut first, mut serial) = (last.end(), last.serial.saturating_add(1));
        let mut parts = Vec::new();
        for (head, lines) in entries.values().rev() {
            if head.log != last.log || head.serial.checked_add(1) != Some(serial) || head.end() != first {
                break;
            }
            (first, serial) = (head.first, head.serial);
            parts.push(*lines);
        }
        let lines = parts.into_iter().rev().flat_map(|lines| lines.split_inclusive(|byte| *byte == b'\n'));
        let lines = lines.map(|line| line.strip_suffix(b"\n").unwrap_or(line).into()).collect();
        Ok(Some(Self { log: last.log, serial: last.serial, durable: last.durable, first, lines }))
    }

    /// How many lines the log's own file must have: those that it had on the disk, and those that are not here.
    pub(super) fn needs(&self) -> u64 {
        self.durable.max(self.first)
    }

    /// The line with this number, without its newline, where it is here.
    pub(super) fn line(&self, number: u64) -> Option<&[u8]> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.lines.get(index).map(AsRef::as_ref)
    }

    /// Whether the log's own file may lack this line, because it is here.
    pub(super) fn covers(&self, number: u64) -> bool {
        number >= self.durable && self.line(number).is_some()
    }
}

/// What an entry says of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    log: [u8; 16],
    serial: u64,
    /// The number of the first line, and how many there are.
    first: u64,
    count: u64,
    /// How many lines the log's own file had on the disk when this was written.
    durable: u64,
}

impl Head {
    fn end(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    /// What the check is made over, besides the lines.
    fn text(&self, length: usize) -> Vec<u8> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let mut text = [MARK, &self.log[..]].concat();
        for number in [self.serial, self.first, self.count, self.durable, length] {
            text.extend_from_slice(&number.to_be_bytes());
        }
        text
    }

    /// The entry with which these blocks begin, if it is whole, and its lines.
    fn read(blocks: &[u8]) -> Option<(Self, &[u8])> {
        let rest = blocks.strip_prefix(MARK)?;
        let (log, rest) = rest.split_first_chunk()?;
        let mut numbers = [0; 5];
        let mut rest = rest;
        for number in &mut numbers {
            let (bytes, after) = rest.split_first_chunk()?;
            (*number, rest) = (u64::from_be_bytes(*bytes), after);
        }
        let [serial, first, count, durable, length] = numbers;
        let (check, rest) = rest.split_first_chunk::<32>()?;
        let lines = rest.get(..usize::try_from(length).ok()?)?;
        let head = Self { log: *log, serial, first, count, durable };
        let counted = lines.iter().filter(|byte| **byte == b'\n').count();
        let ended = lines.last().is_none_or(|byte| *byte == b'\n');
        let whole = sum(&head.text(lines.len()), lines) == *check && u64::try_from(counted) == Ok(count) && ended;
        whole.then_some((head, lines))
    }
}

fn sum(text: &[u8], lines: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(text);
    context.update(lines);
    let mut sum = [0; 32];
    sum.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    sum
}

/// How many blocks an entry with so many bytes of lines takes.
const fn blocks(lines: usize) -> usize {
    HEAD.saturating_add(lines).div_ceil(BLOCK)
}

/// The journal's file.
pub(super) const JOURNAL: &str = "journal";

/// What an entry begins with. No line has its first byte.
const MARK: &[u8; 16] = b"\xFFstrongroom.j1\n\0";

/// The bytes of an entry before its lines: the mark, the log's id, five numbers and the check.
const HEAD: usize = 16 + 16 + 5 * 8 + 32;

const WIDE: u64 = BLOCK as u64;

/// No journal is shorter: with half of it in use there is still room for an entry.
pub(super) const SHORTEST: u64 = 4 * WIDE;

/// A round with more bytes than this goes to the log's own file at once.
const LARGEST: usize = 256 * 1024;

/// No journal is longer: a start reads all of it.
pub(super) const LONGEST: u64 = 64 << 20;
