//! A private key with its certificates under a password, as other systems write them (PKCS#12, RFC 7292).

use std::borrow::Cow;

use openssl::{
    pkey::{PKey, Private, Public},
    x509::{X509, X509VerifyResult},
};
use zeroize::Zeroizing;

use super::{
    ber::{BMP_STRING, EXPLICIT, IMPLICIT, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, SET},
    error::Unopened,
    passphrase::{Age, Passphrase},
};

/// What comes out of a file.
pub struct Parcel {
    /// PKCS#8 PrivateKeyInfo, DER.
    pub key: Zeroizing<Vec<u8>>,
    /// The certificate of the key and those above it, in this order, DER. Possibly none.
    pub chain: Vec<Vec<u8>>,
    /// What people call it.
    pub name: Option<String>,
}

/// Opens a file, DER or BER. The MAC is checked before anything else is looked at. Of several keys it gives the one of the name that is
/// asked for, else the first; of its certificates those that lead from that key's upwards.
///
/// # Errors
/// [`Unopened`].
pub fn unbundle(file: &[u8], password: &str, name: Option<&str>, age: Age) -> Result<Parcel, Unopened> {
    let damaged = || Unopened::Damaged("its frame");
    let mut outer = Reader::of(file);
    let mut frame = outer.inside(SEQUENCE).ok_or_else(damaged)?;
    outer.end().ok_or(Unopened::Damaged("its end"))?;
    frame.number().filter(|version| *version == VERSION).ok_or_else(damaged)?;
    let contents = match content(&mut frame).ok_or_else(damaged)? {
        (DATA, mut inner) => inner.octets(OCTET_STRING).ok_or_else(damaged)?,
        _ => return Err(Unopened::Unprotected),
    };
    let mac = frame.inside(SEQUENCE).ok_or(Unopened::Unprotected)?;
    frame.end().ok_or_else(damaged)?;
    let mut passphrase = Passphrase::new(password, age);
    passphrase.check(mac, &contents)?;
    let mut bags = Bags::default();
    let mut outer = Reader::of(&contents);
    let mut safes = outer.inside(SEQUENCE).ok_or_else(damaged)?;
    outer.end().ok_or_else(damaged)?;
    while !safes.is_empty() {
        bags.count()?;
        match content(&mut safes).ok_or_else(damaged)? {
            (DATA, mut inner) => bags.read(&inner.octets(OCTET_STRING).ok_or_else(damaged)?)?,
            (ENCRYPTED, inner) => bags.read(&decrypted(inner, &mut passphrase)?)?,
            _ => return Err(Unopened::Unserved("public keys")),
        }
    }
    bags.parcel(&mut passphrase, name)
}

/// A ContentInfo (RFC 7292 §4.1): its type, and what it holds.
fn content<'a>(reader: &mut Reader<'a>) -> Option<(&'a [u8], Reader<'a>)> {
    let mut info = reader.inside(SEQUENCE)?;
    let kind = info.bytes(OBJECT_IDENTIFIER)?;
    let inner = info.inside(EXPLICIT)?;
    info.end()?;
    Some((kind, inner))
}

fn decrypted(mut inner: Reader<'_>, passphrase: &mut Passphrase<'_>) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let damaged = || Unopened::Damaged("what it has encrypted");
    let mut encrypted = inner.inside(SEQUENCE).ok_or_else(damaged)?;
    encrypted.number().filter(|version| *version == 0).ok_or_else(damaged)?;
    let mut info = encrypted.inside(SEQUENCE).ok_or_else(damaged)?;
    info.bytes(OBJECT_IDENTIFIER).filter(|kind| *kind == DATA).ok_or_else(damaged)?;
    let (name, parameters) = info.algorithm().ok_or_else(damaged)?;
    passphrase.open(name, parameters, &info.octets(IMPLICIT).ok_or_else(damaged)?)
}

/// What was found, and how much was looked through.
#[derive(Default)]
struct Bags {
    keys: Vec<Bag>,
    certificates: Vec<Bag>,
    seen: usize,
}

struct Bag {
    bytes: Zeroizing<Vec<u8>>,
    shrouded: bool,
    name: Option<String>,
    id: Option<Vec<u8>>,
}

impl Bags {
    fn count(&mut self) -> Result<(), Unopened> {
        self.seen = self.seen.saturating_add(1);
        if self.seen > MOST_BAGS { Err(Unopened::Crowded) } else { Ok(()) }
    }

    /// Reads SafeContents (RFC 7292 §4.2).
    fn read(&mut self, bytes: &[u8]) -> Result<(), Unopened> {
        let mut outer = Reader::of(bytes);
        let bags = outer.inside(SEQUENCE).filter(|_| outer.is_empty());
        self.gather(bags.ok_or(Unopened::Damaged("its contents"))?)
    }

