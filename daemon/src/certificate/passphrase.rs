//! What a password opens in a PKCS#12 file (RFC 7292 §4 and appendix B, RFC 8018, RFC 9579).

use aws_lc_rs::{digest, hmac};
use openssl::{hash::MessageDigest, pkcs5::pbkdf2_hmac, symm};
use zeroize::Zeroizing;

use super::{
    ber::{OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, counted, wrapped},
    error::{Error, Unopened},
};
use crate::chance::{self, Chance};

/// Which ciphers may open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// AES.
    Current,
    /// Triple DES too.
    Old,
}

/// A password at work on one file. Every key that is made of it costs rounds of hashing, which the file asks for and of
/// which there are only so many.
pub(super) struct Passphrase<'p> {
    text: &'p str,
    age: Age,
    rounds: u32,
}

impl<'p> Passphrase<'p> {
    pub fn new(text: &'p str, age: Age) -> Self {
        Self { text, age, rounds: MOST_ROUNDS }
    }

    /// Whether the MAC over these contents was made with the password.
    pub fn check(&mut self, mut mac: Reader<'_>, contents: &[u8]) -> Result<(), Unopened> {
        let damaged = || Unopened::Damaged("its MAC");
        let mut info = mac.inside(SEQUENCE).ok_or_else(damaged)?;
        let (name, parameters) = info.algorithm().ok_or_else(damaged)?;
        let expected = info.octets(OCTET_STRING).ok_or_else(damaged)?;
        let salt = mac.octets(OCTET_STRING).ok_or_else(damaged)?;
        let rounds = if mac.is_empty() { 1 } else { mac.number().ok_or_else(damaged)? };
        mac.end().and(info.end()).ok_or_else(damaged)?;
        let (hash, key) = if name == PBMAC1 {
            let mut parameters = { parameters }.inside(SEQUENCE).ok_or_else(damaged)?;
            let (stretch, how) = parameters.algorithm().ok_or_else(damaged)?;
            let (mac, _) = parameters.algorithm().ok_or_else(damaged)?;
            let hash = HASHES.into_iter().find(|hash| hash.mac == mac).ok_or(Unopened::Unserved("this kind of MAC"))?;
            (hash, self.stretched(stretch, how, hash.digest.output_len)?)
        } else {
            let hash =
                HASHES.into_iter().find(|hash| hash.name == name).ok_or(Unopened::Unserved("this kind of MAC"))?;
            (hash, self.made(hash, Purpose::Mac, &salt, rounds, hash.digest.output_len)?)
        };
        let key = hmac::Key::new(hash.hmac, &key);
        hmac::verify(&key, contents, &expected).map_err(|_| Unopened::Password)
    }

    /// What was encrypted under the password, so.
    pub fn open(
        &mut self,
        name: &[u8],
        mut parameters: Reader<'_>,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let damaged = || Unopened::Damaged("how it is encrypted");
        let (cipher, key, iv) = if name == PBES2 {
            let mut parameters = parameters.inside(SEQUENCE).ok_or_else(damaged)?;
            let (stretch, how) = parameters.algorithm().ok_or_else(damaged)?;
            let (name, mut iv) = parameters.algorithm().ok_or_else(damaged)?;
            let cipher = self.cipher(CIPHERS, name)?;
            let iv = iv.octets(OCTET_STRING).ok_or_else(damaged)?.into_owned();
            (cipher, self.stretched(stretch, how, cipher.key_len())?, Zeroizing::new(iv))
        } else {
            let cipher = self.cipher(SCHEMES, name)?;
            let mut parameters = parameters.inside(SEQUENCE).ok_or_else(damaged)?;
            let salt = parameters.octets(OCTET_STRING).ok_or_else(damaged)?;
            let rounds = parameters.number().ok_or_else(damaged)?;
            let key = self.made(&SHA1, Purpose::Key, &salt, rounds, cipher.key_len())?;
            let iv = self.made(&SHA1, Purpose::Vector, &salt, rounds, cipher.block_size())?;
            (cipher, key, iv)
        };
        if iv.len() != cipher.block_size() {
            return Err(damaged());
        }
        // The MAC was right, so only a file whose parts have passwords of their own comes to this.
        symm::decrypt(cipher, &key, Some(&iv), sealed).map(Zeroizing::new).map_err(|_| Unopened::Password)
    }

