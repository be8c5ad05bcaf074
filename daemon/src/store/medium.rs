//! What a member of the store brings: rows on some medium, and groups of changes that are applied and made durable.

use super::contract::{Batch, Error, Table, Visit};

/// Something that keeps rows: what a member of this room has to be able to do.
pub(super) trait Medium: Send + Sync + 'static {
    /// As `Store::get`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// As `Store::walk`.
    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), Error>;

    /// The generation it was opened with.
    fn generation(&self) -> u64;

    /// Whether the batch can be applied as far as one can tell beforehand. It is refused alone where it cannot, while
    /// a failure of [`apply`](Self::apply) ends the store.
    fn admits(&self, batch: &Batch) -> Result<(), Error>;

    /// Applies the batches, in order, together with the new generation: after a crash all of it is there or nothing.
    fn apply(&self, group: &[Batch], generation: u64) -> Result<(), Error>;

    /// Makes everything applied so far, which is up to `generation`, survive a loss of power.
    fn sync(&self, generation: u64) -> Result<(), Error>;
}
