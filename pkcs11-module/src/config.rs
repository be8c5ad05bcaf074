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
    /// The daemon's socket.
    #[serde(default = "usual_socket")]
    pub socket: PathBuf,
    /// The label of the only token to show; all of them when absent.
    #[serde(default)]
    pub token: Option<String>,
    /// How long an answer may take, in seconds.
    #[serde(default = "usual_timeout")]
    pub timeout: u64,
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
        Ok(Self { socket: usual_socket(), token: None, timeout: usual_timeout() })
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
        for (name, text, expected) in [
            ("nothing", "", Some(("/run/strongroom/pkcs11.sock", None, 60))),
            ("all", "socket = '/a'\ntoken = 'dev'\ntimeout = 5", Some(("/a", Some("dev"), 5))),
            ("an unknown key", "socket = '/a'\ntokens = 'dev'", None),
            ("a number for a path", "socket = 7", None),
            ("not toml", "socket", None),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            let read = Config::read(&path).ok().flatten();
            let expected = expected.map(|(socket, token, timeout)| Config {
                socket: PathBuf::from(socket),
                token: token.map(str::to_owned),
                timeout,
            });
            assert_eq!(read, expected, "{name}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_is_not_there_is_passed_over() {
        assert!(Config::read(Path::new("/nonexistent/pkcs11.toml")).unwrap().is_none());
    }
}
