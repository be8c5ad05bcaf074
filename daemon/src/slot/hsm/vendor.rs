//! Between the protocol and the vendor's library: mechanisms as cryptoki takes them, and what its errors mean here.

use cryptoki::{
    error::{Error, RvError},
    mechanism::{
        Mechanism, MechanismType,
        aead::GcmParams,
        eddsa::{EddsaParams, EddsaSignatureScheme},
        rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams},
        vendor_defined::VendorDefinedMechanism,
    },
    types::Ulong,
};
use cryptoki_sys::{
    CK_AES_CTR_PARAMS, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CMAC, CKM_AES_CTR, CKM_AES_ECB, CKM_AES_GCM,
    CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_DES3_CBC, CKM_DES3_CBC_PAD, CKM_DES3_ECB, CKM_ECDSA, CKM_EDDSA,
    CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP, CKM_RSA_PKCS_PSS, CKM_RSA_X_509, CKM_SHA_1_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC,
    CKM_SHA384_HMAC, CKM_SHA512_HMAC,
};

use super::message::{Answer, Parameter, Step, Trouble};

/// Why a question was not answered, with what the library said.
pub(super) struct Failure(pub(super) Trouble, pub(super) String);

impl Failure {
    pub(super) fn answer(self) -> Answer {
        Answer::Failed { trouble: self.0, word: self.1 }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self(trouble, String::new())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let trouble = match &error {
            Error::LibraryLoading(_) => Trouble::NoLibrary,
            Error::MissingSymbol(_) => Trouble::NotCryptoki,
            Error::Pkcs11(value, _) => trouble(*value),
            Error::NullFunctionPointer | Error::NotSupported => Trouble::Unsupported,
            _ => Trouble::Garbage,
        };
        Self(trouble, error.to_string())
    }
}

/// What a return value means, for whoever asked.
fn trouble(value: RvError) -> Trouble {
    use RvError as R;
    match value {
        R::PinIncorrect | R::PinInvalid | R::PinLenRange => Trouble::WrongPin,
        R::PinLocked | R::PinExpired => Trouble::PinLocked,
        R::UserPinNotInitialized => Trouble::NoPin,
        R::TokenNotPresent
        | R::TokenNotRecognized
        | R::SlotIdInvalid
        | R::SessionHandleInvalid
        | R::SessionClosed
        | R::UserNotLoggedIn
        | R::CryptokiNotInitialized
        | R::DeviceRemoved => Trouble::Gone,
        R::MechanismInvalid
        | R::KeyTypeInconsistent
        | R::KeySizeRange
        | R::KeyFunctionNotPermitted
        | R::FunctionNotSupported
        | R::KeyUnextractable
        | R::KeyNotWrappable
        | R::CurveNotSupported => Trouble::Unsupported,
        R::MechanismParamInvalid => Trouble::Parameter,
        R::DataLenRange | R::DataInvalid | R::EncryptedDataLenRange => Trouble::Length,
        R::EncryptedDataInvalid | R::WrappedKeyInvalid | R::WrappedKeyLenRange => Trouble::Undecryptable,
        R::KeyHandleInvalid | R::ObjectHandleInvalid => Trouble::NoKey,
        R::DeviceMemory => Trouble::Full,
        R::SessionCount => Trouble::NoSession,
        R::AttributeReadOnly
        | R::AttributeSensitive
        | R::AttributeTypeInvalid
        | R::AttributeValueInvalid
        | R::TemplateIncomplete
        | R::TemplateInconsistent
        | R::DomainParamsInvalid
        | R::ActionProhibited
        | R::SessionReadOnly
        | R::TokenWriteProtected => Trouble::Template,
        _ => Trouble::Device,
    }
}

