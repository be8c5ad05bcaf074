//! The PKCS#11 module of Strongroom: a thin customer of the daemon.
//!
//! An application loads `libstrongroom_pkcs11.so`; each call becomes one request on a local socket. There is no
//! cryptography here, no thread, no runtime and no copy of a key. Pointers live in [`ffi`] alone; everything below it is
//! ordinary Rust.

pub mod config;
mod descriptors;
pub mod ffi;
mod module;
mod prelude;
mod recall;
mod remote;
mod trace;
mod wakeful;
