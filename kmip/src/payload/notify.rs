//! Notify: a server tells what has changed of an object (KMIP 1.0 §5.1, 2.1 §6.2.2). Only a server sends it.

use crate::{attribute::Changed, identifier::Identifier};

structure! {
    /// Which object, and what has changed.
    NotifyRequest {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// The Last Change Date at least.
        changed: Changed = Attributes, V1_0;
    }
}

structure! {
    /// It was heard.
    NotifyResponse {}
}
