//! Verifying a log: every line, every signed root, every epoch's key. The first thing that is wrong is named with its file
//! and line.

use std::fmt;
use std::io;
use std::path::Path;

use super::chain::{Chain, Mark};
use super::checkpoint::{Checkpoint, Identity};
use super::damage::{Damage, Fault};
use super::entry::Event;
use super::lines::{Ending, Lines, Walk};
use super::medium::{segment_name, segments};
use super::record::Record;
use super::text::hex;
use super::tree::{Hash, Range, leaf};

/// What a sound log has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The log's origin.
    pub origin: String,
    /// How many lines there are.
    pub lines: u64,
    /// How many of them a checkpoint signs.
    pub signed: u64,
    /// How many epochs have ended.
    pub epochs: u64,
    /// The time of the first line.
    pub first: Option<String>,
    /// The time of the last line.
    pub last: Option<String>,
    /// The last checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// Whether the last line says that the log was closed in good order.
    pub closed: bool,
    /// Whether the last checkpoint's own file is missing or empty, so that only the last epoch's end is believed.
    pub headless: bool,
    /// Whether an unfinished line, or an unfinished note of the history, stands at the end.
    pub torn: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log         {}", self.origin)?;
        writeln!(f, "lines       {}, of which {} are signed", self.lines, self.signed)?;
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            writeln!(f, "from        {first}")?;
            writeln!(f, "to          {last}")?;
        }
        if let Some(checkpoint) = &self.checkpoint {
            writeln!(f, "checkpoint  {}, store generation {}", checkpoint.time, checkpoint.generation)?;
        }
        write!(f, "epochs      {} ended, each key vouched for by the one before", self.epochs)?;
        for (holds, note) in [
            (!self.closed, "the log is open, or its daemon was stopped hard"),
            (self.headless, "the last checkpoint's file is missing; the end of the last epoch is what is believed"),
            (self.torn, "an unfinished line stands at the end; the next start moves it aside"),
        ] {
            if holds {
                write!(f, "\nnote        {note}")?;
            }
        }
        Ok(())
    }
}

/// Verifies the log in `folder` against the pinned `identity`. `progress` is told the number of lines now and then.
///
/// The daemon may be at work meanwhile: lines that it adds are as good as the others.
///
/// # Errors
/// [`Damage`]: the first thing that is wrong.
pub fn verify(folder: &Path, identity: &Identity, progress: &mut dyn FnMut(u64)) -> Result<Report, Damage> {
    let chain = Chain::read(folder, identity)?;
    let mut show = |index: u64, _: &[u8], _: Hash| {
        if index.is_multiple_of(STEP) {
            progress(index);
        }
    };
    let walked = walk(folder, &chain, &mut show)?;
    Ok(Report {
        origin: identity.origin.clone(),
        lines: walked.tree.size(),
        signed: chain.marks.last().map_or(0, |mark| mark.size),
        epochs: chain.ended(),
        first: walked.first,
        closed: walked.last.as_ref().is_some_and(|record| record.action == Event::Stop.word()),
        last: walked.last.map(|record| record.time),
        headless: chain.headless,
        torn: walked.torn || chain.torn,
        checkpoint: chain.last.map(|(checkpoint, _)| checkpoint),
    })
}

/// A walked log.
pub(super) struct Walked {
    pub(super) tree: Range,
    first: Option<String>,
    last: Option<Record>,
    torn: bool,
}

/// Is shown each line's number, its bytes and its leaf hash.
pub(super) type Show<'a> = dyn FnMut(u64, &[u8], Hash) + 'a;

