//! Why a call was refused, in KMIP's words: the one table from our errors to the standard's reasons.

use strongroom_kmip::{
    attribute,
    code::{Operation, ResultReason, State},
    reason,
    ttlv::Malformed,
    version::{V2_0, Version},
};

use crate::vault::{self, SlotError};

/// A refused call: what the peer is told, and what only the audit log learns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason, as the newest version has it; [`spoken`](Refusal::spoken) says it to an older peer.
    pub reason: ResultReason,
    /// A sentence for whoever reads it.
    pub message: String,
    /// Whether the true reason is that the policy says no, although the peer is told that there is no such object.
    pub hidden: bool,
    /// Whether somebody else's word is all that is missing.
    pub held: bool,
}

impl Refusal {
    /// A refusal.
    pub fn new(reason: ResultReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), hidden: false, held: false }
    }

    /// Several people have to agree first, or one of them did not.
    pub fn held(message: impl Into<String>) -> Self {
        Self { held: true, ..Self::new(ResultReason::PermissionDenied, message) }
    }

    /// Something that the operation needs is not there.
    pub fn missing(what: &str) -> Self {
        Self::new(ResultReason::MissingData, format!("the request gives no {what}"))
    }

    /// A field holds what it must not.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ResultReason::InvalidField, message)
    }

    /// Something is asked for that is not served.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ResultReason::FeatureNotSupported, message)
    }

    /// An operation that only a server asks, of its clients.
    pub fn only_for_clients() -> Self {
        Self::new(ResultReason::OperationNotSupported, "a server sends this to its clients, and takes it from none")
    }

    /// There is no such object, or none that the caller may know of: both read alike.
    pub fn absent() -> Self {
        Self::new(ResultReason::ItemNotFound, "there is no such object")
    }

    /// The reason as the version's table for the operation has it: the nearest that it lists, where it does not list this.
    pub fn told(&self, operation: Operation, version: Version) -> ResultReason {
        let own = if version >= V2_0 { self.spoken(version) } else { self.reason };
        let nearest = [own].into_iter().chain(nearest(own).iter().copied());
        nearest.chain([self.spoken(version)]).find(|reason| reason::may(operation, version, *reason)).unwrap_or_else(
            || {
                // No table lists anything like it; the version knows it all the same.
                self.spoken(version)
            },
        )
    }

    /// The reason in the words of a peer's version (KMIP 1.4 §11 and 2.1 §11.48 have different tables).
    pub fn spoken(&self, version: Version) -> ResultReason {
        let known = |reason: &ResultReason| reason.spoken().is_some_and(|(since, until)| version.within(since, until));
        let own = match self.reason {
            ResultReason::ItemNotFound if version >= V2_0 => ResultReason::ObjectNotFound,
            reason => reason,
        };
        [own, older(own)].into_iter().find(known).unwrap_or(ResultReason::GeneralFailure)
    }
}

/// The reasons that stand for another where a table does not list it, the nearest first.
fn nearest(reason: ResultReason) -> &'static [ResultReason] {
    use ResultReason as R;
    match reason {
        R::ObjectNotFound | R::WrappingObjectNotFound => &[R::ItemNotFound, R::ObjectNotFound, R::InvalidField],
        R::ItemNotFound => &[R::ObjectNotFound, R::InvalidField],
        R::WrongKeyLifecycleState | R::UsageLimitExceeded | R::Sensitive | R::NotExtractable => &[R::PermissionDenied],
        R::IncompatibleCryptographicUsageMask => &[R::PermissionDenied],
        R::InvalidObjectType | R::IllegalObjectType => {
            &[R::InvalidObjectType, R::IllegalObjectType, R::IllegalOperation, R::InvalidField]
        }
        R::AttributeReadOnly => &[R::ReadOnlyAttribute, R::PermissionDenied],
        R::ReadOnlyAttribute => &[R::AttributeReadOnly, R::PermissionDenied],
        R::AttributeNotFound | R::AttributeInstanceNotFound => {
            &[R::AttributeNotFound, R::AttributeInstanceNotFound, R::ItemNotFound, R::InvalidAttribute, R::InvalidField]
        }
        R::InvalidAttribute | R::InvalidAttributeValue | R::UnsupportedAttribute => {
            &[R::InvalidAttribute, R::InvalidAttributeValue, R::UnsupportedAttribute, R::InvalidField]
        }
        R::MultiValuedAttribute | R::AttributeSingleValued => {
            &[R::MultiValuedAttribute, R::AttributeSingleValued, R::InvalidAttribute, R::InvalidField]
        }
        R::BadCryptographicParameters | R::UnsupportedCryptographicParameters => {
            &[R::BadCryptographicParameters, R::UnsupportedCryptographicParameters, R::InvalidField]
        }
        R::NonUniqueNameAttribute | R::NumericRange | R::InvalidDataType | R::ObjectAlreadyExists => {
            &[R::InvalidAttributeValue, R::InvalidField]
        }
        R::KeyFormatTypeNotSupported
        | R::KeyCompressionTypeNotSupported
        | R::KeyWrapTypeNotSupported
        | R::EncodingOptionError
        | R::ProtectionStorageUnavailable => &[R::FeatureNotSupported],
        R::KeyValueNotPresent | R::CryptographicFailure | R::InvalidCorrelationValue => &[R::InvalidField],
        R::MissingInitializationVector => &[R::InvalidMessage],
        R::BadPassword => &[R::InvalidField],
        _ => &[],
    }
}

