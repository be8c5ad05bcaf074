//! Keys that are made out of keys.

use std::{iter, sync::Arc};

use strongroom_kmip::{
    attribute::Attribute as Kmip,
    code::{self, CryptographicUsageMask, DerivationMethod, ObjectType, ResultReason},
    identifier::UniqueIdentifier,
    payload::{DerivationParameters, DeriveKeyRequest},
};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Template, Value},
    call::{answer, request as ask},
    mechanism::Parameter,
    number::{KeyType, MechanismFlags, ObjectClass},
    value::Bytes,
};

use super::{contract::Serve, create, slot};
use crate::{
    front::pkcs11::{
        attribute,
        derivation::{self, Asked, Cut, Protection},
        desk::Desk,
        mechanism, object,
        refusal::{About, Failure},
        session::Standing,
        template::{self, Wishes},
    },
    service::{Derivation, MOST_KEYS, Object, ObjectId, Shape, Share},
};

impl Serve for ask::DeriveKey {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DeriveKey), Rv> {
        let source = Source::of(desk, self.session, &self.mechanism, self.base)?;
        if source.asked.cut != Cut::One {
            return Err(desk.deny(DERIVE, &source.id, Rv::MECHANISM_PARAM_INVALID));
        }
        if self.mechanism.kind == MechanismType::HKDF_DATA {
            return Ok((Rv::OK, answer::DeriveKey { key: source.make_data(desk, self.session, self.template)? }));
        }
        match source.make(desk, self.session, vec![self.template])?.0[..] {
            [key] => Ok((Rv::OK, answer::DeriveKey { key })),
            _ => Err(Rv::GENERAL_ERROR),
        }
    }
}

impl Serve for ask::DeriveKeys {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DeriveKeys), Rv> {
        let source = Source::of(desk, self.session, &self.mechanism, self.base)?;
        if self.mechanism.kind == MechanismType::HKDF_DATA {
            return Err(desk.deny(DERIVE, &source.id, Rv::MECHANISM_PARAM_INVALID));
        }
        let mut templates = vec![self.template];
        if let Parameter::Chain(chain) = self.mechanism.parameter {
            templates.extend(chain.others);
        }
        let (keys, beside) = source.make(desk, self.session, templates)?;
        Ok((Rv::OK, answer::DeriveKeys { keys, beside: Bytes(beside) }))
    }
}

/// A key that others are made out of, and how.
struct Source {
    standing: Standing,
    id: ObjectId,
    own: Arc<Object>,
    shape: Shape,
    asked: Asked,
}

impl Source {
    /// The base key, if the mechanism is served and the key may be used with it.
    fn of(desk: &Desk<'_>, session: u64, asked: &Mechanism, base: u64) -> Result<Self, Rv> {
        let (standing, id) = desk.application.object(session, base, Rv::KEY_HANDLE_INVALID)?;
        let here = desk.house.slot(standing.slot).and_then(|view| slot::info(&view, asked.kind));
        here.filter(|info| info.flags.has(MechanismFlags::DERIVE)).ok_or(Rv::MECHANISM_INVALID)?;
        let named = mechanism::named(asked.kind).ok_or(Rv::MECHANISM_INVALID)?;
        let shape = desk.house.service.derivable(desk.caller, &id);
        let shape = shape.map_err(|refusal| desk.refuse(DERIVE, &id, refusal, About::Key))?;
        if !mechanism::suits(named.offered, shape) {
            return Err(desk.deny(DERIVE, &id, Rv::KEY_TYPE_INCONSISTENT));
        }
        let own = desk.house.service.glance(desk.caller, &id);
        let own = own.map_err(|refusal| desk.refuse(DERIVE, &id, refusal, About::Key))?;
        let kind = asked.kind;
        let asked = derivation::asked(asked, shape).map_err(|rv| desk.deny(DERIVE, &id, rv))?;
        if !object::allows(&own, kind) {
            return Err(desk.deny(DERIVE, &id, Rv::MECHANISM_INVALID));
        }
        if object::asks_each_time(&own) {
            return Err(desk.deny(DERIVE, &id, Rv::USER_NOT_LOGGED_IN));
        }
        Ok(Self { standing, id, own, shape, asked })
    }

