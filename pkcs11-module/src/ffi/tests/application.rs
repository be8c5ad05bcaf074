//! An application: the functions through their list, and what every test does before its own.

use std::ptr;

use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_FUNCTION_LIST_3_2, CK_INTERFACE, CK_MECHANISM, CK_RV, CK_ULONG,
    CKF_SERIAL_SESSION,
};

use super::daemon::SESSION;
use crate::ffi::C_GetInterface;

/// The newest function list, found as an application finds it.
pub(super) fn list() -> &'static CK_FUNCTION_LIST_3_2 {
    let mut interface: *mut CK_INTERFACE = ptr::null_mut();
    // SAFETY: null for "any", and a place for the answer.
    let rv = unsafe { C_GetInterface(ptr::null_mut(), ptr::null_mut(), &mut interface, 0) };
    assert_eq!(rv, 0);
    // SAFETY: what was answered is static.
    let interface = unsafe { &*interface };
    // SAFETY: the newest interface is that of 3.2.
    unsafe { &*interface.pFunctionList.cast() }
}

/// Calls a function through the list.
macro_rules! c {
    ($name:ident($($argument:expr),* $(,)?)) => {{
        let function = $crate::ffi::tests::application::list().$name.unwrap();
        // SAFETY: a test passes what the function can bear; where it passes what it should not, the function must say so
        // before it touches it, which is what the test is about.
        strongroom_pkcs11_wire::Rv(unsafe { function($($argument),*) })
    }};
}
pub(super) use c;

/// Between `C_Initialize` and `C_Finalize`.
pub(super) struct Application;

impl Application {
    pub(super) fn start() -> Self {
        assert_eq!(c!(C_Initialize(ptr::null_mut())).0, 0);
        Self
    }

    /// Opens the session that the daemon of the tests has.
    pub(super) fn with_session() -> Self {
        let application = Self::start();
        assert_eq!(open(1), (0, SESSION));
        application
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        c!(C_Finalize(ptr::null_mut()));
    }
}

/// Opens a session.
pub(super) fn open(slot: CK_ULONG) -> (CK_RV, CK_ULONG) {
    let mut session = 0;
    let rv = c!(C_OpenSession(slot, CKF_SERIAL_SESSION, ptr::null_mut(), None, &mut session));
    (rv.0, session)
}

/// A mechanism without parameter.
pub(super) fn mechanism(kind: CK_ULONG) -> CK_MECHANISM {
    CK_MECHANISM { mechanism: kind, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}

/// An attribute whose value is these bytes.
pub(super) fn attribute(kind: CK_ATTRIBUTE_TYPE, value: &mut [u8]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: kind, pValue: value.as_mut_ptr().cast(), ulValueLen: value.len() as CK_ULONG }
}

/// An attribute that asks how long its value is.
pub(super) fn question(kind: CK_ATTRIBUTE_TYPE) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: kind, pValue: ptr::null_mut(), ulValueLen: 0 }
}
