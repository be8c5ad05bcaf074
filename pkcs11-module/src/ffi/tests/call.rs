//! Calls that an application makes, right and wrong, against a daemon that does what it should.

use std::{ptr, thread, time::Duration};

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{Function, Rv};

use super::{
    application::{Application, attribute, c, list, mechanism, open, question},
    daemon::{self, Daemon, SESSION, SIGNATURE},
};
use crate::ffi::{C_GetFunctionList, C_GetInterfaceList};

#[test]
fn nothing_works_before_initialize_or_after_finalize() {
    let _daemon = Daemon::start();
    let mut count = 0;
    let expected = Rv::CRYPTOKI_NOT_INITIALIZED;
    assert_eq!(c!(C_GetSlotList(1, ptr::null_mut(), &mut count)), expected);
    assert_eq!(c!(C_SignRecoverInit(1, ptr::null_mut(), 1)), expected);
    assert_eq!(c!(C_Finalize(ptr::null_mut())), expected);
    drop(Application::start());
    assert_eq!(c!(C_GetSlotList(1, ptr::null_mut(), &mut count)), expected);
    drop(Application::start());
}

#[test]
fn initialize_takes_what_can_be_kept_and_refuses_the_rest() {
    let _daemon = Daemon::start();
    unsafe extern "C" fn create(_: *mut *mut std::ffi::c_void) -> CK_RV {
        0
    }
    unsafe extern "C" fn with(_: *mut std::ffi::c_void) -> CK_RV {
        0
    }
    let none = CK_C_INITIALIZE_ARGS {
        CreateMutex: None,
        DestroyMutex: None,
        LockMutex: None,
        UnlockMutex: None,
        flags: 0,
        pReserved: ptr::null_mut(),
    };
    let all = CK_C_INITIALIZE_ARGS {
        CreateMutex: Some(create),
        DestroyMutex: Some(with),
        LockMutex: Some(with),
        UnlockMutex: Some(with),
        ..none
    };
    let reserved = ptr::without_provenance_mut(8);
    for (name, mut arguments, expected) in [
        ("neither flag nor mutexes", none, Rv::OK),
        ("the system's locks", CK_C_INITIALIZE_ARGS { flags: CKF_OS_LOCKING_OK, ..none }, Rv::OK),
        ("no threads", CK_C_INITIALIZE_ARGS { flags: CKF_LIBRARY_CANT_CREATE_OS_THREADS, ..none }, Rv::OK),
        ("either", CK_C_INITIALIZE_ARGS { flags: CKF_OS_LOCKING_OK, ..all }, Rv::OK),
        ("only mutexes", all, Rv::CANT_LOCK),
        ("half of the mutexes", CK_C_INITIALIZE_ARGS { LockMutex: Some(with), ..none }, Rv::ARGUMENTS_BAD),
        ("something reserved", CK_C_INITIALIZE_ARGS { pReserved: reserved, ..none }, Rv::ARGUMENTS_BAD),
    ] {
        assert_eq!(c!(C_Initialize((&raw mut arguments).cast())), expected, "{name}");
        if expected == Rv::OK {
            assert_eq!(c!(C_Initialize(ptr::null_mut())), Rv::CRYPTOKI_ALREADY_INITIALIZED, "{name}");
            assert_eq!(c!(C_Finalize(reserved)), Rv::ARGUMENTS_BAD, "{name}");
            assert_eq!(c!(C_Finalize(ptr::null_mut())), Rv::OK, "{name}");
        }
    }
}

