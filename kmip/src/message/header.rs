//! The headers of messages, and the extensions of their items.

use super::{Authentication, Nonce};
use crate::{
    code::{AsynchronousIndicator, AttestationType, BatchErrorContinuationOption},
    tag::Tag,
    ttlv::{Any, Bytes, DateTime, Item, Kind, Malformed, Value, Writer},
    version::{V2_0, Version},
};

structure! {
    /// What holds for the whole request (KMIP 2.1 §8.2).
    RequestHeader {
        protocol_version: Version = ProtocolVersion, V1_0;
        /// The largest answer that the client takes, in bytes.
        maximum_response_size: Option<i32> = MaximumResponseSize, V1_0;
        /// What the client calls the request in its own log.
        client_correlation_value: Option<String> = ClientCorrelationValue, V1_4;
        /// What the server called an earlier one.
        server_correlation_value: Option<String> = ServerCorrelationValue, V1_4;
        asynchronous_indicator: Option<Asynchronous> = AsynchronousIndicator, V1_0;
        attestation_capable_indicator: Option<bool> = AttestationCapableIndicator, V1_2;
        attestation_type: Vec<AttestationType> = AttestationType, V1_2;
        authentication: Option<Authentication> = Authentication, V1_0;
        /// What becomes of the rest when an item fails; Stop where nothing is said.
        batch_error_continuation_option: Option<BatchErrorContinuationOption> = BatchErrorContinuationOption, V1_0;
        /// Whether the items are performed in their order; true where nothing is said, false before KMIP 2.0.
        batch_order_option: Option<bool> = BatchOrderOption, V1_0 until V3_0;
        time_stamp: Option<DateTime> = TimeStamp, V1_0;
        batch_count: Option<i32> = BatchCount, V1_0 until V3_0;
    }
}

impl RequestHeader {
    /// The header of a request that says nothing but its version and how many items follow.
    pub fn of(protocol_version: Version, items: usize) -> Self {
        Self {
            protocol_version,
            maximum_response_size: None,
            client_correlation_value: None,
            server_correlation_value: None,
            asynchronous_indicator: None,
            attestation_capable_indicator: None,
            attestation_type: Vec::new(),
            authentication: None,
            batch_error_continuation_option: None,
            batch_order_option: None,
            time_stamp: None,
            batch_count: i32::try_from(items).ok(),
        }
    }
}

structure! {
    /// What holds for the whole answer (KMIP 2.1 §8.5).
    ResponseHeader {
        protocol_version: Version = ProtocolVersion, V1_0;
        time_stamp: DateTime = TimeStamp, V1_0;
        /// What the client is to attest its platform over.
        nonce: Option<Nonce> = Nonce, V1_2;
        server_hashed_password: Option<Bytes> = ServerHashedPassword, V2_0;
        attestation_type: Vec<AttestationType> = AttestationType, V1_2;
        client_correlation_value: Option<String> = ClientCorrelationValue, V1_4;
        server_correlation_value: Option<String> = ServerCorrelationValue, V1_4;
        batch_count: Option<i32> = BatchCount, V1_0 until V3_0;
    }
}

impl ResponseHeader {
    /// The header of an answer that says nothing but its version, the time and how many items follow.
    pub fn of(protocol_version: Version, time_stamp: DateTime, items: usize) -> Self {
        Self {
            protocol_version,
            time_stamp,
            nonce: None,
            server_hashed_password: None,
            attestation_type: Vec::new(),
            client_correlation_value: None,
            server_correlation_value: None,
            batch_count: i32::try_from(items).ok(),
        }
    }
}

/// Whether the client takes an answer later (KMIP 2.1 §9.2): a Boolean before KMIP 2.0, an Enumeration since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asynchronous(pub AsynchronousIndicator);

impl Value for Asynchronous {
    fn write(&self, tag: Tag, to: &mut Writer) {
        if to.version() < V2_0 {
            to.boolean(tag, self.0 != AsynchronousIndicator::Prohibited);
        } else {
            self.0.write(tag, to);
        }
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        if item.kind() != Kind::Boolean {
            return Value::read(item).map(Self);
        }
        // True has always meant that the client can take an answer later, not that it must.
        let allowed = item.boolean()?;
        Ok(Self(if allowed { AsynchronousIndicator::Optional } else { AsynchronousIndicator::Prohibited }))
    }
}

structure! {
    /// Something that the standard does not know (KMIP 2.1 §9.17).
    MessageExtension {
        vendor_identification: String = VendorIdentification, V1_0;
        /// Whether the message must be refused by whoever does not understand the extension.
        criticality_indicator: bool = CriticalityIndicator, V1_0;
        vendor_extension: Any = VendorExtension, V1_0;
    }
}
