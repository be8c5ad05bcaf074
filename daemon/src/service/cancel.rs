//! Cancel: a request that is answered later is not wanted any more.

use strongroom_kmip::{
    code::ResultReason,
    message::ResponseItem,
    payload::{CancelRequest, CancelResponse},
};

use super::{
    call::Call,
    contract::Perform,
    defer,
    later::{self, ANSWERS, Value},
    refusal::Refusal,
};

impl Perform for CancelRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CancelResponse, Refusal> {
        let value: Value = self.asynchronous_correlation_value.0.as_slice().try_into().map_err(|_| later::unknown())?;
        let now = call.vault.now();
        let (cancellation_result, leaving) = call.later.cancel(&value, later::owner(call.caller)?, now)?;
        if let Some((leaving, outcome)) = leaving {
            let reason = ResultReason::OperationCanceledByRequester;
            let item = ResponseItem::failure(Some(outcome.operation.into()), reason, "it was cancelled");
            let row = defer::answer_row(&outcome, call.version, &item)?;
            let change = call.change()?;
            change.put_setting(&later::setting(ANSWERS, &value), Some(row));
            change.afterwards(move || leaving.gone(now));
        }
        Ok(CancelResponse { asynchronous_correlation_value: self.asynchronous_correlation_value, cancellation_result })
    }
}
