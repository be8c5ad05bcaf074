//! Why a certificate could not be made or read.

use crate::chance::Dry;

/// Why a certificate could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What should be the private key is none.
    #[error("the private key is not a P-256 key in PKCS#8 form")]
    Key,
    /// What should become a bundle does not fit together.
    #[error("a bundle takes a private key, the certificate of that very key, and password and name without zero bytes")]
    Bundle,
    /// What should be a public key is none, or of a kind that certificates are not issued for.
    #[error("the public key is of a kind that certificates are not issued for; use P-256, P-384, Ed25519 or RSA")]
    PublicKey,
    /// What should be a certificate is none.
    #[error("the certificate cannot be read; it must be one X.509 certificate in PEM or DER form")]
    Unreadable,
    /// The certificate is not one that may issue others.
    #[error("the certificate is not an authority's: it may not sign certificates")]
    NoAuthority,
    /// The authority's certificate was made for another key.
    #[error("the authority's certificate and its private key do not belong together")]
    Mismatch,
    /// What should be a certificate request is none.
    #[error("the certificate request cannot be read; it must be PKCS#10 in PEM or DER form")]
    Request,
    /// A request whose sender has not shown that the key is its own.
    #[error("the certificate request is not signed with its own key")]
    Unproved,
    /// A name that certificates cannot carry.
    #[error("{0:?} is neither a DNS name nor an address")]
    Name(Box<str>),
    /// A time that certificates cannot carry.
    #[error("the certificate would be valid until a time beyond the calendar")]
    Time,
    /// No serial number without randomness.
    #[error(transparent)]
    Chance(#[from] Dry),
    /// The signature could not be made.
    #[error("the cryptographic engine failed over a certificate")]
    Engine,
}
