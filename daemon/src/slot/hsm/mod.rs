//! A slot over any vendor's PKCS#11 library, which runs in a worker process.
//!
//! The daemon's side (`engine`, `keeper`, `process`) starts the worker, asks it, and kills it when it does not answer. The
//! worker's side (`worker`, `token`, `session`, `vendor`) is the only place where a vendor's code runs. Between them goes
//! one small protocol (`message`, `frame`), and neither side believes the other. No key leaves the token, no vendor's
//! code ever runs in the daemon.
//!
//! Several tokens that hold the same keys are one slot, a `cluster` over a slot for each: it chooses among those that have a
//! key (`pool`, `presence`, `joint`), and has keys brought over, encrypted by the tokens, where they do not do so themselves
//! (`spread`, and `carry` in the worker).

mod agree;
mod cargo;
mod carry;
mod choice;
mod cluster;
mod codec;
mod confine;
mod draft;
mod engine;
mod frame;
mod gather;
mod joint;
mod keeper;
mod key;
mod listing;
mod message;
mod offer;
mod pool;
mod presence;
mod process;
mod reference;
mod round;
mod session;
mod settings;
mod spread;
mod token;
mod vendor;
mod vendors;
mod worker;

pub use choice::{Choice, Unreadable};
pub use cluster::Cluster;
pub use engine::Hsm;
pub use settings::{Network, Settings};
pub use worker::work;