    /// A private key under the password: an EncryptedPrivateKeyInfo (RFC 5958 §3), DER.
    pub fn seal(&mut self, key: &[u8], chance: &dyn Chance) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (salt, iv) = (chance::array::<SALT>(chance)?, chance::array::<16>(chance)?);
        let mut stretched = Zeroizing::new([0; 32]);
        let rounds = usize::try_from(ROUNDS).map_err(|_| Error::Engine)?;
        pbkdf2_hmac(self.text.as_bytes(), &salt, rounds, MessageDigest::sha256(), &mut *stretched)
            .map_err(|_| Error::Engine)?;
        let sealed = symm::encrypt(symm::Cipher::aes_256_cbc(), &*stretched, Some(&iv), key);
        let sealed = sealed.map_err(|_| Error::Engine)?;
        let how = wrapped(
            SEQUENCE,
            &[&wrapped(OCTET_STRING, &[&salt]), &counted(ROUNDS), &identified(SHA256.mac, &wrapped(NULL, &[]))],
        );
        let cipher = identified(AES_256, &wrapped(OCTET_STRING, &[&iv]));
        let scheme = identified(PBES2, &wrapped(SEQUENCE, &[&identified(PBKDF2, &how), &cipher]));
        Ok(wrapped(SEQUENCE, &[&scheme, &wrapped(OCTET_STRING, &[&sealed])]))
    }

    /// The MAC over these contents: a MacData (RFC 7292 §4), DER.
    pub fn vouch(&mut self, contents: &[u8], chance: &dyn Chance) -> Result<Zeroizing<Vec<u8>>, Error> {
        let salt = chance::array::<SALT>(chance)?;
        let key = self.made(&SHA256, Purpose::Mac, &salt, ROUNDS, SHA256.digest.output_len);
        let key = hmac::Key::new(SHA256.hmac, &key.map_err(|_| Error::Engine)?);
        let tag = hmac::sign(&key, contents);
        let tag = wrapped(OCTET_STRING, &[tag.as_ref()]);
        let info = wrapped(SEQUENCE, &[&identified(SHA256.name, &wrapped(NULL, &[])), &tag]);
        Ok(wrapped(SEQUENCE, &[&info, &wrapped(OCTET_STRING, &[&salt]), &counted(ROUNDS)]))
    }

    fn cipher(&self, table: &[Cipher], name: &[u8]) -> Result<symm::Cipher, Unopened> {
        let known = table.iter().find(|known| known.name == name);
        let known = known.ok_or(Unopened::Unserved("a cipher that is not known here"))?;
        let work = known.work.ok_or(Unopened::Unserved(known.called))?;
        if known.age == Age::Old && self.age == Age::Current {
            return Err(Unopened::Weak(known.called));
        }
        Ok(work())
    }

    /// A key by PBKDF2 (RFC 8018 §5.2).
    fn stretched(&mut self, name: &[u8], mut how: Reader<'_>, length: usize) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let damaged = || Unopened::Damaged("how its password is stretched");
        if name != PBKDF2 {
            return Err(Unopened::Unserved("a way to stretch passwords other than PBKDF2"));
        }
        let mut how = how.inside(SEQUENCE).ok_or_else(damaged)?;
        let salt = how.octets(OCTET_STRING).ok_or_else(damaged)?;
        let rounds = how.number().ok_or_else(damaged)?;
        let mut ahead = how;
        if let Some(said) = ahead.number() {
            how = ahead;
            if usize::try_from(said).ok() != Some(length) {
                return Err(damaged());
            }
        }
        // HMAC with SHA-1 where nothing is said.
        let hash = match how.is_empty() {
            true => Some(&SHA1),
            false => how.algorithm().and_then(|(name, _)| HASHES.into_iter().find(|hash| hash.mac == name)),
        };
        let hash = hash.ok_or(Unopened::Unserved("this function of PBKDF2"))?;
        self.spend(rounds, length, hash)?;
        let mut key = Zeroizing::new(vec![0; length]);
        let rounds = usize::try_from(rounds).map_err(|_| Unopened::Costly)?;
        pbkdf2_hmac(self.text.as_bytes(), &salt, rounds, (hash.function)(), &mut key).map_err(|_| damaged())?;
        Ok(key)
    }

    /// A key as PKCS#12 makes one (RFC 7292 appendix B.2): the password in UTF-16, with a zero behind it.
    fn made(
        &mut self,
        hash: &Hash,
        purpose: Purpose,
        salt: &[u8],
        rounds: u32,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        self.spend(rounds, length, hash)?;
        let text = self.text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes);
        let password: Zeroizing<Vec<u8>> = Zeroizing::new(text.collect());
        let block = hash.digest.block_len();
        let mut input: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::new());
        for part in [salt, &password] {
            input.extend(part.iter().cycle().take(part.len().next_multiple_of(block)));
        }
        let mut key: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(length.saturating_add(block)));
        while key.len() < length {
            let mut first = digest::Context::new(hash.digest);
            first.update(&vec![purpose as u8; block]);
            first.update(&input);
            let mut sum = first.finish();
            for _ in 1..rounds {
                sum = digest::digest(hash.digest, sum.as_ref());
            }
            key.extend_from_slice(sum.as_ref());
            for piece in input.chunks_mut(block) {
                add(piece, sum.as_ref());
            }
        }
        key.truncate(length);
        Ok(key)
    }

    fn spend(&mut self, rounds: u32, length: usize, hash: &Hash) -> Result<(), Unopened> {
        let blocks = u32::try_from(length.div_ceil(hash.digest.output_len)).unwrap_or(u32::MAX);
        if rounds == 0 {
            return Err(Unopened::Damaged("how its password is stretched"));
        }
        let cost = rounds.checked_mul(blocks).ok_or(Unopened::Costly)?;
        self.rounds = self.rounds.checked_sub(cost).ok_or(Unopened::Costly)?;
        Ok(())
    }
}

