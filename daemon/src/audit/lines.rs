//! The rules that each line of the log keeps by itself and towards the line before it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::damage::Fault;
use super::medium::open;
use super::record::{LONGEST, Record};
use super::text::from_hex;
use super::tree::{Hash, link};

/// The lines of one segment, in order.
pub(super) struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With a newline.
    Whole,
    /// With the end of the file.
    Torn,
    /// It goes on beyond what a line of the log can have.
    Endless,
}

impl Lines {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { reader: BufReader::with_capacity(128 * 1024, open(path)?), line: Vec::new() })
    }

    /// The next line without its newline, and how many bytes of the file it takes; nothing at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<(&[u8], Ending)>> {
        self.line.clear();
        let most = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
        let mut bounded = (&mut self.reader).take(most);
        bounded.read_until(b'\n', &mut self.line)?;
        let exhausted = bounded.limit() == 0;
        if self.line.is_empty() {
            return Ok(None);
        }
        let ending = match self.line.pop_if(|byte| *byte == b'\n') {
            Some(_) => Ending::Whole,
            None if exhausted => Ending::Endless,
            None => Ending::Torn,
        };
        Ok(Some((&self.line, ending)))
    }
}

/// The state of a walk along the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// The log's id, once a line has said it.
    pub(super) log: Option<[u8; 16]>,
    /// The number of the next line.
    pub(super) next: u64,
    /// What the next line's `prev` must be; nothing where that cannot be known.
    pub(super) previous: Option<Hash>,
}

impl Walk {
    /// Takes the next line, or says what is wrong with it; the walk then stands where it stood.
    pub(super) fn step(&mut self, line: &[u8], ending: Ending) -> Result<Record, Fault> {
        match ending {
            Ending::Whole => {}
            Ending::Torn => return Err(Fault::Torn),
            Ending::Endless => return Err(Fault::Unreadable),
        }
        let record = Record::parse(line).ok_or(Fault::Unreadable)?;
        let log = from_hex(&record.log).ok_or(Fault::Unreadable)?;
        let previous = record.link().ok_or(Fault::Unreadable)?;
        if self.log.is_some_and(|known| known != log) {
            return Err(Fault::Foreign);
        }
        if record.sequence != self.next {
            return Err(Fault::Sequence);
        }
        if self.previous.is_some_and(|wanted| wanted != previous) {
            return Err(Fault::Previous);
        }
        self.log = Some(log);
        self.next = self.next.saturating_add(1);
        self.previous = Some(link(line));
        Ok(record)
    }
}
