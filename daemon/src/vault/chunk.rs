//! How the rows are called that hold the marks of a key.

use std::ops::ControlFlow;

use super::{error::Error, identifier::ObjectId, seal::Place};
use crate::store::{Store, Table};

/// Shows the rows of a key.
pub(super) fn walk(
    key: &ObjectId,
    store: &dyn Store,
    mut visit: impl FnMut(Name, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let (from, mut seen) = ([key.as_str().as_bytes(), &[0]].concat(), Ok(()));
    store.walk_from(Table::Nonce, &from, &mut |row, value| match Name::of_row(row) {
        Some((of, name)) if of == key.as_str() => {
            seen = visit(name, value);
            if seen.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
        _ => ControlFlow::Break(()),
    })?;
    seen
}

/// What a row is called beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Marks. Below [`FIRST`] a number is a part of the digests of all its marks, as older versions filled them.
    Chunk(u16),
    /// One mark.
    Note(u32),
}

impl Name {
    /// The key and the name of a row.
    pub(super) fn of_row(row: &[u8]) -> Option<(&str, Self)> {
        // No identifier has a zero byte, so no key's rows stand among another's.
        let end = row.iter().position(|byte| *byte == 0)?;
        let (object, number) = row.split_at_checked(end)?;
        let name = match *number {
            [0, a, b] => Self::Chunk(u16::from_be_bytes([a, b])),
            [0, a, b, c, d] => Self::Note(u32::from_be_bytes([a, b, c, d])),
            _ => return None,
        };
        Some((std::str::from_utf8(object).ok()?, name))
    }

    pub(super) fn row(self, key: &ObjectId) -> Vec<u8> {
        match self {
            Self::Chunk(number) => [key.as_str().as_bytes(), &[0], &number.to_be_bytes()].concat(),
            Self::Note(number) => [key.as_str().as_bytes(), &[0], &number.to_be_bytes()].concat(),
        }
    }

    /// What the name is in the [place](Self::place) of a row.
    pub(super) fn part(self) -> String {
        match self {
            Self::Chunk(number) => number.to_string(),
            // All notes of a key have one seal: which of them holds which mark is all the same.
            Self::Note(_) => "note".to_owned(),
        }
    }

    /// Where a row of this name belongs.
    pub(super) fn place<'a>(self, key: &'a str, part: &'a str) -> Place<'a> {
        Place { table: Table::Nonce.name(), key, part, generation: 0 }
    }
}

/// The first row that is filled; what is before it is of older versions, each as large as these.
pub(super) const FIRST: u16 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rows_read_back() {
        for name in [Name::Chunk(0), Name::Chunk(4096), Name::Chunk(u16::MAX), Name::Note(0), Name::Note(u32::MAX)] {
            assert_eq!(Name::of_row(&name.row(&ObjectId::from_text("a key"))), Some(("a key", name)));
        }
        for wrong in
            [&b""[..], b"a", b"a\0", b"a\0\x01", b"a\0\x01\x02\x03", b"a\0\x01\x02\x03\x04\x05", b"\xFF\0\x01\x02"]
        {
            assert_eq!(Name::of_row(wrong), None, "{wrong:?}");
        }
    }
}
