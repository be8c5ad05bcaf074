//! Forks, broken pipes and panics: what a host process may do to a library inside it.

use std::ptr;

use strongroom_pkcs11_wire::{Function, Rv};

use super::{
    application::{Application, c, open},
    daemon::{Daemon, SESSION},
};
use crate::ffi::guard;

/// Runs `child` in a forked process and says with what it ended.
pub(super) fn in_child(child: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs only `child` and leaves by `_exit`.
    let process = unsafe { libc::fork() };
    assert!(process >= 0);
    if process == 0 {
        let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(99);
        // SAFETY: ends this process, nothing else.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: our child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(process, &mut status, 0) }, process);
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 100 + libc::WTERMSIG(status) }
}

#[test]
fn a_forked_child_starts_afresh_and_leaves_its_parent_alone() {
    let daemon = Daemon::start();
    let _application = Application::with_session();
    daemon.asked();
    let code = in_child(|| {
        let not_there = Rv::CRYPTOKI_NOT_INITIALIZED;
        if c!(C_Logout(SESSION)) != not_there || c!(C_Finalize(ptr::null_mut())) != not_there {
            return 1;
        }
        if c!(C_Initialize(ptr::null_mut())) != Rv::OK {
            return 2;
        }
        if c!(C_Logout(SESSION)) != Rv::SESSION_HANDLE_INVALID {
            return 3;
        }
        if open(1) != (0, SESSION) || c!(C_Logout(SESSION)) != Rv::OK {
            return 4;
        }
        if c!(C_Finalize(ptr::null_mut())) == Rv::OK { 0 } else { 5 }
    });
    assert_eq!(code, 0);
    assert_eq!(daemon.asked(), [Function::OpenSession, Function::Logout, Function::Finalize], "the child's own");
    assert_eq!(c!(C_Logout(SESSION)), Rv::OK, "the parent's session is as it was");
}

#[test]
fn a_child_does_not_hold_its_parents_connection_open() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    let sockets = || {
        let entries = std::fs::read_dir("/proc/self/fd").unwrap();
        let targets = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    };
    let before = sockets();
    let code = in_child(|| i32::try_from(before.saturating_sub(sockets())).unwrap_or(98));
    assert_eq!(code, 1);
}

#[test]
fn a_fork_while_another_thread_is_in_a_call_does_not_hang_the_child() {
    let _daemon = Daemon::scripted(|request| {
        if matches!(request, strongroom_pkcs11_wire::call::Request::Logout(_)) {
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        None
    });
    let _application = Application::with_session();
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(c!(C_Logout(SESSION)), Rv::OK));
        std::thread::sleep(std::time::Duration::from_millis(100));
        let code = in_child(|| {
            let fresh = c!(C_Initialize(ptr::null_mut())) == Rv::OK && open(2) == (0, SESSION);
            i32::from(!fresh)
        });
        assert_eq!(code, 0);
    });
}

#[test]
fn a_daemon_that_goes_away_does_not_kill_the_host() {
    let mut daemon = Daemon::start();
    let _application = Application::with_session();
    daemon.stop();
    let code = as_in_c(|| i32::from(c!(C_Logout(SESSION)) != Rv::DEVICE_REMOVED));
    assert_eq!(code, 0);
}

/// A host in C does not ignore SIGPIPE; the test harness does. So the default comes back for as long as `call` takes.
fn as_in_c(call: impl FnOnce() -> i32) -> i32 {
    // SAFETY: sets a signal to its default.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let code = call();
    // SAFETY: sets it back to what it was.
    unsafe { libc::signal(libc::SIGPIPE, before) };
    code
}

#[test]
fn a_panic_does_not_unwind_into_the_host() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    assert_eq!(Rv(guard::guard(|_| panic!("inside"))), Rv::GENERAL_ERROR);
    assert_eq!(c!(C_Logout(SESSION)), Rv::OK, "and the module goes on");
}
