//! Query Asynchronous Requests: what the caller has not fetched yet.

use strongroom_kmip::payload::{QueryAsynchronousRequestsRequest, QueryAsynchronousRequestsResponse};

use super::{call::Call, contract::Perform, later, refusal::Refusal};

impl Perform for QueryAsynchronousRequestsRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<QueryAsynchronousRequestsResponse, Refusal> {
        let owner = later::owner(call.caller).ok();
        let mut found = owner.map_or_else(Vec::new, |owner| call.later.outstanding(owner, call.vault.now()));
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
