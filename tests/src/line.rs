//! A KMIP client over TLS, with the papers that the appliance gave it.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use strongroom_kmip::client::Client;
use strongroom_kmip::version::Version;

use crate::Doors;

/// A secured connection to an appliance.
pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A line to an appliance: requests go in, answers come out.
pub type Line = Client<Stream>;

/// Opens a line to the appliance as one of its clients, speaking this version.
///
/// # Errors
///
/// Why it cannot be opened, for a person to read.
pub fn connect(doors: &Doors, client: &str, version: Version) -> Result<Line, String> {
    Ok(Client::new(secure(doors, Arc::new(papers(doors, client)?))?, version))
}

/// Opens a secured connection to the appliance. The handshake takes place when something is first sent.
///
/// # Errors
///
/// Why it cannot be opened, for a person to read.
pub fn secure(doors: &Doors, config: Arc<ClientConfig>) -> Result<Stream, String> {
    dial(&doors.kmip, config)
}

/// The same, to any of its addresses.
///
/// # Errors
///
/// Why it cannot be opened, for a person to read.
pub fn dial(address: &str, config: Arc<ClientConfig>) -> Result<Stream, String> {
    let numbers = address.parse::<SocketAddr>().map_err(|error| format!("{address}: {error}"))?;
    shake(address, config, ServerName::from(numbers.ip()))
}

/// The same, calling the server by a name.
///
/// # Errors
///
/// Why it cannot be opened, for a person to read.
pub fn dial_as(address: &str, config: Arc<ClientConfig>, name: &str) -> Result<Stream, String> {
    shake(address, config, ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?)
}

fn shake(address: &str, config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Stream, String> {
    let stream = TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))?;
    stream.set_read_timeout(Some(LONGEST)).map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let session = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
    Ok(StreamOwned::new(session, stream))
}

/// What a client of the appliance trusts and shows.
///
/// # Errors
///
/// Why its papers cannot be used, for a person to read.
pub fn papers(doors: &Doors, client: &str) -> Result<ClientConfig, String> {
    papers_over(doors, client, rustls::DEFAULT_VERSIONS)
}

/// The same, over these versions of TLS alone.
///
/// # Errors
///
/// Why its papers cannot be used, for a person to read.
pub fn papers_over(
    doors: &Doors,
    client: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig, String> {
    let papers = doors.clients.get(client).ok_or_else(|| format!("dev.json has no client {client}"))?;
    let text = |error: rustls::pki_types::pem::Error| error.to_string();
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(&doors.ca).map_err(text)? {
        roots.add(root.map_err(text)?).map_err(|error| error.to_string())?;
    }
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&papers.cert).map_err(text)?.collect();
    let key = PrivateKeyDer::from_pem_file(&papers.key).map_err(text)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.map_err(text)?, key)
        .map_err(|error| error.to_string())
}

/// An unoptimised daemon makes an RSA key in less.
const LONGEST: Duration = Duration::from_secs(60);
