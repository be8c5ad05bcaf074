//! Operations that are begun again and again.

use std::{
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{Function, Rv, call::Request};

use super::{
    application::{Application, c, mechanism},
    daemon::{Daemon, SESSION, SIGNATURE, refused},
};

fn begin(key: CK_OBJECT_HANDLE) -> Rv {
    c!(C_SignInit(SESSION, &mut mechanism(CKM_ECDSA), key))
}

fn sign() -> Rv {
    let (mut data, mut signature, mut length) = ([1; 32], [0; 64], 64);
    let rv = c!(C_Sign(SESSION, data.as_mut_ptr(), 32, signature.as_mut_ptr(), &mut length));
    assert!(rv != Rv::OK || (length, signature) == (64, SIGNATURE));
    rv
}

#[test]
fn signing_with_the_same_key_again_is_one_round_trip() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    assert_eq!((begin(32), sign()), (Rv::OK, Rv::OK));
    daemon.asked();
    for _ in 0..3 {
        assert_eq!(begin(32), Rv::OK);
        assert!(daemon.asked().is_empty());
        assert_eq!(sign(), Rv::OK);
        assert_eq!(daemon.asked(), [Function::SignInit, Function::Sign]);
    }
}

#[test]
fn what_could_turn_out_otherwise_is_asked_at_once() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    let mut pin = *b"1234";
    let ready = || assert_eq!((begin(32), sign()), (Rv::OK, Rv::OK));
    for (why, before) in [
        ("another key", (|| Rv::OK) as fn() -> Rv),
        ("a search", || c!(C_FindObjectsInit(SESSION, ptr::null_mut(), 0))),
        ("a logout", || c!(C_Logout(SESSION))),
        ("an object that is gone", || c!(C_DestroyObject(SESSION, 33))),
        ("another operation", || c!(C_DigestInit(SESSION, &mut mechanism(CKM_SHA256)))),
    ] {
        ready();
        assert_eq!(before(), Rv::OK, "{why}");
        daemon.asked();
        let key = if why == "another key" { 31 } else { 32 };
        assert_eq!(begin(key), Rv::OK, "{why}");
        assert_eq!(daemon.asked(), [Function::SignInit], "{why}");
        assert_eq!(sign(), Rv::OK, "{why}");
    }
    ready();
    assert_eq!(c!(C_Login(SESSION, CKU_USER, pin.as_mut_ptr(), 4)), Rv::OK);
    daemon.asked();
    assert_eq!(begin(32), Rv::OK);
    assert_eq!(daemon.asked(), [Function::SignInit]);
}

#[test]
fn what_was_kept_back_is_said_before_anything_else() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    assert_eq!((begin(32), sign(), begin(32)), (Rv::OK, Rv::OK, Rv::OK));
    daemon.asked();
    let mut data = [1; 3];
    assert_eq!(c!(C_SignUpdate(SESSION, data.as_mut_ptr(), 3)), Rv::OK);
    assert_eq!(daemon.asked(), [Function::SignInit, Function::SignUpdate]);
}

#[test]
fn a_length_is_asked_for_and_the_operation_goes_on() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    assert_eq!((begin(32), sign(), begin(32)), (Rv::OK, Rv::OK, Rv::OK));
    let (mut data, mut length) = ([1; 32], 0);
    assert_eq!(c!(C_Sign(SESSION, data.as_mut_ptr(), 32, ptr::null_mut(), &mut length)), Rv::OK);
    assert_eq!(length, 64);
    daemon.asked();
    assert_eq!(sign(), Rv::OK);
    assert_eq!(daemon.asked(), [Function::Sign]);
}

#[test]
fn a_beginning_that_fails_late_is_what_the_signature_answers() {
    let gone = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&gone);
    let _daemon = Daemon::scripted(move |request| match (request, seen.load(Ordering::SeqCst)) {
        (Request::SignInit(_), true) => Some(refused(Rv::KEY_HANDLE_INVALID)),
        (Request::Sign(_), true) => Some(refused(Rv::OPERATION_NOT_INITIALIZED)),
        _ => None,
    });
    let _application = Application::with_session();
    assert_eq!((begin(32), sign(), begin(32)), (Rv::OK, Rv::OK, Rv::OK));
    gone.store(true, Ordering::SeqCst);
    assert_eq!(sign(), Rv::FUNCTION_FAILED);
    assert_eq!(begin(32), Rv::KEY_HANDLE_INVALID);
}
