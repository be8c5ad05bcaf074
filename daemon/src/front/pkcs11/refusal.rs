//! What a refusal is called in PKCS#11: the one table from KMIP's reasons to `CKR_`.

use strongroom_kmip::code::ResultReason;
use strongroom_pkcs11_wire::Rv;

use crate::service::{Error, PinError, Refusal};

/// What a call was about when it was refused: the same reason has different names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A key that was to be used.
    Key,
    /// An object that was to be read, changed or destroyed.
    Object,
    /// An object that was to be made, or attributes that were to be set.
    Template,
    /// Data that were to be encrypted, signed or digested with a key that is there.
    Data,
    /// Data that were to be decrypted.
    Ciphertext,
    /// A signature that was to be checked.
    Signature,
    /// A slot, its token or its random source.
    Token,
}

/// Why a call has no answer but a return value.
#[derive(Debug)]
pub enum Failure {
    /// The service refused.
    Refused(Refusal),
    /// The service performed it, and its record or change did not reach the disk.
    Unrecorded(Error),
}

impl Failure {
    /// What PKCS#11 calls it.
    pub fn rv(&self, about: About) -> Rv {
        match self {
            Self::Refused(refusal) => rv(refusal, about),
            Self::Unrecorded(error) => {
                log::error!("a call could not be recorded and is not answered: {error}");
                Rv::DEVICE_ERROR
            }
        }
    }
}

/// What PKCS#11 calls a refusal.
pub fn rv(refusal: &Refusal, about: About) -> Rv {
    use ResultReason as R;
    // PKCS#11 has no place for the number of the request that waits; `strongroom approval list` names it.
    if refusal.held {
        return Rv::FUNCTION_REJECTED;
    }
    match refusal.reason {
        R::ItemNotFound | R::ObjectNotFound | R::ObjectDestroyed | R::PermissionDenied | R::ObjectArchived => {
            absent(about)
        }
        R::NotAuthorised => sealed(about),
        R::WrongKeyLifecycleState | R::IncompatibleCryptographicUsageMask | R::UsageLimitExceeded => match about {
            About::Key | About::Data | About::Ciphertext | About::Signature => Rv::KEY_FUNCTION_NOT_PERMITTED,
            About::Object | About::Token => Rv::ACTION_PROHIBITED,
            // The slot's mechanism policy says that such keys are not made.
            About::Template => Rv::KEY_SIZE_RANGE,
        },
        R::UnsupportedCryptographicParameters => match about {
            About::Template => Rv::KEY_SIZE_RANGE,
            _ => Rv::MECHANISM_INVALID,
        },
        R::BadCryptographicParameters | R::MissingInitializationVector => Rv::MECHANISM_PARAM_INVALID,
        R::CryptographicFailure => match about {
            About::Signature => Rv::SIGNATURE_INVALID,
            About::Ciphertext => Rv::ENCRYPTED_DATA_INVALID,
            _ => Rv::DATA_INVALID,
        },
        R::InvalidField | R::InvalidMessage | R::NumericRange | R::InvalidDataType => wrong_value(about),
        R::InvalidAttribute | R::UnsupportedAttribute | R::AttributeNotFound => Rv::ATTRIBUTE_TYPE_INVALID,
        R::InvalidAttributeValue | R::KeyFormatTypeNotSupported => Rv::ATTRIBUTE_VALUE_INVALID,
        R::ReadOnlyAttribute | R::AttributeReadOnly => Rv::ATTRIBUTE_READ_ONLY,
        R::MissingData => Rv::TEMPLATE_INCOMPLETE,
        R::NonUniqueNameAttribute
        | R::AttributeSingleValued
        | R::MultiValuedAttribute
        | R::InvalidObjectType
        | R::ObjectAlreadyExists => Rv::TEMPLATE_INCONSISTENT,
        R::Sensitive | R::NotExtractable => Rv::ATTRIBUTE_SENSITIVE,
        R::InvalidCorrelationValue => Rv::OPERATION_NOT_INITIALIZED,
        R::ServerLimitExceeded => Rv::DEVICE_MEMORY,
        R::FeatureNotSupported | R::OperationNotSupported => match about {
            About::Template => Rv::TEMPLATE_INCONSISTENT,
            _ => Rv::FUNCTION_NOT_SUPPORTED,
        },
        R::ProtectionStorageUnavailable => Rv::TOKEN_NOT_PRESENT,
        R::GeneralFailure => Rv::DEVICE_ERROR,
        // Reasons of operations that this front never asks for.
        other => {
            log::warn!("PKCS#11 has no word for {other}: {refusal}");
            Rv::FUNCTION_FAILED
        }
    }
}

