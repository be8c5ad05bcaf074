//! The function lists and interfaces by which an application finds the functions: 2.40, 3.0 and 3.2.

use std::{ffi::c_void, ptr};

use cryptoki_sys::{
    CK_BYTE, CK_FLAGS, CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0, CK_FUNCTION_LIST_3_2, CK_INTERFACE, CK_RV, CK_ULONG,
    CK_UTF8CHAR, CK_VERSION,
};
use strongroom_pkcs11_wire::Rv;

use super::{
    guard::{finalize, initialize, outcome},
    memory::{Output, Place, structure},
    table::*,
};

/// Makes the three lists from the functions that each version added.
macro_rules! lists {
    ([$($old:ident)*] [$($newer:ident)*] [$($newest:ident)*]) => {
        static LIST_2_40: CK_FUNCTION_LIST = CK_FUNCTION_LIST {
            version: CK_VERSION { major: 2, minor: 40 }, $($old: Some($old),)*
        };
        static LIST_3_0: CK_FUNCTION_LIST_3_0 = CK_FUNCTION_LIST_3_0 {
            version: CK_VERSION { major: 3, minor: 0 }, $($old: Some($old),)* $($newer: Some($newer),)*
        };
        static LIST_3_2: CK_FUNCTION_LIST_3_2 = CK_FUNCTION_LIST_3_2 {
            version: CK_VERSION { major: 3, minor: 2 },
            $($old: Some($old),)* $($newer: Some($newer),)* $($newest: Some($newest),)*
        };
    };
}

lists! {
    [
        C_Initialize C_Finalize C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo C_GetTokenInfo
        C_GetMechanismList C_GetMechanismInfo C_InitToken C_InitPIN C_SetPIN C_OpenSession C_CloseSession
        C_CloseAllSessions C_GetSessionInfo C_GetOperationState C_SetOperationState C_Login C_Logout C_CreateObject
        C_CopyObject C_DestroyObject C_GetObjectSize C_GetAttributeValue C_SetAttributeValue C_FindObjectsInit
        C_FindObjects C_FindObjectsFinal C_EncryptInit C_Encrypt C_EncryptUpdate C_EncryptFinal C_DecryptInit
        C_Decrypt C_DecryptUpdate C_DecryptFinal C_DigestInit C_Digest C_DigestUpdate C_DigestKey C_DigestFinal
        C_SignInit C_Sign C_SignUpdate C_SignFinal C_SignRecoverInit C_SignRecover C_VerifyInit C_Verify
        C_VerifyUpdate C_VerifyFinal C_VerifyRecoverInit C_VerifyRecover C_DigestEncryptUpdate C_DecryptDigestUpdate
        C_SignEncryptUpdate C_DecryptVerifyUpdate C_GenerateKey C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey
        C_SeedRandom C_GenerateRandom C_GetFunctionStatus C_CancelFunction C_WaitForSlotEvent
    ]
    [
        C_GetInterfaceList C_GetInterface C_LoginUser C_SessionCancel C_MessageEncryptInit C_EncryptMessage
        C_EncryptMessageBegin C_EncryptMessageNext C_MessageEncryptFinal C_MessageDecryptInit C_DecryptMessage
        C_DecryptMessageBegin C_DecryptMessageNext C_MessageDecryptFinal C_MessageSignInit C_SignMessage
        C_SignMessageBegin C_SignMessageNext C_MessageSignFinal C_MessageVerifyInit C_VerifyMessage
        C_VerifyMessageBegin C_VerifyMessageNext C_MessageVerifyFinal
    ]
    [
        C_EncapsulateKey C_DecapsulateKey C_VerifySignatureInit C_VerifySignature C_VerifySignatureUpdate
        C_VerifySignatureFinal C_GetSessionValidationFlags C_AsyncComplete C_AsyncGetID C_AsyncJoin
        C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated
    ]
}

/// An interface in static memory, as `C_GetInterface` gives it out.
struct Given(CK_INTERFACE);

