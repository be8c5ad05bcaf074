//! Keys that are made out of keys.

use strongroom_kmip::{
    code::{self, DerivationMethod, ObjectType, ResultReason},
    identifier::UniqueIdentifier,
    payload::{DerivationParameters, DeriveKeyRequest},
};
use strongroom_pkcs11_wire::{
    AttributeType, Rv,
    call::{answer, request as ask},
    number::{KeyType, MechanismFlags, ObjectClass},
};

use super::{contract::Serve, create, slot};
use crate::{
    front::pkcs11::{
        derivation,
        desk::Desk,
        mechanism, object,
        refusal::{About, Failure},
        template::{self, Wishes},
    },
    service::{Derivation, Object, Shape},
};

impl Serve for ask::DeriveKey {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DeriveKey), Rv> {
        let (standing, base) = desk.application.object(self.session, self.base, Rv::KEY_HANDLE_INVALID)?;
        let here = desk.house.slot(standing.slot).and_then(|view| slot::info(&view, self.mechanism.kind));
        here.filter(|info| info.flags.has(MechanismFlags::DERIVE)).ok_or(Rv::MECHANISM_INVALID)?;
        let named = mechanism::named(self.mechanism.kind).ok_or(Rv::MECHANISM_INVALID)?;
        let shape = desk.house.service.derivable(desk.caller, &base);
        let shape = shape.map_err(|refusal| desk.refuse(DERIVE, &base, refusal, About::Key))?;
        if !mechanism::suits(named.offered, shape) {
            return Err(desk.deny(DERIVE, &base, Rv::KEY_TYPE_INCONSISTENT));
        }
        let asked = derivation::asked(&self.mechanism, shape).map_err(|rv| desk.deny(DERIVE, &base, rv))?;
        let own = desk.house.service.glance(desk.caller, &base);
        let own = own.map_err(|refusal| desk.refuse(DERIVE, &base, refusal, About::Key))?;
        if !object::allows(&own, self.mechanism.kind) {
            return Err(desk.deny(DERIVE, &base, Rv::MECHANISM_INVALID));
        }
        if object::asks_each_time(&own) {
            return Err(desk.deny(DERIVE, &base, Rv::USER_NOT_LOGGED_IN));
        }
        let template = template::joined(self.template, object::template(&own, AttributeType::DERIVE_TEMPLATE))?;
        let wishes = Wishes::of(ObjectClass::SECRET_KEY, &template)?;
        wishes.without(&[AttributeType::VALUE])?;
        create::may_make(standing, &wishes)?;
        let mut bases = vec![base.clone()];
        if let Some(second) = asked.second {
            bases.push(desk.application.object(self.session, second, Rv::KEY_HANDLE_INVALID)?.1);
        }
        let glance = |id| desk.house.service.glance(desk.caller, id).map_err(|_| Rv::KEY_HANDLE_INVALID);
        let objects = bases.iter().map(glance).collect::<Result<Vec<_>, Rv>>()?;
        let lengths = [objects.first(), objects.get(1)].map(|object| object.map_or(0, |object| bytes(object)));
        let key = wishes.number(AttributeType::KEY_TYPE).map_or(KeyType::GENERIC_SECRET, KeyType);
        let length = length(&wishes, key, &asked.derivation, shape, lengths)?;
        // PKCS#11 3.2 §6.17: what is encrypted must be as long as the key that it becomes.
        if matches!(&asked.derivation, Derivation::Encrypt { data, .. } if data.len() < length) {
            return Err(desk.deny(DERIVE, &base, Rv::MECHANISM_PARAM_INVALID));
        }
        let bases = bases.iter().map(|id| id.as_str().into()).collect();
        let request = request(desk, &wishes, bases, (key, length), method(&asked.derivation))?;
        let made = desk.ask_derived(standing.slot, request, asked.derivation).map_err(refused)?;
        let key = create::settle(desk, self.session, standing, &wishes, &made.unique_identifier.0)?;
        Ok((Rv::OK, answer::DeriveKey { key }))
    }
}