#[test]
fn every_interface_is_given_out() {
    let mut old: *mut CK_FUNCTION_LIST = ptr::null_mut();
    // SAFETY: a place for the answer.
    assert_eq!(unsafe { C_GetFunctionList(&mut old) }, 0);
    // SAFETY: what was answered is static.
    let old = unsafe { &*old };
    assert_eq!((old.version.major, old.version.minor), (2, 40));
    assert!(old.C_Sign.is_some() && old.C_WaitForSlotEvent.is_some());
    assert_eq!((list().version.major, list().version.minor), (3, 2));
    assert!(list().C_UnwrapKeyAuthenticated.is_some());

    let mut count = 0;
    // SAFETY: null asks for the count.
    assert_eq!((unsafe { C_GetInterfaceList(ptr::null_mut(), &mut count) }, count), (0, 3));
    let empty = CK_INTERFACE { pInterfaceName: ptr::null_mut(), pFunctionList: ptr::null_mut(), flags: 0 };
    let mut interfaces = [empty; 3];
    count = 2;
    // SAFETY: room for more than the count says.
    let rv = unsafe { C_GetInterfaceList(interfaces.as_mut_ptr(), &mut count) };
    assert_eq!((Rv(rv), count), (Rv::BUFFER_TOO_SMALL, 3));
    // SAFETY: room for as many as the count says.
    assert_eq!(unsafe { C_GetInterfaceList(interfaces.as_mut_ptr(), &mut count) }, 0);
    assert!(interfaces.iter().all(|interface| !interface.pFunctionList.is_null()));
}

#[test]
fn an_interface_is_found_by_name_and_version() {
    for (name, text, version, flags, expected) in [
        ("ours, any version", Some(&b"PKCS 11\0"[..]), None, 0, Ok((3, 2))),
        ("any name, 3.0", None, Some((3, 0)), 0, Ok((3, 0))),
        ("ours, 2.40", Some(b"PKCS 11\0"), Some((2, 40)), 0, Ok((2, 40))),
        ("a version there is not", None, Some((3, 1)), 0, Err(Rv::ARGUMENTS_BAD)),
        ("a beginning of our name", Some(b"PKCS\0"), None, 0, Err(Rv::ARGUMENTS_BAD)),
        ("more than our name", Some(b"PKCS 11X\0"), None, 0, Err(Rv::ARGUMENTS_BAD)),
        ("one that needs no fork", None, None, CKF_INTERFACE_FORK_SAFE, Err(Rv::ARGUMENTS_BAD)),
    ] {
        let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
        let mut interface: *mut CK_INTERFACE = ptr::null_mut();
        let text = text.map_or(ptr::null(), <[u8]>::as_ptr).cast_mut();
        let version = version.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
        let rv = c!(C_GetInterface(text, version, &mut interface, flags));
        let found = (rv == Rv::OK).then(|| {
            // SAFETY: what was answered is static.
            let list = unsafe { *interface }.pFunctionList;
            // SAFETY: a list begins with its version.
            let version = unsafe { list.cast::<CK_VERSION>().read() };
            (version.major, version.minor)
        });
        assert_eq!(found.ok_or(rv), expected, "{name}");
    }
    assert_eq!(c!(C_GetInterface(ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0)), Rv::ARGUMENTS_BAD);
}

#[test]
fn lists_and_structures_come_through() {
    let _daemon = Daemon::start();
    let _application = Application::start();
    let (mut slots, mut count) = ([0; 4], 4);
    assert_eq!(c!(C_GetSlotList(1, slots.as_mut_ptr(), &mut count)), Rv::OK);
    assert_eq!((slots, count), ([1, 2, 3, 0], 3));
    let (mut slots, mut count) = ([0; 2], 2);
    assert_eq!(c!(C_GetSlotList(1, slots.as_mut_ptr(), &mut count)), Rv::BUFFER_TOO_SMALL);
    assert_eq!((slots, count), ([0, 0], 3));

    let mut info = CK_INFO::default();
    assert_eq!(c!(C_GetInfo(&mut info)), Rv::OK);
    assert_eq!(&info.manufacturerID[..12], b"Strongroom  ");
    let mut info = CK_TOKEN_INFO::default();
    assert_eq!(c!(C_GetTokenInfo(1, &mut info)), Rv::OK);
    assert_eq!((&info.label[..4], info.ulTotalPublicMemory), (&b"dev "[..], CK_UNAVAILABLE_INFORMATION));
    let mut info = CK_MECHANISM_INFO::default();
    assert_eq!(c!(C_GetMechanismInfo(1, CKM_ECDSA, &mut info)), Rv::OK);
    assert_eq!((info.ulMinKeySize, info.ulMaxKeySize, info.flags), (256, 521, CKF_SIGN));
    assert_eq!(open(1), (0, SESSION));
    let mut info = CK_SESSION_INFO::default();
    assert_eq!(c!(C_GetSessionInfo(SESSION, &mut info)), Rv::OK);
    assert_eq!((info.slotID, info.state), (1, CKS_RO_USER_FUNCTIONS));
}

