//! Set Defaults: which attributes new objects have where a client gives none (KMIP 2.1 §6.1.53).

use super::DefaultsInformation;

structure! {
    /// The defaults, in place of those before; none where they are missing.
    SetDefaultsRequest {
        defaults_information: Option<DefaultsInformation> = DefaultsInformation, V2_1;
    }
}

structure! {
    /// Nothing.
    SetDefaultsResponse {}
}
