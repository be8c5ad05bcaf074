//! What a change does to the seal: one row, which is written with the change, and used once that is durable.

use super::{change::Change, error::Error, opened::Held};

impl Change {
    /// Claims the seal: nobody else changes it until this change is kept or dropped.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub(super) fn seize_seal(&mut self) -> Result<(), Error> {
        self.seize("seal")
    }

    /// Writes what the vault is sealed with from now on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn put_seal(&mut self, held: Held) -> Result<(), Error> {
        self.seal = Some(held.header.write()?);
        let opened = self.opened();
        self.afterwards(move || {
            if let Err(error) = opened.exchange(held) {
                log::error!("the new seal is in the store, and is not used before the vault is opened again: {error}");
            }
        });
        Ok(())
    }
}
