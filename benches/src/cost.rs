//! What one C_Sign through the daemon costs: bytes on the socket, system calls on either side, and processor time in the module,
//! in the kernel between the two, and in the daemon.
//!
//! Two threads sign, for a single one is waited for awake, which costs what there is. As with rates, the module is driven by
//! this same program, started again: `strongroom-benches repeat-with MODULE PIN DAEMON`.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::Error,
    mechanism::Mechanism,
    session::UserType,
    types::AuthPin,
};
use strongroom_tests::{Appliance, find};

use crate::signing;

/// The section.
pub(crate) fn run() {
    let appliance = Appliance::start();
    let Some(spent) = repeat(&appliance, None) else {
        say!("skipped: the module cannot be driven");
        return;
    };
    say!("\nC_SignInit + C_Sign with P-256 by two threads, audit written: what a call costs\n");
    for (what, time) in ["in the module", "in the kernel, for both", "in the daemon"].iter().zip(spent) {
        say!("{what:<32} {time:>10.1} us of processor");
    }
    let Some(strace) = find("strace") else {
        say!("skipped: strace, which counts system calls, is not installed");
        return;
    };
    let log = appliance.folder().join("calls");
    let ours = repeat(&appliance, Some((&strace, &log))).and_then(|_| Trace::read(&log));
    let theirs = watch(&appliance, &strace, &log).and_then(|()| Trace::read(&log));
    for (who, trace) in [("the module", ours), ("the daemon", theirs)] {
        match trace {
            Some(trace) => {
                say!("{who:<32} {trace}");
            }
            None => {
                say!("skipped: the system calls of {who} cannot be seen");
            }
        }
    }
}

/// Runs this program again, under a tracer where one is given, and reads what a call has cost.
fn repeat(appliance: &Appliance, tracer: Option<(&Path, &Path)>) -> Option<Vec<f64>> {
    let (doors, program) = (&appliance.doors().pkcs11, std::env::current_exe().ok()?);
    let mut command = match tracer {
        Some((tracer, log)) => {
            let mut command = Command::new(tracer);
            command.args(["-f", "-o"]).arg(log).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.arg(REPEAT_WITH).arg(&doors.module).arg(&doors.user_pin).arg(appliance.doors().pid.to_string());
    let output = command.env("STRONGROOM_PKCS11_CONFIG", &doors.config).output().ok()?;
    let told: Vec<f64> = String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    (output.status.success() && told.len() == 3).then_some(told)
}

/// Traces the daemon while the module is driven.
fn watch(appliance: &Appliance, strace: &Path, log: &Path) -> Option<()> {
    let mut command = Command::new(strace);
    command.args(["-f", "-o"]).arg(log).args(["-p", &appliance.doors().pid.to_string()]);
    let watching = Watching(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?);
    // It takes hold of one thread after the other.
    thread::sleep(Duration::from_secs(1));
    let driven = repeat(appliance, None).map(drop);
    drop(watching);
    driven
}

/// A tracer, which lets go when it is told to end.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let ended = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        if !ended.is_ok_and(|status| status.success()) {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

/// What was seen of a process: system calls, bytes out and bytes in, for each message that it sent.
struct Trace {
    calls: f64,
    sent: f64,
    received: f64,
}

impl Trace {
    fn read(log: &Path) -> Option<Self> {
        let log = fs::read_to_string(log).ok()?;
        let (mut calls, mut messages, mut sent, mut received) = (0.0, 0.0, 0.0, 0.0);
        for line in log.lines().map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start()) {
            let resumed = line.strip_prefix("<... ");
            let name = resumed.unwrap_or(line).split(['(', ' ']).next().unwrap_or_default();
            if resumed.is_none() && line.contains('(') {
                calls += 1.0;
            }
            let result: Option<f64> = line.rsplit_once("= ").and_then(|(_, result)| result.parse().ok());
            match (name, result.filter(|bytes| *bytes > 0.0)) {
                ("sendto", Some(bytes)) => (messages, sent) = (messages + 1.0, sent + bytes),
                ("recvfrom", Some(bytes)) => received += bytes,
                _ => {}
            }
        }
        (messages > 0.0).then_some(Self {
            calls: calls / messages,
            sent: sent / messages,
            received: received / messages,
        })
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { calls, sent, received } = self;
        write!(f, "{calls:>10.1} system calls, {sent:.0} bytes out, {received:.0} bytes in")
    }
}

/// Signs with a module, and prints the microseconds of processor time that a signature took of the module, of the kernel for
/// both sides, and of the daemon.
///
/// # Errors
/// What the module says.
pub(crate) fn repeat_with(module: &str, pin: &str, daemon: &str) -> Result<(), Error> {
    let library = Pkcs11::new(module)?;
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slot = library.get_slots_with_initialized_token()?.into_iter().next().ok_or(Error::NotSupported)?;
    let session = library.open_rw_session(slot)?;
    session.login(UserType::User, Some(&AuthPin::new(pin.into())))?;
    let key = signing::elliptic(&session)?;
    let sessions = (0..THREADS).map(|_| library.open_ro_session(slot)).collect::<Result<Vec<_>, _>>()?;
    let before = [spent("self"), spent(daemon)];
    thread::scope(|scope| {
        let signing = sessions.into_iter().map(|session| {
            scope
                .spawn(move || (0..TIMES).try_for_each(|_| session.sign(&Mechanism::Ecdsa, key, &[0x5A; 32]).map(drop)))
        });
        let signing: Vec<_> = signing.collect();
        signing.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err(Error::NotSupported)))
    })?;
    let [ours, theirs] = [spent("self"), spent(daemon)];
    let each = |after: u64, before: u64| {
        #[allow(clippy::cast_precision_loss, reason = "a cost is not exact")]
        {
            after.saturating_sub(before) as f64 * TICK / f64::from(THREADS * TIMES)
        }
    };
    say!("{}", each(ours.0, before[0].0));
    say!("{}", each(ours.1, before[0].1) + each(theirs.1, before[1].1));
    say!("{}", each(theirs.0, before[1].0));
    Ok(())
}

/// Ticks of the processor that a process has used by itself, and in the kernel (proc_pid_stat(5), fields 14 and 15).
fn spent(process: &str) -> (u64, u64) {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let mut fields = after.split_whitespace().skip(11).map(|field| field.parse().unwrap_or_default());
    (fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
}

/// The word that makes this program sign again and again with one module.
pub(crate) const REPEAT_WITH: &str = "repeat-with";
const THREADS: u32 = 2;
const TIMES: u32 = 15_000;
/// Microseconds of a tick: Linux tells all programs of a hundred in a second.
const TICK: f64 = 10_000.0;
