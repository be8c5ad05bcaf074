//! Discover Versions: which versions of the protocol both sides speak (KMIP 2.1 §6.1.16).

use crate::version::Version;

structure! {
    /// The versions that the client speaks, the one it likes best first; none asks for all.
    DiscoverVersionsRequest {
        protocol_version: Vec<Version> = ProtocolVersion, V1_1;
    }
}

structure! {
    /// Those of them that the server speaks too, or all it speaks, the one it likes best first.
    DiscoverVersionsResponse {
        protocol_version: Vec<Version> = ProtocolVersion, V1_1;
    }
}
