//! The audit log from outside: what it keeps, what it survives, that every damage is found and named, and that a verifier
//! which shares no code with ours agrees.

mod agree;
mod damage;
mod keep;
mod proof;
mod scene;
