//! What may be lost with the power, though not with the process, until the journal has what stands for it some milliseconds
//! later.
//!
//! Such a note is written into a file that is never synced, so the page cache has it when it is answered. It says which entry
//! of the journal it goes before, by that entry's generation: at a start, only the notes of entries that the journal lacks are
//! taken from here, as changes. There are two files: while one entry is being written, what comes next is jotted into the other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::contract::Batch;
use super::journal::{read_entry, read_rows, write_entry};

/// Notes that the journal has nothing for yet.
pub(super) struct Jots {
    files: [File; 2],
    /// Where the next is written.
    at: u64,
    /// The generation of the entry that will stand for them.
    generation: u64,
    /// The one that is being written.
    entry: Vec<u8>,
}

impl Jots {
    /// Begins with files of which the journal has everything, up to that generation.
    pub(super) fn begin(files: [File; 2], generation: u64) -> Self {
        Self { files, at: 0, generation: generation.saturating_add(1), entry: Vec::new() }
    }

    /// Takes a note; whether there was room.
    ///
    /// # Errors
    /// As the disk says.
    pub(super) fn take(&mut self, note: &Batch) -> io::Result<bool> {
        self.entry.clear();
        write_entry(self.generation, note, &mut self.entry);
        let end = self.at.saturating_add(u64::try_from(self.entry.len()).unwrap_or(u64::MAX));
        if end > MOST {
            self.entry.shrink_to(USUAL);
            return Ok(false);
        }
        let [first, second] = &self.files;
        let file = if self.generation.is_multiple_of(2) { first } else { second };
        file.write_all_at(&self.entry, self.at)?;
        self.at = end;
        Ok(true)
    }

    /// Begins anew: the journal's entry of that generation will stand for everything that was taken so far.
    pub(super) fn turn(&mut self, generation: u64) {
        (self.at, self.generation) = (0, generation.saturating_add(1));
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

/// As many bytes as are taken before one entry of the journal: a start reads all of them.
const MOST: u64 = 128 * 1024;

/// Bytes that a note takes, give or take some.
const USUAL: usize = 512;

/// No file of these is longer.
pub(super) const LONGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::super::contract::Table;
    use super::*;

    fn batch(number: u8) -> Batch {
        let mut batch = Batch::new();
        batch.put(Table::Nonce, [number], [number; 100]);
        batch
    }

    fn written(of: u64, number: u8) -> Vec<u8> {
        let mut entry = Vec::new();
        write_entry(of, &batch(number), &mut entry);
        entry
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
    fn what_was_being_written_ends_it_and_older_ones_behind_it_are_passed_by() {
        let torn = &written(7, 2)[..60];
        assert_eq!(newer([&[&written(7, 1), torn, &written(7, 3)].concat()[..]], 6), (vec![batch(1)], 7));
        assert_eq!(newer([&[written(7, 1), written(5, 9)].concat()[..]], 6), (vec![batch(1)], 7));
        assert_eq!(newer([&b"prose"[..]], 6), (vec![], 6));
    }
}
