//! Asking for what must not be seen: without echo on a terminal, else from standard input.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, IsTerminal, Read, Write},
    path::Path,
};

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::error::Error;
use crate::config::{self, Secrecy};

/// How often something is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// What is only checked.
    Once,
    /// What is being chosen, so that a slip of the finger is noticed.
    Twice,
}

/// What `file` holds, or what is entered for `what`.
pub(super) fn secret(file: Option<&Path>, what: &str, times: Times) -> Result<Secret, Error> {
    let entered = match file {
        Some(path) => config::line(&config::read(path, Secrecy::Secret)?),
        None if io::stdin().is_terminal() => {
            let first = hidden(&format!("{what}: "))?;
            if times == Times::Twice && !hidden(&format!("{what}, again: "))?.same_as(first.reveal()) {
                return Err(Error::Mistyped);
            }
            first
        }
        None => {
            let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
            let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
            io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(Error::Input)?;
            config::line(&Secret::copy_of(&bytes))
        }
    };
    if entered.is_empty() { Err(Error::Empty) } else { Ok(entered) }
}

/// What is entered for `what`, which anybody may see.
pub(super) fn word(what: &str) -> Result<String, Error> {
    let mut prompt = io::stderr().lock();
    write!(prompt, "{what}: ").and_then(|()| prompt.flush()).map_err(Error::Input)?;
    let mut line = String::new();
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    io::stdin().lock().take(limit).read_line(&mut line).map_err(Error::Input)?;
    Ok(line.trim_end_matches('\n').to_owned())
}

/// One line from the terminal, which does not show it.
fn hidden(prompt: &str) -> Result<Secret, Error> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(Error::Input)?;
    terminal.write_all(prompt.as_bytes()).map_err(Error::Input)?;
    let before = tcgetattr(&terminal).map_err(|error| Error::Input(error.into()))?;
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent).map_err(|error| Error::Input(error.into()))?;
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = [0];
    let read = loop {
        match terminal.read(&mut byte) {
            Ok(1) if byte != *b"\n" && line.len() < LONGEST => line.extend_from_slice(&byte),
            Ok(_) => break Ok(()),
            Err(error) => break Err(Error::Input(error)),
        }
    };
    // The terminal is put back whatever happened.
    let restored = tcsetattr(&terminal, SetArg::TCSAFLUSH, &before);
    let _ = terminal.write_all(b"\n");
    read?;
    restored.map_err(|error| Error::Input(error.into()))?;
    Ok(Secret::copy_of(&line))
}

/// No passphrase is longer; the buffer never grows and so leaves no copies behind.
const LONGEST: usize = 4096;
