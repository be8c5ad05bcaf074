//! Work that goes on between calls: begun by one, fed by others, ended by the last.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use strongroom_kmip::{
    code::{Operation, ResultReason},
    secret::Secret,
    ttlv::Bytes,
};

use super::refusal::Refusal;
use crate::{
    caller::Principal,
    chance::{self, Chance},
    clock::Time,
    vault::{ObjectId, Work},
};

/// The streams that are open.
#[derive(Default)]
pub struct Streams {
    open: Mutex<HashMap<[u8; 16], Stream>>,
}

/// Work under way.
pub struct Stream {
    /// Whose it is; nobody else can go on with it.
    pub owner: Principal,
    /// What it does.
    pub operation: Operation,
    /// The key; a digest has none.
    pub object: Option<ObjectId>,
    /// The mechanism, for the audit log.
    pub mechanism: &'static str,
    /// Bytes of the tag that ends the last answer, for an authenticated cipher.
    pub tag: usize,
    /// A signature or MAC that came early, to be checked at the end.
    pub expected: Option<Vec<u8>>,
    /// The work itself.
    pub work: Work,
    /// When it was last fed.
    pub fed: Time,
}

/// The parts of a request that say where in a stream it stands (KMIP 2.1 §6.1.18: Correlation Value, Init and Final
/// Indicator).
#[derive(Clone, Copy, Debug)]
pub struct Part<'r> {
    /// Which stream.
    pub correlation: Option<&'r Bytes>,
    /// Whether this is the first part.
    pub init: bool,
    /// Whether this is the last part.
    pub last: bool,
}

impl<'r> Part<'r> {
    /// Where in a stream a request stands.
    pub fn of(correlation: Option<&'r Bytes>, init: Option<bool>, last: Option<bool>) -> Self {
        Self { correlation, init: init == Some(true), last: last == Some(true) }
    }

    /// Whether the whole work is in this one request.
    pub fn is_whole(&self) -> bool {
        self.correlation.is_none() && (!self.init || self.last)
    }
}

/// What came of feeding a stream.
pub struct Fed {
    /// What was ready.
    pub data: Secret,
    /// Under which value to go on, unless this was the end.
    pub correlation: Option<Bytes>,
    /// The stream that has ended, for what only its end can tell.
    pub ended: Option<Stream>,
}

impl Streams {
    /// Opens a stream.
    ///
    /// # Errors
    /// [`Refusal`] when the caller has too many open.
    pub fn open(&self, stream: Stream, chance: &dyn Chance) -> Result<Bytes, Refusal> {
        let value: [u8; 16] = chance::array(chance).map_err(|_| full())?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = stream.fed.0.saturating_sub(PATIENCE);
        open.retain(|_, other| other.fed.0 >= oldest);
        let own = open.values().filter(|other| other.owner == stream.owner).count();
        if own >= MOST_OF_ONE || open.len() >= MOST {
            return Err(full());
        }
        open.insert(value, stream);
        Ok(Bytes(value.to_vec()))
    }

    /// Takes a stream out, to feed it; put it back with [`resume`](Self::resume).
    ///
    /// # Errors
    /// [`Refusal`] when there is none of this value that is the caller's and does this.
    pub fn take(&self, value: &Bytes, owner: &Principal, operation: Operation, now: Time) -> Result<Stream, Refusal> {
        let unknown = || Refusal::new(ResultReason::InvalidCorrelationValue, "there is no stream of this value");
        let key: [u8; 16] = value.0.as_slice().try_into().map_err(|_| unknown())?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = open.get(&key).is_some_and(|stream| {
            stream.owner == *owner && stream.operation == operation && stream.fed.0 >= now.0.saturating_sub(PATIENCE)
        });
        if fits { open.remove(&key).ok_or_else(unknown) } else { Err(unknown()) }
    }

    /// Lets go of a stream.
    pub fn drop(&self, value: &Bytes) {
        if let Ok(key) = <[u8; 16]>::try_from(value.0.as_slice()) {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        }
    }

    /// Puts a stream back under its value.
    pub fn resume(&self, value: &Bytes, stream: Stream) {
        if let Ok(key) = <[u8; 16]>::try_from(value.0.as_slice()) {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(key, stream);
        }
    }
}

fn full() -> Refusal {
    Refusal::new(ResultReason::ServerLimitExceeded, "too many streams are open")
}

/// One caller's streams; a client with more forgot to end them.
const MOST_OF_ONE: usize = 256;
/// All streams; each holds a cipher's state or a buffer.
const MOST: usize = 16_384;
/// How long a stream waits for its next part, in milliseconds.
const PATIENCE: i64 = 300_000;