#[test]
fn an_output_follows_the_two_call_rule() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let mut data = *b"abc";
    for (name, room, expected, written) in [
        ("a query", None, (Rv::OK, 64), 0),
        ("no room at all", Some(0), (Rv::BUFFER_TOO_SMALL, 64), 0),
        ("one byte short", Some(63), (Rv::BUFFER_TOO_SMALL, 64), 0),
        ("just enough", Some(64), (Rv::OK, 64), 64),
        ("more than enough", Some(80), (Rv::OK, 64), 64),
    ] {
        let mut buffer = [0u8; 80];
        let mut length = room.unwrap_or(999);
        let place = if room.is_some() { buffer.as_mut_ptr() } else { ptr::null_mut() };
        let rv = c!(C_Sign(SESSION, data.as_mut_ptr(), 3, place, &mut length));
        assert_eq!((rv, length), expected, "{name}");
        assert_eq!(buffer[..written], SIGNATURE[..written], "{name}");
        assert!(buffer[written..].iter().all(|byte| *byte == 0), "{name}: wrote beyond the output");
    }
}

#[test]
fn output_may_go_where_the_input_came_from() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let mut buffer = [1, 2, 3, 4];
    let (place, mut length) = (buffer.as_mut_ptr(), 4);
    assert_eq!(c!(C_Encrypt(SESSION, place, 4, place, &mut length)), Rv::OK);
    assert_eq!(buffer, [!1, !2, !3, !4]);
}

fn null<T>() -> *mut T {
    ptr::null_mut()
}

#[test]
fn pointers_and_lengths_that_cannot_be_are_refused_unread() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    daemon.asked();
    let (mut byte, mut length, mut huge) = (0u8, 1, CK_ULONG::MAX);
    let somewhere = &raw mut byte;
    let half = CK_ULONG::MAX / 2 + 1;
    let mut number = 0;
    let mut template = question(CKA_LABEL);
    for (name, rv) in [
        ("data null", c!(C_Sign(SESSION, null(), 1, null(), &mut length))),
        ("length null", c!(C_Sign(SESSION, somewhere, 1, somewhere, null()))),
        ("data of half the address space", c!(C_Sign(SESSION, somewhere, half, null(), &mut length))),
        ("data of all of it", c!(C_DigestUpdate(SESSION, somewhere, CK_ULONG::MAX))),
        ("room of all of it", c!(C_Sign(SESSION, somewhere, 1, somewhere, &mut huge))),
        ("signature null", c!(C_Verify(SESSION, somewhere, 1, null(), 64))),
        ("handles null", c!(C_FindObjects(SESSION, null(), 1, &mut number))),
        ("count null", c!(C_FindObjects(SESSION, &mut number, 1, null()))),
        ("handles beyond memory", c!(C_FindObjects(SESSION, &mut number, half / 8, &mut length))),
        ("template null", c!(C_CreateObject(SESSION, null(), 1, &mut number))),
        ("template beyond memory", c!(C_FindObjectsInit(SESSION, &mut template, half))),
        ("questions null", c!(C_GetAttributeValue(SESSION, 1, null(), 2))),
        ("object null", c!(C_CreateObject(SESSION, &mut template, 1, null()))),
        ("mechanism null", c!(C_GenerateKey(SESSION, null(), null(), 0, &mut number))),
        ("one handle of two null", c!(C_GenerateKeyPair(SESSION, null(), null(), 0, null(), 0, &mut number, null()))),
        ("random null", c!(C_GenerateRandom(SESSION, null(), 4))),
        ("slot count null", c!(C_GetSlotList(0, null(), null()))),
        ("info null", c!(C_GetInfo(null()))),
        ("label null", c!(C_InitToken(1, null(), 0, null()))),
        ("a PIN of half the address space", c!(C_Login(SESSION, CKU_USER, somewhere, half))),
        ("session null", c!(C_OpenSession(1, CKF_SERIAL_SESSION, null(), None, null()))),
    ] {
        assert_eq!(rv, Rv::ARGUMENTS_BAD, "{name}");
    }
    assert_eq!(daemon.asked(), [], "nothing of this reaches the daemon");
}

