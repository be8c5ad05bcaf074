//! Set Endpoint Role: who asks over the connection from now on.

use strongroom_kmip::{
    code::EndpointRole,
    payload::{SetEndpointRoleRequest, SetEndpointRoleResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal};

impl Perform for SetEndpointRoleRequest {
    fn perform(self, _: &mut Call<'_>) -> Result<SetEndpointRoleResponse, Refusal> {
        match self.endpoint_role {
            EndpointRole::Server => Ok(SetEndpointRoleResponse { endpoint_role: EndpointRole::Server }),
            EndpointRole::Client => Err(Refusal::unsupported(
                "this server asks nothing of whoever has connected to it; it stays the server",
            )),
            _ => Err(Refusal::invalid("an Endpoint Role is Client or Server")),
        }
    }
}
