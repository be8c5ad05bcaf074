//! The way to an endpoint: its address, and TLS with a certificate on both sides.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    front::tls::{Credentials, Error},
    service::Trouble,
};

/// The way to one endpoint. What it shows and trusts can be replaced while letters go there.
pub struct Line {
    place: usize,
    address: String,
    name: ServerName<'static>,
    config: RwLock<Arc<ClientConfig>>,
}

impl Line {
    /// The way to the endpoint of this place in the service. `credentials` are what we show, and the authorities whose
    /// word we take for the endpoint's certificate, which must be for `name`, or else for the host of the address.
    ///
    /// # Errors
    /// [`Error`] when the credentials or the address cannot be used.
    pub fn new(place: usize, address: &str, name: Option<&str>, credentials: Credentials) -> Result<Self, Error> {
        let wrong = || Error::Address(address.to_owned());
        let (host, _) = address.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(name.unwrap_or(host).to_owned()).map_err(|_| wrong())?;
        Ok(Self { place, address: address.to_owned(), name, config: RwLock::new(config(credentials)?) })
    }

    /// Which endpoint's it is.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Shows and trusts something else from the next connection on. When it cannot be used, all stays as it was.
    ///
    /// # Errors
    /// [`Error`], when the new credentials cannot be used.
    pub fn reload(&self, credentials: Credentials) -> Result<(), Error> {
        let fresh = config(credentials)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Connects, and makes sure who is at the other end.
    pub(super) async fn connect(&self) -> Result<TlsStream<TcpStream>, Trouble> {
        let stream = timeout(CONNECT, self.reach()).await.map_err(|_| Trouble::Unreachable)??;
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        let shaken = timeout(HANDSHAKE, TlsConnector::from(config).connect(self.name.clone(), stream)).await;
        shaken.map_err(|_| Trouble::Slow)?.map_err(|error| {
            log::warn!("the TLS handshake with {} failed: {error}", self.address);
            Trouble::Untrusted
        })
    }

    /// The first of its addresses that answers.
    async fn reach(&self) -> Result<TcpStream, Trouble> {
        let addresses = lookup_host(&self.address).await.map_err(|_| Trouble::Unreachable)?;
        for address in addresses.take(MOST_ADDRESSES) {
            if let Ok(Ok(stream)) = timeout(KNOCK, TcpStream::connect(address)).await {
                return Ok(stream);
            }
        }
        Err(Trouble::Unreachable)
    }
}

fn config(credentials: Credentials) -> Result<Arc<ClientConfig>, Error> {
    let mut trusted = RootCertStore::empty();
    for authority in credentials.authorities {
        trusted.add(authority).map_err(Error::Authority)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(Error::Own)?
        .with_root_certificates(trusted)
        .with_client_auth_cert(credentials.chain, credentials.key)
        .map_err(Error::Own)?;
    Ok(Arc::new(config))
}

/// Finding the address and all attempts at it.
const CONNECT: Duration = Duration::from_secs(15);
/// One attempt at one address.
const KNOCK: Duration = Duration::from_secs(5);
/// A name with more addresses is a mistake or an attack.
const MOST_ADDRESSES: usize = 8;
/// The handshake; a peer of ours has as long.
const HANDSHAKE: Duration = Duration::from_secs(10);
