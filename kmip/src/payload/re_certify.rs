//! Re-certify: a new certificate for the key of an old one (KMIP 2.1 §6.1.45).

use super::ProtectionStorageMasks;
use crate::{
    attribute::Template,
    code::CertificateRequestType,
    identifier::{Identifier, UniqueIdentifier},
    ttlv::{Bytes, Interval},
};

structure! {
    /// Which certificate is to be renewed.
    ReCertifyRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        certificate_request_unique_identifier: Option<UniqueIdentifier> = CertificateRequestUniqueIdentifier, V2_0;
        certificate_request_type: Option<CertificateRequestType> = CertificateRequestType, V1_0;
        /// The request as KMIP 1.x brings it.
        certificate_request: Option<Bytes> = CertificateRequest, V1_0 until V2_0;
        /// The request as KMIP 2.x brings it.
        certificate_request_value: Option<Bytes> = CertificateRequestValue, V2_0;
        /// How long after its making the new certificate becomes active; its other date moves along.
        offset: Option<Interval> = Offset, V1_0;
        attributes: Option<Template> = Attributes, V1_0;
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// The new certificate.
    ReCertifyResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// Attributes that the server has set or changed.
        attributes: Option<Template> = TemplateAttribute, V1_0 until V2_0;
    }
}
