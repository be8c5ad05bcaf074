//! Objects one by one: what they say, what may be set, their end. How they are made stands elsewhere.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute as Kmip, One},
    code::Operation,
    payload::SetAttributeRequest,
};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Rv,
    attribute::{Reveal, Value, Wanted},
    call::{UNAVAILABLE, answer, request},
    value::{Room, Wiped},
};

use super::{
    contract::Serve,
    release::{self, Withheld},
};
use crate::{
    front::pkcs11::{
        attribute::{self, Change, Make, Reading},
        desk::Desk,
        object::{self, View},
        profile::Profile,
        refusal::About,
        session::Standing,
    },
    service::{Object, ObjectId},
};

impl Serve for request::GetAttributeValue {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetAttributeValue), Rv> {
        let (_, id) = desk.object(self.session, self.object)?;
        if let Some(profile) = Profile::of(&id) {
            return Ok((Rv::OK, answer::GetAttributeValue { revealed: profile.reveal(&self.wanted) }));
        }
        let seen = desk.recorded(desk.house.service.look(desk.caller, &id));
        let object = seen.map_err(|failure| failure.rv(About::Object))?;
        let view = View::new(&object, &desk.house.service, desk.caller);
        let revealed = reveal(desk, &view, &self.wanted)?;
        Ok((Rv::OK, answer::GetAttributeValue { revealed }))
    }
}

/// One answer for each question. The material of the object is released at most once.
fn reveal(desk: &Desk<'_>, view: &View<'_>, wanted: &[Wanted]) -> Result<Vec<Reveal>, Rv> {
    let readings: Vec<Reading> = wanted.iter().map(|wanted| attribute::read(view, wanted.kind)).collect();
    let material = match readings.iter().any(|reading| matches!(reading, Reading::Material)) {
        true => match release::release(desk, view) {
            Ok(material) => Some(material),
            Err(Withheld::Sensitive) => None,
            Err(Withheld::Failure(failure)) => match failure.rv(About::Object) {
                // Who may use an object and not read it is told what an object that never leaves would say.
                Rv::ATTRIBUTE_SENSITIVE | Rv::OBJECT_HANDLE_INVALID => None,
                rv => return Err(rv),
            },
        },
        false => None,
    };
    let answers = readings.into_iter().zip(wanted).map(|(reading, wanted)| match reading {
        Reading::Value(value) => Reveal::Value(Attribute { kind: wanted.kind, value }),
        Reading::Absent => Reveal::Invalid,
        Reading::Material => match material.as_ref().map(|material| material.attribute(wanted.kind)) {
            None => Reveal::Sensitive,
            Some(None) => Reveal::Invalid,
            Some(Some(secret)) if wanted.room == Room::Query => {
                Reveal::Length(u32::try_from(secret.len()).unwrap_or(u32::MAX))
            }
            Some(Some(secret)) => {
                let value = Value::Bytes(Wiped::from(secret.reveal()));
                Reveal::Value(Attribute { kind: wanted.kind, value })
            }
        },
    });
    Ok(answers.collect())
}

impl Serve for request::GetObjectSize {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetObjectSize), Rv> {
        desk.object(self.session, self.object)?;
        Ok((Rv::OK, answer::GetObjectSize { size: UNAVAILABLE }))
    }
}

impl Serve for request::DestroyObject {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DestroyObject), Rv> {
        let (standing, id) = desk.object(self.session, self.object)?;
        let object = changeable(desk, standing, &id, Operation::Destroy, AttributeType::DESTROYABLE)?;
        desk.destroy(&object).map_err(|failure| failure.rv(About::Object))?;
        desk.application.forget(&id);
        Ok((Rv::OK, answer::DestroyObject {}))
    }
}

impl Serve for request::SetAttributeValue {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SetAttributeValue), Rv> {
        let (standing, id) = desk.object(self.session, self.object)?;
        let object = changeable(desk, standing, &id, Operation::SetAttribute, AttributeType::MODIFIABLE)?;
        let view = View::new(&object, &desk.house.service, desk.caller);
        // All are checked before the first is set.
        let new: Vec<Kmip> = self
            .template
            .iter()
            .map(|attribute| change(&view, attribute, standing))
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()
            .map_err(|rv| desk.deny(Operation::SetAttribute, &id, rv))?;
        for attribute in new {
            let request = SetAttributeRequest {
                unique_identifier: Some(id.as_str().into()),
                new_attribute: One(attribute.into()),
            };
            let set = if standing.is_officer() { desk.ask_as_officer(request) } else { desk.ask(request) };
            set.map_err(|failure| failure.rv(About::Template))?;
        }
        Ok((Rv::OK, answer::SetAttributeValue {}))
    }
}

/// What setting an attribute means in KMIP's words; nothing when the object says so already.
///
/// # Errors
/// What is against it.
pub fn change(view: &View<'_>, new: &Attribute, standing: Standing) -> Result<Option<Kmip>, Rv> {
    let class = view.class().ok_or(Rv::OBJECT_HANDLE_INVALID)?;
    let row = attribute::row(class, new.kind).ok_or(Rv::ATTRIBUTE_TYPE_INVALID)?;
    if attribute::fits(view, new.kind, &new.value) {
        return Ok(None);
    }
    match (row.change, &new.value) {
        (Change::Free, _) => {}
        (Change::Officer, _) if standing.is_officer() => {}
        (Change::Once(to), Value::Bool(wanted)) if *wanted == to => {}
        (Change::Once(_) | Change::Officer | Change::Never, _) => return Err(Rv::ATTRIBUTE_READ_ONLY),
    }
    let translated = match (row.make, new.kind, &new.value) {
        (Make::Kept, ..) | (_, AttributeType::TRUSTED, _) => object::keep(new.kind, &new.value),
        (_, AttributeType::SENSITIVE, Value::Bool(sensitive)) => Some(Kmip::Sensitive(*sensitive)),
        (_, AttributeType::EXTRACTABLE, Value::Bool(extractable)) => Some(Kmip::Extractable(*extractable)),
        _ => None,
    };
    translated.map(Some).ok_or(Rv::ATTRIBUTE_READ_ONLY)
}

/// The object, if it can be seen, the session may change it and it says of itself, by this attribute, that it may be
/// changed so. A refusal is recorded.
fn changeable(
    desk: &Desk<'_>,
    standing: Standing,
    id: &ObjectId,
    operation: Operation,
    says: AttributeType,
) -> Result<Arc<Object>, Rv> {
    if Profile::of(id).is_some() {
        return Err(Rv::ACTION_PROHIBITED);
    }
    let seen = desk.house.service.glance(desk.caller, id);
    let object = seen.map_err(|refusal| desk.refuse(operation, id, refusal, About::Object))?;
    // A session that only reads changes nothing that outlives it.
    if object::is_lasting(&object) && !standing.is_writable() {
        return Err(desk.deny(operation, id, Rv::SESSION_READ_ONLY));
    }
    if matches!(object::kept(&object, says), Some(Value::Bool(false))) {
        return Err(desk.deny(operation, id, Rv::ACTION_PROHIBITED));
    }
    Ok(object)
}
