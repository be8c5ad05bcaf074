//! Every attribute that objects have here: which classes have it, how it is read, who may set it and when. One table.

use strongroom_kmip::{
    attribute::{Attribute, Digest},
    code::CryptographicUsageMask,
};
use strongroom_pkcs11_wire::{
    AttributeType, MechanismType,
    attribute::Value,
    number::{CertificateType, KeyType, ObjectClass},
    value::Wiped,
};
use time::OffsetDateTime;

use super::{
    der::{self, Numbers},
    mechanism,
    object::{self, View},
};
use crate::service::digest_of;

/// What the table says about one attribute.
pub struct Row {
    /// Which attribute.
    pub kind: AttributeType,
    classes: u8,
    read: fn(&View<'_>) -> Reading,
    /// What becomes of it in the template of a new object.
    pub make: Make,
    /// Whether it may be set later.
    pub change: Change,
}

/// What an object says when it is asked for an attribute.
#[derive(Debug)]
pub enum Reading {
    /// This.
    Value(Value),
    /// Something that only the release of the object's material tells.
    Material,
    /// Nothing: it has no such attribute.
    Absent,
}

/// What becomes of an attribute in the template of a new object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// It says what is to be made; the call that makes it reads it.
    Said,
    /// It is kept with the object as it is.
    Kept,
    /// It is a use of the key.
    Use,
    /// It becomes an attribute of KMIP's.
    Translated,
    /// It may be said, with this value.
    Always(bool),
    /// Only the token sets it.
    Never,
}

/// Whether an attribute may be set later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// As often as one likes.
    Free,
    /// To this value and never back.
    Once(bool),
    /// By the token's security officer alone.
    Officer,
    /// Never.
    Never,
}

/// What the table says about an attribute, if objects of this class have it.
pub fn row(class: ObjectClass, kind: AttributeType) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.kind == kind && row.classes & bit(class) != 0)
}

/// What an object says when it is asked for an attribute.
pub fn read(view: &View<'_>, kind: AttributeType) -> Reading {
    match view.class().and_then(|class| row(class, kind)) {
        Some(row) => (row.read)(view),
        None => Reading::Absent,
    }
}

/// Whether an object has this value of an attribute. What is secret fits nothing; the bytes of a certificate and of data are
/// known by their digest, so that no record is opened to compare them.
pub fn fits(view: &View<'_>, kind: AttributeType, value: &Value) -> bool {
    match (read(view, kind), value) {
        (Reading::Value(has), _) => same(&has, value),
        (Reading::Material, Value::Bytes(bytes)) => {
            let open = matches!(view.class(), Some(ObjectClass::CERTIFICATE | ObjectClass::DATA));
            let wanted = digest_of(bytes.reveal(), None);
            // Whatever format is said of it: these have but one.
            let same = |has: &Digest| {
                has.hashing_algorithm == wanted.hashing_algorithm && has.digest_value == wanted.digest_value
            };
            open && view.object.attributes.iter().any(|has| matches!(has, Attribute::Digest(has) if same(has)))
        }
        (Reading::Material | Reading::Absent, _) => false,
    }
}

/// Whether two values are the same. Templates never are.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Ulong(one), Value::Ulong(other)) => one == other,
        (Value::Bytes(one), Value::Bytes(other)) => one.reveal() == other.reveal(),
        (Value::Date(one), Value::Date(other)) => one == other,
        (Value::Ulongs(one), Value::Ulongs(other)) => one == other,
        _ => false,
    }
}

/// Whether the material of an object stays inside.
pub fn is_guarded(view: &View<'_>) -> bool {
    let secret = matches!(view.class(), Some(ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY));
    secret && (is_sensitive(view) || !is_extractable(view))
}

/// The bits of KMIP's usage mask behind one of PKCS#11's uses.
pub fn uses(class: ObjectClass, kind: AttributeType) -> CryptographicUsageMask {
    use CryptographicUsageMask as M;
    let secret = class == ObjectClass::SECRET_KEY;
    match kind {
        AttributeType::ENCRYPT => M::Encrypt,
        AttributeType::DECRYPT => M::Decrypt,
        AttributeType::SIGN if secret => M::MACGenerate,
        AttributeType::SIGN => M::Sign,
        AttributeType::VERIFY if secret => M::MACVerify,
        AttributeType::VERIFY => M::Verify,
        AttributeType::WRAP => M::WrapKey,
        AttributeType::UNWRAP => M::UnwrapKey,
        AttributeType::ENCAPSULATE | AttributeType::DECAPSULATE => M::KeyAgreement,
        AttributeType::DERIVE if secret => M::DeriveKey,
        AttributeType::DERIVE => M::DeriveKey | M::KeyAgreement,
        _ => M(0),
    }
}

