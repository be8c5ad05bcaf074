//! AES-CBC with ciphertext stealing, the third variant (CBC-CS3, addendum to SP 800-38A): the ciphertext is as long as
//! the plaintext, and its last two blocks have always changed places. One block alone has none to change with: it is
//! plain CBC.

use openssl::{
    cipher::{Cipher, CipherRef},
    cipher_ctx::CipherCtx,
};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::block::{LONGEST_PART, Way};
use crate::slot::contract::{Error, Running};

/// A cipher under way. What may belong to the last two blocks is held back until the end.
pub(super) struct Stealing {
    chain: CipherCtx,
    /// The block cipher alone, for the block that was made last and stands last but one.
    single: CipherCtx,
    way: Way,
    /// The last ciphertext block that was worked on, or the initialisation vector.
    before: [u8; BLOCK],
    held: Zeroizing<Vec<u8>>,
}

impl Stealing {
    pub(super) fn new(key: &[u8], iv: &[u8], way: Way) -> Result<Self, Error> {
        let before = iv.try_into().map_err(|_| Error::Parameter("initialisation vector"))?;
        let (chain, single) = match key.len() {
            16 => (Cipher::aes_128_cbc(), Cipher::aes_128_ecb()),
            24 => (Cipher::aes_192_cbc(), Cipher::aes_192_ecb()),
            32 => (Cipher::aes_256_cbc(), Cipher::aes_256_ecb()),
            _ => return Err(Error::Key("AES takes 128, 192 or 256 bits")),
        };
        let start = |cipher: &CipherRef, iv| {
            let mut context = CipherCtx::new()?;
            way.set(&mut context, Some(cipher), Some(key), iv)?;
            context.set_padding(false);
            Ok(context)
        };
        let (chain, single) = start(chain, Some(iv))
            .and_then(|chain| Ok((chain, start(single, None)?)))
            .map_err(|_: openssl::error::ErrorStack| ENGINE)?;
        Ok(Self { chain, single, way, before, held: Zeroizing::new(Vec::with_capacity(HELD)) })
    }

    /// The cipher over all the data at once.
    pub(super) fn all(mut self, data: &[u8]) -> Result<Secret, Error> {
        let first = self.take(data)?;
        let last = self.end()?;
        Ok(Secret::new([first.as_slice(), &last].concat()))
    }

    fn take(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        if data.len() > LONGEST_PART {
            return Err(Error::Length);
        }
        let all = Zeroizing::new([self.held.as_slice(), data].concat());
        // Two blocks stay, the second of them perhaps in part.
        let ready = all.len().saturating_sub(BLOCK + 1) / BLOCK * BLOCK;
        let (now, later) = all.split_at_checked(ready).ok_or(ENGINE)?;
        let out = self.chain_over(now)?;
        self.held.clear();
        self.held.extend_from_slice(later);
        Ok(out)
    }

    /// Plain CBC over whole blocks.
    fn chain_over(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let out = run(&mut self.chain, data)?;
        let ciphertext = if self.way == Way::Forth { out.as_slice() } else { data };
        if let Some(last) = ciphertext.last_chunk() {
            self.before = *last;
        }
        Ok(out)
    }

    fn end(&mut self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let held = std::mem::take(&mut self.held);
        let Some((first, rest)) = held.split_first_chunk::<BLOCK>() else { return Err(Error::Length) };
        if rest.is_empty() {
            return self.chain_over(first);
        }
        match self.way {
            Way::Forth => {
                let stolen = self.chain_over(first)?;
                let mut last = Zeroizing::new([0; BLOCK]);
                last.iter_mut().zip(rest).for_each(|(byte, given)| *byte = *given);
                let made = self.chain_over(&*last)?;
                Ok(Zeroizing::new(made.iter().chain(stolen.iter().take(rest.len())).copied().collect()))
            }
            Way::Back => {
                // The block that stands first was made last: it covers the cut block and gives the rest of its ciphertext.
                let open = run(&mut self.single, first)?;
                let mut stolen = Zeroizing::new([0; BLOCK]);
                let whole = rest.iter().chain(open.iter().skip(rest.len()));
                stolen.iter_mut().zip(whole).for_each(|(byte, given)| *byte = *given);
                let last: Zeroizing<Vec<u8>> = Zeroizing::new(open.iter().zip(rest).map(|(a, b)| a ^ b).collect());
                let before = self.chain_over(&*stolen)?;
                Ok(Zeroizing::new([before.as_slice(), &last].concat()))
            }
        }
    }
}

impl Running for Stealing {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        Ok(Secret::copy_of(&self.take(data)?))
    }

    fn finish(mut self: Box<Self>) -> Result<Secret, Error> {
        Ok(Secret::copy_of(&self.end()?))
    }
}

fn run(context: &mut CipherCtx, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    // The engine asks for a block more than it writes.
    let mut out = Zeroizing::new(vec![0; data.len().checked_add(BLOCK).ok_or(Error::Length)?]);
    let written = context.cipher_update(data, Some(&mut out)).map_err(|_| ENGINE)?;
    if written != data.len() {
        return Err(ENGINE);
    }
    out.truncate(written);
    Ok(out)
}

/// Bytes of a block.
const BLOCK: usize = 16;

/// The most bytes that wait for the end.
const HELD: usize = 2 * BLOCK;

const ENGINE: Error = Error::Engine("AES-CBC with ciphertext stealing");
