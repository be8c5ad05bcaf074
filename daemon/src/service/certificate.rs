//! What a certificate says about itself, as attributes.

use strongroom_kmip::{
    attribute::{
        Attribute, CertificateIdentifier, CertificateIssuer, CertificateSubject, Set, X509CertificateIdentifier,
        X509CertificateIssuer, X509CertificateSubject,
    },
    code::{CertificateType, CryptographicAlgorithm},
    object::Certificate,
    ttlv::Bytes,
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, public_key::PublicKey};

use super::{creation, refusal::Refusal};

/// Sets the attributes of an X.509 certificate; a certificate of another kind is kept as it is.
///
/// # Errors
/// [`Refusal`] when it calls itself X.509 and cannot be read.
pub fn describe(set: &mut Set, certificate: &Certificate) -> Result<(), Refusal> {
    set.put(Attribute::CertificateType(certificate.certificate_type));
    if certificate.certificate_type != CertificateType::X_509 {
        return Ok(());
    }
    let der = &certificate.certificate_value.0;
    let (rest, parsed) =
        X509Certificate::from_der(der).map_err(|_| Refusal::invalid("the Certificate Value is no certificate"))?;
    if !rest.is_empty() {
        return Err(Refusal::invalid("bytes follow the certificate"));
    }
    if let Ok(length) = i32::try_from(der.len()) {
        set.put(Attribute::CertificateLength(length));
    }
    let (subject, issuer) = (parsed.subject().to_string(), parsed.issuer().to_string());
    let raw = |name: &x509_parser::x509::X509Name<'_>| Bytes(name.as_raw().to_vec());
    set.put(Attribute::X_509CertificateIdentifier(X509CertificateIdentifier {
        issuer_distinguished_name: raw(parsed.issuer()),
        certificate_serial_number: Bytes(parsed.raw_serial().to_vec()),
    }));
    set.put(Attribute::X_509CertificateSubject(X509CertificateSubject {
        subject_distinguished_name: raw(parsed.subject()),
        subject_alternative_name: Vec::new(),
    }));
    set.put(Attribute::X_509CertificateIssuer(X509CertificateIssuer {
        issuer_distinguished_name: raw(parsed.issuer()),
        issuer_alternative_name: Vec::new(),
    }));
    set.put(Attribute::CertificateIdentifier(CertificateIdentifier {
        issuer: issuer.clone(),
        serial_number: Some(parsed.raw_serial_as_string()),
    }));
    set.put(Attribute::CertificateSubject(CertificateSubject {
        certificate_subject_distinguished_name: subject,
        certificate_subject_alternative_name: Vec::new(),
    }));
    set.put(Attribute::CertificateIssuer(CertificateIssuer {
        certificate_issuer_distinguished_name: issuer,
        certificate_issuer_alternative_name: Vec::new(),
    }));
    describe_key(set, &parsed);
    Ok(())
}

fn describe_key(set: &mut Set, certificate: &X509Certificate<'_>) {
    let Ok(key) = certificate.public_key().parsed() else { return };
    let (algorithm, bits) = match key {
        PublicKey::RSA(key) => (CryptographicAlgorithm::RSA, key.key_size()),
        PublicKey::EC(point) => (CryptographicAlgorithm::EC, point.key_size()),
        PublicKey::DSA(_) => (CryptographicAlgorithm::DSA, 0),
        _ => return,
    };
    creation::default(set, Attribute::CryptographicAlgorithm(algorithm));
    if let Some(bits) = i32::try_from(bits).ok().filter(|bits| *bits > 0) {
        creation::default(set, Attribute::CryptographicLength(bits));
    }
}
