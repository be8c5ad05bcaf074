//! Process: a request that is answered later is waited for by the next Poll (KMIP 2.1 §6.1.39).

use crate::ttlv::Bytes;

structure! {
    /// Which request.
    ProcessRequest {
        asynchronous_correlation_value: Bytes = AsynchronousCorrelationValue, V2_1;
    }
}

structure! {
    /// It is done.
    ProcessResponse {}
}
