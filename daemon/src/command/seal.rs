//! `unseal`, `seal`, `status`.

use super::{
    args::Entry,
    ask::{self, Times},
    daemon::Daemon,
    error::Error,
    print::{self, Style},
    slot::member_condition,
};
use crate::{
    config::{self, Secrecy},
    service::{
        Order, Report,
        order::{EndpointRow, Status},
        seal::FactorRow,
    },
};

pub(super) fn unseal(daemon: &Daemon, entry: &Entry) -> Result<(), Error> {
    let order = match entry {
        Entry { forget: true, .. } => Order::UnsealForget,
        Entry { slots: true, .. } => Order::UnsealSlots,
        Entry { share_file: Some(path), .. } => {
            Order::UnsealShare { share: ask::secret(Some(path), "Share", Times::Once)? }
        }
        Entry { share: true, .. } => Order::UnsealShare { share: ask::secret(None, "Share", Times::Once)? },
        Entry { key_file: Some(path), .. } => Order::UnsealFile { key: config::read(path, Secrecy::Secret)? },
        Entry { passphrase_file, .. } => {
            Order::Unseal { passphrase: ask::secret(passphrase_file.as_deref(), "Passphrase", Times::Once)? }
        }
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
    for way in &status.seal.ways {
        let factors: Vec<String> = way.factors.iter().map(factor).collect();
        let unproven = if way.proven { "" } else { " (not shown to work yet)" };
        print::line(&format!("way {:<6} {}{unproven}", way.number, factors.join(" and ")))?;
    }
    if let Some(rows) = status.seal.resealing {
        print::line(&format!("rotation   {rows} rows have to be resealed still"))?;
    }
    if let Some(FactorRow { needed, names, .. }) = &status.seal.recovery {
        print::line(&format!("recovery   {needed} of {}", names.join(", ")))?;
    }
    for slot in &status.slots {
        let advice = slot.advice.as_ref().map(|advice| format!(": {advice}")).unwrap_or_default();
        print::line(&format!("slot       {} ({}) {}{advice}", slot.name, slot.maker, slot.condition))?;
        for member in &slot.members {
            print::line(&format!("           {} {}", member.name, member_condition(member)))?;
        }
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

/// What has to be entered, and what was.
fn factor(factor: &FactorRow) -> String {
    let FactorRow { kind, needed, entered, names } = factor;
    match (kind.as_str(), entered) {
        ("shares", 0) => format!("{needed} shares of {}", names.join(", ")),
        ("shares", _) => format!("{entered} of {needed} shares entered ({})", names.join(", ")),
        ("slot", _) => format!("a key in slot {}", names.join(", ")),
        (_, 0) => kind.clone(),
        _ => format!("{kind} (entered)"),
    }
}
