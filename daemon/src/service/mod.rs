//! What the house can do: one verb, with its mirror, per file.
//!
//! A verb is a few lines that ask the vault. What all verbs share is done once, in the registry: the call is opened,
//! performed, written to the audit log, and only then committed and answered. Nothing here touches a slot or a row.

pub mod call;
pub mod contract;
pub mod order;
pub mod refusal;
pub mod registry;
pub mod stream;
mod stretch;
pub mod token;

mod activate;
mod add_attribute;
mod alter;
mod attempt;
mod bundle;
mod certificate;
mod checking;
mod create;
mod create_key_pair;
mod create_split_key;
mod creation;
mod credential;
mod decrypt;
mod delegated_login;
mod delete_attribute;
mod derive_key;
mod descent;
mod destroy;
mod discover_versions;
mod distinguished;
mod encrypt;
mod export;
mod get;
mod get_attribute_list;
mod get_attributes;
mod hash;
mod import;
mod join_split_key;
mod keeper;
mod locate;
mod login;
mod logout;
mod mac;
mod mac_verify;
mod material;
mod modify_attribute;
pub mod operator;
mod parameters;
mod parts;
mod query;
mod re_key;
mod re_key_key_pair;
mod reconcile;
mod register;
mod replacing;
mod revoke;
mod rng_retrieve;
mod set_attribute;
pub mod showing;
mod sign;
mod signature_verify;
mod standing;
mod ticket;
mod together;
mod told;
mod working;
mod wrapping;

pub use discover_versions::SERVED as VERSIONS;
pub use order::{Order, Report};
pub use query::{OBJECTS, VENDOR};
pub use refusal::Refusal;
pub use registry::{Answer, Ask, Error, Recognised, SERVED, Service, Turned};
pub use showing::{Prepared, Served, SlotView};
pub use standing::Standing;
pub use together::Together;
pub use token::{LONGEST as LONGEST_PIN, PinError, PinOf, SHORTEST as SHORTEST_PIN, TokenState};

pub use crate::vault::{Body, Family, Object, ObjectId, Offered, Pair, Purpose, Shape};
