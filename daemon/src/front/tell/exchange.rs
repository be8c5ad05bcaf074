//! One letter and its answer, over a connection.

use std::{io, sync::Arc, time::Duration};

use strongroom_kmip::{
    code::{Operation, ResultReason, ResultStatus},
    message::ResponseMessage,
    tag::Tag,
    ttlv::{Limits, Tree, frame_length},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::service::{Letter, Refusal, Service, Trouble};

/// How the delivery of a letter ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::front) enum Ended {
    /// It is done with; the next may follow.
    Done,
    /// It is to be tried again later, over another connection.
    Again,
}

/// Sends a letter, waits for its answer, and lets the service know.
pub(in crate::front) async fn deliver<S>(service: &Arc<Service>, letter: &Letter, stream: &mut S) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let wanted = letter.clone();
    let message = match asked(service, move |service| service.written(&wanted)).await {
        Ok(Some(message)) => message,
        Ok(None) => return Ended::Done,
        Err(refusal) => {
            log::warn!("the {} of {} waits: {refusal}", letter.operation, letter.object);
            return Ended::Again;
        }
    };
    let outcome = exchange(stream, &message, letter.operation).await;
    drop(message);
    let letter = letter.clone();
    let (told, ended) = match outcome {
        Ok(refused) => (asked(service, move |service| service.answered(&letter, refused)).await, Ended::Done),
        Err(trouble) => (asked(service, move |service| service.undelivered(&letter, trouble)).await, Ended::Again),
    };
    match told {
        Ok(()) => ended,
        Err(refusal) => {
            log::warn!("what became of a letter could not be written down: {refusal}");
            Ended::Again
        }
    }
}

/// Asks the service on a thread that may block.
pub(super) async fn asked<T: Send + 'static>(
    service: &Arc<Service>,
    ask: impl FnOnce(&Service) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let service = Arc::clone(service);
    let asked = tokio::task::spawn_blocking(move || ask(&service)).await;
    asked.unwrap_or_else(|_| Err(Refusal::new(ResultReason::GeneralFailure, "the daemon failed; see its log")))
}

/// Sends a message and reads the answer: nothing where all went well, or the reason for which it was refused.
async fn exchange<S>(stream: &mut S, message: &[u8], asked: Operation) -> Result<Option<ResultReason>, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = async {
        stream.write_all(message).await?;
        stream.flush().await
    };
    timeout(SEND, sent).await.map_err(|_| Trouble::Slow)?.map_err(|_| Trouble::Closed)?;
    let answer = timeout(ANSWER, receive(stream)).await.map_err(|_| Trouble::Slow)??;
    understood(&answer, asked).ok_or(Trouble::Unreadable)
}

async fn receive<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Trouble> {
    let hung_up = |_: io::Error| Trouble::Closed;
    let mut head = [0; 8];
    stream.read_exact(&mut head).await.map_err(hung_up)?;
    let whole = frame_length(head, Tag::ResponseMessage, &LIMITS).map_err(|_| Trouble::Unreadable)?;
    let mut answer = vec![0; whole];
    let (start, rest) = answer.split_at_mut_checked(head.len()).ok_or(Trouble::Unreadable)?;
    start.copy_from_slice(&head);
    stream.read_exact(rest).await.map_err(hung_up)?;
    Ok(answer)
}

/// What an answer says, if it is one to the operation.
fn understood(answer: &[u8], asked: Operation) -> Option<Option<ResultReason>> {
    let tree = Tree::read(answer, &LIMITS).ok()?;
    let mut items = ResponseMessage::read(&tree).ok()?.items;
    let item = items.pop().filter(|item| items.is_empty() && item.operation.is_none_or(|named| named == asked))?;
    match item.result_status {
        ResultStatus::Success => Some(None),
        ResultStatus::OperationFailed | ResultStatus::OperationUndone => {
            Some(Some(item.result_reason.unwrap_or(ResultReason::GeneralFailure)))
        }
        _ => None,
    }
}

/// An answer says yes or no: what is longer is none.
const LIMITS: Limits = Limits { size: 16 << 10, depth: 16, items: 1 << 10, text: 8 << 10 };
/// How long an endpoint may take to hear a letter.
const SEND: Duration = Duration::from_secs(30);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use strongroom_kmip::{
        message::ResponseItem,
        payload::{NotifyResponse, PutResponse},
        ttlv::{Bytes, DateTime},
        version::{V1_0, V2_1, Version},
    };

    use super::*;

    fn answer(version: Version, items: Vec<ResponseItem>) -> Vec<u8> {
        ResponseMessage::of(version, DateTime(0), items).write().to_vec()
    }

    #[test]
    fn an_answer_says_yes_or_no_or_is_none() {
        let heard = || ResponseItem::success(NotifyResponse {}.into());
        let bare = || ResponseItem { payload: None, ..heard() };
        let refused = |reason| ResponseItem::failure(Some(Operation::Notify), reason, "no");
        let other = ResponseItem::success(PutResponse {}.into());
        let pending = ResponseItem::pending(Operation::Notify, Bytes(vec![1]));
        for (name, items, expected) in [
            ("heard", vec![heard()], Some(None)),
            ("without a payload, as the standard has it", vec![bare()], Some(None)),
            ("without its operation", vec![ResponseItem { operation: None, ..bare() }], Some(None)),
            ("refused", vec![refused(ResultReason::PermissionDenied)], Some(Some(ResultReason::PermissionDenied))),
            ("another operation", vec![other], None),
            ("pending", vec![pending], None),
            ("two answers", vec![heard(), heard()], None),
            ("no answer", vec![], None),
        ] {
            for version in [V1_0, V2_1] {
                let read = understood(&answer(version, items.iter().map(copy).collect()), Operation::Notify);
                assert_eq!(read, expected, "{name}, {version}");
            }
        }
        assert_eq!(understood(b"HTTP/1.1", Operation::Notify), None);
    }

    fn copy(item: &ResponseItem) -> ResponseItem {
        let payload = item.payload.as_ref().map(|response| match response.operation() {
            Operation::Put => PutResponse {}.into(),
            _ => NotifyResponse {}.into(),
        });
        ResponseItem {
            operation: item.operation,
            unique_batch_item_id: None,
            result_status: item.result_status,
            result_reason: item.result_reason,
            result_message: item.result_message.clone(),
            asynchronous_correlation_value: item.asynchronous_correlation_value.clone(),
            payload,
            extension: Vec::new(),
        }
    }
}
