//! PKCS#11: a function of the other standard, performed by the server (KMIP 2.1 §6.1.37).

use crate::{
    code::{PKCS11Function, PKCS11ReturnCode},
    secret::Secret,
    ttlv::Bytes,
};

structure! {
    /// Which function, and its parameters.
    PKCS11Request {
        /// The name of the interface; the standard one where nothing is said.
        pkcs11_interface: Option<String> = PKCS_11Interface, V2_0;
        pkcs11_function: PKCS11Function = PKCS_11Function, V2_0;
        /// What the server gave with an earlier answer.
        correlation_value: Option<Bytes> = CorrelationValue, V2_0;
        /// PINs, keys and plaintexts among them.
        pkcs11_input_parameters: Option<Secret> = PKCS_11InputParameters, V2_0;
    }
}

structure! {
    /// What the function has returned.
    PKCS11Response {
        pkcs11_interface: Option<String> = PKCS_11Interface, V2_0;
        pkcs11_function: PKCS11Function = PKCS_11Function, V2_0;
        /// What the client is to give back with its next request.
        correlation_value: Option<Bytes> = CorrelationValue, V2_0;
        pkcs11_output_parameters: Option<Secret> = PKCS_11OutputParameters, V2_0;
        pkcs11_return_code: PKCS11ReturnCode = PKCS_11ReturnCode, V2_0;
    }
}
