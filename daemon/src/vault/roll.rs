//! Who is registered: asked of the open vault, and changed.

use std::sync::PoisonError;

use super::{
    change::Change,
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

impl Change {
    /// Enters a client, in place of the one of its name.
    pub fn put_client(&mut self, client: Client) {
        self.clients.push(client);
    }

    /// Claims a name and a key for a client that is to be known by them: whoever asks next whether they are free asks when
    /// this change is kept or dropped.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn reserve_client(&mut self, name: &ClientName, key: &[u8; 32]) -> Result<(), Error> {
        self.seize(&format!("client {name}"))?;
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.seize(&format!("key {hex}"))
    }

    /// Changes a client as it stands now. Until the change is committed or dropped, nobody else changes it so: what an
    /// operator has ordered meanwhile is never written over.
    ///
    /// # Errors
    /// [`Error::Busy`], or what `edit` says; then the client is as it was.
    pub fn edit_client<E: From<Error>>(
        &mut self,
        name: &ClientName,
        edit: impl FnOnce(&mut Client) -> Result<(), E>,
    ) -> Result<(), E> {
        self.seize(&format!("client {name}"))?;
        let written = self.clients.iter().rev().find(|client| client.name == *name).cloned();
        let opened = self.opened();
        let known = || opened.clients.read().unwrap_or_else(PoisonError::into_inner).named(name).cloned();
        let mut client = written.or_else(known).ok_or(Error::Broken("changing a client that is not registered"))?;
        edit(&mut client)?;
        self.put_client(client);
        Ok(())
    }
}
