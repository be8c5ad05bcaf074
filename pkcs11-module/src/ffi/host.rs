//! What the module asks of the system it runs on, and cannot ask safely through the standard library.

use std::sync::atomic::{AtomicBool, Ordering};

use strongroom_pkcs11_wire::Rv;

use crate::{config::Environment, descriptors};

/// Sixteen random bytes, to tell this application from every other.
pub(super) fn nonce() -> Result<[u8; 16], Rv> {
    let mut nonce = [0u8; 16];
    // SAFETY: the buffer is ours and as long as we say.
    let got = unsafe { libc::getrandom(nonce.as_mut_ptr().cast(), nonce.len(), 0) };
    // Up to 256 bytes come whole or not at all.
    if usize::try_from(got) == Ok(nonce.len()) { Ok(nonce) } else { Err(Rv::FUNCTION_FAILED) }
}

/// Whether the environment is the caller's own: a program with raised rights must not take its configuration from there.
pub(super) fn environment() -> Environment {
    // SAFETY: asks the kernel's own vector for a number; there is nothing to get wrong.
    match unsafe { libc::getauxval(libc::AT_SECURE) } {
        0 => Environment::Trusted,
        _ => Environment::Hostile,
    }
}

/// Has `child` called in every forked child from now on. Only the first call does anything.
///
/// # Errors
/// [`Rv::HOST_MEMORY`] when the system has no room for a handler.
pub(super) fn watch_forks(child: unsafe extern "C" fn()) -> Result<(), Rv> {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // SAFETY: the handler stays where it is, because the module is linked never to be unloaded.
    match unsafe { libc::pthread_atfork(None, None, Some(child)) } {
        0 => Ok(()),
        _ => {
            WATCHED.store(false, Ordering::Release);
            Err(Rv::HOST_MEMORY)
        }
    }
}

/// Closes the parent's connections in a forked child. The sessions are the parent's and stay as they are.
pub(super) fn abandon_connections() {
    descriptors::abandon(|descriptor| {
        // SAFETY: the descriptor was on the list, so it is a connection of ours; nobody else is left in this process that
        // could close it, and the connection that thinks it owns it is never touched again.
        unsafe { libc::close(descriptor) };
    });
}
