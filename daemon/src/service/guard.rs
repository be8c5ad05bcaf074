//! What binds KMIP of what PKCS#11 has said of a key: who may change it, and what a front that does not know its rules may
//! not do with the key.

use strongroom_kmip::{
    attribute::{Attribute, Kind, Set},
    code::ResultReason,
};

use super::{ask::Seen, refusal::Refusal};
use crate::vault::{Object, Purpose, guard};

/// What a client wants to do with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Give it a first, or a further, value.
    Add,
    /// Give it another value.
    Modify,
    /// Take a value away.
    Delete,
}

/// Whether a front that has seen to so many of PKCS#11's rules may use a key so. A key that wants the PIN before each use is
/// used where PINs are shown, and one with a template for what comes out of it where templates are filled in.
///
/// # Errors
/// [`Refusal`].
pub fn uses(seen: Seen, object: &Object, purpose: Purpose) -> Result<(), Refusal> {
    let set = &object.attributes;
    let private = matches!(purpose, Purpose::Sign | Purpose::Decrypt | Purpose::Unwrap | Purpose::Derive);
    let template = match purpose {
        Purpose::Wrap => Some(guard::WRAP_TEMPLATE),
        Purpose::Unwrap => Some(guard::UNWRAP_TEMPLATE),
        Purpose::Derive => Some(guard::DERIVE_TEMPLATE),
        _ => None,
    };
    let refuse = |message: &str| Err(Refusal::new(ResultReason::PermissionDenied, message));
    match seen {
        Seen::User | Seen::Officer => Ok(()),
        Seen::Nothing if private && guard::says(set, guard::ALWAYS_AUTHENTICATE) => {
            refuse("the key wants to see a PIN before each use, and PKCS#11 alone can show it one")
        }
        Seen::Nothing if template.is_some_and(|name| guard::has(set, name)) => {
            refuse("the key has a template for what it is used with, which PKCS#11 alone fills in")
        }
        // What the list names are mechanisms of PKCS#11; a derivation of KMIP's may be several.
        Seen::Nothing if purpose == Purpose::Derive && guard::has(set, guard::ALLOWED_MECHANISMS) => {
            refuse("the key has a list of mechanisms, which PKCS#11 alone derives by")
        }
        Seen::Nothing => Ok(()),
    }
}

/// Whether a key may be wrapped with this one (PKCS#11 3.2 §4.10 CKA_WRAP_WITH_TRUSTED).
///
/// # Errors
/// [`Refusal`].
pub fn wraps(object: &Object, wrapping: &Object) -> Result<(), Refusal> {
    if !guard::says(&object.attributes, guard::WRAP_WITH_TRUSTED) || guard::says(&wrapping.attributes, guard::TRUSTED) {
        return Ok(());
    }
    let message = "the object is wrapped with trusted keys alone, and this is none";
    Err(Refusal::new(ResultReason::KeyWrapTypeNotSupported, message))
}

/// Whether a new object may have this attribute: trust is the security officer's to give, and not at birth.
///
/// # Errors
/// [`Refusal`].
pub fn born(attribute: &Attribute) -> Result<(), Refusal> {
    if guard::name(attribute) == Some(guard::TRUSTED) { Err(officers()) } else { Ok(()) }
}

/// Whether an attribute may be changed so after its object's birth.
///
/// # Errors
/// [`Refusal`] for what is said once and for all, and for what the security officer alone says.
pub fn changes(seen: Seen, object: &Object, kind: &Kind, way: Way) -> Result<(), Refusal> {
    let Kind::Vendor { vendor, name } = kind else { return Ok(()) };
    if vendor != "PKCS11" {
        return Ok(());
    }
    if name == guard::TRUSTED && seen != Seen::Officer {
        return Err(officers());
    }
    let there = || object.attributes.all(kind).any(|(_, attribute)| binds(attribute));
    if BORN.contains(&name.as_str()) || (way != Way::Add && there()) {
        return Err(Refusal::new(ResultReason::AttributeReadOnly, format!("{kind} is said once and for all")));
    }
    Ok(())
}

/// Whether this value may take the place of the one that an object, or what it is copied from, has.
///
/// # Errors
/// [`Refusal`].
pub fn tightens(object: &Object, attribute: &Attribute) -> Result<(), Refusal> {
    let kind = attribute.kind();
    let loosens = object.attributes.all(&kind).any(|(_, own)| binds(own) && own != attribute);
    if loosens {
        return Err(Refusal::new(ResultReason::AttributeReadOnly, format!("{kind} is said once and for all")));
    }
    Ok(())
}

/// Whether an object may not be destroyed (PKCS#11 3.2 §4.4 CKA_DESTROYABLE).
pub fn lasts(object: &Object) -> bool {
    let no = |attribute: &Attribute| guard::name(attribute) == Some(DESTROYABLE) && binds(attribute);
    !object.is_destroyed() && object.attributes.iter().any(no)
}

/// Takes from what another object becomes what was said of that object alone.
pub fn forget(set: &mut Set) {
    let trust: Vec<Attribute> =
        set.iter().filter(|attribute| guard::name(attribute) == Some(guard::TRUSTED)).cloned().collect();
    for attribute in &trust {
        set.remove_value(attribute);
    }
}

/// Whether an attribute has a value that it never gives up again (PKCS#11 3.2 §4.8 to §4.10).
fn binds(attribute: &Attribute) -> bool {
    let (Some(name), Attribute::Vendor(own)) = (guard::name(attribute), attribute) else { return false };
    let is = |truth: bool| own.value.read_as() == Ok(truth);
    LASTING.contains(&name) || (TIGHT.contains(&name) && is(true)) || (LOOSE.contains(&name) && is(false))
}

fn officers() -> Refusal {
    Refusal::new(ResultReason::PermissionDenied, "only the security officer of a token says which keys are trusted")
}

/// What stays as it was said.
const LASTING: [&str; 6] = [
    guard::WRAP_TEMPLATE,
    guard::UNWRAP_TEMPLATE,
    guard::DERIVE_TEMPLATE,
    guard::ALLOWED_MECHANISMS,
    "CKA_ENCAPSULATE_TEMPLATE",
    "CKA_DECAPSULATE_TEMPLATE",
];
/// What stays once it is true.
const TIGHT: [&str; 2] = [guard::ALWAYS_AUTHENTICATE, guard::WRAP_WITH_TRUSTED];
/// What stays once it is false.
const LOOSE: [&str; 3] = ["CKA_COPYABLE", "CKA_MODIFIABLE", DESTROYABLE];
const DESTROYABLE: &str = "CKA_DESTROYABLE";
/// What an object is from its birth on, or is not.
const BORN: [&str; 3] = ["CKA_TOKEN", "CKA_PRIVATE", "CKA_KEY_TYPE"];
