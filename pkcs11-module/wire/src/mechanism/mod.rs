//! Mechanisms: what a call does with a key, and with which parameters.

mod kind;
mod likeness;
mod parameter;

pub use kind::MechanismType;
pub use parameter::*;
