//! Certificates and keys, from the files that the configuration names.

use std::path::Path;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{Endpoint, Error, Secrecy, Settings, file::read};
use crate::front::Credentials;

/// What the server shows, and whose certificates it takes from clients.
///
/// # Errors
/// [`Error`], for the first file that cannot be used.
pub fn credentials(settings: &Settings) -> Result<Credentials, Error> {
    let kmip = &settings.kmip;
    let mut authorities = certificates(&kmip.authority)?;
    for path in &kmip.trusted {
        authorities.extend(certificates(path)?);
    }
    Ok(Credentials { chain: certificates(&kmip.certificate)?, key: key(&kmip.key)?, authorities })
}

/// What is shown to an endpoint at an address, and whose certificates are taken from it.
///
/// # Errors
/// [`Error`], for the first file that cannot be used.
pub fn endpoint_credentials(settings: &Settings, endpoint: &Endpoint) -> Result<Credentials, Error> {
    let kmip = &settings.kmip;
    let certificate = endpoint.certificate.as_ref().unwrap_or(&kmip.certificate);
    let own = endpoint.key.as_ref().unwrap_or(&kmip.key);
    // Without an authority nobody is believed, and no connection comes about.
    let authorities = endpoint.server_ca.as_deref().map_or_else(|| Ok(Vec::new()), certificates)?;
    Ok(Credentials { chain: certificates(certificate)?, key: key(own)?, authorities })
}

/// What a client shows, and the authorities whose word it takes for the server's certificate.
///
/// # Errors
/// [`Error`], for the first file that cannot be used.
pub fn papers(certificate: &Path, own: &Path, authority: &Path) -> Result<Credentials, Error> {
    Ok(Credentials { chain: certificates(certificate)?, key: key(own)?, authorities: certificates(authority)? })
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let text = read(path, Secrecy::Secret)?;
    let wrong = |_| Error::Pem { path: path.to_owned(), what: "private key" };
    PrivateKeyDer::from_pem_slice(text.reveal()).map_err(wrong)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(path, Secrecy::Public)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.reveal()).collect();
    read.ok().filter(|all| !all.is_empty()).ok_or(Error::Pem { path: path.to_owned(), what: "certificate" })
}
