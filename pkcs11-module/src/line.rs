//! A line to the daemon: its socket on this host, or TLS to another.
//!
//! TLS is all the cryptography there is in this module, and is first touched when a daemon on another host is first
//! called. It shares nothing with the libcrypto of its host program: the engine's symbols have names of their own, and none
//! of them is exported. In a forked child the descriptor is closed and the parent's keys are never used again.

use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::{
        fd::{AsRawFd, RawFd},
        unix::{fs::MetadataExt, net::UnixStream},
    },
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::TLS13,
};
use strongroom_pkcs11_wire::codec::NAME;

use crate::config::{Address, Place};

/// How the daemon is reached.
#[derive(Debug)]
pub(crate) struct Way {
    place: Place,
    /// What is shown and trusted, once it was read.
    papers: OnceLock<Arc<ClientConfig>>,
}

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the daemon cannot be reached: {0}")]
    Absent(io::Error),
    #[error("{0} cannot be used: {1}")]
    Papers(String, &'static str),
    #[error("the daemon and this host do not trust each other: {0}")]
    Untrusted(rustls::Error),
}

impl Way {
    /// The way to a daemon.
    pub(crate) fn new(place: Place) -> Self {
        Self { place, papers: OnceLock::new() }
    }

    /// A new line. Nothing that is waited for on it takes longer than `patience`.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn open(&self, patience: Duration) -> Result<Line, Error> {
        match &self.place {
            Place::Near(socket) => {
                let stream = UnixStream::connect(socket).map_err(Error::Absent)?;
                let limited = stream.set_read_timeout(Some(patience));
                limited.and_then(|()| stream.set_write_timeout(Some(patience))).map_err(Error::Absent)?;
                Ok(Line::Near(stream))
            }
            Place::Afar { address, certificate, key, ca } => {
                let papers = match self.papers.get() {
                    Some(papers) => Arc::clone(papers),
                    None => Arc::clone(self.papers.get_or_init({
                        let read = papers(certificate, key, ca)?;
                        move || read
                    })),
                };
                shake(address, papers, patience)
            }
        }
    }
}

/// A line to the daemon.
#[derive(Debug)]
pub(crate) enum Line {
    /// To this host.
    Near(UnixStream),
    /// To another.
    Afar(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Line {
    /// Everything from now on ends within this time, until it is said again.
    pub(crate) fn limit(&mut self, patience: Duration) {
        if let Self::Afar(line) = self {
            line.sock.until = Instant::now().checked_add(patience);
        }
    }

    /// Whether reading waits.
    pub(crate) fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Near(stream) => stream.set_nonblocking(nonblocking),
            Self::Afar(line) => line.sock.stream.set_nonblocking(nonblocking),
        }
    }
}

impl AsRawFd for Line {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Near(stream) => stream.as_raw_fd(),
            Self::Afar(line) => line.sock.stream.as_raw_fd(),
        }
    }
}

impl Read for Line {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Near(stream) => stream.read(into),
            Self::Afar(line) => line.read(into),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Near(stream) => stream.write(bytes),
            Self::Afar(line) => line.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Near(stream) => stream.flush(),
            Self::Afar(line) => line.flush(),
        }
    }
}

/// A TCP connection on which every wait ends at one time, however slowly the bytes drip.
#[derive(Debug)]
pub(crate) struct Timed {
    stream: TcpStream,
    until: Option<Instant>,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
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

fn shake(address: &Address, papers: Arc<ClientConfig>, patience: Duration) -> Result<Line, Error> {
    let until = Instant::now().checked_add(patience);
    let name = ServerName::try_from(address.host.clone());
    let name = name.map_err(|_| Error::Papers(address.host.clone(), "it is no name of a host"))?;
    let mut stream = Timed { stream: dial(address, patience).map_err(Error::Absent)?, until };
    let mut connection = ClientConnection::new(papers, name).map_err(Error::Untrusted)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(broken)?;
    }
    if connection.alpn_protocol() != Some(NAME) {
        return Err(Error::Untrusted(rustls::Error::NoApplicationProtocol));
    }
    Ok(Line::Afar(Box::new(StreamOwned::new(connection, stream))))
}

/// The first of the host's addresses that answers.
fn dial(address: &Address, patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for found in (address.host.as_str(), address.port).to_socket_addrs()?.take(MOST_ADDRESSES) {
        match TcpStream::connect_timeout(&found, patience.min(LONGEST_DIAL)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn broken(error: io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(why) => Error::Untrusted(why.clone()),
        None => Error::Absent(error),
    }
}

/// What is shown and trusted.
fn papers(certificate: &Path, key: &Path, ca: &Path) -> Result<Arc<ClientConfig>, Error> {
    let unusable = |path: &Path, why| Error::Papers(path.display().to_string(), why);
    let certificates = |path: &Path| -> Result<Vec<CertificateDer<'static>>, Error> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        let read: Vec<_> = read.map_err(|_| unusable(path, "it holds no certificates in PEM form"))?;
        if read.is_empty() { Err(unusable(path, "it holds no certificate in PEM form")) } else { Ok(read) }
    };
    let mut trusted = RootCertStore::empty();
    for authority in certificates(ca)? {
        trusted.add(authority).map_err(|_| unusable(ca, "a certificate in it cannot be read"))?;
    }
    // A key that everybody may read proves nothing.
    let mode = fs::metadata(key).map_err(|_| unusable(key, "it cannot be read"))?.mode();
    if mode & 0o007 != 0 {
        return Err(unusable(key, "everybody on this host may read or change it; `chmod o= FILE` mends that"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|_| unusable(key, "it holds no private key in PEM form"))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(Error::Untrusted)?
        .with_root_certificates(trusted)
        .with_client_auth_cert(certificates(certificate)?, secret)
        .map_err(|_| unusable(key, "it is not the key of the certificate"))?;
    config.alpn_protocols = vec![NAME.to_vec()];
    Ok(Arc::new(config))
}

/// Addresses of one host that are tried.
const MOST_ADDRESSES: usize = 8;
/// How long one of them is tried for.
const LONGEST_DIAL: Duration = Duration::from_secs(10);
