//! TLS 1.2 and 1.3, with a certificate on both sides.
//!
//! A client is let in when its certificate comes from an authority we trust *and* its key is a registered client's. A
//! resumed session skips the first half, so whoever serves a connection asks the service again, before every request.

use std::{
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
};

use ::aws_lc_rs::digest;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as RustlsError, OtherError, RootCertStore,
    ServerConfig, SignatureScheme,
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

use super::contract::Fingerprint;
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
    config: RwLock<Arc<ServerConfig>>,
    service: Arc<Service>,
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
}

impl Tls {
    /// Shows and trusts what `credentials` say.
    ///
    /// # Errors
    /// [`Error`], when they cannot be used.
    pub fn new(credentials: Credentials, service: Arc<Service>) -> Result<Self, Error> {
        let config = RwLock::new(config(credentials, &service)?);
        Ok(Self { config, service })
    }

    /// Shows and trusts something else from the next handshake on. When it cannot be used, all stays as it was.
    ///
    /// # Errors
    /// [`Error`], when the new credentials cannot be used.
    pub fn reload(&self, credentials: Credentials) -> Result<(), Error> {
        let fresh = config(credentials, &self.service)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Shakes hands with a peer and says by which key it is known. There is no time limit here.
    ///
    /// # Errors
    /// [`Failed`], when the peer is not let in.
    pub async fn shake(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Fingerprint), Failed> {
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        let stream = TlsAcceptor::from(config).accept(stream).await.map_err(|error| failed(&error))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).ok_or(Failed::Untrusted)?;
        let key = fingerprint(certificate).map_err(|_| Failed::Untrusted)?;
        if self.service.recognise(&key) == Recognised::Unknown {
            return Err(Failed::Unregistered(key));
        }
        Ok((stream, key))
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

fn config(credentials: Credentials, service: &Arc<Service>) -> Result<Arc<ServerConfig>, Error> {
    let mut trusted = RootCertStore::empty();
    for authority in credentials.authorities {
        trusted.add(authority).map_err(Error::Authority)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let path = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
        .build()
        .map_err(|_| Error::Nobody)?;
    let registered = Arc::new(Registered { path, service: Arc::clone(service) });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(Error::Own)?
        .with_client_cert_verifier(registered)
        .with_single_cert(credentials.chain, credentials.key)
        .map_err(Error::Own)?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Ok(Arc::new(config))
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
