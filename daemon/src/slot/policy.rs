//! Which mechanisms a slot may be used with: one table for three levels of strictness.
//!
//! A slot says what it can do; the policy says what it should. The vault asks before it opens a key.

use strongroom_kmip::mechanism::{Block, Curve, Hash, Mechanism, Mode};

use super::contract::{Family, Material, Pair, Purpose, Recipe, Shape};

/// How strict a slot is, from its configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Old data and conformance runs: everything the slot can do.
    Legacy,
    /// What today's tools need.
    #[default]
    Standard,
    /// What one would choose afresh today.
    Strict,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Legacy, Self::Standard, Self::Strict];

    /// The word for it in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Standard => "standard",
            Self::Strict => "strict",
        }
    }
}

/// The slot's policy does not allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the slot's policy ({}) does not allow {what}; `{}` does", .level.name(), .allowed.name())]
pub struct Forbidden {
    /// What is not allowed.
    pub what: &'static str,
    /// How strict the slot is.
    pub level: Level,
    /// The strictest level that allows it.
    pub allowed: Level,
}

/// Whether a slot of that level may use a key of that shape so.
///
/// # Errors
/// [`Forbidden`], naming the row that stands against it.
pub fn check(level: Level, purpose: Purpose, mechanism: &Mechanism, shape: Shape) -> Result<(), Forbidden> {
    let using = Use { purpose, mechanism, shape };
    judge(level, USES.iter().filter(|row| (row.applies)(&using)).map(|row| (row.allowed, row.what)))
}

/// Whether a slot of that level may make such a key.
///
/// # Errors
/// [`Forbidden`], naming the row that stands against it.
pub fn check_recipe(level: Level, recipe: &Recipe) -> Result<(), Forbidden> {
    judge(level, RECIPES.iter().filter(|row| (row.applies)(recipe)).map(|row| (row.allowed, row.what)))
}

/// Whether a slot of that level may digest with that hash.
///
/// # Errors
/// [`Forbidden`] for a hash whose collisions anybody finds at home.
pub fn check_digest(level: Level, hash: Hash) -> Result<(), Forbidden> {
    let broken = (hash == Hash::Md5).then_some((Level::Legacy, "MD5"));
    judge(level, broken.into_iter())
}

/// Whether a slot of that level makes keys of passwords.
///
/// # Errors
/// [`Forbidden`]: such a key is as strong as what somebody remembers. A token that makes them is also taken by NSS for
/// one that opens PKCS#12 files by itself, which takes unwrapping without authentication.
pub fn check_password(level: Level) -> Result<(), Forbidden> {
    judge(level, [(Level::Legacy, "keys made of passwords")].into_iter())
}

/// Whether a slot of that level may take a key of the group that the material names.
///
/// # Errors
/// [`Forbidden`] for a group of which nobody knows how its prime was found.
pub fn check_group(level: Level, material: &Material) -> Result<(), Forbidden> {
    let (Material::GroupPrivate { group, .. } | Material::GroupPublic { group, .. }) = material else { return Ok(()) };
    let nameless = group.name().is_none().then_some((Level::Legacy, "a group that no standard names"));
    judge(level, nameless.into_iter())
}

fn judge(level: Level, rows: impl Iterator<Item = (Level, &'static str)>) -> Result<(), Forbidden> {
    match rows.filter(|(allowed, _)| level > *allowed).min_by_key(|(allowed, _)| *allowed) {
        Some((allowed, what)) => Err(Forbidden { what, level, allowed }),
        None => Ok(()),
    }
}

/// One use of a key.
struct Use<'a> {
    purpose: Purpose,
    mechanism: &'a Mechanism,
    shape: Shape,
}

