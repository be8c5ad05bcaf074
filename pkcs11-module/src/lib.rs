//! The PKCS#11 module of Strongroom: a thin customer of the daemon.
//!
//! An application loads `libstrongroom_pkcs11.so`; each call becomes one request on a local socket, or over TLS to another
//! host. There is no cryptography here beyond that transport, no thread, no runtime and no copy of a key. Pointers live in [`ffi`]
//! alone; everything below it is ordinary Rust.

pub mod config;
mod descriptors;
pub mod ffi;
mod line;
mod long;
mod module;
mod prelude;
mod recall;
mod remote;
mod source;
mod spare;
mod trace;
mod wakeful;
