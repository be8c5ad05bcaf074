//! `operator rekey|rotate|seal|generate-recovery|remove-way`.

use std::path::{Path, PathBuf};

use strongroom_kmip::secret::Secret;

use super::{
    args::{Operator, Quota, Rotation},
    ask::{self, Times},
    daemon::Daemon,
    error::Error,
    init,
    print::{self, Style},
    seal,
};
use crate::{
    config::{self, Secrecy},
    service::{Order, Report, seal::Dealt},
};

pub(super) fn operator(daemon: &Daemon, verb: &Operator) -> Result<(), Error> {
    match verb {
        Operator::Seal => seal::seal(daemon),
        Operator::Rotate { what } => {
            let word = match what {
                Rotation::Root => "root",
                Rotation::Data => "data",
            };
            let report = daemon.send(Order::Rotate { what: word.to_owned() })?;
            match (daemon.style, what) {
                (Style::Json, _) => print::json(&report),
                (Style::Text, Rotation::Root) => {
                    print::line("the root key is another one; what unseals stays as it is")
                }
                (Style::Text, Rotation::Data) => {
                    print::line("what is written is sealed by a new key; the rest follows: see `strongroom status`")
                }
            }
        }
        Operator::RemoveWay { number } => {
            let report = daemon.send(Order::WayRemove { number: *number })?;
            match daemon.style {
                Style::Json => print::json(&report),
                Style::Text => print::line(&format!("way {number} opens the vault no longer")),
            }
        }
        Operator::Rekey { passphrase, passphrase_file, key_file, shares, holders, slot, add, out } => {
            let phrase = match passphrase_file {
                Some(path) => ask::secret(Some(path), "", Times::Once)?,
                None if *passphrase => ask::secret(None, "New passphrase", Times::Twice)?,
                None => Secret::new(Vec::new()),
            };
            let key = key_file.as_deref().map_or_else(|| Ok(Secret::new(Vec::new())), init::key_file)?;
            let (threshold, labels) = shares.map_or((0, Vec::new()), |quota| (quota.needed, quota.labels(holders)));
            let (slot, stay) = (slot.clone(), *add);
            let order = Order::Rekey { passphrase: phrase, key, threshold, labels, slot, stay };
            hand_out(daemon, order, out.as_deref())
        }
        Operator::GenerateRecovery { shares, holders, out } => {
            let order = Order::RecoveryMake { threshold: shares.needed, labels: shares.labels(holders) };
            hand_out(daemon, order, out.as_deref())
        }
    }
}

impl Quota {
    /// The holders' names, or numbers where none were given.
    fn labels(self, holders: &[String]) -> Vec<String> {
        match holders {
            [] => (1..=self.dealt).map(|number| format!("holder-{number}")).collect(),
            holders => holders.to_vec(),
        }
    }
}

/// Gives an order that deals shares, and hands them out.
fn hand_out(daemon: &Daemon, order: Order, out: Option<&Path>) -> Result<(), Error> {
    // Found out before anything is dealt that could get lost.
    out.map_or(Ok(()), init::folder)?;
    let Report::Shares(dealt) = daemon.send(order)? else { return Err(Error::OtherReport) };
    let written = out.map_or_else(|| Ok(Vec::new()), |folder| write(&dealt, folder))?;
    if daemon.style == Style::Json {
        return print::json(&Report::Shares(dealt));
    }
    for path in &written {
        print::line(&path.display().to_string())?;
    }
    if written.is_empty() {
        for share in &dealt.shares {
            print::line(&share.share)?;
        }
    }
    let threshold = dealt.threshold.unwrap_or(0);
    match (dealt.way, dealt.proven) {
        (Some(number), true) => print::line(&format!("way {number} opens the vault")),
        (Some(_), false) => print::line(&format!(
            "\nEach of these lines is one share; it is kept nowhere else. Give each to its holder.\n\
             Nothing else that opens the vault goes before {threshold} of them have been entered, now, with\n\
             \x20 strongroom unseal --share"
        )),
        (None, _) => print::line(&format!(
            "\nEach of these lines is one share; it is kept nowhere else. Give each to its holder.\n\
             Any {threshold} of them open the backups that are made from now on; earlier ones need the earlier shares."
        )),
    }
}

/// Writes each share into a file of its own.
fn write(dealt: &Dealt, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut written = Vec::new();
    for share in &dealt.shares {
        let path = folder.join(format!("{}.share", share.holder));
        config::create(&path, Secrecy::Secret, format!("{}\n", share.share).as_bytes())?;
        written.push(path);
    }
    Ok(written)
}
