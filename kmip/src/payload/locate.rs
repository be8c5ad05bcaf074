//! Locate: the objects that have these attributes (KMIP 2.1 §6.1.28).

use crate::{
    attribute::Listed,
    code::{ObjectClassMask, ObjectGroupMember, StorageStatusMask},
    identifier::Identifier,
};

structure! {
    /// What is looked for. Without attributes it is everything.
    #[derive(Default)]
    LocateRequest {
        /// How many to return at most.
        maximum_items: Option<i32> = MaximumItems, V1_0;
        /// How many to leave out at the start.
        offset_items: Option<i32> = OffsetItems, V1_3;
        storage_status_mask: Option<StorageStatusMask> = StorageStatusMask, V1_0;
        object_group_member: Option<ObjectGroupMember> = ObjectGroupMember, V1_1 until V3_0;
        object_class_mask: Option<ObjectClassMask> = ObjectClassMask, V3_0;
        attributes: Listed = Attributes, V1_0;
    }
}

structure! {
    /// What was found, the youngest first.
    LocateResponse {
        /// How many there are, whether or not they were returned.
        located_items: Option<i32> = LocatedItems, V1_3;
        unique_identifier: Vec<Identifier> = UniqueIdentifier, V1_0;
    }
}
