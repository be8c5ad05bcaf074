//! One typed name for every way of using a key.
//!
//! KMIP's Cryptographic Parameters, PKCS#11's CK_MECHANISM and JOSE's `alg` each say a part of it; all three are
//! translated into a [`Mechanism`] before a slot sees them. What is true of a mechanism whoever does it stands in one
//! row of [`offered`]; what a slot can do of it, and how a front names its parameters, stand with them.

mod curve;
mod hash;
mod keys;
mod number;
mod offered;
mod quantum;
mod way;

pub use curve::Curve;
pub use hash::{Facts as HashFacts, Hash};
pub use keys::{Family, Keys};
pub use number::Number;
pub use offered::{Facts, Offered, Unit, Work};
pub use quantum::{ParameterSet, SetFacts};
pub use way::{Block, Form, Input, Mechanism, Mode, Padding, Prehash, Side, Signing};
