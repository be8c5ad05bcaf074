//! An endpoint of a test's own, to which the appliance delivers what it was not asked for.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use strongroom_kmip::secret::Wiped;
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::{Limits, frame_length};

/// A server with the papers of a development appliance's own server: its authority vouches for both.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    config: Arc<ServerConfig>,
}

/// A message that was delivered and waits for its answer.
#[derive(Debug)]
pub struct Delivery {
    /// The message.
    pub message: Wiped,
    stream: StreamOwned<ServerConnection, TcpStream>,
}

impl Endpoint {
    /// Listens on a free port, with papers from the folder of an appliance.
    ///
    /// # Panics
    ///
    /// Where the folder is not that of a development appliance.
    #[must_use]
    #[track_caller]
    pub fn new(dir: &Path) -> Endpoint {
        let tls = dir.join("tls");
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(tls.join("authority.pem")).expect("`dev` writes it");
        roots.add(authority).expect("it is a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(tls.join("server.pem")).expect("`dev` writes it").collect();
        let key = PrivateKeyDer::from_pem_file(tls.join("server.key")).expect("`dev` writes it");
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::DEFAULT_VERSIONS)
            .expect("the provider has them")
            .with_client_cert_verifier(clients.build().expect("there is an authority"))
            .with_single_cert(chain.expect("they are certificates"), key)
            .expect("they belong together");
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        Endpoint { listener, config: Arc::new(config) }
    }

    /// Where it listens.
    ///
    /// # Panics
    ///
    /// Never: a socket that was bound has an address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// The table of the configuration that makes it the endpoint `test` of `alice`, whose papers the appliance shows there.
    #[must_use]
    pub fn table(&self, more: &str) -> String {
        format!(
            "\n[[kmip.endpoint]]\nname = \"test\"\nclient = \"alice\"\naddress = \"{}\"\n\
             server_ca = \"tls/authority.pem\"\ncertificate = \"clients/alice.pem\"\nkey = \"clients/alice.key\"\n{more}",
            self.address()
        )
    }

    /// Waits for the next message over a connection of its own. A connection over which none comes, as one that a crash
    /// has left behind, is passed over.
    ///
    /// # Errors
    ///
    /// Why none has come, for a person to read.
    pub fn receive(&self) -> Result<Delivery, String> {
        let began = Instant::now();
        let mut why = "nobody has connected".to_owned();
        while began.elapsed() < LONGEST {
            match self.listener.accept() {
                Ok((stream, _)) => match self.read(stream) {
                    Ok(delivery) => return Ok(delivery),
                    Err(error) => why = error.to_string(),
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(LOOK),
                Err(error) => return Err(format!("nothing can be delivered: {error}")),
            }
        }
        Err(format!("nothing was delivered: {why}"))
    }

    fn read(&self, stream: TcpStream) -> io::Result<Delivery> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(SILENCE))?;
        let session = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, stream);
        let mut head = [0; 8];
        stream.read_exact(&mut head)?;
        let whole = frame_length(head, Tag::RequestMessage, &Limits::default()).map_err(io::Error::other)?;
        let mut message = vec![0; whole];
        message[..head.len()].copy_from_slice(&head);
        stream.read_exact(&mut message[head.len()..])?;
        Ok(Delivery { message: Wiped::new(message), stream })
    }
}

impl Delivery {
    /// Answers, and hangs up.
    ///
    /// # Errors
    ///
    /// Why the answer cannot be sent, for a person to read.
    pub fn answer(mut self, answer: &[u8]) -> Result<(), String> {
        self.stream.write_all(answer).and_then(|()| self.stream.flush()).map_err(|error| error.to_string())
    }
}

/// After a few failures the appliance waits for some seconds.
const LONGEST: Duration = Duration::from_secs(60);

/// A daemon that has connected speaks in less.
const SILENCE: Duration = Duration::from_secs(20);

/// Between two looks at whether somebody has connected.
const LOOK: Duration = Duration::from_millis(10);
