//! What is in the chunks: pieces, one behind the other, without regard to where a chunk ends.

use strongroom_kmip::secret::Secret;

use super::error::Error;

/// A piece of a backup.
#[derive(Debug)]
pub enum Piece {
    /// The keys that the rows are sealed with, as the vault packs them. It comes first.
    Root(Secret),
    /// A row of the store, as it stands there.
    Row {
        /// The table's number.
        table: u8,
        /// The row's key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// Nothing more: how many rows there were.
    End(u64),
}

impl Piece {
    /// Writes a row without taking it.
    pub(super) fn write_row(table: u8, key: &[u8], value: &[u8], to: &mut Vec<u8>) -> Result<(), Error> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).ok().filter(|length| *length <= LONGEST);
        let (Some(first), Some(second)) = (length(key), length(value)) else { return Err(Error::Large("a row")) };
        to.extend_from_slice(&[ROW, table]);
        to.extend_from_slice(&first.to_be_bytes());
        to.extend_from_slice(key);
        to.extend_from_slice(&second.to_be_bytes());
        to.extend_from_slice(value);
        Ok(())
    }

    /// Writes the keys.
    pub(super) fn write_root(keys: &Secret, to: &mut Vec<u8>) -> Result<(), Error> {
        let length = u32::try_from(keys.len()).ok().filter(|length| *length <= LONGEST);
        to.push(ROOT);
        to.extend_from_slice(&length.ok_or(Error::Large("the list of keys"))?.to_be_bytes());
        to.extend_from_slice(keys.reveal());
        Ok(())
    }

    /// Writes the end.
    pub(super) fn write_end(rows: u64, to: &mut Vec<u8>) {
        to.push(END);
        to.extend_from_slice(&rows.to_be_bytes());
    }

    /// Reads the piece at the beginning of `bytes`, and says how many of them it takes; nothing where more are needed.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let mut rest = Rest { bytes, taken: 0 };
        let read = match rest.take(1) {
            None => return Ok(None),
            Some([ROOT]) => rest.counted()?.map(|keys| Self::Root(Secret::copy_of(keys))),
            Some([ROW]) => rest.row()?,
            Some([END]) => {
                rest.take(8).and_then(|rows| rows.first_chunk()).map(|rows| Self::End(u64::from_be_bytes(*rows)))
            }
            Some(_) => return Err(Error::Damaged("its content")),
        };
        Ok(read.map(|piece| (piece, rest.taken)))
    }
}

struct Rest<'a> {
    bytes: &'a [u8],
    taken: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        self.taken = self.taken.saturating_add(count);
        Some(taken)
    }

    /// Bytes behind their length.
    fn counted(&mut self) -> Result<Option<&'a [u8]>, Error> {
        let Some(length) = self.take(4).and_then(|length| length.first_chunk()) else { return Ok(None) };
        let length = u32::from_be_bytes(*length);
        if length > LONGEST {
            return Err(Error::Damaged("its content"));
        }
        Ok(usize::try_from(length).ok().and_then(|length| self.take(length)))
    }

    fn row(&mut self) -> Result<Option<Piece>, Error> {
        let Some([table]) = self.take(1) else { return Ok(None) };
        let Some(key) = self.counted()? else { return Ok(None) };
        let Some(value) = self.counted()? else { return Ok(None) };
        Ok(Some(Piece::Row { table: *table, key: key.to_vec(), value: value.to_vec() }))
    }
}

/// No store keeps a longer value.
const LONGEST: u32 = 32 << 20;
const END: u8 = 0;
const ROOT: u8 = 1;
const ROW: u8 = 2;
