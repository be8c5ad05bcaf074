//! Asking a daemon what an application asks it first, for the command that says why a host cannot see its token.

use std::{
    fmt::Display,
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    version::TLS13,
};
use strongroom_pkcs11_wire::{
    Rv,
    call::{self, Ask, TokenInfo, request},
    codec,
    number::{Protocol, TokenFlags},
};

/// A slot, as an application on this host sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub slot: u64,
    /// Its token; nothing while the vault is sealed.
    pub token: Option<Token>,
}

/// A token, as an application on this host sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is called.
    pub label: String,
    /// Who made it.
    pub manufacturer: String,
    /// What it is.
    pub model: String,
    /// Its number.
    pub serial: String,
    /// Whether the user has a PIN.
    pub has_pin: bool,
    /// Whether the user's PIN is locked, for this application.
    pub is_locked: bool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, or was lost.
    #[error("{0}")]
    Lost(#[from] io::Error),
    /// It does not let this host in, or is not what it should be.
    #[error("the daemon and this host do not trust each other: {0}")]
    Untrusted(rustls::Error),
    /// The name is none.
    #[error("{0:?} is no name of a host")]
    Host(String),
    /// It refuses.
    #[error("the daemon refuses: {0}")]
    Refused(Rv),
    /// It answers something else.
    #[error("what answers there is no daemon of this version")]
    Strange,
}

/// What a host shows and trusts.
pub struct Papers {
    /// Its certificate first, then those up to its authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
    /// Whom it trusts.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// Asks which slots there are, and what is in them. `nonce` tells this asker from every other application.
///
/// # Errors
/// [`Error`].
pub fn inquire(stream: &mut (impl Read + Write), nonce: [u8; 16]) -> Result<Vec<Seen>, Error> {
    let attach = request::Attach { protocol: Protocol::THREE, nonce, process: 0 };
    let said = ask(stream, &attach)?.map_err(Error::Refused)?;
    if said.protocol != Protocol::THREE {
        return Err(Error::Strange);
    }
    let slots = ask(stream, &request::GetSlotList { token_present: false })?.map_err(Error::Refused)?.slots;
    let mut seen = Vec::new();
    for slot in slots {
        let token = match ask(stream, &request::GetTokenInfo { slot })? {
            Ok(answer) => Some(token(&answer.info)),
            Err(Rv::TOKEN_NOT_PRESENT | Rv::TOKEN_NOT_RECOGNIZED) => None,
            Err(rv) => return Err(Error::Refused(rv)),
        };
        seen.push(Seen { slot, token });
    }
    // It ends by itself when this connection does; to say so is politeness.
    let _ = ask(stream, &request::Finalize {});
    Ok(seen)
}

/// Shakes hands with a daemon on another host.
///
/// # Errors
/// [`Error`].
pub fn secure(
    mut stream: TcpStream,
    host: &str,
    papers: Papers,
) -> Result<StreamOwned<ClientConnection, TcpStream>, Error> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut trusted = RootCertStore::empty();
    for authority in papers.authorities {
        trusted.add(authority).map_err(Error::Untrusted)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(Error::Untrusted)?
        .with_root_certificates(trusted)
        .with_client_auth_cert(papers.chain, papers.key)
        .map_err(Error::Untrusted)?;
    config.alpn_protocols = vec![codec::NAME.to_vec()];
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Host(host.to_owned()))?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(Error::Untrusted)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(why) => Error::Untrusted(why.clone()),
                None => Error::Lost(error),
            }
        })?;
    }
    Ok(StreamOwned::new(connection, stream))
}

fn ask<R: Ask>(stream: &mut (impl Read + Write), asked: &R) -> Result<Result<R::Answer, Rv>, Error> {
    let mut bytes = Vec::new();
    call::write_request(asked, &mut bytes).map_err(|_| Error::Strange)?;
    stream.write_all(&bytes)?;
    stream.flush()?;
    let mut come = Vec::new();
    loop {
        if let Some(frame) = codec::cut(&come).map_err(|_| Error::Strange)? {
            let rv = Rv(u64::from(frame.head));
            return Ok(call::read_answer::<R>(rv, frame.body).map_err(|_| Error::Strange)?.ok_or(rv));
        }
        let mut part = [0; 4096];
        match stream.read(&mut part)? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            length => come.extend_from_slice(part.get(..length).unwrap_or_default()),
        }
    }
}

fn token(info: &TokenInfo) -> Token {
    let text = |field: &[u8]| String::from_utf8_lossy(field).trim_end().to_owned();
    Token {
        label: text(&info.label),
        manufacturer: text(&info.manufacturer),
        model: text(&info.model),
        serial: text(&info.serial),
        has_pin: info.flags.has(TokenFlags::USER_PIN_INITIALIZED),
        is_locked: info.flags.has(TokenFlags::USER_PIN_LOCKED),
    }
}

impl Display for Token {
    /// The token's URI (RFC 7512 §2.3).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("model", &self.model),
            ("manufacturer", &self.manufacturer),
            ("serial", &self.serial),
            ("token", &self.label),
        ];
        f.write_str("pkcs11:")?;
        for (place, (name, value)) in parts.into_iter().enumerate() {
            write!(f, "{}{name}=", if place > 0 { ";" } else { "" })?;
            for byte in value.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                        write!(f, "{}", char::from(byte))?;
                    }
                    other => write!(f, "%{other:02X}")?,
                }
            }
        }
        Ok(())
    }
}

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_says_what_a_token_is_and_escapes_what_would_end_it() {
        let token = |label: &str| Token {
            label: label.to_owned(),
            manufacturer: "Strongroom".to_owned(),
            model: "Strongroom".to_owned(),
            serial: "12ab".to_owned(),
            has_pin: true,
            is_locked: false,
        };
        for (label, expected) in [("dev", "dev"), ("my token;x=?/", "my%20token%3Bx%3D%3F%2F"), ("ä", "%C3%A4")] {
            let uri = format!("pkcs11:model=Strongroom;manufacturer=Strongroom;serial=12ab;token={expected}");
            assert_eq!(token(label).to_string(), uri);
        }
    }
}
