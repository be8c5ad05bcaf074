//! Secrets in parts, of which some make the whole again (KMIP 2.0 §13.1, after Shamir).
//!
//! This room computes and nothing else: who may split or join what, and where the parts are kept, is decided above. No
//! step depends on a secret in its timing: secrets are never an index, a branch or the length of a loop.

mod binary;
mod error;
mod letters;
mod method;
mod part;
mod prime;
mod roster;
mod share;

pub use error::Error;
pub use method::{MOST_PARTS, Method, join, split};
pub use part::{Part, Polynomial};
pub use roster::{Gathering, Roster};
pub use share::{Label, Purpose, SetId, Share, Unfit};
