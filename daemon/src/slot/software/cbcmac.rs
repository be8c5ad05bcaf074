//! The MAC of FIPS 113: the last block of CBC over data that noughts make whole blocks. For old data only: whoever has the MACs
//! of some messages has those of others that are longer.

use strongroom_kmip::{
    mechanism::{Block, Mode, Padding},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::block::{Ciphering, Way};
use super::ending;
use crate::slot::contract::{Error, Purpose, Running};

/// A MAC under way.
pub(super) struct CbcMacing {
    cipher: Ciphering,
    block: Block,
    /// The last block that came out.
    last: Zeroizing<Vec<u8>>,
    /// Bytes of the block that is not yet whole; nothing before the first.
    filled: Option<usize>,
    purpose: Purpose,
    length: usize,
}

impl CbcMacing {
    /// Starts with the bytes of a key; so many bytes of the MAC are wanted, or brought.
    pub(super) fn new(block: Block, key: &[u8], purpose: Purpose, length: usize) -> Result<Self, Error> {
        if !(1..=block.length()).contains(&length) {
            return Err(Error::Parameter("length of the MAC"));
        }
        let mode = Mode::Cbc { iv: vec![0; block.length()], padding: Padding::None };
        let cipher = Ciphering::new(block, key, &mode, Way::Forth)?;
        Ok(Self { cipher, block, last: Zeroizing::default(), filled: None, purpose, length })
    }

    fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        for part in data.chunks(PART) {
            let out = self.cipher.update(part)?;
            if let Some(at) = out.len().checked_sub(self.block.length()) {
                self.last = Zeroizing::new(out.reveal().get(at..).ok_or(ENGINE)?.to_vec());
            }
            self.filled = Some(self.filled.unwrap_or(0).wrapping_add(part.len()) % self.block.length());
        }
        Ok(())
    }

    fn end(mut self) -> Result<Secret, Error> {
        // Nothing is a block of noughts.
        let missing = self.block.length().saturating_sub(self.filled.unwrap_or(0));
        if self.filled != Some(0) {
            self.add(&vec![0; missing])?;
        }
        self.last.get(..self.length).map(Secret::copy_of).ok_or(ENGINE)
    }
}

impl Running for CbcMacing {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.add(data)?;
        Ok(Secret::copy_of(&[]))
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        ending::give(self.purpose, || self.end())
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        ending::compare(self.purpose, signature, || self.end())
    }
}

/// Bytes that are worked on at a time, so that what comes out needs little room.
const PART: usize = 4096;

const ENGINE: Error = Error::Engine("the MAC of FIPS 113");