#[test]
fn nothing_need_be_aligned() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let mut memory = [0u8; 128];
    let odd = memory.as_mut_ptr().wrapping_add(1);
    let label = odd.wrapping_add(64);
    let question = CK_ATTRIBUTE { type_: CKA_CLASS, pValue: label.cast(), ulValueLen: 8 };
    // SAFETY: inside `memory`.
    unsafe { odd.cast::<CK_ATTRIBUTE>().write_unaligned(question) };
    assert_eq!(c!(C_GetAttributeValue(SESSION, 1, odd.cast(), 1)), Rv::OK);
    // SAFETY: inside `memory`.
    assert_eq!(unsafe { label.cast::<CK_ULONG>().read_unaligned() }, CKO_PRIVATE_KEY);
    assert_eq!(c!(C_GetSlotInfo(1, odd.cast())), Rv::OK);
    assert_eq!(c!(C_GetSlotList(0, ptr::null_mut(), odd.cast())), Rv::OK);
    assert_eq!(memory[1], 3);
}

#[test]
fn data_beyond_what_one_call_carries_is_cut_in_parts() {
    use Function as F;
    let daemon = Daemon::start();
    let _application = Application::with_session();
    daemon.asked();
    let mut data = vec![7u8; 2 * 1024 * 1024 + 5];
    let (place, all) = (data.as_mut_ptr(), data.len() as CK_ULONG);
    let mut length = 0;
    assert_eq!(c!(C_Encrypt(SESSION, place, all, ptr::null_mut(), &mut length)), Rv::OK);
    assert_eq!((daemon.asked().as_slice(), length), (&[F::Encrypt][..], all));
    length = all - 1;
    assert_eq!(c!(C_Encrypt(SESSION, place, all, place, &mut length)), Rv::BUFFER_TOO_SMALL);
    assert_eq!((daemon.asked().as_slice(), length), (&[F::Encrypt][..], all));
    assert_eq!(c!(C_Encrypt(SESSION, place, all, place, &mut length)), Rv::OK);
    assert_eq!(daemon.asked(), [F::Encrypt, F::EncryptUpdate, F::EncryptUpdate, F::EncryptUpdate, F::EncryptFinal]);
    assert!(length == all && data.iter().all(|byte| *byte == !7), "encrypted in place");

    length = 63;
    assert_eq!(c!(C_Sign(SESSION, place, all, place, &mut length)), Rv::BUFFER_TOO_SMALL);
    assert_eq!((daemon.asked().as_slice(), length), (&[F::Sign][..], 64));
    assert_eq!(c!(C_Sign(SESSION, place, all, place, &mut length)), Rv::OK);
    assert_eq!(daemon.asked(), [F::Sign, F::SignUpdate, F::SignUpdate, F::SignUpdate, F::SignFinal]);
    assert_eq!(c!(C_Verify(SESSION, place, all, place, 64)), Rv::OK);
    assert_eq!(daemon.asked(), [F::VerifyUpdate, F::VerifyUpdate, F::VerifyUpdate, F::VerifyFinal]);
    assert_eq!(c!(C_Verify(SESSION, place, 9, place, 64)), Rv::OK);
    assert_eq!(daemon.asked(), [F::Verify]);
    assert_eq!(c!(C_SignUpdate(SESSION, place, all)), Rv::OK);
    assert_eq!(daemon.asked(), [F::SignUpdate; 3]);
    assert_eq!(c!(C_GenerateRandom(SESSION, place, all)), Rv::OK);
    assert_eq!(daemon.asked(), [F::GenerateRandom; 3]);
    assert!(data.iter().all(|byte| *byte == 4));
}

