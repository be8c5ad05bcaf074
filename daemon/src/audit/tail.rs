//! Reading lines out of a log, as they stand: the last ones, those that come, or a part of them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lines::{Ending, Lines};
use super::medium::{segment_name, segments};

/// The end of a log, and what is added to it.
pub struct Tail {
    folder: PathBuf,
    /// The segment that is being read, and the number of its first line.
    lines: Option<(u64, Lines)>,
    /// The number of the next line.
    next: u64,
    /// The beginning of a line whose end was not there yet.
    begun: Vec<u8>,
    ready: VecDeque<String>,
}

impl Tail {
    /// The last `count` lines of the log in `folder`, which [`more`](Tail::more) answers first.
    ///
    /// # Errors
    /// As the disk says.
    pub fn open(folder: &Path, count: usize) -> io::Result<Self> {
        let starts = segments(folder)?;
        let mut tail =
            Self { folder: folder.to_owned(), lines: None, next: 0, begun: Vec::new(), ready: VecDeque::new() };
        // Segments are long; the last that has lines nearly always has enough of them.
        for first in starts.iter().rev() {
            (tail.lines, tail.next, tail.ready) = (None, *first, VecDeque::new());
            tail.begun.clear();
            let mut kept = VecDeque::new();
            loop {
                let some = tail.more()?;
                if some.is_empty() {
                    break;
                }
                kept.extend(some);
                kept.drain(..kept.len().saturating_sub(count));
            }
            let enough = kept.len() >= count;
            tail.ready = kept;
            if enough {
                break;
            }
        }
        Ok(tail)
    }

    /// Whole lines that have come since the last call, without their newlines; none where there are none yet.
    ///
    /// # Errors
    /// As the disk says.
    pub fn more(&mut self) -> io::Result<Vec<String>> {
        let mut found: Vec<String> = self.ready.drain(..).collect();
        while found.len() < BATCH {
            if self.lines.is_none() {
                match Lines::open(&self.folder.join(segment_name(self.next))) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    lines => self.lines = Some((self.next, lines?)),
                }
            }
            let Some((start, lines)) = &mut self.lines else { break };
            match lines.next()? {
                Some((line, ending)) => {
                    self.begun.extend_from_slice(line);
                    if ending == Ending::Whole {
                        found.push(String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned());
                        self.next = self.next.saturating_add(1);
                    }
                }
                // The next segment is there once this one is full.
                None if *start != self.next && self.folder.join(segment_name(self.next)).try_exists()? => {
                    self.lines = None;
                }
                None => break,
            }
        }
        Ok(found)
    }
}

/// Copies the lines from number `from` up to, but not including, `to`. Answers how many there were.
///
/// # Errors
/// As the disk says, or whatever `out` writes to.
pub fn export(folder: &Path, from: u64, to: u64, out: &mut dyn Write) -> io::Result<u64> {
    let starts = segments(folder)?;
    let first = starts.partition_point(|start| *start <= from).saturating_sub(1);
    let mut copied = 0;
    for start in starts.get(first..).unwrap_or_default().iter().copied().filter(|start| *start < to) {
        let mut lines = Lines::open(&folder.join(segment_name(start)))?;
        let mut number = start;
        while let Some((line, Ending::Whole)) = lines.next()? {
            if (from..to).contains(&number) {
                out.write_all(line)?;
                out.write_all(b"\n")?;
                copied += 1;
            }
            number = number.saturating_add(1);
        }
    }
    out.flush()?;
    Ok(copied)
}

/// Lines in one answer.
const BATCH: usize = 4096;
