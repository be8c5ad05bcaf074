//! What is reported of the seal.

use serde::{Deserialize, Serialize};

/// How it stands with the seal.
#[derive(Debug, Serialize, Deserialize)]
pub struct SealStatus {
    /// The ways to unseal.
    pub ways: Vec<WayRow>,
    /// Rows that an exchange of the data key has still to reseal; nothing when none is under way.
    pub resealing: Option<usize>,
    /// Who can open backups, while the vault is open.
    pub recovery: Option<FactorRow>,
}

/// A way to unseal: all of its factors have to be entered.
#[derive(Debug, Serialize, Deserialize)]
pub struct WayRow {
    /// Its number.
    pub number: u32,
    /// Whether somebody has shown that they hold what it takes.
    pub proven: bool,
    /// What has to be entered.
    pub factors: Vec<FactorRow>,
}

/// Something that has to be entered.
#[derive(Debug, Serialize, Deserialize)]
pub struct FactorRow {
    /// `passphrase`, `key file`, `shares` or `slot`.
    pub kind: String,
    /// How many entries it takes.
    pub needed: usize,
    /// How many were made.
    pub entered: usize,
    /// Whose shares were entered, or whose there are when none were; the slot.
    pub names: Vec<String>,
}

/// Shares that were dealt. They are kept nowhere.
#[derive(Debug, Serialize, Deserialize)]
pub struct Dealt {
    /// The way to unseal that they are for; nothing for recovery shares.
    pub way: Option<u32>,
    /// Whether it is known to work. If not, the other ways stay until enough shares were entered.
    pub proven: bool,
    /// How many are needed; nothing where there are none.
    pub threshold: Option<u8>,
    /// By number.
    pub shares: Vec<ShareRow>,
}

/// A share for its holder.
#[derive(Serialize, Deserialize)]
pub struct ShareRow {
    /// Its number.
    pub number: u8,
    /// Who is to hold it.
    pub holder: String,
    /// The line that the holder keeps.
    pub share: String,
}

impl std::fmt::Debug for ShareRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShareRow({} {})", self.number, self.holder)
    }
}
