//! How long things take.

use std::{
    hint::black_box,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// What a comparison found: the medians of both sides.
pub(crate) struct Comparison {
    pub(crate) ours: Duration,
    theirs: Duration,
}

/// Measures two ways to do the same thing, turn by turn, so that whatever else the machine does meets both.
pub(crate) fn compare<A, B>(mut ours: impl FnMut() -> A, mut theirs: impl FnMut() -> B) -> Comparison {
    let (our_batch, their_batch) = (batch(&mut ours), batch(&mut theirs));
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        our_times.push(time(&mut ours, our_batch));
        their_times.push(time(&mut theirs, their_batch));
    }
    Comparison { ours: median(our_times), theirs: median(their_times) }
}

impl Comparison {
    /// Prints one line: what was done, both medians, and how many times faster ours is.
    #[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
    pub(crate) fn print(&self, what: &str, them: &str) {
        let ratio = self.theirs.as_secs_f64() / self.ours.as_secs_f64();
        println!("{what:<40} {:>12?}   {them} {:>12?}   {ratio:>6.1}x", self.ours, self.theirs);
    }
}

/// Calls a second of all callers together, each on a thread of its own: the median of some spans. A caller whose call fails
/// counts no more in that span.
pub(crate) fn rate<C: FnMut() -> bool + Send>(callers: Vec<C>) -> f64 {
    let (spans, start) = ([const { AtomicU64::new(0) }; SPANS], Barrier::new(callers.len()));
    thread::scope(|scope| {
        for mut call in callers {
            let (spans, start) = (&spans, &start);
            scope.spawn(move || {
                for _ in 0..WARM_UP {
                    black_box(call());
                }
                for done in spans {
                    start.wait();
                    let until = Instant::now() + SPAN;
                    let mut count = 0;
                    while Instant::now() < until && call() {
                        count += 1;
                    }
                    done.fetch_add(count, Ordering::Relaxed);
                }
            });
        }
    });
    let mut counts = spans.map(AtomicU64::into_inner);
    counts.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "a rate is not exact")]
    {
        counts[SPANS / 2] as f64 / SPAN.as_secs_f64()
    }
}

/// How many calls make a sample long enough for the clock.
fn batch<T>(call: &mut impl FnMut() -> T) -> u32 {
    let mut calls = 1;
    while time(call, calls) * calls < SAMPLE && calls < u32::MAX / 2 {
        calls *= 2;
    }
    calls
}

/// The time of one call, measured over many.
fn time<T>(call: &mut impl FnMut() -> T, calls: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(call());
    }
    start.elapsed() / calls
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

const SAMPLES: usize = 51;
const SAMPLE: Duration = Duration::from_millis(4);
const WARM_UP: usize = 200;
/// So many spans are counted, and the one in the middle is told.
const SPANS: usize = 7;
const SPAN: Duration = Duration::from_millis(500);
