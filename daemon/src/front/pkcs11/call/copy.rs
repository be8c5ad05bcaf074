//! Copies of objects.

use strongroom_kmip::{attribute::Attribute as Kmip, code::Operation};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Rv,
    attribute::Value,
    call::{answer, request},
};

use super::{contract::Serve, create, object as single};
use crate::front::pkcs11::{
    attribute,
    desk::Desk,
    object::{self, View},
    refusal::About,
    session::Standing,
    template::Wishes,
};

impl Serve for request::CopyObject {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::CopyObject), Rv> {
        let (standing, id) = desk.object(self.session, self.object)?;
        let seen = desk.house.service.glance(desk.caller, &id);
        let original = seen.map_err(|refusal| desk.refuse(Operation::Get, &id, refusal, About::Object))?;
        let view = View::new(&original, &desk.house.service, desk.caller);
        let deny = |rv| desk.deny(Operation::Get, &id, rv);
        if matches!(object::kept(&original, AttributeType::COPYABLE), Some(Value::Bool(false))) {
            return Err(deny(Rv::ACTION_PROHIBITED));
        }
        let class = view.class().ok_or(Rv::OBJECT_HANDLE_INVALID)?;
        let mut template = self.template;
        let mut new = Vec::new();
        for given in &template {
            new.extend(changed(&view, given, standing).map_err(deny)?);
        }
        // What the template does not say is as it was.
        for (kind, was) in [
            (AttributeType::TOKEN, object::is_lasting(&original)),
            (AttributeType::PRIVATE, object::is_private(&original)),
        ] {
            if !template.iter().any(|given| given.kind == kind) {
                template.push(Attribute::new(kind, Value::Bool(was)));
            }
        }
        let wishes = Wishes::of(class, &template).map_err(deny)?;
        create::may_make(standing, &wishes).map_err(deny)?;
        if !template.iter().any(|given| given.kind == AttributeType::LABEL) {
            let label = Value::Bytes(object::label(&original).into());
            new.extend(object::keep(AttributeType::LABEL, &label));
        }
        let made = desk.recorded(desk.house.service.copy(desk.caller, &id, new));
        let made = made.map_err(|failure| match failure.rv(About::Object) {
            Rv::ATTRIBUTE_TYPE_INVALID | Rv::ATTRIBUTE_VALUE_INVALID => Rv::TEMPLATE_INCONSISTENT,
            Rv::OBJECT_HANDLE_INVALID => Rv::ACTION_PROHIBITED,
            rv => rv,
        })?;
        let copy = create::settle(desk, self.session, standing, &wishes, made.as_str())?;
        Ok((Rv::OK, answer::CopyObject { copy }))
    }
}

/// What an attribute in the template of a copy becomes: those that may be set later may be set here, and whether the copy
/// lasts and who sees it.
fn changed(view: &View<'_>, new: &Attribute, standing: Standing) -> Result<Option<Kmip>, Rv> {
    let class = view.class().ok_or(Rv::OBJECT_HANDLE_INVALID)?;
    attribute::row(class, new.kind).ok_or(Rv::ATTRIBUTE_TYPE_INVALID)?;
    match new.kind {
        AttributeType::TOKEN | AttributeType::PRIVATE => Ok(object::keep(new.kind, &new.value)),
        // A copy may be held faster than the original, and never looser.
        AttributeType::MODIFIABLE | AttributeType::DESTROYABLE | AttributeType::COPYABLE => match new.value {
            Value::Bool(false) => Ok(object::keep(new.kind, &new.value)),
            _ if attribute::fits(view, new.kind, &new.value) => Ok(None),
            _ => Err(Rv::TEMPLATE_INCONSISTENT),
        },
        _ => single::change(view, new, standing),
    }
}
