//! Other people's programs: finding them, skipping where they are not installed, and running them with a time limit.

use std::env;
use std::fmt::{Display, Formatter};
use std::io::{Read, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::build::top;

/// The path of a program. Where it is not installed: nothing, after saying so, and the test is to return; under
/// `REQUIRE_CLIENTS=1`, as in CI, it fails instead.
///
/// ```no_run
/// let Some(tool) = strongroom_tests::skip_or_require("pkcs11-tool") else { return };
/// ```
///
/// # Panics
///
/// Where the program is missing and required.
#[must_use]
#[track_caller]
pub fn skip_or_require(program: &str) -> Option<PathBuf> {
    find(program).or_else(|| missing(program))
}

/// The path of a program, where it is installed.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Says that a test does not run here, and why.
pub fn skip(why: &str) {
    // Straight to the stream: what `eprintln!` says in a test that passes is never seen. Where it is closed, nobody listens.
    let _ = writeln!(stderr(), "skipped: {why}");
}

/// The Python interpreter that has PyKMIP, pymongocrypt and python-pkcs11, or a skip as for [`skip_or_require`].
///
/// # Panics
///
/// Where it is missing and required.
#[must_use]
#[track_caller]
pub fn python() -> Option<PathBuf> {
    let path = top().join(".venv/bin/python");
    if path.is_file() { Some(path) } else { missing("the Python venv with PyKMIP, pymongocrypt and python-pkcs11") }
}

/// Node, and the folder of the packages pkcs11js and graphene-pk11, or a skip as for [`skip_or_require`].
///
/// # Panics
///
/// Where it is missing and required.
#[must_use]
#[track_caller]
pub fn node() -> Option<(PathBuf, PathBuf)> {
    let (node, packages) = (top().join(".venv/bin/node"), top().join(".venv/node/node_modules"));
    // Written once they are built.
    if top().join(".venv/node/.made").is_file() && node.is_file() {
        return Some((node, packages));
    }
    let _ = missing("Node with pkcs11js and graphene-pk11");
    None
}

/// The PKCS#11 engine of OpenSSL, or a skip as for [`skip_or_require`].
///
/// # Panics
///
/// Where it is missing and required.
#[must_use]
#[track_caller]
pub fn openssl_engine() -> Option<PathBuf> {
    let openssl = skip_or_require("openssl")?;
    let told = run(Command::new(openssl).args(["version", "-e"])).succeeds().stdout;
    let folder = told.split('"').nth(1).unwrap_or_default().to_owned();
    let path = Path::new(&folder).join("pkcs11.so");
    if path.is_file() { Some(path) } else { missing("the PKCS#11 engine of OpenSSL") }
}

/// A file of the Debian packages that `make setup` unpacks for the tests alone, such as `bin/dnssec-signzone`, or a skip as for
/// [`skip_or_require`]. Programs find their libraries in `lib` beside.
///
/// # Panics
///
/// Where it is missing and required.
#[must_use]
#[track_caller]
pub fn unpacked(file: &str) -> Option<PathBuf> {
    let path = top().join("target/suites/debian").join(file);
    if path.is_file() { Some(path) } else { missing(&format!("{file} that make setup unpacks")) }
}

#[track_caller]
fn missing(what: &str) -> Option<PathBuf> {
    assert!(
        env::var_os("REQUIRE_CLIENTS").is_none_or(|value| value != "1"),
        "{what} is not installed; run `make setup`"
    );
    skip(&format!("{what} is not installed (make setup)"));
    None
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    /// What was run, as one would type it.
    pub command: String,
    /// The exit code; nothing where a signal or the time limit ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output; bytes that are not text are replaced.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Itself, having ended well.
    ///
    /// # Panics
    ///
    /// Where the exit code is not 0, with all that the program said.
    #[track_caller]
    #[must_use]
    pub fn succeeds(self) -> Outcome {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// Itself, having ended by itself and not well.
    ///
    /// # Panics
    ///
    /// Where the exit code is 0 or missing, with all that the program said.
    #[track_caller]
    #[must_use]
    pub fn fails(self) -> Outcome {
        assert!(self.code.is_some_and(|code| code != 0), "{self}");
        self
    }
}

impl Display for Outcome {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Outcome { command, code, stdout, stderr } = self;
        match code {
            Some(code) => writeln!(out, "`{command}` ended with {code}")?,
            None => writeln!(out, "`{command}` was ended by a signal or the time limit")?,
        }
        writeln!(out, "--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// Runs a program to its end, without standard input, for at most [`LONGEST`].
///
/// # Panics
///
/// Where it cannot be started.
#[must_use]
#[track_caller]
pub fn run(command: &mut Command) -> Outcome {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let told = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start `{told}`: {error}"));
    let stdout = child.stdout.take().map(drain);
    let stderr = child.stderr.take().map(drain);
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(None) if began.elapsed() < LONGEST => sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            Ok(Some(status)) => break Some(status),
            Err(error) => panic!("cannot wait for `{told}`: {error}"),
        }
    };
    let code = status.and_then(|status| status.code());
    Outcome { command: told, code, stdout: joined(stdout), stderr: joined(stderr) }
}

/// Reads a stream to its end on a thread of its own, so that the program never waits for a reader.
fn drain(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before the stream broke is what there is to tell.
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

fn joined(reader: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// No client that a test drives works longer, even on a loaded machine with two cores.
const LONGEST: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_by_how_it_ended_and_what_it_said() {
        let outcome = run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).fails();
        assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (Some(3), "out\n", "err\n"));
    }

    #[test]
    fn more_output_than_a_pipe_holds_does_not_stop_a_program() {
        let outcome = run(Command::new("sh").args(["-c", "head -c 300000 /dev/zero"])).succeeds();
        assert_eq!(outcome.stdout.len(), 300_000);
    }

    #[test]
    fn an_installed_program_is_found() {
        assert!(skip_or_require("sh").is_some());
    }
}
