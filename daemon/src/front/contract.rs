//! What all fronts share: what they may take of the machine, and how they are stopped.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// The SHA-256 of a public key's SubjectPublicKeyInfo: what a client is known by.
pub type Fingerprint = [u8; 32];

/// What fronts may take of the machine, all of it together with what they publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the connection to the end of the handshake.
    pub handshake: Duration,
    /// From the first byte of a request to its last, and again for performing it and for taking its answer.
    pub request: Duration,
    /// Between requests.
    pub idle: Duration,
    /// Connections in all.
    pub connections: usize,
    /// Connections from one address, or from one /64 of IPv6.
    pub per_address: usize,
    /// Connections with one key, wherever they come from.
    pub per_key: usize,
    /// Requests of one client that are performed at the same time; its others wait.
    pub per_client: usize,
    /// Requests that are performed at the same time.
    pub threads: usize,
    /// Bytes of a request.
    pub message: usize,
}

/// How far the daemon has come in stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Open,
    /// Nothing new is taken; what is in hand is finished.
    Draining,
    /// What is still in hand is let go.
    Cut,
}

/// Tells the fronts how far the daemon has come in stopping.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Phase>);

/// Learns how far the daemon has come in stopping.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Phase>);

impl Stopper {
    /// A daemon that serves, and what its fronts watch.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(Phase::Open);
        (Self(sender), Stop(receiver))
    }

    /// Goes on to a later phase; never back.
    pub fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            *now = phase.max(*now);
            later
        });
    }
}

impl Stop {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until the daemon has come to `phase`.
    pub async fn reached(&mut self, phase: Phase) {
        // Without a stopper nobody will ever ask to stop in an orderly way; then there is nothing to wait for either.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}

/// Counts those who are still at work: everyone holds a clone, and who waits sees the last one go.
#[derive(Debug)]
pub struct Crew {
    shift: mpsc::Sender<()>,
    gone: mpsc::Receiver<()>,
}

/// One who is at work.
#[derive(Clone, Debug)]
pub struct Member(#[expect(dead_code, reason = "it is held and dropped")] mpsc::Sender<()>);

impl Crew {
    /// A crew of nobody.
    pub fn new() -> Self {
        let (shift, gone) = mpsc::channel(1);
        Self { shift, gone }
    }

    /// One more.
    pub fn member(&self) -> Member {
        Member(self.shift.clone())
    }

    /// Waits until everyone has gone. Nobody can join any more.
    pub async fn dismissed(mut self) {
        drop(self.shift);
        while self.gone.recv().await.is_some() {}
    }
}

impl Default for Crew {
    fn default() -> Self {
        Self::new()
    }
}
