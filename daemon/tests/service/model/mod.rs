//! Any sequence of requests, held against a simple model of what objects are: who owns them, which state they are in, what
//! they may be used for. The model knows nothing of tables, records or indexes; the two must agree on every answer.

mod expect;
mod learn;
mod request;
mod step;
mod thing;
pub mod walk;
