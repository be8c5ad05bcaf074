//! The way to the daemon: a small pool of connections to it, one per call under way.
//!
//! What the daemon says is believed no more than what a stranger says: lengths are limited, a frame must be whole and
//! exact, every wait has an end. A connection on which anything went wrong is closed and never used again.

use std::{
    io::{self, Read, Write},
    os::fd::AsRawFd,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use strongroom_pkcs11_wire::{
    Rv,
    call::{self, request},
    codec,
    number::Protocol,
};
use zeroize::Zeroize;

use crate::{
    config::Place,
    descriptors::{self, Listed},
    line::{self, Line, Way},
    wakeful::Wakeful,
};

/// Why a call did not come back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Absent(line::Error),
    #[error("the connection to the daemon was lost, and with it what was under way")]
    Lost,
    #[error("the daemon did not answer in time")]
    Slow,
    #[error("the daemon's answer makes no sense: {0}")]
    Malformed(codec::Error),
    #[error("the daemon refuses this application: {0}")]
    Refused(Rv),
    #[error("the request is too long for the wire")]
    Long,
    #[error("all {} connections are in use", descriptors::MOST)]
    Busy,
}

impl Error {
    /// What the application is told.
    pub(crate) fn rv(&self) -> Rv {
        match self {
            Self::Absent(line::Error::Absent(_)) | Self::Lost => Rv::DEVICE_REMOVED,
            Self::Absent(line::Error::Papers(..) | line::Error::Untrusted(_)) => Rv::GENERAL_ERROR,
            Self::Slow | Self::Malformed(_) => Rv::DEVICE_ERROR,
            Self::Refused(rv) => *rv,
            Self::Long => Rv::DATA_LEN_RANGE,
            Self::Busy => Rv::HOST_MEMORY,
        }
    }
}

/// Whether a call may be sent again when nobody knows whether it was performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing, or only what its answer brings back.
    Harmless,
    /// It may have been performed.
    Never,
}

/// Puts a request into a buffer.
pub(crate) type Ask<'a> = &'a dyn Fn(&mut Vec<u8>) -> Result<(), codec::Error>;
/// Takes an answer from its return value and body, and says whether another belongs to what was asked.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(Rv, &[u8]) -> Result<Next, codec::Error>;

/// Whether there is more to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another frame belongs to it.
    Frame,
    /// That was all.
    Done,
}

/// The daemon, as one application sees it.
#[derive(Debug)]
pub(crate) struct Remote {
    way: Way,
    patience: Duration,
    nonce: [u8; 16],
    process: u64,
    pool: Mutex<Pool>,
    freed: Condvar,
    epoch: AtomicU64,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    open: usize,
    /// How many calls wait for a place.
    waiting: usize,
    daemon: Option<[u8; 16]>,
}

impl Remote {
    /// A way to a daemon, for the application that `nonce` and `process` name. Nothing is opened yet.
    pub(crate) fn new(place: Place, patience: Duration, nonce: [u8; 16], process: u64) -> Self {
        let (way, pool) = (Way::new(place), Mutex::default());
        Self { way, patience, nonce, process, pool, freed: Condvar::new(), epoch: AtomicU64::new(0) }
    }

    /// Counts the runs of the daemon that this application has seen. What was opened in one is lost in the next.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// One call there and back; says in which epoch it was answered. With `bound`, only in that epoch.
    ///
    /// # Errors
    /// When there is no answer. What the answer says is for `tell` to know.
    pub(crate) fn exchange(
        &self,
        bound: Option<u64>,
        repeat: Repeat,
        ask: Ask<'_>,
        tell: Tell<'_>,
    ) -> Result<u64, Error> {
        loop {
            let mut lease = self.lease()?;
            let epoch = lease.connection.as_ref().map_or(0, |connection| connection.epoch);
            if bound.is_some_and(|bound| bound != epoch) {
                return Err(Error::Lost);
            }
            let fresh = lease.fresh;
            match lease.talk(ask, tell) {
                Ok(()) => return Ok(epoch),
                // The daemon had hung up before it could read this call; it may have done so while we were idle.
                Err(Broken::Unsent) if !fresh => {}
                Err(Broken::Unanswered) if !fresh && repeat == Repeat::Harmless => {}
                Err(Broken::Unsent | Broken::Unanswered) => return Err(Error::Lost),
                Err(Broken::For(error)) => return Err(error),
            }
        }
    }

