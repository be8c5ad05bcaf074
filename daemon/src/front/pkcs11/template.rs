//! The template of a new object: what it asks for, checked against the table, and what that is in KMIP's words.

use strongroom_kmip::{attribute::Attribute as Kmip, code::CryptographicUsageMask, ttlv::DateTime};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Rv,
    attribute::Value,
    number::{KeyType, ObjectClass},
};
use time::{Date, Month, Time, UtcOffset};

use super::{
    attribute::{self, Make},
    object,
};
use crate::clock::Time as Now;

/// What a template asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wishes<'t> {
    /// What is to be made.
    pub class: ObjectClass,
    template: &'t [Attribute],
}

impl<'t> Wishes<'t> {
    /// Reads the template of a new object of this class.
    ///
    /// # Errors
    /// [`Rv::TEMPLATE_INCONSISTENT`] when it names an attribute twice, another class, or one that such objects lack;
    /// [`Rv::ATTRIBUTE_TYPE_INVALID`] for one that nothing has here, [`Rv::ATTRIBUTE_READ_ONLY`] for one that only the
    /// token sets, [`Rv::ATTRIBUTE_VALUE_INVALID`] for a value that is not served.
    pub fn of(class: ObjectClass, template: &'t [Attribute]) -> Result<Self, Rv> {
        for (place, attribute) in template.iter().enumerate() {
            if template.iter().take(place).any(|earlier| earlier.kind == attribute.kind) {
                return Err(Rv::TEMPLATE_INCONSISTENT);
            }
            check(class, attribute)?;
        }
        Ok(Self { class, template })
    }

    /// The class that a template names.
    ///
    /// # Errors
    /// [`Rv::TEMPLATE_INCOMPLETE`] when it names none.
    pub fn class_of(template: &[Attribute]) -> Result<ObjectClass, Rv> {
        let named = template.iter().find(|attribute| attribute.kind == AttributeType::CLASS);
        match named.map(|attribute| &attribute.value) {
            Some(Value::Ulong(class)) => Ok(ObjectClass(*class)),
            _ => Err(Rv::TEMPLATE_INCOMPLETE),
        }
    }

    /// A truth that it asks for.
    pub fn truth(&self, kind: AttributeType) -> Option<bool> {
        match self.value(kind)? {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// A number that it gives.
    pub fn number(&self, kind: AttributeType) -> Option<u64> {
        match self.value(kind)? {
            Value::Ulong(number) => Some(*number),
            _ => None,
        }
    }

    /// Bytes that it gives.
    pub fn bytes(&self, kind: AttributeType) -> Option<&'t [u8]> {
        match self.value(kind)? {
            Value::Bytes(bytes) => Some(bytes.reveal()),
            _ => None,
        }
    }

    /// Bytes that it must give.
    ///
    /// # Errors
    /// [`Rv::TEMPLATE_INCOMPLETE`].
    pub fn needed(&self, kind: AttributeType) -> Result<&'t [u8], Rv> {
        self.bytes(kind).ok_or(Rv::TEMPLATE_INCOMPLETE)
    }

    /// Whether the object is seen only by those who have logged in.
    pub fn is_private(&self) -> bool {
        self.truth(AttributeType::PRIVATE).unwrap_or(object::private_by_nature(self.class))
    }

    /// Whether the object outlives its session.
    pub fn is_lasting(&self) -> bool {
        self.truth(AttributeType::TOKEN).unwrap_or(false)
    }

    /// Refuses what says nothing about the object that is to be made.
    ///
    /// # Errors
    /// [`Rv::TEMPLATE_INCONSISTENT`] when it gives one of these.
    pub fn without(&self, kinds: &[AttributeType]) -> Result<(), Rv> {
        let said = kinds.iter().any(|kind| self.value(*kind).is_some());
        if said { Err(Rv::TEMPLATE_INCONSISTENT) } else { Ok(()) }
    }

