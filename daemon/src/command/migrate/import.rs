//! `import`: objects from a source become a client's own.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;
use strongroom_kmip::{
    attribute::{ApplicationSpecificInformation, Attribute, Link, Listed, One, References, Standard, Template},
    client,
    code::{LinkType, ObjectType, ResultReason},
    payload::{AddAttributeRequest, GetAttributesRequest, ImportRequest, LocateRequest, RegisterRequest},
    ttlv::{Any, DateTime},
};

use super::{
    args::Import,
    error::Error,
    file, folder,
    parcel::{Left, Parcel, Source, Stays, cryptoki},
    peer::Peer,
    server::Server,
    token::Token,
};
use crate::{
    command::{
        ask::{self, Times},
        error::Error as Failure,
        print::{self, Style},
    },
    config::{self, Secrecy},
    slot::hsm,
};

pub(in crate::command) fn import(wanted: &Import, style: Style) -> Result<(), Failure> {
    let mut source = open(wanted)?;
    let target = match &wanted.identity {
        Some(identity) => Some(Peer::connect(&wanted.to, identity, wanted.ca.as_deref())?),
        // The command line asks for it otherwise.
        None => None,
    };
    let mut removal = Removal { target, dry: wanted.dry_run, rows: Vec::new(), groups: BTreeMap::new() };
    let mut progress = Progress::new(source.expected());
    while let Some(next) = source.next() {
        match next {
            Ok(parcel) => {
                progress.step(&parcel.origin);
                removal.carry(parcel);
            }
            Err(stays) => {
                progress.step(&stays.origin);
                removal.left(stays);
            }
        }
    }
    removal.finish();
    progress.end();
    if let Some(path) = &wanted.report {
        let report = serde_json::to_vec_pretty(&removal.rows)?;
        config::create(path, Secrecy::Public, &report)?;
    }
    removal.print(style)
}

/// Opens what the text names.
fn open(wanted: &Import) -> Result<Box<dyn Source>, Failure> {
    let source = wanted.source.as_str();
    let pin = || ask::secret(wanted.pin_file.as_deref(), "PIN of the token's user", Times::Once);
    if let Some(address) = source.strip_prefix("kmip://") {
        let identity = wanted.from_identity.as_ref().ok_or(Failure::NoIdentityThere)?;
        let peer = Peer::connect(address, identity, wanted.from_ca.as_deref())?;
        return Ok(Box::new(Server::open(peer, address)?));
    }
    if source.starts_with("pkcs11:") {
        let choice = hsm::Choice::from_uri(source).map_err(Error::from)?;
        let module = wanted.module.as_ref().ok_or(Error::NoModule)?;
        return Ok(Box::new(Token::open(module, &choice, &pin()?)?));
    }
    if let Some(place) = source.strip_prefix("softhsm2:") {
        return Ok(Box::new(folder::open(Path::new(place), &pin()?)?));
    }
    let path = Path::new(source);
    if source.contains("://") || !path.exists() {
        return Err(Error::NoSource(source.to_owned()).into());
    }
    let password = wanted.password_file.as_deref().map(|path| ask::secret(Some(path), "password", Times::Once));
    Ok(Box::new(file::open(path, password.transpose()?.as_ref())?))
}

/// What became of one object.
#[derive(Serialize)]
struct Row {
    origin: String,
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    result: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// It is here now.
    Imported,
    /// It was here before.
    There,
    /// It would be here.
    Would,
    /// It stays.
    Left,
}

/// What has one key pair in common.
#[derive(Default)]
struct Group {
    private: Option<String>,
    public: Option<String>,
    certificates: Vec<String>,
    /// Whether any of it is new.
    fresh: bool,
    /// The public half, made of the private one.
    half: Option<Parcel>,
}

struct Removal {
    target: Option<Peer>,
    dry: bool,
    rows: Vec<Row>,
    groups: BTreeMap<Vec<u8>, Group>,
}

impl Removal {
    fn carry(&mut self, mut parcel: Parcel) {
        let half = parcel.half();
        let (origin, kind, bond) = (parcel.origin.clone(), parcel.object_type(), parcel.bond.take());
        let name = parcel.name().map(str::to_owned);
        match self.send(parcel) {
            Ok((result, id)) => {
                if let (Some(bond), Some(id)) = (bond, &id) {
                    let group = self.groups.entry(bond).or_default();
                    group.fresh |= result == Outcome::Imported;
                    match kind {
                        ObjectType::PrivateKey => (group.private, group.half) = (Some(id.clone()), half),
                        ObjectType::PublicKey => group.public = Some(id.clone()),
                        ObjectType::Certificate => group.certificates.push(id.clone()),
                        _ => {}
                    }
                }
                self.rows.push(Row { origin, kind: kind.to_string(), name, result, id, why: None });
            }
            Err(why) => self.left(Stays { origin, kind: Some(kind), why }),
        }
    }

