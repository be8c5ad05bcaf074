//! Re-certify: a new certificate for the key of an old one, in its place.

use strongroom_kmip::{
    attribute::{Attribute, Link},
    code::{LinkType, ObjectType, ResultReason},
    payload::{ReCertifyRequest, ReCertifyResponse},
};

use super::{
    call::Call,
    contract::Perform,
    descent,
    issuing::{self, Applicant},
    refusal::Refusal,
    replacing,
};
use crate::{certificate, vault::Action};

impl Perform for ReCertifyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ReCertifyResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let old = replacing::predecessor(call, &id, ObjectType::Certificate)?;
        let (_, renewed) = issuing::kept_certificate(call, &id)?;
        let bytes = self.certificate_request_value.as_ref().or(self.certificate_request.as_ref());
        let mut request = issuing::request(self.certificate_request_type, bytes)?;
        if let (None, Some(named)) = (&request, &self.certificate_request_unique_identifier) {
            let named = call.subject(Some(named))?;
            request = Some(issuing::kept_request(call, &named)?);
        }
        let key = certificate::certificate_key(&renewed).map_err(issuing::refused)?;
        let wished = request.as_deref().map(certificate::request_key).transpose().map_err(issuing::refused)?;
        if wished.is_some_and(|wished| wished != key) {
            return Err(Refusal::new(ResultReason::InvalidCSR, "the certificate request is for another key"));
        }
        let public = match descent::linked(&old, LinkType::PublicKeyLink) {
            Some(public) => Some(issuing::public_key(call, &public)?.0),
            None => None,
        };
        replacing::unname(call, &id)?;
        let mut set = replacing::attributes(call, &old, self.offset, &[self.attributes.as_ref()])?;
        if let (None, Some(issuer)) =
            (descent::link_of(&set, LinkType::CertificateLink), descent::linked(&old, LinkType::CertificateLink))
        {
            set.put(Attribute::Link(Link::to(LinkType::CertificateLink, issuer.as_str())));
        }
        let applicant = Applicant { key, request, renewed: Some(renewed), public };
        let new = issuing::issue(call, &mut set, &applicant)?;
        if let Some(public) = &applicant.public {
            call.edit(&public.id, Action::Change, |object| {
                replacing::relink(&mut object.attributes, LinkType::CertificateLink, &new);
                Ok(())
            })?;
        }
        replacing::succeed(call, &old, &new)?;
        call.placeholder = Some(new.clone());
        call.notes.object = Some(new.clone());
        Ok(ReCertifyResponse { unique_identifier: new.as_str().into(), attributes: None })
    }
}
