//! What products in the field send, byte for byte by an encoder that shares nothing with ours, and what their users have
//! complained of with other servers.

mod database;
mod hypervisor;
mod lesson;
mod peer;
mod phrase;
mod storage;
mod trust;
mod wire;
mod word;