/// Lets `act` have the mechanism that a step says.
///
/// # Errors
/// [`Trouble::Parameter`] for a parameter that cannot be, [`Trouble::Unsupported`] for a mechanism that has no row here; else
/// as `act` says.
pub(super) fn with<T>(step: &Step, act: impl FnOnce(&Mechanism<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let wrong = || Failure::from(Trouble::Parameter);
    match (step.number, &step.parameter) {
        (CKM_AES_ECB, Parameter::None) => act(&Mechanism::AesEcb),
        (CKM_AES_CBC, Parameter::Start { iv }) => act(&Mechanism::AesCbc(block(&iv.0)?)),
        (CKM_AES_CBC_PAD, Parameter::Start { iv }) => act(&Mechanism::AesCbcPad(block(&iv.0)?)),
        (CKM_DES3_ECB, Parameter::None) => act(&Mechanism::Des3Ecb),
        (CKM_DES3_CBC, Parameter::Start { iv }) => act(&Mechanism::Des3Cbc(block(&iv.0)?)),
        (CKM_DES3_CBC_PAD, Parameter::Start { iv }) => act(&Mechanism::Des3CbcPad(block(&iv.0)?)),
        (CKM_AES_CTR, Parameter::Counter { block: first }) => {
            let parameters = CK_AES_CTR_PARAMS { ulCounterBits: 128, cb: block(&first.0)? };
            act(&Mechanism::VendorDefined(VendorDefinedMechanism::new(MechanismType::AES_CTR, Some(&parameters))))
        }
        (CKM_AES_GCM, Parameter::Gcm { nonce, additional, tag }) => {
            let mut nonce = nonce.0.clone();
            let tag = Ulong::new((*tag).into());
            act(&Mechanism::AesGcm(GcmParams::new(&mut nonce, &additional.0, tag).map_err(|_| wrong())?))
        }
        (CKM_AES_CMAC, Parameter::None) => act(&Mechanism::AesCMac),
        (CKM_AES_KEY_WRAP, Parameter::None) => act(&Mechanism::AesKeyWrap),
        (CKM_AES_KEY_WRAP_PAD, Parameter::None) => act(&Mechanism::AesKeyWrapPad),
        (CKM_RSA_PKCS, Parameter::None) => act(&Mechanism::RsaPkcs),
        (CKM_RSA_X_509, Parameter::None) => act(&Mechanism::RsaX509),
        (CKM_RSA_PKCS_PSS, Parameter::Pss { hash, mask, salt }) => act(&Mechanism::RsaPkcsPss(PkcsPssParams {
            hash_alg: MechanismType::try_from(*hash).map_err(|_| wrong())?,
            mgf: mgf(*mask)?,
            s_len: Ulong::new((*salt).into()),
        })),
        (CKM_RSA_PKCS_OAEP, Parameter::Oaep { hash, mask, label }) => {
            let source = match label.0.is_empty() {
                true => PkcsOaepSource::empty(),
                false => PkcsOaepSource::data_specified(&label.0),
            };
            let hash = MechanismType::try_from(*hash).map_err(|_| wrong())?;
            act(&Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash, mgf(*mask)?, source)))
        }
        (CKM_ECDSA, Parameter::None) => act(&Mechanism::Ecdsa),
        (CKM_EDDSA, Parameter::None) => act(&Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure))),
        (CKM_SHA_1_HMAC, Parameter::None) => act(&Mechanism::Sha1Hmac),
        (CKM_SHA224_HMAC, Parameter::None) => act(&Mechanism::Sha224Hmac),
        (CKM_SHA256_HMAC, Parameter::None) => act(&Mechanism::Sha256Hmac),
        (CKM_SHA384_HMAC, Parameter::None) => act(&Mechanism::Sha384Hmac),
        (CKM_SHA512_HMAC, Parameter::None) => act(&Mechanism::Sha512Hmac),
        _ => Err(Trouble::Unsupported.into()),
    }
}

fn block<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Failure> {
    bytes.try_into().map_err(|_| Trouble::Parameter.into())
}

fn mgf(number: u64) -> Result<PkcsMgfType, Failure> {
    PkcsMgfType::try_from(number).map_err(|_| Trouble::Parameter.into())
}
