//! Discover Versions: which versions of the protocol are served.

use strongroom_kmip::{
    payload::{DiscoverVersionsRequest, DiscoverVersionsResponse},
    version::{V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0, Version},
};

use super::{call::Call, contract::Perform, refusal::Refusal};

impl Perform for DiscoverVersionsRequest {
    fn perform(self, _: &mut Call<'_>) -> Result<DiscoverVersionsResponse, Refusal> {
        let asked = self.protocol_version;
        let served = SERVED.iter().filter(|version| asked.is_empty() || asked.contains(version));
        Ok(DiscoverVersionsResponse { protocol_version: served.copied().collect() })
    }
}

/// The versions that are served, newest first.
pub const SERVED: &[Version] = &[V3_0, V2_1, V2_0, V1_4, V1_3, V1_2, V1_1, V1_0];
