//! Certify: a certificate for a public key or a certificate request.

use strongroom_kmip::{
    attribute::{Attribute, Link, Linked},
    code::{LinkType, ObjectType, ResultReason},
    payload::{CertifyRequest, CertifyResponse},
};

use super::{
    call::Call,
    contract::Perform,
    creation,
    issuing::{self, Applicant},
    refusal::Refusal,
};
use crate::{
    certificate,
    vault::{Action, ObjectId},
};

impl Perform for CertifyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CertifyResponse, Refusal> {
        let bytes = self.certificate_request_value.as_ref().or(self.certificate_request.as_ref());
        let mut request = issuing::request(self.certificate_request_type, bytes)?;
        let mut asked: Option<ObjectId> = None;
        let mut public = None;
        if request.is_none() || self.unique_identifier.is_some() {
            let id = call.subject(self.unique_identifier.as_ref())?;
            let (object, _) = call.see(&id, Action::See)?;
            match object.object_type() {
                ObjectType::CertificateRequest if request.is_none() => {
                    request = Some(issuing::kept_request(call, &id)?);
                    asked = Some(id);
                }
                _ => public = Some(issuing::public_key(call, &id)?),
            }
        }
        let wished = request.as_deref().map(certificate::request_key).transpose().map_err(issuing::refused)?;
        let key = match (&public, wished) {
            (Some((_, key)), Some(wished)) if *key != wished => {
                return Err(Refusal::new(ResultReason::InvalidCSR, "the certificate request is for another key"));
            }
            (Some((_, key)), _) => key.clone(),
            (None, Some(wished)) => wished,
            (None, None) => return Err(Refusal::missing("public key or certificate request")),
        };
        let applicant = Applicant { key, request, renewed: None, public: public.map(|(object, _)| object) };
        let mut set = creation::gather(call, ObjectType::Certificate, &[self.attributes.as_ref()])?;
        if let Some(asked) = &asked {
            set.put(Attribute::CertificateRequestLink(Linked::Identifier(asked.as_str().to_owned())));
        }
        let id = issuing::issue(call, &mut set, &applicant)?;
        if let Some(public) = &applicant.public {
            let link = Attribute::Link(Link::to(LinkType::CertificateLink, id.as_str()));
            call.edit(&public.id, Action::Change, |object| {
                object.attributes.put(link);
                Ok(())
            })?;
        }
        call.placeholder = Some(id.clone());
        call.notes.object = Some(id.clone());
        Ok(CertifyResponse { unique_identifier: id.as_str().into(), attributes: None })
    }
}
