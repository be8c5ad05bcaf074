//! An authority of our own: the one that the appliance's clients and servers are certified by.

use std::fmt;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyUsagePurpose, PublicKeyData};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    Error,
    issue::{self, Issued, Span, Wanted},
    request,
    signer::Signer,
};
use crate::chance::Chance;

/// A certificate that may issue others, and its private key. The key is wiped when the authority is dropped.
pub struct Authority {
    certificate: Vec<u8>,
    issuer: Issuer<'static, Signer>,
}

impl Authority {
    /// Founds an authority: a certificate that signs itself, for a P-256 key in PKCS#8 form. It may issue certificates
    /// for clients and servers, not for further authorities.
    ///
    /// # Errors
    /// [`Error::Key`], [`Error::Chance`], [`Error::Time`].
    pub fn found(name: &str, key: &[u8], span: Span, chance: &dyn Chance) -> Result<Self, Error> {
        let signer = Signer::new(key)?;
        let mut plan = CertificateParams::default();
        plan.distinguished_name = issue::named(name);
        plan.serial_number = Some(issue::serial(chance)?);
        (plan.not_before, plan.not_after) = span.dates()?;
        plan.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        plan.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = plan.self_signed(&signer).map_err(|_| Error::Engine)?.der().to_vec();
        Ok(Self { certificate, issuer: Issuer::new(plan, signer) })
    }

    /// Takes up an authority again that was founded here or elsewhere: certificate (DER) and P-256 key (PKCS#8).
    ///
    /// # Errors
    /// [`Error::NoAuthority`] for a certificate that may not issue, [`Error::Mismatch`] when it is not of this key.
    pub fn open(certificate: &[u8], key: &[u8]) -> Result<Self, Error> {
        let signer = Signer::new(key)?;
        let (rest, read) = X509Certificate::from_der(certificate).map_err(|_| Error::Unreadable)?;
        if !rest.is_empty() {
            return Err(Error::Unreadable);
        }
        if !read.is_ca() {
            return Err(Error::NoAuthority);
        }
        if request::certificate_key(certificate)? != signer.subject_public_key_info() {
            return Err(Error::Mismatch);
        }
        let issuer = Issuer::from_ca_cert_der(&certificate.into(), signer).map_err(|_| Error::Unreadable)?;
        Ok(Self { certificate: certificate.to_vec(), issuer })
    }

    /// Its own certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Issues a certificate for the holder of a public key (SubjectPublicKeyInfo, DER).
    ///
    /// # Errors
    /// [`Error::PublicKey`], [`Error::Name`], [`Error::Chance`], [`Error::Time`].
    pub fn issue(&self, wanted: &Wanted<'_>, span: Span, chance: &dyn Chance) -> Result<Issued, Error> {
        issue::issue(&self.issuer, wanted, span, chance)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::issue::tests::{Counting, YEAR, key};

    #[test]
    fn an_authority_that_is_opened_again_issues_under_the_same_certificate() {
        let founded = Authority::found("house", &key(), YEAR, &Counting).unwrap();
        let (_, read) = X509Certificate::from_der(founded.certificate()).unwrap();
        assert!(read.is_ca());
        assert_eq!(read.subject(), read.issuer());
        read.verify_signature(None).unwrap();
    }

    #[test]
    fn a_pair_that_does_not_belong_together_is_refused() {
        let (mine, theirs) = (key(), key());
        let founded = Authority::found("house", &mine, YEAR, &Counting).unwrap();
        let certificate = founded.certificate();
        assert!(Authority::open(certificate, &mine).is_ok());
        let leaf_key = key();
        let public = request::key_of_pair(&leaf_key).unwrap();
        let leaf = founded.issue(&Wanted::Client { name: "alice", key: &public }, YEAR, &Counting).unwrap();
        for (name, certificate, key, why) in [
            ("another key", certificate, &theirs, Error::Mismatch),
            ("a leaf", leaf.certificate.as_slice(), &leaf_key, Error::NoAuthority),
            ("nothing", &[][..], &mine, Error::Unreadable),
            ("half of it", &certificate[..100], &mine, Error::Unreadable),
        ] {
            assert_eq!(Authority::open(certificate, key).unwrap_err(), why, "{name}");
        }
        assert_eq!(Authority::open(certificate, b"no key").unwrap_err(), Error::Key);
    }

    #[test]
    fn an_authority_prints_nothing_of_its_key() {
        let authority = Authority::found("house", &key(), YEAR, &Counting).unwrap();
        assert_eq!(format!("{authority:?}"), "Authority");
    }
}
