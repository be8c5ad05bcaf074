//! Which reasons an operation may fail for, as the specifications' error tables have them.

use crate::{
    code::{Operation, ResultReason},
    version::{V2_0, Version},
};

/// What the tables list for an operation besides [`ANY`]; nothing where the version has no table for it.
pub fn listed(operation: Operation, version: Version) -> Option<&'static [ResultReason]> {
    let table = if version < V2_0 { FIRST } else { SECOND };
    table.iter().find(|(listed, _)| *listed == operation).map(|(_, reasons)| *reasons)
}

/// Whether an operation may fail for this reason in this version, as far as a table says.
pub fn may(operation: Operation, version: Version, reason: ResultReason) -> bool {
    let spoken = reason.spoken().is_some_and(|(since, until)| version.within(since, until));
    spoken && (ANY.contains(&reason) || listed(operation, version).is_none_or(|reasons| reasons.contains(&reason)))
}

/// The reasons that stand in every table or in none: of messages, of who asks, of an object that is put away, of the
/// server. The cases that OASIS publishes give them where the tables do not.
pub const ANY: &[ResultReason] = &[
    ResultReason::AttestationFailed,
    ResultReason::AttestationRequired,
    ResultReason::FeatureNotSupported,
    ResultReason::InvalidField,
    ResultReason::InvalidMessage,
    ResultReason::OperationNotSupported,
    ResultReason::PermissionDenied,
    ResultReason::ResponseTooLarge,
    ResultReason::AuthenticationNotSuccessful,
    ResultReason::NotAuthorised,
    ResultReason::InvalidTicket,
    ResultReason::MissingData,
    ResultReason::ObjectArchived,
    ResultReason::ObjectDestroyed,
    ResultReason::ConstraintViolation,
    ResultReason::ServerLimitExceeded,
    ResultReason::GeneralFailure,
];

