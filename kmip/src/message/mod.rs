//! Messages: a header and a batch of items (KMIP 2.1 §8).
//!
//! One bad item fails alone; the others are read. A message that cannot be read at all still gives its version where
//! it can, so that the answer can be in it.

mod credential;
mod header;
mod request;
mod response;

pub use credential::{
    Attestation, Authentication, Credential, Device, HashedPassword, Nonce, OneTimePassword, TicketCredential,
    UsernameAndPassword,
};
pub use header::{Asynchronous, MessageExtension, RequestHeader, ResponseHeader};
pub use request::{LARGEST_BATCH, RequestItem, RequestMessage, Unreadable};
pub use response::{ResponseItem, ResponseMessage};
