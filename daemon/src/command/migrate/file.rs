//! Files: PEM, DER and PKCS#12, one or a folder of them.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use openssl::{
    pkcs12::Pkcs12,
    pkey::PKey,
    x509::{X509, X509Ref},
};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    error::Error,
    jwk,
    parcel::{Left, Parcel, Read, Stays},
    plain,
};

type Found = Vec<Result<Parcel, Stays>>;

/// What is in a file, or in the files of a folder; files of a folder that hold no keys are passed over.
///
/// # Errors
/// [`Error`], where nothing can be read or nothing is found.
pub(super) fn open(path: &Path, password: Option<&Secret>) -> Result<Read, Error> {
    let mut found = Vec::new();
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.sort();
        for file in paths.iter().filter(|path| path.is_file()) {
            found.extend(one(file, password)?);
        }
    } else {
        found = one(path, password)?;
    }
    if found.is_empty() { Err(Error::Nothing(path.to_owned())) } else { Ok(Read(found.into_iter())) }
}

fn one(path: &Path, password: Option<&Secret>) -> Result<Found, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST));
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Contents { file: &file, stem: &stem, password }.read(&bytes))
}

/// What a file is called, and what opens it.
struct Contents<'a> {
    file: &'a str,
    stem: &'a str,
    password: Option<&'a Secret>,
}

impl Contents<'_> {
    fn read(&self, bytes: &[u8]) -> Found {
        let start = bytes.trim_ascii_start().first();
        match start {
            Some(b'{') => {
                jwk::read(bytes, self.file).unwrap_or_default().into_iter().map(|key| self.named(key)).collect()
            }
            Some(0x30) => self.der(bytes),
            _ => self.pem(bytes),
        }
    }

    fn der(&self, der: &[u8]) -> Found {
        let origin = || self.file.to_owned();
        if is_bundle(der) {
            return match Pkcs12::from_der(der) {
                Ok(bundle) => self.bundle(&bundle),
                Err(_) => vec![Err(self.stays(origin(), Left::Damaged("it is no PKCS#12 file")))],
            };
        }
        let read = if X509::from_der(der).is_ok() {
            plain::certificate(origin(), der)
        } else if let Ok(key) = PKey::private_key_from_der(der).or_else(|_| PKey::private_key_from_pkcs8(der)) {
            plain::private(origin(), &key, None)
        } else if let Ok(key) = PKey::public_key_from_der(der) {
            plain::public(origin(), &key, None)
        } else {
            return Vec::new();
        };
        vec![self.named(read.map_err(|why| self.stays(origin(), why)))]
    }

    /// What a PKCS#12 file holds.
    fn bundle(&self, bundle: &Pkcs12) -> Found {
        let password = self.password.and_then(|password| std::str::from_utf8(password.reveal()).ok());
        let parsed = match bundle.parse2(password.unwrap_or_default()) {
            Ok(parsed) => parsed,
            Err(_) => return vec![Err(self.stays(self.file.to_owned(), Left::Password))],
        };
        let mut found = Vec::new();
        let alias =
            |certificate: &X509Ref| certificate.alias().map(|alias| String::from_utf8_lossy(alias).into_owned());
        let own = parsed.cert.as_deref().and_then(alias);
        let called = own.as_deref().unwrap_or(self.stem);
        if let Some(key) = &parsed.pkey {
            let origin = format!("{}#key", self.file);
            let read = plain::private(origin.clone(), key, None).map_err(|why| self.stays(origin, why));
            found.push(read.map(|parcel| called_so(parcel, called)));
        }
        let above = parsed.ca.iter().flatten();
        for (place, certificate) in (1..).zip(parsed.cert.iter().map(AsRef::as_ref).chain(above)) {
            let origin = format!("{}#{place}", self.file);
            let read = certificate.to_der().map_err(|_| Left::Damaged("it is no X.509 certificate"));
            let read = read.and_then(|der| plain::certificate(origin.clone(), &der));
            let name = if place == 1 { Some(called.to_owned()) } else { alias(certificate) };
            found.push(match (read, name) {
                (Ok(parcel), Some(name)) => Ok(called_so(parcel, &name)),
                (Ok(parcel), None) => Ok(parcel),
                (Err(why), _) => Err(self.stays(origin, why)),
            });
        }
        found
    }

    fn pem(&self, text: &[u8]) -> Found {
        let blocks = blocks(text);
        let many = blocks.len() > 1;
        let mut found = Vec::new();
        let mut named = false;
        for (place, (label, block)) in (1..).zip(blocks) {
            let origin = if many { format!("{}#{place}", self.file) } else { self.file.to_owned() };
            let read = match label {
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => X509::from_pem(block)
                    .and_then(|certificate| certificate.to_der())
                    .map_err(|_| Left::Damaged("it is no X.509 certificate"))
                    .and_then(|der| plain::certificate(origin.clone(), &der)),
                "PUBLIC KEY" => PKey::public_key_from_pem(block)
                    .map_err(|_| Left::Damaged("it is no public key"))
                    .and_then(|key| plain::public(origin.clone(), &key, None)),
                label if label.ends_with("PRIVATE KEY") => {
                    self.private(label, block).and_then(|key| plain::private(origin.clone(), &key, None))
                }
                // Parameters, requests and lists of revoked certificates are no keys.
                _ => continue,
            };
            // The first of each file is called as the file is; who comes after has no name to be told by.
            found.push(match read {
                Ok(parcel) if !named || parcel.public.is_some() => {
                    named = true;
                    self.named(Ok(parcel))
                }
                Ok(parcel) => Ok(parcel),
                Err(why) => Err(self.stays(origin, why)),
            });
        }
        found
    }

    fn private(&self, label: &str, block: &[u8]) -> Result<PKey<openssl::pkey::Private>, Left> {
        let encrypted = label == "ENCRYPTED PRIVATE KEY" || contains(block, b"Proc-Type: 4,ENCRYPTED");
        // Without a password the engine would ask the terminal.
        let password = self.password.map_or(&b""[..], Secret::reveal);
        let read = PKey::private_key_from_pem_passphrase(block, password);
        read.map_err(
            |_| if encrypted { Left::Password } else { Left::Damaged("it is no private key that is known here") },
        )
    }

    fn named(&self, read: Result<Parcel, Stays>) -> Result<Parcel, Stays> {
        read.map(|parcel| if parcel.name().is_some() { parcel } else { called_so(parcel, self.stem) })
    }

    fn stays(&self, origin: String, why: Left) -> Stays {
        Stays { origin, kind: None, why }
    }
}

