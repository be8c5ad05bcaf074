//! A private key with its certificates under a password, as other systems import it (PKCS#12, RFC 7292).

use openssl::{pkey::PKey, x509::X509};
use zeroize::Zeroizing;

use super::{
    ber::{BMP_STRING, EXPLICIT, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, counted, wrapped},
    error::Error,
    passphrase::{Age, Passphrase},
    unbundle::{CERTIFICATE, DATA, FRIENDLY_NAME, LOCAL_KEY_ID, SHROUDED, VERSION, X509_CERTIFICATE},
};
use crate::chance::Chance;

/// What goes into a bundle.
pub struct Contents<'a> {
    /// PKCS#8 PrivateKeyInfo, DER.
    pub key: &'a [u8],
    /// The certificate of the key and those above it, in this order, DER. Possibly none.
    pub chain: &'a [Vec<u8>],
    /// What people call it.
    pub name: Option<&'a str>,
}

/// The bundle, DER: the key under AES-256 and all of it under HMAC with SHA-256, with keys that the password is stretched to. The
/// certificates are public and stand in the open.
///
/// # Errors
/// [`Error::Bundle`] and [`Error::Unreadable`] for contents that cannot be; [`Error::Chance`] and [`Error::Engine`].
pub fn bundle(contents: &Contents<'_>, password: &str, chance: &dyn Chance) -> Result<Vec<u8>, Error> {
    // Systems that take passwords and names as C strings would see less of them.
    if password.contains('\0') || contents.name.is_some_and(|name| name.contains('\0')) {
        return Err(Error::Bundle);
    }
    let key = PKey::private_key_from_pkcs8(contents.key).map_err(|_| Error::Bundle)?;
    let mut bags = Vec::new();
    for (place, der) in contents.chain.iter().enumerate() {
        let certificate = X509::from_der(der).map_err(|_| Error::Unreadable)?;
        let own = place == 0;
        if own && !certificate.public_key().is_ok_and(|public| public.public_eq(&key)) {
            return Err(Error::Bundle);
        }
        let value = wrapped(EXPLICIT, &[&wrapped(OCTET_STRING, &[der])]);
        let value = wrapped(SEQUENCE, &[&named(X509_CERTIFICATE), &value]);
        let marks = if own { marks(contents.name) } else { Zeroizing::default() };
        bags.push(bag(CERTIFICATE, &value, &marks));
    }
    let mut passphrase = Passphrase::new(password, Age::Current);
    let shrouded = passphrase.seal(contents.key, chance)?;
    let key = bag(SHROUDED, &shrouded, &marks(contents.name));
    let certificates: Vec<&[u8]> = bags.iter().map(|bag| bag.as_slice()).collect();
    let safes = [data(&wrapped(SEQUENCE, &certificates)), data(&wrapped(SEQUENCE, &[&key]))];
    let [certificates, key] = &safes;
    let safes: &[&[u8]] = if contents.chain.is_empty() { &[key] } else { &[certificates, key] };
    let safes = wrapped(SEQUENCE, safes);
    let mac = passphrase.vouch(&safes, chance)?;
    Ok(wrapped(SEQUENCE, &[&counted(VERSION), &data(&safes), &mac]).to_vec())
}

/// A ContentInfo of plain data (RFC 7292 §4.1).
fn data(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    wrapped(SEQUENCE, &[&named(DATA), &wrapped(EXPLICIT, &[&wrapped(OCTET_STRING, &[bytes])])])
}

/// A SafeBag (RFC 7292 §4.2).
fn bag(kind: &[u8], value: &[u8], marks: &[u8]) -> Zeroizing<Vec<u8>> {
    wrapped(SEQUENCE, &[&named(kind), &wrapped(EXPLICIT, &[value]), marks])
}

/// What says that a key and a certificate belong together, and what people call them.
fn marks(name: Option<&str>) -> Zeroizing<Vec<u8>> {
    let name: Vec<u8> = name.unwrap_or(NAME).encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mark = |kind, value: &[u8]| wrapped(SEQUENCE, &[&named(kind), &wrapped(SET, &[value])]);
    // DER has the members of a set in the order of their bytes.
    let mut marks =
        [mark(LOCAL_KEY_ID, &wrapped(OCTET_STRING, &[&[1]])), mark(FRIENDLY_NAME, &wrapped(BMP_STRING, &[&name]))];
    marks.sort_by(|one, other| one.as_slice().cmp(other));
    let [first, second] = &marks;
    wrapped(SET, &[first, second])
}

fn named(identifier: &[u8]) -> Zeroizing<Vec<u8>> {
    wrapped(OBJECT_IDENTIFIER, &[identifier])
}

/// What a key without a PKCS#12 Friendly Name is called (KMIP 2.1 §4.39).
const NAME: &str = "alias";

#[cfg(test)]
mod tests {
    use openssl::pkcs12::Pkcs12;

    use super::*;
    use crate::certificate::{
        Unopened, unbundle,
        unbundle::tests::{Even, certified, key},
    };

    #[test]
    fn a_bundle_opens_with_its_password_only() {
        let (key, certificate) = (key(), certified());
        let der = key.private_key_to_pkcs8().unwrap();
        for (name, chain) in [("alone", vec![]), ("with its certificate", vec![certificate])] {
            let bundle = bundle(&Contents { key: &der, chain: &chain, name: Some("Käthe") }, "süß", &Even).unwrap();
            let parsed = Pkcs12::from_der(&bundle).unwrap();
            let theirs = parsed.parse2("süß").unwrap();
            assert!(theirs.pkey.unwrap().public_eq(&key), "{name}");
            assert_eq!(theirs.cert.map(|own| own.to_der().unwrap()).into_iter().collect::<Vec<_>>(), chain, "{name}");
            assert!(parsed.parse2("other").is_err(), "{name}");
            let ours = unbundle(&bundle, "süß", Some("käthe"), Age::Current).unwrap();
            assert_eq!((&*ours.key, &ours.chain, ours.name.as_deref()), (&der, &chain, Some("Käthe")), "{name}");
            let refused = unbundle(&bundle, "other", None, Age::Current).err();
            assert_eq!(refused, Some(Unopened::Password), "{name}");
        }
    }

    #[test]
    fn what_makes_no_bundle_is_refused() {
        let der = key().private_key_to_pkcs8().unwrap();
        let broken = [b"no certificate".to_vec()];
        let rows: [(&str, Contents<'_>, &str, Error); 3] = [
            ("no key", Contents { key: b"no key", chain: &[], name: None }, "p", Error::Bundle),
            ("no certificate", Contents { key: &der, chain: &broken, name: None }, "p", Error::Unreadable),
            ("a password that ends early", Contents { key: &der, chain: &[], name: None }, "p\0q", Error::Bundle),
        ];
        for (name, contents, password, error) in rows {
            assert_eq!(bundle(&contents, password, &Even), Err(error), "{name}");
        }
    }
}