#[test]
fn attributes_are_settled_one_by_one() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let (mut class, mut label, mut short, mut mechanisms) = ([0u8; 8], [0u8; 9], [0u8; 4], [0u8; 16]);
    let mut questions = [
        attribute(CKA_CLASS, &mut class),
        attribute(CKA_PRIVATE_EXPONENT, &mut [0u8; 4]),
        attribute(CKA_LABEL, &mut label),
        question(CKA_LABEL),
        attribute(CKA_LABEL, &mut short),
        question(CKA_MODULUS),
        question(CKA_EC_POINT),
        attribute(CKA_ALLOWED_MECHANISMS, &mut mechanisms),
        question(CKA_END_DATE),
        question(CKA_START_DATE),
        question(CKA_WRAP_TEMPLATE),
    ];
    let count = questions.len() as CK_ULONG;
    let rv = c!(C_GetAttributeValue(SESSION, 1, questions.as_mut_ptr(), count));
    assert_eq!(rv, Rv::ATTRIBUTE_SENSITIVE, "the first that has no value");
    const NONE: CK_ULONG = CK_UNAVAILABLE_INFORMATION;
    assert_eq!(questions.map(|question| question.ulValueLen), [8, NONE, 5, 5, NONE, 256, NONE, 16, 0, 8, 48]);
    assert_eq!(class, CKO_PRIVATE_KEY.to_ne_bytes());
    assert_eq!(&label, b"label\0\0\0\0");
    assert_eq!(short, [0; 4], "nothing is written where it does not fit");
}

#[test]
fn a_template_inside_a_template_is_given_out_in_place() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let (mut class, mut label) = ([0u8; 8], [0u8; 5]);
    let mut inner = [attribute(0, &mut class), attribute(0, &mut label)];
    let mut outer = CK_ATTRIBUTE { type_: CKA_WRAP_TEMPLATE, pValue: inner.as_mut_ptr().cast(), ulValueLen: 48 };
    assert_eq!(c!(C_GetAttributeValue(SESSION, 1, &mut outer, 1)), Rv::OK);
    assert_eq!(inner.map(|entry| (entry.type_, entry.ulValueLen)), [(CKA_CLASS, 8), (CKA_LABEL, 5)]);
    assert_eq!((class, &label), (CKO_PRIVATE_KEY.to_ne_bytes(), b"found"));
}

#[test]
fn a_template_with_values_of_the_wrong_shape_is_refused() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    daemon.asked();
    let mut object = 0;
    for (name, kind, bytes, expected) in [
        ("a class", CKA_CLASS, &mut [0u8; 8][..], Rv::OK),
        ("half a class", CKA_CLASS, &mut [0u8; 4], Rv::ATTRIBUTE_VALUE_INVALID),
        ("a truth that is neither", CKA_TOKEN, &mut [2], Rv::ATTRIBUTE_VALUE_INVALID),
        ("a truth of two bytes", CKA_TOKEN, &mut [1, 1], Rv::ATTRIBUTE_VALUE_INVALID),
        ("no date", CKA_START_DATE, &mut [], Rv::OK),
        ("half a date", CKA_START_DATE, &mut [0; 4], Rv::ATTRIBUTE_VALUE_INVALID),
        ("a mechanism and a half", CKA_ALLOWED_MECHANISMS, &mut [0; 12], Rv::ATTRIBUTE_VALUE_INVALID),
        ("half an attribute", CKA_WRAP_TEMPLATE, &mut [0; 12], Rv::ATTRIBUTE_VALUE_INVALID),
        ("a vendor's own", CKA_VENDOR_DEFINED | 1, &mut [0; 12], Rv::OK),
    ] {
        let mut template = attribute(kind, bytes);
        assert_eq!(c!(C_CreateObject(SESSION, &mut template, 1, &mut object)), expected, "{name}");
    }
    assert_eq!(daemon.asked().len(), 3);
}

