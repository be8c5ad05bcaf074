//! The attendant: looks after slots that hold their keys themselves, and after the seal. It has a thread of its own, since a
//! slot may let it wait; and one more, of the lowest priority, on which slots make ahead what may be asked for soon.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use super::timetable::Stop;
use crate::{caller::Caller, clock::Stopwatch, service::Service};

/// The threads that go their rounds, until they are told to stop.
pub struct Attendant {
    stop: Arc<Stop>,
    round: JoinHandle<()>,
    ahead: JoinHandle<()>,
}

impl Attendant {
    /// Starts the rounds, with `daemon` as the caller.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(service: Arc<Service>, daemon: Caller) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let (told, its) = (Arc::clone(&stop), Arc::clone(&service));
        let ahead = move || {
            let mut rest = PAUSE;
            while !told.wait(rest) {
                let taken = Stopwatch::start();
                // As long a rest as the work took: no more than half of one processor.
                rest = if its.provide() { taken.elapsed().max(BREATH) } else { PAUSE };
            }
        };
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
        let round = thread::Builder::new().name("attendant".to_owned()).spawn(round)?;
        let ahead = thread::Builder::new().name("ahead".to_owned()).spawn(ahead)?;
        Ok(Self { stop, round, ahead })
    }

    /// Ends the rounds: what is in hand is finished, but for what nobody has asked for. That cannot be broken off; it is left
    /// behind, and wiped as it comes, since the house forgets what was ordered when it closes.
    pub fn stop(self) {
        self.stop.say();
        let mut ended = vec![self.round.join()];
        if self.ahead.is_finished() {
            ended.push(self.ahead.join());
        }
        if ended.iter().any(Result::is_err) {
            log::error!("an attendant of the slots ended in a panic");
        }
    }
}

/// A key that was destroyed leaves its slot so soon after.
const PAUSE: Duration = Duration::from_millis(200);
/// What resealing leaves to changes that wait for the disk as well.
const BREATH: Duration = Duration::from_millis(5);
