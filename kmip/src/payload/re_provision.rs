//! Re-Provision: another credential in place of the one that a client comes with (KMIP 2.1 §6.1.48).

use crate::{
    identifier::Identifier,
    object::{Certificate, CertificateRequest},
};

structure! {
    /// What the new credential is made of; without either, the server makes key and certificate.
    ReProvisionRequest {
        certificate_request: Option<CertificateRequest> = CertificateRequest, V2_0;
        certificate: Option<Certificate> = Certificate, V2_0;
    }
}

structure! {
    /// The new certificate, or the private key where the server made it.
    ReProvisionResponse {
        unique_identifier: Option<Identifier> = UniqueIdentifier, V2_0;
    }
}
