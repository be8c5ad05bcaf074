//! What a slot over a token is made of.

use std::{path::PathBuf, sync::Arc, time::Duration};

use strongroom_kmip::secret::Secret;

use super::choice::Choice;
use crate::clock::Clock;

/// What an HSM slot is made of.
pub struct Settings {
    /// Its name.
    pub name: String,
    /// The vendor's library.
    pub library: PathBuf,
    /// Which of its tokens.
    pub choice: Choice,
    /// Gives the PIN, as often as a worker starts; nothing where an operator enters it.
    pub pin: Box<dyn Fn() -> Option<Secret> + Send + Sync>,
    /// The label of the key under which its keys go to the other tokens of its cluster; without one they never leave.
    pub wrap_with: Option<String>,
    /// How long a call may take.
    pub deadline: Duration,
    /// How many calls may be under way.
    pub sessions: usize,
    /// Which sockets the vendor's library may have.
    pub network: Network,
    /// Whether it may start processes.
    pub processes: bool,
    /// Files and folders that it may read and write, beside its own folder and the system's libraries, which it may read.
    pub paths: Vec<PathBuf>,
    /// What the vendor's library looks for in its environment.
    pub environment: Vec<(String, String)>,
    /// The program that the worker is: this one.
    pub program: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Which sockets a vendor's library may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// None.
    None,
    /// Those of this machine: to a vendor's daemon.
    Local,
    /// Any: to an HSM in the network.
    Any,
}
