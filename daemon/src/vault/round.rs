//! Where the round is that reseals rows by the newest data key.

use std::collections::{HashSet, VecDeque};

use crate::store::Table;

/// A row, by its table and its key.
pub(super) type Row = (Table, Vec<u8>);

/// Where the round is.
#[derive(Default)]
pub(super) struct Round {
    /// Rows to be resealed.
    pub(super) rows: VecDeque<Row>,
    /// How many there are besides.
    pub(super) more: usize,
    /// Rows that do not open. The key that may open them one day stays.
    pub(super) damaged: HashSet<Row>,
    /// Whether nothing but those is left.
    pub(super) stuck: bool,
}
