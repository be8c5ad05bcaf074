//! The epochs of a log in their order: each key vouched for by the one before, the first by whoever pinned it.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use super::checkpoint::{Checkpoint, Identity, Note, log_id};
use super::damage::{Damage, Fault};
use super::epoch::{HEAD, HISTORY};
use super::medium::{SMALL, open, read};
use super::signed::is_blank;
use super::tree::Hash;

/// Every signed tree of a log, believed.
#[derive(Clone, Debug)]
pub struct Chain {
    pub(super) log: [u8; 16],
    origin: String,
    /// The key of each epoch, the present one last.
    keys: Vec<[u8; 32]>,
    /// What is signed, in the order of size.
    pub(super) marks: Vec<Mark>,
    /// The last note, as it stands in its file.
    pub(super) last: Option<(Checkpoint, String)>,
    /// Whether the last checkpoint's file is missing or blank, as a power failure may leave it.
    pub(super) headless: bool,
    /// Whether the history ends in an unfinished note.
    pub(super) torn: bool,
}

/// A signed root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) size: u64,
    pub(super) root: Hash,
}

impl Chain {
    /// Reads the notes in `folder` and believes them, beginning with the key that `identity` pins.
    ///
    /// # Errors
    /// [`Damage`], naming the first note that cannot be believed.
    pub fn read(folder: &Path, identity: &Identity) -> Result<Self, Damage> {
        let log = log_id(&identity.origin).ok_or_else(|| Damage::found(HEAD, 1, Fault::Foreign))?;
        let mut chain = Self {
            log,
            origin: identity.origin.clone(),
            keys: vec![identity.key],
            marks: Vec::new(),
            last: None,
            headless: false,
            torn: false,
        };
        // The checkpoint is read before the history: a daemon at work may end an epoch in between, and the history then
        // knows more than the checkpoint, never less.
        let head = read(&folder.join(HEAD), SMALL).map_err(|error| Damage::disk(HEAD, error))?;
        chain.history(folder)?;
        chain.head(head)?;
        if chain.marks.is_empty() {
            return Err(Damage::found(HEAD, 1, Fault::Unsigned));
        }
        Ok(chain)
    }

    /// How many epochs have ended.
    pub fn ended(&self) -> u64 {
        u64::try_from(self.keys.len()).unwrap_or(u64::MAX).saturating_sub(1)
    }

    /// Whether this was the log's key in that epoch.
    pub fn has(&self, epoch: u64, key: &[u8; 32]) -> bool {
        usize::try_from(epoch).ok().and_then(|epoch| self.keys.get(epoch)) == Some(key)
    }

    /// The origin of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether this log signed the note, with the key of the epoch that the note names.
    pub fn believes(&self, note: &Note) -> bool {
        let key = usize::try_from(note.checkpoint.epoch).ok().and_then(|epoch| self.keys.get(epoch));
        note.checkpoint.origin == self.origin && key.is_some_and(|key| note.signed_by(key))
    }

    fn history(&mut self, folder: &Path) -> Result<(), Damage> {
        let file = match open(&folder.join(HISTORY)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            file => file.map_err(|error| Damage::disk(HISTORY, error))?,
        };
        let mut notes = Notes { reader: BufReader::new(file), line: 0 };
        while let Some((line, text)) = notes.next().map_err(|error| Damage::disk(HISTORY, error))? {
            let Some(text) = text else {
                self.torn = true;
                break;
            };
            let wrong = |fault| Damage::found(HISTORY, line, fault);
            let note = Note::parse(&text).ok_or_else(|| wrong(Fault::Note))?;
            let next = note.checkpoint.next.ok_or_else(|| wrong(Fault::Note))?;
            self.check(&note, self.ended()).map_err(wrong)?;
            self.take(note.checkpoint, text);
            self.keys.push(next);
        }
        Ok(())
    }

    fn head(&mut self, head: Option<Vec<u8>>) -> Result<(), Damage> {
        let wrong = |fault| Damage::found(HEAD, 1, fault);
        let Some(head) = head.filter(|bytes| !is_blank(bytes)) else {
            self.headless = true;
            return Ok(());
        };
        let text = String::from_utf8(head).map_err(|_| wrong(Fault::Note))?;
        let note = Note::parse(&text).ok_or_else(|| wrong(Fault::Note))?;
        let present = self.ended();
        if note.checkpoint.epoch < present {
            // A crash, or a daemon at work, left one of an epoch that has ended: it may say no more than that epoch's end.
            let last = self.last.as_ref().map_or(0, |(last, _)| last.size);
            if !self.believes(&note) || note.checkpoint.size > last {
                return Err(wrong(Fault::Signature));
            }
            self.marks.push(Mark { size: note.checkpoint.size, root: note.checkpoint.root });
            self.marks.sort_by_key(|mark| mark.size);
            return Ok(());
        }
        self.check(&note, present).map_err(wrong)?;
        self.take(note.checkpoint, text);
        Ok(())
    }

    fn check(&self, note: &Note, epoch: u64) -> Result<(), Fault> {
        let checkpoint = &note.checkpoint;
        if checkpoint.origin != self.origin {
            return Err(Fault::Foreign);
        }
        if checkpoint.epoch != epoch {
            return Err(Fault::Epoch);
        }
        if !self.believes(note) {
            return Err(Fault::Signature);
        }
        let shrunk = |last: &Checkpoint| checkpoint.size < last.size || checkpoint.generation < last.generation;
        if self.last.as_ref().is_some_and(|(last, _)| shrunk(last)) {
            return Err(Fault::Shrunk);
        }
        Ok(())
    }

    fn take(&mut self, checkpoint: Checkpoint, text: String) {
        self.marks.push(Mark { size: checkpoint.size, root: checkpoint.root });
        self.last = Some((checkpoint, text));
    }
}

/// The notes of the history, one after the other, each followed by an empty line.
struct Notes<R> {
    reader: R,
    line: u64,
}

impl<R: BufRead> Notes<R> {
    /// The next note and the line it begins with; no text where the file ends within it; nothing at the end.
    fn next(&mut self) -> io::Result<Option<(u64, Option<String>)>> {
        let first = self.line.saturating_add(1);
        let mut note = Vec::new();
        let mut breaks = 0;
        while breaks < 2 {
            let before = note.len();
            let read = (&mut self.reader).take(SMALL).read_until(b'\n', &mut note)?;
            self.line = self.line.saturating_add(1);
            if read == 0 || note.last() != Some(&b'\n') {
                let end = if note.is_empty() { None } else { Some((first, None)) };
                return Ok(end);
            }
            if note.get(before..) == Some(b"\n") {
                breaks += 1;
            }
            if note.len() > LONGEST {
                break;
            }
        }
        note.pop();
        // What is no text is no note either; the reader of the note says so.
        Ok(Some((first, Some(String::from_utf8(note).unwrap_or_default()))))
    }
}

/// A note is not longer than this.
const LONGEST: usize = 64 * 1024;
