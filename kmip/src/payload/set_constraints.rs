//! Set Constraints: what new objects must be from now on (KMIP 2.1 §6.1.52).

use super::Constraints;

structure! {
    /// The constraints, in place of those before; none where they are missing.
    SetConstraintsRequest {
        constraints: Option<Constraints> = Constraints, V2_1;
    }
}

structure! {
    /// Nothing.
    SetConstraintsResponse {}
}
