//! The vendor table: what tokens lack although their list of mechanisms says otherwise, so that it is refused up front and by
//! name. A row is found by the maker of the library, because a library serves the devices of many.

use cryptoki_sys::CKM_AES_KEY_GEN;
use strongroom_kmip::mechanism::Curve;

use super::message::Token;

/// What the tokens behind one maker's library lack.
struct Vendor {
    /// The library's manufacturer, as it says it.
    library: &'static str,
    /// Mechanisms that it lists and does not make keys by.
    makes_not: &'static [u64],
    /// Curves on which it fails.
    curves: &'static [Curve],
}

const VENDORS: &[Vendor] = &[
    // tpm2-pkcs11 1.9 lists AES and makes no AES keys; TPMs have P-256 and P-384.
    Vendor {
        library: "tpm2-software.github.io",
        makes_not: &[CKM_AES_KEY_GEN],
        curves: &[Curve::P521, Curve::Secp256k1],
    },
    // kryoptic 1.5 takes another curve of 256 bits for a failure of its own.
    Vendor { library: "Kryoptic", makes_not: &[], curves: &[Curve::Secp256k1, Curve::P224] },
];

/// Whether the token's row says that it makes no keys by this mechanism.
pub(super) fn makes_not(token: &Token, mechanism: u64) -> bool {
    row(token).is_some_and(|vendor| vendor.makes_not.contains(&mechanism))
}

/// The curves on which the token's row says that it fails.
pub(super) fn lacking(token: &Token) -> &'static [Curve] {
    row(token).map_or(&[], |vendor| vendor.curves)
}

fn row(token: &Token) -> Option<&'static Vendor> {
    VENDORS.iter().find(|vendor| vendor.library == token.library)
}
