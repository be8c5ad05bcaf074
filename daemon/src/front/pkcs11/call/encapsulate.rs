//! Keys that a ciphertext brings to whoever has a private key.

use strongroom_kmip::code::{self, DerivationMethod};
use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, Rv,
    attribute::Template,
    call::{answer, request},
    number::{KeyType, MechanismFlags, ObjectClass},
    value::{Output, Wiped},
};

use super::{contract::Serve, create, derive, slot};
use crate::{
    front::pkcs11::{
        derivation,
        desk::Desk,
        mechanism, object,
        refusal::About,
        session::Standing,
        template::{self, Wishes},
    },
    service::{Derivation, ObjectId, Shape},
};

impl Serve for request::EncapsulateKey {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::EncapsulateKey), Rv> {
        let (standing, public) = desk.application.object(self.session, self.public, Rv::KEY_HANDLE_INVALID)?;
        let shape = ready(desk, standing, &self.mechanism, MechanismFlags::ENCAPSULATE, &public)?;
        if !matches!(shape, Shape::Public(_)) {
            return Err(desk.deny(DERIVE, &public, Rv::KEY_TYPE_INCONSISTENT));
        }
        let brought = derivation::brought(&self.mechanism, shape);
        let (finish, length) = brought.map_err(|rv| desk.deny(DERIVE, &public, rv))?;
        // A question for the length makes no key.
        if let Err((rv, output)) = self.room.check(length) {
            return Ok((rv, answer::EncapsulateKey { output, key: 0 }));
        }
        let derivation = Derivation::Encapsulation(finish);
        let template = fixed(desk, &public, self.template, AttributeType::ENCAPSULATE_TEMPLATE)?;
        let (wishes, made) = wished(&template, standing, &derivation, shape)?;
        let bases = vec![public.as_str().into()];
        let request = derive::request(desk, &wishes, bases, made, DerivationMethod::AsymmetricKey)?;
        let made = desk.ask_beside(standing.slot, request, derivation);
        let (made, ciphertext) = made.map_err(derive::refused)?;
        let key = create::settle(desk, self.session, standing, &wishes, &made.unique_identifier.0)?;
        Ok((Rv::OK, answer::EncapsulateKey { output: Output::Bytes(Wiped::new(ciphertext)), key }))
    }
}

impl Serve for request::DecapsulateKey {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DecapsulateKey), Rv> {
        let (standing, private) = desk.application.object(self.session, self.private, Rv::KEY_HANDLE_INVALID)?;
        let shape = ready(desk, standing, &self.mechanism, MechanismFlags::DECAPSULATE, &private)?;
        if !matches!(shape, Shape::Private(_)) {
            return Err(desk.deny(DERIVE, &private, Rv::KEY_TYPE_INCONSISTENT));
        }
        let brought = derivation::brought(&self.mechanism, shape);
        let (finish, length) = brought.map_err(|rv| desk.deny(DERIVE, &private, rv))?;
        if self.ciphertext.len() != length {
            return Err(desk.deny(DERIVE, &private, Rv::WRAPPED_KEY_LEN_RANGE));
        }
        let derivation = derivation::bringing(shape, finish, self.ciphertext.to_vec());
        let template = fixed(desk, &private, self.template, AttributeType::DECAPSULATE_TEMPLATE)?;
        let (wishes, made) = wished(&template, standing, &derivation, shape)?;
        let bases = vec![private.as_str().into()];
        let request = derive::request(desk, &wishes, bases, made, DerivationMethod::AsymmetricKey)?;
        let made = desk.ask_derived(standing.slot, request, derivation).map_err(derive::refused)?;
        let key = create::settle(desk, self.session, standing, &wishes, &made.unique_identifier.0)?;
        Ok((Rv::OK, answer::DecapsulateKey { key }))
    }
}

/// What kind of key it is, if the mechanism is served and the key may be used with it.
fn ready(
    desk: &Desk<'_>,
    standing: Standing,
    asked: &Mechanism,
    flag: MechanismFlags,
    key: &ObjectId,
) -> Result<Shape, Rv> {
    let here = desk.house.slot(standing.slot).and_then(|view| slot::info(&view, asked.kind));
    here.filter(|info| info.flags.has(flag)).ok_or(Rv::MECHANISM_INVALID)?;
    let named = mechanism::named(asked.kind).ok_or(Rv::MECHANISM_INVALID)?;
    let shape = desk.house.service.derivable(desk.caller, key);
    let shape = shape.map_err(|refusal| desk.refuse(DERIVE, key, refusal, About::Key))?;
    if !mechanism::suits(named.offered, shape) {
        return Err(desk.deny(DERIVE, key, Rv::KEY_TYPE_INCONSISTENT));
    }
    let own = desk.house.service.glance(desk.caller, key);
    let own = own.map_err(|refusal| desk.refuse(DERIVE, key, refusal, About::Key))?;
    if !object::allows(&own, asked.kind) {
        return Err(desk.deny(DERIVE, key, Rv::MECHANISM_INVALID));
    }
    if object::asks_each_time(&own) {
        return Err(desk.deny(DERIVE, key, Rv::USER_NOT_LOGGED_IN));
    }
    Ok(shape)
}

/// The template of the new key, under what the key that brings it says of such keys.
fn fixed(desk: &Desk<'_>, key: &ObjectId, said: Template, kind: AttributeType) -> Result<Template, Rv> {
    let own = desk.house.service.glance(desk.caller, key);
    let own = own.map_err(|refusal| desk.refuse(DERIVE, key, refusal, About::Key))?;
    template::joined(said, object::template(&own, kind)).map_err(|rv| desk.deny(DERIVE, key, rv))
}

/// What the template asks for, and the type and length of the new key.
fn wished<'t>(
    template: &'t [strongroom_pkcs11_wire::Attribute],
    standing: Standing,
    derivation: &Derivation,
    shape: Shape,
) -> Result<(Wishes<'t>, (KeyType, usize)), Rv> {
    let wishes = Wishes::of(ObjectClass::SECRET_KEY, template)?;
    wishes.without(&[AttributeType::VALUE])?;
    create::may_make(standing, &wishes)?;
    let key = wishes.number(AttributeType::KEY_TYPE).map_or(KeyType::GENERIC_SECRET, KeyType);
    let length = derive::length(&wishes, key, derivation, shape, [0, 0])?;
    Ok((wishes, (key, length)))
}

const DERIVE: code::Operation = code::Operation::DeriveKey;
