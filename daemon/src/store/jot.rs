//! What may be lost with the power, though not with the process, until the journal has it some milliseconds later.
//!
//! Such a change is written into a file that is never synced, so the page cache has it when it is answered. The journal's next
//! entry has it as well, and what was jotted says so by that entry's generation: at a start, only what the journal lacks is
//! taken from here. There are two files: while one entry is being written, what comes next is jotted into the other.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::mem;
use std::os::unix::fs::FileExt;

use super::contract::{Batch, Table, Write};
use super::journal::{entry_head, read_entry, read_rows, sum, write_rows};

/// Changes that the journal does not have yet.
pub(super) struct Jots {
    files: [File; 2],
    /// Where the next is written.
    at: u64,
    /// The generation of the entry that will have them.
    generation: u64,
    pending: Vec<Batch>,
    bytes: usize,
    rows: Vec<u8>,
}

impl Jots {
    /// Begins with files of which the journal has everything, up to that generation.
    pub(super) fn begin(files: [File; 2], generation: u64) -> Self {
        let generation = generation.saturating_add(1);
        Self { files, at: 0, generation, pending: Vec::new(), bytes: 0, rows: Vec::new() }
    }

    /// Takes a change; whether there was room.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn take(&mut self, batch: &Batch) -> io::Result<bool> {
        self.rows.clear();
        write_rows(batch, &mut self.rows);
        if self.bytes.saturating_add(self.rows.len()) > MOST {
            self.rows = Vec::new();
            return Ok(false);
        }
        let head = entry_head(self.generation, &self.rows);
        let entry = [&head[..], &sum(&head, &self.rows), &self.rows].concat();
        let [first, second] = &self.files;
        let file = if self.generation.is_multiple_of(2) { first } else { second };
        file.write_all_at(&entry, self.at)?;
        self.at = self.at.saturating_add(u64::try_from(entry.len()).unwrap_or(u64::MAX));
        self.bytes = self.bytes.saturating_add(self.rows.len());
        self.pending.push(batch.clone());
        Ok(true)
    }

    /// Everything that was taken since the last time, for the journal's entry of that generation.
    pub(super) fn turn(&mut self, generation: u64) -> Vec<Batch> {
        (self.at, self.bytes, self.generation) = (0, 0, generation.saturating_add(1));
        mem::take(&mut self.pending)
    }
}

/// Rows that were jotted lately. They were admitted then, and what is jotted is jotted often: to ask the database each time
/// would take longer than to write it.
#[derive(Debug, Default)]
pub(super) struct Jotted {
    rows: BTreeMap<Table, HashSet<Vec<u8>>>,
    count: usize,
}

impl Jotted {
    /// Whether a change touches no other rows.
    pub(super) fn has_all(&self, batch: &Batch) -> bool {
        let has = |write: &Write| self.rows.get(&write.table).is_some_and(|rows| rows.contains(&*write.key));
        batch.writes().iter().all(has)
    }

    /// Takes in the rows of a change. When there are too many, all the earlier ones are asked for again.
    pub(super) fn enter(&mut self, batch: &Batch) {
        for write in batch.writes() {
            if self.count >= MOST_ROWS {
                *self = Self::default();
            }
            let rows = self.rows.entry(write.table).or_default();
            if !rows.contains(&*write.key) && rows.insert(write.key.clone()) {
                self.count = self.count.saturating_add(1);
            }
        }
    }
}

/// What was jotted and is newer than that generation, in order, and the generation it leads to.
pub(super) fn newer<'a>(files: impl IntoIterator<Item = &'a [u8]>, generation: u64) -> (Vec<Batch>, u64) {
    let mut found: BTreeMap<u64, Vec<Batch>> = BTreeMap::new();
    for mut rest in files {
        while let Some((of, rows, after)) = read_entry(rest) {
            if of > generation {
                found.entry(of).or_default().extend(read_rows(rows));
            }
            rest = after;
        }
    }
    let last = found.last_key_value().map_or(generation, |(of, _)| *of);
    (found.into_values().flatten().collect(), last)
}

/// The names of the files.
pub(super) const FILES: [&str; 2] = ["jot-0", "jot-1"];

/// Rows that are known to have been jotted: a megabyte of their names.
const MOST_ROWS: usize = 8192;

/// As much as is gathered for one entry of the journal.
const MOST: usize = 128 * 1024;

/// No file of these is longer.
pub(super) const LONGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(number: u8) -> Batch {
        let mut batch = Batch::new();
        batch.put(Table::Nonce, [number], [number; 100]);
        batch
    }

    fn written(of: u64, number: u8) -> Vec<u8> {
        let mut rows = Vec::new();
        write_rows(&batch(number), &mut rows);
        let head = entry_head(of, &rows);
        [&head[..], &sum(&head, &rows), &rows].concat()
    }

    #[test]
    fn what_the_journal_lacks_reads_back_in_its_order() {
        let (even, odd) = ([written(8, 3), written(8, 4)].concat(), [written(7, 1), written(7, 2)].concat());
        let files = || [&even[..], &odd[..]];
        assert_eq!(newer(files(), 6), (vec![batch(1), batch(2), batch(3), batch(4)], 8));
        assert_eq!(newer(files(), 7), (vec![batch(3), batch(4)], 8));
        assert_eq!(newer(files(), 8), (vec![], 8));
    }

    #[test]
    fn rows_that_were_jotted_are_known_until_they_are_too_many() {
        let mut jotted = Jotted::default();
        assert!(!jotted.has_all(&batch(1)));
        jotted.enter(&batch(1));
        let mut both = batch(1);
        both.put(Table::Nonce, [2], [2]);
        assert_eq!((jotted.has_all(&batch(1)), jotted.has_all(&both)), (true, false));
        let mut elsewhere = Batch::new();
        elsewhere.put(Table::Object, [1], [1]);
        assert!(!jotted.has_all(&elsewhere), "another table");
        for number in 0..MOST_ROWS {
            let mut next = Batch::new();
            next.put(Table::Nonce, number.to_be_bytes(), [1]);
            jotted.enter(&next);
            assert!(jotted.has_all(&next) && jotted.count <= MOST_ROWS);
        }
        assert!(!jotted.has_all(&batch(1)), "it was forgotten");
    }

    #[test]
    fn what_was_being_written_ends_it_and_older_ones_behind_it_are_passed_by() {
        let torn = &written(7, 2)[..60];
        assert_eq!(newer([&[&written(7, 1), torn, &written(7, 3)].concat()[..]], 6), (vec![batch(1)], 7));
        assert_eq!(newer([&[written(7, 1), written(5, 9)].concat()[..]], 6), (vec![batch(1)], 7));
        assert_eq!(newer([&b"prose"[..]], 6), (vec![], 6));
    }
}
