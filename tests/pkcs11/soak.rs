//! Many days of an appliance in little time: nginx whose workers are forked anew, threads of Java, an agent that loads
//! and leaves the module, and programs that are killed, all at once. No call fails, what a dead process had is gone within
//! a second, and the daemon ends as large as it was.
//!
//! Half a minute as a test; `make soak MINUTES=30` for longer, and it says every minute how the daemon is.

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use strongroom_tests::{python, top, until};

use crate::bench::Bench;
use crate::engine::Engine;
use crate::java::Java;
use crate::nginx::Nginx;
use crate::ssh::{Agent, Ssh};

#[test]
fn nothing_fails_and_nothing_grows_however_many_programs_come_and_go() {
    let Some(engine) = Engine::new().map(Arc::new) else { return };
    let bench = Arc::clone(&engine.bench);
    let Some(java) = Java::on(&bench) else { return };
    java.pair("elliptic", &["-keyalg", "EC", "-groupname", "secp256r1"]);
    let (Some(ssh), Some(python)) = (Ssh::on(&bench), python()) else { return };
    let idle = Sample::of(&bench);
    let (Some(nginx), Some(agent)) = (Nginx::start(&engine), Agent::start(&ssh)) else { return };

    let day = Day::new(length());
    let (mut samples, stays) = (Vec::new(), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        scope.spawn(|| day.hold(Duration::from_millis(100), &day.pages, |_| drop(nginx.greeted().succeeds())));
        scope.spawn(|| day.hold(Duration::from_secs(3), &day.reloads, |_| nginx.reload()));
        scope.spawn(|| {
            day.hold(Duration::ZERO, &day.programs, |left| {
                let seconds = left.as_secs().clamp(5, 60).to_string();
                let told = java.program("Threads.java", &[&seconds]).succeeds();
                assert!(told.stdout.ends_with("rounds held\n"), "{told}");
            })
        });
        scope.spawn(|| {
            day.hold(Duration::from_secs(2), &day.signatures, |_| {
                agent.add();
                (0..5).for_each(|_| agent.signs("message"));
                agent.remove();
            })
        });
        scope.spawn(|| {
            day.hold(Duration::from_secs(3), &day.deaths, |_| {
                let stayed = dies(&bench, &python);
                stays.lock().expect("its only writer is here").push(stayed);
            })
        });
        while day.goes_on() {
            sleep(day.length / 60);
            samples.push(Sample::of(&bench));
            day.tell(&samples);
        }
    });
    assert!(!day.failed.load(Ordering::SeqCst), "what failed is said above");
    assert!(nginx.complaints().is_empty(), "{:#?}", nginx.complaints());
    drop((nginx, agent));
    let mut stays = stays.into_inner().expect("its writer has ended well");
    stays.sort_unstable();
    assert!(stays[stays.len() / 2] <= A_SECOND, "what dead processes had stayed for {stays:?}");

    let log = bench.appliance.log();
    assert!(!["panicked", "error: ", "warn: "].iter().any(|bad| log.contains(bad)), "{log}");
    // Every descriptor comes back; the log and the store may have opened a file or two since.
    until(|| Sample::of(&bench).descriptors <= idle.descriptors + 4);
    let third = samples.len() / 3;
    let (early, late) = (median(&samples[third..2 * third]), median(&samples[2 * third..]));
    assert!(late.resident <= early.resident + early.resident / 10 + 8 * 1024, "it grows: {early:?}, then {late:?}");
    assert!(late.descriptors <= early.descriptors + 16, "it keeps descriptors: {early:?}, then {late:?}");
}

/// How long: `SOAK_MINUTES`, else half a minute.
fn length() -> Duration {
    let minutes = std::env::var("SOAK_MINUTES").ok().and_then(|minutes| minutes.parse().ok());
    minutes.map_or(Duration::from_secs(30), |minutes: u64| Duration::from_secs(60 * minutes))
}

/// The time it takes, and what was done in it.
struct Day {
    began: Instant,
    length: Duration,
    failed: AtomicBool,
    pages: AtomicU64,
    reloads: AtomicU64,
    programs: AtomicU64,
    signatures: AtomicU64,
    deaths: AtomicU64,
    told: AtomicU64,
}

impl Day {
    fn new(length: Duration) -> Day {
        let [pages, reloads, programs, signatures, deaths, told] = [const { AtomicU64::new(0) }; 6];
        let failed = AtomicBool::new(false);
        Day { began: Instant::now(), length, failed, pages, reloads, programs, signatures, deaths, told }
    }

