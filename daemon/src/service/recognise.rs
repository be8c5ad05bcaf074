//! Who knocks: a peer is held against who is registered, by all that it has shown.

use super::{
    bearer::Bearer,
    registry::{Error, Service},
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Reason, Who},
    caller::{ClientName, Front, Role},
    receipt::Receipt,
    vault::{self, Client},
};

/// What a peer has shown of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// The SHA-256 of its certificate's SubjectPublicKeyInfo, once TLS has proved that it has the key.
    pub key: Option<[u8; 32]>,
    /// A bearer token.
    pub bearer: Option<Bearer>,
}

/// Whom a peer turns out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A registered client.
    Known(ClientName, Role),
    /// Nobody, or somebody whose registration was revoked.
    Unknown,
    /// Nobody can tell while the vault is sealed.
    Sealed,
}

/// Why a peer was turned away before it could ask anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// It showed no certificate of an authority that is trusted here, or broke the handshake off.
    Untrusted,
    /// Its certificate is sound and its key is nobody's.
    Unregistered,
    /// Its key, or its token, has too many connections already.
    Crowded,
    /// The vault is sealed, so nobody can tell whose its key is.
    Sealed,
    /// What it sent could not be read.
    Unreadable,
    /// It showed neither a certificate nor a token.
    Bare,
    /// Its token is nobody's.
    Unissued,
    /// The time of its token is over.
    Expired,
    /// Its certificate and its token are of different clients.
    Torn,
}

impl Service {
    /// Whose key this is: the SHA-256 of a certificate's SubjectPublicKeyInfo.
    pub fn recognise(&self, spki: &[u8; 32]) -> Recognised {
        recognised(self.vault.client_holding(spki))
    }

    /// Which client this local user is.
    pub fn recognise_user(&self, uid: u32) -> Recognised {
        recognised(self.vault.client_of_user(uid))
    }

    /// Who has shown this. Whatever is shown must be right, and all of it the same client's.
    ///
    /// # Errors
    /// [`Turned`]: why it is nobody.
    pub fn identify(&self, shown: &Shown) -> Result<Recognised, Turned> {
        let key = shown.key.map(|key| self.recognise(&key));
        if key == Some(Recognised::Unknown) {
            return Err(Turned::Unregistered);
        }
        let Some(bearer) = shown.bearer else { return key.ok_or(Turned::Bare) };
        let Ok(found) = self.vault.client_bearing(&bearer.hash()) else { return Ok(Recognised::Sealed) };
        let (client, token) = found.ok_or(Turned::Unissued)?;
        if token.until <= self.vault.now().seconds() {
            return Err(Turned::Expired);
        }
        match key {
            Some(Recognised::Known(name, _)) if name != client.name => Err(Turned::Torn),
            // Sealed between the two looks.
            Some(Recognised::Sealed) => Ok(Recognised::Sealed),
            _ => Ok(Recognised::Known(client.name, client.role)),
        }
    }

    /// Records a peer that was turned away before it could ask anything. What it is answered waits for the receipt.
    pub fn turned_away(&self, front: Front, from: &str, key: Option<[u8; 32]>, why: Turned) -> Receipt<(), Error> {
        let (event, reason) = match why {
            Turned::Untrusted => (Event::TlsRefused, "untrusted"),
            Turned::Unregistered => (Event::TlsRefused, "unregistered"),
            Turned::Crowded => (Event::TlsRefused, "crowded"),
            Turned::Sealed => (Event::TlsRefused, "sealed"),
            Turned::Unreadable => (Event::Unreadable, "unreadable"),
            Turned::Bare => (Event::BearerRefused, "none"),
            Turned::Unissued => (Event::BearerRefused, "unknown"),
            Turned::Expired => (Event::BearerRefused, "expired"),
            Turned::Torn => (Event::BearerRefused, "of another client"),
        };
        let outcome = Outcome::Refused(Reason::Named(reason));
        let mut entry = Entry::new(Who::Stranger { front, from }, audit::Action::Event(event), outcome);
        entry.key = key;
        self.settle(&entry, Durability::Sync, None)
    }
}

fn recognised(client: Result<Option<Client>, vault::Error>) -> Recognised {
    match client {
        Ok(Some(client)) => Recognised::Known(client.name, client.role),
        Ok(None) => Recognised::Unknown,
        Err(_) => Recognised::Sealed,
    }
}
