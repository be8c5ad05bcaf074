//! The service over a real vault, slot, store and log: what a front may rely on.

mod house;
mod life;
mod policy;
mod work;
