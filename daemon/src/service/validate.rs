//! Validate: whether certificates make a chain that holds.

use strongroom_kmip::{
    code::{CertificateType, ValidityIndicator},
    payload::{ValidateRequest, ValidateResponse},
};

use super::{call::Call, contract::Perform, issuing, provision, refusal::Refusal};
use crate::{
    certificate::{self, Verdict},
    clock::Time,
};

impl Perform for ValidateRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ValidateResponse, Refusal> {
        if self.certificate.is_empty() && self.unique_identifier.is_empty() {
            return Err(Refusal::missing("Certificate or Unique Identifier"));
        }
        if self.certificate.len().saturating_add(self.unique_identifier.len()) > MOST {
            return Err(Refusal::invalid("no chain of certificates is that long"));
        }
        let mut chain = Vec::new();
        let mut anchors = Vec::new();
        for named in &self.unique_identifier {
            let id = call.subject(Some(named))?;
            let (_, der) = issuing::kept_certificate(call, &id)?;
            // Who keeps a root here trusts it; a root that is only brought along is trusted by nobody.
            if certificate::is_root(&der) {
                anchors.push(der.clone());
            }
            chain.push(der);
        }
        for brought in self.certificate {
            if brought.certificate_type != CertificateType::X_509 {
                return Err(Refusal::unsupported("only chains of X.509 certificates are validated"));
            }
            chain.push(brought.certificate_value.0);
        }
        if let Ok(authority) = provision::authority(call.vault) {
            anchors.push(authority.certificate().to_vec());
        }
        let at = self.validity_date.map_or(call.vault.now(), |date| Time::from_seconds(date.0));
        let validity_indicator = match certificate::check(&chain, &anchors, at) {
            Verdict::Valid => ValidityIndicator::Valid,
            Verdict::Invalid => ValidityIndicator::Invalid,
            Verdict::Unknown => ValidityIndicator::Unknown,
        };
        Ok(ValidateResponse { validity_indicator })
    }
}

/// No chain of certificates that anybody verifies is longer.
const MOST: usize = 10;
