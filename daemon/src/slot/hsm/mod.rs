//! A slot over any vendor's PKCS#11 library, which runs in a worker process.
//!
//! The daemon's side (`engine`, `keeper`, `process`) starts the worker, asks it, and kills it when it does not answer. The
//! worker's side (`worker`, `token`, `session`, `vendor`) is the only place where a vendor's code runs. Between them goes
//! one small protocol (`message`, `frame`), and neither side believes the other. No key leaves the token, no vendor's
//! code ever runs in the daemon.

mod agree;
mod choice;
mod codec;
mod confine;
mod draft;
mod engine;
mod frame;
mod gather;
mod keeper;
mod key;
mod message;
mod offer;
mod process;
mod reference;
mod session;
mod settings;
mod token;
mod vendor;
mod vendors;
mod worker;

pub use choice::{Choice, Unreadable};
pub use engine::Hsm;
pub use settings::{Network, Settings};
pub use worker::work;
