//! The one line that the module says when it cannot do its work. A library keeps quiet in someone else's program, so it
//! speaks only when asked to.

use std::fmt;

/// Says what is wrong on standard error, if `STRONGROOM_PKCS11_DEBUG` is set.
#[allow(clippy::print_stderr, reason = "asked for by the operator through the environment")]
pub(crate) fn say(what: fmt::Arguments<'_>) {
    if std::env::var_os("STRONGROOM_PKCS11_DEBUG").is_some() {
        eprintln!("strongroom-pkcs11: {what}");
    }
}
