//! How the PKCS#11 operation reaches the front that serves PKCS#11: the front is above, and makes itself known.

use strongroom_kmip::{
    code::{PKCS11Function, PKCS11ReturnCode},
    secret::Secret,
};

use super::refusal::Refusal;
use crate::caller::Caller;

/// The front that serves PKCS#11, as the PKCS#11 operation reaches it. What it asks of the house to serve a function is
/// performed and recorded like any other call.
pub trait Cryptoki: Send + Sync {
    /// Calls a function for a client. `correlation` says which of the client's applications calls.
    ///
    /// # Errors
    /// [`Refusal`], when there is no such function or its parameters cannot be read; what the function itself refuses is a
    /// return value.
    fn call(
        &self,
        caller: &Caller,
        function: PKCS11Function,
        correlation: Option<&[u8]>,
        input: &[u8],
    ) -> Result<Returned, Refusal>;

    /// Ends the applications of clients that have not called for a while.
    fn tidy(&self);
}

/// What a function of PKCS#11 has returned.
pub struct Returned {
    /// The return value.
    pub code: PKCS11ReturnCode,
    /// What names the application that was begun.
    pub correlation: Option<Vec<u8>>,
    /// The output parameters.
    pub output: Secret,
}
