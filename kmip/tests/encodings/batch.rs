//! What is read of messages that are not all right.

use strongroom_kmip::{
    client::{Client, Error},
    code::{Operation, ResultReason},
    message::{LARGEST_BATCH, RequestMessage, ResponseItem, ResponseMessage, Unreadable},
    operation::Fault,
    payload::{ActivateRequest, ActivateResponse, DestroyRequest},
    tag::Tag,
    ttlv::{DateTime, Kind, Limits, Malformed, Tree, Writer},
    version::{V1_0, V1_2, V2_1, Version},
};

/// A request of this version whose batch count and items `write` writes.
fn message(version: Version, count: Option<i32>, items: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut to = Writer::new(version);
    to.structure(Tag::RequestMessage, |to| {
        to.structure(Tag::RequestHeader, |to| {
            to.structure(Tag::ProtocolVersion, |to| {
                to.integer(Tag::ProtocolVersionMajor, version.major);
                to.integer(Tag::ProtocolVersionMinor, version.minor);
            });
            if let Some(count) = count {
                to.integer(Tag::BatchCount, count);
            }
        });
        items(to);
    });
    to.as_bytes().to_vec()
}

fn item(to: &mut Writer, operation: Operation, payload: impl FnOnce(&mut Writer)) {
    to.structure(Tag::BatchItem, |to| {
        to.enumeration(Tag::Operation, operation.0);
        to.structure(Tag::RequestPayload, payload);
    });
}

fn read(bytes: &[u8]) -> Result<RequestMessage, Unreadable> {
    RequestMessage::read(&Tree::read(bytes, &Limits::default()).unwrap())
}

fn refused(bytes: &[u8]) -> (Option<Version>, ResultReason, Malformed) {
    let Unreadable { version, reason, why } = read(bytes).unwrap_err();
    (version, reason, why)
}

#[test]
fn one_bad_item_does_not_spoil_the_others() {
    let bytes = message(V1_2, Some(5), |to| {
        item(to, Operation::Activate, |to| to.text(Tag::UniqueIdentifier, "a"));
        item(to, Operation(0x8000_0002), |_| {});
        item(to, Operation(0x8000_0001), |_| {});
        item(to, Operation::Revoke, |to| to.text(Tag::UniqueIdentifier, "a"));
        item(to, Operation::Destroy, |to| {
            to.text(Tag::UniqueIdentifier, "a");
            to.integer(Tag(0x54_0001), 1);
        });
    });
    let read = read(&bytes).unwrap();
    let faults: Vec<Option<Fault>> = read.items.into_iter().map(|item| item.payload.err()).collect();
    assert_eq!(
        faults,
        [
            None,
            Some(Fault::Operation(Operation(0x8000_0002))),
            Some(Fault::Operation(Operation(0x8000_0001))),
            Some(Fault::Payload(Malformed::Missing(Tag::RevocationReason))),
            Some(Fault::Payload(Malformed::Unexpected(Tag(0x54_0001)))),
        ]
    );
}

#[test]
fn an_operation_younger_than_the_message_is_not_supported() {
    let encrypt = |to: &mut Writer| item(to, Operation::Encrypt, |to| to.byte_string(Tag::Data, b"data"));
    let fault = |version| read(&message(version, Some(1), encrypt)).unwrap().items.remove(0).payload.err();
    assert_eq!(fault(V1_0), Some(Fault::Operation(Operation::Encrypt)));
    assert_eq!(fault(V1_2), None);
}

#[test]
fn a_fault_has_the_reason_that_the_standard_gives_it() {
    let cases = [
        (Fault::Operation(Operation::Put), ResultReason::OperationNotSupported),
        (Fault::Payload(Malformed::Missing(Tag::Data)), ResultReason::MissingData),
        (Fault::Payload(Malformed::Unexpected(Tag::Data)), ResultReason::InvalidField),
        (Fault::Payload(Malformed::Type(Tag::Data, Kind::ByteString)), ResultReason::InvalidField),
        (Fault::Payload(Malformed::Value(Tag::KeyFormatType)), ResultReason::KeyFormatTypeNotSupported),
        (Fault::Payload(Malformed::Limit("nesting")), ResultReason::InvalidMessage),
    ];
    for (fault, reason) in cases {
        assert_eq!(fault.reason(), reason, "{fault}");
    }
}

#[test]
fn an_item_without_a_payload_fails_alone() {
    let bytes = message(V1_2, Some(2), |to| {
        to.structure(Tag::BatchItem, |to| to.enumeration(Tag::Operation, Operation::Destroy.0));
        item(to, Operation::Query, |to| to.enumeration(Tag::QueryFunction, 1));
    });
    let read = read(&bytes).unwrap();
    let wrong: Vec<bool> = read.items.iter().map(|item| item.payload.is_err()).collect();
    assert_eq!(wrong, [true, false]);
}

#[test]
fn a_batch_count_that_lies_spoils_the_message() {
    let destroy = |to: &mut Writer| item(to, Operation::Destroy, |_| {});
    let cases = [
        ("more than there are", message(V1_0, Some(2), destroy), Malformed::Value(Tag::BatchCount)),
        ("fewer than there are", message(V1_0, Some(0), destroy), Malformed::Value(Tag::BatchCount)),
        ("less than nothing", message(V1_0, Some(-1), destroy), Malformed::Value(Tag::BatchCount)),
        ("none", message(V1_0, None, destroy), Malformed::Missing(Tag::BatchCount)),
        ("no items", message(V1_0, Some(0), |_| {}), Malformed::Missing(Tag::BatchItem)),
    ];
    for (name, bytes, why) in cases {
        assert_eq!(refused(&bytes), (Some(V1_0), ResultReason::InvalidMessage, why), "{name}");
    }
}

