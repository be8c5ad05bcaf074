//! The operator's socket: one line of JSON for each order, one for each answer.
//!
//! Only root and the daemon's own user are heard; the kernel says who connects. Nothing that an application may ask for
//! goes through here, and nothing here can be reached over the network.

mod client;
mod line;
mod server;
mod stream;

pub use client::{Error, receive, send};
pub use line::{Reply, read_order, write_order};
pub use server::serve;
