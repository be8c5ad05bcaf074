//! The only door to an object: policy, state, seal.
//!
//! The vault decides who may do what, opens what is sealed, and hands out proofs: a [`Permit`] that only the policy
//! makes, a [`Usable`] key whose state allows its use, a [`Change`] that is kept whole or not at all. It never speaks
//! to a peer, never writes the audit log, and nobody above it sees a slot or a stored object.

mod action;
mod ahead;
mod change;
mod chunk;
mod cipher;
mod claim;
mod client;
mod door;
mod due;
mod entering;
mod entry;
mod errand;
mod error;
mod exchange;
mod factor;
mod find;
mod flight;
mod founding;
pub mod guard;
mod header;
mod hold;
mod identifier;
mod index;
mod load;
mod lodge;
mod made;
mod manifest;
mod marks;
mod nonce;
mod opened;
mod pair;
mod policy;
mod recipient;
mod record;
mod recovery;
mod rekey;
mod ring;
mod roll;
mod rotate;
mod round;
mod seal;
mod shelf;
mod slots;
mod spend;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod timely;
mod usable;
mod view;
mod whole;

pub use crate::slot::{
    Condition, Derivation, DsaPublic, End, Error as SlotError, Family, Field, Finish, Form, Function, Held, Kept, Made,
    Material, Member, Method, News, Number, Offer, Offered, Operand, Order, Pair, Peer, Purpose, QuantumPrivate,
    Recipe, RsaPrivate, Shake, Shape, Step, Sum, Why, group::Group, listing, policy::Level as MechanismLevel,
};

pub use action::{Action, Level};
pub use change::Change;
pub use client::{Bearer, Client, Grant};
pub use door::{New, Vault};
pub use due::{Moment, turn};
pub use entering::Entered;
pub use entry::{FactorRow, Hands, WayRow};
pub use error::Error;
pub use factor::{Key as UnsealKey, Wanted};
pub use find::{Found, Query};
pub use identifier::ObjectId;
pub use marks::Spent;
pub use opened::Findings;
pub use policy::Permit;
pub use recipient::{Recipient, open as open_for};
pub use record::{Body, Meta, Object};
pub use recovery::Recovery;
pub use rekey::{Others, Rekeyed};
pub use rotate::{Resealed, Rotating};
pub use seal::{Place, Sealer};
pub use slots::{Fitted, PROTECTIONS, Terms};
pub use state::{Event, after, is_destroyed};
pub use usable::{Usable, Work};
pub use view::{Base, Content, Released, View};
pub use whole::{Older, PutBack, Refill, Whole};
