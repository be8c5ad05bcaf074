//! `unseal`, `seal`, `status`.

use super::{
    args::Entry,
    ask::{self, Times},
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::{
    config::{self, Secrecy},
    service::{
        Order, Report,
        order::{EndpointRow, Status},
    },
};

pub(super) fn unseal(daemon: &Daemon, entry: &Entry) -> Result<(), Error> {
    let order = match &entry.key_file {
        Some(path) => Order::UnsealFile { key: config::read(path, Secrecy::Secret)? },
        None => Order::Unseal { passphrase: ask::secret(entry.passphrase_file.as_deref(), "Passphrase", Times::Once)? },
    };
    report(daemon, daemon.send(order)?)
}

pub(super) fn seal(daemon: &Daemon) -> Result<(), Error> {
    let report = daemon.send(Order::Seal)?;
    match daemon.style {
        Style::Json => print::json(&report),
        Style::Text => print::line("sealed: every request is refused until `strongroom unseal`"),
    }
}

pub(super) fn status(daemon: &Daemon) -> Result<(), Error> {
    report(daemon, daemon.send(Order::Status)?)
}

fn report(daemon: &Daemon, report: Report) -> Result<(), Error> {
    match (daemon.style, report) {
        (Style::Json, report) => print::json(&report),
        (Style::Text, Report::Status(status)) => show(&status),
        (Style::Text, _) => Err(Error::OtherReport),
    }
}

fn show(status: &Status) -> Result<(), Error> {
    let sealed = if status.sealed { "sealed; open it with `strongroom unseal`" } else { "open" };
    print::line(&format!("strongroom {}", status.version))?;
    print::line(&format!("vault      {sealed}"))?;
    print::line(&format!("objects    {}", print::or_dash(status.objects)))?;
    print::line(&format!("store      generation {}", status.generation))?;
    print::line(&format!("audit log  {} lines signed", print::or_dash(status.audit_size)))?;
    for slot in &status.slots {
        let advice = slot.advice.as_ref().map(|advice| format!(": {advice}")).unwrap_or_default();
        print::line(&format!("slot       {} ({}) {}{advice}", slot.name, slot.maker, slot.condition))?;
        if slot.leftovers > 0 {
            print::line(&format!(
                "           {} keys have to go from it and could not be removed yet",
                slot.leftovers
            ))?;
        }
    }
    if status.rolled_back {
        print::line("WARNING    the store holds other records than it should: restore it from a backup")?;
    }
    for name in &status.damaged {
        print::line(&format!("WARNING    {name} is damaged: restore it from a backup"))?;
    }
    status.endpoints.iter().try_for_each(|endpoint| {
        let EndpointRow { name, client, address, waiting, delivered, failed, error } = endpoint;
        let address = address.as_deref().unwrap_or("a connection of its own");
        let delivered = print::or_dash(delivered.map(print::date));
        print::line(&format!(
            "endpoint   {name} at {address} for {client}: {waiting} waiting, last delivered {delivered}"
        ))?;
        match (error, failed) {
            (Some(why), Some(when)) => print::line(&format!("           {}: {why}", print::date(*when))),
            _ => Ok(()),
        }
    })
}
