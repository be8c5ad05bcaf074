//! The attendant: looks after slots that hold their keys themselves, and after the seal. It has a thread of its own, since a
//! slot may let it wait.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use super::timetable::Stop;
use crate::{caller::Caller, service::Service};

/// The thread that goes its round, until it is told to stop.
pub struct Attendant {
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

impl Attendant {
    /// Starts the round, with `daemon` as the caller.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(service: Arc<Service>, daemon: Caller) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let told = Arc::clone(&stop);
        let round = move || {
            let mut more = false;
            while !told.wait(if more { BREATH } else { PAUSE }) {
                more = service.tend(&daemon);
                if let Err(refusal) = service.attend(&daemon) {
                    log::error!("the slots could not be looked after: {refusal}");
                }
            }
        };
        let thread = thread::Builder::new().name("attendant".to_owned()).spawn(round)?;
        Ok(Self { stop, thread })
    }

    /// Ends the round: what is in hand is finished.
    pub fn stop(self) {
        self.stop.say();
        if self.thread.join().is_err() {
            log::error!("the attendant of the slots ended in a panic");
        }
    }
}

/// A key that was destroyed leaves its slot so soon after.
const PAUSE: Duration = Duration::from_millis(200);
/// What resealing leaves to changes that wait for the disk as well.
const BREATH: Duration = Duration::from_millis(5);
