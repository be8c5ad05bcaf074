//! What every new object has in common, however it came to be: the attributes it was asked to have, checked against
//! the table, and those that the server sets.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use strongroom_kmip::{
    attribute::{Attribute, Digest, Name, Set, Template},
    code::{
        CryptographicUsageMask, HashingAlgorithm, KeyFormatType, ObjectClass, ObjectType, ProtectionStorageMask,
        ResultReason, State, StorageStatusMask,
    },
    object::Object as Managed,
    payload::ProtectionStorageMasks,
    ttlv::{Bytes, DateTime, Interval},
    version::{V2_0, Version},
};

use super::{alter, call::Call, lease, material, refusal::Refusal, rules, usage};
use crate::vault::{self, Action, Family, Form, Kept, Material, ObjectId, Pair, Query, Released, Shape, SlotError};

/// The attributes that a request asks for, Templates followed.
///
/// # Errors
/// [`Refusal`] for an attribute that only the server sets, that objects of this type do not have, or that stands twice.
pub fn gather(call: &mut Call<'_>, object: ObjectType, templates: &[Option<&Template>]) -> Result<Set, Refusal> {
    let mut set = Set::new();
    for template in templates.iter().flatten() {
        for name in &template.names {
            let handed_on = of_template(call, name)?;
            handed_on.into_iter().for_each(|attribute| set.put(attribute));
        }
        for instance in &template.attributes {
            alter::born(&instance.attribute, object, call.version)?;
            set.add(instance.attribute.clone())?;
        }
    }
    rules::fill(call, object, &mut set)?;
    if let Some(limits) = set.usage_limits() {
        let limits = usage::fresh(limits)?;
        set.put(Attribute::UsageLimits(limits));
    }
    for name in set.names() {
        unique_name(call, name, None)?;
    }
    Ok(set)
}

/// The attributes that a Template of KMIP 1.x hands on.
fn of_template(call: &Call<'_>, name: &Name) -> Result<Vec<Attribute>, Refusal> {
    let filters = vec![Attribute::ObjectType(ObjectType::Template), Attribute::Name(name.clone())];
    let found = call.view()?.find(call.caller, &Query { filters, ..Query::default() });
    let template = found.objects.first().ok_or_else(|| {
        Refusal::new(ResultReason::ItemNotFound, "there is no Template of the name that the request gives")
    })?;
    let (template, permit) = call.view()?.see(call.caller, &template.id, Action::Read)?;
    match call.view()?.release(&template, &permit, Form::Raw)? {
        Released::Blob(bytes) => match material::thaw(&bytes)? {
            Managed::Template(template) => {
                let handed_on = template.attributes.0.into_iter().map(|instance| instance.attribute);
                Ok(handed_on.filter(|attribute| !matches!(attribute, Attribute::Name(_))).collect())
            }
            _ => Ok(Vec::new()),
        },
        Released::Key(_) => Ok(Vec::new()),
    }
}

/// Refuses a Name that another living object of the caller has (KMIP 2.1 §4.35 Name).
///
/// # Errors
/// [`Refusal`].
pub fn unique_name(call: &Call<'_>, name: &Name, own: Option<&ObjectId>) -> Result<(), Refusal> {
    // What is archived keeps its Name, with which it will be recovered.
    let storage = Some(StorageStatusMask::OnLineStorage | StorageStatusMask::ArchivalStorage);
    let query = Query { filters: vec![Attribute::Name(name.clone())], storage, ..Query::default() };
    let found = call.view()?.find(call.caller, &query);
    let taken = found.objects.iter().any(|object| object.owner == call.caller.principal && Some(&object.id) != own);
    if taken {
        return Err(Refusal::new(ResultReason::NonUniqueNameAttribute, "another object has this Name"));
    }
    Ok(())
}

/// Sends a new key to a slot that protects it as the request wants: by the first of the masks that some slot fits (KMIP 2.0
/// §6.1.8). Without masks, or where a front named the slot and it fits, it goes where it would go anyway.
///
/// # Errors
/// [`Refusal`] when no slot fits any of them.
pub fn place(call: &mut Call<'_>, masks: Option<&ProtectionStorageMasks>) -> Result<(), Refusal> {
    if let Some(slot) = protecting(call.vault, call.slot.as_deref(), call.slot.is_none(), masks)? {
        call.slot = Some(slot.as_str().into());
    }
    Ok(())
}

/// The slot that a replacement goes to: where what it replaces is, unless the request wants it protected otherwise.
///
/// # Errors
/// [`Refusal`] when no slot fits any of the masks.
pub fn place_anew(call: &Call<'_>, own: &str, masks: Option<&ProtectionStorageMasks>) -> Result<String, Refusal> {
    Ok(protecting(call.vault, Some(own), true, masks)?.unwrap_or_else(|| own.to_owned()))
}

/// The slot that fits the first of the masks that any fits: the usual one, or another where it may be another. Nothing
/// without masks.
fn protecting(
    vault: &vault::Vault,
    usual: Option<&str>,
    another: bool,
    masks: Option<&ProtectionStorageMasks>,
) -> Result<Option<String>, Refusal> {
    let Some(masks) = masks.filter(|masks| !masks.protection_storage_mask.is_empty()) else { return Ok(None) };
    let fits = |fitted: &Arc<vault::Fitted>, mask: ProtectionStorageMask| fitted.protection().contains(mask);
    let slots = vault.slots();
    let fitting = masks.protection_storage_mask.iter().find_map(|mask| {
        let usual = vault.slot(usual).ok().filter(|fitted| fits(fitted, *mask));
        usual.or_else(|| slots.iter().find(|fitted| another && fits(fitted, *mask)).cloned())
    });
    let unavailable = || {
        let message = "no slot protects keys as one of the masks wants";
        Refusal::new(ResultReason::ProtectionStorageUnavailable, message)
    };
    fitting.map(|fitted| Some(fitted.key().to_owned())).ok_or_else(unavailable)
}

