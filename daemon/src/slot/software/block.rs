//! Block ciphers in the modes that do not authenticate: ECB, CBC, CTR, CFB and OFB, as they come.

use openssl::{
    cipher::{Cipher, CipherRef},
    cipher_ctx::CipherCtx,
    error::ErrorStack,
};
use strongroom_kmip::{
    mechanism::{Block, Mode, Padding},
    secret::Secret,
};
use zeroize::Zeroizing;

use crate::slot::contract::{Error, Running};

/// Which way a cipher runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Plaintext in, ciphertext out.
    Forth,
    /// Ciphertext in, plaintext out.
    Back,
}

impl Way {
    /// Tells a context what it is to do, or the rest of that: an engine takes cipher, key and vector one after the other.
    pub(super) fn set(
        self,
        context: &mut CipherCtx,
        cipher: Option<&CipherRef>,
        key: Option<&[u8]>,
        iv: Option<&[u8]>,
    ) -> Result<(), ErrorStack> {
        match self {
            Self::Forth => context.encrypt_init(cipher, key, iv),
            Self::Back => context.decrypt_init(cipher, key, iv),
        }
    }
}

/// A cipher under way. What comes out is whole blocks until the end; with padding, decryption holds one block back.
pub(super) struct Ciphering {
    context: CipherCtx,
    way: Way,
    padding: Padding,
    /// Bytes of a block; 1 for a mode that needs no whole blocks.
    block: usize,
    /// Bytes that came in, modulo the block; nothing before the first.
    filled: Option<usize>,
}

impl Ciphering {
    /// Starts a cipher with a key that has the length of its block cipher's keys.
    pub(super) fn new(block: Block, key: &[u8], mode: &Mode, way: Way) -> Result<Self, Error> {
        let (cipher, iv, padding) = choose(block, key.len(), mode)?;
        if iv.is_some_and(|iv| iv.len() != block.length()) {
            return Err(Error::Parameter("initialisation vector"));
        }
        let mut context = CipherCtx::new().map_err(|_| ENGINE)?;
        way.set(&mut context, Some(cipher), Some(key), iv).map_err(|_| ENGINE)?;
        context.set_padding(padding == Padding::Pkcs7);
        let block = context.block_size();
        Ok(Self { context, way, padding, block, filled: None })
    }

    /// Runs the cipher over all the data at once.
    pub(super) fn all(mut self, data: &[u8]) -> Result<Secret, Error> {
        // The last part of a padded message has its room after the first.
        let mut out = Zeroizing::new(vec![0; self.room(data)?.saturating_add(self.block)]);
        let first = self.advance(data, &mut out)?;
        let rest = out.get_mut(first..).ok_or(ENGINE)?;
        let last = self.end(rest)?;
        out.truncate(first.saturating_add(last));
        Ok(Secret::new(std::mem::take(&mut *out)))
    }

    /// Bytes that the engine may write for `data`.
    fn room(&self, data: &[u8]) -> Result<usize, Error> {
        if data.len() > LONGEST_PART {
            return Err(Error::Length);
        }
        let spare = if self.block > 1 { self.block } else { 0 };
        data.len().checked_add(spare).ok_or(Error::Length)
    }

    fn advance(&mut self, data: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let before = self.filled.unwrap_or(0);
        if !data.is_empty() {
            self.filled = Some(before.wrapping_add(data.len()) % self.block);
        }
        self.context.cipher_update(data, Some(out)).map_err(|_| ENGINE)
    }

    fn end(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        let whole = self.filled.unwrap_or(0) == 0;
        let enough = match (self.padding, self.way) {
            (Padding::None, _) => whole,
            (Padding::Pkcs7, Way::Forth) => true,
            (Padding::Pkcs7, Way::Back) => whole && self.filled.is_some(),
        };
        if !enough {
            return Err(Error::Length);
        }
        self.context.cipher_final(out).map_err(|_| match self.way {
            Way::Forth => ENGINE,
            Way::Back => Error::Undecryptable,
        })
    }
}