    fn goes_on(&self) -> bool {
        self.began.elapsed() < self.length && !self.failed.load(Ordering::SeqCst)
    }

    /// Does something again and again, with a rest in between, and counts. The first failure ends the day for all.
    fn hold(&self, rest: Duration, count: &AtomicU64, mut work: impl FnMut(Duration)) {
        let _ending = Ending(&self.failed);
        while self.goes_on() {
            work(self.length.saturating_sub(self.began.elapsed()));
            count.fetch_add(1, Ordering::SeqCst);
            sleep(rest);
        }
    }

    /// One line a minute, and one at the end.
    fn tell(&self, samples: &[Sample]) {
        let minute = self.began.elapsed().as_secs() / 60;
        if (minute > self.told.swap(minute, Ordering::SeqCst) || !self.goes_on())
            && let Some(sample) = samples.last()
        {
            let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
            #[expect(clippy::print_stderr, reason = "a long test says that it goes on")]
            {
                eprintln!(
                    "soak, minute {minute}: {sample:?}; {} pages, {} reloads, {} Java programs, {} rounds of the agent, {} killed",
                    count(&self.pages),
                    count(&self.reloads),
                    count(&self.programs),
                    count(&self.signatures),
                    count(&self.deaths),
                );
            }
        }
    }
}

/// Ends the day for all where a thread panics.
struct Ending<'d>(&'d AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

/// How large the daemon is.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Resident memory, in KiB.
    resident: u64,
    descriptors: usize,
    threads: u64,
}

impl Sample {
    fn of(bench: &Bench) -> Sample {
        let process = PathBuf::from(format!("/proc/{}", bench.appliance.doors().pid));
        let status = fs::read_to_string(process.join("status")).expect("the daemon runs");
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says it");
            line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("it is a number")
        };
        let descriptors = fs::read_dir(process.join("fd")).expect("the daemon is ours").count();
        Sample { resident: line("VmRSS"), descriptors, threads: line("Threads") }
    }
}

/// The one in the middle, by each measure.
fn median(samples: &[Sample]) -> Sample {
    let middle = |measure: fn(&Sample) -> u64| {
        let mut all: Vec<u64> = samples.iter().map(measure).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    Sample {
        resident: middle(|sample| sample.resident),
        descriptors: usize::try_from(middle(|sample| sample.descriptors as u64)).expect("it was one"),
        threads: middle(|sample| sample.threads),
    }
}

/// Kills a program with two sessions and a key of one of them. How long it takes until the log says that the key is gone.
fn dies(bench: &Bench, python: &Path) -> Duration {
    let pkcs11 = &bench.appliance.doors().pkcs11;
    let mut command: Command = bench.appliance.customer(python);
    command
        .arg("-P")
        .arg(top().join("tests/clients/mortal.py"))
        .arg(&pkcs11.module)
        .arg(&pkcs11.token)
        .arg(&pkcs11.user_pin);
    let mut mortal = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("Python has run before");
    let mut key = String::new();
    let told = mortal.stdout.take().map(|told| BufReader::new(told).read_line(&mut key));
    let killed = Instant::now();
    let _ = mortal.kill();
    let _ = mortal.wait();
    assert!(matches!(told, Some(Ok(read)) if read > 1), "it has a key: {key:?}");
    let gone = format!("\"action\":\"Destroy\",\"object\":\"{}\"", key.trim());
    while !log(bench).contains(&gone) {
        assert!(killed.elapsed() < 30 * A_SECOND, "the key {key} of a dead process is there after half a minute");
        sleep(Duration::from_millis(20));
    }
    killed.elapsed()
}

/// The last lines of the audit log, which may have begun a new segment among them.
fn log(bench: &Bench) -> String {
    let entries = fs::read_dir(&bench.appliance.doors().audit.dir).expect("the log is there");
    let mut segments: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    segments.retain(|path| path.extension().is_some_and(|end| end == "log"));
    segments.sort();
    let mut text = Vec::new();
    for path in segments.iter().rev().take(2) {
        let mut file = fs::File::open(path).expect("the log is ours");
        let length = file.metadata().expect("it is open").len();
        let start = SeekFrom::Start(length.saturating_sub(LAST_LINES));
        file.seek(start).and_then(|_| file.read_to_end(&mut text)).expect("the log is a file");
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// How long what a dead process had may stay; some stay longer where other tests take both cores and the disk.
const A_SECOND: Duration = Duration::from_millis(1_000);

/// So many bytes of the log are more than a second's.
const LAST_LINES: u64 = 1024 * 1024;
