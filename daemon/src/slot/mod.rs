//! Where keys live and cryptography happens.
//!
//! A slot makes keys, opens what the vault kept for it, and works with the key so opened. It never decides who
//! may do so, never stores anything itself, and never sees a caller.

pub mod contract;
pub mod derivation;
pub mod group;
pub mod holding;
pub mod hsm;
mod kept;
pub mod listing;
pub mod openness;
pub mod policy;
pub mod registry;
pub mod software;

pub use derivation::{
    Derivation, End, Field, Finish, Function, Method, Number, Operand, Order, Peer, Shake, Step, Sum,
};

pub use holding::{Condition, Found, Held, Member, Name, News, Why};

pub use contract::{
    DsaPublic, Error, Family, Form, Holding, Kept, Key, Made, Material, Offer, Offered, Pair, Purpose, QuantumPrivate,
    Recipe, RsaPrivate, Running, Shape, Slot,
};
