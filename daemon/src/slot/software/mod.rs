//! The software slot: AWS-LC works, the vault keeps. No key leaves a function here but as the vault's to seal or as a
//! form that the caller above was allowed to ask for.

mod agree;
mod bare;
mod block;
mod bytes;
mod cbcmac;
mod ccm;
mod chacha;
mod chain;
mod cmac;
mod derive;
mod dsa;
mod edwards;
mod elliptic;
mod encoding;
mod ending;
mod engine;
mod feedback;
mod finite;
mod gather;
mod gcm;
mod gmac;
mod goldilocks;
mod hash;
mod implicit;
mod info;
mod lattice;
mod mac;
mod nameless;
mod native;
mod number;
mod offer;
mod point;
mod prehash;
mod random;
mod reserve;
mod rsa;
mod stateless;
mod stealing;
mod symmetric;
mod xts;

pub use engine::Software;
pub use random::Random;
pub use reserve::MOST as MOST_READY;
