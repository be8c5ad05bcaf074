//! What a certificate is to say besides its key: from a request, from an older certificate, or from a name alone.

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, KeyUsagePurpose, SanType,
};
use rustls::pki_types::CertificateSigningRequestDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{Error, issue};

/// What a certificate is to say. It never makes its holder an authority, whatever was wished for.
pub struct Plan(pub(super) CertificateParams);

impl Plan {
    /// A name and nothing else.
    pub fn of_name(name: &str) -> Self {
        let mut plan = CertificateParams::default();
        plan.distinguished_name = issue::named(name);
        Self(plan).tamed()
    }

    /// What a request (PKCS#10, DER) wishes for.
    ///
    /// # Errors
    /// [`Error::Request`] for a request that cannot be read or wishes for what is not issued here.
    pub fn of_request(request: &[u8]) -> Result<Self, Error> {
        let read = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request));
        Ok(Self(read.map_err(|_| Error::Request)?.params).tamed())
    }

    /// What an older certificate (DER) says.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what is no certificate, or says what is not issued here.
    pub fn of_certificate(certificate: &[u8]) -> Result<Self, Error> {
        let Ok(([], read)) = X509Certificate::from_der(certificate) else { return Err(Error::Unreadable) };
        let mut plan = CertificateParams::default();
        plan.distinguished_name = DistinguishedName::new();
        for part in read.subject().iter_attributes() {
            let value = part.as_str().map_err(|_| Error::Unreadable)?;
            let arcs: Vec<u64> = part.attr_type().iter().ok_or(Error::Unreadable)?.collect();
            plan.distinguished_name.push(kind(&arcs), DnValue::Utf8String(value.to_owned()));
        }
        if let Ok(Some(names)) = read.subject_alternative_name() {
            plan.subject_alt_names = names.value.general_names.iter().map(alternative).collect::<Result<_, _>>()?;
        }
        if let Ok(Some(usage)) = read.extended_key_usage() {
            let said = [
                (usage.value.server_auth, ExtendedKeyUsagePurpose::ServerAuth),
                (usage.value.client_auth, ExtendedKeyUsagePurpose::ClientAuth),
                (usage.value.code_signing, ExtendedKeyUsagePurpose::CodeSigning),
                (usage.value.email_protection, ExtendedKeyUsagePurpose::EmailProtection),
            ];
            plan.extended_key_usages = said.into_iter().filter(|(said, _)| *said).map(|(_, purpose)| purpose).collect();
        }
        if let Ok(Some(usage)) = read.key_usage() {
            let said = [
                (usage.value.digital_signature(), KeyUsagePurpose::DigitalSignature),
                (usage.value.non_repudiation(), KeyUsagePurpose::ContentCommitment),
                (usage.value.key_encipherment(), KeyUsagePurpose::KeyEncipherment),
                (usage.value.data_encipherment(), KeyUsagePurpose::DataEncipherment),
                (usage.value.key_agreement(), KeyUsagePurpose::KeyAgreement),
            ];
            plan.key_usages = said.into_iter().filter(|(said, _)| *said).map(|(_, purpose)| purpose).collect();
        }
        Ok(Self(plan).tamed())
    }

    /// Takes away what would let its holder issue certificates.
    fn tamed(mut self) -> Self {
        self.0.is_ca = IsCa::NoCa;
        let issues = |usage: &KeyUsagePurpose| matches!(usage, KeyUsagePurpose::KeyCertSign | KeyUsagePurpose::CrlSign);
        self.0.key_usages.retain(|usage| !issues(usage));
        self.0.extended_key_usages.retain(|usage| *usage != ExtendedKeyUsagePurpose::Any);
        if self.0.key_usages.is_empty() {
            self.0.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }
        self.0.use_authority_key_identifier_extension = true;
        self
    }
}

/// The common name of the subject of a certificate (DER), if it has one.
pub fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    read.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).map(str::to_owned)
}

fn kind(arcs: &[u64]) -> DnType {
    match arcs {
        [2, 5, 4, 3] => DnType::CommonName,
        [2, 5, 4, 6] => DnType::CountryName,
        [2, 5, 4, 7] => DnType::LocalityName,
        [2, 5, 4, 8] => DnType::StateOrProvinceName,
        [2, 5, 4, 10] => DnType::OrganizationName,
        [2, 5, 4, 11] => DnType::OrganizationalUnitName,
        other => DnType::CustomDnType(other.to_vec()),
    }
}

fn alternative(name: &GeneralName<'_>) -> Result<SanType, Error> {
    let text = |text: &str| text.try_into().map_err(|_| Error::Unreadable);
    match name {
        GeneralName::DNSName(name) => Ok(SanType::DnsName(text(name)?)),
        GeneralName::RFC822Name(name) => Ok(SanType::Rfc822Name(text(name)?)),
        GeneralName::URI(name) => Ok(SanType::URI(text(name)?)),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from));
            Ok(SanType::IpAddress(address.map_err(|_| Error::Unreadable)?))
        }
        _ => Err(Error::Unreadable),
    }
}
