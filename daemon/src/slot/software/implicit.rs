//! PKCS#1 v1.5 decryption that tells nothing about its padding.
//!
//! A ciphertext that is not well padded decrypts to bytes that only look like a plaintext, the same ones each time, and
//! in the same time: draft-irtf-cfrg-rsa-guidance §7, as OpenSSL 3.2 and later do. Whoever sends made-up ciphertexts
//! learns nothing from the answer, so the attack of Bleichenbacher has nothing to go on.

use openssl::{hash::MessageDigest, pkey::PKey, sha::sha256, sign::Signer};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use crate::slot::contract::Error;

/// What the made-up plaintexts of one key are derived from.
pub(super) struct Implicit {
    /// SHA-256 of the private exponent, as long as the modulus.
    seed: Zeroizing<[u8; 32]>,
    /// Bytes of the modulus.
    size: usize,
}

impl Implicit {
    pub(super) fn new(private_exponent: &[u8], size: usize) -> Result<Self, Error> {
        let missing = size.checked_sub(private_exponent.len()).ok_or(ENGINE)?;
        let padded = Zeroizing::new([&vec![0; missing], private_exponent].concat());
        Ok(Self { seed: Zeroizing::new(sha256(&padded)), size })
    }

    /// Takes the padding off `block`, the bare decryption of `ciphertext`; both are as long as the modulus.
    pub(super) fn unpad(&self, ciphertext: &[u8], block: &[u8]) -> Result<Secret, Error> {
        let secret = Zeroizing::new(mac(&*self.seed, &[ciphertext])?);
        let made_up = self.stretch(&secret, b"message", self.size)?;
        let made_up_start = self.size.wrapping_sub(self.made_up_length(&secret)?);

        // From here on nothing branches on a secret, and every byte of the block is read.
        let mut good = Mask::of(usize::from(byte(block, 0))) & Mask::of(usize::from(byte(block, 1)) ^ 0x02);
        let (mut found, mut start) = (Mask::NO, 0usize);
        for at in 2..block.len() {
            let end = Mask::of(usize::from(byte(block, at)));
            start = (end & !found).choose(at.wrapping_add(1), start);
            found = found | end;
        }
        // Eight bytes of padding at least stand between the head and the nought (RFC 8017 §7.2.1).
        good = good & found & !Mask::below(start, 11);
        let start = good.choose(start, made_up_start);
        let chosen = Zeroizing::new(
            (0..block.len()).map(|at| good.byte(byte(block, at), byte(&made_up, at))).collect::<Vec<u8>>(),
        );
        // The length of the answer is seen by whoever asked; it is all that may be.
        Ok(Secret::copy_of(chosen.get(start..).ok_or(ENGINE)?))
    }

    /// The length of the made-up plaintext: the last of 128 candidates that is not too long.
    fn made_up_length(&self, secret: &[u8]) -> Result<usize, Error> {
        let candidates = self.stretch(secret, b"length", 256)?;
        let longest = self.size.wrapping_sub(10);
        let mask = longest.wrapping_add(1).checked_next_power_of_two().ok_or(ENGINE)?.wrapping_sub(1);
        let mut length = 0;
        for pair in candidates.chunks_exact(2) {
            let candidate = (usize::from(byte(pair, 0)) << 8 | usize::from(byte(pair, 1))) & mask;
            length = Mask::below(candidate, longest).choose(candidate, length);
        }
        Ok(length)
    }

    /// HMAC-SHA-256 in counter mode, with a label and the number of bits.
    fn stretch(&self, secret: &[u8], label: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bits = u16::try_from(length.wrapping_mul(8)).map_err(|_| ENGINE)?.to_be_bytes();
        let mut out = Zeroizing::new(Vec::with_capacity(length.wrapping_add(32)));
        let mut round = 0u16;
        while out.len() < length {
            out.extend_from_slice(&mac(secret, &[&round.to_be_bytes(), label, &bits])?);
            round = round.wrapping_add(1);
        }
        out.truncate(length);
        Ok(out)
    }
}

/// All ones or all noughts.
#[derive(Clone, Copy)]
struct Mask(usize);

impl Mask {
    const NO: Self = Self(0);

    /// Ones when `value` is nought.
    fn of(value: usize) -> Self {
        Self(std::hint::black_box(spread(!value & value.wrapping_sub(1))))
    }

    /// Ones when `a` is below `b`.
    fn below(a: usize, b: usize) -> Self {
        Self(std::hint::black_box(spread(a ^ ((a ^ b) | (a.wrapping_sub(b) ^ a)))))
    }

    fn choose(self, yes: usize, no: usize) -> usize {
        (self.0 & yes) | (!self.0 & no)
    }

    fn byte(self, yes: u8, no: u8) -> u8 {
        let [mask, ..] = self.0.to_le_bytes();
        (mask & yes) | (!mask & no)
    }
}

impl std::ops::BitAnd for Mask {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl std::ops::BitOr for Mask {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::Not for Mask {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

/// The highest bit everywhere.
fn spread(value: usize) -> usize {
    0usize.wrapping_sub(value >> (usize::BITS - 1))
}

/// A byte that is there: every caller's index is below a length that both buffers share.
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, Error> {
    let key = PKey::hmac(key).map_err(|_| ENGINE)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key).map_err(|_| ENGINE)?;
    for part in parts {
        signer.update(part).map_err(|_| ENGINE)?;
    }
    signer.sign_to_vec().map_err(|_| ENGINE)
}

const ENGINE: Error = Error::Engine("RSA");
