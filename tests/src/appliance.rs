//! A complete appliance of a test's own: `strongroom dev` in a fresh folder, on free ports.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::build::built;
use crate::doors::{Client, Doors};
use crate::folder::Folder;

/// A running development appliance. Ends with SIGKILL, and its folder goes, when dropped.
#[derive(Debug)]
pub struct Appliance {
    folder: Folder,
    arguments: Vec<String>,
    /// Nothing between a kill and the next start.
    running: Option<Child>,
    doors: Doors,
}

impl Appliance {
    /// Starts a fresh appliance and waits until it is ready.
    ///
    /// # Panics
    ///
    /// Where the daemon is not built, ends, or is not ready in time; with what it wrote.
    #[must_use]
    #[track_caller]
    pub fn start() -> Appliance {
        Appliance::start_with(&[])
    }

    /// The same, with more arguments for `strongroom dev`; they are given again at every restart.
    ///
    /// # Panics
    ///
    /// As for [`Appliance::start`].
    #[must_use]
    #[track_caller]
    pub fn start_with(arguments: &[&str]) -> Appliance {
        let folder = Folder::new();
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut running = spawn(&folder, &arguments, []);
        let doors = wait(&folder, &mut running);
        Appliance { folder, arguments, running: Some(running), doors }
    }

    /// Where the appliance can be reached now. Ports differ after a restart.
    #[must_use]
    pub fn doors(&self) -> &Doors {
        &self.doors
    }

    /// The papers of `alice`, `bob` or `auditor`.
    ///
    /// # Panics
    ///
    /// Where there is no client of this name.
    #[must_use]
    #[track_caller]
    pub fn client(&self, name: &str) -> &Client {
        self.doors.clients.get(name).unwrap_or_else(|| panic!("dev.json has no client {name}"))
    }

    /// The folder in which the appliance keeps everything.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        dir(&self.folder)
    }

    /// The folder around it, for a test's own files; it goes with the appliance.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the daemon wrote to its output so far, over all starts.
    #[must_use]
    pub fn log(&self) -> String {
        log(&self.folder)
    }

    /// A `strongroom` command, such as `audit verify`, to be given its arguments.
    ///
    /// # Panics
    ///
    /// Where the daemon is not built.
    #[must_use]
    #[track_caller]
    pub fn strongroom(&self) -> Command {
        Command::new(built("strongroom"))
    }

    /// A program whose PKCS#11 module finds this appliance.
    #[must_use]
    pub fn customer(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("STRONGROOM_PKCS11_CONFIG", &self.doors.pkcs11.config);
        command
    }

    /// Sends SIGKILL and waits for the end: a crash.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            // It fails only where the daemon has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends SIGTERM and waits for the end: an orderly stop.
    ///
    /// # Panics
    ///
    /// Where the daemon does not run, or does not end in time; then it is killed.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        let mut child = self.running.take().expect("signal has found it running");
        let began = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return status,
                Ok(None) if began.elapsed() < LONGEST => sleep(LOOK),
                end => {
                    let _ = child.kill();
                    let _ = child.wait();
                    panic!("the daemon did not stop ({end:?}); it wrote:\n{}", self.log());
                }
            }
        }
    }

    /// Sends a signal, such as SIGHUP.
    ///
    /// # Panics
    ///
    /// Where the daemon does not run.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let child = self.running.as_ref().expect("the appliance runs");
        let number = i32::try_from(child.id()).expect("Linux numbers processes below 2^22");
        kill(Pid::from_raw(number), signal).unwrap_or_else(|error| panic!("cannot send {signal}: {error}"));
    }

    /// Starts again on the same folder, after killing the daemon if it runs.
    ///
    /// # Panics
    ///
    /// As for [`Appliance::start`].
    #[track_caller]
    pub fn restart(&mut self) {
        self.restart_under([]);
    }

    /// The same, with these variables in the daemon's environment for this time.
    ///
    /// # Panics
    ///
    /// As for [`Appliance::start`].
    #[track_caller]
    pub fn restart_under<'v>(&mut self, environment: impl IntoIterator<Item = (&'v str, OsString)>) {
        self.kill();
        let mut child = spawn(&self.folder, &self.arguments, environment);
        self.doors = wait(&self.folder, &mut child);
        self.running = Some(child);
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            // Captured by the test that fails, and shown with it.
            #[expect(clippy::print_stderr, reason = "the failing test's own output")]
            {
                eprintln!("--- the daemon wrote\n{}", self.log());
            }
        }
    }
}

fn dir(folder: &Folder) -> PathBuf {
    folder.join("dev")
}

fn log(folder: &Folder) -> String {
    fs::read(folder.join("daemon.log")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[track_caller]
fn spawn<'v>(
    folder: &Folder,
    arguments: &[String],
    environment: impl IntoIterator<Item = (&'v str, OsString)>,
) -> Child {
    let output: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("daemon.log"))
        .unwrap_or_else(|error| panic!("cannot write the daemon's log: {error}"));
    let error = output.try_clone().expect("a file that was just opened can be opened twice");
    Command::new(built("strongroom"))
        .arg("dev")
        .arg("--dir")
        .arg(dir(folder))
        .args(["--kmip", "127.0.0.1:0", "--https", "127.0.0.1:0"])
        .args(arguments)
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(error)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start strongroom: {error}"))
}

/// Waits for the `dev.json` that this very process wrote; one from an earlier start names another process.
#[track_caller]
fn wait(folder: &Folder, child: &mut Child) -> Doors {
    let began = Instant::now();
    loop {
        if let Ok(text) = fs::read_to_string(dir(folder).join("dev.json"))
            && let Ok(doors) = serde_json::from_str::<Doors>(&text)
            && doors.pid == child.id()
        {
            return doors;
        }
        let ended = child.try_wait().expect("the daemon is our child");
        if ended.is_some() || began.elapsed() > LONGEST {
            let _ = child.kill();
            let _ = child.wait();
            let how = ended.map_or("did not become ready".to_owned(), |status| format!("ended with {status}"));
            panic!("strongroom dev {how}; it wrote:\n{}", log(folder));
        }
        sleep(LOOK);
    }
}

/// An unoptimised daemon on a loaded machine with two cores, unsealing with Argon2id, is ready in less.
const LONGEST: Duration = Duration::from_secs(60);

/// Between two looks at whether something has happened.
const LOOK: Duration = Duration::from_millis(10);