/// An AlgorithmIdentifier, DER.
fn identified(name: &[u8], parameters: &[u8]) -> Zeroizing<Vec<u8>> {
    wrapped(SEQUENCE, &[&wrapped(OBJECT_IDENTIFIER, &[name]), parameters])
}

/// Adds `sum`, over and over, and one, as numbers of the length of `piece`.
fn add(piece: &mut [u8], sum: &[u8]) {
    let mut carry = 1u16;
    let over: Zeroizing<Vec<u8>> = Zeroizing::new(sum.iter().copied().cycle().take(piece.len()).collect());
    for (byte, added) in piece.iter_mut().zip(over.iter()).rev() {
        carry = carry.saturating_add(u16::from(*byte)).saturating_add(u16::from(*added));
        let [high, low] = carry.to_be_bytes();
        *byte = low;
        carry = u16::from(high);
    }
}

/// What a key is made for (RFC 7292 appendix B.3).
#[derive(Clone, Copy)]
enum Purpose {
    Key = 1,
    Vector = 2,
    Mac = 3,
}

struct Hash {
    /// The function.
    name: &'static [u8],
    /// HMAC with it.
    mac: &'static [u8],
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    function: fn() -> MessageDigest,
}

static SHA1: Hash = Hash {
    name: &[0x2B, 0x0E, 3, 2, 0x1A],
    mac: &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 2, 7],
    digest: &digest::SHA1_FOR_LEGACY_USE_ONLY,
    hmac: hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
    function: MessageDigest::sha1,
};
static SHA224: Hash = Hash {
    name: &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4],
    mac: &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 2, 8],
    digest: &digest::SHA224,
    hmac: hmac::HMAC_SHA224,
    function: MessageDigest::sha224,
};
static SHA256: Hash = Hash {
    name: &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1],
    mac: &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 2, 9],
    digest: &digest::SHA256,
    hmac: hmac::HMAC_SHA256,
    function: MessageDigest::sha256,
};
static SHA384: Hash = Hash {
    name: &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2],
    mac: &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 2, 10],
    digest: &digest::SHA384,
    hmac: hmac::HMAC_SHA384,
    function: MessageDigest::sha384,
};
static SHA512: Hash = Hash {
    name: &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3],
    mac: &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 2, 11],
    digest: &digest::SHA512,
    hmac: hmac::HMAC_SHA512,
    function: MessageDigest::sha512,
};
static HASHES: [&Hash; 5] = [&SHA1, &SHA224, &SHA256, &SHA384, &SHA512];

struct Cipher {
    name: &'static [u8],
    /// What people call it.
    called: &'static str,
    /// How it is worked, where it is.
    work: Option<fn() -> symm::Cipher>,
    age: Age,
}

const fn served(name: &'static [u8], called: &'static str, work: fn() -> symm::Cipher, age: Age) -> Cipher {
    Cipher { name, called, work: Some(work), age }
}

const fn unserved(name: &'static [u8], called: &'static str) -> Cipher {
    Cipher { name, called, work: None, age: Age::Old }
}

/// The ciphers of PBES2 (RFC 8018 appendix B.2).
const CIPHERS: &[Cipher] = &[
    served(AES_256, "AES-256", symm::Cipher::aes_256_cbc, Age::Current),
    served(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x16], "AES-192", symm::Cipher::aes_192_cbc, Age::Current),
    served(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2], "AES-128", symm::Cipher::aes_128_cbc, Age::Current),
    served(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 3, 7], "Triple DES", symm::Cipher::des_ede3_cbc, Age::Old),
    unserved(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 3, 2], "RC2"),
    unserved(&[0x2B, 0x0E, 3, 2, 7], "DES"),
];

/// The schemes of PKCS#12 itself (RFC 7292 appendix C), each with its cipher.
const SCHEMES: &[Cipher] = &[
    served(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 1, 3], "Triple DES", symm::Cipher::des_ede3_cbc, Age::Old),
    unserved(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 1, 1], "RC4"),
    unserved(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 1, 2], "RC4 of 40 bits"),
    unserved(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 1, 4], "Triple DES of two keys"),
    unserved(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 1, 5], "RC2"),
    unserved(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 1, 6], "RC2 of 40 bits"),
];

const AES_256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2A];
const PBES2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, 0x0D];
const PBKDF2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, 0x0C];
const PBMAC1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, 0x0E];

/// A bundle is made now and then and guessed at for long: a twentieth of a second and more for each guess.
const ROUNDS: u32 = 100_000;
const SALT: usize = 16;
const NULL: u8 = 0x05;
/// About a second's work for all of a file. What other systems write asks for less than a third of it.
const MOST_ROUNDS: u32 = 2_000_000;
