//! RNG Seed: bytes for the server's random number generator (KMIP 2.1 §6.1.50).

use crate::secret::Secret;

structure! {
    /// The bytes.
    RNGSeedRequest {
        data: Secret = Data, V1_2;
    }
}

structure! {
    /// How many of them the generator took.
    RNGSeedResponse {
        data_length: i32 = DataLength, V1_2;
    }
}
