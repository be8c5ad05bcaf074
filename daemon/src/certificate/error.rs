//! Why a certificate could not be made or read, and why a PKCS#12 file stays closed.

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

/// Why a file stays closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// The file is not what it says it is.
    #[error("the PKCS#12 file cannot be read: {0} is missing or damaged")]
    Damaged(&'static str),
    /// Nothing tells whether the password opens it, or the key is the one that was put in.
    #[error("the PKCS#12 file has no MAC that a password checks")]
    Unprotected,
    /// The password is another.
    #[error("the password does not open the PKCS#12 file")]
    Password,
    /// It is protected in a way that is not served at all.
    #[error("the PKCS#12 file is protected with {0}, which is not served")]
    Unserved(&'static str),
    /// It is protected in a way that is served for old data only.
    #[error("the PKCS#12 file is protected with {0}, which the policy of the slot does not allow; `legacy` does")]
    Weak(&'static str),
    /// To open it would take too long.
    #[error("the PKCS#12 file asks for more rounds of hashing than the 2,000,000 that are made for one file")]
    Costly,
    /// More in it than is looked through.
    #[error("the PKCS#12 file holds more than 100 things")]
    Crowded,
    /// No private key, or none of that name.
    #[error("the PKCS#12 file holds no private key of the name that is asked for, or none at all")]
    Keyless,
}
