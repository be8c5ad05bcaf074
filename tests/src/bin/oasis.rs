//! Replays a folder of OASIS KMIP test cases against an appliance of its own: `oasis [FOLDER]`.

use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use strongroom_tests::oasis::{Catalogue, Exceptions, Talk, run};
use strongroom_tests::top;

/// Replay KMIP test cases as OASIS publishes them.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder with the cases; folders below it are searched too
    folder: Option<PathBuf>,
    /// Play only cases whose path contains this
    #[arg(long)]
    filter: Option<String>,
    /// Print every message
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    match replay(&Arguments::parse(), &mut stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "oasis: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every case that could pass has passed.
fn replay(arguments: &Arguments, out: &mut dyn Write) -> io::Result<bool> {
    let folder = arguments.folder.clone().unwrap_or_else(|| top().join(CASES));
    if !folder.is_dir() {
        writeln!(out, "skipped: no cases")?;
        return Ok(true);
    }
    let mut catalogue = Catalogue::read(&folder)?;
    if let Some(part) = &arguments.filter {
        catalogue = catalogue.filtered(part);
    }
    let exceptions = Exceptions::read(&top().join("tests/oasis/exceptions.txt"))?;
    let talk = if arguments.verbose { Talk::Messages } else { Talk::Verdicts };
    Ok(run(&catalogue, &exceptions, talk, out)?.failed == 0)
}

/// Where the cases lie beside the repository; they are no part of it.
const CASES: &str = "../shared/kmip/testcases";
