//! The fronts over real TLS connections: framing, batches, handshakes, limits.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod afar;
mod batch;
mod bearer;
mod bound;
mod credential;
mod door;
mod fair;
mod frames;
mod handshake;
mod https;
mod later;
mod limits;
mod line;
mod spoken;
mod tell;
mod ticket;
mod turned;
