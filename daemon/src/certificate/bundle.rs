//! A private key with its certificates under a password, as other systems import it (PKCS#12, RFC 7292).

use openssl::{hash::MessageDigest, nid::Nid, pkcs12::Pkcs12, pkey::PKey, stack::Stack, x509::X509};

use super::error::Error;

/// What goes into a bundle.
pub struct Contents<'a> {
    /// PKCS#8 PrivateKeyInfo, DER.
    pub key: &'a [u8],
    /// The certificate of the key and those above it, in this order, DER. Possibly none.
    pub chain: &'a [Vec<u8>],
    /// What people call it.
    pub name: Option<&'a str>,
}

/// The bundle, DER. The engine writes the key with Triple DES under a key that SHA-1 makes of the password, as PKCS#12
/// has always done; whoever asks for one has to know that this is old. The certificates are public and stand in the open.
///
/// # Errors
/// [`Error::Bundle`] and [`Error::Unreadable`] for contents that cannot be; [`Error::Engine`].
pub fn bundle(contents: &Contents<'_>, password: &str) -> Result<Vec<u8>, Error> {
    // The engine takes both as C strings.
    if password.contains('\0') || contents.name.is_some_and(|name| name.contains('\0')) {
        return Err(Error::Bundle);
    }
    let key = PKey::private_key_from_pkcs8(contents.key).map_err(|_| Error::Bundle)?;
    let mut builder = Pkcs12::builder();
    builder.pkey(&key).key_algorithm(Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC).cert_algorithm(Nid::from_raw(OPEN));
    builder.key_iter(ITERATIONS).mac_iter(ITERATIONS).mac_md(MessageDigest::sha256());
    if let Some(name) = contents.name {
        builder.name(name);
    }
    let mut chain = contents.chain.iter().map(|der| X509::from_der(der).map_err(|_| Error::Unreadable));
    if let Some(own) = chain.next() {
        let own = own?;
        if !own.public_key().is_ok_and(|public| public.public_eq(&key)) {
            return Err(Error::Bundle);
        }
        builder.cert(&own);
    }
    let mut above = Stack::new().map_err(|_| Error::Engine)?;
    for certificate in chain {
        above.push(certificate?).map_err(|_| Error::Engine)?;
    }
    builder.ca(above);
    builder.build2(password).and_then(|bundle| bundle.to_der()).map_err(|_| Error::Engine)
}

/// How the engine is told to encrypt nothing.
const OPEN: i32 = -1;

/// A bundle is made now and then and guessed at for long: a tenth of a second for each guess.
const ITERATIONS: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PKey<openssl::pkey::Private> {
        PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap()
    }

    #[test]
    fn a_bundle_opens_with_its_password_only() {
        let key = key();
        let der = key.private_key_to_pkcs8().unwrap();
        let bundle = bundle(&Contents { key: &der, chain: &[], name: Some("mine") }, "secret").unwrap();
        let parsed = Pkcs12::from_der(&bundle).unwrap();
        assert!(parsed.parse2("secret").unwrap().pkey.unwrap().public_eq(&key));
        assert!(parsed.parse2("other").is_err());
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
            assert_eq!(bundle(&contents, password), Err(error), "{name}");
        }
    }
}
