//! The KMIP front over real TLS connections: framing, batches, handshakes, limits.

mod batch;
mod door;
mod frames;
mod handshake;
mod limits;
