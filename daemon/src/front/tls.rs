//! TLS 1.2 and 1.3, with a certificate on both sides.
//!
//! A client is let in when its certificate comes from an authority we trust *and* its key is a registered client's. A
//! resumed session skips the first half, so whoever serves a connection asks the service again, before every request. Where
//! requests can show a token, a client may come without a certificate; one that it does show must be as good as anywhere.

use std::{
    fmt,
    io::{self, Read, Write},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use ::aws_lc_rs::digest;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as RustlsError, OtherError, RootCertStore,
    ServerConfig, ServerConnection, SignatureScheme, StreamOwned, SupportedProtocolVersion,
    client::danger::HandshakeSignatureValid,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime},
    server::{
        ParsedCertificate, ServerSessionMemoryCache, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{contract::Fingerprint, stagger::Stagger};
use crate::service::{Recognised, Service};

/// What a server shows and trusts.
pub struct Credentials {
    /// Its own certificate first, then those up to its authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
    /// The authorities whose certificates clients may come with.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// Shakes hands. What it shows can be replaced while it serves.
pub struct Tls {
    configs: RwLock<Configs>,
    service: Arc<Service>,
    stagger: Stagger,
}

/// How hands are shaken.
#[derive(Clone)]
struct Configs {
    /// With clients of every kind.
    usual: Arc<ServerConfig>,
    /// With clients that may show a token in place of a certificate.
    open: Arc<ServerConfig>,
    /// With our own PKCS#11 module, which speaks the latest version.
    latest: Arc<ServerConfig>,
}

/// Why there is no connection after a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// Its key is no registered client's, or that of a revoked one.
    #[error("its certificate is not a registered client's")]
    Unregistered(Fingerprint),
    /// Its key has as many connections as one client may have.
    #[error("its key has too many connections already")]
    Crowded(Fingerprint),
    /// It showed no certificate, or one that is not valid here.
    #[error("it showed no certificate that is valid here")]
    Untrusted,
    /// It took too long, hung up or did not speak TLS.
    #[error("the handshake did not come to its end")]
    Broken,
}

/// Why certificates and keys cannot be used for TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An authority's certificate cannot be read.
    #[error("an authority's certificate cannot be used: {0}")]
    Authority(RustlsError),
    /// No authority at all.
    #[error("there is no authority to trust clients by")]
    Nobody,
    /// Certificate and key cannot be used or do not belong together.
    #[error("the server's certificate and key cannot be used: {0}")]
    Own(RustlsError),
    /// Where an endpoint is cannot be understood.
    #[error("{0:?} is no address of an endpoint: it is HOST:PORT, and the host a DNS name or an IP address")]
    Address(String),
}

impl Tls {
    /// Shows and trusts what `credentials` say.
    ///
    /// # Errors
    /// [`Error`], when they cannot be used.
    pub fn new(credentials: Credentials, service: Arc<Service>) -> Result<Self, Error> {
        let configs = RwLock::new(configs(credentials, &service)?);
        Ok(Self { configs, service, stagger: Stagger::new() })
    }

