//! Side-by-side benchmarks: ours and another implementation in one run, with the ratio. Nothing here gates.
//!
//! `strongroom-benches [SECTION]...` runs the sections named, or all.

mod measure;
mod ttlv;

use std::{env, process::ExitCode};

/// Every section by its name. A section prints its own lines.
const SECTIONS: &[(&str, fn())] = &[("ttlv", ttlv::run)];

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
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
