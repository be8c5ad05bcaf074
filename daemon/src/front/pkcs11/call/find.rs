//! Searching for objects.

use std::collections::VecDeque;

use strongroom_kmip::{
    attribute::{Attribute as Kmip, Identifier, Link, Name},
    code::{CryptographicAlgorithm, LinkType, ObjectType},
};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Rv,
    attribute::Value,
    call::{Found, answer, request},
    number::{KeyType, ObjectClass},
};

use super::contract::Serve;
use crate::{
    front::pkcs11::{
        attribute::{self, Reading},
        desk::Desk,
        object::{self, View},
        profile::Profile,
        refusal::About,
        session::{Search, Standing},
    },
    service::Object,
};

impl Serve for request::FindObjectsInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::FindObjectsInit), Rv> {
        let standing = desk.application.standing(self.session)?;
        if desk.application.with(self.session, |session| session.search.is_some())? {
            return Err(Rv::OPERATION_ACTIVE);
        }
        if self.template.len() > MOST_ATTRIBUTES {
            return Err(Rv::ARGUMENTS_BAD);
        }
        let mut search = Search { template: self.template, found: VecDeque::new(), after: None, ended: false };
        search.found.extend(Profile::asked(&search.template).map(Profile::id));
        go_on(desk, standing, &mut search)?;
        desk.application.with(self.session, |session| session.search = Some(search))?;
        Ok((Rv::OK, answer::FindObjectsInit {}))
    }
}

impl Serve for request::FindObjects {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::FindObjects), Rv> {
        let standing = desk.application.standing(self.session)?;
        let most = usize::try_from(self.most).unwrap_or(usize::MAX).min(MOST);
        let search = desk.application.with(self.session, |session| session.search.take())?;
        let mut search = search.ok_or(Rv::OPERATION_NOT_INITIALIZED)?;
        let fetched = fetch(desk, standing, &mut search, most);
        desk.application.with(self.session, |session| session.search = Some(search))?;
        Ok((Rv::OK, answer::FindObjects { found: fetched? }))
    }
}

/// The next objects of a search, so many at most.
fn fetch(desk: &Desk<'_>, standing: Standing, search: &mut Search, most: usize) -> Result<Vec<Found>, Rv> {
    let mut fetched = Vec::new();
    while fetched.len() < most {
        match search.found.pop_front() {
            // Asked again: the object may have gone, or a logout come, between search and answer.
            Some(id) => {
                if let Some(profile) = Profile::of(&id) {
                    let object = desk.application.handle(standing.slot, &id, false);
                    fetched.push(Found { object, public: profile.attributes(), absent: Vec::new() });
                    continue;
                }
                let there = desk.house.service.glance(desk.caller, &id).ok();
                let here = there.filter(|object| !object.is_destroyed() && !object.is_archived());
                let seen = here.filter(|object| desk.sees(standing, object));
                fetched.extend(seen.map(|object| found(desk, standing, &object)));
            }
            None if search.ended => break,
            None => go_on(desk, standing, search)?,
        }
    }
    Ok(fetched)
}

/// Looks for as many further objects as there is room for.
fn go_on(desk: &Desk<'_>, standing: Standing, search: &mut Search) -> Result<(), Rv> {
    let room = desk.application.room_to_find();
    let searched = desk.house.service.search(desk.caller, alternatives(&search.template), search.after);
    let objects = desk.recorded(searched).map_err(|failure| failure.rv(About::Object))?;
    for object in objects {
        if search.found.len() >= room {
            return Ok(());
        }
        search.after = Some(object.born);
        if desk.sees(standing, &object) && matches(desk, &object, &search.template) {
            search.found.push_back(object.id.clone());
        }
    }
    search.ended = true;
    Ok(())
}

impl Serve for request::FindObjectsFinal {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::FindObjectsFinal), Rv> {
        let ended = desk.application.with(self.session, |session| session.search.take())?;
        ended.ok_or(Rv::OPERATION_NOT_INITIALIZED)?;
        Ok((Rv::OK, answer::FindObjectsFinal {}))
    }
}

/// An object with what the module may remember of it.
fn found(desk: &Desk<'_>, standing: Standing, object: &Object) -> Found {
    let view = View::new(object, &desk.house.service, desk.caller);
    let mut answer = Found { object: desk.handle(standing, object), public: Vec::new(), absent: Vec::new() };
    for kind in REMEMBERED {
        match attribute::read(&view, *kind) {
            Reading::Value(value) => answer.public.push(Attribute { kind: *kind, value }),
            Reading::Absent => answer.absent.push(*kind),
            Reading::Material => {}
        }
    }
    answer
}

