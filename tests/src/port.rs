//! Ports and waiting for what listens on them.

use std::net::TcpListener;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A port of the loopback address that nobody listens on now.
///
/// # Panics
///
/// Where the machine has none left.
#[must_use]
#[track_caller]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a socket that listens has an address").port()
}

/// Waits until something is so, for at most a minute.
///
/// # Panics
///
/// Where it is not so by then.
#[track_caller]
pub fn until(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "it did not come up in a minute");
        sleep(Duration::from_millis(20));
    }
}