fn absent(about: About) -> Rv {
    match about {
        About::Key | About::Data | About::Ciphertext | About::Signature => Rv::KEY_HANDLE_INVALID,
        About::Object => Rv::OBJECT_HANDLE_INVALID,
        // Who may make nothing is told that the token is not to be written.
        About::Template => Rv::TOKEN_WRITE_PROTECTED,
        About::Token => Rv::TOKEN_NOT_PRESENT,
    }
}

/// The vault is sealed: for an application the token was pulled out, and comes back.
fn sealed(about: About) -> Rv {
    log::warn!("an application waits for the vault, which is sealed; run `strongroom unseal`");
    match about {
        About::Token => Rv::TOKEN_NOT_PRESENT,
        _ => Rv::DEVICE_REMOVED,
    }
}

fn wrong_value(about: About) -> Rv {
    match about {
        About::Template => Rv::ATTRIBUTE_VALUE_INVALID,
        About::Ciphertext => Rv::ENCRYPTED_DATA_LEN_RANGE,
        About::Key | About::Data => Rv::DATA_LEN_RANGE,
        About::Signature => Rv::SIGNATURE_INVALID,
        About::Object | About::Token => Rv::ARGUMENTS_BAD,
    }
}

/// What PKCS#11 calls a PIN that was not accepted.
pub fn pin(error: &PinError) -> Rv {
    match error {
        PinError::Incorrect | PinError::Wait(_) => Rv::PIN_INCORRECT,
        PinError::Locked => Rv::PIN_LOCKED,
        PinError::Unset => Rv::USER_PIN_NOT_INITIALIZED,
        PinError::Unfounded | PinError::Occupied | PinError::Lasting | PinError::Elsewhere => Rv::TOKEN_WRITE_PROTECTED,
        PinError::Length(_) => Rv::PIN_LEN_RANGE,
        PinError::Same => Rv::PIN_TOO_WEAK,
        PinError::Left => Rv::USER_NOT_LOGGED_IN,
        // There is no path but the PIN, so one must be given (PKCS#11 3.2 §5.6.8).
        PinError::Needed => Rv::ARGUMENTS_BAD,
        PinError::Refused(refusal) => rv(refusal, About::Token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_has_the_name_that_fits_the_call() {
        use ResultReason as R;
        for (why, reason, about, expected) in [
            ("an absent key", R::ItemNotFound, About::Key, Rv::KEY_HANDLE_INVALID),
            ("an absent object", R::ItemNotFound, About::Object, Rv::OBJECT_HANDLE_INVALID),
            ("a destroyed key", R::ObjectDestroyed, About::Data, Rv::KEY_HANDLE_INVALID),
            ("a sealed vault in a session", R::NotAuthorised, About::Key, Rv::DEVICE_REMOVED),
            ("a sealed vault behind a slot", R::NotAuthorised, About::Token, Rv::TOKEN_NOT_PRESENT),
            ("a key that is not active", R::WrongKeyLifecycleState, About::Key, Rv::KEY_FUNCTION_NOT_PERMITTED),
            ("a ciphertext that is none", R::CryptographicFailure, About::Ciphertext, Rv::ENCRYPTED_DATA_INVALID),
            ("half a block", R::InvalidField, About::Data, Rv::DATA_LEN_RANGE),
            ("half a block of ciphertext", R::InvalidField, About::Ciphertext, Rv::ENCRYPTED_DATA_LEN_RANGE),
            ("a reason of nobody's", ResultReason(0x8000_0001), About::Key, Rv::FUNCTION_FAILED),
        ] {
            assert_eq!(rv(&Refusal::new(reason, "why"), about), expected, "{why}");
        }
    }

    #[test]
    fn forbidden_and_absent_look_alike() {
        for about in [About::Key, About::Object, About::Data] {
            let forbidden = Refusal { hidden: true, ..Refusal::absent() };
            assert_eq!(rv(&forbidden, about), rv(&Refusal::absent(), about));
        }
    }
}
