//! Making a backup, piece by piece.

use std::io::Write;

use aws_lc_rs::digest::{Context, SHA256, digest};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    chunk::{CHUNK, Chunks, End},
    error::Error,
    header::{Facts, Header, Lock},
    piece::Piece,
    statement::{SignedBy, Statement},
};

/// A backup in the making. What was written is worth nothing until [`finish`](Self::finish) has said so.
pub struct Writer<W> {
    to: W,
    whole: Context,
    bytes: u64,
    chunks: Chunks,
    /// What fills no chunk yet.
    plain: Zeroizing<Vec<u8>>,
    rows: u64,
    appliance: String,
}

impl<W: Write> Writer<W> {
    /// Begins a backup under a key that was never used before and that the lock seals; `root` is what the rows are sealed with.
    ///
    /// # Errors
    /// [`Error`], as cipher or disk say.
    pub fn begin(to: W, facts: Facts, lock: Lock, key: &Secret, root: &Secret) -> Result<Self, Error> {
        let appliance = facts.appliance.clone();
        let header = Header { facts, lock }.write()?;
        let mut bound = [0; 32];
        bound.copy_from_slice(digest(&SHA256, &header).as_ref());
        let mut this = Self {
            to,
            whole: Context::new(&SHA256),
            bytes: 0,
            chunks: Chunks::new(key, bound)?,
            // Never grows past its first allocation for rows of usual size, so that no copy is left behind.
            plain: Zeroizing::new(Vec::with_capacity(ROOM)),
            rows: 0,
            appliance,
        };
        this.put(&header)?;
        Piece::write_root(root, &mut this.plain)?;
        Ok(this)
    }

    /// Adds a row of the store.
    ///
    /// # Errors
    /// [`Error`], as cipher or disk say.
    pub fn row(&mut self, table: u8, key: &[u8], value: &[u8]) -> Result<(), Error> {
        Piece::write_row(table, key, value, &mut self.plain)?;
        self.rows = self.rows.saturating_add(1);
        while self.plain.len() > CHUNK {
            self.chunk(CHUNK, End::More)?;
        }
        Ok(())
    }

    /// Ends the backup with a signature that `sign` makes of it, and says what it is of.
    ///
    /// # Errors
    /// [`Error::Broken`] where nothing signs, otherwise as cipher or disk say.
    pub fn finish(mut self, sign: impl FnOnce(&Statement) -> Option<SignedBy>) -> Result<(W, Statement), Error> {
        Piece::write_end(self.rows, &mut self.plain);
        while self.plain.len() > CHUNK {
            self.chunk(CHUNK, End::More)?;
        }
        self.chunk(self.plain.len(), End::Last)?;
        let mut digest = [0; 32];
        digest.copy_from_slice(self.whole.clone().finish().as_ref());
        let statement = Statement { appliance: self.appliance, bytes: self.bytes, digest };
        let by = sign(&statement).ok_or(Error::Broken("signing"))?;
        self.to.write_all(statement.write(&by).as_bytes())?;
        self.to.flush()?;
        Ok((self.to, statement))
    }

    fn chunk(&mut self, length: usize, end: End) -> Result<(), Error> {
        let plain = self.plain.get(..length).ok_or(Error::Broken("cutting a chunk"))?;
        let sealed = self.chunks.seal(plain, end)?;
        self.plain.drain(..length);
        let length = u32::try_from(sealed.len()).map_err(|_| Error::Broken("cutting a chunk"))?;
        self.put(&[&[end.byte()], &length.to_be_bytes()[..], &sealed].concat())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.to.write_all(bytes)?;
        self.whole.update(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// A chunk and a row of a store behind it.
const ROOM: usize = 17 << 20;
