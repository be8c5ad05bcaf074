//! Work that goes on between calls: begun by one, fed by others, ended by the last.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
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

/// The streams that are open, and what they hold.
#[derive(Default)]
pub struct Streams {
    open: Mutex<HashMap<[u8; 16], Stream>>,
    ledger: Arc<Mutex<Ledger>>,
}

/// How many streams there are and what they hold, of each owner and in all. Streams that are being fed count too.
#[derive(Default)]
struct Ledger {
    owners: HashMap<Principal, Account>,
    all: Account,
}

#[derive(Clone, Copy, Default)]
struct Account {
    streams: usize,
    bytes: usize,
}

/// One stream's place in the ledger, given up when dropped.
pub struct Share {
    ledger: Arc<Mutex<Ledger>>,
    owner: Principal,
    bytes: usize,
}

impl Share {
    /// Lets the stream hold so many bytes.
    ///
    /// # Errors
    /// [`Refusal`] when its owner, or all of them together, hold too much already.
    fn hold(&mut self, bytes: usize) -> Result<(), Refusal> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let own = ledger.owners.get(&self.owner).copied().unwrap_or_default();
        let with = |account: Account| account.bytes.saturating_sub(self.bytes).saturating_add(bytes);
        let (own, all) = (with(own), with(ledger.all));
        if bytes > self.bytes && (own > MOST_BYTES_OF_ONE || all > MOST_BYTES) {
            return Err(Refusal::new(ResultReason::ServerLimitExceeded, "the open streams hold too much data"));
        }
        ledger.owners.entry(self.owner.clone()).or_default().bytes = own;
        ledger.all.bytes = all;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let less = |account: &mut Account| {
            account.streams = account.streams.saturating_sub(1);
            account.bytes = account.bytes.saturating_sub(self.bytes);
        };
        less(&mut ledger.all);
        let own = ledger.owners.get_mut(&self.owner).map(|account| {
            less(account);
            account.streams
        });
        if own == Some(0) {
            ledger.owners.remove(&self.owner);
        }
    }
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
    /// What it holds, counted.
    pub share: Share,
    /// When it was last fed.
    pub fed: Time,
}

impl Stream {
    /// Takes the next part of the data.
    ///
    /// # Errors
    /// [`Refusal`] when too much would be held, or as the slot says; an error ends the stream.
    pub fn feed(&mut self, data: &[u8], now: Time) -> Result<Secret, Refusal> {
        self.fed = now;
        self.share.hold(self.work.holds(data.len()))?;
        Ok(self.work.update(data)?)
    }

    fn branch(&self, share: Share, now: Time) -> Option<Self> {
        Some(Self {
            owner: self.owner.clone(),
            operation: self.operation,
            object: self.object.clone(),
            mechanism: self.mechanism,
            tag: self.tag,
            expected: self.expected.clone(),
            work: self.work.branch()?,
            share,
            fed: now,
        })
    }
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

impl Streams {
    /// A place for one more stream. Those that nobody has fed for long are given up first.
    ///
    /// # Errors
    /// [`Refusal`] when the caller has too many open, or all callers have.
    pub fn admit(&self, owner: &Principal, now: Time) -> Result<Share, Refusal> {
        self.sweep(now);
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let own = ledger.owners.get(owner).map_or(0, |account| account.streams);
        if own >= MOST_OF_ONE || ledger.all.streams >= MOST {
            return Err(full());
        }
        ledger.owners.entry(owner.clone()).or_default().streams = own.saturating_add(1);
        ledger.all.streams = ledger.all.streams.saturating_add(1);
        Ok(Share { ledger: Arc::clone(&self.ledger), owner: owner.clone(), bytes: 0 })
    }

    /// Gives up streams that nobody has fed for long.
    pub fn sweep(&self, now: Time) {
        let oldest = now.0.saturating_sub(PATIENCE);
        self.give_up(|stream| stream.fed.0 < oldest);
    }

    /// Gives up all streams: each has a key in hand.
    pub fn clear(&self) {
        self.give_up(|_| true);
    }

    /// Gives up the streams of objects that are gone.
    pub fn forget(&self, gone: &HashSet<ObjectId>) {
        if !gone.is_empty() {
            self.give_up(|stream| stream.object.as_ref().is_some_and(|id| gone.contains(id)));
        }
    }

    fn give_up(&self, which: impl Fn(&Stream) -> bool) {
        let given_up: Vec<Stream> = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.extract_if(|_, stream| which(stream)).map(|(_, stream)| stream).collect()
        };
        // Their places are given up outside the lock, and what they held is wiped there.
        drop(given_up);
    }

