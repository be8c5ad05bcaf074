//! Whether certificates make a chain that holds (RFC 5280 §6, without revocation).

use x509_parser::prelude::{ASN1Time, FromDer, ParsedExtension, X509Certificate};

use super::{Error, issue::Span};
use crate::clock::Time;

/// From when until when a certificate (DER) is valid.
///
/// # Errors
/// [`Error::Unreadable`].
pub fn validity(certificate: &[u8]) -> Result<Span, Error> {
    let Ok(([], read)) = X509Certificate::from_der(certificate) else { return Err(Error::Unreadable) };
    let time = |time: ASN1Time| Time::from_seconds(time.timestamp());
    Ok(Span { from: time(read.validity().not_before), until: time(read.validity().not_after) })
}

/// Whether a certificate (DER) is an authority's that was signed with its own key.
pub fn is_root(certificate: &[u8]) -> bool {
    let Ok(([], read)) = X509Certificate::from_der(certificate) else { return false };
    read.is_ca() && read.subject() == read.issuer() && read.verify_signature(None).is_ok()
}

/// What was found of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It leads to an anchor, and everything on the way holds.
    Valid,
    /// Something on the way does not hold.
    Invalid,
    /// What is there holds, and leads to nobody who is trusted; or it says what nobody here understands.
    Unknown,
}

/// Checks one chain, given in any order, DER: every certificate must be on the way from the one that issued none of the
/// others to one of the anchors. All of them must be valid at `at`.
pub fn check(chain: &[Vec<u8>], anchors: &[Vec<u8>], at: Time) -> Verdict {
    let (Some(chain), Some(anchors)) = (read(chain), read(anchors)) else { return Verdict::Invalid };
    if chain.is_empty() || chain.len() > LONGEST {
        return Verdict::Invalid;
    }
    let issued_one = |one: &X509Certificate<'_>| {
        chain.iter().any(|other| other.as_raw() != one.as_raw() && other.issuer() == one.subject())
    };
    let mut leaves = chain.iter().filter(|one| !issued_one(one));
    let (Some(mut current), None) = (leaves.next(), leaves.next()) else { return Verdict::Invalid };
    let mut verdict = Verdict::Valid;
    let mut used = 1usize;
    for below in 0..=LONGEST {
        if !valid_at(current, at) {
            return Verdict::Invalid;
        }
        if !understood(current) {
            verdict = Verdict::Unknown;
        }
        if anchors.iter().any(|anchor| anchor.as_raw() == current.as_raw()) {
            return if used == chain.len() { verdict } else { Verdict::Invalid };
        }
        let rest = chain.iter().filter(|other| other.as_raw() != current.as_raw());
        let above = |other: &&X509Certificate<'_>| other.subject() == current.issuer();
        let (next, own) = match rest.clone().find(above) {
            Some(next) => (next, true),
            None => match anchors.iter().find(above) {
                Some(anchor) => (anchor, false),
                // Nobody above is known. One that signed itself must have done so.
                None if current.subject() == current.issuer() && current.verify_signature(None).is_err() => {
                    return Verdict::Invalid;
                }
                None => return if used == chain.len() { Verdict::Unknown } else { Verdict::Invalid },
            },
        };
        if current.verify_signature(Some(next.public_key())).is_err() || !issues(next, below) {
            return Verdict::Invalid;
        }
        used = used.saturating_add(usize::from(own));
        current = next;
    }
    // Certificates that issued each other in a circle lead nowhere.
    Verdict::Invalid
}

fn read(all: &[Vec<u8>]) -> Option<Vec<X509Certificate<'_>>> {
    let mut found: Vec<X509Certificate<'_>> = Vec::new();
    for der in all {
        let Ok(([], read)) = X509Certificate::from_der(der) else { return None };
        if !found.iter().any(|known| known.as_raw() == read.as_raw()) {
            found.push(read);
        }
    }
    Some(found)
}

fn valid_at(certificate: &X509Certificate<'_>, at: Time) -> bool {
    let validity = certificate.validity();
    (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&at.seconds())
}

/// Whether it may issue others, with so many authorities below it.
fn issues(certificate: &X509Certificate<'_>, below: usize) -> bool {
    let Ok(Some(constraints)) = certificate.basic_constraints() else { return false };
    let deep =
        constraints.value.path_len_constraint.is_none_or(|most| usize::try_from(most).is_ok_and(|most| below <= most));
    let signs = match certificate.key_usage() {
        Ok(Some(usage)) => usage.value.key_cert_sign(),
        Ok(None) => true,
        Err(_) => false,
    };
    constraints.value.ca && deep && signs
}

/// Whether everything that it insists on is understood here.
fn understood(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().filter(|extension| extension.critical).all(|extension| {
        matches!(
            extension.parsed_extension(),
            ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::SubjectAlternativeName(_)
        )
    })
}

/// No chain that anybody verifies is longer.
const LONGEST: usize = 10;
