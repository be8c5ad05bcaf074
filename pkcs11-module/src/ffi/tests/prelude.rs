//! Operations that are begun again and again.

use std::{
    ptr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{Function, Rv, call::Request, mechanism::Parameter};

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

/// Encrypts in one go, with this byte all over the initialisation vector.
fn encrypt(iv: u8, length: usize) -> (Rv, Rv) {
    let mut iv = [iv; 17];
    let parameter = (iv.as_mut_ptr().cast(), length as CK_ULONG);
    let mut way = CK_MECHANISM { mechanism: CKM_AES_CBC, pParameter: parameter.0, ulParameterLen: parameter.1 };
    let (mut data, mut out, mut room) = ([1; 16], [0; 16], 16);
    let begun = c!(C_EncryptInit(SESSION, &mut way, 32));
    (begun, c!(C_Encrypt(SESSION, data.as_mut_ptr(), 16, out.as_mut_ptr(), &mut room)))
}

#[test]
fn encrypting_again_is_one_round_trip_that_brings_the_nonce_of_now() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let daemon = Daemon::scripted(move |request| {
        if let Request::EncryptInit(ask) = request {
            let iv = ask.mechanism.as_ref().map(|mechanism| match &mechanism.parameter {
                Parameter::Iv(given) => given.iv.to_vec(),
                other => panic!("{other:?}"),
            });
            hears.lock().unwrap().extend(iv);
        }
        None
    });
    let _application = Application::with_session();
    let nonces = || std::mem::take(&mut *heard.lock().unwrap());
    let both = [Function::EncryptInit, Function::Encrypt];
    assert_eq!((encrypt(1, 16), nonces()), ((Rv::OK, Rv::OK), vec![vec![1; 16]]));
    daemon.asked();
    for iv in 2..5 {
        assert_eq!((encrypt(iv, 16), nonces()), ((Rv::OK, Rv::OK), vec![vec![iv; 16]]));
        assert_eq!(daemon.asked(), both);
    }
    assert_eq!(encrypt(5, 17), (Rv::OK, Rv::OK), "another length is another way");
    assert_eq!((nonces(), daemon.asked()), (vec![vec![5; 17]], both.to_vec()));
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
