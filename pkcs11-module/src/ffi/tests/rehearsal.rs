//! What a fuzzer began with and what it found, played again.

use super::daemon::{socket, turn};
use crate::ffi::rehearsal::Rehearsal;

#[test]
fn answers_that_a_fuzzer_found_touch_nothing_that_was_not_given() {
    let _turn = turn();
    let rehearsal = Rehearsal::at(socket());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/module");
    let mut played = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        rehearsal.play(&std::fs::read(file.unwrap().path()).unwrap());
        played += 1;
    }
    assert!(played >= 18, "{played}");
}

#[test]
fn every_function_is_told_nothing_and_babble() {
    let _turn = turn();
    let rehearsal = Rehearsal::at(socket());
    let babble: Vec<u8> = (0..400_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    for which in 0..=u8::MAX {
        for (mode, rest) in [(1, &b""[..]), (1, &babble), (0, &[0, 0, 0, 0, 0, 0]), (0, &[1, 0, 0]), (0, &babble)] {
            rehearsal.play(&[&[which, which.wrapping_add(7), which % 33, 0, which, mode], rest].concat());
        }
    }
}
