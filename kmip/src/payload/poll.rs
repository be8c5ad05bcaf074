//! Poll: what became of a request that is answered later (KMIP 2.1 §6.1.38).

use crate::ttlv::Bytes;

structure! {
    /// Which request.
    PollRequest {
        asynchronous_correlation_value: Bytes = AsynchronousCorrelationValue, V1_0;
    }
}

structure! {
    /// Nothing: what is answered is the answer to the request that was asked for, or that it is still pending.
    PollResponse {}
}