impl Use<'_> {
    /// Makes something new, which others will trust or have to read: held to more than reading what is there.
    fn makes(&self) -> bool {
        matches!(self.purpose, Purpose::Sign | Purpose::Encrypt | Purpose::Wrap)
    }

    fn wraps(&self) -> bool {
        matches!(self.purpose, Purpose::Wrap | Purpose::Unwrap)
    }

    /// The hash that a signature rests on. HMAC is no signature: it stands while its hash only loses its collisions.
    fn signed_hash(&self) -> Option<Hash> {
        match self.mechanism {
            Mechanism::RsaPkcs1Hashed { hash, .. } | Mechanism::RsaPss { hash, .. } => Some(*hash),
            Mechanism::Ecdsa { hash, .. } => *hash,
            _ => None,
        }
    }

    fn mode(&self) -> Option<&Mode> {
        match self.mechanism {
            Mechanism::Cipher(_, mode) => Some(mode),
            _ => None,
        }
    }

    /// Bytes of a tag or MAC.
    fn tag(&self) -> Option<usize> {
        match self.mechanism {
            Mechanism::Hmac { length, .. }
            | Mechanism::Cmac { length, .. }
            | Mechanism::CbcMac { length, .. }
            | Mechanism::Gmac { length, .. } => Some(*length),
            other => Some(other.tag()).filter(|tag| *tag > 0),
        }
    }
}

