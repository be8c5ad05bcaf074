//! A KMIP server at the other end of a TLS connection.

use std::{
    net::{TcpStream, ToSocketAddrs},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use strongroom_kmip::{
    client::{self, Client},
    code::QueryFunction,
    operation::Ask,
    payload::{DiscoverVersionsRequest, QueryRequest},
    version::{V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, Version},
};

use super::error::Error;
use crate::{config, service::VENDOR};

/// A KMIP server that knows us.
pub(super) struct Peer {
    client: Client<StreamOwned<ClientConnection, TcpStream>>,
    version: Version,
    kin: bool,
}

impl Peer {
    /// Connects as the client whose certificate and key `identity` names, and speaks the newest version that both know.
    ///
    /// # Errors
    /// [`Error`]: what is wrong with the address, the files or the server.
    pub(super) fn connect(address: &str, identity: &Path, authority: Option<&Path>) -> Result<Self, Error> {
        let config = papers(identity, authority)?;
        let asked = |mut client: Client<_>| match client.ask(DiscoverVersionsRequest { protocol_version: Vec::new() }) {
            Ok(answer) => Ok(answer.protocol_version),
            // KMIP 1.0 has no such operation.
            Err(client::Error::Refused { .. }) => Ok(vec![V1_0]),
            Err(source) => Err(Error::Peer { address: address.to_owned(), source }),
        };
        let theirs = asked(Client::new(dial(address, &config)?, V1_1))?;
        let version = SPOKEN.into_iter().find(|version| theirs.contains(version)).unwrap_or(V1_0);
        let mut client = Client::new(dial(address, &config)?, version);
        let query = QueryRequest { query_function: vec![QueryFunction::QueryServerInformation], object_groups: None };
        let said = client.ask(query).map(|answer| answer.vendor_identification);
        let kin = matches!(said, Ok(Some(vendor)) if vendor == VENDOR);
        Ok(Self { client, version, kin })
    }

    /// Whether it is a Strongroom, which takes identifiers and attributes as they come.
    pub(super) fn is_kin(&self) -> bool {
        self.kin
    }

    /// The version that is spoken.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(super) fn ask<A: Ask>(&mut self, request: A) -> Result<A::Answer, client::Error> {
        self.client.ask(request)
    }
}

fn papers(identity: &Path, authority: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let end = |end: &str| {
        let mut path = identity.as_os_str().to_owned();
        path.push(end);
        PathBuf::from(path)
    };
    let beside = || identity.parent().unwrap_or(Path::new("")).join("ca.pem");
    let authority = authority.map_or_else(beside, Path::to_owned);
    let credentials = config::papers(&end(".pem"), &end(".key"), &authority)?;
    let mut trusted = RootCertStore::empty();
    for authority in credentials.authorities {
        trusted.add(authority)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_root_certificates(trusted)
        .with_client_auth_cert(credentials.chain, credentials.key)?;
    Ok(Arc::new(config))
}

fn dial(address: &str, config: &Arc<ClientConfig>) -> Result<StreamOwned<ClientConnection, TcpStream>, Error> {
    let wrong = || Error::NoServer(address.to_owned());
    let unreachable = |source| Error::Unreachable { address: address.to_owned(), source };
    let (host, _) = address.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
    let mut last = None;
    for place in address.to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&place, KNOCK) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).map_err(unreachable)?;
                stream.set_write_timeout(Some(PATIENCE)).map_err(unreachable)?;
                stream.set_nodelay(true).map_err(unreachable)?;
                return Ok(StreamOwned::new(ClientConnection::new(Arc::clone(config), name)?, stream));
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(wrong, unreachable))
}

/// The versions that are spoken here, the newest first. KMIP 3.0 is still a draft, and says no more of an object.
const SPOKEN: [Version; 7] = [V2_1, V2_0, V1_4, V1_3, V1_2, V1_1, V1_0];
/// One attempt at one address.
const KNOCK: Duration = Duration::from_secs(10);
/// The longest that a server may take over one answer.
const PATIENCE: Duration = Duration::from_secs(60);
