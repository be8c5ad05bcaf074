//! What the operator decides: where the daemon is, which token is shown, how long an answer may take.
//!
//! The first file that is there counts: the one that `STRONGROOM_PKCS11_CONFIG` names, then
//! `~/.config/strongroom/pkcs11.toml`, then `/etc/strongroom/pkcs11.toml`. Without any, the daemon is where its unit puts it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

/// The module's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The daemon's socket on this host. The usual one when there is no `address` either.
    #[serde(default)]
    pub socket: Option<PathBuf>,
    /// Where a daemon on another host is: `tls://HOST:PORT`.
    #[serde(default)]
    pub address: Option<Address>,
    /// The certificate to show there, followed by those up to its authority. PEM.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its private key. PEM.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The certificates of the authorities that the daemon's may come from. PEM.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The label of the only token to show; all of them when absent.
    #[serde(default)]
    pub token: Option<String>,
    /// The file that holds the user's PIN, for services: an application that gives none logs in with it. What RFC 7512
    /// calls a `pin-source`.
    #[serde(default, rename = "pin-source")]
    pub pin_source: Option<PathBuf>,
    /// How long an answer may take, in seconds.
    #[serde(default = "usual_timeout")]
    pub timeout: u64,
}

/// A daemon on another host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address {
    /// Its name or its number, which its certificate must have.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address is tls://HOST:PORT")]
pub struct BadAddress;

/// Which daemon, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this host, behind a socket.
    Near(PathBuf),
    /// On another, over TLS.
    Afar {
        /// Where.
        address: Address,
        /// See [`Config::certificate`].
        certificate: PathBuf,
        /// See [`Config::key`].
        key: PathBuf,
        /// See [`Config::ca`].
        ca: PathBuf,
    },
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not what it should be.
    #[error("{} is not a configuration of this module: {error}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        error: Box<toml::de::Error>,
    },
    /// It names two daemons.
    #[error("name either a socket or an address, not both")]
    Both,
    /// Something is missing to reach a daemon on another host.
    #[error("an address needs a certificate, a key and a ca beside it")]
    Papers,
}

impl TryFrom<String> for Address {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        let (host, port) = text.strip_prefix("tls://").and_then(|rest| rest.rsplit_once(':')).ok_or(BadAddress)?;
        let numbers = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match numbers {
            Some(numbers) => numbers,
            // The colons of a number without its brackets would leave the port in doubt.
            None if host.contains(':') => return Err(BadAddress),
            None => host,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let port = port.parse().map_err(|_| BadAddress)?;
        if host.is_empty() || port == 0 || !host.chars().all(plain) {
            return Err(BadAddress);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

/// Whether the environment may be believed. A program that runs with more rights than its caller must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// It is the caller's own.
    Trusted,
    /// It may be an attacker's.
    Hostile,
}

impl Config {
    /// Reads the first file that is there.
    ///
    /// # Errors
    /// When that file cannot be read or understood. A file that is not there is passed over, unless the environment names it.
    pub fn load(environment: Environment) -> Result<Self, Error> {
        let trusted = environment == Environment::Trusted;
        if let Some(path) = env::var_os("STRONGROOM_PKCS11_CONFIG").filter(|path| trusted && !path.is_empty()) {
            return Self::read(Path::new(&path))?
                .ok_or_else(|| Error::Unreadable { path: PathBuf::from(path), error: io::ErrorKind::NotFound.into() });
        }
        let home = env::var_os("HOME").filter(|home| trusted && !home.is_empty());
        let own = home.map(|home| Path::new(&home).join(".config/strongroom/pkcs11.toml"));
        for path in own.iter().map(PathBuf::as_path).chain([Path::new("/etc/strongroom/pkcs11.toml")]) {
            if let Some(config) = Self::read(path)? {
                return Ok(config);
            }
        }
        Ok(Self::default())
    }

    /// Which daemon it names.
    ///
    /// # Errors
    /// [`Error::Both`], [`Error::Papers`].
    pub fn place(&self) -> Result<Place, Error> {
        let papers = (&self.certificate, &self.key, &self.ca);
        match (&self.address, &self.socket, papers) {
            (Some(_), Some(_), _) => Err(Error::Both),
            (Some(address), None, (Some(certificate), Some(key), Some(ca))) => Ok(Place::Afar {
                address: address.clone(),
                certificate: certificate.clone(),
                key: key.clone(),
                ca: ca.clone(),
            }),
            (Some(_), None, _) => Err(Error::Papers),
            (None, socket, _) => Ok(Place::Near(socket.clone().unwrap_or_else(usual_socket))),
        }
    }

    /// How long an answer may take.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout.clamp(1, LONGEST_TIMEOUT))
    }

    fn read(path: &Path) -> Result<Option<Self>, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::Unreadable { path: path.to_owned(), error }),
        };
        let malformed = |error| Error::Malformed { path: path.to_owned(), error: Box::new(error) };
        toml::from_str(&text).map(Some).map_err(malformed)
    }
}

