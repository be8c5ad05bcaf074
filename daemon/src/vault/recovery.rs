//! Who can open backups: the holders of recovery shares. The key that the shares make is kept nowhere; the vault knows the
//! recipient that backups are sealed for.

use serde::{Deserialize, Serialize};
use strongroom_kmip::secret::Secret;

use super::{change::Change, door::Vault, error::Error, recipient::Recipient};
use crate::{
    chance,
    sharing::{Label, Purpose, Roster, Share},
};

/// Who can open backups.
#[derive(Debug)]
pub struct Recovery {
    /// Who holds the shares. It goes with each backup, in the open.
    pub roster: Roster,
    /// Whom backups are sealed for: [`open_for`](super::open_for) opens with the key that the shares make.
    pub recipient: Recipient,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    roster: Roster,
    public: [u8; 32],
    shared: [u8; 32],
}

impl Vault {
    /// Deals a new recovery key in shares, which are kept nowhere. Backups that are made later are sealed for it; earlier ones
    /// open with the earlier shares.
    ///
    /// # Errors
    /// [`Error::Sharing`] for numbers that cannot be.
    pub fn make_recovery(&self, change: &mut Change, threshold: u8, labels: &[Label]) -> Result<Vec<Share>, Error> {
        let key = Secret::copy_of(&chance::array::<32>(&*self.chance)?);
        let dealt = Roster::deal(&key, Purpose::Recovery, threshold, labels, &*self.chance);
        let (roster, shares) = dealt.map_err(Error::Sharing)?;
        let recipient = Recipient::of(&key)?;
        let shared = recipient.shared().reveal().try_into().map_err(|_| BROKEN)?;
        let kept = Kept { roster, public: *recipient.public(), shared };
        let row = serde_json::to_vec(&kept).map_err(|_| BROKEN)?;
        change.put_setting(ROW, Some(Secret::new(row)));
        Ok(shares)
    }

    /// Who can open backups, if anybody was named.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Damaged`].
    pub fn recovery(&self) -> Result<Option<Recovery>, Error> {
        let Some(row) = self.setting(ROW)? else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(row.reveal()).map_err(|_| Error::Damaged(format!("setting/{ROW}")))?;
        let recipient = Recipient::new(kept.public, Secret::copy_of(&kept.shared));
        Ok(Some(Recovery { roster: kept.roster, recipient }))
    }
}

const ROW: &str = "recovery";
const BROKEN: Error = Error::Broken("making a recovery key");