    /// The handle of a data object that holds what is derived. Its length is said as that of a key would be.
    fn make_data(self, desk: &Desk<'_>, session: u64, mut template: Template) -> Result<u64, Rv> {
        let place = template.iter().position(|attribute| attribute.kind == AttributeType::VALUE_LEN);
        let length = match place.map(|place| template.remove(place).value) {
            Some(Value::Ulong(said)) => usize::try_from(said).map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID)?,
            Some(_) => return Err(Rv::ATTRIBUTE_VALUE_INVALID),
            None => derivation::natural(&self.asked.derivation, self.shape, [0, 0]).ok_or(Rv::TEMPLATE_INCOMPLETE)?,
        };
        let template = template::joined(template, object::template(&self.own, AttributeType::DERIVE_TEMPLATE))?;
        let wishes = wished(&template, ObjectClass::DATA, self.standing)?;
        let bases = self.bases(desk, session)?.iter().map(|id| id.as_str().into()).collect();
        let attributes = wishes.attributes(None, desk.house.service.now())?;
        let request = request_of(bases, attributes, method(&self.asked.derivation));
        let request = DeriveKeyRequest { object_type: ObjectType::OpaqueObject, ..request };
        let share = Share { data: Some((length, create::OPAQUE)), ..Share::default() };
        let made = desk.ask_shared(self.standing.slot, request, self.asked.derivation, share);
        let made = made.map_err(refused)?.0.unique_identifier;
        create::settle(desk, session, self.standing, &wishes, &made.0)
    }

    /// What is derived from: the key, and the second one.
    fn bases(&self, desk: &Desk<'_>, session: u64) -> Result<Vec<ObjectId>, Rv> {
        let second = self.asked.second.map(|second| desk.application.object(session, second, Rv::KEY_HANDLE_INVALID));
        let second = second.transpose()?.map(|(_, id)| id);
        Ok(iter::once(self.id.clone()).chain(second).collect())
    }

    /// The handles of the new keys, and what is derived beside them.
    fn make(mut self, desk: &Desk<'_>, session: u64, templates: Vec<Template>) -> Result<(Vec<u64>, Vec<u8>), Rv> {
        // Before each is copied what the base says of all of them.
        if templates.len() > MOST_KEYS {
            return Err(Rv::MECHANISM_PARAM_INVALID);
        }
        let fixed = |said| template::joined(said, object::template(&self.own, AttributeType::DERIVE_TEMPLATE));
        let templates = templates.into_iter().map(fixed).collect::<Result<Vec<Template>, Rv>>()?;
        let wished = templates.iter().map(|template| wished(template, ObjectClass::SECRET_KEY, self.standing));
        let wished = wished.collect::<Result<Vec<Wishes<'_>>, Rv>>()?;
        let bases = self.bases(desk, session)?;
        let pieces = match (self.asked.cut, &wished[..]) {
            (Cut::Protection(parts), [wishes]) => {
                allow_macs(&object::template(&self.own, AttributeType::DERIVE_TEMPLATE), parts.mac)?;
                protecting(*wishes, parts)?
            }
            (Cut::Protection(_), _) => return Err(Rv::MECHANISM_PARAM_INVALID),
            (Cut::One | Cut::Several(_), all) => self.pieces(desk, &bases, all)?,
        };
        let mut share = Share::default();
        match self.asked.cut {
            Cut::One => {}
            Cut::Several(segment) => {
                let lengths: Vec<usize> = pieces.iter().map(|piece| piece.length).collect();
                derivation::totalled(&mut self.asked.derivation, &lengths, segment);
                share.grain = segment;
            }
            Cut::Protection(parts) => share.beside = parts.iv.saturating_mul(2),
        }
        let (first, others) = pieces.split_first().ok_or(Rv::MECHANISM_PARAM_INVALID)?;
        let others = others.iter().map(|piece| piece.attributes(desk).map(create::template));
        share.others = others.collect::<Result<_, Rv>>()?;
        let bases = bases.iter().map(|id| id.as_str().into()).collect();
        let attributes = first.attributes(desk)?;
        let request = request_of(bases, attributes, method(&self.asked.derivation));
        let made = desk.ask_shared(self.standing.slot, request, self.asked.derivation, share);
        let (made, others, beside) = made.map_err(refused)?;
        let ids = iter::once(made.unique_identifier.0.as_str()).chain(others.iter().map(ObjectId::as_str));
        let made: Vec<(&Wishes<'_>, &str)> = pieces.iter().map(|piece| &piece.wishes).zip(ids).collect();
        let keys = create::settle_all(desk, session, self.standing, &made)?;
        match self.asked.cut {
            Cut::Protection(parts) => Ok((parts.placed(&keys), beside)),
            Cut::One | Cut::Several(_) => Ok((keys, beside)),
        }
    }

    /// A key for each template.
    fn pieces<'t>(&self, desk: &Desk<'_>, bases: &[ObjectId], wished: &[Wishes<'t>]) -> Result<Vec<Piece<'t>>, Rv> {
        let glance = |id| desk.house.service.glance(desk.caller, id).map_err(|_| Rv::KEY_HANDLE_INVALID);
        let objects = bases.iter().map(glance).collect::<Result<Vec<_>, Rv>>()?;
        let lengths = [objects.first(), objects.get(1)].map(|object| object.map_or(0, |object| bytes(object)));
        let derivation = &self.asked.derivation;
        let piece = |wishes: &Wishes<'t>| {
            let key = wishes.number(AttributeType::KEY_TYPE).map_or(KeyType::GENERIC_SECRET, KeyType);
            let length = length(wishes, key, derivation, self.shape, lengths)?;
            // PKCS#11 3.2 §6.17: what is encrypted must be as long as the key that it becomes.
            if matches!(derivation, Derivation::Encrypt { data, .. } if data.len() < length) {
                return Err(desk.deny(DERIVE, &self.id, Rv::MECHANISM_PARAM_INVALID));
            }
            Ok(Piece { wishes: *wishes, key, length, uses: None })
        };
        wished.iter().map(piece).collect()
    }
}

