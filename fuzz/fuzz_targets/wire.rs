//! Whatever bytes arrive on the PKCS#11 socket: nothing panics, nothing grows beyond the frame, and what is read as a request
//! is written as the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_pkcs11_wire::{
    Function, Rv,
    call::{self, Request},
    codec,
};

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some(frame)) = codec::cut(rest) {
        let number = u64::from(frame.head);
        if let Ok(request) = Request::read(Function(number), frame.body) {
            assert!(
                format!("{request:?}").len() < 64 * (frame.taken + 64),
                "a request prints its shape, not its payload"
            );
            let mut again = Vec::new();
            request.write(&mut again).expect("what fitted into a frame fits into one again");
            assert_eq!(again, &rest[..frame.taken]);
        }
        for function in Request::SERVED {
            let _ = call::check_answer(*function, Rv(number), frame.body);
        }
        rest = &rest[frame.taken..];
    }
});
