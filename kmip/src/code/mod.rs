//! The enumerations and bit masks of KMIP 1.0 to 3.0, one table each, and which tag carries which.
//!
//! A code that has no row is kept as it came. Nothing here decides what a code means for an object or a caller.

mod algorithm;
mod credential;
mod cryptoki;
mod curve;
mod key;
mod mask;
mod message;
mod object;
mod operation;
mod profile;
mod query;
mod random;
mod registry;

pub use algorithm::{
    BlockCipherMode, CryptographicAlgorithm, DerivationMethod, DigitalSignatureAlgorithm, HashingAlgorithm,
    MaskGenerator, PaddingMethod,
};
pub use credential::{AttestationType, ClientRegistrationMethod, CredentialType, OTPAlgorithm, TicketType};
pub use cryptoki::{PKCS11Function, PKCS11ReturnCode};
pub use curve::RecommendedCurve;
pub use key::{
    EncodingOption, KeyCompressionType, KeyFormatType, KeyRoleType, KeyValueLocationType, KeyWrapType, NISTKeyType,
    ProtectionLevel, SplitKeyMethod, SplitKeyPolynomial, UnwrapMode, WrappingMethod,
};
pub use mask::{CryptographicUsageMask, ObjectClassMask, ProtectionStorageMask, StorageStatusMask};
pub use message::{
    AdjustmentType, AsynchronousIndicator, BatchErrorContinuationOption, CancellationResult, EndpointRole,
    InteropFunction, ItemType, ProcessingStage, PutFunction, ResultReason, ResultStatus,
};
pub use object::{
    AlternativeNameType, CertificateRequestType, CertificateType, Data, DeactivationReasonCode, DestroyAction,
    Ephemeral, LinkType, NameType, ObjectClass, ObjectGroupMember, ObjectType, OpaqueDataType, RevocationReasonCode,
    RotateNameType, SecretDataType, ShreddingAlgorithm, State, UniqueIdentifier, UsageLimitsUnit, ValidityIndicator,
};
pub use operation::Operation;
pub use profile::ProfileName;
pub use query::{QueryFunction, ValidationAuthorityType, ValidationType};
pub use random::{DRBGAlgorithm, FIPS186Variation, RNGAlgorithm, RNGMode};
pub use registry::{mask, spoken, spoken_bits, table};
