//! Side-by-side benchmarks: ours and another implementation in one run, with the ratio. Nothing here gates.
//!
//! `strongroom-benches [SECTION]...` runs the sections named, or all but those that take long.

/// Prints a line; this is what a benchmark is for.
macro_rules! say {
    ($($word:tt)*) => {
        #[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
        {
            println!($($word)*);
        }
    };
}

mod backup;
mod cost;
mod handshake;
mod measure;
mod raw;
mod remote;
mod signing;
mod slots;
mod token;
mod ttlv;
mod using;

use std::{env, process::ExitCode};

/// Every section by its name. A section prints its own lines.
const SECTIONS: &[(&str, fn())] = &[
    ("ttlv", ttlv::run),
    ("pkcs11", signing::run),
    ("cost", cost::run),
    ("token", using::run),
    ("slots", slots::run),
    ("kmip", remote::run),
    ("many", remote::many),
    ("tls", handshake::run),
    ("backup", backup::run),
];

/// Sections that take so long that they are run only when they are named.
const LONG: &[(&str, fn())] =
    &[("token-10000", using::among_ten_thousand), ("token-100000", using::among_a_hundred_thousand)];

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    if let [name, module, pin, threads] = wanted.as_slice()
        && name == signing::SIGN_WITH
    {
        return ended(module, signing::sign_with(module, pin, threads));
    }
    if let [name, module, pin, daemon] = wanted.as_slice()
        && name == cost::REPEAT_WITH
    {
        return ended(module, cost::repeat_with(module, pin, daemon));
    }
    if let [name, module] = wanted.as_slice()
        && name == using::LOAD_WITH
    {
        return ended(module, using::load_with(module));
    }
    if let [name, module, pin, objects] = wanted.as_slice()
        && name == using::USE_WITH
    {
        return ended(module, using::use_with(module, pin, objects));
    }
    let all = || SECTIONS.iter().chain(LONG);
    if let Some(unknown) = wanted.iter().find(|name| !all().any(|(known, _)| known == name)) {
        let known: Vec<&str> = all().map(|(name, _)| *name).collect();
        #[allow(clippy::print_stderr, reason = "a command's own words")]
        {
            eprintln!("there is no section {unknown}; there are: {}", known.join(", "));
        }
        return ExitCode::from(2);
    }
    let unasked = SECTIONS.len();
    for (place, (name, run)) in all().enumerate() {
        if (wanted.is_empty() && place < unasked) || wanted.iter().any(|wanted| wanted == name) {
            run();
        }
    }
    ExitCode::SUCCESS
}

/// How a run with one module ended.
fn ended(module: &str, outcome: Result<(), cryptoki::error::Error>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("{module}: {error}");
            ExitCode::FAILURE
        }
    }
}
