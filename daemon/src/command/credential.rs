//! `client credential add|remove|require`.

use strongroom_kmip::secret::Secret;

use super::{
    args::{Answer, Credential},
    ask::{self, Times},
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::service::{Order, Report, order::DeviceRow};

pub(super) fn credential(daemon: &Daemon, verb: &Credential) -> Result<(), Error> {
    let (order, said) = match verb {
        Credential::Add {
            client,
            username,
            serial,
            id,
            network,
            machine,
            media,
            password_file,
            no_password,
            hashed,
            one_time,
        } => {
            let device = DeviceRow {
                serial: serial.clone(),
                id: id.clone(),
                network: network.clone(),
                machine: machine.clone(),
                media: media.clone(),
            };
            let password = match no_password {
                true => Secret::new(Vec::new()),
                false => ask::secret(password_file.as_deref(), "Password", Times::Twice)?,
            };
            let (client, username) = (client.clone(), username.clone());
            let said = format!("{client} can show it from now on");
            let (hashed, one_time) = (*hashed, *one_time);
            (Order::CredentialAdd { client, username, device, password, hashed, one_time }, said)
        }
        Credential::Remove { client, name } => {
            let said = format!("{client} can show {name} no longer");
            (Order::CredentialRemove { client: client.clone(), name: name.clone() }, said)
        }
        Credential::Require { client, answer } => {
            let strict = *answer == Answer::Yes;
            let said = format!("{client} {} show a credential", if strict { "must" } else { "need not" });
            (Order::CredentialRequire { client: client.clone(), strict }, said)
        }
    };
    let report = daemon.send(order)?;
    if daemon.style == Style::Json {
        return print::json(&report);
    }
    print::line(&said)?;
    match report {
        Report::Credential { one_time_key: Some(key) } => {
            print::line(&format!("one-time key  {key}  (six digits, every 30 seconds; kept nowhere else)"))
        }
        _ => Ok(()),
    }
}
