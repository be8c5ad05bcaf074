//! The configuration: one file, one table for each room, and reading files that must be nobody else's to change.
//!
//! Nothing here opens a socket or a store. What the file may say is listed in docs/configuration.md; what it does not know is
//! refused by line.

mod endpoint;
mod error;
mod file;
mod member;
mod quorum;
mod schema;
mod slot;
mod table;
mod tls;

pub use endpoint::{Encoding, Endpoint, Told};
pub use error::{Error, Exposed};
pub use file::{Secrecy, create, line, read};
pub use quorum::{Operator, Quorum};
pub use slot::{Mechanisms, Slot, SlotKind};
pub use table::{Audit, Control, Durability, Hands, Kmip, Limits, Method, Pkcs11, Seal, Settings, Store};
pub use tls::{credentials, endpoint_credentials, papers};