/// A use that some levels do not allow.
struct Row {
    what: &'static str,
    /// The strictest level that allows it.
    allowed: Level,
    applies: fn(&Use<'_>) -> bool,
}

/// Everything that some level forbids. What no row names is allowed everywhere.
const USES: &[Row] = &[
    Row {
        what: "Triple DES",
        allowed: Level::Legacy,
        applies: |u| {
            let cmac = matches!(u.mechanism, Mechanism::Cmac { block: Block::TripleDes, .. });
            cmac || matches!(u.mechanism, Mechanism::Cipher(Block::TripleDes, _))
        },
    },
    Row {
        what: "the MAC of FIPS 113",
        allowed: Level::Legacy,
        applies: |u| matches!(u.mechanism, Mechanism::CbcMac { .. }),
    },
    Row { what: "P-192", allowed: Level::Legacy, applies: |u| is_small_curve(u.shape) },
    Row { what: "DSA", allowed: Level::Legacy, applies: |u| matches!(u.mechanism, Mechanism::Dsa { .. }) },
    Row { what: "RSA with fewer than 2048 bits", allowed: Level::Legacy, applies: |u| rsa_below(u.shape, 2048) },
    Row {
        what: "RSA with fewer than 3072 bits for what is made today",
        allowed: Level::Standard,
        applies: |u| u.makes() && rsa_below(u.shape, 3072),
    },
    Row {
        what: "signing with SHA-1",
        allowed: Level::Legacy,
        applies: |u| u.purpose == Purpose::Sign && u.signed_hash() == Some(Hash::Sha1),
    },
    Row { what: "SHA-1 in signatures", allowed: Level::Standard, applies: |u| u.signed_hash() == Some(Hash::Sha1) },
    Row {
        what: "HMAC with MD5",
        allowed: Level::Legacy,
        applies: |u| matches!(u.mechanism, Mechanism::Hmac { hash: Hash::Md5, .. }),
    },
    Row {
        what: "HMAC with SHA-1",
        allowed: Level::Standard,
        applies: |u| matches!(u.mechanism, Mechanism::Hmac { hash: Hash::Sha1, .. }),
    },
    Row {
        what: "HMAC with the key of a cipher",
        allowed: Level::Legacy,
        applies: |u| {
            let mac_key = matches!(u.shape, Shape::Symmetric { family: Family::Hmac, .. });
            matches!(u.mechanism, Mechanism::Hmac { .. }) && !mac_key
        },
    },
    Row {
        what: "tags and MACs of fewer than 96 bits",
        allowed: Level::Legacy,
        applies: |u| u.tag().is_some_and(|bytes| bytes < 12),
    },
    Row {
        what: "tags of fewer than 128 bits",
        allowed: Level::Standard,
        applies: |u| u.tag().is_some_and(|bytes| bytes < 16),
    },
    Row {
        what: "GCM and GMAC with a nonce of other than 96 bits",
        allowed: Level::Standard,
        applies: |u| {
            let gcm = matches!(u.mode(), Some(Mode::Gcm { nonce, .. }) if nonce.len() != 12);
            gcm || matches!(u.mechanism, Mechanism::Gmac { nonce, .. } if nonce.len() != 12)
        },
    },
    Row {
        what: "wrapping and unwrapping without authentication",
        allowed: Level::Legacy,
        applies: |u| u.wraps() && !matches!(u.mode(), None | Some(Mode::Gcm { .. } | Mode::Ccm { .. })),
    },
    Row { what: "ECB", allowed: Level::Standard, applies: |u| matches!(u.mode(), Some(Mode::Ecb { .. })) },
    Row {
        what: "CFB and OFB",
        allowed: Level::Standard,
        applies: |u| {
            let feedback = |mode: &Mode| {
                matches!(
                    mode,
                    Mode::Cfb { .. } | Mode::Cfb1 { .. } | Mode::Cfb8 { .. } | Mode::Cfb64 { .. } | Mode::Ofb { .. }
                )
            };
            u.mode().is_some_and(feedback)
        },
    },
    Row {
        what: "ChaCha20 without Poly1305",
        allowed: Level::Standard,
        applies: |u| matches!(u.mechanism, Mechanism::ChaCha20 { .. }),
    },
    Row {
        what: "RSA PKCS#1 v1.5 encryption",
        allowed: Level::Standard,
        applies: |u| *u.mechanism == Mechanism::RsaPkcs1 && !matches!(u.purpose, Purpose::Sign | Purpose::Verify),
    },
    Row {
        what: "decrypting with RSA without padding",
        allowed: Level::Legacy,
        applies: |u| *u.mechanism == Mechanism::RsaRaw && !matches!(u.purpose, Purpose::Sign | Purpose::Verify),
    },
    Row { what: "RSA without padding", allowed: Level::Standard, applies: |u| *u.mechanism == Mechanism::RsaRaw },
];

/// A recipe that some levels do not allow.
struct Making {
    what: &'static str,
    allowed: Level,
    applies: fn(&Recipe) -> bool,
}

/// Every recipe that some level forbids.
const RECIPES: &[Making] = &[
    Making {
        what: "making Triple DES keys",
        allowed: Level::Legacy,
        applies: |recipe| matches!(recipe, Recipe::Symmetric { family: Family::TripleDes, .. }),
    },
    Making {
        what: "making keys on P-192",
        allowed: Level::Legacy,
        applies: |recipe| matches!(recipe, Recipe::Pair(Pair::Elliptic(Curve::P192))),
    },
    Making {
        what: "making RSA keys of fewer than 2048 bits",
        allowed: Level::Legacy,
        applies: |recipe| matches!(recipe, Recipe::Pair(Pair::Rsa { bits }) if *bits < 2048),
    },
    Making {
        what: "making RSA keys of fewer than 3072 bits",
        allowed: Level::Standard,
        applies: |recipe| matches!(recipe, Recipe::Pair(Pair::Rsa { bits }) if *bits < 3072),
    },
    Making {
        what: "making keys of Diffie and Hellman's of fewer than 3072 bits",
        allowed: Level::Standard,
        applies: |recipe| matches!(recipe, Recipe::Pair(Pair::Group { bits }) if *bits < 3072),
    },
    Making {
        what: "making MAC keys of fewer than 112 bits",
        allowed: Level::Legacy,
        applies: |recipe| matches!(recipe, Recipe::Symmetric { family: Family::Hmac, bits } if *bits < 112),
    },
];

/// A curve that today's computers come near to.
fn is_small_curve(shape: Shape) -> bool {
    matches!(shape, Shape::Private(Pair::Elliptic(Curve::P192)) | Shape::Public(Pair::Elliptic(Curve::P192)))
}

fn rsa_below(shape: Shape, least: usize) -> bool {
    matches!(shape, Shape::Private(Pair::Rsa { bits }) | Shape::Public(Pair::Rsa { bits }) if bits < least)
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::mechanism::{Form, Input, Padding, Side};

    use super::*;

    const AES: Shape = Shape::Symmetric { family: Family::Aes, bits: 256 };
    const HMAC: Shape = Shape::Symmetric { family: Family::Hmac, bits: 256 };
    const TRIPLE: Shape = Shape::Symmetric { family: Family::TripleDes, bits: 192 };
    const P256: Shape = Shape::Private(Pair::Elliptic(Curve::P256));

    fn rsa(bits: usize) -> Shape {
        Shape::Private(Pair::Rsa { bits })
    }

    fn gcm(nonce: usize, tag: usize) -> Mechanism {
        Mechanism::Cipher(Block::Aes, Mode::Gcm { nonce: vec![0; nonce], additional: Vec::new(), tag })
    }

    fn ccm(tag: usize) -> Mechanism {
        Mechanism::Cipher(Block::Aes, Mode::Ccm { nonce: vec![0; 12], additional: Vec::new(), tag })
    }

    fn cts() -> Mechanism {
        Mechanism::Cipher(Block::Aes, Mode::Cts { iv: vec![0; 16] })
    }

    fn cbc(block: Block) -> Mechanism {
        Mechanism::Cipher(block, Mode::Cbc { iv: vec![0; block.length()], padding: Padding::Pkcs7 })
    }

    fn finished() -> Mechanism {
        Mechanism::TlsMac { hash: Hash::Sha256, side: Side::Client, length: 12 }
    }

    fn pkcs1(hash: Hash) -> Mechanism {
        Mechanism::RsaPkcs1Hashed { hash, input: Input::Message }
    }

    #[test]
    fn each_use_is_allowed_up_to_its_level_and_no_further() {
        use Purpose::{Decrypt, Encrypt, Sign, Unwrap, Verify, Wrap};
        let dsa = |hash| Mechanism::Dsa { hash, form: Form::Der };
        let ecdsa = |hash| Mechanism::Ecdsa { hash, form: Form::Der };
        let rows = [
            ("GCM", Encrypt, gcm(12, 16), AES, Level::Strict),
            ("GCM with a tag of 96 bits", Encrypt, gcm(12, 12), AES, Level::Standard),
            ("GCM with a tag of 64 bits", Decrypt, gcm(12, 8), AES, Level::Legacy),
            ("GCM with a long nonce", Encrypt, gcm(16, 16), AES, Level::Standard),
            ("wrapping with GCM", Wrap, gcm(12, 16), AES, Level::Strict),
            ("CCM", Encrypt, ccm(16), AES, Level::Strict),
            ("CCM with a tag of 96 bits", Encrypt, ccm(12), AES, Level::Standard),
            ("CCM with a tag of 64 bits", Decrypt, ccm(8), AES, Level::Legacy),
            ("wrapping with CCM", Wrap, ccm(16), AES, Level::Strict),
            ("GMAC", Sign, Mechanism::Gmac { nonce: vec![0; 12], length: 16 }, AES, Level::Strict),
            ("GMAC with a long nonce", Sign, Mechanism::Gmac { nonce: vec![0; 16], length: 16 }, AES, Level::Standard),
            ("GMAC of 64 bits", Verify, Mechanism::Gmac { nonce: vec![0; 12], length: 8 }, AES, Level::Legacy),
            ("CMAC", Sign, Mechanism::Cmac { block: Block::Aes, length: 16 }, AES, Level::Strict),
            ("3DES CMAC", Verify, Mechanism::Cmac { block: Block::TripleDes, length: 8 }, TRIPLE, Level::Legacy),
            ("CBC-MAC", Verify, Mechanism::CbcMac { block: Block::Aes, length: 16 }, AES, Level::Legacy),
            ("the end of a handshake", Sign, finished(), HMAC, Level::Strict),
            ("wrapping with stolen ciphertext", Wrap, cts(), AES, Level::Legacy),
            ("CBC", Encrypt, cbc(Block::Aes), AES, Level::Strict),
            ("unwrapping with CBC", Unwrap, cbc(Block::Aes), AES, Level::Legacy),
            ("wrapping with CBC", Wrap, cbc(Block::Aes), AES, Level::Legacy),
            ("key wrap", Unwrap, Mechanism::KeyWrap, AES, Level::Strict),
            ("3DES", Decrypt, cbc(Block::TripleDes), TRIPLE, Level::Legacy),
            ("HMAC-SHA-256", Sign, Mechanism::Hmac { hash: Hash::Sha256, length: 32 }, HMAC, Level::Strict),
            ("HMAC-MD5", Verify, Mechanism::Hmac { hash: Hash::Md5, length: 16 }, HMAC, Level::Legacy),
            ("HMAC-BLAKE2b", Sign, Mechanism::Hmac { hash: Hash::Blake2b256, length: 32 }, HMAC, Level::Strict),
            ("HMAC-SHA-1", Sign, Mechanism::Hmac { hash: Hash::Sha1, length: 20 }, HMAC, Level::Standard),
            ("a MAC of 80 bits", Verify, Mechanism::Hmac { hash: Hash::Sha256, length: 10 }, HMAC, Level::Legacy),
            ("HMAC with an AES key", Sign, Mechanism::Hmac { hash: Hash::Sha256, length: 32 }, AES, Level::Legacy),
            ("RSA-3072", Sign, pkcs1(Hash::Sha256), rsa(3072), Level::Strict),
            ("RSA-2048", Sign, pkcs1(Hash::Sha256), rsa(2048), Level::Standard),
            ("P-192", Verify, ecdsa(None), Shape::Public(Pair::Elliptic(Curve::P192)), Level::Legacy),
            ("DSA", Verify, dsa(Some(Hash::Sha256)), Shape::Public(Pair::Dsa { bits: 3072 }), Level::Legacy),
            ("RSA-1024", Verify, pkcs1(Hash::Sha256), rsa(1024), Level::Legacy),
            ("signing with SHA-1", Sign, pkcs1(Hash::Sha1), rsa(3072), Level::Legacy),
            ("verifying SHA-1", Verify, pkcs1(Hash::Sha1), rsa(3072), Level::Standard),
            ("ECDSA with SHA-1", Sign, ecdsa(Some(Hash::Sha1)), P256, Level::Legacy),
            ("ECDSA over a digest", Sign, ecdsa(None), P256, Level::Strict),
            ("raw RSA signs", Sign, Mechanism::RsaRaw, rsa(3072), Level::Standard),
            ("raw RSA decrypts", Decrypt, Mechanism::RsaRaw, rsa(3072), Level::Legacy),
            ("PKCS#1 v1.5 decrypts", Decrypt, Mechanism::RsaPkcs1, rsa(3072), Level::Standard),
            ("PKCS#1 v1.5 signs", Sign, Mechanism::RsaPkcs1, rsa(3072), Level::Strict),
        ];
        for (name, purpose, mechanism, shape, strictest) in rows {
            for level in Level::ALL {
                let allowed = check(level, purpose, &mechanism, shape).is_ok();
                assert_eq!(allowed, level <= strictest, "{name} at {}", level.name());
            }
        }
    }

    #[test]
    fn each_recipe_is_allowed_up_to_its_level_and_no_further() {
        let symmetric = |family, bits| Recipe::Symmetric { family, bits };
        let rows = [
            ("AES", symmetric(Family::Aes, 128), Level::Strict),
            ("3DES", symmetric(Family::TripleDes, 192), Level::Legacy),
            ("a short MAC key", symmetric(Family::Hmac, 80), Level::Legacy),
            ("a MAC key", symmetric(Family::Hmac, 160), Level::Strict),
            ("RSA-2048", Recipe::Pair(Pair::Rsa { bits: 2048 }), Level::Standard),
            ("RSA-4096", Recipe::Pair(Pair::Rsa { bits: 4096 }), Level::Strict),
            ("P-192", Recipe::Pair(Pair::Elliptic(Curve::P192)), Level::Legacy),
            ("P-256", Recipe::Pair(Pair::Elliptic(Curve::P256)), Level::Strict),
        ];
        for (name, recipe, strictest) in rows {
            for level in Level::ALL {
                assert_eq!(check_recipe(level, &recipe).is_ok(), level <= strictest, "{name} at {}", level.name());
            }
        }
    }

    #[test]
    fn md5_is_for_old_data_alone() {
        for level in Level::ALL {
            assert_eq!(check_digest(level, Hash::Md5).is_ok(), level == Level::Legacy, "{}", level.name());
            assert!(check_digest(level, Hash::Sha1).is_ok(), "{}", level.name());
        }
    }

    #[test]
    fn keys_of_passwords_are_for_old_data_alone() {
        for level in Level::ALL {
            assert_eq!(check_password(level).is_ok(), level == Level::Legacy, "{}", level.name());
        }
    }

    #[test]
    fn a_refusal_names_the_level_that_would_allow_it() {
        let refused = check(Level::Standard, Purpose::Decrypt, &cbc(Block::TripleDes), TRIPLE).unwrap_err();
        assert_eq!(refused.to_string(), "the slot's policy (standard) does not allow Triple DES; `legacy` does");
    }

    #[test]
    fn of_several_refusals_the_one_that_is_hardest_to_lift_is_named() {
        let refused = check(Level::Strict, Purpose::Sign, &pkcs1(Hash::Sha1), rsa(1024)).unwrap_err();
        assert_eq!(refused.allowed, Level::Legacy);
    }
}