    fn left(&mut self, stays: Stays) {
        let kind = stays.kind.map(|kind| kind.to_string()).unwrap_or_default();
        let why = Some(stays.why.to_string());
        self.rows.push(Row { origin: stays.origin, kind, name: None, result: Outcome::Left, id: None, why });
    }

    fn send(&mut self, parcel: Parcel) -> Result<(Outcome, Option<String>), Left> {
        let Some(target) = &mut self.target else { return Ok((Outcome::Would, None)) };
        let keeps = parcel.identifier.clone().filter(|_| target.is_kin());
        let there = match &keeps {
            // Import says itself what is there.
            Some(identifier) if self.dry => known(target, identifier)?,
            Some(_) => None,
            None => there(target, &parcel)?,
        };
        if there.is_some() {
            return Ok((Outcome::There, there));
        }
        if self.dry {
            return Ok((Outcome::Would, None));
        }
        if keeps.is_some() {
            install(target, parcel)
        } else {
            register(target, parcel).map(|id| (Outcome::Imported, Some(id)))
        }
    }

    /// Makes the public halves that did not travel themselves, and links what belongs together.
    fn finish(&mut self) {
        let groups = std::mem::take(&mut self.groups);
        for mut group in groups.into_values() {
            if group.public.is_none()
                && let Some(half) = group.half.take()
            {
                let (origin, kind) = (half.origin.clone(), half.object_type().to_string());
                match self.send(half) {
                    Ok((result, id)) => {
                        group.public.clone_from(&id);
                        self.rows.push(Row { origin, kind, name: None, result, id, why: None });
                    }
                    Err(why) => self.left(Stays { origin, kind: Some(ObjectType::PublicKey), why }),
                }
            }
            if let Some(target) = self.target.as_mut().filter(|_| group.fresh)
                && let Err(error) = link(target, &group)
            {
                let origin = group.private.or(group.public).unwrap_or_default();
                self.left(Stays { origin: format!("the links of {origin}"), kind: None, why: error.into() });
            }
        }
    }

    fn print(&self, style: Style) -> Result<(), Failure> {
        let count = |wanted: Outcome| self.rows.iter().filter(|row| row.result == wanted).count();
        let left = count(Outcome::Left);
        match style {
            Style::Json => print::json(&self.rows)?,
            Style::Text => {
                let rows: Vec<[String; 4]> = self.rows.iter().map(Row::cells).collect();
                print::table(["FROM", "TYPE", "NAME", "RESULT"], &rows)?;
                let (imported, there, would) = (count(Outcome::Imported), count(Outcome::There), count(Outcome::Would));
                let done = if self.dry { format!("{would} would be imported") } else { format!("{imported} imported") };
                print::line(&format!("{done}, {there} there already, {left} left"))?;
            }
        }
        if left == 0 { Ok(()) } else { Err(Error::Left(left).into()) }
    }
}

impl Row {
    fn cells(&self) -> [String; 4] {
        let id = || print::or_dash(self.id.as_ref());
        let result = match self.result {
            Outcome::Imported => format!("imported as {}", id()),
            Outcome::There => format!("there already as {}", id()),
            Outcome::Would => "would be imported".to_owned(),
            Outcome::Left => format!("left: {}", self.why.as_deref().unwrap_or_default()),
        };
        [self.origin.clone(), self.kind.clone(), print::or_dash(self.name.as_ref()), result]
    }
}

/// The mark that an object has from where it came, by which the next attempt knows it.
fn mark(parcel: &Parcel) -> Attribute {
    Attribute::ApplicationSpecificInformation(ApplicationSpecificInformation {
        application_namespace: NAMESPACE.to_owned(),
        application_data: Some(parcel.origin.clone()),
    })
}

/// The object that came from there before.
fn there(target: &mut Peer, parcel: &Parcel) -> Result<Option<String>, Left> {
    let wanted = [Attribute::ObjectType(parcel.object_type()), mark(parcel)];
    let request = LocateRequest {
        maximum_items: Some(1),
        offset_items: None,
        storage_status_mask: None,
        object_group_member: None,
        object_class_mask: None,
        attributes: Listed(wanted.into_iter().map(Into::into).collect()),
    };
    Ok(target.ask(request)?.unique_identifier.into_iter().next().map(|id| id.0))
}

