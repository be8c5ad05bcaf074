//! AES in cipher feedback of pieces that the engine has not (SP 800-38A §6.3): single bits, and half blocks. The register of
//! the cipher is shifted by a piece of ciphertext for each piece of data.

use openssl::{cipher::Cipher, cipher_ctx::CipherCtx};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::block::{LONGEST_PART, Way};
use crate::slot::contract::{Error, Running};

/// How large the pieces are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A bit, the highest of a byte first (CFB1).
    Bit,
    /// Half a block (CFB64); the last may be shorter.
    Half,
}

/// A cipher under way. As much comes out as goes in.
pub(super) struct Feeding {
    single: CipherCtx,
    way: Way,
    piece: Piece,
    /// What is encrypted next.
    register: [u8; BLOCK],
    /// The encrypted register.
    stream: Zeroizing<[u8; BLOCK]>,
    /// Bytes of a half block that were worked on.
    used: usize,
}

impl Feeding {
    /// Starts with the bytes of a key.
    pub(super) fn new(key: &[u8], iv: &[u8], piece: Piece, way: Way) -> Result<Self, Error> {
        let register = iv.try_into().map_err(|_| Error::Parameter("initialisation vector"))?;
        let cipher = match key.len() {
            16 => Cipher::aes_128_ecb(),
            24 => Cipher::aes_192_ecb(),
            32 => Cipher::aes_256_ecb(),
            _ => return Err(Error::Key("AES takes 128, 192 or 256 bits")),
        };
        let mut single = CipherCtx::new().map_err(|_| ENGINE)?;
        // Both ways of cipher feedback encrypt the register.
        single.encrypt_init(Some(cipher), Some(key), None).map_err(|_| ENGINE)?;
        single.set_padding(false);
        Ok(Self { single, way, piece, register, stream: Zeroizing::new([0; BLOCK]), used: 0 })
    }

    /// The cipher over data.
    pub(super) fn flow(&mut self, data: &[u8]) -> Result<Secret, Error> {
        if data.len() > LONGEST_PART {
            return Err(Error::Length);
        }
        let mut out = Zeroizing::new(Vec::with_capacity(data.len()));
        for byte in data {
            out.push(match self.piece {
                Piece::Bit => self.bits(*byte)?,
                Piece::Half => self.byte(*byte)?,
            });
        }
        Ok(Secret::new(std::mem::take(&mut *out)))
    }

    /// A byte of a half block.
    fn byte(&mut self, given: u8) -> Result<u8, Error> {
        if self.used.is_multiple_of(HALF) {
            self.encrypt()?;
            self.register.rotate_left(HALF);
            self.used = 0;
        }
        // The second half of the register becomes the ciphertext, byte by byte.
        let into = self.register.get_mut(HALF.saturating_add(self.used)).ok_or(ENGINE)?;
        let made = given ^ self.stream.get(self.used).ok_or(ENGINE)?;
        *into = if self.way == Way::Forth { made } else { given };
        self.used = self.used.saturating_add(1);
        Ok(made)
    }

    /// The bits of a byte.
    fn bits(&mut self, given: u8) -> Result<u8, Error> {
        let mut made = 0;
        for place in (0..8).rev() {
            self.encrypt()?;
            let bit = (given >> place) & 1;
            let [first, ..] = *self.stream;
            let out = bit ^ (first >> 7);
            made |= out << place;
            let fed = if self.way == Way::Forth { out } else { bit };
            self.register = (u128::from_be_bytes(self.register) << 1 | u128::from(fed)).to_be_bytes();
        }
        Ok(made)
    }

    fn encrypt(&mut self) -> Result<(), Error> {
        // The engine asks for a block more than it writes.
        let mut out = Zeroizing::new([0; 2 * BLOCK]);
        let written = self.single.cipher_update(&self.register, Some(&mut *out)).map_err(|_| ENGINE)?;
        match out.first_chunk() {
            Some(block) if written == BLOCK => *self.stream = *block,
            _ => return Err(ENGINE),
        }
        Ok(())
    }
}

impl Running for Feeding {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.flow(data)
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        Ok(Secret::copy_of(&[]))
    }
}

/// Bytes of a block, and of half a one.
const BLOCK: usize = 16;
const HALF: usize = 8;

const ENGINE: Error = Error::Engine("AES in cipher feedback");
