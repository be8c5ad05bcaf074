//! Set Endpoint Role: from now on the other end of the connection asks (KMIP 2.1 §6.1.54, §6.2.5).

use crate::code::EndpointRole;

structure! {
    /// What whoever is asked is to be.
    SetEndpointRoleRequest {
        endpoint_role: EndpointRole = EndpointRole, V2_0;
    }
}

structure! {
    /// What it is from now on.
    SetEndpointRoleResponse {
        endpoint_role: EndpointRole = EndpointRole, V2_0;
    }
}