/// The identifier, where an object has it.
fn known(target: &mut Peer, identifier: &str) -> Result<Option<String>, Left> {
    let request = GetAttributesRequest {
        unique_identifier: Some(identifier.into()),
        attribute_reference: References(vec![Standard::ObjectType.into()]),
    };
    match target.ask(request) {
        Ok(answer) => Ok(Some(answer.unique_identifier.0)),
        Err(client::Error::Refused { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Registers an object under a new identifier.
fn register(target: &mut Peer, mut parcel: Parcel) -> Result<String, Left> {
    parcel.attributes.push(mark(&parcel));
    if !target.is_kin() {
        parcel.attributes.retain(common);
    } else if !matches!(parcel.object_type(), ObjectType::OpaqueObject | ObjectType::Template) {
        parcel.attributes.push(Attribute::ActivationDate(DateTime(now())));
    }
    // A Name is one object's alone; who comes second has it where PKCS#11 looks for it.
    if let Some(name) = parcel.name().map(str::to_owned)
        && taken(target, &name)?
    {
        parcel.attributes.retain(|attribute| !matches!(attribute, Attribute::Name(_)));
        parcel.attributes.extend(target.is_kin().then(|| cryptoki("CKA_LABEL", Any::text(&name))));
    }
    let request = RegisterRequest {
        object_type: parcel.object_type(),
        attributes: Template { names: Vec::new(), attributes: parcel.attributes.into_iter().map(Into::into).collect() },
        object: parcel.object,
        protection_storage_masks: None,
    };
    Ok(target.ask(request)?.unique_identifier.0)
}

fn taken(target: &mut Peer, name: &str) -> Result<bool, Left> {
    let request = LocateRequest {
        maximum_items: Some(1),
        offset_items: None,
        storage_status_mask: None,
        object_group_member: None,
        object_class_mask: None,
        attributes: Listed(vec![super::plain::name(name).into()]),
    };
    Ok(!target.ask(request)?.unique_identifier.is_empty())
}

/// Installs an object under the identifier that it has.
fn install(target: &mut Peer, parcel: Parcel) -> Result<(Outcome, Option<String>), Left> {
    let identifier = parcel.identifier.unwrap_or_default();
    let request = ImportRequest {
        unique_identifier: identifier.as_str().into(),
        object_type: parcel.object.object_type(),
        replace_existing: Some(false),
        key_wrap_type: None,
        attributes: Listed(parcel.attributes.into_iter().map(Into::into).collect()),
        object: parcel.object,
    };
    match target.ask(request) {
        Ok(answer) => Ok((Outcome::Imported, Some(answer.unique_identifier.0))),
        Err(client::Error::Refused { reason: ResultReason::ObjectAlreadyExists, .. }) => {
            Ok((Outcome::There, Some(identifier)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether an attribute is said of an object that a foreign server takes under an identifier of its own: what every server
/// knows, since some refuse a whole request for one attribute that they do not.
fn common(attribute: &Attribute) -> bool {
    matches!(
        attribute,
        Attribute::CryptographicAlgorithm(_)
            | Attribute::CryptographicLength(_)
            | Attribute::CryptographicUsageMask(_)
            | Attribute::CryptographicDomainParameters(_)
            | Attribute::Name(_)
            | Attribute::ObjectGroup(_)
            | Attribute::ApplicationSpecificInformation(_)
            | Attribute::ContactInformation(_)
    )
}

fn link(target: &mut Peer, group: &Group) -> Result<(), client::Error> {
    let (private, public) = (group.private.as_deref(), group.public.as_deref());
    let mut links = Vec::new();
    if let (Some(private), Some(public)) = (private, public) {
        links.push((private, LinkType::PublicKeyLink, public));
        links.push((public, LinkType::PrivateKeyLink, private));
    }
    for certificate in &group.certificates {
        let halves = [(private, LinkType::PrivateKeyLink), (public, LinkType::PublicKeyLink)];
        for (half, kind) in halves {
            links.extend(half.map(|half| (certificate.as_str(), kind, half)));
            links.extend(half.map(|half| (half, LinkType::CertificateLink, certificate.as_str())));
        }
    }
    for (from, kind, to) in links {
        let request = AddAttributeRequest {
            unique_identifier: Some(from.into()),
            new_attribute: One(Attribute::Link(Link::to(kind, to)).into()),
        };
        target.ask(request)?;
    }
    Ok(())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}

/// How far it is, on a terminal.
struct Progress {
    whole: usize,
    done: usize,
    seen: bool,
}

impl Progress {
    fn new(whole: usize) -> Self {
        Self { whole, done: 0, seen: std::io::stderr().is_terminal() }
    }

    fn step(&mut self, what: &str) {
        self.done = self.done.saturating_add(1);
        if self.seen {
            let filled = self.done.saturating_mul(WIDTH).checked_div(self.whole.max(1)).unwrap_or(0).min(WIDTH);
            let bar: String = (0..WIDTH).map(|place| if place < filled { '#' } else { '.' }).collect();
            let what: String = what.chars().filter(|char| !char.is_control()).take(LONGEST).collect();
            // Nobody is told when nobody can be told.
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K[{bar}] {}/{} {what}", self.done, self.whole);
        }
    }

    fn end(&self) {
        if self.seen {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// Under which the origin of an imported object stands among its Application Specific Information.
const NAMESPACE: &str = "strongroom-import";
/// Of the bar, in characters.
const WIDTH: usize = 30;
/// Of what stands behind it.
const LONGEST: usize = 60;
