//! KMIP over TLS: frames in, messages to the service item by item, answers out.
//!
//! A peer that breaks framing is told so and let go; everything else wrong with a message is answered in the message's own
//! version, and the connection stays.

mod batch;
mod buffer;
mod session;
mod turn;
mod undo;

pub use session::Server;