#[test]
fn a_template_that_points_to_itself_is_refused() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let mut template = question(CKA_WRAP_TEMPLATE);
    template.pValue = (&raw mut template).cast();
    template.ulValueLen = 24;
    let mut object = 0;
    let place = &raw mut template;
    assert_eq!(c!(C_CreateObject(SESSION, place, 1, &mut object)), Rv::ATTRIBUTE_VALUE_INVALID);
}

#[test]
fn a_parameter_that_is_not_the_mechanism_s_is_refused() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let mut bytes = [0u8; 64];
    for (name, kind, length, expected) in [
        ("no parameter", CKM_ECDSA, 0, Rv::OK),
        ("an initialisation vector", CKM_AES_CBC, 16, Rv::OK),
        ("a whole PSS", CKM_RSA_PKCS_PSS, 24, Rv::OK),
        ("a cut PSS", CKM_RSA_PKCS_PSS, 23, Rv::MECHANISM_PARAM_INVALID),
        ("a GCM with a byte too many", CKM_AES_GCM, 49, Rv::MECHANISM_PARAM_INVALID),
        ("an OAEP with an absent label", CKM_RSA_PKCS_OAEP, 40, Rv::OK),
        ("a truth for a number", CKM_SHA256_HMAC_GENERAL, 1, Rv::MECHANISM_PARAM_INVALID),
        ("of half the address space", CKM_AES_CBC, CK_ULONG::MAX, Rv::MECHANISM_PARAM_INVALID),
    ] {
        let mut mechanism = mechanism(kind);
        mechanism.pParameter = bytes.as_mut_ptr().cast();
        mechanism.ulParameterLen = length;
        assert_eq!(c!(C_SignInit(SESSION, &mut mechanism, 1)), expected, "{name}");
    }
    let mut lying = CK_GCM_PARAMS {
        pIv: ptr::null_mut(),
        ulIvLen: 12,
        ulIvBits: 96,
        pAAD: ptr::null_mut(),
        ulAADLen: 0,
        ulTagBits: 128,
    };
    let mut mechanism = mechanism(CKM_AES_GCM);
    mechanism.pParameter = (&raw mut lying).cast();
    mechanism.ulParameterLen = 48;
    let rv = c!(C_EncryptInit(SESSION, &mut mechanism, 1));
    assert_eq!(rv, Rv::MECHANISM_PARAM_INVALID, "a nonce of twelve bytes at null");
}

#[test]
fn what_a_search_found_is_remembered_until_something_changes() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    let (mut objects, mut count) = ([0; 4], 0);
    let ask = |kind| {
        let mut question = question(kind);
        let rv = c!(C_GetAttributeValue(SESSION, 20, &mut question, 1));
        (rv, question.ulValueLen, daemon.asked().len())
    };
    assert_eq!(c!(C_FindObjects(SESSION, objects.as_mut_ptr(), 4, &mut count)), Rv::OK);
    assert_eq!((objects, count), ([20, 21, 0, 0], 2));
    ask(CKA_CLASS);
    assert_eq!(ask(CKA_LABEL), (Rv::OK, 5, 0), "from memory");
    assert_eq!(ask(CKA_TOKEN), (Rv::OK, 1, 1), "was not brought along");
    let mut label = attribute(CKA_LABEL, &mut [1]);
    assert_eq!(c!(C_SetAttributeValue(SESSION, 20, &mut label, 1)), Rv::OK);
    ask(CKA_TOKEN);
    assert_eq!(ask(CKA_LABEL), (Rv::OK, 5, 1), "changed, so asked again");
    assert_eq!(c!(C_FindObjects(SESSION, objects.as_mut_ptr(), 4, &mut count)), Rv::OK);
    c!(C_Logout(SESSION));
    ask(CKA_TOKEN);
    assert_eq!(ask(CKA_LABEL), (Rv::OK, 5, 1), "logged out, so asked again");
    c!(C_FindObjects(SESSION, objects.as_mut_ptr(), 4, &mut count));
    c!(C_CloseSession(SESSION));
    assert_eq!(ask(CKA_LABEL).0, Rv::SESSION_HANDLE_INVALID, "no session, no memory");
}

