//! Attributes: what is known about a managed object besides its key material.
//!
//! KMIP 1.x names attributes by text and numbers their instances, KMIP 2.x names them by tag, KMIP 3.0 splits some
//! up; here they are one set of values, and `wire` is the only file that knows how each version writes them. Nothing
//! here decides whether a caller may see or change an attribute: the table says what the standard allows.

mod changed;
mod index;
mod known;
mod name;
mod partial;
mod pool;
mod set;
mod shape;
mod table;
mod wire;

pub use changed::Changed;
pub use name::Kind;
pub use pool::Pool;
pub use set::{Refused, Set};
pub use shape::{
    AlternativeName, ApplicationSpecificInformation, CertificateIdentifier, CertificateIssuer, CertificateSubject,
    CryptographicDomainParameters, CryptographicParameters, DeactivationReason, Digest, Identifier, KeyValueLocation,
    Link, Linked, Name, RNGParameters, RevocationReason, RotateName, UsageLimits, Vendor, X509CertificateIdentifier,
    X509CertificateIssuer, X509CertificateSubject,
};
pub use table::{Attribute, By, Change, Multiplicity, Objects, Presence, Row, Rule, Standard};
pub use wire::{Instance, Listed, One, Reference, References, Template};