#[test]
fn a_batch_has_its_limit() {
    let of = |count: usize| {
        message(V1_0, i32::try_from(count).ok(), |to| {
            (0..count).for_each(|_| item(to, Operation::Destroy, |_| {}));
        })
    };
    assert_eq!(read(&of(LARGEST_BATCH)).unwrap().items.len(), LARGEST_BATCH);
    let (_, _, why) = refused(&of(LARGEST_BATCH + 1));
    assert_eq!(why, Malformed::Limit("the number of batch items"));
}

#[test]
fn a_message_that_cannot_be_read_still_tells_its_version() {
    let mut to = Writer::new(V2_1);
    to.structure(Tag::RequestMessage, |to| {
        to.structure(Tag::RequestHeader, |to| {
            to.structure(Tag::ProtocolVersion, |to| {
                to.integer(Tag::ProtocolVersionMajor, 9);
                to.integer(Tag::ProtocolVersionMinor, 7);
            });
            to.text(Tag(0x54_0001), "something new");
            to.integer(Tag::BatchCount, 1);
        });
    });
    let why = Malformed::Unexpected(Tag(0x54_0001));
    assert_eq!(refused(to.as_bytes()), (Some(Version::new(9, 7)), ResultReason::InvalidMessage, why));
}

#[test]
fn a_message_without_a_version_tells_none() {
    let mut to = Writer::new(V2_1);
    to.structure(Tag::RequestMessage, |_| {});
    let (version, _, why) = refused(to.as_bytes());
    assert_eq!((version, why), (None, Malformed::Missing(Tag::RequestHeader)));
}

#[test]
fn an_answer_is_no_request() {
    let bytes = ResponseMessage::refusal(V1_0, DateTime(0), ResultReason::GeneralFailure, "no").write();
    let (_, _, why) = refused(&bytes);
    assert_eq!(why, Malformed::Unexpected(Tag::ResponseMessage));
}

#[test]
fn a_critical_extension_spoils_the_message_and_another_does_not() {
    let with = |critical| {
        message(V1_2, Some(1), |to| {
            to.structure(Tag::BatchItem, |to| {
                to.enumeration(Tag::Operation, Operation::Activate.0);
                to.structure(Tag::RequestPayload, |_| {});
                to.structure(Tag::MessageExtension, |to| {
                    to.text(Tag::VendorIdentification, "house");
                    to.boolean(Tag::CriticalityIndicator, critical);
                    to.structure(Tag::VendorExtension, |_| {});
                });
            });
        })
    };
    assert_eq!(read(&with(false)).unwrap().items.len(), 1);
    let (_, reason, why) = refused(&with(true));
    assert_eq!((reason, why), (ResultReason::FeatureNotSupported, Malformed::Unexpected(Tag::MessageExtension)));
}

#[test]
fn no_secret_of_a_request_is_printed() {
    for (name, bytes) in crate::samples::requests() {
        let printed = format!("{:?}", read(&bytes).unwrap());
        assert!(!printed.contains("hunter2") && !printed.contains("165, 165"), "{name}: {printed}");
    }
}

/// A stream that gives one answer, whatever is asked.
struct Answer(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Answer {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        // As slowly as a network may be.
        let few = to.len().min(7);
        self.0.read(&mut to[..few])
    }
}

impl std::io::Write for Answer {
    fn write(&mut self, from: &[u8]) -> std::io::Result<usize> {
        Ok(from.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn client(answer: impl AsRef<[u8]>) -> Client<Answer> {
    Client::new(Answer(std::io::Cursor::new(answer.as_ref().to_vec())), V1_2)
}

fn activated() -> ResponseItem {
    ResponseItem::success(ActivateResponse { unique_identifier: "a".into() }.into())
}

#[test]
fn a_client_gets_the_answer_to_what_it_asked() {
    let bytes = ResponseMessage::of(V1_2, DateTime(0), vec![activated()]).write();
    let answer = client(bytes.as_slice()).ask(ActivateRequest { unique_identifier: None }).unwrap();
    assert_eq!(answer.unique_identifier.to_string(), "a");
}

#[test]
fn a_client_takes_no_other_answer() {
    let of = |items| ResponseMessage::of(V1_2, DateTime(0), items).write().to_vec();
    let whole = of(vec![activated()]);
    let ask = |answer: &[u8]| client(answer).ask(DestroyRequest { unique_identifier: None }).unwrap_err();
    assert!(matches!(ask(&whole), Error::Mismatch));
    assert!(matches!(ask(&of(vec![activated(), activated()])), Error::Mismatch));
    assert!(matches!(ask(&of(vec![])), Error::Mismatch));
    assert!(matches!(ask(&whole[..whole.len() - 1]), Error::Stream(_)));
    assert!(matches!(ask(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Error::Malformed(_)));
    assert!(matches!(ask(&[0x42, 0, 0x7B, 1, 0xFF, 0xFF, 0xFF, 0xF8]), Error::Malformed(Malformed::Limit(_))));
    let refusal = ResponseMessage::refusal(V1_2, DateTime(0), ResultReason::PermissionDenied, "no").write();
    assert!(matches!(ask(&refusal), Error::Refused { reason: ResultReason::PermissionDenied, .. }));
}
