//! How a row lies in a database that has one keyspace and likes its values small.
//!
//! A row's key is the table's number and the key. A value up to the size of a [part](PART) lies in the row itself; of a
//! larger one the row holds the outline, and the parts lie in rows of their own. Each part carries the generation that
//! wrote it, so that a reader that meets a writer does not put together what does not belong together.

use super::contract::{Batch, Table};

/// What a row holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row<'a> {
    /// The value.
    Whole(&'a [u8]),
    /// Where the value is.
    Parted(Outline),
}

/// A value in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outline {
    /// Which commit wrote it.
    pub(super) generation: u64,
    /// How many bytes it has.
    pub(super) length: u64,
}

impl Outline {
    /// How many parts there are.
    pub(super) fn parts(self) -> u64 {
        self.length.div_ceil(PART as u64)
    }
}

impl Row<'_> {
    /// Reads what a row holds; nothing if it is no row of ours.
    pub(super) fn read(bytes: &[u8]) -> Option<Row<'_>> {
        match bytes.split_first()? {
            (&WHOLE, value) => Some(Row::Whole(value)),
            (&PARTED, outline) => {
                let (generation, length) = outline.split_first_chunk::<8>()?;
                let length = <[u8; 8]>::try_from(length).ok()?;
                let outline =
                    Outline { generation: u64::from_be_bytes(*generation), length: u64::from_be_bytes(length) };
                // A part is at least one byte, so no honest value is smaller than this; none of ours is larger.
                (outline.length > PART as u64 && outline.parts() <= MOST_PARTS).then_some(Row::Parted(outline))
            }
            _ => None,
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        match self {
            Row::Whole(value) => [&[WHOLE], *value].concat(),
            Row::Parted(Outline { generation, length }) => {
                [&[PARTED][..], &generation.to_be_bytes(), &length.to_be_bytes()].concat()
            }
        }
    }
}

/// The key of a row.
pub(super) fn key(table: Table, key: &[u8]) -> Vec<u8> {
    [&[table.number()], key].concat()
}

/// The key of a part. The index has a fixed length, so no two rows share a part.
pub(super) fn part_key(table: Table, key: &[u8], index: u64) -> Vec<u8> {
    [&[PARTS | table.number()], key, &index.to_be_bytes()].concat()
}

/// The bytes of a part, if `generation` wrote it.
pub(super) fn read_part(bytes: &[u8], generation: u64) -> Option<&[u8]> {
    let (wrote, part) = bytes.split_first_chunk::<8>()?;
    (*wrote == generation.to_be_bytes()).then_some(part)
}

pub(super) fn write_part(part: &[u8], generation: u64) -> Vec<u8> {
    [&generation.to_be_bytes(), part].concat()
}

/// The largest value that lies in one row. A page of the database holds at most some twenty rows; twenty of these with
/// the longest keys are 90 KB, and at 128 KB a page would become a file of its own.
pub(super) const PART: usize = 4096;

/// A bound on what a damaged outline can make a reader look for.
const MOST_PARTS: u64 = Batch::LONGEST_VALUE.div_ceil(PART) as u64;

const WHOLE: u8 = 0;
const PARTED: u8 = 1;

/// Set in the table's number for the rows that are parts.
const PARTS: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let parted = Row::Parted(Outline { generation: 7, length: 5000 });
        for row in [Row::Whole(b""), Row::Whole(b"value"), parted] {
            assert_eq!(Row::read(&row.write()), Some(row));
        }
    }

    #[test]
    fn what_is_not_a_row_is_refused() {
        let short = Row::Parted(Outline { generation: 7, length: PART as u64 }).write();
        let huge = Row::Parted(Outline { generation: 7, length: u64::MAX }).write();
        let mut long = Row::Parted(Outline { generation: 7, length: 5000 }).write();
        long.push(0);
        let cases: &[(&str, &[u8])] = &[
            ("nothing at all", b""),
            ("an unknown kind", &[9, 1, 2]),
            ("an outline cut short", &[PARTED, 0, 0]),
            ("an outline with more behind it", &long),
            ("an outline of what fits a row", &short),
            ("an outline of more than there can be", &huge),
        ];
        for (name, bytes) in cases {
            assert_eq!(Row::read(bytes), None, "{name}");
        }
    }

    #[test]
    fn a_part_of_another_generation_is_refused() {
        let part = write_part(b"bytes", 7);
        assert_eq!(read_part(&part, 7), Some(&b"bytes"[..]));
        assert_eq!(read_part(&part, 8), None);
        assert_eq!(read_part(b"short", 7), None);
    }

    #[test]
    fn every_table_has_room_for_its_parts() {
        for table in Table::ALL {
            assert!(table.number() != 0 && table.number() < PARTS, "{table}");
        }
    }
}
