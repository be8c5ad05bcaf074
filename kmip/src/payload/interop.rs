//! Interop: where a test of an interoperability event begins and ends (KMIP 2.1 §6.1.26).

use crate::code::InteropFunction;

structure! {
    /// Which test.
    InteropRequest {
        interop_function: InteropFunction = InteropFunction, V2_0;
        interop_identifier: Option<String> = InteropIdentifier, V2_0;
    }
}

structure! {
    /// Nothing.
    InteropResponse {}
}
