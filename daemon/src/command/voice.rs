//! What the program says while it works: on standard error, where journald or a person reads it.

use std::{
    env,
    io::{self, Write},
};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// Lets the program speak. `STRONGROOM_LOG` says how much: `error`, `warn`, `info` (which is usual), `debug`, `trace`.
pub(super) fn speak() {
    let wanted = env::var("STRONGROOM_LOG").ok().and_then(|word| word.parse().ok());
    log::set_max_level(wanted.unwrap_or(LevelFilter::Info));
    // journald reads a priority before each line, and adds the time itself.
    let voice: &Voice = if env::var_os("JOURNAL_STREAM").is_some() { &Voice::Journal } else { &Voice::Plain };
    // Whoever embeds this as a library may have set its own.
    let _ = log::set_logger(voice);
}

enum Voice {
    Journal,
    Plain,
}

impl Log for Voice {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What libraries say below a warning is about themselves.
        metadata.target().starts_with("strongroom") || metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = match self {
            Self::Journal => format!("<{}>{}\n", priority(record.level()), record.args()),
            Self::Plain => format!("{}: {}\n", record.level().as_str().to_lowercase(), record.args()),
        };
        // There is nobody to tell that nobody can be told.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// The priority of sd-daemon(3).
const fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}
