//! Import: an object with all its attributes, as another server exported it.

use strongroom_kmip::{
    attribute::{Attribute, Instance, Kind, Listed, Multiplicity, Set, Standard},
    code::{KeyWrapType, ObjectType, ResultReason},
    object::{KeyValue, Object},
    payload::{ImportRequest, ImportResponse},
    version::EVERY,
};

use super::{
    alter, call::Call, contract::Perform, creation, refusal::Refusal, register, unbundle, wrapping, wrapping::Unwrapped,
};
use crate::vault::{New, ObjectId};

impl Perform for ImportRequest {
    fn perform(mut self, call: &mut Call<'_>) -> Result<ImportResponse, Refusal> {
        if self.object.object_type() != self.object_type {
            return Err(Refusal::invalid("the object is not of the Object Type that the request gives"));
        }
        let id = identifier(&self.unique_identifier.0)?;
        call.notes.object = Some(id.clone());
        let mut told = told(&self.attributes, &self)?;
        let mut came = Unwrapped::default();
        if self.key_wrap_type == Some(KeyWrapType::NotWrapped) {
            came = wrapping::unwrap(call, &mut self.object)?;
            enclosed(&mut self.object, &mut told)?;
        }
        if unbundle::is_bundle(&self.object) {
            // The key is kept by itself, and so are its certificates.
            unbundle::open(call, &mut self.object, &mut told)?;
            told.remove_all(&Kind::from(Standard::KeyFormatType));
        }
        for name in told.names() {
            creation::unique_name(call, name, Some(&id))?;
        }
        alter::dates_in_order(&told)?;
        let asked = |attribute: &&Attribute| attribute.standard().is_some_and(|standard| ASKED.contains(&standard));
        let mut set: Set = told.iter().filter(asked).cloned().collect();
        let content = register::content(call, &mut self.object, &mut set)?;
        overlay(&mut set, &told)?;
        // What stood in the open on its way here was once outside, whatever is said of it; and what the caller may have made
        // up itself only tightens.
        if !came.vouched && self.object_type != ObjectType::Template {
            set.put(Attribute::AlwaysSensitive(false));
            set.put(Attribute::NeverExtractable(false));
        }
        if let Some(usable) = came.under.filter(|_| set.sensitive() == Some(true)) {
            wrapping::keep_apart(call, &usable)?;
        }
        let slot = call.vault.slot(call.slot.as_deref())?.key().to_owned();
        let (vault, caller) = (call.vault, call.caller);
        (call.notes.after, call.notes.generation) = (set.state(), None);
        let new = New { slot, content, attributes: set };
        let taken = vault.install(call.change()?, caller, &id, new, self.replace_existing == Some(true))?;
        if !taken {
            return Err(Refusal::new(ResultReason::ObjectAlreadyExists, "there is an object of this identifier"));
        }
        call.placeholder = Some(id.clone());
        Ok(ImportResponse { unique_identifier: id.as_str().into() })
    }
}

/// An identifier that another server gave: a word of visible ASCII, since it goes into logs, links and other requests.
fn identifier(text: &str) -> Result<ObjectId, Refusal> {
    let sound = (1..=LONGEST_IDENTIFIER).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !sound {
        return Err(Refusal::invalid("a Unique Identifier is a word of up to 128 visible ASCII characters"));
    }
    Ok(ObjectId::from_text(text))
}

/// The attributes as they were exported. Who may set what is not asked (KMIP 2.1 §6.1.25); what they say of themselves
/// must fit the object.
fn told(listed: &Listed, request: &ImportRequest) -> Result<Set, Refusal> {
    let mut set = Set::new();
    for instance in &listed.0 {
        match &instance.attribute {
            Attribute::UniqueIdentifier(own) if own.0 != request.unique_identifier.0 => {
                return Err(wrong("the Unique Identifier among the attributes is another"));
            }
            Attribute::ObjectType(own) if *own != request.object_type => {
                return Err(wrong("the Object Type among the attributes is another"));
            }
            Attribute::KeyFormatType(own)
                if !unbundle::is_bundle(&request.object)
                    && request.object.key_block().is_some_and(|block| block.key_format_type != *own) =>
            {
                return Err(wrong("the Key Format Type among the attributes is another"));
            }
            _ => {}
        }
        set.add(instance.attribute.clone())?;
    }
    Ok(set)
}

/// Takes the attributes that were wrapped with the key. Nobody could change those on the way, so what is told outside may
/// add to them and not contradict them.
fn enclosed(object: &mut Object, told: &mut Set) -> Result<(), Refusal> {
    let value = object.key_block_mut().and_then(|block| block.key_value.as_mut());
    let Some(KeyValue::Plain { attributes, .. }) = value else { return Ok(()) };
    for Instance { attribute, .. } in attributes.take().map(|listed| listed.0).unwrap_or_default() {
        let kind = attribute.kind();
        let single = kind.multiplicity() == Multiplicity::One;
        match told.get(&kind) {
            Some(outside) if single && *outside != attribute => {
                return Err(wrong("an attribute that was wrapped with the key is another than the one outside"));
            }
            _ => told.put(attribute),
        }
    }
    Ok(())
}

/// Puts what was told over what the server would have set. What the server knows better stays, and a digest of the very
/// bytes must be theirs.
fn overlay(set: &mut Set, told: &Set) -> Result<(), Refusal> {
    for kind in told.kinds(EVERY) {
        if kind.standard().is_some_and(|standard| OURS.contains(&standard)) {
            continue;
        }
        let given: Vec<Attribute> = told.all(&kind).map(|(_, attribute)| attribute.clone()).collect();
        let made = set.remove_all(&kind);
        if kind == Kind::from(Standard::Digest) && contradict(&made, &given) {
            return Err(wrong("the Digest among the attributes is not the object's"));
        }
        for attribute in given {
            set.add(attribute)?;
        }
    }
    Ok(())
}

/// Whether digests of one function and one format differ.
fn contradict(made: &[Attribute], given: &[Attribute]) -> bool {
    made.iter().any(|made| {
        let Attribute::Digest(made) = made else { return false };
        given.iter().any(|given| match given {
            Attribute::Digest(given) => {
                given.hashing_algorithm == made.hashing_algorithm
                    && given.key_format_type == made.key_format_type
                    && given.digest_value.is_some()
                    && given.digest_value != made.digest_value
            }
            _ => false,
        })
    })
}

fn wrong(message: &str) -> Refusal {
    Refusal::new(ResultReason::InvalidAttributeValue, message)
}

/// What the object must be known by to be read, and what is asked of it first.
const ASKED: &[Standard] = &[
    Standard::CryptographicAlgorithm,
    Standard::CryptographicLength,
    Standard::CryptographicDomainParameters,
    Standard::CryptographicUsageMask,
    Standard::ActivationDate,
    Standard::Sensitive,
    Standard::Extractable,
];

/// What is true of the object here, whatever was true of it elsewhere.
const OURS: &[Standard] = &[
    Standard::UniqueIdentifier,
    Standard::ObjectType,
    Standard::KeyValuePresent,
    Standard::ProtectionStorageMask,
    Standard::CryptographicAlgorithm,
    Standard::CryptographicLength,
];

/// Far more than any server's identifiers have.
const LONGEST_IDENTIFIER: usize = 128;
