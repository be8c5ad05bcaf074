//! The service over a real vault, slot, store and log: what a front may rely on.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod bundle;
mod certify;
mod dates;
mod derive;
mod dsa;
mod gone;
mod house;
mod life;
mod locate;
mod model;
mod pair;
mod pin;
mod policy;
mod port;
mod quorum;
mod reason;
mod replace;
mod rules;
mod slots;
mod split;
mod stay;
mod tell;
mod work;
mod wrap;