    /// What the object is to have in KMIP's words, besides what it is made of. Keys are Active at once.
    ///
    /// # Errors
    /// [`Rv::ATTRIBUTE_VALUE_INVALID`] for a date that is none.
    pub fn attributes(&self, key: Option<KeyType>, now: Now) -> Result<Vec<Kmip>, Rv> {
        let mut attributes = Vec::new();
        for attribute in self.template {
            let made = attribute::row(self.class, attribute.kind).map(|row| row.make);
            if made == Some(Make::Kept) && !self.goes_without_saying(attribute) {
                attributes.extend(object::keep(attribute.kind, &attribute.value));
            }
        }
        if !self.is_lasting() {
            attributes.extend(object::keep(AttributeType::TOKEN, &Value::Bool(false)));
        }
        let Some(key) = key else { return Ok(attributes) };
        let start = self.day(AttributeType::START_DATE)?.map(|day| seconds(day, Time::MIDNIGHT));
        attributes.push(Kmip::ActivationDate(DateTime(start.unwrap_or(now.seconds()))));
        if let Some(day) = self.day(AttributeType::END_DATE)? {
            attributes.push(Kmip::DeactivationDate(DateTime(seconds(day, LAST_SECOND))));
        }
        attributes.push(Kmip::CryptographicUsageMask(self.usage(key)));
        if matches!(self.class, ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY) {
            // What nobody asked to leave does not leave.
            attributes.push(Kmip::Sensitive(self.truth(AttributeType::SENSITIVE).unwrap_or(true)));
            attributes.push(Kmip::Extractable(self.truth(AttributeType::EXTRACTABLE).unwrap_or(false)));
        }
        Ok(attributes)
    }

    /// Whether the object would say so anyway.
    fn goes_without_saying(&self, attribute: &Attribute) -> bool {
        match (attribute.kind, &attribute.value) {
            // Said below, for the templates that say nothing.
            (AttributeType::TOKEN, _) => true,
            (AttributeType::PRIVATE, Value::Bool(said)) => *said == object::private_by_nature(self.class),
            (AttributeType::WRAP_WITH_TRUSTED | AttributeType::ALWAYS_AUTHENTICATE, Value::Bool(said)) => !said,
            (_, Value::Bool(said)) => *said,
            (AttributeType::CERTIFICATE_CATEGORY, Value::Ulong(said)) => *said == 0,
            // Who gives no identifier gets one; who gives an empty one meant it.
            (AttributeType::ID, _) => false,
            (_, Value::Bytes(bytes)) => bytes.is_empty(),
            _ => false,
        }
    }

    /// What the key may be used for: what the template asks for and such a key can do or, where that is nothing, what
    /// such keys are for, without what it forbids.
    fn usage(&self, key: KeyType) -> CryptographicUsageMask {
        let said = |wanted: bool| {
            let kinds =
                self.template.iter().filter(|given| matches!(given.value, Value::Bool(truth) if truth == wanted));
            kinds.fold(0, |mask, attribute| mask | attribute::uses(self.class, attribute.kind).0)
        };
        // Tools ask for encryption with secrets of no particular kind, and then make MACs with them.
        let asked = said(true) & !beyond(self.class, key).0;
        if asked != 0 {
            return CryptographicUsageMask(asked);
        }
        CryptographicUsageMask(nature(self.class, key).0 & !said(false))
    }

    fn day(&self, kind: AttributeType) -> Result<Option<Date>, Rv> {
        match self.value(kind) {
            Some(Value::Date(Some(digits))) => parse(digits).map(Some).ok_or(Rv::ATTRIBUTE_VALUE_INVALID),
            _ => Ok(None),
        }
    }

    fn value(&self, kind: AttributeType) -> Option<&'t Value> {
        self.template.iter().find(|attribute| attribute.kind == kind).map(|attribute| &attribute.value)
    }
}

fn check(class: ObjectClass, attribute: &Attribute) -> Result<(), Rv> {
    if attribute.kind == AttributeType::CLASS {
        let same = matches!(attribute.value, Value::Ulong(said) if said == class.0);
        return if same { Ok(()) } else { Err(Rv::TEMPLATE_INCONSISTENT) };
    }
    let Some(row) = attribute::row(class, attribute.kind) else {
        // A use that such a key cannot have is refused only to those who want it.
        let unwanted = matches!(attribute.value, Value::Bool(false));
        let elsewhere = ELSEWHERE.iter().any(|other| attribute::row(*other, attribute.kind).is_some());
        return match (elsewhere, unwanted) {
            (true, true) => Ok(()),
            (true, false) => Err(Rv::TEMPLATE_INCONSISTENT),
            (false, _) => Err(Rv::ATTRIBUTE_TYPE_INVALID),
        };
    };
    match (row.make, &attribute.value) {
        (Make::Never, _) => Err(Rv::ATTRIBUTE_READ_ONLY),
        (Make::Always(only), Value::Bool(said)) if *said != only => Err(Rv::ATTRIBUTE_VALUE_INVALID),
        (_, Value::Template(inner)) if !is_plain(inner) => Err(Rv::ATTRIBUTE_VALUE_INVALID),
        _ => Ok(()),
    }
}

