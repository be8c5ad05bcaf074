//! Get Constraints: what new objects must be (KMIP 2.1 §6.1.22).

use super::Constraints;

structure! {
    /// Nothing.
    GetConstraintsRequest {}
}

structure! {
    /// The constraints.
    GetConstraintsResponse {
        constraints: Constraints = Constraints, V2_1;
    }
}