/// A key that a derivation gives.
struct Piece<'t> {
    wishes: Wishes<'t>,
    key: KeyType,
    /// In bytes.
    length: usize,
    /// What it is for, where that is not the template's to say.
    uses: Option<CryptographicUsageMask>,
}

impl Piece<'_> {
    fn attributes(&self, desk: &Desk<'_>) -> Result<Vec<Kmip>, Rv> {
        let mut attributes = attributes(desk, &self.wishes, (self.key, self.length))?;
        if let Some(uses) = self.uses {
            attributes.retain(|attribute| !matches!(attribute, Kmip::CryptographicUsageMask(_)));
            attributes.push(Kmip::CryptographicUsageMask(uses));
        }
        Ok(attributes)
    }
}

/// The keys of a connection of TLS, in the order of RFC 5246 §6.3. The template speaks of those of the cipher; those of MACs
/// are secrets of no particular kind (PKCS#11 3.2 §6.40.6).
fn protecting(wishes: Wishes<'_>, parts: Protection) -> Result<Vec<Piece<'_>>, Rv> {
    let said = wishes.number(AttributeType::VALUE_LEN);
    if said.is_some_and(|said| usize::try_from(said) != Ok(parts.key)) {
        return Err(Rv::TEMPLATE_INCONSISTENT);
    }
    let key = wishes.number(AttributeType::KEY_TYPE).map_or(KeyType::GENERIC_SECRET, KeyType);
    let mut pieces = Vec::new();
    for (length, key, uses) in [(parts.mac, KeyType::GENERIC_SECRET, Some(MACS)), (parts.key, key, None)] {
        let both = if length > 0 { 2 } else { 0 };
        pieces.extend((0..both).map(|_| Piece { wishes, key, length, uses }));
    }
    Ok(pieces)
}

/// Whether what the base says of all that come out of it leaves room for keys of MACs of so many bytes, of which the template
/// says nothing.
///
/// # Errors
/// [`Rv::TEMPLATE_INCONSISTENT`] where it does not.
fn allow_macs(fixed: &[Attribute], length: usize) -> Result<(), Rv> {
    let suits = |attribute: &Attribute| match (attribute.kind, &attribute.value) {
        (AttributeType::KEY_TYPE, Value::Ulong(said)) => KeyType(*said) == KeyType::GENERIC_SECRET,
        (AttributeType::VALUE_LEN, Value::Ulong(said)) => usize::try_from(*said) == Ok(length),
        (kind, Value::Bool(said)) => match attribute::uses(ObjectClass::SECRET_KEY, kind).0 {
            0 => true,
            uses => *said == (MACS.0 & uses == uses),
        },
        _ => true,
    };
    if length == 0 || fixed.iter().all(suits) { Ok(()) } else { Err(Rv::TEMPLATE_INCONSISTENT) }
}

/// What a template asks for, if the session may make it.
fn wished(template: &Template, class: ObjectClass, standing: Standing) -> Result<Wishes<'_>, Rv> {
    let wishes = Wishes::of(class, template)?;
    wishes.without(&[AttributeType::VALUE])?;
    create::may_make(standing, &wishes)?;
    Ok(wishes)
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
    Ok(request_of(bases, attributes(desk, wishes, (key, length))?, method))
}

fn request_of(bases: Vec<UniqueIdentifier>, attributes: Vec<Kmip>, method: DerivationMethod) -> DeriveKeyRequest {
    DeriveKeyRequest {
        object_type: ObjectType::SymmetricKey,
        unique_identifier: bases,
        derivation_method: method,
        derivation_parameters: nothing(),
        attributes: Some(create::template(attributes)),
    }
}

fn attributes(desk: &Desk<'_>, wishes: &Wishes<'_>, (key, length): (KeyType, usize)) -> Result<Vec<Kmip>, Rv> {
    let mut attributes = create::described(create::algorithm(key)?, create::bits(length)?);
    attributes.extend(create::said_type(key));
    attributes.extend(wishes.attributes(Some(key), desk.house.service.now())?);
    Ok(attributes)
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

/// What keys of MACs are for.
const MACS: CryptographicUsageMask =
    CryptographicUsageMask(CryptographicUsageMask::MACGenerate.0 | CryptographicUsageMask::MACVerify.0);
const DERIVE: code::Operation = code::Operation::DeriveKey;
