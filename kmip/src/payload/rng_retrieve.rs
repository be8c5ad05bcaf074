//! RNG Retrieve: random bytes (KMIP 2.1 §6.1.49).

use crate::secret::Secret;

structure! {
    /// How many bytes.
    RNGRetrieveRequest {
        data_length: i32 = DataLength, V1_2;
    }
}

structure! {
    /// The bytes; a server may return fewer.
    RNGRetrieveResponse {
        data: Secret = Data, V1_2;
    }
}
