//! A backup of many objects while others are served: how long it takes, and how long a call then waits.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use strongroom_kmip::version::V2_1;
use strongroom_tests::{
    Appliance, Line, connect,
    key::{create, get},
    run as finish,
};

/// The section.
pub(crate) fn run() {
    let appliance = Appliance::start();
    let Some(id) = fill(&appliance) else {
        say!("skipped: the appliance cannot be filled");
        return;
    };
    let strongroom = |words: &str| {
        let config = appliance.dir().join("strongroom.toml");
        finish(appliance.strongroom().arg("--config").arg(config).args(words.split_whitespace())).succeeds()
    };
    let _ = strongroom("operator generate-recovery --shares 3/5");
    say!("\na backup of {OBJECTS} objects, and Get of a key and Create of another meanwhile\n");
    let words = format!("backup --to {}", appliance.folder().join("backup").display());
    let idle = waits(&appliance, &id, || thread::sleep(Duration::from_secs(3)));
    let mut took = Duration::ZERO;
    let busy = waits(&appliance, &id, || {
        let began = Instant::now();
        let _ = strongroom(&words);
        took = began.elapsed();
    });
    say!("the backup {took:>12.1?} (30 s at most)");
    for (name, idle, busy) in [("Get", &idle.0, &busy.0), ("Create", &idle.1, &busy.1)] {
        let (before, meanwhile) = (late(idle), late(busy));
        say!(
            "p99 of {name:<8} {before:>12.1?} before   {meanwhile:>12.1?} meanwhile (50 ms at most)   {} calls",
            busy.len()
        );
    }
}

/// Makes the objects, and names one of them.
fn fill(appliance: &Appliance) -> Option<String> {
    let each = OBJECTS / THREADS;
    thread::scope(|scope| {
        let makers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(move || {
                    let mut line = connect(appliance.doors(), "alice", V2_1).ok()?;
                    (0..each).map_while(|_| create(&mut line).ok()).last()
                })
            })
            .collect();
        makers.into_iter().filter_map(|maker| maker.join().ok()?).last()
    })
}

/// How long each Get and each Create took while something was done.
fn waits(appliance: &Appliance, id: &str, work: impl FnOnce()) -> (Vec<Duration>, Vec<Duration>) {
    let done = AtomicBool::new(false);
    let again = |call: &mut dyn FnMut(&mut Line) -> bool| {
        let mut times = Vec::new();
        if let Ok(mut line) = connect(appliance.doors(), "alice", V2_1) {
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                if !call(&mut line) {
                    break;
                }
                times.push(began.elapsed());
                // A client that thinks between its calls: what is measured is waiting, not throughput.
                thread::sleep(Duration::from_millis(1));
            }
        }
        times
    };
    thread::scope(|scope| {
        let gets = scope.spawn(|| again(&mut |line| get(line, id).is_ok()));
        let creates = scope.spawn(|| again(&mut |line| create(line).is_ok()));
        work();
        done.store(true, Ordering::Relaxed);
        (gets.join().unwrap_or_default(), creates.join().unwrap_or_default())
    })
}

/// The time that one in a hundred calls takes at least.
fn late(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

const OBJECTS: usize = 100_000;
/// As many as keep the store's writer busy with full groups.
const THREADS: usize = 16;
