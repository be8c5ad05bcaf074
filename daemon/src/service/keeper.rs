//! How the audit log keeps its signing key between runs: sealed by the vault.

use strongroom_kmip::secret::Secret;

use crate::{
    audit,
    vault::{Place, Sealer},
};

/// The vault's seal, lent to the log.
pub struct Keeper {
    sealer: Sealer,
}

impl Keeper {
    /// A keeper with the vault's seal for the log.
    pub fn new(sealer: Sealer) -> Self {
        Self { sealer }
    }
}

impl audit::Keeper for Keeper {
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.sealer.close(&PLACE, plain).ok()
    }
    fn open(&self, sealed: &[u8]) -> Option<Secret> {
        self.sealer.open(&PLACE, sealed).ok()
    }
}

const PLACE: Place<'static> = Place { table: "audit", key: "epoch", part: "key", generation: 0 };
