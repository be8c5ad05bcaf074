//! What others bring: certificates and certificate requests, read for the public key that they are about.

use aws_lc_rs::digest;
use rcgen::PublicKeyData;
use x509_parser::prelude::{FromDer, X509Certificate, X509CertificationRequest};

use super::{Error, signer::Signer};

/// The SHA-256 of a public key's SubjectPublicKeyInfo: what a client is known by.
pub type Fingerprint = [u8; 32];

/// The public key (SubjectPublicKeyInfo, DER) that a certificate (DER) is about.
///
/// # Errors
/// [`Error::Unreadable`] when it is not one certificate and nothing else.
pub fn certificate_key(certificate: &[u8]) -> Result<Vec<u8>, Error> {
    match X509Certificate::from_der(certificate) {
        Ok(([], read)) => Ok(read.public_key().raw.to_vec()),
        _ => Err(Error::Unreadable),
    }
}

/// What the holder of a certificate (DER) is known by.
///
/// # Errors
/// [`Error::Unreadable`], as for [`certificate_key`].
pub fn fingerprint(certificate: &[u8]) -> Result<Fingerprint, Error> {
    let key = certificate_key(certificate)?;
    digest::digest(&digest::SHA256, &key).as_ref().try_into().map_err(|_| Error::Engine)
}

/// The public key (SubjectPublicKeyInfo, DER) that a request (PKCS#10, DER) asks a certificate for, after checking that
/// the sender holds its private half. Names and extensions that the request wishes for are not looked at: what a
/// certificate says is decided here.
///
/// # Errors
/// [`Error::Request`] when it cannot be read, [`Error::Unproved`] when it is not signed with its own key.
pub fn request_key(request: &[u8]) -> Result<Vec<u8>, Error> {
    let Ok(([], read)) = X509CertificationRequest::from_der(request) else { return Err(Error::Request) };
    read.verify_signature().map_err(|_| Error::Unproved)?;
    Ok(read.certification_request_info.subject_pki.raw.to_vec())
}

/// The public half (SubjectPublicKeyInfo, DER) of a P-256 key in PKCS#8 form.
///
/// # Errors
/// [`Error::Key`] when it is none.
pub fn key_of_pair(pkcs8: &[u8]) -> Result<Vec<u8>, Error> {
    Signer::new(pkcs8).map(|signer| signer.subject_public_key_info())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn request() -> (KeyPair, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let mut plan = CertificateParams::new(vec!["admin.example".to_owned()]).unwrap();
        plan.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let request = plan.serialize_request(&key).unwrap().der().to_vec();
        (key, request)
    }

    #[test]
    fn a_request_gives_its_key_and_none_of_its_wishes() {
        let (key, request) = request();
        assert_eq!(request_key(&request).unwrap(), key.subject_public_key_info());
        assert_eq!(key_of_pair(&key.serialize_der()).unwrap(), key.subject_public_key_info());
    }

    #[test]
    fn a_request_that_is_damaged_or_not_proved_is_refused() {
        let (_, whole) = request();
        let mut forged = whole.clone();
        let at = forged.len() - 1;
        forged[at] ^= 1;
        let trailing = [whole.as_slice(), b"x"].concat();
        for (name, bytes, why) in [
            ("forged", forged.as_slice(), Error::Unproved),
            ("followed by something", &trailing, Error::Request),
            ("cut short", &whole[..whole.len() - 1], Error::Request),
            ("empty", &[], Error::Request),
        ] {
            assert_eq!(request_key(bytes), Err(why), "{name}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_key_and_not_of_the_certificate() {
        let key = KeyPair::generate().unwrap();
        let certificate = |name: &str| {
            CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap().der().to_vec()
        };
        assert_eq!(fingerprint(&certificate("a.example")), fingerprint(&certificate("b.example")));
        let digest = digest::digest(&digest::SHA256, &key.subject_public_key_info());
        assert_eq!(fingerprint(&certificate("a.example")).unwrap().as_slice(), digest.as_ref());
        assert_eq!(fingerprint(b"no certificate"), Err(Error::Unreadable));
    }
}
