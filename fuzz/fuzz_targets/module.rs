//! Whatever a daemon answers, the module in an application's process neither panics nor hangs, writes no byte outside what the
//! application gave it, and says of no output that it is longer than its place.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use strongroom_pkcs11::ffi::rehearsal::Rehearsal;

fuzz_target!(|bytes: &[u8]| {
    static REHEARSAL: LazyLock<Rehearsal> = LazyLock::new(Rehearsal::alone);
    REHEARSAL.play(bytes);
});