#[test]
fn a_session_that_is_not_ours_reaches_nobody() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    daemon.asked();
    assert_eq!(c!(C_Logout(SESSION + 1)), Rv::SESSION_HANDLE_INVALID);
    assert_eq!(c!(C_CloseAllSessions(1)), Rv::OK);
    assert_eq!(c!(C_Logout(SESSION)), Rv::SESSION_HANDLE_INVALID);
    assert_eq!(daemon.asked(), [Function::CloseAllSessions]);
    let mut session = 0;
    let rv = c!(C_OpenSession(1, 0, ptr::null_mut(), None, &mut session));
    assert_eq!(rv, Rv::SESSION_PARALLEL_NOT_SUPPORTED);
}

#[test]
fn a_wrong_pin_is_told_apart_from_a_right_one() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    for (name, pin, expected) in [
        ("right", &mut b"1234".to_vec(), Rv::OK),
        ("wrong", &mut b"1235".to_vec(), Rv::PIN_INCORRECT),
        ("empty", &mut Vec::new(), Rv::PIN_INCORRECT),
        ("beyond reason", &mut vec![b'1'; 5000], Rv::PIN_LEN_RANGE),
    ] {
        let length = pin.len() as CK_ULONG;
        assert_eq!(c!(C_Login(SESSION, CKU_USER, pin.as_mut_ptr(), length)), expected, "{name}");
    }
    assert_eq!(c!(C_Login(SESSION, CKU_USER, ptr::null_mut(), 0)), Rv::PIN_INCORRECT, "the protected path");
}

#[test]
fn without_a_daemon_there_are_no_slots_and_no_harm() {
    let _turn = daemon::turn();
    let _application = Application::start();
    let mut count = 9;
    assert_eq!((c!(C_GetSlotList(1, ptr::null_mut(), &mut count)), count), (Rv::OK, 0));
    assert_eq!(open(1), (Rv::DEVICE_REMOVED.0, 0));
}

#[test]
fn a_daemon_that_comes_back_is_found_and_what_was_lost_is_said() {
    let mut daemon = Daemon::start();
    let _application = Application::with_session();
    daemon.restart();
    assert_eq!(c!(C_Logout(SESSION)), Rv::DEVICE_REMOVED, "the first call finds out");
    assert_eq!(c!(C_Logout(SESSION)), Rv::SESSION_HANDLE_INVALID, "what was lost is gone");
    assert_eq!(daemon.asked(), [], "a lost session's calls are not made in the new run");
    let mut count = 0;
    assert_eq!((c!(C_GetSlotList(1, ptr::null_mut(), &mut count)), count), (Rv::OK, 3));
    assert_eq!(open(1), (0, SESSION));
    assert_eq!(c!(C_Logout(SESSION)), Rv::OK);
}

#[test]
fn an_idle_connection_may_be_closed_without_anyone_noticing() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    daemon.hang_up();
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(c!(C_Logout(SESSION)), Rv::OK);
}

#[test]
fn threads_do_not_wait_for_each_other() {
    let _daemon = Daemon::scripted(|request| {
        if matches!(request, strongroom_pkcs11_wire::call::Request::Logout(_)) {
            thread::sleep(Duration::from_millis(300));
        }
        None
    });
    let _application = Application::with_session();
    let start = std::time::Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(c!(C_Logout(SESSION)), Rv::OK));
        }
    });
    assert!(start.elapsed() < Duration::from_millis(1200), "eight calls of 0.3 s took {:?}", start.elapsed());
}