/// The request for a key that is made out of others.
///
/// # Errors
/// [`Rv::ATTRIBUTE_VALUE_INVALID`] for what no key is.
pub fn request(
    desk: &Desk<'_>,
    wishes: &Wishes<'_>,
    bases: Vec<UniqueIdentifier>,
    (key, length): (KeyType, usize),
    method: DerivationMethod,
) -> Result<DeriveKeyRequest, Rv> {
    let mut attributes = create::described(create::algorithm(key)?, create::bits(length)?);
    attributes.extend(create::said_type(key));
    attributes.extend(wishes.attributes(Some(key), desk.house.service.now())?);
    Ok(DeriveKeyRequest {
        object_type: ObjectType::SymmetricKey,
        unique_identifier: bases,
        derivation_method: method,
        derivation_parameters: nothing(),
        attributes: Some(create::template(attributes)),
    })
}

/// What a refusal of it is called.
pub fn refused(failure: Failure) -> Rv {
    match &failure {
        Failure::Refused(refusal) => match refusal.reason {
            // Above all a public key that is none.
            ResultReason::BadCryptographicParameters => Rv::MECHANISM_PARAM_INVALID,
            ResultReason::InvalidAttributeValue => Rv::TEMPLATE_INCONSISTENT,
            ResultReason::IncompatibleCryptographicUsageMask => Rv::KEY_FUNCTION_NOT_PERMITTED,
            ResultReason::UnsupportedCryptographicParameters => Rv::KEY_TYPE_INCONSISTENT,
            ResultReason::InvalidField => Rv::KEY_SIZE_RANGE,
            _ => failure.rv(About::Template),
        },
        Failure::Unrecorded(_) => failure.rv(About::Template),
    }
}

/// How long the new key is: as its type has it, as the template says, or as the derivation gives it.
///
/// # Errors
/// [`Rv::TEMPLATE_INCONSISTENT`], [`Rv::TEMPLATE_INCOMPLETE`].
pub fn length(
    wishes: &Wishes<'_>,
    key: KeyType,
    derivation: &Derivation,
    base: Shape,
    lengths: [usize; 2],
) -> Result<usize, Rv> {
    let said = wishes.number(AttributeType::VALUE_LEN);
    let said = said.map(|said| usize::try_from(said).map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID)).transpose()?;
    let fixed = match key {
        KeyType::DES2 => Some(16),
        KeyType::DES3 => Some(24),
        KeyType::CHACHA20 => Some(32),
        _ => None,
    };
    match (fixed, said) {
        (Some(fixed), Some(said)) if fixed != said => Err(Rv::TEMPLATE_INCONSISTENT),
        (Some(length), _) | (None, Some(length)) => Ok(length),
        (None, None) => derivation::natural(derivation, base, lengths).ok_or(Rv::TEMPLATE_INCOMPLETE),
    }
}

/// Bytes of a secret key.
fn bytes(object: &Object) -> usize {
    object.attributes.length().and_then(|bits| usize::try_from(bits).ok()).map_or(0, |bits| bits.div_ceil(8))
}

/// The nearest that KMIP has; the derivation itself goes along.
fn method(derivation: &Derivation) -> DerivationMethod {
    match derivation {
        Derivation::Agreement { .. } => DerivationMethod::AsymmetricKey,
        Derivation::Hkdf { .. } => DerivationMethod::HKDF,
        Derivation::Encrypt { .. } => DerivationMethod::ENCRYPT,
        Derivation::Digest(_) | Derivation::Shake(_) => DerivationMethod::HASH,
        _ => DerivationMethod::HMAC,
    }
}

/// The parameters of KMIP's, which say less than the derivation that goes along.
fn nothing() -> DerivationParameters {
    DerivationParameters {
        cryptographic_parameters: None,
        initialization_vector: None,
        derivation_data: Vec::new(),
        salt: None,
        iteration_count: None,
    }
}

const DERIVE: code::Operation = code::Operation::DeriveKey;
