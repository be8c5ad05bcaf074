//! Handshakes, one step at a time: a step computes for a millisecond and more, and those of a thousand peers that come at once
//! would stand before whatever else is asked for meanwhile.

use std::{future::poll_fn, mem, num::NonZero, pin::pin, task::Poll, thread::available_parallelism};

use tokio::sync::Semaphore;

/// Lets as many take a step at the same time as there are processors. The next is the one that has waited longest, and comes
/// behind what else there was to do when the step before ended.
pub(super) struct Stagger(Semaphore);

impl Stagger {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(available_parallelism().map_or(1, NonZero::get).min(Semaphore::MAX_PERMITS)))
    }

    /// Runs something step by step.
    pub(super) async fn run<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        loop {
            let turn = self.0.acquire().await;
            let step = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
            drop(turn);
            match step {
                Poll::Ready(done) => return done,
                Poll::Pending => woken().await,
            }
        }
    }
}

/// Waits for whatever the last step waits for: it has left word with whom to wake.
async fn woken() {
    let mut slept = false;
    poll_fn(|_| if mem::replace(&mut slept, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{runtime::Builder, task::yield_now};

    use super::*;

    #[test]
    fn so_many_take_a_step_at_the_same_time_and_all_come_to_their_end() {
        let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
        let stagger: &Stagger = Box::leak(Box::new(Stagger(Semaphore::new(2))));
        let (now, most): &(AtomicUsize, AtomicUsize) = Box::leak(Box::default());
        let steps = |number: usize| async move {
            for _ in 0..3 {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(1));
                now.fetch_sub(1, Ordering::SeqCst);
                yield_now().await;
            }
            number
        };
        let all: Vec<_> = (0..40).map(|number| runtime.spawn(stagger.run(steps(number)))).collect();
        let ended: Vec<_> = all.into_iter().map(|one| runtime.block_on(one).unwrap()).collect();
        assert_eq!(ended, (0..40).collect::<Vec<_>>());
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn who_waits_holds_up_nobody() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let stagger = Stagger(Semaphore::new(1));
        let ended = runtime.block_on(async {
            tokio::select! {
                () = stagger.run(std::future::pending::<()>()) => false,
                () = async { yield_now().await; stagger.run(async {}).await } => true,
            }
        });
        assert!(ended);
    }
}
