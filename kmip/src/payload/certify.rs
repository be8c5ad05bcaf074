//! Certify: a certificate for a public key (KMIP 2.1 §6.1.6).

use super::ProtectionStorageMasks;
use crate::{
    attribute::Template,
    code::CertificateRequestType,
    identifier::{Identifier, UniqueIdentifier},
    ttlv::Bytes,
};

structure! {
    /// What is to be certified.
    CertifyRequest {
        /// The public key, or the certificate request (since KMIP 2.0).
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        certificate_request_type: Option<CertificateRequestType> = CertificateRequestType, V1_0;
        /// The request as KMIP 1.x brings it.
        certificate_request: Option<Bytes> = CertificateRequest, V1_0 until V2_0;
        /// The request as KMIP 2.x brings it.
        certificate_request_value: Option<Bytes> = CertificateRequestValue, V2_0;
        attributes: Option<Template> = Attributes, V1_0;
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// The certificate.
    CertifyResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// Attributes that the server has set or changed.
        attributes: Option<Template> = TemplateAttribute, V1_0 until V2_0;
    }
}
