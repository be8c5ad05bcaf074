//! `slot list|create|set|rename|zeroise|remove|init|login|adopt`.

use strongroom_kmip::secret::Secret;

use super::{
    args::Slot,
    ask::{self, Times},
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::service::{MemberRow, Order, Report};

pub(super) fn slot(daemon: &Daemon, verb: &Slot) -> Result<(), Error> {
    match verb {
        Slot::List => list(daemon),
        Slot::Create { name, words } => {
            made(daemon, Order::SlotMake { name: name.clone(), terms: words.into() }, "is made and served")
        }
        Slot::Set { slot, words } => made(daemon, Order::SlotSet { slot: slot.clone(), terms: words.into() }, "is set"),
        Slot::Rename { slot, name } => {
            let order = Order::SlotRename { slot: slot.clone(), name: name.clone() };
            made(daemon, order, &format!("is what {slot} is called now"))
        }
        Slot::Zeroise { slot, yes } => {
            if !yes {
                let again = ask::word(&format!("Everything in {slot} will be lost. Its name"))?;
                if again != *slot {
                    return Err(Error::NotConfirmed(slot.clone()));
                }
            }
            let report = daemon.send(Order::SlotZeroise { slot: slot.clone() })?;
            match (daemon.style, &report) {
                (Style::Json, report) => print::json(report),
                (Style::Text, Report::Zeroised { objects }) => {
                    print::line(&format!("{slot} is empty: {objects} objects and its PINs are destroyed"))
                }
                (Style::Text, _) => Err(Error::OtherReport),
            }
        }
        Slot::Remove { slot } => {
            let report = daemon.send(Order::SlotRemove { slot: slot.clone() })?;
            match daemon.style {
                Style::Json => print::json(&report),
                Style::Text => print::line(&format!("{slot} is removed")),
            }
        }
        Slot::Login { slot, pin_file, configured } => {
            let pin = match configured {
                true => Secret::copy_of(&[]),
                false => ask::secret(pin_file.as_deref(), "PIN", Times::Once)?,
            };
            let report = daemon.send(Order::SlotLogin { slot: slot.clone(), pin })?;
            match daemon.style {
                Style::Json => print::json(&report),
                Style::Text => print::line(&format!("{slot} is being opened; `strongroom slot list` says how it went")),
            }
        }
        Slot::Adopt { slot, owner, label, id } => {
            let (slot, owner, label, id) = (slot.clone(), owner.clone(), label.clone(), id.clone());
            let report = daemon.send(Order::SlotAdopt { slot, label, id, owner })?;
            match (daemon.style, &report) {
                (Style::Json, report) => print::json(report),
                (Style::Text, Report::Adopted { ids, note }) => {
                    ids.iter().try_for_each(|id| print::line(id))?;
                    note.as_ref().map_or(Ok(()), |note| print::line(&format!("note: {note}")))
                }
                (Style::Text, _) => Err(Error::OtherReport),
            }
        }
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
        .flat_map(|slot| {
            let pins = match (slot.initialised, slot.locked) {
                (Some(true), Some(true)) => "locked",
                (Some(true), _) => "set",
                (Some(false), _) => "not set",
                (None, _) => "-",
            };
            let of = |member: &MemberRow| {
                let (name, none) = (format!("{}/{}", slot.name, member.name), || "-".to_owned());
                let maker = slot.maker.clone();
                [name, none(), none(), maker, none(), none(), none(), member_condition(member)]
            };
            let members: Vec<_> = slot.members.iter().map(of).collect();
            let condition = match &slot.advice {
                Some(advice) => format!("{}: {advice}", slot.condition),
                None => slot.condition,
            };
            let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
            let objects = match slot.max_objects {
                Some(most) => format!("{} of {most}", number(slot.objects)),
                None => number(slot.objects),
            };
            let (name, maker, mechanisms) = (slot.name, slot.maker, slot.mechanisms);
            let whole =
                [name, slot.number.to_string(), slot.origin, maker, mechanisms, objects, pins.to_owned(), condition];
            [whole].into_iter().chain(members)
        })
        .collect();
    print::table(["NAME", "NUMBER", "ORIGIN", "MAKER", "MECHANISMS", "OBJECTS", "PINS", "CONDITION"], &rows)
}

/// Has a slot made or changed, and says of it what was done.
fn made(daemon: &Daemon, order: Order, what: &str) -> Result<(), Error> {
    let report = daemon.send(order)?;
    match (daemon.style, &report) {
        (Style::Json, report) => print::json(report),
        (Style::Text, Report::Slot(slot)) => {
            print::line(&format!("{} {what}; in PKCS#11 its number is {}", slot.name, slot.number))
        }
        (Style::Text, _) => Err(Error::OtherReport),
    }
}

/// How one of several tokens stands, and what it has not.
pub(super) fn member_condition(member: &MemberRow) -> String {
    let advice = member.advice.as_ref().map(|advice| format!(": {advice}")).unwrap_or_default();
    let lacking = match (member.lacking, member.bound) {
        (None, _) if member.condition != "usable" => String::new(),
        (None, _) => " (which keys are there is being found out)".to_owned(),
        (Some(0), _) => String::new(),
        (Some(keys), 0) => format!(" ({keys} keys are not there yet)"),
        (Some(keys), bound) => format!(" ({keys} keys are not there, and {bound} of them stay where they are)"),
    };
    format!("{}{lacking}{advice}", member.condition)
}