/// Whether a template that is kept is short and holds none itself.
fn is_plain(template: &[Attribute]) -> bool {
    template.len() <= MOST_KEPT && !template.iter().any(|attribute| matches!(attribute.value, Value::Template(_)))
}

/// What a template comes to under what a key says of all that come out of it.
///
/// # Errors
/// [`Rv::TEMPLATE_INCONSISTENT`] when it says something else.
pub fn joined(mut template: Vec<Attribute>, fixed: Vec<Attribute>) -> Result<Vec<Attribute>, Rv> {
    for attribute in fixed {
        match template.iter().find(|said| said.kind == attribute.kind) {
            Some(said) if attribute::same(&said.value, &attribute.value) => {}
            Some(_) => return Err(Rv::TEMPLATE_INCONSISTENT),
            None => template.push(attribute),
        }
    }
    Ok(template)
}

/// What keys of a class and type are for.
fn nature(class: ObjectClass, key: KeyType) -> CryptographicUsageMask {
    use CryptographicUsageMask as M;
    match (class, key) {
        (ObjectClass::PUBLIC_KEY, KeyType::RSA) => M::Encrypt | M::Verify,
        (ObjectClass::PRIVATE_KEY, KeyType::RSA) => M::Decrypt | M::Sign,
        (ObjectClass::PUBLIC_KEY | ObjectClass::PRIVATE_KEY, KeyType::ML_KEM) => M::KeyAgreement,
        (ObjectClass::PUBLIC_KEY | ObjectClass::PRIVATE_KEY, KeyType::DH | KeyType::EC_MONTGOMERY) => {
            M::DeriveKey | M::KeyAgreement
        }
        (ObjectClass::PUBLIC_KEY, _) => M::Verify,
        (ObjectClass::PRIVATE_KEY, _) => M::Sign,
        (_, KeyType::HKDF) => M::DeriveKey,
        (_, KeyType::AES | KeyType::AES_XTS | KeyType::DES2 | KeyType::DES3 | KeyType::CHACHA20) => {
            M::Encrypt | M::Decrypt
        }
        _ => M::MACGenerate | M::MACVerify,
    }
}

/// What keys of a class and type can never do.
fn beyond(class: ObjectClass, key: KeyType) -> CryptographicUsageMask {
    use CryptographicUsageMask as M;
    let ciphers = M::Encrypt | M::Decrypt | M::WrapKey | M::UnwrapKey;
    match (class, key) {
        (_, KeyType::AES_XTS) => M::WrapKey | M::UnwrapKey,
        (_, KeyType::RSA | KeyType::AES | KeyType::DES2 | KeyType::DES3 | KeyType::CHACHA20) => M(0),
        (_, KeyType::HKDF) => ciphers | M::MACGenerate | M::MACVerify,
        (_, KeyType::DSA) => ciphers | M::DeriveKey | M::KeyAgreement,
        (_, KeyType::DH | KeyType::EC_MONTGOMERY | KeyType::ML_KEM) => ciphers | M::Sign | M::Verify,
        _ => ciphers,
    }
}

fn parse(digits: &[u8; 8]) -> Option<Date> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let month: u8 = text.get(4..6)?.parse().ok()?;
    Date::from_calendar_date(text.get(..4)?.parse().ok()?, Month::try_from(month).ok()?, text.get(6..)?.parse().ok()?)
        .ok()
}

fn seconds(day: Date, time: Time) -> i64 {
    day.with_time(time).assume_offset(UtcOffset::UTC).unix_timestamp()
}

/// Attributes of a template that is kept; keys have fewer.
const MOST_KEPT: usize = 64;
const LAST_SECOND: Time = time::macros::time!(23:59:59);

