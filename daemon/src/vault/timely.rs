//! Whose dates have come, asked of the open vault.

use std::sync::PoisonError;

use super::{
    door::Vault,
    due::{self, Moment},
    error::Error,
    identifier::ObjectId,
};

impl Vault {
    /// The objects that a date moves on in their lives now, the earliest first and so many at most.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn turns(&self, most: usize) -> Result<Vec<ObjectId>, Error> {
        let opened = self.opened()?;
        let index = opened.index.read().unwrap_or_else(PoisonError::into_inner);
        Ok(index.due().turns(self.now().seconds()).take(most).cloned().collect())
    }

    /// What has opened or closed for which keys after `since`, the earliest first.
    ///
    /// # Errors
    /// [`Error::Sealed`].
    pub fn windows(&self, since: i64) -> Result<Vec<(ObjectId, Moment)>, Error> {
        let opened = self.opened()?;
        let index = opened.index.read().unwrap_or_else(PoisonError::into_inner);
        let moments = |(date, id): (i64, &ObjectId)| {
            let object = index.get(id)?;
            let came = due::windows(object).filter(|(when, _)| *when == date);
            Some(came.map(|(_, moment)| (id.clone(), moment)).collect::<Vec<_>>())
        };
        Ok(index.due().windows(since, self.now().seconds()).filter_map(moments).flatten().collect())
    }
}
