//! Derivations whose results an operator lets whoever derives keep less closely than what they are made of.
//!
//! What is made of a sensitive key is sensitive too, unless this says otherwise. Only derivations that tell nothing of
//! their key can be named: what comes out of the others is as good as what went in.

use super::{derivation::Derivation, kept::Shape};

/// The derivations, by the plain names of their mechanisms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Openness(Vec<&'static str>);

impl Openness {
    /// The derivations of these names.
    ///
    /// # Errors
    /// The name that is none of [`NAMES`].
    pub fn of(names: &[String]) -> Result<Self, &str> {
        let known = |name: &str| NAMES.iter().copied().find(|known| *known == name);
        let found = names.iter().map(|name| known(name).ok_or(name.as_str()));
        found.collect::<Result<_, _>>().map(Self)
    }

    /// Whether what is derived so may be kept less closely than its key.
    pub fn covers(&self, derivation: &Derivation, base: Shape) -> bool {
        self.0.contains(&derivation.name_from(base))
    }
}

/// The derivations that can be named.
pub const NAMES: [&str; 8] =
    ["ECDH", "DH", "ML-KEM", "HKDF", "SP800-108-COUNTER", "SP800-108-FEEDBACK", "SP800-108-PIPELINE", "TLS-PRF"];

#[cfg(test)]
mod tests {
    use strongroom_kmip::{
        mechanism::{Curve, Hash},
        secret::Secret,
    };

    use super::*;
    use crate::slot::{
        derivation::{Finish, Operand, Order, Peer},
        kept::Pair,
    };

    #[test]
    fn what_is_named_is_covered_and_nothing_else() {
        let agreement = Derivation::Agreement { peer: Peer::Bare(vec![4]), finish: Finish::Last };
        let openness = Openness::of(&["ECDH".to_owned()]).unwrap();
        let elliptic = Shape::Private(Pair::Elliptic(Curve::P256));
        assert!(openness.covers(&agreement, elliptic));
        assert!(!openness.covers(&agreement, Shape::Private(Pair::Group { bits: 2048 })), "DH");
        assert!(!openness.covers(&Derivation::Digest(Hash::Sha256), elliptic));
        assert!(!Openness::default().covers(&agreement, elliptic));
    }

    #[test]
    fn what_tells_of_its_key_cannot_be_named() {
        let bytes = || Secret::copy_of(&[1]);
        for derivation in [
            Derivation::Xor(bytes()),
            Derivation::Extract(0),
            Derivation::Join { order: Order::KeyFirst, other: Operand::Bytes(bytes()) },
        ] {
            let name = derivation.name().to_owned();
            assert_eq!(Openness::of(std::slice::from_ref(&name)), Err(name.as_str()));
        }
    }
}