fn called_so(mut parcel: Parcel, name: &str) -> Parcel {
    parcel.attributes.push(plain::name(name));
    parcel
}

/// Whether the bytes begin as a PFX does: a sequence whose first member is the number 3 (RFC 7292 §4). The engine takes any
/// sequence for one until it is opened.
fn is_bundle(der: &[u8]) -> bool {
    let inner = match der {
        [0x30, short, rest @ ..] if *short < 0x80 => rest,
        [0x30, 0x80, rest @ ..] => rest,
        [0x30, long, rest @ ..] => rest.get(usize::from(long & 0x7F)..).unwrap_or_default(),
        _ => return false,
    };
    inner.starts_with(&[0x02, 0x01, 0x03])
}

/// The pieces of armour in a text (RFC 7468), each with its label.
fn blocks(text: &[u8]) -> Vec<(&str, &[u8])> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = find(rest, b"-----BEGIN ") {
        rest = rest.get(start..).unwrap_or_default();
        let label = rest.strip_prefix(b"-----BEGIN ").and_then(|rest| Some(&rest[..find(rest, b"-----")?]));
        let Some(label) = label.and_then(|label| std::str::from_utf8(label).ok()) else { break };
        let end = format!("-----END {label}-----");
        let Some(length) = find(rest, end.as_bytes()).and_then(|at| at.checked_add(end.len())) else { break };
        let Some((block, after)) = rest.split_at_checked(length) else { break };
        blocks.push((label, block));
        rest = after;
    }
    blocks
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    find(bytes, wanted).is_some()
}

/// No file of keys is larger.
const LARGEST: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use openssl::rsa::Rsa;
    use strongroom_kmip::code::ObjectType;

    use super::*;

    fn key() -> PKey<openssl::pkey::Private> {
        PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
    }

    fn read(bytes: &[u8], password: Option<&str>) -> Found {
        let password = password.map(|password| Secret::copy_of(password.as_bytes()));
        Contents { file: "web.pem", stem: "web", password: password.as_ref() }.read(bytes)
    }

    #[test]
    fn a_private_key_is_read_in_each_of_its_forms() {
        let key = key();
        let encrypted =
            key.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"secret").unwrap();
        for (name, bytes) in [
            ("PKCS#8, PEM", key.private_key_to_pem_pkcs8().unwrap()),
            ("PKCS#1, PEM", key.rsa().unwrap().private_key_to_pem().unwrap()),
            ("PKCS#8, DER", key.private_key_to_pkcs8().unwrap()),
            ("PKCS#1, DER", key.rsa().unwrap().private_key_to_der().unwrap()),
            ("encrypted", encrypted),
        ] {
            let found = read(&bytes, Some("secret"));
            let [Ok(parcel)] = found.as_slice() else { panic!("{name}") };
            assert_eq!((parcel.object_type(), parcel.name()), (ObjectType::PrivateKey, Some("web")), "{name}");
        }
    }

    #[test]
    fn what_is_locked_or_broken_stays_and_says_so() {
        let key = key();
        let cipher = openssl::symm::Cipher::aes_256_cbc();
        let locked = key.private_key_to_pem_pkcs8_passphrase(cipher, b"secret").unwrap();
        for (name, password) in [("without its password", None), ("with another password", Some("other"))] {
            assert!(matches!(read(&locked, password).as_slice(), [Err(Stays { why: Left::Password, .. })]), "{name}");
        }
        let broken = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(read(broken, None).as_slice(), [Err(Stays { why: Left::Damaged(_), .. })]));
        for (name, bytes) in [
            ("nothing", &b""[..]),
            ("no end", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"),
            ("no label", b"-----BEGIN "),
            ("another kind", b"-----BEGIN DH PARAMETERS-----\nAAAA\n-----END DH PARAMETERS-----\n"),
            ("other JSON", b"{\"a\": 1}"),
            ("other DER", &[0x30, 0x03, 0x02, 0x01, 0x05]),
            ("a length without an end", &[0x30, 0xFF]),
        ] {
            assert!(read(bytes, None).is_empty(), "{name}");
        }
        assert!(matches!(read(&[0x30, 0x03, 0x02, 0x01, 0x03], None).as_slice(), [Err(_)]), "a PKCS#12 file cut short");
    }
}