/// Walks along the whole log and holds it against the chain's signed roots.
pub(super) fn walk(folder: &Path, chain: &Chain, show: &mut Show<'_>) -> Result<Walked, Damage> {
    let mut checker = Checker {
        chain,
        marks: chain.marks.as_slice(),
        walk: Walk { log: Some(chain.log), next: 0, previous: Some([0; 32]) },
        believed: 0,
        walked: Walked { tree: Range::default(), first: None, last: None, torn: false },
        place: (segment_name(0), 0),
        before: (segment_name(0), 0),
    };
    let starts = segments(folder).map_err(|error| Damage::disk("the folder", error))?;
    for (index, start) in starts.iter().copied().enumerate() {
        let name = segment_name(start);
        if start != checker.walk.next {
            return Err(Damage::found(name, 1, Fault::Segment));
        }
        let mut lines = Lines::open(&folder.join(&name)).map_err(|error| Damage::disk(&name, error))?;
        let rest = starts.get(index.saturating_add(1)..).unwrap_or_default();
        let mut number = 0_u64;
        while let Some((line, ending)) = lines.next().map_err(|error| Damage::disk(&name, error))? {
            number = number.saturating_add(1);
            checker.before = std::mem::replace(&mut checker.place, (name.clone(), number));
            let unsigned = checker.walk.next >= checker.signed();
            if ending == Ending::Torn && unsigned && rest.is_empty() {
                checker.walked.torn = true;
                break;
            }
            let line = line.to_vec();
            if let Err(fault) = checker.step(&line, ending, show) {
                let next = || following(&mut lines, folder, rest);
                return Err(checker.blame(fault, &line, next));
            }
        }
    }
    if checker.walk.next < checker.signed() {
        let (file, line) = checker.place;
        return Err(Damage::found(file, line, Fault::Short));
    }
    Ok(checker.walked)
}

/// The line after the present one, wherever it stands.
fn following(lines: &mut Lines, folder: &Path, rest: &[u64]) -> io::Result<Option<Vec<u8>>> {
    if let Some((line, _)) = lines.next()? {
        return Ok(Some(line.to_vec()));
    }
    let Some(start) = rest.first() else { return Ok(None) };
    let mut lines = Lines::open(&folder.join(segment_name(*start)))?;
    Ok(lines.next()?.map(|(line, _)| line.to_vec()))
}

struct Checker<'a> {
    chain: &'a Chain,
    /// The signed roots that are still ahead.
    marks: &'a [Mark],
    walk: Walk,
    /// How many lines the last signed root that was met has.
    believed: u64,
    walked: Walked,
    /// The file and the line where the present line stands, and the one before it.
    place: (String, u64),
    before: (String, u64),
}

impl Checker<'_> {
    /// How many lines are signed in all.
    fn signed(&self) -> u64 {
        self.chain.marks.last().map_or(0, |mark| mark.size)
    }

    fn step(&mut self, line: &[u8], ending: Ending, show: &mut Show<'_>) -> Result<(), Fault> {
        let record = self.walk.step(line, ending)?;
        let hash = leaf(line);
        show(self.walked.tree.size(), line, hash);
        self.walked.tree.push(hash);
        let size = self.walked.tree.size();
        while let Some((mark, rest)) = self.marks.split_first().filter(|(mark, _)| mark.size <= size) {
            // A signed tree without lines has no root to speak of.
            if mark.size == size && mark.root != self.walked.tree.root() {
                return Err(Fault::Root);
            }
            self.marks = rest;
            self.believed = size;
        }
        if self.walked.first.is_none() {
            self.walked.first = Some(record.time.clone());
        }
        self.walked.last = Some(record);
        Ok(())
    }

    /// Says which line is at fault. Where a line does not follow from the one before it, it is the one before that was
    /// changed, unless that one is signed, or the line's successor does not follow from it either.
    fn blame(&self, fault: Fault, line: &[u8], next: impl FnOnce() -> io::Result<Option<Vec<u8>>>) -> Damage {
        let (file, number) = self.place.clone();
        if fault != Fault::Previous || self.walk.next == 0 || self.believed == self.walk.next {
            return Damage::found(file, number, fault);
        }
        let next = match next() {
            Ok(next) => next,
            Err(error) => return Damage::disk(file, error),
        };
        let own = match next.as_deref().and_then(Record::parse).and_then(|record| record.link()) {
            Some(link) => link != super::tree::link(line),
            None => self.would_fit(line),
        };
        if own {
            Damage::found(file, number, Fault::Previous)
        } else {
            let (file, number) = self.before.clone();
            Damage::found(file, number, Fault::Changed)
        }
    }

    /// Whether the line, the last there is, would make the signed root if only its `prev` were what it must be.
    fn would_fit(&self, line: &[u8]) -> bool {
        let mended = || {
            let text = std::str::from_utf8(line).ok()?;
            let found = Record::parse(line)?.previous;
            let text = text.replacen(&found, &hex(&self.walk.previous?), 1);
            let mut tree = self.walked.tree.clone();
            tree.push(leaf(text.as_bytes()));
            let mark = self.marks.first().filter(|mark| mark.size == tree.size())?;
            Some(mark.root == tree.root())
        };
        mended().unwrap_or(true)
    }
}

/// Lines between two words of progress.
const STEP: u64 = 65_536;
