//! The command line: what it says, and the verbs behind it.
//!
//! Most verbs are orders to a running daemon, over its control socket; `init`, `serve` and `dev` build the house themselves.

mod approval;
mod args;
mod ask;
mod audit;
mod backup;
mod berth;
mod client;
mod credential;
mod daemon;
mod decode;
mod dev;
mod error;
mod init;
mod key;
mod man;
mod migrate;
mod operator;
mod pkcs11;
mod print;
mod push;
mod restore;
mod run;
mod safe;
mod seal;
mod seat;
mod slot;
mod voice;

pub use run::run;
