//! The beginning of a store: its root key, its first data key or those that it was restored with, and the first ways to
//! unseal.

use strongroom_kmip::secret::Secret;

use super::{
    door::Vault,
    error::Error,
    factor::{self, Factor, Key as UnsealKey},
    header::{self, Header, Standing, Way},
    ring::Ring,
    seal::Root,
};
use crate::{
    chance,
    store::{Batch, Table},
};

impl Vault {
    /// Makes the root key of a new store, and a way to unseal for each key.
    ///
    /// # Errors
    /// [`Error::Broken`] when the store has a root key already, or for what nothing can be sealed with.
    pub fn initialise(&self, keys: &[UnsealKey]) -> Result<(), Error> {
        self.found(keys, &Ring::new(&*self.chance)?)
    }

    /// Makes a root key for a store whose rows another one's data keys have sealed, and a way to unseal for each key.
    ///
    /// # Errors
    /// As for [`initialise`](Self::initialise); [`Error::Damaged`] for what are no data keys.
    pub fn restore(&self, keys: &[UnsealKey], data_keys: &Secret) -> Result<(), Error> {
        self.found(keys, &Ring::read(data_keys)?)
    }

    /// The data keys that the rows of the store are sealed with, to be sealed for whoever restores them. While a data key
    /// is exchanged, rows may be written by a newer one: whoever copies rows asks again afterwards and compares.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn data_keys(&self) -> Result<Secret, Error> {
        Ok(self.opened()?.held().ring.write())
    }

    fn found(&self, keys: &[UnsealKey], ring: &Ring) -> Result<(), Error> {
        if self.is_initialised()? || keys.is_empty() {
            return Err(Error::Broken("making a root key: there is one already"));
        }
        let root = Root::new(&*self.chance)?;
        let mut ways = Vec::new();
        for (number, key) in (1..).zip(keys) {
            let salt = chance::array(&*self.chance)?;
            let part = match key {
                UnsealKey::Passphrase(phrase) => Factor::passphrase(phrase, salt, factor::tune(&*self.clock)?)?,
                UnsealKey::File(bytes) => Factor::file(bytes, salt)?,
                UnsealKey::Share(_) | UnsealKey::Slots => {
                    return Err(Error::Broken("sealing a new vault: begin with a passphrase or a key file"));
                }
            };
            ways.push(Way::close(number, Standing::Proven, vec![part], &root, &*self.chance)?);
        }
        let header = Header::new(ways, &root, ring, &*self.chance)?;
        let mut batch = Batch::new();
        batch.put(Table::Setting, header::ROW, header.write()?);
        self.store.commit(batch).wait()?;
        Ok(())
    }
}
