//! Who is asking: an identity that a front has proved, never one that a caller merely claims.

use std::{fmt, str::FromStr, sync::Arc};

/// A principal: what owns objects, is granted them, and stands in the audit log.
///
/// Two principals are the same only byte for byte; nothing is trimmed, folded or normalised.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// A registered client, by the name it was registered under. The front has matched the SHA-256 of its
    /// certificate's public key, or the kernel's word for its user, against the registration.
    Client(ClientName),
    /// A local user without a registration, by the user id the kernel gave for the socket.
    User(u32),
    /// Whoever may open the control socket.
    Operator,
    /// Somebody whom the configuration names as an operator, by the user id the kernel gave for the control socket.
    Officer(ClientName),
    /// The daemon itself, for what happens unasked.
    Daemon,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(name) => write!(f, "client:{name}"),
            Self::User(uid) => write!(f, "uid:{uid}"),
            Self::Operator => f.write_str("operator"),
            Self::Officer(name) => write!(f, "operator:{name}"),
            Self::Daemon => f.write_str("daemon"),
        }
    }
}

impl FromStr for Principal {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.split_once(':') {
            Some(("client", name)) => Ok(Self::Client(name.parse()?)),
            Some(("operator", name)) => Ok(Self::Officer(name.parse()?)),
            Some(("uid", uid)) => {
                let number: u32 = uid.parse().map_err(|_| BadName)?;
                // One spelling for each user: "+1" and "01" are nobody.
                if number.to_string() == uid { Ok(Self::User(number)) } else { Err(BadName) }
            }
            None if text == "operator" => Ok(Self::Operator),
            None if text == "daemon" => Ok(Self::Daemon),
            _ => Err(BadName),
        }
    }
}

/// The name of a registered client: 1 to 64 of `A-Z a-z 0-9 - _ .`, not starting with a dot or a dash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientName(String);

impl ClientName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientName {
    type Err = BadName;

    fn from_str(name: &str) -> Result<Self, BadName> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let sound = !name.starts_with(['-', '.']) && (1..=64).contains(&name.len()) && name.bytes().all(plain);
        if sound { Ok(Self(name.to_owned())) } else { Err(BadName) }
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that names no principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 64 of A-Z a-z 0-9 - _ . and does not start with a dash or a dot")]
pub struct BadName;

/// What a principal may do beyond its own objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Makes objects and uses its own and those granted to it.
    User,
    /// Reads and changes every object's attributes and life, but uses and reads no key that it does not own.
    Administrator,
    /// Reads attributes of every object and the audit log, and changes nothing.
    Auditor,
}

impl Role {
    /// Every role, as configuration and commands spell it.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::User, "user"), (Self::Administrator, "administrator"), (Self::Auditor, "auditor")];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Administrator => "administrator",
            Self::Auditor => "auditor",
        }
    }

    /// The role of this word, or nothing.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|&(role, _)| role)
    }
}

/// Through which door a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Front {
    /// KMIP over TLS.
    Kmip,
    /// KMIP over HTTPS.
    KmipHttps,
    /// The PKCS#11 module's socket.
    Pkcs11,
    /// The PKCS#11 module on another host, over TLS.
    Pkcs11Tls,
    /// The operator's socket.
    Control,
    /// Nobody's: the daemon's own rounds.
    Rounds,
    /// None: a client's endpoint, where the daemon is the one who knocks.
    Endpoint,
}

impl Front {
    /// The word the audit log has for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kmip => "kmip",
            Self::KmipHttps => "kmip-https",
            Self::Pkcs11 => "pkcs11",
            Self::Pkcs11Tls => "pkcs11-tls",
            Self::Control => "control",
            Self::Rounds => "rounds",
            Self::Endpoint => "endpoint",
        }
    }
}

/// Who is asking, through which door and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// What it may do beyond its own objects.
    pub role: Role,
    /// The door.
    pub front: Front,
    /// Where from, for the audit log: an address and port, or `pid 123`.
    pub from: String,
    /// Which objects this call may touch at all.
    pub scope: Scope,
}

/// Which objects a call may touch, whatever its caller may do otherwise: what a ticket leaves of its holder's rights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All that its caller may touch.
    #[default]
    Everything,
    /// Among those, the ones that are named or belong to a group that is named. Nothing new can be made.
    Only {
        /// Unique identifiers.
        objects: Arc<[String]>,
        /// Object groups.
        groups: Arc<[String]>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_reads_back_as_it_prints() {
        for text in ["client:alice", "uid:1000", "operator", "operator:anna", "daemon"] {
            assert_eq!(text.parse::<Principal>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_name_with_anything_unusual_is_refused_and_never_mended() {
        for (why, name) in [
            ("empty", ""),
            ("leading space", " alice"),
            ("trailing newline", "alice\n"),
            ("slash", "a/b"),
            ("dot dot", ".."),
            ("leading dash", "-rf"),
            ("not ASCII", "alicé"),
            ("too long", &"a".repeat(65)),
            ("a nought", "a\0"),
        ] {
            assert_eq!(name.parse::<ClientName>(), Err(BadName), "{why}");
        }
    }

    #[test]
    fn a_user_has_one_spelling() {
        for text in ["uid:01", "uid:+1", "uid: 1", "uid:", "UID:1", "operator ", "client:"] {
            assert!(text.parse::<Principal>().is_err(), "{text:?}");
        }
    }
}
