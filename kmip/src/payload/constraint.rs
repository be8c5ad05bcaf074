//! What new objects must be (KMIP 2.1 §7.6).

use super::{ObjectGroups, ObjectTypes};
use crate::attribute::Listed;

structure! {
    /// Constraints, each of which holds.
    #[derive(Clone)]
    Constraints {
        constraint: Vec<Constraint> = Constraint, V2_1;
    }
}

structure! {
    /// Which attributes new objects must have.
    #[derive(Clone)]
    Constraint {
        /// The types it is about; all of them where it is missing.
        object_types: Option<ObjectTypes> = ObjectTypes, V2_1;
        /// The groups it is about; all of them, and objects in none, where it is missing.
        object_groups: Option<ObjectGroups> = ObjectGroups, V2_1 until V3_0;
        attributes: Option<Listed> = Attributes, V2_1;
    }
}
