//! What a slot offers once its mechanism policy has had its say, for those who list mechanisms before they use one.

use strongroom_kmip::mechanism::{Curve, Keys, Offered, ParameterSet, Work};

use super::{
    contract::{Family, Offer, Pair, Purpose, Recipe, Shape},
    policy::{self, Level},
};

/// The purposes of an offer that a slot of this level serves for at least one length of key; nothing when the level
/// leaves nothing of the offer.
pub fn purposes(level: Level, offer: &Offer) -> Option<Vec<Purpose>> {
    let facts = offer.mechanism.facts();
    if offer.mechanism == Offered::Pbkdf2 {
        return policy::check_password(level).is_ok().then(Vec::new);
    }
    if matches!(facts.work, Work::Key | Work::Pair) {
        let recipe = recipe(facts.keys, offer.bits.1)?;
        return policy::check_recipe(level, &recipe).is_ok().then(Vec::new);
    }
    if let Offered::Digest(hash) = offer.mechanism {
        return policy::check_digest(level, hash).is_ok().then(Vec::new);
    }
    let Some(mechanism) = offer.mechanism.usual() else {
        let worn = matches!(facts.keys, Keys::Symmetric(_)).then(|| recipe(facts.keys, offer.bits.1)).flatten();
        let allowed = worn.is_none_or(|recipe| policy::check_recipe(level, &recipe).is_ok());
        return allowed.then(|| offer.purposes.to_vec());
    };
    let allowed = |purpose: &Purpose| {
        let shape = recipe(facts.keys, offer.bits.1).map(|recipe| shape(&recipe, *purpose));
        shape.is_some_and(|shape| policy::check(level, *purpose, &mechanism, shape).is_ok())
    };
    let left: Vec<Purpose> = offer.purposes.iter().copied().filter(allowed).collect();
    (!left.is_empty()).then_some(left)
}

/// The fewest and the most bits of the keys that a slot of this level makes or takes.
pub fn bits(level: Level, offer: &Offer) -> (usize, usize) {
    let facts = offer.mechanism.facts();
    let (least, most) = offer.bits;
    if facts.keys == Keys::Rsa && facts.work != Work::Pair {
        return (if level > Level::Legacy { least.max(2048) } else { least }, most);
    }
    if matches!(facts.keys, Keys::Weierstrass | Keys::Agreeing) && level > Level::Legacy {
        return (least.max(224), most);
    }
    if facts.work != Work::Pair || facts.keys != Keys::Rsa {
        return offer.bits;
    }
    let allowed = |bits: &usize| policy::check_recipe(level, &Recipe::Pair(Pair::Rsa { bits: *bits })).is_ok();
    let lengths = [least, 2048, 3072].into_iter().filter(|bits| (least..=most).contains(bits));
    (lengths.into_iter().find(allowed).unwrap_or(most), most)
}

/// How the longest key is made that the offer takes or makes, which is the one that policies like best.
fn recipe(keys: Keys, bits: usize) -> Option<Recipe> {
    Some(Recipe::Pair(match keys {
        Keys::None => return None,
        Keys::Secret => return Some(Recipe::Symmetric { family: Family::Hmac, bits }),
        Keys::Symmetric(family) => return Some(Recipe::Symmetric { family, bits }),
        Keys::Rsa => Pair::Rsa { bits },
        Keys::Weierstrass | Keys::Agreeing => Pair::Elliptic(Curve::P256),
        Keys::Finite => Pair::Group { bits },
        Keys::Dsa => Pair::Dsa { bits },
        Keys::MlKem => Pair::Quantum(ParameterSet::MlKem1024),
        Keys::MlDsa => Pair::Quantum(ParameterSet::MlDsa87),
        Keys::SlhDsa => Pair::Quantum(ParameterSet::SlhDsaShake256f),
        Keys::Edwards => Pair::Elliptic(Curve::Ed25519),
        Keys::Montgomery => Pair::Elliptic(Curve::X25519),
    }))
}

/// The half of what is made so that serves this purpose.
fn shape(recipe: &Recipe, purpose: Purpose) -> Shape {
    let pair = match *recipe {
        Recipe::Symmetric { family, bits } => return Shape::Symmetric { family, bits },
        Recipe::Pair(pair) => pair,
    };
    match purpose {
        Purpose::Sign | Purpose::Decrypt | Purpose::Unwrap | Purpose::Derive => Shape::Private(pair),
        Purpose::Verify | Purpose::Encrypt | Purpose::Wrap => Shape::Public(pair),
    }
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::mechanism::Hash;

    use super::*;

    #[test]
    fn a_listing_promises_only_what_the_policy_allows() {
        let both: &'static [Purpose] = &[Purpose::Sign, Purpose::Verify];
        let row = |mechanism| Offer { mechanism, bits: (224, 8192), purposes: both };
        for (why, level, mechanism, expected) in [
            (
                "SHA-1 is only checked",
                Level::Standard,
                Offered::RsaPkcs1Hashed(Hash::Sha1),
                Some(&[Purpose::Verify][..]),
            ),
            ("SHA-1 is signed for old data", Level::Legacy, Offered::RsaPkcs1Hashed(Hash::Sha1), Some(both)),
            ("SHA-1 is gone", Level::Strict, Offered::EcdsaHashed(Hash::Sha1), None),
            ("SHA-256 is everywhere", Level::Strict, Offered::EcdsaHashed(Hash::Sha256), Some(both)),
        ] {
            assert_eq!(purposes(level, &row(mechanism)).as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn short_rsa_keys_are_listed_only_where_they_are_made() {
        let row = Offer { mechanism: Offered::RsaKeyGen, bits: (1024, 4096), purposes: &[] };
        for (level, least) in [(Level::Legacy, 1024), (Level::Standard, 2048), (Level::Strict, 3072)] {
            assert_eq!(bits(level, &row), (least, 4096), "{}", level.name());
        }
    }

    #[test]
    fn keys_that_are_not_made_are_not_listed() {
        let row = |mechanism| Offer { mechanism, bits: (112, 192), purposes: &[] };
        assert_eq!(purposes(Level::Standard, &row(Offered::TripleDesKeyGen)), None);
        assert_eq!(purposes(Level::Legacy, &row(Offered::TripleDesKeyGen)), Some(Vec::new()));
        assert_eq!(purposes(Level::Strict, &row(Offered::EdwardsKeyGen)), Some(Vec::new()));
    }
}
