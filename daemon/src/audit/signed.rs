//! The signed files beside the lines, as far as they can be believed without walking through all epochs.

use std::io;
use std::path::Path;

use super::checkpoint::{Checkpoint, Identity, Note, log_id};
use super::contract::OpenError;
use super::epoch::{Expected, HEAD, HISTORY, IDENTITY};
use super::medium::{SMALL, open, read};

/// What the signed files say, as far as it can be told without walking through all epochs.
pub(super) struct Signed {
    pub(super) id: Option<[u8; 16]>,
    /// The last of the last epoch that ended.
    pub(super) closing: Option<Checkpoint>,
    /// The last of the present epoch.
    pub(super) head: Option<Checkpoint>,
    pub(super) expected: Expected,
}

impl Signed {
    pub(super) fn read(folder: &Path) -> io::Result<Result<Self, OpenError>> {
        let text = |name: &str, longest| {
            let bytes = read(&folder.join(name), longest)?;
            Ok::<_, io::Error>(bytes.map(|bytes| String::from_utf8(bytes).unwrap_or_default()))
        };
        let (identity, head) = (text(IDENTITY, SMALL)?, text(HEAD, SMALL)?);
        let history = last_closing(folder)?;
        Ok(Self::judge(identity, head, history))
    }

    fn judge(identity: Option<String>, head: Option<String>, history: History) -> Result<Self, OpenError> {
        // A power failure may leave the last checkpoint's file empty, or its bytes noughts; the last epoch's end is then the
        // last word.
        let head = head.filter(|text| !is_blank(text.as_bytes()));
        let Some(identity) = identity else {
            return match (head, history) {
                (None, History::None) => {
                    Ok(Self { id: None, closing: None, head: None, expected: Expected { number: 0, key: None } })
                }
                _ => Err(OpenError::Unsigned(IDENTITY)),
            };
        };
        let identity = Identity::parse(&identity).ok_or(OpenError::Unsigned(IDENTITY))?;
        let id = log_id(&identity.origin).ok_or(OpenError::Unsigned(IDENTITY))?;
        let closing = match history {
            History::None => None,
            History::Last(note) if note.checkpoint.origin == identity.origin => Some(note.checkpoint),
            _ => return Err(OpenError::Unsigned(HISTORY)),
        };
        let expected = match &closing {
            None => Expected { number: 0, key: Some(identity.key) },
            Some(last) => Expected { number: last.epoch.saturating_add(1), key: last.next },
        };
        let head = match head {
            None => None,
            Some(text) => {
                let note = Note::parse(&text).ok_or(OpenError::Unsigned(HEAD))?;
                let key = expected.key.ok_or(OpenError::Unsigned(HISTORY))?;
                let present = note.checkpoint.epoch == expected.number && note.signed_by(&key);
                // A crash between an epoch's end and the next checkpoint leaves one of the epoch that ended.
                let past = closing
                    .as_ref()
                    .is_some_and(|last| note.checkpoint.epoch <= last.epoch && note.checkpoint.size <= last.size);
                if note.checkpoint.origin != identity.origin || !(present || past) {
                    return Err(OpenError::Unsigned(HEAD));
                }
                present.then_some(note.checkpoint)
            }
        };
        Ok(Self { id: Some(id), closing, head, expected })
    }

    /// The last checkpoint: what it signs must be there.
    pub(super) fn last(&self) -> Option<&Checkpoint> {
        self.head.as_ref().or(self.closing.as_ref())
    }
}

/// Whether a file has nothing in it that anybody wrote.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// The last note of the epochs' history.
enum History {
    None,
    Last(Box<Note>),
    Bad,
}

/// Reads the end of the history alone: a start does not take longer with the years. A note at its end that a crash left
/// unfinished was never acted upon, and is cut off.
fn last_closing(folder: &Path) -> io::Result<History> {
    let path = folder.join(HISTORY);
    let mut file = match open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::None),
        file => file?,
    };
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(SMALL);
    io::Seek::seek(&mut file, io::SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut file, &mut bytes)?;
    // A note's text and its signatures each end with an empty line.
    let mut breaks = bytes.windows(2).enumerate().filter(|(_, pair)| pair == b"\n\n").map(|(at, _)| at);
    let all: Vec<usize> = breaks.by_ref().collect();
    let whole = ends(&bytes, &all);
    let Some((start, end)) = whole else {
        return Ok(if skipped == 0 { cut(&path, 0).map(|()| History::None)? } else { History::Bad });
    };
    let kept = skipped.saturating_add(u64::try_from(end).unwrap_or(u64::MAX));
    if kept < length {
        cut(&path, kept)?;
    }
    let note = bytes.get(start..end.saturating_sub(1)).and_then(|note| std::str::from_utf8(note).ok());
    Ok(match note.and_then(Note::parse).filter(|note| note.checkpoint.next.is_some()) {
        Some(note) => History::Last(Box::new(note)),
        None => History::Bad,
    })
}

/// Where the last whole note begins and ends, its empty line included. Signature lines begin with a dash, text does not.
fn ends(bytes: &[u8], breaks: &[usize]) -> Option<(usize, usize)> {
    let after = |at: usize| at.saturating_add(2);
    let signed = |at: usize| bytes.get(after(at)..).is_some_and(|rest| rest.starts_with("\u{2014} ".as_bytes()));
    // The last break behind which signatures stand, with another break behind those.
    let index = breaks.len().checked_sub(2)?;
    let last = (0..=index).rev().find(|index| breaks.get(*index).is_some_and(|at| signed(*at)))?;
    let end = after(*breaks.get(last.saturating_add(1))?);
    let start = last.checked_sub(1).and_then(|before| breaks.get(before)).map_or(0, |at| after(*at));
    Some((start, end))
}

fn cut(path: &Path, length: u64) -> io::Result<()> {
    let file = std::fs::OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()
}
