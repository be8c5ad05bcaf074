//! Who is registered: the names, roles and keys that fronts match callers against.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};

use super::{
    action::Level,
    error::Error,
    seal::{Place, Sealer},
};
use crate::{
    caller::{ClientName, Principal, Role},
    store::Table,
};

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its name; it never changes and is never given to another.
    pub name: ClientName,
    /// What it may do beyond its own objects.
    pub role: Role,
    /// SHA-256 of the SubjectPublicKeyInfo of each certificate it was issued.
    pub keys: Vec<[u8; 32]>,
    /// The local user that is this client on the PKCS#11 socket.
    pub user: Option<u32>,
    /// When it was registered, in seconds since 1970.
    pub since: i64,
    /// Whether it was revoked; a revoked client stays on record, and its objects stay its own.
    pub revoked: bool,
    /// Whether its KMIP messages must show a credential besides.
    pub strict: bool,
    /// The tokens it may show where it shows no certificate.
    pub bearers: Vec<Bearer>,
}

/// A bearer token that a client was given. The token itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it was given, in seconds since 1970.
    pub since: i64,
    /// From when on it is good for nothing, in seconds since 1970.
    pub until: i64,
}

impl Client {
    /// The row's key.
    pub fn row(&self) -> &[u8] {
        self.name.as_str().as_bytes()
    }

    /// The row.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub fn close(&self, sealer: &Sealer) -> Result<Vec<u8>, Error> {
        let row = Row {
            role: self.role.word().to_owned(),
            keys: self.keys.clone(),
            user: self.user,
            since: self.since,
            revoked: self.revoked,
            strict: self.strict,
            bearers: self.bearers.clone(),
        };
        let plain = serde_json::to_vec(&row).map_err(|_| Error::Broken("writing a client"))?;
        sealer.close(&place(self.name.as_str()), &plain)
    }

    /// Reads a row back.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not fit its seal or says nothing sensible.
    pub fn open(key: &[u8], row: &[u8], sealer: &Sealer) -> Result<Self, Error> {
        let damaged = || Error::Damaged(format!("client/{}", String::from_utf8_lossy(key)));
        let name = std::str::from_utf8(key).map_err(|_| damaged())?;
        let plain = sealer.open(&place(name), row)?;
        let row: Row = serde_json::from_slice(plain.reveal()).map_err(|_| damaged())?;
        Ok(Self {
            name: name.parse().map_err(|_| damaged())?,
            role: Role::named(&row.role).ok_or_else(damaged)?,
            keys: row.keys,
            user: row.user,
            since: row.since,
            revoked: row.revoked,
            strict: row.strict,
            bearers: row.bearers,
        })
    }
}

/// Every registered client.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    all: Vec<Client>,
}

impl Clients {
    /// Enters a client, in place of the one of its name.
    pub fn enter(&mut self, client: Client) {
        self.all.retain(|known| known.name != client.name);
        self.all.push(client);
        self.all.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// The client of this name, revoked or not.
    pub fn named(&self, name: &ClientName) -> Option<&Client> {
        self.all.iter().find(|client| client.name == *name)
    }

    /// The client that holds this key and is not revoked.
    pub fn holding(&self, spki: &[u8; 32]) -> Option<&Client> {
        self.all.iter().find(|client| !client.revoked && client.keys.contains(spki))
    }

    /// The client that has the token of this hash and is not revoked, and the token, also when its time is over.
    pub fn bearing(&self, hash: &[u8; 32]) -> Option<(&Client, &Bearer)> {
        let standing = self.all.iter().filter(|client| !client.revoked);
        let mut all = standing.flat_map(|client| client.bearers.iter().map(move |bearer| (client, bearer)));
        all.find(|(_, bearer)| verify_slices_are_equal(&bearer.hash, hash).is_ok())
    }

    /// The client that is this local user and is not revoked.
    pub fn of_user(&self, uid: u32) -> Option<&Client> {
        self.all.iter().find(|client| !client.revoked && client.user == Some(uid))
    }

    /// All of them, by name.
    pub fn all(&self) -> &[Client] {
        &self.all
    }
}

/// What somebody is granted on an object that is another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub to: Principal,
    /// What; nothing takes the grant back.
    pub level: Option<Level>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    role: String,
    keys: Vec<[u8; 32]>,
    user: Option<u32>,
    since: i64,
    revoked: bool,
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    bearers: Vec<Bearer>,
}

/// Where a client's row belongs.
pub(super) fn place(name: &str) -> Place<'_> {
    Place { table: Table::Client.name(), key: name, part: "client", generation: 0 }
}
