//! What stands before every function: is the module there, is this still the process that brought it, and does nothing
//! unwind into C.
//!
//! The module hangs on one atomic pointer. In a forked child the pointer is set to null and what it pointed to is left
//! alone for ever: another thread of the parent may have held any of its locks. So the child starts afresh.

use std::{
    panic::{self, AssertUnwindSafe},
    ptr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicPtr, Ordering},
    },
};

use cryptoki_sys::{CK_C_INITIALIZE_ARGS, CK_RV, CKF_OS_LOCKING_OK};
use strongroom_pkcs11_wire::Rv;

use super::{host, memory};
use crate::{config::Config, module::Module, trace, wakeful};

/// Runs a function of the interface: with the module, and with every panic caught.
pub(super) fn guard(call: impl FnOnce(&Module) -> Result<(), Rv>) -> CK_RV {
    outcome(|| call(&*present()?))
}

/// Runs a function that needs no module.
pub(super) fn outcome(call: impl FnOnce() -> Result<(), Rv>) -> CK_RV {
    // What a panic leaves half done is behind locks whose poison is looked through on purpose: maps and lists only, whole
    // between any two statements.
    let rv = match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => Rv::OK,
        Ok(Err(rv)) => rv,
        Err(_) => Rv::GENERAL_ERROR,
    };
    rv.0
}

/// `C_Initialize`.
///
/// # Safety
/// `arguments` is null or points to a `CK_C_INITIALIZE_ARGS`.
pub(super) unsafe fn initialize(arguments: *const CK_C_INITIALIZE_ARGS) -> Result<(), Rv> {
    // SAFETY: promised above.
    if let Some(arguments) = unsafe { memory::structure(arguments) } {
        accept(&arguments)?;
    }
    host::watch_forks(forked)?;
    let mut place = stand().write().unwrap_or_else(PoisonError::into_inner);
    if place.is_some() {
        return Err(Rv::CRYPTOKI_ALREADY_INITIALIZED);
    }
    let config = Config::load(host::environment()).and_then(|config| Ok((config.place()?, config)));
    let (daemon, config) = config.map_err(|error| {
        trace::say(format_args!("{error}"));
        Rv::GENERAL_ERROR
    })?;
    *place = Some(Arc::new(Module::new(&config, daemon, host::nonce()?, u64::from(std::process::id()))));
    Ok(())
}

/// `C_Finalize`. Calls that other threads have under way end by themselves.
pub(super) fn finalize() -> Result<(), Rv> {
    let module = {
        let stand = standing().ok_or(Rv::CRYPTOKI_NOT_INITIALIZED)?;
        stand.write().unwrap_or_else(PoisonError::into_inner).take()
    };
    module.ok_or(Rv::CRYPTOKI_NOT_INITIALIZED)?.finish();
    Ok(())
}

type Stand = RwLock<Option<Arc<Module>>>;

/// Where the module hangs, in this process and since its last fork. A stand is never freed: functions may be standing on it.
static STAND: AtomicPtr<Stand> = AtomicPtr::new(ptr::null_mut());

fn present() -> Result<Arc<Module>, Rv> {
    let stand = standing().ok_or(Rv::CRYPTOKI_NOT_INITIALIZED)?;
    stand.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Rv::CRYPTOKI_NOT_INITIALIZED)
}

fn standing() -> Option<&'static Stand> {
    // SAFETY: null, or from `Box::leak` below, which nobody frees.
    unsafe { STAND.load(Ordering::Acquire).as_ref() }
}

fn stand() -> &'static Stand {
    if let Some(stand) = standing() {
        return stand;
    }
    let new: &'static Stand = Box::leak(Box::default());
    let pointer = ptr::from_ref(new).cast_mut();
    match STAND.compare_exchange(ptr::null_mut(), pointer, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => new,
        // Another thread was first; ours was leaked for nothing, once.
        Err(_) => standing().unwrap_or(new),
    }
}

/// In the child of a fork: the module is gone, and so are the connections. Nothing here may take a lock or allocate.
unsafe extern "C" fn forked() {
    STAND.store(ptr::null_mut(), Ordering::Release);
    host::abandon_connections();
    wakeful::forked();
}

/// Whether the application's wishes can be met (PKCS#11 3.2 §5.4). We make no threads, so may be forbidden to; our locks are
/// the system's, so mutexes of its own are no use to us.
fn accept(arguments: &CK_C_INITIALIZE_ARGS) -> Result<(), Rv> {
    let given = [
        arguments.CreateMutex.is_some(),
        arguments.DestroyMutex.is_some(),
        arguments.LockMutex.is_some(),
        arguments.UnlockMutex.is_some(),
    ];
    let all = given.iter().all(|given| *given);
    if !arguments.pReserved.is_null() || (!all && given.contains(&true)) {
        return Err(Rv::ARGUMENTS_BAD);
    }
    if all && arguments.flags & CKF_OS_LOCKING_OK == 0 { Err(Rv::CANT_LOCK) } else { Ok(()) }
}
