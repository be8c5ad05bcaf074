//! PKCS#11: a function of the other standard, for a client that has KMIP only. The front that serves the module serves it.

use strongroom_kmip::{
    code::ResultReason,
    payload::{PKCS11Request, PKCS11Response},
    ttlv::Bytes,
    version::V3_0,
};

use super::{call::Call, contract::Perform, refusal::Refusal};

impl Perform for PKCS11Request {
    fn perform(self, call: &mut Call<'_>) -> Result<PKCS11Response, Refusal> {
        if self.pkcs11_interface.as_deref().is_some_and(|name| name != INTERFACE) {
            let message = format!("the only interface is {INTERFACE:?}");
            return Err(Refusal::new(ResultReason::PKCS_11InvalidInterface, message));
        }
        let unserved = || Refusal::new(ResultReason::FeatureNotSupported, "PKCS#11 is not served now");
        let cryptoki = call.cryptoki.clone().ok_or_else(unserved)?;
        let correlation = self.correlation_value.as_ref().map(|Bytes(value)| value.as_slice());
        let input = self.pkcs11_input_parameters.as_ref().map_or(&[][..], |input| input.reveal());
        let returned = cryptoki.call(call.caller, self.pkcs11_function, correlation, input)?;
        // Since KMIP 3.0 every answer says which application it is for; before, only the one that begins it.
        let again = self.correlation_value.filter(|_| call.version >= V3_0);
        Ok(PKCS11Response {
            pkcs11_interface: self.pkcs11_interface,
            pkcs11_function: self.pkcs11_function,
            correlation_value: returned.correlation.map(Bytes).or(again),
            pkcs11_output_parameters: Some(returned.output).filter(|output| !output.is_empty()),
            pkcs11_return_code: returned.code,
        })
    }
}

/// The standard's own interface (PKCS#11 3.2 §5.4.6).
const INTERFACE: &str = "PKCS 11";