fn bit(class: ObjectClass) -> u8 {
    match class {
        ObjectClass::DATA => DATA,
        ObjectClass::CERTIFICATE => CERTIFICATE,
        ObjectClass::PUBLIC_KEY => PUBLIC,
        ObjectClass::PRIVATE_KEY => PRIVATE,
        ObjectClass::SECRET_KEY => SECRET,
        ObjectClass::DOMAIN_PARAMETERS => DOMAIN,
        _ => 0,
    }
}

fn truth(value: bool) -> Reading {
    Reading::Value(Value::Bool(value))
}

fn number(value: impl TryInto<u64>) -> Reading {
    value.try_into().map_or(Reading::Absent, |value| Reading::Value(Value::Ulong(value)))
}

fn bytes(value: impl Into<Vec<u8>>) -> Reading {
    Reading::Value(Value::Bytes(Wiped::new(value.into())))
}

fn kept_truth(view: &View<'_>, kind: AttributeType, otherwise: bool) -> Reading {
    match object::kept(view.object, kind) {
        Some(Value::Bool(said)) => truth(said),
        _ => truth(otherwise),
    }
}

fn kept(view: &View<'_>, kind: AttributeType) -> Reading {
    object::kept(view.object, kind).map_or(Reading::Absent, Reading::Value)
}

fn kept_bytes(view: &View<'_>, kind: AttributeType) -> Reading {
    object::kept(view.object, kind).map_or_else(|| bytes([]), Reading::Value)
}

fn usage(view: &View<'_>, kind: AttributeType) -> Reading {
    let (Some(class), mask) = (view.class(), view.object.attributes.usage_mask()) else { return Reading::Absent };
    truth(mask.is_some_and(|mask| mask.0 & uses(class, kind).0 != 0))
}

/// Whether data are recovered from signatures: with RSA, where the key has to do with signatures and nobody forbade it.
fn recovery(view: &View<'_>, kind: AttributeType, of: AttributeType) -> Reading {
    let rsa = view.key_type() == Some(KeyType::RSA);
    let signs = matches!(usage(view, of), Reading::Value(Value::Bool(true)));
    if rsa && signs { kept_truth(view, kind, true) } else { truth(false) }
}

fn is_local(view: &View<'_>) -> bool {
    // Only what was made here says from which randomness.
    view.object.attributes.iter().any(|attribute| matches!(attribute, Attribute::RandomNumberGenerator(_)))
}

fn is_sensitive(view: &View<'_>) -> bool {
    view.object.attributes.sensitive().unwrap_or(false)
}

fn is_extractable(view: &View<'_>) -> bool {
    view.object.attributes.extractable().unwrap_or(true)
}

fn made_by(view: &View<'_>) -> Reading {
    let maker = view.key_type().and_then(mechanism::maker).filter(|_| is_local(view));
    number(maker.map_or(strongroom_pkcs11_wire::call::UNAVAILABLE, |MechanismType(maker)| maker))
}