impl Default for Config {
    /// What holds without a file.
    fn default() -> Self {
        let timeout = usual_timeout();
        Self {
            socket: None,
            address: None,
            certificate: None,
            key: None,
            ca: None,
            token: None,
            pin_source: None,
            timeout,
        }
    }
}

fn usual_socket() -> PathBuf {
    PathBuf::from("/run/strongroom/pkcs11.sock")
}

/// The daemon gives a request 30 seconds; an answer that takes twice that will not come.
fn usual_timeout() -> u64 {
    60
}

/// An hour: beyond that, a wait without a limit.
const LONGEST_TIMEOUT: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_strictly() {
        let folder = env::temp_dir().join(format!("strongroom-pkcs11-config-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let usual = Place::Near(usual_socket());
        let afar = |host: &str| Place::Afar {
            address: Address { host: host.to_owned(), port: 5698 },
            certificate: PathBuf::from("/c"),
            key: PathBuf::from("/k"),
            ca: PathBuf::from("/a"),
        };
        let papers = "certificate = '/c'\nkey = '/k'\nca = '/a'\n";
        let over = |address: &str| format!("{papers}address = '{address}'");
        for (name, text, expected) in [
            ("nothing", String::new(), Some((usual, None, 60))),
            (
                "all",
                "socket = '/a'\ntoken = 'dev'\ntimeout = 5".to_owned(),
                Some((Place::Near(PathBuf::from("/a")), Some("dev"), 5)),
            ),
            ("a name", over("tls://vault.example:5698"), Some((afar("vault.example"), None, 60))),
            ("a number", over("tls://10.0.0.1:5698"), Some((afar("10.0.0.1"), None, 60))),
            ("a long number", over("tls://[2001:db8::1]:5698"), Some((afar("2001:db8::1"), None, 60))),
            ("a long number without brackets", over("tls://2001:db8::1:5698"), None),
            ("no port", over("tls://vault.example"), None),
            ("port nought", over("tls://vault.example:0"), None),
            ("no host", over("tls://:5698"), None),
            ("a space", over("tls://vault .example:5698"), None),
            ("without TLS", over("tcp://vault.example:5698"), None),
            ("no papers", "address = 'tls://vault.example:5698'".to_owned(), None),
            ("two daemons", over("tls://vault.example:5698") + "\nsocket = '/a'", None),
            ("an unknown key", "socket = '/a'\ntokens = 'dev'".to_owned(), None),
            ("a number for a path", "socket = 7".to_owned(), None),
            ("not toml", "socket".to_owned(), None),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            let read = Config::read(&path).ok().flatten();
            let read = read.and_then(|read| Some((read.place().ok()?, read.token, read.timeout)));
            let expected = expected.map(|(place, token, timeout)| (place, token.map(str::to_owned), timeout));
            assert_eq!(read, expected, "{name}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_is_not_there_is_passed_over() {
        assert!(Config::read(Path::new("/nonexistent/pkcs11.toml")).unwrap().is_none());
    }
}
