//! KMIP, over TLS and over HTTPS: messages in, to the service item by item, answers out.
//!
//! A peer that breaks framing is told so and let go; everything else wrong with a message is answered in the message's own
//! version and encoding, and the connection stays.

mod batch;
mod buffer;
mod desk;
pub mod encoding;
pub mod http;
mod https;
mod later;
mod room;
mod server;
mod session;
mod turn;
mod undo;

pub use desk::Desk;
pub use server::{Carrier, Server};
