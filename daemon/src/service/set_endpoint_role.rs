//! Set Endpoint Role: who asks over the connection from now on (KMIP 2.1 §6.1.54).
//!
//! The server becomes the one who asks where an operator has configured what is to be told over such a connection; the front
//! then turns it around.

use strongroom_kmip::{
    code::EndpointRole,
    payload::{SetEndpointRoleRequest, SetEndpointRoleResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal};

impl Perform for SetEndpointRoleRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<SetEndpointRoleResponse, Refusal> {
        match self.endpoint_role {
            EndpointRole::Client if !call.turns => Err(Refusal::unsupported(
                "nothing is to be told over this connection: no endpoint without an address is configured for its client",
            )),
            EndpointRole::Client | EndpointRole::Server => {
                Ok(SetEndpointRoleResponse { endpoint_role: self.endpoint_role })
            }
            _ => Err(Refusal::invalid("an Endpoint Role is Client or Server")),
        }
    }
}
