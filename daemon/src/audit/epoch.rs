//! Epochs: each has a signing key of its own, vouched for by the one before, which is then destroyed. Whoever takes the
//! machine today cannot rewrite what was signed before the present epoch.

use std::io;
use std::path::Path;
use std::sync::Arc;

use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::checkpoint::{Checkpoint, Identity, Signer, origin};
use super::contract::Vouched;
use super::medium::{Hold, Medium, read};
use super::sign::Pair;
use crate::chance::{self, Chance};
use crate::clock::Time;

/// Keeps the present epoch's key from being read on the disk: the vault's seal.
pub trait Keeper: Send + Sync {
    /// Encrypts and authenticates, or nothing where that cannot be done.
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>>;
    /// Decrypts what [`seal`](Keeper::seal) made, or nothing where it made no such thing.
    fn open(&self, sealed: &[u8]) -> Option<Secret>;
}

/// The present epoch.
pub(super) struct Epoch {
    pub(super) number: u64,
    pub(super) began: Time,
    /// The size of the log when it began.
    pub(super) first: u64,
    pair: Pair,
    keeper: Arc<dyn Keeper>,
}

/// Why the log cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum Unsigned {
    /// The folder has another log's key, or none.
    #[error(
        "{KEY} holds no key that this log's last checkpoint names: restore the audit folder or the root key that sealed it"
    )]
    Foreign,
    /// The disk.
    #[error("the audit folder: {0}")]
    Disk(#[from] io::Error),
    /// No random bytes, or no sealing.
    #[error("no new signing key could be made and sealed")]
    Keyless,
}

/// What the last closed epoch says comes next: its number and, unless the log was never signed, its public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) number: u64,
    pub(super) key: Option<[u8; 32]>,
}

impl Epoch {
    /// Opens the epoch's key on the disk; makes the first of all, and with it the log's identity, where the log never
    /// had one.
    pub(super) fn load(
        folder: &Path,
        medium: &dyn Medium,
        keeper: Arc<dyn Keeper>,
        chance: &dyn Chance,
        log: &[u8; 16],
        expected: Expected,
    ) -> Result<Self, Unsigned> {
        for name in [KEY, NEXT] {
            let Some(sealed) = read(&folder.join(name), LONGEST)? else { continue };
            let Some(pair) = keeper.open(&sealed).and_then(|plain| unpack(&plain, log, expected.number)) else {
                continue;
            };
            match expected.key {
                Some(key) if key != pair.public() => continue,
                Some(_) => {}
                // A crash came between the first key and the log's identity.
                None => publish(medium, log, &pair)?,
            }
            if name == NEXT {
                medium.rename(NEXT, KEY)?;
            }
            return Ok(Self::with(pair, expected.number, keeper));
        }
        if expected.key.is_some() || read(&folder.join(KEY), LONGEST)?.is_some() {
            return Err(Unsigned::Foreign);
        }
        let (pair, sealed) = make(&*keeper, chance, log, 0)?;
        medium.replace(KEY, &sealed, Hold::Firm)?;
        publish(medium, log, &pair)?;
        Ok(Self::with(pair, 0, keeper))
    }

    fn with(pair: Pair, number: u64, keeper: Arc<dyn Keeper>) -> Self {
        Self { number, began: Time(0), first: 0, pair, keeper }
    }

    /// Ends the epoch with `last`, its last checkpoint, and begins the next. Answers the note that ends it.
    ///
    /// The next key is on the disk before anything vouches for it, and takes the place of this one only once the
    /// vouching note is durable: at every moment the disk has the key that the last durable note names.
    pub(super) fn turn(
        self,
        medium: &dyn Medium,
        chance: &dyn Chance,
        log: &[u8; 16],
        mut last: Checkpoint,
        now: Time,
    ) -> Result<(Self, String), Unsigned> {
        let number = self.number.saturating_add(1);
        let (pair, sealed) = make(&*self.keeper, chance, log, number)?;
        medium.replace(NEXT, &sealed, Hold::Firm)?;
        last.next = Some(pair.public());
        let note = last.sign(&self.pair);
        medium.extend(HISTORY, format!("{note}\n").as_bytes())?;
        medium.rename(NEXT, KEY)?;
        let next = Self { number, began: now, first: last.size, pair, keeper: self.keeper };
        Ok((next, note))
    }

    /// What the disk must have for this epoch to go on.
    pub(super) fn expected(&self) -> Expected {
        Expected { number: self.number, key: Some(self.pair.public()) }
    }

    /// Signs something else than a checkpoint.
    pub(super) fn vouch(&self, text: &[u8], time: String) -> Vouched {
        Vouched { epoch: self.number, key: self.pair.public(), time, signature: self.pair.sign(text) }
    }

    /// Signs a checkpoint that does not end the epoch.
    pub(super) fn sign(&self, checkpoint: &Checkpoint) -> String {
        checkpoint.sign(&self.pair)
    }
}

/// Writes the log's identity.
fn publish(medium: &dyn Medium, log: &[u8; 16], pair: &Pair) -> io::Result<()> {
    let identity = Identity { origin: origin(log), key: pair.public() };
    medium.replace(IDENTITY, format!("{identity}\n").as_bytes(), Hold::Firm)
}

/// A new key and its sealed form.
fn make(keeper: &dyn Keeper, chance: &dyn Chance, log: &[u8; 16], number: u64) -> Result<(Pair, Vec<u8>), Unsigned> {
    let seed = Zeroizing::new(chance::array::<32>(chance).map_err(|_| Unsigned::Keyless)?);
    let pair = Pair::from_seed(&seed).ok_or(Unsigned::Keyless)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(MARK.len() + 16 + 8 + 32));
    plain.extend_from_slice(MARK);
    plain.extend_from_slice(log);
    plain.extend_from_slice(&number.to_be_bytes());
    plain.extend_from_slice(&*seed);
    let sealed = keeper.seal(&plain).ok_or(Unsigned::Keyless)?;
    Ok((pair, sealed))
}

/// The key in an opened file, if it is this log's and of this epoch.
fn unpack(plain: &Secret, log: &[u8; 16], number: u64) -> Option<Pair> {
    let rest = plain.reveal().strip_prefix(MARK)?.strip_prefix(log)?;
    let seed = rest.strip_prefix(&number.to_be_bytes())?;
    Pair::from_seed(seed.try_into().ok()?)
}

/// The log's identity.
pub(super) const IDENTITY: &str = "log.pub";
/// One note for each epoch that has ended.
pub(super) const HISTORY: &str = "epochs";
/// The last checkpoint.
pub(super) const HEAD: &str = "checkpoint";
/// The present epoch's key, sealed.
const KEY: &str = "epoch.key";
/// The next epoch's key, sealed, while one follows the other.
const NEXT: &str = "epoch.key.next";

const MARK: &[u8] = b"strongroom audit epoch key 1\n";

/// A sealed key has a few hundred bytes.
const LONGEST: u64 = 64 * 1024;
