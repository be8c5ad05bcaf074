//! Moving house: keys, certificates and secrets from where they were kept before, and back out where policy lets them.
//!
//! Everything enters and leaves as a KMIP client's request, over TLS: the daemon sees nothing here but one more client, whose
//! objects these are, and policy, log and limits hold as for any other. Libraries and files of other makers are read in this
//! program and never in the daemon. Nothing at the source is ever changed.

mod args;
mod card;
mod error;
mod export;
mod file;
mod folder;
mod import;
mod jwk;
mod parcel;
mod peer;
mod plain;
mod server;
mod token;

pub(super) use args::{Export, Import};
pub(super) use error::Error;
pub(super) use export::export;
pub(super) use import::import;
