//! Why the vault did not do it.

use strongroom_kmip::code::State;

use super::{action::Action, identifier::ObjectId};
use crate::{
    caller::Principal,
    chance,
    sharing::{self, Label, Unfit},
    slot, store,
};

/// Why the vault did not do it. [`Unknown`](Error::Unknown) and [`Forbidden`](Error::Forbidden) must look alike to
/// whoever asked; the audit log tells them apart.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error("no object {0}")]
    Unknown(ObjectId),
    /// The policy says no.
    #[error("{who} may not {action} {object}")]
    Forbidden {
        /// Who asked.
        who: Principal,
        /// For what.
        action: Action,
        /// Of which object.
        object: ObjectId,
    },
    /// The ticket that the call came with reaches other objects only, or may be this one does not exist.
    #[error("the ticket does not reach {0}")]
    Beyond(ObjectId),
    /// The object's state says no.
    #[error("{object} is {state}: it cannot be used so")]
    State {
        /// The object.
        object: ObjectId,
        /// Where it stands in its life.
        state: State,
    },
    /// The object was put away.
    #[error("{0} is archived; recover it first")]
    Archived(ObjectId),
    /// The object is not a key of the kind that was asked for, or may not be used for this.
    #[error("{object}: {why}")]
    Use {
        /// The object.
        object: ObjectId,
        /// What is against it.
        why: &'static str,
    },
    /// The vault is sealed.
    #[error("the vault is sealed; run `strongroom unseal`")]
    Sealed,
    /// What was entered opens nothing.
    #[error("what was entered does not open the vault")]
    WrongKey,
    /// A key cannot be dealt so.
    #[error(transparent)]
    Sharing(sharing::Error),
    /// A share is not taken.
    #[error(transparent)]
    Share(#[from] Unfit),
    /// One operator has entered two shares, where each enters one.
    #[error(
        "share {number} of {label} is for another operator to enter: {who} has entered that of {other} already, and `hands` in [seal] lets each enter one"
    )]
    SameHand {
        /// Which share.
        number: u8,
        /// Whose.
        label: Label,
        /// Who enters it.
        who: Principal,
        /// Whose share they have entered before.
        other: Label,
    },
    /// Another version of this program has sealed the vault.
    #[error("the vault was sealed by another version of this program; use that one")]
    Format,
    /// What a backup has is older than what is there.
    #[error(
        "{object} is here, in generation {here}; the backup has generation {there}, which takes its place with --older only"
    )]
    Newer {
        /// The object.
        object: ObjectId,
        /// Its generation here.
        here: u64,
        /// Its generation in the backup.
        there: u64,
    },
    /// Another change to the same object has not ended in time.
    #[error("{0} is being changed by another request; try again")]
    Busy(ObjectId),
    /// The record does not fit its seal: it was damaged, swapped or rolled back.
    #[error("the stored record {0} does not fit its seal and is refused")]
    Damaged(String),
    /// The slot of this name is not configured.
    #[error("there is no slot {0}; see `strongroom slot list`")]
    NoSlot(String),
    /// What an operator says of a slot cannot be.
    #[error("slot {slot}: {why}")]
    Terms {
        /// What the slot is called, or was to be.
        slot: String,
        /// What is against it.
        why: &'static str,
    },
    /// The slot holds as many objects as its operator lets it.
    #[error("the slot is full: it may hold {most} objects; destroy some, or have an operator raise that")]
    Full {
        /// The key of the slot.
        slot: String,
        /// How many it may hold.
        most: u64,
    },
    /// The slot did not do it.
    #[error(transparent)]
    Slot(#[from] slot::Error),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The vault could not do its own work.
    #[error("the vault failed in {0}")]
    Broken(&'static str),
}

impl From<chance::Dry> for Error {
    fn from(dry: chance::Dry) -> Self {
        Self::Slot(slot::Error::Chance(dry))
    }
}
