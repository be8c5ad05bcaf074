//! What a certificate says about itself, as attributes.

use strongroom_kmip::{
    attribute::{
        Attribute, CertificateIdentifier, CertificateIssuer, CertificateSubject, Set, X509CertificateIdentifier,
        X509CertificateIssuer, X509CertificateSubject,
    },
    code::{CertificateType, CryptographicAlgorithm, DigitalSignatureAlgorithm},
    object::Certificate,
    ttlv::Bytes,
};
use x509_parser::{certificate::X509Certificate, prelude::FromDer, public_key::PublicKey};

use super::{
    creation,
    distinguished::{self, Whose},
    refusal::Refusal,
};

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
    let (subject, issuer) = (distinguished::text(parsed.subject()), distinguished::text(parsed.issuer()));
    let raw = |name: &x509_parser::x509::X509Name<'_>| Bytes(name.as_raw().to_vec());
    set.put(Attribute::X_509CertificateIdentifier(X509CertificateIdentifier {
        issuer_distinguished_name: raw(parsed.issuer()),
        certificate_serial_number: Bytes(integer(parsed.raw_serial())?),
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
        serial_number: Some(parsed.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect()),
    }));
    set.put(Attribute::CertificateSubject(CertificateSubject {
        certificate_subject_distinguished_name: subject,
        certificate_subject_alternative_name: Vec::new(),
    }));
    set.put(Attribute::CertificateIssuer(CertificateIssuer {
        certificate_issuer_distinguished_name: issuer,
        certificate_issuer_alternative_name: Vec::new(),
    }));
    let fields = [(parsed.subject(), Whose::Subject), (parsed.issuer(), Whose::Issuer)];
    for attribute in fields.into_iter().flat_map(|(name, whose)| distinguished::fields(name, whose)) {
        set.add(attribute)?;
    }
    let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
    if let Some((_, code)) = SIGNATURES.iter().find(|(oid, _)| *oid == algorithm) {
        creation::default(set, Attribute::DigitalSignatureAlgorithm(*code));
    }
    describe_key(set, &parsed);
    Ok(())
}

/// A serial number with the head that DER gives an INTEGER, as KMIP wants it.
fn integer(number: &[u8]) -> Result<Vec<u8>, Refusal> {
    let length = u8::try_from(number.len()).ok().filter(|length| *length < 0x80);
    let length = length.ok_or_else(|| Refusal::invalid("the serial number of the certificate is too long"))?;
    Ok([&[0x02, length], number].concat())
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

/// The signatures that certificates have, by their identifiers (RFC 3279, 4055, 5758).
const SIGNATURES: &[(&str, DigitalSignatureAlgorithm)] = &[
    ("1.2.840.113549.1.1.2", DigitalSignatureAlgorithm::MD2WithRSAEncryption),
    ("1.2.840.113549.1.1.4", DigitalSignatureAlgorithm::MD5WithRSAEncryption),
    ("1.2.840.113549.1.1.5", DigitalSignatureAlgorithm::SHA_1WithRSAEncryption),
    ("1.2.840.113549.1.1.10", DigitalSignatureAlgorithm::RSASSA_PSS),
    ("1.2.840.113549.1.1.11", DigitalSignatureAlgorithm::SHA_256WithRSAEncryption),
    ("1.2.840.113549.1.1.12", DigitalSignatureAlgorithm::SHA_384WithRSAEncryption),
    ("1.2.840.113549.1.1.13", DigitalSignatureAlgorithm::SHA_512WithRSAEncryption),
    ("1.2.840.113549.1.1.14", DigitalSignatureAlgorithm::SHA_224WithRSAEncryption),
    ("1.2.840.10040.4.3", DigitalSignatureAlgorithm::DSAWithSHA_1),
    ("1.2.840.10045.4.1", DigitalSignatureAlgorithm::ECDSAWithSHA_1),
    ("1.2.840.10045.4.3.1", DigitalSignatureAlgorithm::ECDSAWithSHA224),
    ("1.2.840.10045.4.3.2", DigitalSignatureAlgorithm::ECDSAWithSHA256),
    ("1.2.840.10045.4.3.3", DigitalSignatureAlgorithm::ECDSAWithSHA384),
    ("1.2.840.10045.4.3.4", DigitalSignatureAlgorithm::ECDSAWithSHA512),
];
