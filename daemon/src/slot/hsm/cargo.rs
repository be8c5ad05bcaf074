//! What goes from one token of a cluster to another: a key, encrypted under a key that both have, and what it is there.

use super::codec::{Plain, messages};

messages! {
    /// Whether a key that is made may leave its token.
    enum Leaving {
        /// It never does.
        0 = Never;
        /// Encrypted under the token's key of this label, for the other tokens of its cluster.
        1 = Wrapped { #[doc = "CKA_LABEL of the key that encrypts."] label: Plain };
    }

    /// A key on its way.
    struct Cargo {
        /// Its class.
        class: u64;
        /// Its type.
        kind: u64;
        /// Its CKA_ID.
        id: Plain;
        /// Its CKA_LABEL.
        label: Plain;
        /// Attributes of what it may be used for that are true.
        uses: Vec<u64>;
        /// Whether keys that the token trusts may encrypt it, and no others.
        trusted: bool;
        /// The key, encrypted.
        wrapped: Plain;
    }
}

impl Clone for Leaving {
    fn clone(&self) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::Wrapped { label } => Self::Wrapped { label: label.clone() },
        }
    }
}
