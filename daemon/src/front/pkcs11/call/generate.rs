//! Keys that a slot makes.

use strongroom_kmip::{
    attribute::Attribute as Kmip,
    code::{CryptographicAlgorithm, ObjectType},
    payload::{CreateKeyPairRequest, CreateRequest},
};
use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, Rv,
    attribute::Value,
    call::{answer, request},
    number::{KeyType, MechanismFlags, ObjectClass},
    value::Wiped,
};

use super::{contract::Serve, create, slot};
use crate::{
    front::pkcs11::{
        derivation, desk::Desk, mechanism, object, refusal::About, session::Standing, template::Wishes, translate,
    },
    service::Offered,
};

impl Serve for request::GenerateKey {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GenerateKey), Rv> {
        let standing = desk.application.standing(self.session)?;
        let offered = making(desk, standing, &self.mechanism, MechanismFlags::GENERATE)?;
        let wishes = Wishes::of(ObjectClass::SECRET_KEY, &self.template)?;
        let (key, password) = match offered {
            Offered::Pbkdf2 => (create::key_type(&wishes)?, Some(derivation::password(&self.mechanism.parameter)?)),
            offered => (agreed(&wishes, offered)?, translate::nothing(&self.mechanism.parameter, None)?),
        };
        wishes.without(&[AttributeType::VALUE])?;
        create::may_make(standing, &wishes)?;
        let mut attributes = create::secret_attributes(key, secret_bits(&wishes, key)?)?;
        attributes.extend(wishes.attributes(Some(key), desk.house.service.now())?);
        let request = CreateRequest {
            object_type: ObjectType::SymmetricKey,
            attributes: create::template(attributes),
            protection_storage_masks: None,
        };
        let made = match password {
            Some((password, derivation)) => desk.ask_spoken(standing.slot, request, password, derivation),
            None => desk.ask_in(standing.slot, request),
        };
        let made = made.map_err(|failure| failure.rv(About::Template))?;
        let key = create::settle(desk, self.session, standing, &wishes, &made.unique_identifier.0)?;
        Ok((Rv::OK, answer::GenerateKey { key }))
    }
}

impl Serve for request::GenerateKeyPair {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GenerateKeyPair), Rv> {
        let standing = desk.application.standing(self.session)?;
        let offered = making(desk, standing, &self.mechanism, MechanismFlags::GENERATE_KEY_PAIR)?;
        translate::nothing(&self.mechanism.parameter, ())?;
        let public = Wishes::of(ObjectClass::PUBLIC_KEY, &self.public)?;
        let private = Wishes::of(ObjectClass::PRIVATE_KEY, &self.private)?;
        let key = agreed(&public, offered)?;
        agreed(&private, offered)?;
        private.without(&[AttributeType::SEED, AttributeType::VALUE, AttributeType::PRIVATE_EXPONENT])?;
        public.without(&[AttributeType::MODULUS, AttributeType::EC_POINT, AttributeType::VALUE])?;
        create::may_make(standing, &public)?;
        create::may_make(standing, &private)?;
        let now = desk.house.service.now();
        let half = |wishes: &Wishes<'_>| wishes.attributes(Some(key), now).map(create::template);
        let request = CreateKeyPairRequest {
            common_attributes: Some(create::template(pair_attributes(&public, key)?)),
            private_key_attributes: Some(half(&private)?),
            public_key_attributes: Some(half(&public)?),
            common_protection_storage_masks: None,
            private_protection_storage_masks: None,
            public_protection_storage_masks: None,
        };
        let made = desk.ask_in(standing.slot, request).map_err(|failure| failure.rv(About::Template))?;
        let (first, second) = (&made.public_key_unique_identifier.0, &made.private_key_unique_identifier.0);
        let halves = [(&public, first.as_str()), (&private, second.as_str())];
        match create::settle_all(desk, self.session, standing, &halves)?[..] {
            [public, private] => Ok((Rv::OK, answer::GenerateKeyPair { public, private })),
            _ => Err(Rv::GENERAL_ERROR),
        }
    }
}

/// What the mechanism makes, if the slot does.
fn making(desk: &Desk<'_>, standing: Standing, asked: &Mechanism, flag: MechanismFlags) -> Result<Offered, Rv> {
    let here = desk.house.slot(standing.slot).and_then(|view| slot::info(&view, asked.kind));
    here.filter(|info| info.flags.has(flag)).ok_or(Rv::MECHANISM_INVALID)?;
    mechanism::named(asked.kind).map(|named| named.offered).ok_or(Rv::MECHANISM_INVALID)
}

/// The key type, which the template may say once more.
fn agreed(wishes: &Wishes<'_>, offered: Offered) -> Result<KeyType, Rv> {
    let key = mechanism::key_type(offered).ok_or(Rv::MECHANISM_INVALID)?;
    let said = wishes.number(AttributeType::KEY_TYPE).map(KeyType);
    if said.is_some_and(|said| said != key) { Err(Rv::TEMPLATE_INCONSISTENT) } else { Ok(key) }
}

fn secret_bits(wishes: &Wishes<'_>, key: KeyType) -> Result<i32, Rv> {
    match key {
        KeyType::DES2 => Ok(112),
        KeyType::DES3 => Ok(168),
        KeyType::CHACHA20 => Ok(256),
        _ => {
            let length = wishes.number(AttributeType::VALUE_LEN).ok_or(Rv::TEMPLATE_INCOMPLETE)?;
            create::bits(usize::try_from(length).map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID)?)
        }
    }
}

fn pair_attributes(public: &Wishes<'_>, key: KeyType) -> Result<Vec<Kmip>, Rv> {
    if matches!(key, KeyType::ML_KEM | KeyType::ML_DSA | KeyType::SLH_DSA) {
        return Ok(create::set_attributes(create::set(public, key)?));
    }
    if key == KeyType::DH {
        let (prime, base) = (public.needed(AttributeType::PRIME)?, public.needed(AttributeType::BASE)?);
        let mut attributes = create::described(CryptographicAlgorithm::DH, create::magnitude_bits(prime)?);
        for (kind, number) in [(AttributeType::PRIME, prime), (AttributeType::BASE, base)] {
            attributes.extend(object::keep(kind, &Value::Bytes(Wiped::from(number))));
        }
        return Ok(attributes);
    }
    if key != KeyType::RSA {
        return create::curve_attributes(create::curve(public, key)?);
    }
    let exponent = public.bytes(AttributeType::PUBLIC_EXPONENT).map(super::super::der::magnitude);
    // An application that asks for another exponent must not believe that it got one.
    if exponent.is_some_and(|exponent| exponent != EXPONENT) {
        return Err(Rv::ATTRIBUTE_VALUE_INVALID);
    }
    let bits = public.number(AttributeType::MODULUS_BITS).ok_or(Rv::TEMPLATE_INCOMPLETE)?;
    let bits = i32::try_from(bits).map_err(|_| Rv::KEY_SIZE_RANGE)?;
    Ok(create::described(CryptographicAlgorithm::RSA, bits))
}

/// 65537, which all slots take.
const EXPONENT: [u8; 3] = [1, 0, 1];