    fn gather(&mut self, mut bags: Reader<'_>) -> Result<(), Unopened> {
        while !bags.is_empty() {
            self.count()?;
            self.bag(&mut bags).ok_or(Unopened::Damaged("its contents"))??;
        }
        Ok(())
    }

    fn bag(&mut self, bags: &mut Reader<'_>) -> Option<Result<(), Unopened>> {
        let mut bag = bags.inside(SEQUENCE)?;
        let kind = bag.bytes(OBJECT_IDENTIFIER)?;
        let mut value = bag.inside(EXPLICIT)?;
        let (name, id) = marks(&mut bag)?;
        let kept = |bytes: &[u8], shrouded| Bag { bytes: Zeroizing::new(bytes.to_vec()), shrouded, name, id };
        match kind {
            KEY => self.keys.push(kept(value.whole(SEQUENCE)?, false)),
            SHROUDED => self.keys.push(kept(value.whole(SEQUENCE)?, true)),
            CERTIFICATE => {
                let mut certificate = value.inside(SEQUENCE)?;
                if certificate.bytes(OBJECT_IDENTIFIER)? == X509_CERTIFICATE {
                    let mut value = certificate.inside(EXPLICIT)?;
                    self.certificates.push(kept(&value.octets(OCTET_STRING)?, false));
                }
            }
            // A reader knows how deep it is, so these end.
            NESTED => return Some(self.gather(value.inside(SEQUENCE)?)),
            // Lists of revoked certificates, and secrets of kinds that every maker has its own of.
            _ => {}
        }
        Some(Ok(()))
    }

    fn parcel(&self, passphrase: &mut Passphrase<'_>, name: Option<&str>) -> Result<Parcel, Unopened> {
        // The names of PKCS#12 match in either case (RFC 2985 §5.5.1).
        let folded = name.map(str::to_lowercase);
        let wanted = |bag: &&Bag| folded.is_none() || bag.name.as_deref().map(str::to_lowercase) == folded;
        let bag = self.keys.iter().find(wanted).ok_or(Unopened::Keyless)?;
        let key = if bag.shrouded { unshrouded(&bag.bytes, passphrase)? } else { bag.bytes.clone() };
        let private = PKey::private_key_from_pkcs8(&key).map_err(|_| Unopened::Damaged("its private key"))?;
        let chain = self.chain(bag, &private)?;
        Ok(Parcel { key, chain, name: bag.name.clone() })
    }

    /// The certificate of this very key, the one marked as the key is before others, and those above it.
    fn chain(&self, bag: &Bag, key: &PKey<Private>) -> Result<Vec<Vec<u8>>, Unopened> {
        let read = |bag: &Bag| X509::from_der(&bag.bytes).map_err(|_| Unopened::Damaged("a certificate"));
        let parsed = self.certificates.iter().map(read).collect::<Result<Vec<X509>, Unopened>>()?;
        let own = |certificate: &X509| certificate.public_key().is_ok_and(|public| public.public_eq(key));
        let owns = || self.certificates.iter().zip(&parsed).filter(|(_, certificate)| own(certificate));
        let marked = owns().find(|(other, _)| bag.id.is_some() && other.id == bag.id);
        let mut next = marked.or_else(|| owns().next()).map(|(_, certificate)| certificate);
        let mut chain = Vec::new();
        while let Some(certificate) = next.filter(|_| chain.len() < LONGEST_CHAIN) {
            chain.push(certificate.to_der().map_err(|_| Unopened::Damaged("a certificate"))?);
            let above = |issuer: &&X509| {
                let signed = |key: PKey<Public>| certificate.verify(&key).unwrap_or(false);
                issuer.issued(certificate) == X509VerifyResult::OK && issuer.public_key().is_ok_and(signed)
            };
            let own_issuer = above(&certificate);
            next = parsed.iter().find(above).filter(|_| !own_issuer);
        }
        Ok(chain)
    }
}

/// An EncryptedPrivateKeyInfo (RFC 5958 §3), opened.
fn unshrouded(bytes: &[u8], passphrase: &mut Passphrase<'_>) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let damaged = || Unopened::Damaged("its private key");
    let mut info = Reader::of(bytes).inside(SEQUENCE).ok_or_else(damaged)?;
    let (name, parameters) = info.algorithm().ok_or_else(damaged)?;
    let sealed = info.octets(OCTET_STRING).ok_or_else(damaged)?;
    info.end().ok_or_else(damaged)?;
    passphrase.open(name, parameters, &sealed)
}

