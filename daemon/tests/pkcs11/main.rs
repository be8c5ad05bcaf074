//! The PKCS#11 socket, spoken to in the wire's own words: the rules of sessions, logins, objects and operations.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod application;
mod bring;
mod copy;
mod curve;
mod derive;
mod dsa;
mod fair;
mod finite;
mod frames;
mod house;
mod login;
mod mechanism;
mod message;
mod object;
mod operation;
mod pair;
mod passing;
mod password;
mod policy;
mod quantum;
mod record;
mod recover;
mod sealed;
mod several;
mod state;
mod trust;
mod tunnel;
mod wrap;
