//! Waiting for slots, and questions about functions that go on by themselves.

use std::{
    ptr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{
    Rv,
    call::{Request, answer, request},
};

use super::{
    application::{Application, c},
    daemon::{Daemon, SESSION, told},
};

#[test]
fn who_does_not_wait_is_told_that_nothing_happened() {
    let _daemon = Daemon::start();
    let _application = Application::start();
    let mut slot = 0;
    assert_eq!(c!(C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, ptr::null_mut())), Rv::NO_EVENT);
    assert_eq!(c!(C_WaitForSlotEvent(CKF_DONT_BLOCK, ptr::null_mut(), ptr::null_mut())), Rv::ARGUMENTS_BAD);
    let reserved = ptr::without_provenance_mut(8);
    assert_eq!(c!(C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, reserved)), Rv::ARGUMENTS_BAD);
}

#[test]
fn who_waits_is_told_when_something_happens() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let _daemon = Daemon::scripted(move |request| match request {
        Request::WaitForSlotEvent(_) => {
            let slot = (count.fetch_add(1, Ordering::SeqCst) == 2).then_some(3);
            Some(told::<request::WaitForSlotEvent>(Rv::OK, &answer::WaitForSlotEvent { slot }))
        }
        _ => None,
    });
    let _application = Application::start();
    let mut slot = 0;
    assert_eq!(c!(C_WaitForSlotEvent(0, &mut slot, ptr::null_mut())), Rv::OK);
    assert_eq!((slot, asked.load(Ordering::SeqCst)), (3, 3));
}

#[test]
fn the_end_of_the_module_ends_the_wait() {
    let _daemon = Daemon::start();
    let application = Application::start();
    thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let mut slot = 0;
            c!(C_WaitForSlotEvent(0, &mut slot, ptr::null_mut()))
        });
        thread::sleep(Duration::from_millis(100));
        assert!(!waits.is_finished());
        drop(application);
        assert_eq!(waits.join().unwrap(), Rv::CRYPTOKI_NOT_INITIALIZED);
    });
}

#[test]
fn nothing_goes_on_by_itself() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let mut name = *b"C_Sign\0";
    let (name, mut id) = (name.as_mut_ptr(), 0);
    for (why, session, name, expected) in [
        ("a function", SESSION, name, Rv::OPERATION_NOT_INITIALIZED),
        ("no function", SESSION, ptr::null_mut(), Rv::ARGUMENTS_BAD),
        ("no session", 99, name, Rv::SESSION_HANDLE_INVALID),
    ] {
        assert_eq!(c!(C_AsyncComplete(session, name, ptr::null_mut())), expected, "{why}");
        assert_eq!(c!(C_AsyncGetID(session, name, &mut id)), expected, "{why}");
        assert_eq!(c!(C_AsyncJoin(session, name, 1, ptr::null_mut(), 0)), expected, "{why}");
    }
}

#[test]
fn no_operation_is_said_to_be_validated() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let mut flags = 7;
    assert_eq!(c!(C_GetSessionValidationFlags(SESSION, CKS_LAST_VALIDATION_OK, &mut flags)), Rv::OK);
    assert_eq!(flags, 0);
    assert_eq!(c!(C_GetSessionValidationFlags(SESSION, 99, &mut flags)), Rv::ARGUMENTS_BAD);
    assert_eq!(c!(C_GetSessionValidationFlags(SESSION, 1, ptr::null_mut())), Rv::ARGUMENTS_BAD);
}

#[test]
fn nothing_is_parallel() {
    let _daemon = Daemon::start();
    let _application = Application::start();
    assert_eq!(c!(C_GetFunctionStatus(SESSION)), Rv::FUNCTION_NOT_PARALLEL);
}