/// What a new key looks like in a form; nothing where its slot holds it and does not give it out.
///
/// # Errors
/// [`Refusal`], as the slot says.
pub fn shown(call: &Call<'_>, slot: Option<&str>, kept: &Kept, form: Form) -> Result<Option<Material>, Refusal> {
    match call.vault.give(slot, kept, form) {
        Err(vault::Error::Slot(SlotError::Held)) => Ok(None),
        given => Ok(Some(given?)),
    }
}

/// Sets what the server sets: type, state, dates, sensitivity, digest.
pub fn complete(call: &Call<'_>, set: &mut Set, object: ObjectType, content: &[u8], format: Option<KeyFormatType>) {
    complete_held(call, set, object, Some(content), format);
}

/// The same for a key of which there may be no content to be seen: its slot holds it, nobody has a digest of it, and it never
/// leaves.
pub fn complete_held(
    call: &Call<'_>,
    set: &mut Set,
    object: ObjectType,
    content: Option<&[u8]>,
    format: Option<KeyFormatType>,
) {
    let now = DateTime(call.vault.now().seconds());
    set.put(Attribute::ObjectType(object));
    set.put(Attribute::ObjectClass(ObjectClass::User));
    if !matches!(object, ObjectType::OpaqueObject | ObjectType::Template) {
        let active = set.activation_date().is_some_and(|date| date <= now.0);
        set.put(Attribute::State(if active { State::Active } else { State::PreActive }));
        default(set, Attribute::Fresh(true));
    }
    if object != ObjectType::Template {
        if let Some(content) = content {
            set.put(Attribute::Digest(digest_of(content, format)));
        }
        let held = content.is_none();
        let sensitive = set.sensitive().unwrap_or(false) || held;
        let extractable = set.extractable().unwrap_or(true) && !held;
        set.put(Attribute::Sensitive(sensitive));
        set.put(Attribute::AlwaysSensitive(sensitive));
        set.put(Attribute::Extractable(extractable));
        set.put(Attribute::NeverExtractable(!extractable));
    }
    if let Some(format) = format {
        default(set, Attribute::KeyFormatType(format));
    }
    set.put(Attribute::ProtectionStorageMask(match content {
        Some(_) => ProtectionStorageMask::Software,
        None => ProtectionStorageMask::Hardware,
    }));
    set.put(Attribute::LeaseTime(Interval(lease::LEASE)));
    set.put(Attribute::InitialDate(now));
    set.put(Attribute::LastChangeDate(now));
}

/// The digest of an object's bytes in a format.
pub fn digest_of(content: &[u8], format: Option<KeyFormatType>) -> Digest {
    Digest {
        hashing_algorithm: HashingAlgorithm::SHA_256,
        digest_value: Some(Bytes(digest(&SHA256, content).as_ref().to_vec())),
        key_format_type: format,
    }
}

/// Sets algorithm, length and curve as the key really has them.
pub fn describe(set: &mut Set, shape: Shape) {
    let (bits, pair) = match shape {
        Shape::Symmetric { bits, .. } => (Some(bits), None),
        Shape::Private(pair) | Shape::Public(pair) => (None, Some(pair)),
    };
    let bits = bits.or(match pair {
        Some(Pair::Rsa { bits } | Pair::Group { bits } | Pair::Dsa { bits }) => Some(bits),
        Some(Pair::Elliptic(curve)) => {
            if let Some(recommended_curve) = material::curve_code(curve) {
                let mut parameters = set.domain_parameters().cloned().unwrap_or_default();
                parameters.recommended_curve = Some(recommended_curve);
                set.put(Attribute::CryptographicDomainParameters(parameters));
            }
            Some(curve.bits())
        }
        Some(Pair::Quantum(set)) => Some(set.bits()),
        None => None,
    });
    if let Some(bits) = bits.and_then(|bits| i32::try_from(bits).ok()) {
        set.put(Attribute::CryptographicLength(bits));
    }
}

/// What a key may be used for, where the client does not say: since KMIP 2.0 that is the server's to decide (KMIP 2.0 §4.17), and
/// it decides for what most clients want; before, the client must say it.
///
/// # Errors
/// [`Refusal`] to a client of KMIP 1.x that says nothing.
pub fn masked(version: Version, set: &mut Set, shape: Shape) -> Result<(), Refusal> {
    if set.usage_mask().is_none() && version < V2_0 {
        return Err(Refusal::missing("Cryptographic Usage Mask"));
    }
    let mask = match shape {
        Shape::Symmetric { family: Family::Hmac, .. } => {
            CryptographicUsageMask::MACGenerate | CryptographicUsageMask::MACVerify
        }
        Shape::Symmetric { .. } => CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt,
        Shape::Private(Pair::Group { .. }) | Shape::Public(Pair::Group { .. }) => CryptographicUsageMask::KeyAgreement,
        Shape::Private(_) => CryptographicUsageMask::Sign,
        Shape::Public(_) => CryptographicUsageMask::Verify,
    };
    default(set, Attribute::CryptographicUsageMask(mask));
    Ok(())
}

/// Sets an attribute that the request did not.
pub fn default(set: &mut Set, attribute: Attribute) {
    if set.get(&attribute.kind()).is_none() {
        set.put(attribute);
    }
}