    /// Says a last word, if there is a connection to say it on. None is made for it: the program may be about to end, and
    /// the daemon then finds out by itself.
    pub(crate) fn part(&self, ask: Ask<'_>) {
        let idle = self.pool().idle.pop();
        if let Some(mut connection) = idle {
            if connection.lives() {
                let _ = connection.talk(ask, &mut |_, _| Ok(Next::Done));
            }
            drop(connection);
            self.give_back(None);
        }
    }

    /// Closes the connections that nobody is using.
    pub(crate) fn hang_up(&self) {
        let mut pool = self.pool();
        pool.open = pool.open.saturating_sub(pool.idle.len());
        pool.idle.clear();
    }

    fn lease(&self) -> Result<Lease<'_>, Error> {
        loop {
            let Some(mut connection) = self.place()? else { break };
            if connection.lives() {
                return Ok(Lease { remote: self, connection: Some(connection), fresh: false });
            }
            drop(connection);
            self.give_back(None);
        }
        // The place is taken; from here on the lease gives it back whatever happens.
        let mut lease = Lease { remote: self, connection: None, fresh: true };
        lease.connection = Some(self.connect()?);
        Ok(lease)
    }

    /// An idle connection, or nothing and a place for a new one.
    fn place(&self) -> Result<Option<Connection>, Error> {
        let until = Instant::now().checked_add(self.patience);
        let mut pool = self.pool();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok(Some(connection));
            }
            if pool.open < descriptors::MOST {
                pool.open = pool.open.saturating_add(1);
                return Ok(None);
            }
            let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Err(Error::Busy);
            }
            pool.waiting = pool.waiting.saturating_add(1);
            pool = self.freed.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner).0;
            pool.waiting = pool.waiting.saturating_sub(1);
        }
    }

    fn give_back(&self, connection: Option<Connection>) {
        let mut pool = self.pool();
        match connection {
            Some(connection) if connection.epoch == self.epoch() => pool.idle.push(connection),
            _ => pool.open = pool.open.saturating_sub(1),
        }
        // To ring a bell that nobody hears would be a call into the kernel for nothing, at every call.
        let waited_for = pool.waiting > 0;
        drop(pool);
        if waited_for {
            self.freed.notify_one();
        }
    }

    fn connect(&self) -> Result<Connection, Error> {
        let stream = self.way.open(self.patience).map_err(Error::Absent)?;
        let listed = Listed::new(stream.as_raw_fd());
        let used = Instant::now();
        let mut connection = Connection {
            _listed: listed,
            stream,
            wakeful: Wakeful::default(),
            sending: buffer(),
            receiving: buffer(),
            used,
            patience: self.patience,
            epoch: 0,
        };
        let attach = request::Attach { protocol: Protocol::THREE, nonce: self.nonce, process: self.process };
        let mut outcome = Err(Rv::DEVICE_ERROR);
        let talk = connection.talk(&|to| call::write_request(&attach, to), &mut |rv, body| {
            outcome = call::read_answer::<request::Attach>(rv, body)?.ok_or(rv);
            Ok(Next::Done)
        });
        match talk {
            Ok(()) => {}
            Err(Broken::Unsent | Broken::Unanswered) => return Err(Error::Lost),
            Err(Broken::For(error)) => return Err(error),
        }
        let answer = outcome.map_err(Error::Refused)?;
        if answer.protocol != Protocol::THREE {
            return Err(Error::Refused(Rv::DEVICE_ERROR));
        }
        let mut pool = self.pool();
        if pool.daemon.is_some_and(|known| known != answer.daemon) {
            pool.open = pool.open.saturating_sub(pool.idle.len());
            pool.idle.clear();
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
        pool.daemon = Some(answer.daemon);
        connection.epoch = self.epoch();
        Ok(connection)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection out of the pool. It goes back when the lease ends, unless something went wrong with it.
struct Lease<'a> {
    remote: &'a Remote,
    connection: Option<Connection>,
    fresh: bool,
}

impl Lease<'_> {
    fn talk(&mut self, ask: Ask<'_>, tell: Tell<'_>) -> Result<(), Broken> {
        let connection = self.connection.as_mut().ok_or(Broken::Unsent)?;
        let outcome = connection.talk(ask, tell);
        match outcome {
            // The frame never left the buffer, so the connection is as good as before.
            Ok(()) | Err(Broken::For(Error::Long)) => {}
            Err(_) => self.connection = None,
        }
        outcome
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.remote.give_back(self.connection.take());
    }
}

