//! From the command line to the verb, and from its end to the exit code.

use std::{io::Write, path::Path, process::ExitCode};

use clap::Parser;
use strongroom_kmip::print::Secrets;

use super::{
    approval,
    args::{CONFIG, Kmip, Line, Verb},
    audit, backup, client,
    daemon::Daemon,
    decode, dev,
    error::Error,
    init, key, man, migrate, operator, pkcs11,
    print::{self, Style},
    push, restore, seal, slot, voice,
};
use crate::{config::Settings, server, slot::hsm};

/// Does what the command line says. Exits with 0 when it was done, 1 when it was refused or failed, 2 for wrong usage.
pub fn run() -> ExitCode {
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match perform(&line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "strongroom: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(line: &Line) -> Result<(), Error> {
    // A worker tells the daemon what there is to say.
    if let Verb::SlotWorker = line.verb {
        return hsm::work().map_err(Error::Worker);
    }
    voice::speak();
    let style = if line.json { Style::Json } else { Style::Text };
    // These need no configuration.
    match &line.verb {
        Verb::Dev(wanted) => return dev::dev(wanted),
        Verb::Kmip(Kmip::Decode { file, secrets }) => {
            let secrets = if *secrets { Secrets::Shown } else { Secrets::Hidden };
            return decode::decode(file.as_deref(), secrets);
        }
        Verb::Man { dir } => return man::man(dir),
        Verb::Pkcs11(verb) => return pkcs11::pkcs11(verb, style),
        Verb::Import(wanted) => return migrate::import(wanted, style),
        Verb::Export(wanted) => return migrate::export(wanted, style),
        _ => {}
    }
    let settings = settings(&line.config)?;
    let daemon = Daemon::new(&settings, style);
    match &line.verb {
        Verb::Init(wanted) => init::init(&settings, wanted, style),
        Verb::Serve { check: true } => {
            server::check(&settings)?;
            print::line(&format!("{} is in order", line.config.display()))
        }
        Verb::Serve { check: false } => Ok(server::serve(&settings, |_| {})?),
        Verb::Unseal(entry) => seal::unseal(&daemon, entry),
        Verb::Seal => seal::seal(&daemon),
        Verb::Status => seal::status(&daemon),
        Verb::Operator(verb) => operator::operator(&daemon, verb),
        Verb::Client(verb) => client::client(&daemon, verb),
        Verb::Slot(verb) => slot::slot(&daemon, verb),
        Verb::Key(verb) => key::key(&daemon, verb),
        Verb::Backup(wanted) => backup::backup(&settings, &daemon, wanted),
        Verb::Restore(wanted) => restore::restore(&settings, &daemon, wanted),
        Verb::Approval(verb) => approval::approval(&daemon, verb),
        Verb::Audit(verb) => audit::audit(&settings, verb, style),
        Verb::Kmip(Kmip::Put { endpoint, object }) => push::push(&daemon, endpoint, object),
        Verb::Dev(_)
        | Verb::Pkcs11(_)
        | Verb::Import(_)
        | Verb::Export(_)
        | Verb::Kmip(Kmip::Decode { .. })
        | Verb::Man { .. }
        | Verb::SlotWorker => Ok(()),
    }
}

/// What the file says; all defaults where nobody named a file and the usual one is not there.
fn settings(path: &Path) -> Result<Settings, Error> {
    if path == Path::new(CONFIG) && !path.exists() {
        return Ok(Settings::usual());
    }
    Ok(Settings::read(path)?)
}
