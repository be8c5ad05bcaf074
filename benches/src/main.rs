//! Side-by-side benchmarks: ours and another implementation in one run, with the ratio. Nothing here gates.
//!
//! `strongroom-benches [SECTION]...` runs the sections named, or all.

/// Prints a line; this is what a benchmark is for.
macro_rules! say {
    ($($word:tt)*) => {
        #[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
        {
            println!($($word)*);
        }
    };
}

mod handshake;
mod measure;
mod remote;
mod signing;
mod token;
mod ttlv;

use std::{env, process::ExitCode};

/// Every section by its name. A section prints its own lines.
const SECTIONS: &[(&str, fn())] = &[
    ("ttlv", ttlv::run),
    ("pkcs11", signing::run),
    ("kmip", remote::run),
    ("many", remote::many),
    ("tls", handshake::run),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    if let [name, module, pin] = wanted.as_slice()
        && name == signing::SIGN_WITH
    {
        return match signing::sign_with(module, pin) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say!("{module}: {error}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(unknown) = wanted.iter().find(|name| !SECTIONS.iter().any(|(known, _)| known == name)) {
        let known: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        #[allow(clippy::print_stderr, reason = "a command's own words")]
        {
            eprintln!("there is no section {unknown}; there are: {}", known.join(", "));
        }
        return ExitCode::from(2);
    }
    for (name, run) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            run();
        }
    }
    ExitCode::SUCCESS
}