/// The nearest reason that KMIP 1.x has.
fn older(reason: ResultReason) -> ResultReason {
    match reason {
        ResultReason::WrongKeyLifecycleState
        | ResultReason::AttributeReadOnly
        | ResultReason::ReadOnlyAttribute
        | ResultReason::NotAuthorised
        | ResultReason::IncompatibleCryptographicUsageMask
        | ResultReason::UsageLimitExceeded
        | ResultReason::ConstraintViolation
        | ResultReason::Sensitive
        | ResultReason::NotExtractable => ResultReason::PermissionDenied,
        ResultReason::ObjectDestroyed
        | ResultReason::ObjectNotFound
        | ResultReason::AttributeNotFound
        | ResultReason::AttributeInstanceNotFound
        | ResultReason::WrappingObjectNotFound => ResultReason::ItemNotFound,
        ResultReason::InvalidAttribute
        | ResultReason::InvalidAttributeValue
        | ResultReason::UnsupportedAttribute
        | ResultReason::AttributeSingleValued
        | ResultReason::MultiValuedAttribute
        | ResultReason::NonUniqueNameAttribute
        | ResultReason::ObjectAlreadyExists
        | ResultReason::InvalidObjectType
        | ResultReason::IllegalObjectType
        | ResultReason::InvalidDataType
        | ResultReason::NumericRange
        | ResultReason::BadCryptographicParameters
        | ResultReason::UnsupportedCryptographicParameters
        | ResultReason::InvalidCorrelationValue => ResultReason::InvalidField,
        ResultReason::MissingInitializationVector
        | ResultReason::UnsupportedProtocolVersion
        | ResultReason::CodecError
        | ResultReason::UnknownTag
        | ResultReason::UnknownEnumeration => ResultReason::InvalidMessage,
        ResultReason::KeyWrapTypeNotSupported
        | ResultReason::EncodingOptionError
        | ResultReason::ProtectionStorageUnavailable => ResultReason::FeatureNotSupported,
        ResultReason::BadPassword => ResultReason::AuthenticationNotSuccessful,
        _ => ResultReason::GeneralFailure,
    }
}

impl From<vault::Error> for Refusal {
    fn from(error: vault::Error) -> Self {
        let message = error.to_string();
        match error {
            vault::Error::Unknown(_) => Self::absent(),
            vault::Error::Forbidden { .. } => Self { hidden: true, ..Self::absent() },
            vault::Error::Beyond(_) => Self::new(ResultReason::NotAuthorised, message),
            vault::Error::State { state: State::Destroyed | State::DestroyedCompromised, .. } => {
                Self::new(ResultReason::ObjectDestroyed, message)
            }
            vault::Error::State { .. } => Self::new(ResultReason::WrongKeyLifecycleState, message),
            vault::Error::Archived(_) => Self::new(ResultReason::ObjectArchived, message),
            vault::Error::Use { .. } => Self::new(ResultReason::IncompatibleCryptographicUsageMask, message),
            vault::Error::Sealed => Self::new(ResultReason::NotAuthorised, message),
            vault::Error::WrongKey | vault::Error::Share(_) | vault::Error::SameHand { .. } => {
                Self::new(ResultReason::AuthenticationNotSuccessful, message)
            }
            vault::Error::Sharing(error) => error.into(),
            vault::Error::Newer { .. } => Self::new(ResultReason::ObjectAlreadyExists, message),
            vault::Error::Busy(_) => Self::new(ResultReason::GeneralFailure, message),
            vault::Error::NoSlot(_) => Self::new(ResultReason::ProtectionStorageUnavailable, message),
            vault::Error::Terms { .. } => Self::invalid(message),
            vault::Error::Full { .. } => Self::new(ResultReason::ServerLimitExceeded, message),
            vault::Error::Slot(error) => error.into(),
            vault::Error::Damaged(_) | vault::Error::Store(_) | vault::Error::Broken(_) | vault::Error::Format => {
                log::error!("{message}");
                Self::new(ResultReason::GeneralFailure, message)
            }
        }
    }
}

impl From<SlotError> for Refusal {
    fn from(error: SlotError) -> Self {
        let reason = match error {
            SlotError::Unsupported(_) => ResultReason::UnsupportedCryptographicParameters,
            SlotError::Parameter(_) => ResultReason::BadCryptographicParameters,
            SlotError::Length => ResultReason::InvalidField,
            SlotError::Undecryptable | SlotError::Mismatch => ResultReason::CryptographicFailure,
            SlotError::Key(_) => ResultReason::InvalidField,
            SlotError::Held => ResultReason::NotExtractable,
            SlotError::Vanished => ResultReason::KeyValueNotPresent,
            SlotError::Full => ResultReason::ServerLimitExceeded,
            SlotError::Chance(_) | SlotError::Absent | SlotError::Engine(_) => {
                log::error!("{error}");
                ResultReason::GeneralFailure
            }
        };
        Self::new(reason, error.to_string())
    }
}

impl From<attribute::Refused> for Refusal {
    fn from(refused: attribute::Refused) -> Self {
        let reason = match refused {
            attribute::Refused::Single(_) => ResultReason::AttributeSingleValued,
            attribute::Refused::Same(_) => ResultReason::InvalidAttributeValue,
            attribute::Refused::Missing(_) => ResultReason::AttributeInstanceNotFound,
        };
        Self::new(reason, refused.to_string())
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::invalid(malformed.to_string())
    }
}