/// Whether an object has everything that a template asks for.
fn matches(desk: &Desk<'_>, object: &Object, template: &[Attribute]) -> bool {
    let view = View::new(object, &desk.house.service, desk.caller);
    template.iter().all(|attribute| attribute::fits(&view, attribute.kind, &attribute.value))
}

/// What the index is asked for: the objects that a template may mean are among the answers. A label and an identifier may
/// stand in one of several attributes each.
fn alternatives(template: &[Attribute]) -> Vec<Vec<Kmip>> {
    let mut common: Vec<Kmip> = Vec::new();
    let mut ways: Vec<Vec<Kmip>> = Vec::new();
    for attribute in template {
        match (attribute.kind, &attribute.value) {
            (AttributeType::CLASS, Value::Ulong(class)) => {
                common.extend(object_type(ObjectClass(*class)).map(Kmip::ObjectType));
            }
            (AttributeType::KEY_TYPE, Value::Ulong(key)) if *key == KeyType::RSA.0 => {
                common.push(Kmip::CryptographicAlgorithm(CryptographicAlgorithm::RSA));
            }
            (AttributeType::LABEL, Value::Bytes(label)) if ways.is_empty() && !label.is_empty() => {
                ways.extend(object::keep(attribute.kind, &attribute.value).map(|kept| vec![kept]));
                let name = std::str::from_utf8(label.reveal()).map(|text| vec![Kmip::Name(Name::text(text))]);
                ways.extend(name);
            }
            (AttributeType::ID, Value::Bytes(id)) if ways.is_empty() && !id.is_empty() => {
                ways.extend(object::keep(attribute.kind, &attribute.value).map(|kept| vec![kept]));
                let packed = object::unpacked(id.reveal());
                let identifier = packed.or_else(|| std::str::from_utf8(id.reveal()).map(str::to_owned).ok());
                if let Some(identifier) = identifier {
                    ways.push(vec![Kmip::Link(Link::to(LinkType::PrivateKeyLink, &identifier))]);
                    ways.push(vec![Kmip::UniqueIdentifier(Identifier(identifier))]);
                }
            }
            _ => {}
        }
    }
    if ways.is_empty() {
        return vec![common];
    }
    ways.into_iter()
        .map(|mut way| {
            way.extend(common.iter().cloned());
            way
        })
        .collect()
}

fn object_type(class: ObjectClass) -> Option<ObjectType> {
    match class {
        ObjectClass::SECRET_KEY => Some(ObjectType::SymmetricKey),
        ObjectClass::PRIVATE_KEY => Some(ObjectType::PrivateKey),
        ObjectClass::PUBLIC_KEY => Some(ObjectType::PublicKey),
        ObjectClass::CERTIFICATE => Some(ObjectType::Certificate),
        ObjectClass::DATA | ObjectClass::DOMAIN_PARAMETERS => Some(ObjectType::OpaqueObject),
        // Nothing is of any other class; an Object Type that no object here has says so to the index.
        _ => Some(ObjectType::Template),
    }
}

/// What tools ask of every object they find, and what few calls change. Public numbers are not among them: to know them
/// takes opening a record.
const REMEMBERED: &[AttributeType] = &[
    AttributeType::CLASS,
    AttributeType::TOKEN,
    AttributeType::PRIVATE,
    AttributeType::LABEL,
    AttributeType::ID,
    AttributeType::KEY_TYPE,
    AttributeType::CERTIFICATE_TYPE,
    AttributeType::CERTIFICATE_CATEGORY,
    AttributeType::TRUSTED,
    AttributeType::UNIQUE_ID,
    AttributeType::ALWAYS_AUTHENTICATE,
    AttributeType::ENCRYPT,
    AttributeType::DECRYPT,
    AttributeType::SIGN,
    AttributeType::SIGN_RECOVER,
    AttributeType::VERIFY,
    AttributeType::VERIFY_RECOVER,
    AttributeType::WRAP,
    AttributeType::UNWRAP,
    AttributeType::DERIVE,
    AttributeType::LOCAL,
    AttributeType::VALUE_LEN,
];

/// So many objects fit into a frame with what is remembered of them.
const MOST: usize = 256;

/// Attributes of a template: more than there are kinds.
const MOST_ATTRIBUTES: usize = 256;
