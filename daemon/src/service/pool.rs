//! Slow work, and whose turn it is: so many pieces at the same time in all, and so many of one caller's.
//!
//! Who waits for itself keeps nobody else waiting: each caller has a queue of its own, and the queues take turns.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use strongroom_kmip::code::ResultReason;

use super::refusal::Refusal;
use crate::caller::Principal;

/// The seats at which slow work is done.
pub struct Pool {
    state: Mutex<State>,
    changed: Condvar,
    seats: usize,
    each: usize,
}

/// A seat that is taken. Dropping it gives it to who is next.
pub struct Seat {
    pool: Arc<Pool>,
    who: Principal,
}

/// A piece of work that somebody else does when its turn has come.
pub type Job = [u8; 16];

#[derive(Default)]
struct State {
    /// Who waits for what, the next first.
    waiting: VecDeque<(Principal, VecDeque<Want>)>,
    taken: HashMap<Principal, usize>,
    total: usize,
    /// Seats that were given to those who wait for them.
    given: HashSet<u64>,
    /// Jobs whose turn has come; each has its seat.
    ready: VecDeque<(Principal, Job)>,
    next: u64,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Seat(u64),
    Job(Job),
}

impl Pool {
    /// So many seats, of which one caller has `each` at most.
    pub fn new(seats: usize, each: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), seats: seats.max(1), each: each.max(1) }
    }

    /// Waits for a seat to do slow work at.
    ///
    /// # Errors
    /// [`Refusal`] when none came free in time.
    pub fn enter(self: &Arc<Self>, who: &Principal) -> Result<Seat, Refusal> {
        let mut state = self.look();
        let number = state.next;
        state.next = number.wrapping_add(1);
        self.queue(&mut state, who, Want::Seat(number));
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !state.given.contains(&number))
            .unwrap_or_else(PoisonError::into_inner);
        if state.given.remove(&number) {
            return Ok(Seat { pool: Arc::clone(self), who: who.clone() });
        }
        state.withdraw(who, Want::Seat(number));
        Err(Refusal::new(ResultReason::ServerLimitExceeded, "too much slow work is asked for; try again later"))
    }

    /// Lets a job be done when its turn has come.
    pub fn submit(&self, who: &Principal, job: Job) {
        self.queue(&mut self.look(), who, Want::Job(job));
    }

    /// The next job and its seat; waits for one, and gives nothing once the pool is closed.
    pub fn job(self: &Arc<Self>) -> Option<(Seat, Job)> {
        let waits = |state: &mut State| state.ready.is_empty() && !state.closed;
        let mut state = self.changed.wait_while(self.look(), waits).unwrap_or_else(PoisonError::into_inner);
        self.begin(&mut state)
    }

    /// The next job and its seat, if there is one.
    pub fn job_at_once(self: &Arc<Self>) -> Option<(Seat, Job)> {
        self.begin(&mut self.look())
    }

    /// Begins no further job.
    pub fn close(&self) {
        self.look().closed = true;
        self.changed.notify_all();
    }

    /// Whether nobody sits at any of them.
    pub fn is_free(&self) -> bool {
        self.look().total == 0
    }

    /// How many seats there are.
    pub fn seats(&self) -> usize {
        self.seats
    }

    fn begin(self: &Arc<Self>, state: &mut State) -> Option<(Seat, Job)> {
        if state.closed {
            return None;
        }
        let (who, job) = state.ready.pop_front()?;
        Some((Seat { pool: Arc::clone(self), who }, job))
    }

    fn queue(&self, state: &mut State, who: &Principal, want: Want) {
        match state.waiting.iter_mut().find(|(waiting, _)| waiting == who) {
            Some((_, wants)) => wants.push_back(want),
            None => state.waiting.push_back((who.clone(), VecDeque::from([want]))),
        }
        self.give(state);
    }

    /// Gives free seats to those whose turn it is.
    fn give(&self, state: &mut State) {
        while state.total < self.seats {
            let may = |(who, _): &(Principal, _)| state.taken.get(who).is_none_or(|taken| *taken < self.each);
            let Some((who, mut wants)) = state.waiting.iter().position(may).and_then(|at| state.waiting.remove(at))
            else {
                break;
            };
            let want = wants.pop_front();
            if !wants.is_empty() {
                state.waiting.push_back((who.clone(), wants));
            }
            let Some(want) = want else { continue };
            let taken = state.taken.entry(who.clone()).or_default();
            *taken = taken.saturating_add(1);
            state.total = state.total.saturating_add(1);
            match want {
                Want::Seat(number) => {
                    state.given.insert(number);
                }
                Want::Job(job) => state.ready.push_back((who, job)),
            }
        }
        self.changed.notify_all();
    }

    fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whose it is.
    pub fn who(&self) -> &Principal {
        &self.who
    }
}

impl State {
    fn withdraw(&mut self, who: &Principal, want: Want) {
        for (_, wants) in self.waiting.iter_mut().filter(|(waiting, _)| waiting == who) {
            wants.retain(|waiting| *waiting != want);
        }
        self.waiting.retain(|(_, wants)| !wants.is_empty());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.pool.look();
        state.total = state.total.saturating_sub(1);
        if let Some(taken) = state.taken.get_mut(&self.who) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                state.taken.remove(&self.who);
            }
        }
        self.pool.give(&mut state);
    }
}

/// Longer than a request may take; whoever waits so long has been given up.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Principal {
        format!("client:{name}").parse().unwrap()
    }

    fn jobs(pool: &Arc<Pool>) -> Vec<u8> {
        let mut seats = Vec::new();
        while let Some((seat, job)) = pool.job_at_once() {
            seats.push((seat, job[0]));
        }
        seats.iter().map(|(_, job)| *job).collect()
    }

    #[test]
    fn a_caller_with_much_to_do_waits_for_itself_and_keeps_nobody_else_waiting() {
        let pool = Arc::new(Pool::new(3, 2));
        for number in 0..5 {
            pool.submit(&who("alice"), [number; 16]);
        }
        pool.submit(&who("bob"), [10; 16]);
        pool.submit(&who("carol"), [20; 16]);
        let (first, _) = pool.job_at_once().unwrap();
        let (_second, _) = pool.job_at_once().unwrap();
        let (third, job) = pool.job_at_once().unwrap();
        assert_eq!(job[0], 10, "bob, before alice's third");
        assert!(pool.job_at_once().is_none(), "a fourth in all");
        drop(third);
        assert_eq!(pool.job_at_once().unwrap().1[0], 20, "carol, before alice's third");
        drop(first);
        assert_eq!(pool.job_at_once().unwrap().1[0], 2, "alice again, in her order");
    }

    #[test]
    fn seats_come_free_and_leave_no_trace() {
        let pool = Arc::new(Pool::new(2, 1));
        assert!(pool.is_free());
        let seat = pool.enter(&who("alice")).unwrap();
        pool.submit(&who("alice"), [1; 16]);
        assert!(pool.job_at_once().is_none(), "alice sits already");
        let other = pool.enter(&who("bob")).unwrap();
        assert!(!pool.is_free());
        drop((seat, other));
        assert_eq!(jobs(&pool), [1]);
        assert!(pool.is_free());
        let state = pool.look();
        assert!(state.taken.is_empty() && state.waiting.is_empty() && state.given.is_empty() && state.total == 0);
    }

    #[test]
    fn a_closed_pool_begins_nothing() {
        let pool = Arc::new(Pool::new(1, 1));
        pool.submit(&who("alice"), [1; 16]);
        pool.close();
        assert!(pool.job().is_none());
    }
}
