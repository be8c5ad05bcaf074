//! The timetable: every second, the dates of objects that have come are let act.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{caller::Caller, service::Service};

/// The thread that goes its round, until it is told to stop.
pub struct Timetable {
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

/// How a round is told to stop.
#[derive(Default)]
pub(super) struct Stop {
    said: Mutex<bool>,
    heard: Condvar,
}

impl Timetable {
    /// Starts the round, with `daemon` as the caller.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(service: Arc<Service>, daemon: Caller) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let told = Arc::clone(&stop);
        let round = move || {
            while !told.wait(PAUSE) {
                walk(&service, &daemon, &told);
            }
        };
        let thread = thread::Builder::new().name("timetable".to_owned()).spawn(round)?;
        Ok(Self { stop, thread })
    }

    /// Ends the round: what is in hand is finished.
    pub fn stop(self) {
        self.stop.say();
        if self.thread.join().is_err() {
            log::error!("the timetable ended in a panic");
        }
    }
}

/// Passes until nothing is due any more.
fn walk(service: &Service, daemon: &Caller, stop: &Stop) {
    while !service.has_failed() && !stop.wait(Duration::ZERO) {
        match service.pass(daemon) {
            Ok(0) => return,
            Ok(_) => {}
            Err(refusal) => return log::error!("dates that have come could not act: {refusal}"),
        }
    }
}

impl Stop {
    /// Tells it.
    pub(super) fn say(&self) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_all();
    }

    /// Waits, and says whether the round is to end.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, _) =
            self.heard.wait_timeout_while(said, pause, |said| !*said).unwrap_or_else(PoisonError::into_inner);
        *said
    }
}

/// Dates are whole seconds.
const PAUSE: Duration = Duration::from_secs(1);