const ELSEWHERE: [ObjectClass; 6] = [
    ObjectClass::DOMAIN_PARAMETERS,
    ObjectClass::DATA,
    ObjectClass::CERTIFICATE,
    ObjectClass::PUBLIC_KEY,
    ObjectClass::PRIVATE_KEY,
    ObjectClass::SECRET_KEY,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(kind: AttributeType, value: bool) -> Attribute {
        Attribute::new(kind, Value::Bool(value))
    }

    /// An attribute with so many templates around one truth.
    fn nested(depth: usize) -> Attribute {
        let inner = if depth == 1 { truth(AttributeType::EXTRACTABLE, false) } else { nested(depth - 1) };
        Attribute::new(AttributeType::UNWRAP_TEMPLATE, Value::Template(vec![inner]))
    }

    fn mask(class: ObjectClass, template: &[Attribute]) -> CryptographicUsageMask {
        Wishes::of(class, template).unwrap().usage(KeyType::RSA)
    }

    #[test]
    fn a_template_that_cannot_be_is_refused_by_its_fault() {
        use AttributeType as A;
        let class = |class: ObjectClass| Attribute::new(A::CLASS, Value::Ulong(class.0));
        for (why, template, expected) in [
            ("twice", vec![truth(A::TOKEN, true), truth(A::TOKEN, true)], Rv::TEMPLATE_INCONSISTENT),
            ("another class", vec![class(ObjectClass::DATA)], Rv::TEMPLATE_INCONSISTENT),
            ("a certificate's", vec![Attribute::bytes(A::ISSUER, *b"i")], Rv::TEMPLATE_INCONSISTENT),
            ("a use such keys lack", vec![truth(A::ENCRYPT, true)], Rv::TEMPLATE_INCONSISTENT),
            ("the token's own", vec![truth(A::LOCAL, true)], Rv::ATTRIBUTE_READ_ONLY),
            ("a template in a template", vec![nested(2)], Rv::ATTRIBUTE_VALUE_INVALID),
            ("nobody's", vec![Attribute::bytes(AttributeType(0x8000_0001), *b"x")], Rv::ATTRIBUTE_TYPE_INVALID),
        ] {
            assert_eq!(Wishes::of(ObjectClass::PRIVATE_KEY, &template).err(), Some(expected), "{why}");
        }
    }

    #[test]
    fn a_use_that_is_not_wanted_offends_nobody() {
        assert!(Wishes::of(ObjectClass::PRIVATE_KEY, &[truth(AttributeType::ENCRYPT, false)]).is_ok());
    }

    #[test]
    fn uses_are_those_asked_for_or_those_by_nature() {
        use CryptographicUsageMask as M;
        let private = ObjectClass::PRIVATE_KEY;
        assert_eq!(mask(private, &[]), M::Decrypt | M::Sign);
        assert_eq!(mask(private, &[truth(AttributeType::SIGN, true)]), M::Sign);
        assert_eq!(mask(private, &[truth(AttributeType::DECRYPT, false)]), M::Sign);
        let both = [truth(AttributeType::SIGN, false), truth(AttributeType::DECRYPT, false)];
        assert_eq!(mask(private, &both), M(0));
    }

    #[test]
    fn what_a_key_can_never_do_is_not_asked_for() {
        let encrypts = [truth(AttributeType::ENCRYPT, true), truth(AttributeType::DECRYPT, true)];
        let wishes = Wishes::of(ObjectClass::SECRET_KEY, &encrypts).unwrap();
        let macs = CryptographicUsageMask::MACGenerate | CryptographicUsageMask::MACVerify;
        assert_eq!(wishes.usage(KeyType::GENERIC_SECRET), macs);
        let ciphers = CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt;
        assert_eq!(wishes.usage(KeyType::AES), ciphers);
    }

    #[test]
    fn a_date_that_is_none_is_refused() {
        for digits in [b"20010229", b"20011301", b"2001-1-1", b"        ", b"00000000"] {
            assert_eq!(parse(digits), None, "{digits:?}");
        }
        assert_eq!(parse(b"20000229").map(|day| seconds(day, Time::MIDNIGHT)), Some(951_782_400));
    }

    #[test]
    fn what_nobody_asked_to_leave_does_not_leave() {
        let wishes = Wishes::of(ObjectClass::SECRET_KEY, &[]).unwrap();
        let attributes = wishes.attributes(Some(KeyType::AES), Now::from_seconds(1)).unwrap();
        assert!(attributes.contains(&Kmip::Sensitive(true)));
        assert!(attributes.contains(&Kmip::Extractable(false)));
        assert!(attributes.contains(&Kmip::ActivationDate(DateTime(1))));
    }
}
