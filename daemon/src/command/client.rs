//! `client add|list|credential|token|revoke`.

use std::path::Path;

use nix::unistd::User;
use zeroize::Zeroizing;

use super::{
    args::{Client, Role},
    credential::credential,
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::{
    caller,
    certificate::unpem,
    config::{self, Secrecy},
    service::{
        Order, Report,
        order::{BearerRow, NewClient},
    },
};

pub(super) fn client(daemon: &Daemon, verb: &Client) -> Result<(), Error> {
    match verb {
        Client::Add { name, role, days, user, csr, out } => {
            let order = Order::ClientAdd {
                name: name.clone(),
                role: word(*role).to_owned(),
                days: *days,
                user: user.as_deref().map(user_id).transpose()?,
                csr: csr.as_deref().map(request).transpose()?,
            };
            let Report::Client(client) = daemon.send(order)? else { return Err(Error::OtherReport) };
            added(daemon.style, &client, out)
        }
        Client::List => list(daemon),
        Client::Credential(verb) => credential(daemon, verb),
        Client::Token { name, days, revoke: None } => issue(daemon, name, *days),
        Client::Token { name, revoke: Some(which), .. } => {
            let id = (which != "all").then(|| which.clone());
            let report = daemon.send(Order::BearerRevoke { client: name.clone(), id })?;
            match daemon.style {
                Style::Json => print::json(&report),
                Style::Text if which == "all" => print::line(&format!("{name} has no tokens any more")),
                Style::Text => print::line(&format!("{which} of {name} is good for nothing any more")),
            }
        }
        Client::Revoke { name } => {
            let report = daemon.send(Order::ClientRevoke { name: name.clone() })?;
            match daemon.style {
                Style::Json => print::json(&report),
                Style::Text => print::line(&format!("{name} is revoked")),
            }
        }
    }
}

fn issue(daemon: &Daemon, name: &str, days: u32) -> Result<(), Error> {
    let report = daemon.send(Order::BearerIssue { client: name.to_owned(), days })?;
    if daemon.style == Style::Json {
        return print::json(&report);
    }
    let Report::Bearer(made) = report else { return Err(Error::OtherReport) };
    let end = print::date(made.until);
    print::line(&format!("{}  ({} of {name}, until {end}; kept nowhere else)", made.token, made.id))
}

fn added(style: Style, client: &NewClient, out: &Path) -> Result<(), Error> {
    write(client, out)?;
    let file = |end: &str| out.join(format!("{}.{end}", client.name)).display().to_string();
    let (certificate, key) = (file("pem"), client.key.as_ref().map(|_| file("key")));
    let authority = out.join("ca.pem").display().to_string();
    if style == Style::Json {
        return print::json(&serde_json::json!({
            "name": client.name, "role": client.role, "certificate": certificate, "key": key, "authority": authority,
        }));
    }
    print::line(&format!("{} is registered as {}", client.name, client.role))?;
    print::line(&format!("certificate  {certificate}"))?;
    if let Some(key) = key {
        print::line(&format!("private key  {key}  (kept nowhere else)"))?;
    }
    print::line(&format!("authority    {authority}"))
}

/// Writes certificate, key and authority into a folder. The authority may be there from an earlier client.
pub(super) fn write(client: &NewClient, out: &Path) -> Result<(), Error> {
    if let Some(key) = &client.key {
        let key = Zeroizing::new(key.clone());
        config::create(&out.join(format!("{}.key", client.name)), Secrecy::Secret, key.as_bytes())?;
    }
    let certificate = client.certificate.as_bytes();
    config::create(&out.join(format!("{}.pem", client.name)), Secrecy::Public, certificate)?;
    let authority = out.join("ca.pem");
    if !authority.exists() {
        config::create(&authority, Secrecy::Public, client.authority.as_bytes())?;
    }
    Ok(())
}

fn list(daemon: &Daemon) -> Result<(), Error> {
    let report = daemon.send(Order::ClientList)?;
    if daemon.style == Style::Json {
        return print::json(&report);
    }
    let Report::Clients { clients } = report else { return Err(Error::OtherReport) };
    let rows: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let standing = if client.revoked { "revoked" } else { "active" };
            let key = client.keys.first().map(|key| key.chars().take(16).collect::<String>());
            let user = print::or_dash(client.user);
            let token = |token: BearerRow| format!("{} until {}", token.id, print::date(token.until));
            let tokens: Vec<_> = client.tokens.into_iter().map(token).collect();
            let tokens = print::or_dash(Some(tokens.join(", ")).filter(|tokens| !tokens.is_empty()));
            let since = print::date(client.since);
            [client.name, client.role, standing.to_owned(), user, since, print::or_dash(key), tokens]
        })
        .collect();
    print::table(["NAME", "ROLE", "STATE", "USER", "SINCE", "KEY", "TOKENS"], &rows)
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::User => caller::Role::User.word(),
        Role::Administrator => caller::Role::Administrator.word(),
        Role::Auditor => caller::Role::Auditor.word(),
    }
}

fn user_id(user: &str) -> Result<u32, Error> {
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let found = User::from_name(user).ok().flatten().ok_or_else(|| Error::NoUser(user.to_owned()))?;
    Ok(found.uid.as_raw())
}

fn request(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = config::read(path, Secrecy::Public)?;
    let der = unpem("CERTIFICATE REQUEST", bytes.reveal()).ok_or_else(|| Error::NoRequest(path.to_owned()))?;
    Ok(der.to_vec())
}
