//! Create Group: something that objects may belong to.

use strongroom_kmip::{
    code::ObjectType,
    payload::{CreateGroupRequest, CreateGroupResponse},
};

use super::{call::Call, contract::Perform, create_user, creation, refusal::Refusal};

impl Perform for CreateGroupRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CreateGroupResponse, Refusal> {
        let mut set = creation::gather(call, ObjectType::Group, &[Some(&self.attributes)])?;
        let id = create_user::named(call, ObjectType::Group, &mut set)?;
        Ok(CreateGroupResponse { unique_identifier: id.as_str().into() })
    }
}
