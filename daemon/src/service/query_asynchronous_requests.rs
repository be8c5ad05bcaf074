//! Query Asynchronous Requests: what the caller has not fetched yet.

use strongroom_kmip::payload::{QueryAsynchronousRequestsRequest, QueryAsynchronousRequestsResponse};

use super::{call::Call, contract::Perform, refusal::Refusal};

impl Perform for QueryAsynchronousRequestsRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<QueryAsynchronousRequestsResponse, Refusal> {
        let mut found = call.later.outstanding(&call.caller.principal, call.vault.now());
        if let Some(values) = &self.asynchronous_correlation_values {
            found.retain(|it| values.asynchronous_correlation_value.contains(&it.asynchronous_correlation_value));
        }
        if let Some(operations) = &self.operations {
            found.retain(|it| operations.operation.contains(&it.operation));
        }
        call.notes.count = u64::try_from(found.len()).ok();
        Ok(QueryAsynchronousRequestsResponse { asynchronous_request: found })
    }
}
