//! `man`: the manual pages, written from the same words as `--help`.

use std::path::Path;

use clap::CommandFactory;

use super::{args::Line, error::Error};

pub(super) fn man(dir: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { action: "write the manual pages into", path: dir.to_owned(), source };
    clap_mangen::generate_to(Line::command(), dir).map_err(failed)
}