/// The friendlyName and the localKeyId of a bag (RFC 7292 §4.2).
fn marks(bag: &mut Reader<'_>) -> Option<(Option<String>, Option<Vec<u8>>)> {
    let (mut name, mut id) = (None, None);
    if bag.is_empty() {
        return Some((name, id));
    }
    let mut attributes = bag.inside(SET)?;
    bag.end()?;
    while !attributes.is_empty() {
        let mut attribute = attributes.inside(SEQUENCE)?;
        let kind = attribute.bytes(OBJECT_IDENTIFIER)?;
        let mut values = attribute.inside(SET)?;
        match kind {
            FRIENDLY_NAME => name = Some(text(values.bytes(BMP_STRING)?)?),
            LOCAL_KEY_ID => id = values.octets(OCTET_STRING).map(Cow::into_owned),
            _ => {}
        }
    }
    Some((name, id))
}

fn text(bytes: &[u8]) -> Option<String> {
    let (units, []) = bytes.as_chunks() else { return None };
    let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
    char::decode_utf16(units).collect::<Result<String, _>>().ok()
}

pub(super) const VERSION: u32 = 3;
pub(super) const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 1];
const ENCRYPTED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 6];
const KEY: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 0x0A, 1, 1];
pub(super) const SHROUDED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 0x0A, 1, 2];
pub(super) const CERTIFICATE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 0x0A, 1, 3];
const NESTED: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 0x0A, 1, 6];
pub(super) const X509_CERTIFICATE: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 0x16, 1];
pub(super) const FRIENDLY_NAME: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 0x14];
pub(super) const LOCAL_KEY_ID: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 0x15];

/// A file has a key, its certificate and a few above it, each in a bag of its own.
const MOST_BAGS: usize = 100;
/// No chain of certificates that anybody verifies is longer.
const LONGEST_CHAIN: usize = 10;

#[cfg(test)]
pub(super) mod tests {
    use openssl::{
        asn1::Asn1Time, bn::BigNum, ec::EcGroup, ec::EcKey, hash::MessageDigest, nid::Nid, x509::X509Builder,
        x509::X509NameBuilder,
    };

    use super::*;
    use crate::{
        certificate::ber::{counted, wrapped},
        chance::{Chance, Dry},
    };

    /// The same for everybody.
    pub struct Even;

