//! A promise of an answer, and the receipt that waits for it.
//!
//! The store and the audit log each have one writer; whoever hands it work gets a receipt. Below the front everything is
//! a plain function and waits by blocking; the front awaits the very same receipt; a room that only wants to go on once
//! the answer is there leaves a continuation. So nothing below the front needs an async runtime.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Why a receipt has no answer: whoever made the promise went away before it kept it.
///
/// The error type of a [`Receipt`] must have a word for this, so that a dropped promise is an answer and never a hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the writer stopped before it answered")]
pub struct Abandoned;

/// The right to one answer, `Result<T, E>`, that another thread will give.
///
/// It is used up by [`wait`](Receipt::wait), by [`then`](Receipt::then) or by awaiting it. Dropping it loses the answer,
/// not the work.
#[must_use = "a change is durable only once its receipt says so"]
pub struct Receipt<T, E> {
    desk: Arc<Desk<T, E>>,
}

/// The duty to give one answer. Dropped unkept, it answers `E::from(Abandoned)`.
pub struct Promise<T, E: From<Abandoned>> {
    /// Empty once the promise is kept.
    desk: Option<Arc<Desk<T, E>>>,
}

impl<T, E: From<Abandoned>> Receipt<T, E> {
    /// A promise and the receipt for it.
    pub fn pair() -> (Promise<T, E>, Self) {
        let desk = Arc::new(Desk { state: Mutex::new(State::Open(None)), answered: Condvar::new() });
        (Promise { desk: Some(Arc::clone(&desk)) }, Self { desk })
    }
}

impl<T, E> Receipt<T, E> {
    /// A receipt whose answer is already there.
    pub fn ready(answer: Result<T, E>) -> Self {
        Self { desk: Arc::new(Desk { state: Mutex::new(State::Answered(answer)), answered: Condvar::new() }) }
    }

    /// Blocks until the answer is there. Not for asynchronous code, which awaits the receipt instead.
    ///
    /// # Errors
    ///
    /// Whatever the promise was kept with, or `E::from(Abandoned)` if it was dropped.
    pub fn wait(self) -> Result<T, E> {
        let mut state = self.desk.look();
        loop {
            match mem::replace(&mut *state, State::Taken) {
                State::Answered(answer) => return answer,
                // From here on somebody is there to be woken.
                _ => *state = State::Watched,
            }
            state = self.desk.answered.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the answer is already there, so that [`wait`](Receipt::wait) would not block.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(*self.desk.look(), State::Answered(_))
    }

    /// The same receipt for something that is made of the answer: at once if it is there, without another promise.
    pub fn map<U, F>(self, make: impl FnOnce(Result<T, E>) -> Result<U, F> + Send + 'static) -> Receipt<U, F>
    where
        U: Send + 'static,
        F: From<Abandoned> + Send + 'static,
    {
        let mut state = self.desk.look();
        match mem::replace(&mut *state, State::Taken) {
            State::Answered(answer) => {
                drop(state);
                Receipt::ready(make(answer))
            }
            _ => {
                let (promise, receipt) = Receipt::pair();
                *state = State::Continued(Box::new(move |answer| promise.keep(make(answer))));
                receipt
            }
        }
    }

    /// Runs `next` with the answer: at once if it is there, else on the thread that gives it, before that thread does
    /// anything else. So `next` must be short and must not block.
    pub fn then(self, next: impl FnOnce(Result<T, E>) + Send + 'static) {
        let mut state = self.desk.look();
        match mem::replace(&mut *state, State::Taken) {
            State::Answered(answer) => {
                drop(state);
                next(answer);
            }
            _ => *state = State::Continued(Box::new(next)),
        }
    }
}

/// Does this on a thread that others wait for as well, such as one of an async runtime. Whoever would otherwise go to the disk
/// on a caller's own thread, because that is soonest done, leaves it to a writer's meanwhile.
pub fn shared<T>(work: impl FnOnce() -> T) -> T {
    let _back = Back(SHARED.replace(true));
    work()
}

/// Whether others wait for this thread as well.
pub fn is_shared() -> bool {
    SHARED.get()
}

/// Says again what was said of the thread before, also where the work unwinds.
struct Back(bool);

impl Drop for Back {
    fn drop(&mut self) {
        SHARED.set(self.0);
    }
}

thread_local! {
    static SHARED: Cell<bool> = const { Cell::new(false) };
}

impl<T, E> Future for Receipt<T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.desk.look();
        match mem::replace(&mut *state, State::Taken) {
            State::Answered(answer) => Poll::Ready(answer),
            State::Open(mut waker) => {
                match &mut waker {
                    Some(known) => known.clone_from(context.waker()),
                    None => waker = Some(context.waker().clone()),
                }
                *state = State::Open(waker);
                Poll::Pending
            }
            // Only a future that is polled again after its answer comes here; it has nothing left to say.
            State::Watched | State::Continued(_) | State::Taken => Poll::Pending,
        }
    }
}

impl<T, E> fmt::Debug for Receipt<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_ready() { "Receipt(ready)" } else { "Receipt(waiting)" })
    }
}

impl<T, E: From<Abandoned>> Promise<T, E> {
    /// Gives the answer: wakes whoever waits, or runs the continuation on this thread.
    pub fn keep(mut self, answer: Result<T, E>) {
        if let Some(desk) = self.desk.take() {
            desk.answer(answer);
        }
    }
}

impl<T, E: From<Abandoned>> Drop for Promise<T, E> {
    fn drop(&mut self) {
        if let Some(desk) = self.desk.take() {
            desk.answer(Err(E::from(Abandoned)));
        }
    }
}

impl<T, E: From<Abandoned>> fmt::Debug for Promise<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Promise")
    }
}

