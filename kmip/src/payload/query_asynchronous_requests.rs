//! Query Asynchronous Requests: what is still to be asked for (KMIP 2.1 §6.1.41).

use super::Operations;
use crate::{
    code::{Operation, ProcessingStage},
    ttlv::{Bytes, DateTimeExtended},
};

structure! {
    /// Which of them; all where neither is given.
    QueryAsynchronousRequestsRequest {
        asynchronous_correlation_values: Option<AsynchronousCorrelationValues> = AsynchronousCorrelationValues, V2_1;
        operations: Option<Operations> = Operations, V2_1;
    }
}

structure! {
    /// Those that were found.
    QueryAsynchronousRequestsResponse {
        asynchronous_request: Vec<AsynchronousRequest> = AsynchronousRequest, V2_1;
    }
}

structure! {
    /// What requests were called that are answered later (KMIP 2.1 §7.1).
    AsynchronousCorrelationValues {
        asynchronous_correlation_value: Vec<Bytes> = AsynchronousCorrelationValue, V2_1;
    }
}

structure! {
    /// A request whose answer has not been fetched yet (KMIP 2.1 §7.2).
    AsynchronousRequest {
        asynchronous_correlation_value: Bytes = AsynchronousCorrelationValue, V2_1;
        operation: Operation = Operation, V2_1;
        submission_date: DateTimeExtended = SubmissionDate, V2_1;
        processing_stage: ProcessingStage = ProcessingStage, V2_1;
    }
}
