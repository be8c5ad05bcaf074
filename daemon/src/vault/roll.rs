//! Who is registered, asked of the open vault.

use std::sync::PoisonError;

use super::{
    client::{Bearer, Client, Clients},
    door::Vault,
    error::Error,
};
use crate::caller::ClientName;

impl Vault {
    /// The client that holds this key: SHA-256 of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn client_holding(&self, spki: &[u8; 32]) -> Result<Option<Client>, Error> {
        self.clients(|clients| clients.holding(spki).cloned())
    }

    /// The client that has the token of this hash, and the token, also when its time is over.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn client_bearing(&self, hash: &[u8; 32]) -> Result<Option<(Client, Bearer)>, Error> {
        self.clients(|clients| clients.bearing(hash).map(|(client, bearer)| (client.clone(), bearer.clone())))
    }

    /// The client that is this local user.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn client_of_user(&self, uid: u32) -> Result<Option<Client>, Error> {
        self.clients(|clients| clients.of_user(uid).cloned())
    }

    /// The client of this name, revoked or not.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn client(&self, name: &ClientName) -> Result<Option<Client>, Error> {
        self.clients(|clients| clients.named(name).cloned())
    }

    /// Every client, by name.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn all_clients(&self) -> Result<Vec<Client>, Error> {
        self.clients(|clients| clients.all().to_vec())
    }

    fn clients<T>(&self, look: impl FnOnce(&Clients) -> T) -> Result<T, Error> {
        let opened = self.opened()?;
        let clients = opened.clients.read().unwrap_or_else(PoisonError::into_inner);
        Ok(look(&clients))
    }
}
