//! The module as an application meets it: through the function list, against a daemon that a test scripts.

mod application;
mod call;
mod daemon;
mod derived;
mod event;
mod hostile;
mod message;
mod parameter;
mod prelude;
mod process;
mod rehearsal;
mod sweep;