impl Running for Ciphering {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        let mut out = Zeroizing::new(vec![0; self.room(data)?]);
        let written = self.advance(data, &mut out)?;
        out.truncate(written);
        Ok(Secret::new(std::mem::take(&mut *out)))
    }

    fn finish(mut self: Box<Self>) -> Result<Secret, Error> {
        let mut out = Zeroizing::new(vec![0; self.block]);
        let written = self.end(&mut out)?;
        out.truncate(written);
        Ok(Secret::new(std::mem::take(&mut *out)))
    }
}

/// The engine's name of a mode, the block that it starts from, and its padding.
fn choose(block: Block, length: usize, mode: &Mode) -> Result<(&'static CipherRef, Option<&[u8]>, Padding), Error> {
    let (iv, padding) = match mode {
        Mode::Ecb { padding } => (None, *padding),
        Mode::Cbc { iv, padding } => (Some(iv.as_slice()), *padding),
        Mode::Ctr { block: iv } | Mode::Cfb { iv } | Mode::Cfb8 { iv } | Mode::Ofb { iv } => {
            (Some(iv.as_slice()), Padding::None)
        }
        Mode::Cts { .. }
        | Mode::Cfb1 { .. }
        | Mode::Cfb64 { .. }
        | Mode::Gcm { .. }
        | Mode::Ccm { .. }
        | Mode::Xts { .. } => return Err(UNSUPPORTED),
    };
    let cipher = match (block, length, mode) {
        (Block::Aes, 16, Mode::Ecb { .. }) => Cipher::aes_128_ecb(),
        (Block::Aes, 24, Mode::Ecb { .. }) => Cipher::aes_192_ecb(),
        (Block::Aes, 32, Mode::Ecb { .. }) => Cipher::aes_256_ecb(),
        (Block::Aes, 16, Mode::Cbc { .. }) => Cipher::aes_128_cbc(),
        (Block::Aes, 24, Mode::Cbc { .. }) => Cipher::aes_192_cbc(),
        (Block::Aes, 32, Mode::Cbc { .. }) => Cipher::aes_256_cbc(),
        (Block::Aes, 16, Mode::Ctr { .. }) => Cipher::aes_128_ctr(),
        (Block::Aes, 24, Mode::Ctr { .. }) => Cipher::aes_192_ctr(),
        (Block::Aes, 32, Mode::Ctr { .. }) => Cipher::aes_256_ctr(),
        (Block::Aes, 16, Mode::Cfb { .. }) => Cipher::aes_128_cfb128(),
        (Block::Aes, 24, Mode::Cfb { .. }) => Cipher::aes_192_cfb128(),
        (Block::Aes, 32, Mode::Cfb { .. }) => Cipher::aes_256_cfb128(),
        (Block::Aes, 16, Mode::Cfb8 { .. }) => Cipher::aes_128_cfb8(),
        (Block::Aes, 24, Mode::Cfb8 { .. }) => Cipher::aes_192_cfb8(),
        (Block::Aes, 32, Mode::Cfb8 { .. }) => Cipher::aes_256_cfb8(),
        (Block::Aes, 16, Mode::Ofb { .. }) => Cipher::aes_128_ofb(),
        (Block::Aes, 24, Mode::Ofb { .. }) => Cipher::aes_192_ofb(),
        (Block::Aes, 32, Mode::Ofb { .. }) => Cipher::aes_256_ofb(),
        (Block::TripleDes, 24, Mode::Ecb { .. }) => Cipher::des_ede3_ecb(),
        (Block::TripleDes, 24, Mode::Cbc { .. }) => Cipher::des_ede3_cbc(),
        _ => return Err(UNSUPPORTED),
    };
    Ok((cipher, iv, padding))
}

/// The engine counts the bytes of a part in a C int.
pub(super) const LONGEST_PART: usize = 1 << 30;

const ENGINE: Error = Error::Engine("a block cipher");
const UNSUPPORTED: Error = Error::Unsupported("this mode of the block cipher");