    /// Shows and trusts something else from the next handshake on. When it cannot be used, all stays as it was.
    ///
    /// # Errors
    /// [`Error`], when the new credentials cannot be used.
    pub fn reload(&self, credentials: Credentials) -> Result<(), Error> {
        let fresh = configs(credentials, &self.service)?;
        *self.configs.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Shakes hands with a peer and says by which key it is known. There is no time limit here.
    ///
    /// # Errors
    /// [`Failed`], when the peer is not let in.
    pub async fn shake(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Fingerprint), Failed> {
        let config = Arc::clone(&self.configs().usual);
        let shaken = self.stagger.run(TlsAcceptor::from(config).accept(stream)).await;
        let stream = shaken.map_err(|error| failed(&error))?;
        let key = self.known(stream.get_ref().1)?.ok_or(Failed::Untrusted)?;
        Ok((stream, key))
    }

    /// Shakes hands with a peer and says by which key it is known, or that it shows none. There is no time limit here.
    ///
    /// # Errors
    /// [`Failed`], when the peer is not let in.
    pub async fn greet(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Option<Fingerprint>), Failed> {
        let config = Arc::clone(&self.configs().open);
        let shaken = self.stagger.run(TlsAcceptor::from(config).accept(stream)).await;
        let stream = shaken.map_err(|error| failed(&error))?;
        let key = self.known(stream.get_ref().1)?;
        Ok((stream, key))
    }

    /// Shakes hands by the latest version with a peer that says in the handshake that it has come for `what` (RFC 7301), on
    /// a thread that may block, and says by which key it is known. The time limit is the stream's.
    ///
    /// # Errors
    /// [`Failed`], when the peer is not let in.
    pub fn shake_for<S: Read + Write>(
        &self,
        what: &[u8],
        mut stream: S,
    ) -> Result<(StreamOwned<ServerConnection, S>, Fingerprint), Failed> {
        let mut config = ServerConfig::clone(&self.configs().latest);
        config.alpn_protocols = vec![what.to_vec()];
        let mut connection = ServerConnection::new(Arc::new(config)).map_err(|_| Failed::Broken)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).map_err(|error| failed(&error))?;
        }
        if connection.alpn_protocol() != Some(what) {
            return Err(Failed::Broken);
        }
        let key = self.known(&connection)?.ok_or(Failed::Untrusted)?;
        Ok((StreamOwned::new(connection, stream), key))
    }

    fn configs(&self) -> RwLockReadGuard<'_, Configs> {
        self.configs.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// By which key a peer is known whose handshake has come to its end; nothing where it showed none.
    fn known(&self, connection: &ServerConnection) -> Result<Option<Fingerprint>, Failed> {
        let Some(certificate) = connection.peer_certificates().and_then(<[_]>::first) else { return Ok(None) };
        let key = fingerprint(certificate).map_err(|_| Failed::Untrusted)?;
        if self.service.recognise(&key) == Recognised::Unknown {
            return Err(Failed::Unregistered(key));
        }
        Ok(Some(key))
    }
}

fn failed(error: &io::Error) -> Failed {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>()) {
        Some(RustlsError::InvalidCertificate(CertificateError::Other(OtherError(why)))) => {
            why.downcast_ref::<Failed>().copied().unwrap_or(Failed::Untrusted)
        }
        Some(RustlsError::InvalidCertificate(_) | RustlsError::NoCertificatesPresented) => Failed::Untrusted,
        _ => Failed::Broken,
    }
}

fn configs(credentials: Credentials, service: &Arc<Service>) -> Result<Configs, Error> {
    let mut trusted = RootCertStore::empty();
    for authority in credentials.authorities {
        trusted.add(authority).map_err(Error::Authority)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let path = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
        .build()
        .map_err(|_| Error::Nobody)?;
    let config = |versions: &[&'static SupportedProtocolVersion], mandatory| {
        let registered = Arc::new(Registered { path: Arc::clone(&path), service: Arc::clone(service), mandatory });
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions);
        let builder = builder.map_err(Error::Own)?.with_client_cert_verifier(registered);
        let (chain, key) = (credentials.chain.clone(), credentials.key.clone_key());
        let mut config = builder.with_single_cert(chain, key).map_err(Error::Own)?;
        // Each has sessions of its own: one begun without a certificate is not resumed where one is needed.
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        Ok(Arc::new(config))
    };
    Ok(Configs {
        usual: config(&[&TLS13, &TLS12], true)?,
        open: config(&[&TLS13, &TLS12], false)?,
        latest: config(&[&TLS13], true)?,
    })
}

fn fingerprint(certificate: &CertificateDer<'_>) -> Result<Fingerprint, RustlsError> {
    let read = ParsedCertificate::try_from(certificate)?;
    let digest = digest::digest(&digest::SHA256, &read.subject_public_key_info());
    digest.as_ref().try_into().map_err(|_| RustlsError::General("a digest of another length".to_owned()))
}

/// Lets in who comes from a trusted authority and is registered.
struct Registered {
    path: Arc<dyn ClientCertVerifier>,
    service: Arc<Service>,
    /// Whether there must be a certificate at all.
    mandatory: bool,
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registered")
    }
}

impl ClientCertVerifier for Registered {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.path.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, RustlsError> {
        let verified = self.path.verify_client_cert(certificate, chain, now)?;
        let key = fingerprint(certificate)?;
        match self.service.recognise(&key) {
            // While the vault is sealed its clients are let in to be told so.
            Recognised::Known(..) | Recognised::Sealed => Ok(verified),
            Recognised::Unknown => Err(CertificateError::Other(OtherError(Arc::new(Failed::Unregistered(key)))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.path.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.path.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.path.supported_verify_schemes()
    }
}

/// Sessions that can be resumed; the oldest make room.
const SESSIONS: usize = 1024;