/// Where the two meet.
struct Desk<T, E> {
    state: Mutex<State<T, E>>,
    answered: Condvar,
}

enum State<T, E> {
    /// No answer yet; a task may want to be woken.
    Open(Option<Waker>),
    /// No answer yet; a thread sleeps until it is there.
    Watched,
    /// No answer yet; this wants to be run with it.
    Continued(Box<dyn FnOnce(Result<T, E>) + Send>),
    /// The answer, not yet fetched.
    Answered(Result<T, E>),
    /// The answer has been fetched.
    Taken,
}

impl<T, E> Desk<T, E> {
    /// The lock is never held while code of others runs, so a poisoned one still guards a whole state.
    fn look(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, answer: Result<T, E>) {
        let mut state = self.look();
        match mem::replace(&mut *state, State::Taken) {
            State::Open(waker) => {
                *state = State::Answered(answer);
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            State::Watched => {
                *state = State::Answered(answer);
                drop(state);
                self.answered.notify_one();
            }
            State::Continued(next) => {
                drop(state);
                next(answer);
            }
            // A promise is used up by keeping it, so there is no second answer.
            kept => *state = kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::Wake;
    use std::thread;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Refused;

    impl From<Abandoned> for Refused {
        fn from(_: Abandoned) -> Self {
            Self
        }
    }

    type Slip = Receipt<u64, Refused>;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn an_answer_given_first_is_not_waited_for() {
        let (promise, receipt) = Slip::pair();
        promise.keep(Ok(7));
        assert!(receipt.is_ready());
        assert_eq!(receipt.wait(), Ok(7));
        assert_eq!(Slip::ready(Ok(8)).wait(), Ok(8));
    }

    #[test]
    fn an_answer_from_another_thread_ends_the_wait() {
        let (promise, receipt) = Slip::pair();
        let writer = thread::spawn(move || promise.keep(Ok(7)));
        assert_eq!(receipt.wait(), Ok(7));
        writer.join().unwrap();
    }

    #[test]
    fn a_dropped_promise_answers_whoever_waits_blocking() {
        let (promise, receipt) = Slip::pair();
        let writer = thread::spawn(move || drop(promise));
        assert_eq!(receipt.wait(), Err(Refused));
        writer.join().unwrap();
    }

    #[test]
    fn a_dropped_promise_answers_a_continuation() {
        let (promise, receipt) = Slip::pair();
        let (sender, answers) = mpsc::channel();
        receipt.then(move |answer| sender.send(answer).unwrap());
        drop(promise);
        assert_eq!(answers.recv(), Ok(Err(Refused)));
    }

    #[test]
    fn a_panicking_writer_answers() {
        let (promise, receipt) = Slip::pair();
        let writer = thread::spawn(move || {
            let _held = promise;
            panic!("a writer that panics");
        });
        assert_eq!(receipt.wait(), Err(Refused));
        assert!(writer.join().is_err());
    }

    #[test]
    fn a_continuation_runs_on_the_thread_that_answers() {
        let (promise, receipt) = Slip::pair();
        let (sender, threads) = mpsc::channel();
        receipt.then(move |_| sender.send(thread::current().id()).unwrap());
        let writer = thread::spawn(move || promise.keep(Ok(7)));
        let id = writer.thread().id();
        writer.join().unwrap();
        assert_eq!(threads.recv(), Ok(id));
    }

    #[test]
    fn a_continuation_of_an_answered_receipt_runs_at_once() {
        let (sender, answers) = mpsc::channel();
        Slip::ready(Ok(7)).then(move |answer| sender.send(answer).unwrap());
        assert_eq!(answers.try_recv(), Ok(Ok(7)));
    }

    #[test]
    fn an_awaited_receipt_wakes_its_last_task_once() {
        let (promise, mut receipt) = Slip::pair();
        let (stale, bell) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        for task in [&stale, &bell] {
            let waker = Waker::from(Arc::clone(task));
            assert!(Pin::new(&mut receipt).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        promise.keep(Ok(7));
        assert_eq!((stale.0.load(Ordering::SeqCst), bell.0.load(Ordering::SeqCst)), (0, 1));
        let polled = Pin::new(&mut receipt).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(Ok(7)));
    }

    #[test]
    fn what_is_made_of_an_answer_is_there_when_the_answer_is() {
        let (promise, receipt) = Slip::pair();
        let made: Receipt<String, Refused> = receipt.map(|answer| answer.map(|number| number.to_string()));
        assert!(!made.is_ready());
        promise.keep(Ok(7));
        assert_eq!(made.wait(), Ok("7".to_owned()));
        let made: Receipt<u64, Refused> = Slip::ready(Ok(8)).map(|answer| answer.map(|number| number + 1));
        assert!(made.is_ready());
        assert_eq!(made.wait(), Ok(9));
        let (promise, receipt) = Slip::pair();
        let made: Receipt<u64, Refused> = receipt.map(|answer| answer);
        drop(promise);
        assert_eq!(made.wait(), Err(Refused));
    }

    #[test]
    fn a_dropped_receipt_does_not_disturb_the_promise() {
        let (promise, receipt) = Slip::pair();
        drop(receipt);
        promise.keep(Ok(7));
    }

    #[test]
    fn a_thread_is_shared_while_it_is_said_to_be_and_no_longer() {
        assert!(!is_shared());
        shared(|| {
            assert!(is_shared());
            assert!(!thread::scope(|scope| scope.spawn(is_shared).join().unwrap()), "another thread");
            shared(|| ());
            assert!(is_shared());
        });
        assert!(!is_shared());
        let panicked = std::panic::catch_unwind(|| shared(|| panic!("the work fails")));
        assert!(panicked.is_err() && !is_shared());
    }
}