fn date(seconds: Option<i64>) -> Reading {
    let day = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()).map(OffsetDateTime::date);
    let digits = day.map(|day| format!("{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day()));
    Reading::Value(Value::Date(digits.and_then(|digits| digits.as_bytes().try_into().ok())))
}

fn rsa(view: &View<'_>, pick: fn(&Vec<u8>, &Vec<u8>) -> Reading) -> Reading {
    match view.numbers() {
        Some(Numbers::Rsa { modulus, exponent }) => pick(modulus, exponent),
        _ => Reading::Absent,
    }
}

fn rsa_secret(view: &View<'_>) -> Reading {
    rsa(view, |_, _| Reading::Material)
}

fn elliptic_parameters(view: &View<'_>) -> Reading {
    match view.numbers() {
        _ if view.set().is_some() => Reading::Absent,
        Some(Numbers::Elliptic { parameters, .. } | Numbers::Twisted { parameters, .. }) => {
            bytes(parameters.as_slice())
        }
        _ => Reading::Absent,
    }
}

fn elliptic_point(view: &View<'_>) -> Reading {
    match view.numbers() {
        // PKCS#11 3.2 §6.3.3 wants the bytes of Ed25519 bare; every tool that reads them wants them wrapped, as 3.0
        // and all tokens before had them.
        _ if view.set().is_some() => Reading::Absent,
        Some(Numbers::Elliptic { point, .. } | Numbers::Twisted { point, .. }) => {
            bytes(der::wrap(der::OCTET_STRING, point))
        }
        _ => Reading::Absent,
    }
}

fn value(view: &View<'_>) -> Reading {
    let rsa =
        matches!(view.class(), Some(ObjectClass::PRIVATE_KEY)) && matches!(view.numbers(), Some(Numbers::Rsa { .. }));
    if rsa { Reading::Absent } else { Reading::Material }
}

fn certificate(view: &View<'_>, pick: fn(&Attribute) -> Option<Vec<u8>>) -> Reading {
    bytes(view.object.attributes.iter().find_map(pick).unwrap_or_default())
}

const DATA: u8 = 1;
const CERTIFICATE: u8 = 2;
const PUBLIC: u8 = 4;
const PRIVATE: u8 = 8;
const SECRET: u8 = 16;
const DOMAIN: u8 = 32;
const PAIR: u8 = PUBLIC | PRIVATE;
const KEYS: u8 = PAIR | SECRET;
const GUARDED: u8 = PRIVATE | SECRET;
const ALL: u8 = DATA | CERTIFICATE | KEYS | DOMAIN;

type A = AttributeType;

const fn row_of(kind: A, classes: u8, make: Make, change: Change, read: fn(&View<'_>) -> Reading) -> Row {
    Row { kind, classes, read, make, change }
}

const ROWS: &[Row] = &[
    row_of(A::CLASS, ALL, Make::Said, Change::Never, |view| number(view.class().map_or(0, |class| class.0))),
    row_of(A::TOKEN, ALL, Make::Kept, Change::Never, |view| truth(object::is_lasting(view.object))),
    row_of(A::PRIVATE, ALL, Make::Kept, Change::Never, |view| truth(object::is_private(view.object))),
    row_of(A::LABEL, ALL, Make::Kept, Change::Free, |view| bytes(object::label(view.object))),
    row_of(A::UNIQUE_ID, ALL, Make::Never, Change::Never, |view| bytes(view.object.id.as_str())),
    row_of(A::MODIFIABLE, ALL, Make::Kept, Change::Never, |view| kept_truth(view, A::MODIFIABLE, true)),
    row_of(A::COPYABLE, ALL, Make::Kept, Change::Once(false), |view| kept_truth(view, A::COPYABLE, true)),
    row_of(A::DESTROYABLE, ALL, Make::Kept, Change::Never, |view| kept_truth(view, A::DESTROYABLE, true)),
    row_of(A::APPLICATION, DATA, Make::Kept, Change::Free, |view| kept_bytes(view, A::APPLICATION)),
    row_of(A::OBJECT_ID, DATA, Make::Kept, Change::Free, |view| kept_bytes(view, A::OBJECT_ID)),
    row_of(A::VALUE, DATA | CERTIFICATE | GUARDED, Make::Said, Change::Never, value),
    row_of(A::CERTIFICATE_TYPE, CERTIFICATE, Make::Said, Change::Never, |_| number(CertificateType::X_509.0)),
    row_of(A::CERTIFICATE_CATEGORY, CERTIFICATE, Make::Kept, Change::Never, |view| {
        object::kept(view.object, A::CERTIFICATE_CATEGORY).map_or_else(|| number(0_u64), Reading::Value)
    }),
    row_of(A::TRUSTED, CERTIFICATE | PUBLIC | SECRET, Make::Always(false), Change::Officer, |view| {
        kept_truth(view, A::TRUSTED, false)
    }),
    row_of(A::ISSUER, CERTIFICATE, Make::Said, Change::Never, |view| {
        certificate(view, |attribute| match attribute {
            Attribute::X_509CertificateIssuer(issuer) => Some(issuer.issuer_distinguished_name.0.clone()),
            _ => None,
        })
    }),
    row_of(A::SERIAL_NUMBER, CERTIFICATE, Make::Said, Change::Never, |view| {
        certificate(view, |attribute| match attribute {
            Attribute::X_509CertificateIdentifier(of) => Some(der::wrap(der::INTEGER, &of.certificate_serial_number.0)),
            _ => None,
        })
    }),
    row_of(A::SUBJECT, CERTIFICATE, Make::Said, Change::Never, |view| {
        certificate(view, |attribute| match attribute {
            Attribute::X_509CertificateSubject(subject) => Some(subject.subject_distinguished_name.0.clone()),
            _ => None,
        })
    }),
    row_of(A::SUBJECT, PAIR, Make::Kept, Change::Free, |view| kept_bytes(view, A::SUBJECT)),
    row_of(A::CHECK_VALUE, CERTIFICATE | SECRET, Make::Said, Change::Never, |_| Reading::Absent),
    row_of(A::URL, CERTIFICATE, Make::Kept, Change::Never, |view| kept_bytes(view, A::URL)),
    row_of(A::HASH_OF_SUBJECT_PUBLIC_KEY, CERTIFICATE, Make::Kept, Change::Never, |view| {
        kept_bytes(view, A::HASH_OF_SUBJECT_PUBLIC_KEY)
    }),
    row_of(A::HASH_OF_ISSUER_PUBLIC_KEY, CERTIFICATE, Make::Kept, Change::Never, |view| {
        kept_bytes(view, A::HASH_OF_ISSUER_PUBLIC_KEY)
    }),
    row_of(A::NAME_HASH_ALGORITHM, CERTIFICATE, Make::Kept, Change::Never, |view| {
        // SHA-1 where nothing is said (PKCS#11 3.2 §4.6.3).
        object::kept(view.object, A::NAME_HASH_ALGORITHM).map_or_else(|| number(MechanismType::SHA_1.0), Reading::Value)
    }),
    row_of(A::JAVA_MIDP_SECURITY_DOMAIN, CERTIFICATE, Make::Kept, Change::Never, |view| {
        object::kept(view.object, A::JAVA_MIDP_SECURITY_DOMAIN).map_or_else(|| number(0_u64), Reading::Value)
    }),
    row_of(A::KEY_TYPE, KEYS, Make::Said, Change::Never, |view| {
        view.key_type().map_or(Reading::Absent, |key| number(key.0))
    }),
    row_of(A::ID, CERTIFICATE | KEYS, Make::Kept, Change::Free, |view| bytes(object::id(view.object))),
    row_of(A::START_DATE, CERTIFICATE | KEYS, Make::Translated, Change::Never, |view| {
        let attributes = &view.object.attributes;
        let born = attributes.initial_date();
        // What is active from its birth has no date at which it begins to be. A date that was said is a midnight.
        let unsaid = |date: i64| born.is_some_and(|born| (born.saturating_sub(2)..=born).contains(&date));
        date(attributes.activation_date().filter(|date| date % 86_400 == 0 || !unsaid(*date)))
    }),
    row_of(A::END_DATE, CERTIFICATE | KEYS, Make::Translated, Change::Never, |view| {
        date(view.object.attributes.deactivation_date())
    }),
    row_of(A::SENSITIVE, GUARDED, Make::Translated, Change::Once(true), |view| truth(is_sensitive(view))),
    row_of(A::EXTRACTABLE, GUARDED, Make::Translated, Change::Once(false), |view| truth(is_extractable(view))),
    row_of(A::ALWAYS_SENSITIVE, GUARDED, Make::Never, Change::Never, |view| {
        truth(is_local(view) && view.object.attributes.always_sensitive().unwrap_or(false))
    }),
    row_of(A::NEVER_EXTRACTABLE, GUARDED, Make::Never, Change::Never, |view| {
        truth(is_local(view) && view.object.attributes.never_extractable().unwrap_or(false))
    }),
    row_of(A::LOCAL, KEYS, Make::Never, Change::Never, |view| truth(is_local(view))),
    row_of(A::KEY_GEN_MECHANISM, KEYS, Make::Never, Change::Never, made_by),
    row_of(A::ENCRYPT, PUBLIC | SECRET, Make::Use, Change::Never, |view| usage(view, A::ENCRYPT)),
    row_of(A::DECRYPT, GUARDED, Make::Use, Change::Never, |view| usage(view, A::DECRYPT)),
    row_of(A::SIGN, GUARDED, Make::Use, Change::Never, |view| usage(view, A::SIGN)),
    row_of(A::VERIFY, PUBLIC | SECRET, Make::Use, Change::Never, |view| usage(view, A::VERIFY)),
    row_of(A::WRAP, PUBLIC | SECRET, Make::Use, Change::Never, |view| usage(view, A::WRAP)),
    row_of(A::UNWRAP, GUARDED, Make::Use, Change::Never, |view| usage(view, A::UNWRAP)),
    row_of(A::DERIVE, KEYS, Make::Use, Change::Never, |view| usage(view, A::DERIVE)),
    // KMIP has one bit for signatures of both kinds.
    row_of(A::SIGN_RECOVER, PRIVATE, Make::Kept, Change::Never, |view| recovery(view, A::SIGN_RECOVER, A::SIGN)),
    row_of(A::VERIFY_RECOVER, PUBLIC, Make::Kept, Change::Never, |view| recovery(view, A::VERIFY_RECOVER, A::VERIFY)),
    row_of(A::ENCAPSULATE, SECRET, Make::Always(false), Change::Never, |_| truth(false)),
    row_of(A::DECAPSULATE, SECRET, Make::Always(false), Change::Never, |_| truth(false)),
    row_of(A::ENCAPSULATE, PUBLIC, Make::Use, Change::Never, |view| usage(view, A::ENCAPSULATE)),
    row_of(A::DECAPSULATE, PRIVATE, Make::Use, Change::Never, |view| usage(view, A::DECAPSULATE)),
    row_of(A::ALWAYS_AUTHENTICATE, PRIVATE, Make::Kept, Change::Never, |view| {
        kept_truth(view, A::ALWAYS_AUTHENTICATE, false)
    }),
    row_of(A::WRAP_TEMPLATE, PUBLIC | SECRET, Make::Kept, Change::Never, |view| kept(view, A::WRAP_TEMPLATE)),
    row_of(A::UNWRAP_TEMPLATE, GUARDED, Make::Kept, Change::Never, |view| kept(view, A::UNWRAP_TEMPLATE)),
    row_of(A::DERIVE_TEMPLATE, KEYS, Make::Kept, Change::Never, |view| kept(view, A::DERIVE_TEMPLATE)),
    row_of(A::ENCAPSULATE_TEMPLATE, PUBLIC, Make::Kept, Change::Never, |view| kept(view, A::ENCAPSULATE_TEMPLATE)),
    row_of(A::DECAPSULATE_TEMPLATE, PRIVATE, Make::Kept, Change::Never, |view| kept(view, A::DECAPSULATE_TEMPLATE)),
    row_of(A::WRAP_WITH_TRUSTED, GUARDED, Make::Kept, Change::Once(true), |view| {
        kept_truth(view, A::WRAP_WITH_TRUSTED, false)
    }),
    row_of(A::ALLOWED_MECHANISMS, KEYS, Make::Kept, Change::Never, |view| kept(view, A::ALLOWED_MECHANISMS)),
    row_of(A::PARAMETER_SET, PAIR, Make::Said, Change::Never, |view| {
        view.set().map_or(Reading::Absent, |set| number(set.facts().number))
    }),
    row_of(A::VALUE, PUBLIC, Make::Said, Change::Never, |view| match view.numbers() {
        Some(Numbers::Group { value, .. } | Numbers::Dsa { value, .. }) => bytes(value.as_slice()),
        Some(Numbers::Twisted { point, .. }) if view.set().is_some() => bytes(point.as_slice()),
        _ => Reading::Absent,
    }),
    row_of(A::SEED, PRIVATE, Make::Said, Change::Never, |view| {
        if view.set().is_some_and(|set| set.facts().seed > 0) { Reading::Material } else { Reading::Absent }
    }),
    row_of(A::VALUE_LEN, SECRET, Make::Said, Change::Never, |view| {
        view.object.attributes.length().map_or(Reading::Absent, |bits| number(bits.saturating_add(7) / 8))
    }),
    row_of(A::MODULUS, PAIR, Make::Said, Change::Never, |view| rsa(view, |modulus, _| bytes(modulus.as_slice()))),
    row_of(A::MODULUS_BITS, PUBLIC, Make::Said, Change::Never, |view| {
        rsa(view, |modulus, _| number(der::bits(modulus)))
    }),
    row_of(A::PUBLIC_EXPONENT, PAIR, Make::Said, Change::Never, |view| {
        rsa(view, |_, exponent| bytes(exponent.as_slice()))
    }),
    row_of(A::PRIVATE_EXPONENT, PRIVATE, Make::Said, Change::Never, rsa_secret),
    row_of(A::PRIME_1, PRIVATE, Make::Said, Change::Never, rsa_secret),
    row_of(A::PRIME_2, PRIVATE, Make::Said, Change::Never, rsa_secret),
    row_of(A::EXPONENT_1, PRIVATE, Make::Said, Change::Never, rsa_secret),
    row_of(A::EXPONENT_2, PRIVATE, Make::Said, Change::Never, rsa_secret),
    row_of(A::COEFFICIENT, PRIVATE, Make::Said, Change::Never, rsa_secret),
    row_of(A::KEY_TYPE, DOMAIN, Make::Kept, Change::Never, |view| kept(view, A::KEY_TYPE)),
    row_of(A::LOCAL, DOMAIN, Make::Never, Change::Never, |_| truth(false)),
    row_of(A::PRIME, DOMAIN, Make::Kept, Change::Never, |view| kept(view, A::PRIME)),
    row_of(A::SUBPRIME, DOMAIN, Make::Kept, Change::Never, |view| kept(view, A::SUBPRIME)),
    row_of(A::BASE, DOMAIN, Make::Kept, Change::Never, |view| kept(view, A::BASE)),
    row_of(A::PRIME_BITS, DOMAIN, Make::Never, Change::Never, |view| match object::kept(view.object, A::PRIME) {
        Some(Value::Bytes(prime)) => number(der::bits(prime.reveal())),
        _ => Reading::Absent,
    }),
    row_of(A::PRIME, PAIR, Make::Said, Change::Never, |view| match view.numbers() {
        Some(Numbers::Group { prime, .. } | Numbers::Dsa { prime, .. }) => bytes(prime.as_slice()),
        _ => Reading::Absent,
    }),
    row_of(A::SUBPRIME, PUBLIC, Make::Said, Change::Never, |view| match view.numbers() {
        Some(Numbers::Dsa { order, .. }) => bytes(order.as_slice()),
        _ => Reading::Absent,
    }),
    row_of(A::BASE, PAIR, Make::Said, Change::Never, |view| match view.numbers() {
        Some(Numbers::Group { base, .. } | Numbers::Dsa { base, .. }) => bytes(base.as_slice()),
        _ => Reading::Absent,
    }),
    row_of(A::EC_PARAMS, PAIR, Make::Said, Change::Never, elliptic_parameters),
    row_of(A::EC_POINT, PAIR, Make::Said, Change::Never, elliptic_point),
    row_of(A::PUBLIC_KEY_INFO, CERTIFICATE, Make::Said, Change::Never, |_| Reading::Material),
    row_of(A::PUBLIC_KEY_INFO, PAIR, Make::Said, Change::Never, |view| {
        view.public_info().map_or(Reading::Absent, bytes)
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_stands_once_for_each_class() {
        for class in [DATA, CERTIFICATE, PUBLIC, PRIVATE, SECRET, DOMAIN] {
            let mut kinds: Vec<_> = ROWS.iter().filter(|row| row.classes & class != 0).map(|row| row.kind).collect();
            let all = kinds.len();
            kinds.sort();
            kinds.dedup();
            assert_eq!(kinds.len(), all, "class {class}");
        }
    }

    #[test]
    fn what_only_the_token_sets_is_never_set_later() {
        for row in ROWS.iter().filter(|row| row.make == Make::Never) {
            assert_eq!(row.change, Change::Never, "{}", row.kind);
        }
    }

    #[test]
    fn a_date_is_eight_digits() {
        let Reading::Value(Value::Date(Some(day))) = date(Some(951_782_400)) else { panic!("no date") };
        assert_eq!(&day, b"20000229");
        assert!(matches!(date(None), Reading::Value(Value::Date(None))));
    }
}
