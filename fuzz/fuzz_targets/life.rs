//! Any sequence of requests is answered as a simple model of the life of objects says, also when batches of them are undone
//! and when everything is read anew from the store in between.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the tests of the service use all of it")]
#[path = "../../daemon/tests/service/house.rs"]
mod house;
#[path = "../../daemon/tests/service/model/mod.rs"]
mod model;

thread_local! {
    /// A house and how many walks went through it. What they leave behind is read anew with all the rest, several times a
    /// walk, so that a house that was kept for long would do little else.
    static HOUSE: RefCell<Option<(house::House, u64)>> = const { RefCell::new(None) };
}

fuzz_target!(|bytes: &[u8]| {
    HOUSE.with_borrow_mut(|kept| {
        let (house, walks) = kept.get_or_insert_with(|| (house::House::new(), 0));
        *walks += 1;
        model::walk::Walk::new(house, *walks).follow(bytes);
        if *walks == WALKS {
            *kept = None;
        }
    });
});

/// How many walks go through one house.
const WALKS: u64 = 8;