/// A row reads `Operation: Reason, …;`.
macro_rules! reasons {
    ($($(#[$about:meta])* $name:ident { $($operation:ident: $($reason:ident),*;)* })*) => {
        $($(#[$about])* const $name: &[(Operation, &[ResultReason])] =
            &[$((Operation::$operation, &[$(ResultReason::$reason),*])),*];)*
    };
}

reasons! {
    /// KMIP 1.4 §11.2 to §11.42.
    FIRST {
        Create: ItemNotFound, CryptographicFailure, IndexOutOfBounds, ApplicationNamespaceNotSupported, ObjectArchived;
        CreateKeyPair: ItemNotFound, CryptographicFailure, IndexOutOfBounds, ApplicationNamespaceNotSupported, ObjectArchived;
        Register: ItemNotFound, IndexOutOfBounds, ApplicationNamespaceNotSupported, ObjectArchived, EncodingOptionError;
        ReKey: ItemNotFound, CryptographicFailure, ApplicationNamespaceNotSupported, ObjectArchived, IllegalOperation, KeyValueNotPresent;
        DeriveKey: ItemNotFound, ApplicationNamespaceNotSupported, ObjectArchived, CryptographicFailure, KeyValueNotPresent;
        Certify: ItemNotFound, ApplicationNamespaceNotSupported, ObjectArchived;
        ReCertify: ItemNotFound, ApplicationNamespaceNotSupported, ObjectArchived;
        Locate: ;
        Check: ItemNotFound, ObjectArchived, IllegalOperation;
        Get: ItemNotFound, IllegalOperation, ObjectArchived, EncodingOptionError, Sensitive, KeyFormatTypeNotSupported, KeyCompressionTypeNotSupported, NotExtractable, KeyValueNotPresent;
        GetAttributes: ItemNotFound, ObjectArchived;
        GetAttributeList: ItemNotFound, ObjectArchived;
        AddAttribute: ItemNotFound, IllegalOperation, IndexOutOfBounds, ApplicationNamespaceNotSupported, ObjectArchived;
        ModifyAttribute: ItemNotFound, IllegalOperation, ApplicationNamespaceNotSupported, ObjectArchived;
        DeleteAttribute: ItemNotFound, ObjectArchived;
        ObtainLease: ItemNotFound, ObjectArchived;
        GetUsageAllocation: ItemNotFound, IllegalOperation, ObjectArchived;
        Activate: ItemNotFound, IllegalOperation, ObjectArchived;
        Revoke: ItemNotFound, IllegalOperation, ObjectArchived;
        Destroy: ItemNotFound, ObjectArchived;
        Archive: ItemNotFound, ObjectArchived;
        Recover: ItemNotFound;
        Validate: ObjectArchived;
        Poll: ItemNotFound;
        ReKeyKeyPair: ItemNotFound, CryptographicFailure, ApplicationNamespaceNotSupported, ObjectArchived, IllegalOperation, KeyValueNotPresent;
        Encrypt: ItemNotFound, CryptographicFailure, ObjectArchived, KeyValueNotPresent;
        Decrypt: ItemNotFound, CryptographicFailure, ObjectArchived, KeyValueNotPresent;
        Sign: ItemNotFound, CryptographicFailure, ObjectArchived, KeyValueNotPresent;
        SignatureVerify: ItemNotFound, CryptographicFailure, ObjectArchived, KeyValueNotPresent;
        MAC: ItemNotFound, CryptographicFailure, ObjectArchived, KeyValueNotPresent;
        MACVerify: ItemNotFound, CryptographicFailure, ObjectArchived, KeyValueNotPresent;
        RNGRetrieve: CryptographicFailure;
        RNGSeed: CryptographicFailure;
        Hash: CryptographicFailure, ItemNotFound;
        CreateSplitKey: ItemNotFound, CryptographicFailure, IndexOutOfBounds, ApplicationNamespaceNotSupported, ObjectArchived;
        JoinSplitKey: ItemNotFound, CryptographicFailure, IndexOutOfBounds, ApplicationNamespaceNotSupported, ObjectArchived;
        Import: ObjectAlreadyExists, IndexOutOfBounds, ApplicationNamespaceNotSupported, EncodingOptionError;
        Export: ItemNotFound, IllegalOperation, EncodingOptionError, KeyFormatTypeNotSupported, KeyCompressionTypeNotSupported, NotExtractable, KeyValueNotPresent, Sensitive, ObjectArchived;
    }

    /// KMIP 2.1 §6.1.
    SECOND {
    Create: AttributeReadOnly, AttributeSingleValued, CryptographicFailure, InvalidAttribute, InvalidAttributeValue, InvalidObjectType, NonUniqueNameAttribute, ReadOnlyAttribute, ServerLimitExceeded, UnsupportedAttribute, ProtectionStorageUnavailable;
        CreateKeyPair: AttributeReadOnly, AttributeSingleValued, CryptographicFailure, InvalidAttribute, InvalidAttributeValue, NonUniqueNameAttribute, ServerLimitExceeded, PrivateProtectionStorageUnavailable, PublicProtectionStorageUnavailable;
        Register: AttributeReadOnly, AttributeSingleValued, BadPassword, EncodingOptionError, InvalidAttribute, InvalidAttributeValue, InvalidObjectType, NonUniqueNameAttribute, ServerLimitExceeded, ProtectionStorageUnavailable;
        ReKey: CryptographicFailure, InvalidObjectType, KeyValueNotPresent, ObjectNotFound, ProtectionStorageUnavailable;
        DeriveKey: BadCryptographicParameters, CryptographicFailure, IncompatibleCryptographicUsageMask, InvalidAttribute, InvalidObjectType, KeyValueNotPresent, NonUniqueNameAttribute, ObjectNotFound, UnsupportedCryptographicParameters, WrongKeyLifecycleState;
        Certify: InvalidCSR, InvalidObjectType, ItemNotFound, ProtectionStorageUnavailable;
        ReCertify: InvalidCSR, InvalidObjectType, ObjectNotFound, ProtectionStorageUnavailable;
        Locate: InvalidAttribute;
        Check: IllegalObjectType, IncompatibleCryptographicUsageMask, ObjectNotFound, UsageLimitExceeded;
        Get: BadCryptographicParameters, EncodingOptionError, IncompatibleCryptographicUsageMask, InvalidObjectType, KeyCompressionTypeNotSupported, KeyFormatTypeNotSupported, KeyValueNotPresent, KeyWrapTypeNotSupported, NotExtractable, ObjectNotFound, Sensitive, WrappingObjectArchived, WrappingObjectDestroyed, WrappingObjectNotFound, ObjectDestroyed;
        GetAttributes: InvalidAttribute, ObjectNotFound;
        GetAttributeList: ObjectNotFound;
        AddAttribute: AttributeSingleValued, InvalidAttribute, NonUniqueNameAttribute, ObjectNotFound, ReadOnlyAttribute, ServerLimitExceeded, WrongKeyLifecycleState;
        ModifyAttribute: AttributeInstanceNotFound, AttributeNotFound, AttributeReadOnly, NonUniqueNameAttribute, ObjectNotFound, WrongKeyLifecycleState;
        DeleteAttribute: AttributeInstanceNotFound, AttributeNotFound, AttributeReadOnly, InvalidAttribute, ObjectNotFound, WrongKeyLifecycleState;
        ObtainLease: ObjectNotFound, UsageLimitExceeded;
        GetUsageAllocation: AttributeNotFound, InvalidObjectType, ObjectNotFound, UsageLimitExceeded;
        Activate: InvalidObjectType, ObjectNotFound, WrongKeyLifecycleState;
        Revoke: InvalidObjectType, ObjectNotFound, WrongKeyLifecycleState;
        Destroy: ObjectDestroyed, ObjectNotFound, WrongKeyLifecycleState;
        Archive: ObjectArchived, ObjectNotFound;
        Recover: ObjectNotFound;
        Validate: InvalidObjectType, ObjectNotFound;
        Query: UnknownObjectGroup;
        Cancel: InvalidAsynchronousCorrelationValue;
        Poll: InvalidAsynchronousCorrelationValue;
        ReKeyKeyPair: CryptographicFailure, InvalidObjectType, KeyValueNotPresent, ObjectNotFound, PrivateProtectionStorageUnavailable, PublicProtectionStorageUnavailable;
        DiscoverVersions: ;
        Encrypt: BadCryptographicParameters, CryptographicFailure, IncompatibleCryptographicUsageMask, InvalidCorrelationValue, InvalidObjectType, KeyValueNotPresent, MissingInitializationVector, ObjectNotFound, UnsupportedCryptographicParameters, UsageLimitExceeded, WrongKeyLifecycleState;
        Decrypt: BadCryptographicParameters, CryptographicFailure, IncompatibleCryptographicUsageMask, InvalidCorrelationValue, InvalidObjectType, KeyValueNotPresent, MissingInitializationVector, ObjectNotFound, UnsupportedCryptographicParameters, WrongKeyLifecycleState;
        Sign: BadCryptographicParameters, CryptographicFailure, IncompatibleCryptographicUsageMask, InvalidCorrelationValue, InvalidObjectType, KeyValueNotPresent, ObjectNotFound, UnsupportedCryptographicParameters, UsageLimitExceeded, WrongKeyLifecycleState;
        SignatureVerify: BadCryptographicParameters, CryptographicFailure, IncompatibleCryptographicUsageMask, InvalidCorrelationValue, InvalidObjectType, KeyValueNotPresent, ObjectNotFound, UnsupportedCryptographicParameters, WrongKeyLifecycleState;
        MAC: BadCryptographicParameters, CryptographicFailure, IncompatibleCryptographicUsageMask, InvalidCorrelationValue, InvalidObjectType, KeyValueNotPresent, ObjectNotFound, UsageLimitExceeded, WrongKeyLifecycleState;
        MACVerify: BadCryptographicParameters, CryptographicFailure, IncompatibleCryptographicUsageMask, InvalidCorrelationValue, InvalidObjectType, KeyValueNotPresent, ObjectNotFound, WrongKeyLifecycleState;
        RNGRetrieve: CryptographicFailure;
        RNGSeed: CryptographicFailure;
        Hash: CryptographicFailure, InvalidCorrelationValue;
        CreateSplitKey: BadCryptographicParameters, CryptographicFailure, InvalidAttribute, InvalidAttributeValue, InvalidObjectType, ItemNotFound, NonUniqueNameAttribute, ServerLimitExceeded, UnsupportedCryptographicParameters, ProtectionStorageUnavailable;
        JoinSplitKey: AttributeReadOnly, AttributeSingleValued, BadCryptographicParameters, CryptographicFailure, InvalidAttribute, InvalidAttributeValue, InvalidObjectType, NonUniqueNameAttribute, ObjectNotFound, ServerLimitExceeded, UnsupportedCryptographicParameters, ProtectionStorageUnavailable;
        Import: AttributeReadOnly, AttributeSingleValued, EncodingOptionError, InvalidAttribute, InvalidAttributeValue, NonUniqueNameAttribute, ObjectAlreadyExists, ServerLimitExceeded, ProtectionStorageUnavailable;
        Export: BadCryptographicParameters, EncodingOptionError, IncompatibleCryptographicUsageMask, InvalidObjectType, KeyCompressionTypeNotSupported, KeyFormatTypeNotSupported, KeyValueNotPresent, KeyWrapTypeNotSupported, ObjectNotFound, WrappingObjectArchived, WrappingObjectDestroyed, WrappingObjectNotFound, ObjectDestroyed;
        Log: ;
        Login: ;
        Logout: InvalidTicket;
        DelegatedLogin: ;
        AdjustAttribute: InvalidDataType, ItemNotFound, MultiValuedAttribute, NumericRange, ObjectArchived, ReadOnlyAttribute, UnsupportedAttribute, WrongKeyLifecycleState;
        SetAttribute: InvalidAttributeValue, MultiValuedAttribute, NonUniqueNameAttribute, ObjectNotFound, ReadOnlyAttribute, WrongKeyLifecycleState;
        SetEndpointRole: ;
        PKCS_11: InvalidAsynchronousCorrelationValue, PKCS_11CodecError, PKCS_11InvalidFunction, PKCS_11InvalidInterface;
        Interop: ;
        ReProvision: CryptographicFailure;
        SetDefaults: InvalidObjectType;
        SetConstraints: InvalidObjectType;
        GetConstraints: InvalidObjectType;
        QueryAsynchronousRequests: ;
        Process: InvalidAsynchronousCorrelationValue;
    }
}
