//! The functions of PKCS#11, a file for each group.

mod contract;
mod copy;
mod create;
mod derive;
mod dual;
mod find;
mod generate;
mod message;
mod object;
mod random;
mod release;
mod session;
mod sign;
mod slot;
mod state;
mod table;
mod token;
mod work;
mod wrap;

pub use table::serve;
