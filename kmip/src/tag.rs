//! The tags: the names of items on the wire.

codes! {
    /// The tag of an item (KMIP 2.1 §11 Tags): three bytes, `0x42....` for the standard's, `0x54....` for extensions.
    Tag {
        UniqueIdentifier = 0x420094, "Unique Identifier", V1_0;
    }
}
