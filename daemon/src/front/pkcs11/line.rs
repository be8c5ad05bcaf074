//! A connection to an application: over the socket, or from another host over TLS.
//!
//! The socket waits without end, for the kernel says when the process is gone. Whoever comes from afar has a limit for
//! everything: for the handshake, for a request that has begun, for taking an answer, and for saying nothing at all.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};
use rustls::{ServerConnection, StreamOwned};

use crate::{clock::Deadline, front::contract::Limits, wakeful::Wakeful};

/// A connection that is served.
pub enum Line<'r> {
    /// From this machine.
    Near(UnixStream, Wakeful<'r>),
    /// From another.
    Afar(Box<Afar>),
}

/// A connection from another host, after its handshake.
pub struct Afar {
    stream: StreamOwned<ServerConnection, Timed>,
    limits: Limits,
    /// By when the request that has begun must be here.
    until: Option<Deadline>,
}

impl<'r> Line<'r> {
    /// A connection of a process on this machine.
    ///
    /// # Errors
    /// What the system says.
    pub fn near(stream: UnixStream, wakeful: Wakeful<'r>) -> io::Result<Self> {
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self::Near(stream, wakeful))
    }

    /// A connection from another host.
    ///
    /// # Errors
    /// What the system says.
    pub fn afar(stream: StreamOwned<ServerConnection, Timed>, limits: Limits) -> io::Result<Self> {
        stream.sock.watch()?;
        Ok(Self::Afar(Box::new(Afar { stream, limits, until: None })))
    }

    /// Reads what there is, as soon as there is something. `begun` says whether the beginning of a request is here.
    ///
    /// # Errors
    /// What the stream says; [`io::ErrorKind::WouldBlock`] when nothing has come for too long.
    pub fn read(&mut self, into: &mut [u8], begun: bool) -> io::Result<usize> {
        match self {
            Self::Near(stream, wakeful) => wakeful.read(stream, into, None),
            Self::Afar(afar) => afar.read(into, begun),
        }
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// What the stream says.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Near(stream, _) => stream.write_all(bytes),
            Self::Afar(afar) => {
                afar.stream.sock.until = Deadline::after(afar.limits.request);
                afar.stream.write_all(bytes)?;
                afar.stream.flush()
            }
        }
    }
}

impl Afar {
    fn read(&mut self, into: &mut [u8], begun: bool) -> io::Result<usize> {
        let limits = self.limits;
        self.until = if begun { self.until.or_else(|| Some(Deadline::after(limits.request))) } else { None };
        self.stream.sock.until = self.until.unwrap_or_else(|| Deadline::after(limits.idle));
        self.stream.read(into)
    }
}

impl Drop for Afar {
    fn drop(&mut self) {
        // The closing words; a peer that does not take them has had them.
        self.stream.sock.until = Deadline::after(PARTING);
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
    }
}

/// A TCP connection on which every wait ends at one time, however slowly the bytes drip.
#[derive(Debug)]
pub struct Timed {
    stream: TcpStream,
    until: Deadline,
}

impl Timed {
    /// A connection on which nothing is waited for longer than this from now on.
    pub fn new(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, until: Deadline::after(limit) }
    }

    /// Lets the system find out when the other host is gone without a word.
    fn watch(&self) -> io::Result<()> {
        setsockopt(&self.stream, sockopt::KeepAlive, &true)?;
        setsockopt(&self.stream, sockopt::TcpKeepIdle, &60)?;
        setsockopt(&self.stream, sockopt::TcpKeepInterval, &15)?;
        setsockopt(&self.stream, sockopt::TcpKeepCount, &4)?;
        Ok(())
    }

    /// How much time is left.
    fn left(&self) -> io::Result<Duration> {
        self.until.left().ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(into)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How long a process that does not read its answers is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the closing words may take.
const PARTING: Duration = Duration::from_secs(1);