    /// Opens a stream under a new value.
    ///
    /// # Errors
    /// [`Refusal`] without randomness.
    pub fn open(&self, stream: Stream, chance: &dyn Chance) -> Result<Bytes, Refusal> {
        let value: [u8; 16] = chance::array(chance).map_err(|_| full())?;
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(value, stream);
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

    /// A second stream that goes on by itself from where this one is, under a new value; nothing where there is no stream of
    /// this value that is the caller's, or its work cannot be had twice.
    ///
    /// # Errors
    /// [`Refusal`] when the caller has too many open, or without randomness.
    pub fn branch(
        &self,
        value: &Bytes,
        owner: &Principal,
        now: Time,
        chance: &dyn Chance,
    ) -> Result<Option<Bytes>, Refusal> {
        let Ok(key) = <[u8; 16]>::try_from(value.0.as_slice()) else { return Ok(None) };
        let share = self.admit(owner, now)?;
        let branched = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let theirs = |stream: &&Stream| stream.owner == *owner && stream.fed.0 >= now.0.saturating_sub(PATIENCE);
            open.get(&key).filter(theirs).and_then(|stream| stream.branch(share, now))
        };
        branched.map(|stream| self.open(stream, chance)).transpose()
    }

    /// Lets go of a stream.
    pub fn end(&self, value: &Bytes) {
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
/// What one caller's streams hold: four gathering decryptions of the longest kind.
const MOST_BYTES_OF_ONE: usize = 256 << 20;
/// What all streams hold.
const MOST_BYTES: usize = 1 << 30;
/// How long a stream waits for its next part, in milliseconds.
const PATIENCE: i64 = 300_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{slot::Running, vault::SlotError};

    /// Work that says it holds what it is given, and does not.
    struct Boasting(usize);

    impl Running for Boasting {
        fn update(&mut self, data: &[u8]) -> Result<Secret, SlotError> {
            self.0 = self.holds(data.len());
            Ok(Secret::copy_of(&[]))
        }
        fn holds(&self, more: usize) -> usize {
            self.0.saturating_add(more.saturating_mul(MIB))
        }
        fn finish(self: Box<Self>) -> Result<Secret, SlotError> {
            Ok(Secret::copy_of(&[]))
        }
        fn finish_against(self: Box<Self>, _: &[u8]) -> Result<(), SlotError> {
            Ok(())
        }
    }

    const MIB: usize = 1 << 20;
    const NOON: Time = Time(1_000_000);

    fn owner(name: &str) -> Principal {
        Principal::Client(name.parse().unwrap())
    }

    fn stream(streams: &Streams, owner: &Principal) -> Result<Stream, Refusal> {
        Ok(Stream {
            owner: owner.clone(),
            operation: Operation::Decrypt,
            object: None,
            mechanism: "test",
            tag: 0,
            expected: None,
            share: streams.admit(owner, NOON)?,
            work: Box::new(Boasting(0)),
            fed: NOON,
        })
    }

    fn fed(streams: &Streams, owner: &Principal, mebibytes: usize) -> Result<Stream, Refusal> {
        let mut stream = stream(streams, owner)?;
        stream.feed(&vec![0; mebibytes], NOON)?;
        Ok(stream)
    }

    #[test]
    fn one_caller_holds_a_bounded_sum_in_all_its_streams() {
        let (streams, alice, bob) = (Streams::default(), owner("alice"), owner("bob"));
        let mut held: Vec<Stream> = (0..4).map(|_| fed(&streams, &alice, 64).unwrap()).collect();
        let refused = fed(&streams, &alice, 1).err().unwrap();
        assert_eq!(refused.reason, ResultReason::ServerLimitExceeded);
        assert!(fed(&streams, &bob, 64).is_ok(), "another's room is another's");
        held.pop();
        assert!(fed(&streams, &alice, 64).is_ok(), "what has ended is given back");
        assert!(fed(&streams, &alice, 65).is_err());
    }

    #[test]
    fn all_callers_together_hold_a_bounded_sum() {
        let streams = Streams::default();
        let names = ["a", "b", "c", "d"].map(owner);
        let held: Vec<Stream> = names.iter().map(|name| fed(&streams, name, 256).unwrap()).collect();
        assert!(fed(&streams, &owner("e"), 1).is_err());
        drop(held);
        assert!(fed(&streams, &owner("e"), 256).is_ok());
        assert!(streams.ledger.lock().unwrap().owners.is_empty(), "nobody is remembered who holds nothing");
    }

    #[test]
    fn streams_of_objects_that_are_gone_end_and_no_others() {
        let (streams, alice) = (Streams::default(), owner("alice"));
        let [gone, kept] = ["gone", "kept"].map(ObjectId::from_text);
        let values = [1, 2, 3].map(|value| Bytes(vec![value; 16]));
        for (value, object) in values.iter().zip([Some(&gone), Some(&kept), None]) {
            streams.resume(value, Stream { object: object.cloned(), ..stream(&streams, &alice).unwrap() });
        }
        streams.forget(&HashSet::from([gone]));
        let open = values.map(|value| streams.take(&value, &alice, Operation::Decrypt, NOON).is_ok());
        assert_eq!(open, [false, true, true]);
    }

    #[test]
    fn a_stream_that_is_being_fed_counts() {
        let (streams, alice) = (Streams::default(), owner("alice"));
        let taken: Vec<Stream> = (0..MOST_OF_ONE).map(|_| stream(&streams, &alice).unwrap()).collect();
        assert!(stream(&streams, &alice).is_err());
        drop(taken);
        assert!(stream(&streams, &alice).is_ok());
    }
}
