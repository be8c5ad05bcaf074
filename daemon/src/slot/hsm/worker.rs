//! The worker: a process of its own in which a vendor's library runs. It takes orders from the daemon alone, which is at
//! the other end of its standard input, and ends with it.

use std::{
    io::{self, IoSliceMut, Read},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::getpid,
};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::{
    confine, frame,
    message::{Answer, Ask, Trouble},
    session::Lane,
    token::Opened,
    vendor::Failure,
};
use crate::wakeful::{Room, Wakeful};

/// Serves the daemon until it closes its end. Says why not where it cannot begin.
///
/// # Errors
/// When the process cannot be confined, or standard input is not the daemon's socket.
pub fn work() -> io::Result<()> {
    confine::begin()?;
    let mut control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let lanes = lanes(&control)?;
    let asked = frame::receive(|into| control.read(into))?;
    let Ask::Open { library, choice, pin, dare, bounds, lanes: count } = asked else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    if usize::try_from(count).ok() != Some(lanes.len()) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    if let Err(error) = confine::shut(&library, &bounds) {
        frame::send(&mut control, &Failure(Trouble::NotConfined, error.to_string()).answer())?;
        return Ok(());
    }
    let opened = guarded(|| Opened::open(&library, &choice, pin.as_ref(), dare));
    drop(pin);
    let (opened, token) = match opened {
        Ok(opened) => opened,
        Err(failure) => {
            frame::send(&mut control, &failure.answer())?;
            return Ok(());
        }
    };
    let (mut served, room) = (0u32, Arc::new(Room::default()));
    for socket in lanes {
        // A token with fewer sessions has fewer lanes; one is needed.
        match guarded(|| opened.lane()) {
            Ok(lane) => {
                let (name, room) = (format!("lane {served}"), Arc::clone(&room));
                thread::Builder::new().name(name).spawn(move || serve(socket, &lane, Wakeful::new(&room)))?;
                served = served.saturating_add(1);
            }
            Err(failure) if served == 0 => {
                frame::send(&mut control, &failure.answer())?;
                return Ok(());
            }
            Err(_) => break,
        }
    }
    frame::send(&mut control, &Answer::Opened { token, lanes: served })?;
    // Nothing more is said here: the daemon closes its end when the worker is to end.
    let _ = frame::receive::<Ask>(|into| control.read(into));
    // What the library would do at the end of a process may hang, and nothing is left that it could save.
    let _ = kill(getpid(), Signal::SIGKILL);
    Ok(())
}

/// Answers what comes over one lane.
fn serve(mut socket: UnixStream, lane: &Lane, mut wakeful: Wakeful<'_>) {
    while let Ok(ask) = frame::receive::<Ask>(|into| wakeful.read(&socket, into, None)) {
        let answer = guarded(|| lane.answer(&ask)).unwrap_or_else(Failure::answer);
        let sent = match frame::send(&mut socket, &answer) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                frame::send(&mut socket, &Failure(Trouble::Garbage, "an answer of absurd length".to_owned()).answer())
            }
            sent => sent,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// What a library answers may make cryptoki panic: a length that nobody has memory for, a count that is none.
fn guarded<T>(act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let absurd = |_| Err(Failure(Trouble::Garbage, "an answer that cannot be".to_owned()));
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(absurd)
}

/// The lanes' sockets, which come with one byte before everything else.
fn lanes(control: &UnixStream) -> io::Result<Vec<UnixStream>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_LANES))];
    let mut received = RecvAncillaryBuffer::new(&mut space);
    recvmsg(control, &mut [IoSliceMut::new(&mut byte)], &mut received, RecvFlags::CMSG_CLOEXEC)?;
    let sockets = received.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets.collect::<Vec<OwnedFd>>()),
        _ => None,
    });
    Ok(sockets.flatten().map(UnixStream::from).collect())
}

/// Lanes of a worker.
pub(super) const MOST_LANES: usize = 32;