/// How far a call came.
enum Broken {
    /// The daemon cannot have read it whole.
    Unsent,
    /// It was sent; the daemon hung up without an answer.
    Unanswered,
    /// Something else, that is the same for every call.
    For(Error),
}

#[derive(Debug)]
struct Connection {
    // Before the stream, so that the descriptor is off the list before it is closed and given to someone else.
    _listed: Listed,
    stream: Line,
    wakeful: Wakeful,
    sending: Vec<u8>,
    receiving: Vec<u8>,
    used: Instant,
    patience: Duration,
    epoch: u64,
}

impl Connection {
    fn talk(&mut self, ask: Ask<'_>, tell: Tell<'_>) -> Result<(), Broken> {
        self.stream.limit(self.patience);
        let outcome = self.send(ask).and_then(|()| self.receive(tell));
        self.used = Instant::now();
        for buffer in [&mut self.sending, &mut self.receiving] {
            // PINs and plaintexts have passed through.
            buffer.as_mut_slice().zeroize();
            if buffer.len() > KEPT {
                *buffer = self::buffer();
            }
            buffer.clear();
        }
        outcome
    }

    fn send(&mut self, ask: Ask<'_>) -> Result<(), Broken> {
        ask(&mut self.sending).map_err(|_| Broken::For(Error::Long))?;
        self.stream.write_all(&self.sending).and_then(|()| self.stream.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Broken::For(Error::Slow),
            _ => Broken::Unsent,
        })
    }

    fn receive(&mut self, tell: Tell<'_>) -> Result<(), Broken> {
        let malformed = |error| Broken::For(Error::Malformed(error));
        // The read timeout is per read; a daemon that sends a byte at a time must not hold a thread for ever.
        let until = Instant::now().checked_add(self.patience);
        let mut taken = 0;
        loop {
            let rest = self.receiving.get(taken..).unwrap_or_default();
            if let Some(frame) = codec::cut(rest).map_err(malformed)? {
                taken = taken.saturating_add(frame.taken);
                if tell(Rv(u64::from(frame.head)), frame.body).map_err(malformed)? == Next::Frame {
                    continue;
                }
                return match self.receiving.len().saturating_sub(taken) {
                    0 => Ok(()),
                    surplus => Err(malformed(codec::Error::Trailing(surplus))),
                };
            }
            if !self.receiving.is_empty() && until.is_none_or(|until| Instant::now() > until) {
                return Err(Broken::For(Error::Slow));
            }
            // Memory follows the bytes that came, not the length they claim.
            let start = self.receiving.len();
            self.receiving.resize(start.saturating_add(start.max(CHUNK)), 0);
            let room = self.receiving.get_mut(start..).unwrap_or_default();
            let read = self.wakeful.read(&mut self.stream, room, self.patience);
            self.receiving.truncate(start.saturating_add(*read.as_ref().unwrap_or(&0)));
            match read {
                Ok(0) => return Err(Broken::Unanswered),
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return Err(Broken::For(Error::Slow)),
                    _ => return Err(Broken::Unanswered),
                },
            }
        }
    }

    /// Whether the daemon is still there; asked only after a pause, because a call would find out too.
    fn lives(&mut self) -> bool {
        if self.used.elapsed() < PAUSE {
            return true;
        }
        let mut byte = [0];
        self.stream.limit(self.patience);
        let quiet = self.stream.set_nonblocking(true).is_ok()
            && matches!(self.stream.read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        quiet && self.stream.set_nonblocking(false).is_ok()
    }
}

/// Room for the longest frame from the start, so that no buffer moves and leaves a copy behind. The kernel gives memory
/// only to what is used of it.
fn buffer() -> Vec<u8> {
    Vec::with_capacity(codec::LONGEST.saturating_add(codec::LONGEST))
}

/// Most answers fit into one read of this size.
const CHUNK: usize = 4096;

/// A buffer that more than this went through is given back to the kernel.
const KEPT: usize = 64 * 1024;

/// After such a pause the daemon may have hung up on an idle connection.
const PAUSE: Duration = Duration::from_secs(1);