    impl Chance for Even {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
            bytes.fill(7);
            Ok(())
        }
    }

    /// The key of the number one on P-256, which nobody should use.
    pub fn key() -> PKey<Private> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let one = BigNum::from_u32(1).unwrap();
        PKey::from_ec_key(EcKey::from_private_components(&group, &one, group.generator_opt().unwrap()).unwrap())
            .unwrap()
    }

    /// A certificate of that key, signed with it.
    pub fn certified() -> Vec<u8> {
        let key = key();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("CN", "one").unwrap();
        let name = name.build();
        let mut certificate = X509Builder::new().unwrap();
        certificate.set_subject_name(&name).unwrap();
        certificate.set_issuer_name(&name).unwrap();
        certificate.set_pubkey(&key).unwrap();
        certificate.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
        certificate.set_not_after(&Asn1Time::from_unix(1).unwrap()).unwrap();
        certificate.sign(&key, MessageDigest::sha256()).unwrap();
        certificate.build().to_der().unwrap()
    }

    fn named(identifier: &[u8]) -> Zeroizing<Vec<u8>> {
        wrapped(OBJECT_IDENTIFIER, &[identifier])
    }

    fn info(kind: &[u8], bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        wrapped(SEQUENCE, &[&named(kind), &wrapped(EXPLICIT, &[&wrapped(OCTET_STRING, &[bytes])])])
    }

    fn bag(kind: &[u8], value: &[u8]) -> Zeroizing<Vec<u8>> {
        wrapped(SEQUENCE, &[&named(kind), &wrapped(EXPLICIT, &[value])])
    }

    /// A file with a MAC around this AuthenticatedSafe.
    fn around(safes: &[u8]) -> Vec<u8> {
        let mac = Passphrase::new("p", Age::Current).vouch(safes, &Even).unwrap();
        wrapped(SEQUENCE, &[&counted(VERSION), &info(DATA, safes), &mac]).to_vec()
    }

    /// A file with these bags.
    fn holding(bags: &[u8]) -> Vec<u8> {
        around(&wrapped(SEQUENCE, &[&info(DATA, &wrapped(SEQUENCE, &[bags]))]))
    }

    /// A file whose key is under this scheme.
    fn under(scheme: &[u8]) -> Vec<u8> {
        holding(&bag(SHROUDED, &wrapped(SEQUENCE, &[scheme, &wrapped(OCTET_STRING, &[&[0; 16]])])))
    }

    /// A scheme of PKCS#12 itself, by its last number, with so many rounds.
    fn scheme(number: u8, rounds: u32) -> Zeroizing<Vec<u8>> {
        let parameters = wrapped(SEQUENCE, &[&wrapped(OCTET_STRING, &[b"salt"]), &counted(rounds)]);
        wrapped(SEQUENCE, &[&named(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 0x0C, 1, number]), &parameters])
    }

    #[test]
    fn a_file_that_is_cut_short_or_goes_on_is_refused_before_any_hashing() {
        let whole = holding(&bag(KEY, &key().private_key_to_pkcs8().unwrap()));
        assert!(unbundle(&whole, "p", None, Age::Current).is_ok());
        for length in 0..whole.len() {
            let refused = unbundle(&whole[..length], "p", None, Age::Current).err();
            assert_eq!(refused, Some(Unopened::Damaged("its frame")), "cut at {length}");
        }
        let longer = [&whole[..], &[0]].concat();
        assert_eq!(unbundle(&longer, "p", None, Age::Current).err(), Some(Unopened::Damaged("its end")));
    }

    #[test]
    fn a_file_that_is_none_stays_closed() {
        let der = key().private_key_to_pkcs8().unwrap();
        let plain = bag(KEY, &der);
        let safes = wrapped(SEQUENCE, &[&info(DATA, &wrapped(SEQUENCE, &[&plain]))]);
        let mac = |rounds| {
            let sha256 = named(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1]);
            let digest = wrapped(SEQUENCE, &[&wrapped(SEQUENCE, &[&sha256]), &wrapped(OCTET_STRING, &[&[0; 32]])]);
            wrapped(SEQUENCE, &[&digest, &wrapped(OCTET_STRING, &[b"salt"]), &counted(rounds)])
        };
        let framed =
            |version, kind, mac: &[u8]| wrapped(SEQUENCE, &[&counted(version), &info(kind, &safes), mac]).to_vec();
        let mut nested = plain.clone();
        for _ in 0..20 {
            nested = bag(NESTED, &wrapped(SEQUENCE, &[&nested]));
        }
        let signed = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];
        let enveloped = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 3];
        let certificate = wrapped(EXPLICIT, &[&wrapped(OCTET_STRING, &[b"no certificate"])]);
        let certificate = bag(CERTIFICATE, &wrapped(SEQUENCE, &[&named(X509_CERTIFICATE), &certificate]));
        let rows: [(&str, Vec<u8>, Unopened); 16] = [
            ("nothing", Vec::new(), Unopened::Damaged("its frame")),
            ("another version", framed(4, DATA, &mac(1)), Unopened::Damaged("its frame")),
            ("a signature", framed(VERSION, signed, &[]), Unopened::Unprotected),
            ("no MAC", framed(VERSION, DATA, &[]), Unopened::Unprotected),
            ("another MAC", framed(VERSION, DATA, &mac(1)), Unopened::Password),
            ("a MAC of no rounds", framed(VERSION, DATA, &mac(0)), Unopened::Damaged("how its password is stretched")),
            ("a MAC of many rounds", framed(VERSION, DATA, &mac(u32::MAX)), Unopened::Costly),
            ("a key of many rounds", under(&scheme(3, 700_000)), Unopened::Costly),
            ("a key of rounds beyond counting", under(&scheme(3, u32::MAX)), Unopened::Costly),
            ("nothing in it", around(&wrapped(SEQUENCE, &[])), Unopened::Keyless),
            ("no list in it", around(b"no list"), Unopened::Damaged("its frame")),
            ("public keys", around(&wrapped(SEQUENCE, &[&info(enveloped, &[])])), Unopened::Unserved("public keys")),
            ("bags in bags", holding(&nested), Unopened::Damaged("its contents")),
            ("too many bags", holding(&plain.repeat(MOST_BAGS)), Unopened::Crowded),
            ("no key", holding(&bag(KEY, &wrapped(SEQUENCE, &[]))), Unopened::Damaged("its private key")),
            ("no certificate", holding(&[&plain[..], &certificate].concat()), Unopened::Damaged("a certificate")),
        ];
        for (name, file, error) in rows {
            assert_eq!(unbundle(&file, "p", None, Age::Old).err(), Some(error), "{name}");
        }
    }

    #[test]
    fn old_ciphers_are_refused_by_name() {
        for (name, number, age, error) in [
            ("RC4", 1, Age::Old, Unopened::Unserved("RC4")),
            ("RC2", 5, Age::Old, Unopened::Unserved("RC2")),
            ("RC2 of 40 bits", 6, Age::Old, Unopened::Unserved("RC2 of 40 bits")),
            ("Triple DES", 3, Age::Current, Unopened::Weak("Triple DES")),
            // Served, and then the bytes are no key.
            ("Triple DES for old data", 3, Age::Old, Unopened::Password),
            ("nobody's", 99, Age::Old, Unopened::Unserved("a cipher that is not known here")),
        ] {
            assert_eq!(unbundle(&under(&scheme(number, 1)), "p", None, age).err(), Some(error), "{name}");
        }
    }
}
