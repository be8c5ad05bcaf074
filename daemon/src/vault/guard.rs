//! What PKCS#11 has said of a key and KMIP has no word for. It is kept in attributes of a vendor of that name, and binds
//! whoever uses the key.

use strongroom_kmip::{
    attribute::{Attribute, Set, Vendor},
    mechanism::Mechanism,
    ttlv::Bytes,
};

/// Whether an attribute is one of PKCS#11's, and which.
pub fn name(attribute: &Attribute) -> Option<&str> {
    match attribute {
        Attribute::Vendor(own) if own.vendor == VENDOR => Some(&own.name),
        _ => None,
    }
}

/// Whether the object has that attribute of PKCS#11's.
pub fn has(set: &Set, name: &str) -> bool {
    own(set, name).is_some()
}

/// Whether that attribute of PKCS#11's is there and true.
pub fn says(set: &Set, name: &str) -> bool {
    own(set, name).is_some_and(|own| own.value.read_as() == Ok(true))
}

/// Whether the key's own list of mechanisms, where it has one, has this one (PKCS#11 3.2 §4.8 CKA_ALLOWED_MECHANISMS). A MAC
/// that is cut short is a mechanism of its own there.
pub fn allows(set: &Set, mechanism: &Mechanism) -> bool {
    let Some(own) = own(set, ALLOWED_MECHANISMS) else { return true };
    let Ok(Bytes(bytes)) = own.value.read_as() else { return false };
    let (listed, _) = bytes.as_chunks();
    let is_listed = |number: u64| listed.iter().any(|known| u64::from_be_bytes(*known) == number);
    let numbers = mechanism.offered().map_or(&[][..], |offered| offered.facts().numbers);
    let cut = match mechanism {
        Mechanism::Hmac { hash, length } => *length < hash.length(),
        Mechanism::Cmac { block, length } => *length < block.length(),
        // The usual length is half a block, and every other takes a parameter.
        Mechanism::CbcMac { block, length } => *length != block.length() / 2,
        _ => false,
    };
    numbers.iter().skip(usize::from(cut && numbers.len() > 1)).any(|number| is_listed(number.value))
}

fn own<'s>(set: &'s Set, name: &str) -> Option<&'s Vendor> {
    set.iter().find_map(|attribute| match attribute {
        Attribute::Vendor(own) if own.vendor == VENDOR && own.name == name => Some(own),
        _ => None,
    })
}

const VENDOR: &str = "PKCS11";
/// The mechanisms that a key may be used with.
pub const ALLOWED_MECHANISMS: &str = "CKA_ALLOWED_MECHANISMS";
/// Whether a key wants to see the PIN before each use.
pub const ALWAYS_AUTHENTICATE: &str = "CKA_ALWAYS_AUTHENTICATE";
/// Whether a key is wrapped with trusted keys alone.
pub const WRAP_WITH_TRUSTED: &str = "CKA_WRAP_WITH_TRUSTED";
/// Whether the security officer trusts a key to wrap those.
pub const TRUSTED: &str = "CKA_TRUSTED";
/// What a key says of those that are wrapped with it.
pub const WRAP_TEMPLATE: &str = "CKA_WRAP_TEMPLATE";
/// What a key says of those that are unwrapped with it.
pub const UNWRAP_TEMPLATE: &str = "CKA_UNWRAP_TEMPLATE";
/// What a key says of those that are derived from it.
pub const DERIVE_TEMPLATE: &str = "CKA_DERIVE_TEMPLATE";

#[cfg(test)]
mod tests {
    use strongroom_kmip::{mechanism::Hash, ttlv::Any};

    use super::*;

    fn listing(numbers: &[u64]) -> Set {
        let bytes = Bytes(numbers.iter().flat_map(|number| number.to_be_bytes()).collect());
        let (vendor, name) = (VENDOR.to_owned(), ALLOWED_MECHANISMS.to_owned());
        let mut set = Set::new();
        set.put(Attribute::Vendor(Vendor { vendor, name, value: Any::of(&bytes) }));
        set
    }

    #[test]
    fn a_key_is_used_with_what_it_lists_and_with_nothing_else() {
        let whole = Mechanism::Hmac { hash: Hash::Sha256, length: 32 };
        let cut = Mechanism::Hmac { hash: Hash::Sha256, length: 16 };
        let (hmac, general) = (0x251, 0x252);
        for (name, listed, mechanism, expected) in [
            ("the one that it lists", &[hmac][..], &whole, true),
            ("a shorter one", &[hmac], &cut, false),
            ("one of any length", &[general], &cut, true),
            ("the whole length", &[general], &whole, true),
            ("another", &[hmac, general], &Mechanism::KeyWrap, false),
            ("none at all", &[], &whole, false),
        ] {
            assert_eq!(allows(&listing(listed), mechanism), expected, "{name}");
        }
        assert!(allows(&Set::new(), &whole), "a key without a list");
    }
}