// SAFETY: the pointers are to statics without interior mutability, which nobody may write to.
unsafe impl Sync for Given {}

/// The newest first: it is the one given to whoever does not say.
static INTERFACES: [Given; 3] = [
    Given(interface((&raw const LIST_3_2).cast_mut().cast())),
    Given(interface((&raw const LIST_3_0).cast_mut().cast())),
    Given(interface((&raw const LIST_2_40).cast_mut().cast())),
];

const NAME: &[u8; 8] = b"PKCS 11\0";

const fn interface(list: *mut c_void) -> CK_INTERFACE {
    CK_INTERFACE { pInterfaceName: NAME.as_ptr().cast_mut(), pFunctionList: list, flags: 0 }
}

/// `C_Initialize` of PKCS#11 3.2.
///
/// # Safety
/// `arguments` is null or points to a `CK_C_INITIALIZE_ARGS`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Initialize(arguments: *mut c_void) -> CK_RV {
    // SAFETY: promised above.
    outcome(|| unsafe { initialize(arguments.cast_const().cast()) })
}

/// `C_Finalize` of PKCS#11 3.2.
///
/// # Safety
/// None is asked for: `reserved` is only compared with null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Finalize(reserved: *mut c_void) -> CK_RV {
    outcome(|| if reserved.is_null() { finalize() } else { Err(Rv::ARGUMENTS_BAD) })
}

/// Gives out the function list of PKCS#11 2.40.
///
/// # Safety
/// `list` is null or points to a pointer we may change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    outcome(|| {
        // SAFETY: promised above.
        unsafe { Place::new(list) }?.put((&raw const LIST_2_40).cast_mut());
        Ok(())
    })
}

/// Gives out all interfaces, by the two-call rule.
///
/// # Safety
/// `count` is null or points to a number we may change; `list` is null or has room for so many interfaces.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetInterfaceList(list: *mut CK_INTERFACE, count: *mut CK_ULONG) -> CK_RV {
    outcome(|| {
        // SAFETY: promised above.
        unsafe { Output::new(list, count) }?.give(&INTERFACES.each_ref().map(|given| given.0))
    })
}

/// Gives out the interface of a name and a version; of none, the newest.
///
/// # Safety
/// `name` is null or a string that ends in a zero byte, `version` is null or points to a version, `interface` is null or points
/// to a pointer we may change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetInterface(
    name: *mut CK_UTF8CHAR,
    version: *mut CK_VERSION,
    interface: *mut *mut CK_INTERFACE,
    flags: CK_FLAGS,
) -> CK_RV {
    outcome(|| {
        // SAFETY: promised above.
        let mut place = unsafe { Place::new(interface) }?;
        // SAFETY: promised above.
        let named = name.is_null() || unsafe { is_our_name(name) };
        // SAFETY: promised above.
        let version = unsafe { structure(version.cast_const()) };
        let fits = |given: &&Given| version.is_none_or(|wanted| version_of(&given.0) == (wanted.major, wanted.minor));
        // None of the interfaces has a flag, so one with a flag is not there.
        let found = INTERFACES.iter().find(fits).filter(|_| named && flags == 0).ok_or(Rv::ARGUMENTS_BAD)?;
        place.put(ptr::from_ref(&found.0).cast_mut());
        Ok(())
    })
}

/// # Safety
/// `name` is a string that ends in a zero byte.
unsafe fn is_our_name(name: *const CK_BYTE) -> bool {
    // SAFETY: stops at the first byte that differs, so never reads beyond the zero byte that the caller promised.
    NAME.iter().enumerate().all(|(at, byte)| unsafe { name.wrapping_add(at).read() } == *byte)
}

fn version_of(given: &CK_INTERFACE) -> (CK_BYTE, CK_BYTE) {
    // SAFETY: every list in the table begins with its version.
    let version = unsafe { given.pFunctionList.cast::<CK_VERSION>().read() };
    (version.major, version.minor)
}
