//! `slot list|init`.

use super::{
    args::Slot,
    ask::{self, Times},
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::service::{Order, Report};

pub(super) fn slot(daemon: &Daemon, verb: &Slot) -> Result<(), Error> {
    match verb {
        Slot::List => list(daemon),
        Slot::Init { slot, so_pin_file, user_pin_file } => {
            let so_pin = ask::secret(so_pin_file.as_deref(), "Security officer's PIN", Times::Twice)?;
            let user_pin = ask::secret(user_pin_file.as_deref(), "User's PIN", Times::Twice)?;
            let report = daemon.send(Order::TokenInit { slot: slot.clone(), so_pin, user_pin })?;
            match daemon.style {
                Style::Json => print::json(&report),
                Style::Text => print::line(&format!("the PINs of {slot} are set")),
            }
        }
    }
}

fn list(daemon: &Daemon) -> Result<(), Error> {
    let report = daemon.send(Order::SlotList)?;
    if daemon.style == Style::Json {
        return print::json(&report);
    }
    let Report::Slots { slots } = report else { return Err(Error::OtherReport) };
    let rows: Vec<_> = slots
        .into_iter()
        .map(|slot| {
            let pins = match (slot.initialised, slot.locked) {
                (Some(true), Some(true)) => "locked",
                (Some(true), _) => "set",
                (Some(false), _) => "not set",
                (None, _) => "-",
            };
            [slot.name, slot.maker, slot.mechanisms, pins.to_owned()]
        })
        .collect();
    print::table(["NAME", "MAKER", "MECHANISMS", "PINS"], &rows)
}
