//! Running the program, and a daemon in a folder that goes with it.

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// The program.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    command.env_clear();
    command
}

/// What came of running the program with these arguments and this on its standard input.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Ended {
    let pipes = || Stdio::piped();
    let mut child = program().args(arguments).stdin(pipes()).stdout(pipes()).stderr(pipes()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input);
    drop(stdin);
    Ended::of(child.wait_with_output().unwrap())
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) says: String,
    pub(crate) complains: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), says: text(output.stdout), complains: text(output.stderr) }
    }

    /// What it said, after it did what it was asked.
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.says
    }

    /// What it complained of, after it refused or failed.
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.complains
    }
}

/// A folder that is removed when it is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("strongroom-command-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The path of a file in it, as text.
    pub(crate) fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Writes a file, for its owner alone.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A daemon, ended when it is dropped.
pub(crate) struct Daemon(pub(crate) Child);

impl Daemon {
    /// Starts one and waits until `ready` is there.
    pub(crate) fn start(arguments: &[&str], ready: &Path) -> Self {
        let mut daemon = Self(program().args(arguments).stdout(Stdio::null()).spawn().unwrap());
        let begun = Instant::now();
        while !ready.exists() {
            assert!(daemon.0.try_wait().unwrap().is_none(), "the daemon ended at once");
            assert!(begun.elapsed() < Duration::from_secs(60), "the daemon is not ready after a minute");
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
    }

    /// Asks it to stop, and says how it ended.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.0.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
