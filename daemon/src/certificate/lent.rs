//! An authority whose key is kept elsewhere: what is to be signed is handed out, and the signature comes back.

use rcgen::{
    Issuer, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey, SubjectPublicKeyInfo,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    Error,
    issue::{self, Issued, Span},
    plan::Plan,
};
use crate::chance::Chance;

/// How the key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// ECDSA over P-256 with SHA-256, in DER.
    P256Sha256,
    /// ECDSA over P-384 with SHA-384, in DER.
    P384Sha384,
    /// Ed25519.
    Ed25519,
}

/// An authority: its certificate, and somebody who signs for it.
pub struct Lent<'a> {
    /// The certificate, DER.
    pub certificate: &'a [u8],
    /// How its key signs.
    pub signature: Signature,
    /// Signs; nothing where that fails.
    pub sign: &'a dyn Fn(&[u8]) -> Option<Vec<u8>>,
}

impl Lent<'_> {
    /// Issues a certificate for the holder of a public key (SubjectPublicKeyInfo, DER).
    ///
    /// # Errors
    /// [`Error::NoAuthority`] for a certificate that may not issue, [`Error::Time`] for one that would be valid when its issuer is
    /// not, [`Error::PublicKey`], [`Error::Chance`], [`Error::Engine`] when nothing was signed.
    pub fn issue(&self, plan: Plan, key: &[u8], span: Span, chance: &dyn Chance) -> Result<Issued, Error> {
        let Ok(([], read)) = X509Certificate::from_der(self.certificate) else { return Err(Error::Unreadable) };
        let signs = !matches!(read.key_usage(), Ok(Some(usage)) if !usage.value.key_cert_sign());
        if !read.is_ca() || !signs {
            return Err(Error::NoAuthority);
        }
        let validity = read.validity();
        if span.until.seconds() > validity.not_after.timestamp()
            || span.from.seconds() < validity.not_before.timestamp()
        {
            return Err(Error::Time);
        }
        let own = SubjectPublicKeyInfo::from_der(read.public_key().raw).map_err(|_| Error::PublicKey)?;
        let signer = Hand { own, algorithm: self.algorithm(), sign: self.sign };
        let issuer = Issuer::from_ca_cert_der(&self.certificate.into(), signer).map_err(|_| Error::Unreadable)?;
        issue::sign(&issuer, plan.0, key, span, chance)
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.signature {
            Signature::RsaSha256 => &PKCS_RSA_SHA256,
            Signature::P256Sha256 => &PKCS_ECDSA_P256_SHA256,
            Signature::P384Sha384 => &PKCS_ECDSA_P384_SHA384,
            Signature::Ed25519 => &PKCS_ED25519,
        }
    }
}

/// The hand that signs.
struct Hand<'a> {
    own: SubjectPublicKeyInfo,
    algorithm: &'static SignatureAlgorithm,
    sign: &'a dyn Fn(&[u8]) -> Option<Vec<u8>>,
}

impl PublicKeyData for Hand<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.own.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Hand<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        (self.sign)(message).ok_or(rcgen::Error::RemoteKeyError)
    }
}
