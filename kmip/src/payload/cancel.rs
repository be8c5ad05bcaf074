//! Cancel: a request that is answered later is not wanted any more (KMIP 2.1 §6.1.5).

use crate::{code::CancellationResult, ttlv::Bytes};

structure! {
    /// Which request.
    CancelRequest {
        asynchronous_correlation_value: Bytes = AsynchronousCorrelationValue, V1_0;
    }
}

structure! {
    /// What came of it.
    CancelResponse {
        asynchronous_correlation_value: Bytes = AsynchronousCorrelationValue, V1_0;
        cancellation_result: CancellationResult = CancellationResult, V1_0;
    }
}
