//! The PKCS#11 module's socket: sessions, logins, handles, searches and operations under way, for applications on this
//! machine and on others.
//!
//! An application is a process of a user that the kernel names, one on another host that shows a client's certificate, or
//! one of a client that comes through KMIP. What PKCS#11 says is said to the service in KMIP's words; nothing here knows a key, and nothing is answered before it is recorded. Threads that block serve the socket,
//! a bounded number of them.

mod application;
mod attribute;
mod call;
mod connection;
mod der;
mod derivation;
mod desk;
mod guest;
mod handle;
pub mod inquiry;
mod line;
mod login;
mod mechanism;
mod object;
mod operation;
mod pace;
mod passing;
mod presence;
mod profile;
mod refusal;
mod serve;
mod session;
mod state;
mod template;
mod translate;
mod tunnel;

pub use serve::{Afar, Door, Places, open};
