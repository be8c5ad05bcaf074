//! What an authority issues: certificates for clients and for servers.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyUsagePurpose, SanType,
    SerialNumber, SigningKey, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;

use super::{
    Error,
    request::{Fingerprint, fingerprint},
    signer::Signer,
};
use crate::{
    chance::{self, Chance},
    clock::Time,
};

/// From when until when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: Time,
    /// The last moment.
    pub until: Time,
}

impl Span {
    /// So many days from now on. It begins an hour early, for peers whose clocks are behind.
    pub const fn days(now: Time, days: u32) -> Self {
        const HOUR: i64 = 3_600;
        let now = now.seconds();
        Self {
            from: Time::from_seconds(now.saturating_sub(HOUR)),
            until: Time::from_seconds(now.saturating_add(days as i64 * 24 * HOUR)),
        }
    }

    pub(super) fn dates(self) -> Result<(OffsetDateTime, OffsetDateTime), Error> {
        let date = |time: Time| OffsetDateTime::from_unix_timestamp(time.seconds()).map_err(|_| Error::Time);
        Ok((date(self.from)?, date(self.until)?))
    }
}

/// What a certificate is to be for. `key` is the holder's public key, as a SubjectPublicKeyInfo in DER.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// For a client. The name is for people to read; the client is known by its key.
    Client {
        /// The name.
        name: &'a str,
        /// The public key.
        key: &'a [u8],
    },
    /// For a server.
    Server {
        /// The DNS names and addresses under which clients reach it; the first one is also its subject.
        names: &'a [String],
        /// The public key.
        key: &'a [u8],
    },
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Its serial number.
    pub serial: Vec<u8>,
    /// What its holder is known by.
    pub fingerprint: Fingerprint,
}

pub(super) fn issue(
    issuer: &Issuer<'static, Signer>,
    wanted: &Wanted<'_>,
    span: Span,
    chance: &dyn Chance,
) -> Result<Issued, Error> {
    let mut plan = CertificateParams::default();
    plan.use_authority_key_identifier_extension = true;
    plan.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = match wanted {
        Wanted::Client { name, key } => {
            plan.distinguished_name = named(name);
            plan.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            key
        }
        Wanted::Server { names, key } => {
            plan.distinguished_name = named(names.first().map_or("", String::as_str));
            plan.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            plan.subject_alt_names = names.iter().map(|name| alternative(name)).collect::<Result<_, _>>()?;
            key
        }
    };
    sign(issuer, plan, key, span, chance)
}

/// Gives a certificate its serial number and its dates, and signs it.
pub(super) fn sign<S: SigningKey>(
    issuer: &Issuer<'_, S>,
    mut plan: CertificateParams,
    key: &[u8],
    span: Span,
    chance: &dyn Chance,
) -> Result<Issued, Error> {
    let serial = serial(chance)?;
    plan.serial_number = Some(serial.clone());
    (plan.not_before, plan.not_after) = span.dates()?;
    let public = SubjectPublicKeyInfo::from_der(key).map_err(|_| Error::PublicKey)?;
    let certificate = plan.signed_by(&public, issuer).map_err(|_| Error::Engine)?.der().to_vec();
    let fingerprint = fingerprint(&certificate)?;
    Ok(Issued { certificate, serial: serial.to_bytes(), fingerprint })
}

/// A subject that says a name.
pub(super) fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// A serial number: 127 bits of chance, positive and never nought (RFC 5280 §4.1.2.2).
pub(super) fn serial(chance: &dyn Chance) -> Result<SerialNumber, Error> {
    let mut bytes: [u8; 16] = chance::array(chance)?;
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7F) | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

/// A DNS name or an address. Letters, digits, dashes and dots, and one star as the whole of the first label.
fn alternative(name: &str) -> Result<SanType, Error> {
    let wrong = || Error::Name(name.into());
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let plain = |label: &str| {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(sound) && !label.starts_with('-') && !label.ends_with('-')
    };
    let labels = name.strip_prefix("*.").unwrap_or(name);
    if name.len() > 253 || !labels.split('.').all(plain) {
        return Err(wrong());
    }
    Ok(SanType::DnsName(name.try_into().map_err(|_| wrong())?))
}

#[cfg(test)]
pub(super) mod tests {
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

    use super::*;
    use crate::{
        certificate::{Authority, request},
        chance::Dry,
    };

