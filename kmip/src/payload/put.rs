//! Put: a server gives an object without being asked (KMIP 1.0 §5.2, 2.1 §6.2.3). Only a server sends it.

use crate::{attribute::Listed, code::PutFunction, identifier::Identifier, object::Object};

structure! {
    /// The object, and what it takes the place of.
    PutRequest {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        put_function: PutFunction = PutFunction, V1_0;
        /// The object that it replaces, where it does.
        replaced_unique_identifier: Option<Identifier> = ReplacedUniqueIdentifier, V1_0;
        /// The object, under the tag of its kind.
        object: Object = ObjectType, V1_0;
        attributes: Option<Listed> = Attributes, V1_0;
    }
}

structure! {
    /// It was taken.
    PutResponse {}
}
