//! The functions of PKCS#11, a file for each group.

mod contract;
mod copy;
mod create;
mod derive;
mod dual;
mod encapsulate;
mod find;
mod generate;
mod message;
mod object;
mod random;
mod recover;
mod release;
mod sealing;
mod session;
mod sign;
mod slot;
mod state;
mod table;
mod token;
mod work;
mod wrap;

pub use table::serve;