    /// A year that certificates in tests are valid for.
    pub(in crate::certificate) const YEAR: Span =
        Span { from: Time(1_800_000_000_000), until: Time(1_831_536_000_000) };

    /// Chance that is none.
    pub(in crate::certificate) struct Counting;

    impl Chance for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
            bytes.iter_mut().zip(0xE0..).for_each(|(byte, value)| *byte = value);
            Ok(())
        }
    }

    struct Empty;

    impl Chance for Empty {
        fn fill(&self, _: &mut [u8]) -> Result<(), Dry> {
            Err(Dry)
        }
    }

    /// A fresh P-256 key, PKCS#8.
    pub(in crate::certificate) fn key() -> Vec<u8> {
        rcgen::KeyPair::generate().unwrap().serialize_der()
    }

    fn public() -> Vec<u8> {
        request::key_of_pair(&key()).unwrap()
    }

    #[test]
    fn a_client_certificate_is_for_clients_and_signed_by_its_authority() {
        let house = Authority::found("house", &key(), YEAR, &Counting).unwrap();
        let issued = house.issue(&Wanted::Client { name: "alice", key: &public() }, YEAR, &Counting).unwrap();
        let (_, authority) = X509Certificate::from_der(house.certificate()).unwrap();
        let (_, read) = X509Certificate::from_der(&issued.certificate).unwrap();
        read.verify_signature(Some(authority.public_key())).unwrap();
        assert_eq!(read.issuer(), authority.subject());
        assert!(!read.is_ca());
        let usage = read.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth && !usage.any);
        assert_eq!(read.validity().not_before.timestamp(), YEAR.from.seconds());
        assert_eq!(read.validity().not_after.timestamp(), YEAR.until.seconds());
        assert_eq!(read.raw_serial(), issued.serial);
        assert_eq!(issued.serial.first(), Some(&0x60));
    }

    #[test]
    fn a_server_certificate_names_every_host_and_address() {
        let house = Authority::found("house", &key(), YEAR, &Counting).unwrap();
        let names = ["vault.example", "*.vault.example", "127.0.0.1", "::1"].map(str::to_owned);
        let issued = house.issue(&Wanted::Server { names: &names, key: &public() }, YEAR, &Counting).unwrap();
        let (_, read) = X509Certificate::from_der(&issued.certificate).unwrap();
        let listed = &read.subject_alternative_name().unwrap().unwrap().value.general_names;
        let loopback = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!(
            listed.as_slice(),
            [
                GeneralName::DNSName("vault.example"),
                GeneralName::DNSName("*.vault.example"),
                GeneralName::IPAddress(&[127, 0, 0, 1]),
                GeneralName::IPAddress(&loopback),
            ]
        );
        let usage = read.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.server_auth && !usage.client_auth);
    }

    #[test]
    fn names_that_no_certificate_carries_are_refused_by_name() {
        let house = Authority::found("house", &key(), YEAR, &Counting).unwrap();
        for (why, name) in [
            ("empty", ""),
            ("a space", "vault example"),
            ("a star inside", "a.*.example"),
            ("a bare star", "*"),
            ("an empty label", "vault..example"),
            ("a closing dot", "vault.example."),
            ("not ASCII", "tür.example"),
            ("an address with a port", "127.0.0.1:5696"),
            ("a long label", &"a".repeat(64)),
            ("a nought", "vault\0.example"),
        ] {
            let wanted = Wanted::Server { names: &[name.to_owned()], key: &public() };
            assert_eq!(house.issue(&wanted, YEAR, &Counting), Err(Error::Name(name.into())), "{why}");
        }
    }

    #[test]
    fn nothing_is_issued_without_chance_or_for_what_is_no_key() {
        let house = Authority::found("house", &key(), YEAR, &Counting).unwrap();
        let wanted = Wanted::Client { name: "alice", key: &public() };
        assert_eq!(house.issue(&wanted, YEAR, &Empty), Err(Error::Chance(Dry)));
        for (name, key) in [("nothing", &b""[..]), ("noise", b"\x30\x03abc"), ("a text", b"key")] {
            let wanted = Wanted::Client { name: "alice", key };
            assert_eq!(house.issue(&wanted, YEAR, &Counting), Err(Error::PublicKey), "{name}");
        }
        let never = Span { from: Time(0), until: Time(i64::MAX) };
        assert_eq!(house.issue(&wanted, never, &Counting), Err(Error::Time));
    }
}
