//! What a member of the store brings: rows on some medium, and groups of changes that are applied and made durable.

use super::contract::{Batch, Error, Table, Visit};

/// Something that keeps rows: what a member of this room has to be able to do.
pub(super) trait Medium: Send + Sync + 'static {
    /// As `Store::get`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// As `Store::walk_from`.
    fn walk(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error>;

    /// The generation it was opened with.
    fn generation(&self) -> u64;

    /// Whether the batch can be applied as far as one can tell beforehand. It is refused alone where it cannot, while
    /// a failure of [`apply`](Self::apply) ends the store.
    fn admits(&self, batch: &Batch) -> Result<(), Error>;

    /// Is told that a group of this generation begins: it makes durable whatever was jotted until now.
    fn turn(&self, _generation: u64) {}

    /// Is told of the batches before they are applied, to write them down; what is told is applied next, or nothing is any
    /// more.
    fn prepare(&self, _group: &[Batch], _generation: u64) -> Result<(), Error> {
        Ok(())
    }

    /// Writes down a note of which it is enough that it survives the process, until the next group is durable, which has what
    /// stands for it. Its rows are applied only if the process ends before. Answers whether it could.
    fn jot(&self, _note: &Batch) -> Result<bool, Error> {
        Ok(false)
    }

    /// Applies the batches, in order, together with the new generation: after a crash all of it is there or nothing.
    fn apply(&self, group: &[Batch], generation: u64) -> Result<(), Error>;

    /// Makes everything applied so far survive a loss of power.
    fn sync(&self) -> Result<(), Error>;

    /// Learns up to which generation everything is durable, here or in a journal before it.
    fn reached(&self, _generation: u64) -> Result<(), Error> {
        Ok(())
    }

    /// Puts everything in order, since nothing more will be applied.
    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}
