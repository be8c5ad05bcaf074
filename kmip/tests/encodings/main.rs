//! What the encodings promise, held against generated messages, an independent reader and the standard's own cases.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]
#![cfg(test)]

mod answers;
mod batch;
mod cases;
mod laws;
mod life;
mod oasis;
mod objects;
mod oracle;
mod printed;
mod refused;
mod samples;
