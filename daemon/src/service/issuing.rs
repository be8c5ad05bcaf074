//! Certificates that are made here: for whom, by whom, and what is kept of them.
//!
//! The appliance's own authority certifies clients and nothing else: whoever trusts it to name servers must not be shown
//! one that a client has made up. Any other certificate is issued by an authority that is kept as objects: its
//! certificate, which the request names by a Certificate Link, and its private key, which the caller may use.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute, Link, Set},
    code::{
        CertificateRequestType, CertificateType, CryptographicUsageMask, KeyFormatType, LinkType, ObjectType,
        ResultReason,
    },
    mechanism::{Curve, Form as Written, Hash, Input, Mechanism},
    object::{Certificate, Object as Managed},
    ttlv::{Bytes, DateTime},
};

use super::{alter, call::Call, certificate as told, create, creation, descent, material, provision, refusal::Refusal};
use crate::{
    certificate::{self, Lent, Plan, Signature, Span, Wanted},
    clock::Time,
    vault::{Action, Body, Content, Form, Object, ObjectId, Pair, Permit, Purpose, Released, Shape},
};

/// Who is to be certified.
pub struct Applicant {
    /// The public key, SubjectPublicKeyInfo, DER.
    pub key: Vec<u8>,
    /// The certificate request, PKCS#10, DER.
    pub request: Option<Vec<u8>>,
    /// The certificate that is renewed, DER.
    pub renewed: Option<Vec<u8>>,
    /// The public key as an object.
    pub public: Option<Arc<Object>>,
}

/// The certificate request that a client brings, as DER.
///
/// # Errors
/// [`Refusal`] for a type of request that is not served, and for a request that cannot be read or proves nothing.
pub fn request(kind: Option<CertificateRequestType>, bytes: Option<&Bytes>) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(Bytes(bytes)) = bytes else { return Ok(None) };
    let der = match kind {
        None => return Err(Refusal::missing("Certificate Request Type")),
        Some(CertificateRequestType::PKCS_10) => bytes.clone(),
        Some(CertificateRequestType::PEM) => {
            certificate::unpem(REQUEST, bytes).ok_or_else(|| refused(certificate::Error::Request))?.to_vec()
        }
        Some(other) => {
            return Err(Refusal::unsupported(format!("certificate requests of type {other} are not served")));
        }
    };
    certificate::request_key(&der).map_err(refused)?;
    Ok(Some(der))
}

/// A certificate request that is kept as an object, as DER.
///
/// # Errors
/// [`Refusal`] for another object, or one that the caller may not read.
pub fn kept_request(call: &mut Call<'_>, id: &ObjectId) -> Result<Vec<u8>, Refusal> {
    let (object, permit) = call.see(id, Action::Read)?;
    match thawed(call, &object, &permit)? {
        Managed::CertificateRequest(kept) => {
            let kind = Some(kept.certificate_request_type);
            request(kind, Some(&kept.certificate_request_value))?.ok_or_else(|| refused(certificate::Error::Request))
        }
        _ => Err(Refusal::new(ResultReason::InvalidObjectType, "the object is no certificate request")),
    }
}

/// A certificate that is kept as an object, with its DER.
///
/// # Errors
/// [`Refusal`] for another object, or one that the caller may not see.
pub fn kept_certificate(call: &mut Call<'_>, id: &ObjectId) -> Result<(Arc<Object>, Vec<u8>), Refusal> {
    let (object, permit) = call.see(id, Action::See)?;
    if object.object_type() == ObjectType::Certificate
        && let Managed::Certificate(kept) = thawed(call, &object, &permit)?
    {
        return Ok((object, kept.certificate_value.0));
    }
    Err(Refusal::new(ResultReason::InvalidObjectType, "the object is no certificate"))
}

/// Makes the certificate and adds it to what the call writes.
///
/// # Errors
/// [`Refusal`] when nobody may issue it, or not for that time.
pub fn issue(call: &mut Call<'_>, set: &mut Set, applicant: &Applicant) -> Result<ObjectId, Refusal> {
    let now = call.vault.now().seconds();
    let from = set.activation_date().unwrap_or(now);
    let until = set.deactivation_date().unwrap_or_else(|| from.saturating_add(YEAR));
    if until <= now || until <= from {
        return Err(Refusal::new(ResultReason::InvalidAttributeValue, "the certificate would have expired"));
    }
    set.put(Attribute::ActivationDate(DateTime(from)));
    set.put(Attribute::DeactivationDate(DateTime(until)));
    alter::dates_in_order(set)?;
    // A certificate that begins now begins a little earlier, for peers whose clocks are behind.
    let early = if from <= now { from.saturating_sub(HOUR) } else { from };
    let issuer = descent::link_of(set, LinkType::CertificateLink);
    let der = match &issuer {
        None => own(call, set, applicant, Span { from: Time::from_seconds(early), until: Time::from_seconds(until) })?,
        Some(issuer) => lent(call, set, applicant, issuer, [from, early, until])?,
    };
    let made = Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(der) };
    told::describe(set, &made)?;
    creation::complete(call, set, ObjectType::Certificate, &made.certificate_value.0, Some(KeyFormatType::Raw));
    if let Some(public) = &applicant.public {
        set.put(Attribute::Link(Link::to(LinkType::PublicKeyLink, public.id.as_str())));
    }
    create::add(call, Content::Blob(material::freeze(&Managed::from(made))), set)
}

/// The public key of an object, for whoever may change that object.
///
/// # Errors
/// [`Refusal`] for an object that is no public key.
pub fn public_key(call: &mut Call<'_>, id: &ObjectId) -> Result<(Arc<Object>, Vec<u8>), Refusal> {
    let (object, _) = call.see(id, Action::Change)?;
    let (_, permit) = call.see(id, Action::See)?;
    if object.object_type() != ObjectType::PublicKey {
        return Err(Refusal::new(ResultReason::InvalidObjectType, "the object is no public key"));
    }
    let key = call.vault.public_half(&object, &permit)?;
    let key = key.ok_or_else(|| Refusal::new(ResultReason::InvalidObjectType, "no slot works with the public key"))?;
    Ok((object, key.to_vec()))
}

fn thawed(call: &Call<'_>, object: &Object, permit: &Permit) -> Result<Managed, Refusal> {
    match call.view()?.release(object, permit, Form::Raw)? {
        Released::Blob(bytes) => material::thaw(&bytes),
        Released::Key(_) => Err(Refusal::new(ResultReason::InvalidObjectType, "the object is a key")),
    }
}

/// What people call the holder, where no request or older certificate says it.
fn holder(set: &Set, applicant: &Applicant) -> String {
    let own = set.names().next().map(|name| name.value.clone());
    let public = || {
        let public = applicant.public.as_ref()?;
        Some(public.attributes.names().next().map_or_else(|| public.id.to_string(), |name| name.value.clone()))
    };
    own.or_else(public).unwrap_or_else(|| "client".to_owned())
}

/// A client's certificate of the appliance's own authority. Of a request nothing counts but its key and its proof.
fn own(call: &Call<'_>, set: &Set, applicant: &Applicant, span: Span) -> Result<Vec<u8>, Refusal> {
    let name = applicant.renewed.as_deref().and_then(certificate::common_name);
    let name = name.unwrap_or_else(|| holder(set, applicant));
    if name.len() > LONGEST_NAME {
        return Err(Refusal::invalid("the name of a certificate's holder has 64 characters at most"));
    }
    let authority = provision::authority(call.vault)?;
    if !holds(call, applicant, authority.certificate())? {
        let why = "nothing shows who holds the private key; bring a certificate request that it has signed";
        return Err(Refusal::new(ResultReason::InvalidField, why));
    }
    let wanted = Wanted::Client { name: &name, key: &applicant.key };
    Ok(authority.issue(&wanted, span, call.vault.chance()).map_err(refused)?.certificate)
}

/// Whether the private key is shown to be the applicant's: by a request that it has signed, by its being here for the caller
/// to use, or by this very authority, which was shown it before. A client can become known by a certificate of the
/// appliance's authority, and must not by a key that is somebody else's.
fn holds(call: &Call<'_>, applicant: &Applicant, authority: &[u8]) -> Result<bool, Refusal> {
    if applicant.request.is_some() {
        return Ok(true);
    }
    if let Some(old) = &applicant.renewed {
        let began = certificate::validity(old).map_err(refused)?.from;
        let verdict = certificate::check(std::slice::from_ref(old), &[authority.to_vec()], began);
        if verdict == certificate::Verdict::Valid {
            return Ok(true);
        }
    }
    let half = applicant.public.as_ref().and_then(|public| descent::linked(public, LinkType::PrivateKeyLink));
    let Some(half) = half else { return Ok(false) };
    let view = call.view()?;
    let Ok((private, permit)) = view.see(call.caller, &half, Action::See) else { return Ok(false) };
    let usable = view.see(call.caller, &half, Action::Use).is_ok();
    let same = call.vault.public_half(&private, &permit)?.is_some_and(|key| *key == *applicant.key);
    Ok(usable && same && matches!(private.body, Body::Key(Shape::Private(_))))
}

/// A certificate of an authority that is kept as objects.
fn lent(
    call: &mut Call<'_>,
    set: &Set,
    applicant: &Applicant,
    issuer: &ObjectId,
    [from, early, until]: [i64; 3],
) -> Result<Vec<u8>, Refusal> {
    let plan = match (&applicant.request, &applicant.renewed) {
        (Some(request), _) => Plan::of_request(request).map_err(refused)?,
        (None, Some(old)) => Plan::of_certificate(old).map_err(refused)?,
        (None, None) => Plan::of_name(&holder(set, applicant)),
    };
    let notes = call.notes.clone();
    let (authority, certificate) = kept_certificate(call, issuer)?;
    let key = private_key(call, &authority)?;
    let usable = call.usable(&key, Purpose::Sign)?;
    call.notes = notes;
    let mask = usable.object().attributes.usage_mask();
    if !mask.is_some_and(|mask| mask.contains(CryptographicUsageMask::CertificateSign)) {
        let why = "the Cryptographic Usage Mask of the issuer's key does not allow to sign certificates";
        return Err(Refusal::new(ResultReason::IncompatibleCryptographicUsageMask, why));
    }
    let (signature, mechanism) = signing(usable.shape())?;
    call.notes.mechanism = Some(mechanism.name());
    let sign = |message: &[u8]| Some(usable.work(&mechanism, message).ok()?.reveal().to_vec());
    let lent = Lent { certificate: &certificate, signature, sign: &sign };
    let dates = certificate::validity(&certificate).map_err(refused)?;
    let begin = if early < dates.from.seconds() { from } else { early };
    let span = Span { from: Time::from_seconds(begin), until: Time::from_seconds(until) };
    let issued = lent.issue(plan, &applicant.key, span, call.vault.chance()).map_err(refused)?.certificate;
    // Whether the key is the one of the issuer's certificate shows in what it signed.
    match certificate::check(std::slice::from_ref(&issued), &[certificate], Time::from_seconds(from)) {
        certificate::Verdict::Invalid => {
            Err(Refusal::invalid("the issuer's certificate is not of the private key that it leads to"))
        }
        certificate::Verdict::Valid | certificate::Verdict::Unknown => Ok(issued),
    }
}

/// The private key that a certificate leads to, straight or by its public key.
fn private_key(call: &mut Call<'_>, certificate: &Object) -> Result<ObjectId, Refusal> {
    if let Some(key) = descent::linked(certificate, LinkType::PrivateKeyLink) {
        return Ok(key);
    }
    let none = || Refusal::invalid("the issuer's certificate has no link to its private key");
    let public = descent::linked(certificate, LinkType::PublicKeyLink).ok_or_else(none)?;
    let (public, _) = call.see(&public, Action::See)?;
    descent::linked(&public, LinkType::PrivateKeyLink).ok_or_else(none)
}

fn signing(shape: Shape) -> Result<(Signature, Mechanism), Refusal> {
    let ecdsa = |hash| Mechanism::Ecdsa { hash: Some(hash), form: Written::Der };
    match shape {
        Shape::Private(Pair::Rsa { .. }) => {
            let mechanism = Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: Input::Message };
            Ok((Signature::RsaSha256, mechanism))
        }
        Shape::Private(Pair::Elliptic(Curve::P256)) => Ok((Signature::P256Sha256, ecdsa(Hash::Sha256))),
        Shape::Private(Pair::Elliptic(Curve::P384)) => Ok((Signature::P384Sha384, ecdsa(Hash::Sha384))),
        Shape::Private(Pair::Elliptic(Curve::Ed25519)) => Ok((Signature::Ed25519, Mechanism::Eddsa)),
        _ => Err(Refusal::unsupported("certificates are signed by keys of RSA, P-256, P-384 or Ed25519")),
    }
}

/// Why there is no certificate, in KMIP's words.
pub fn refused(error: certificate::Error) -> Refusal {
    use certificate::Error as E;
    let reason = match &error {
        E::Request | E::Unproved => ResultReason::InvalidCSR,
        E::Time | E::Name(_) => ResultReason::InvalidAttributeValue,
        E::PublicKey | E::NoAuthority | E::Unreadable | E::Mismatch | E::Key | E::Bundle => ResultReason::InvalidField,
        E::Engine => ResultReason::CryptographicFailure,
        E::Chance(_) => ResultReason::GeneralFailure,
    };
    Refusal::new(reason, error.to_string())
}

/// The armour's label of a certificate request.
const REQUEST: &str = "CERTIFICATE REQUEST";
/// RFC 5280 appendix A: ub-common-name.
const LONGEST_NAME: usize = 64;
const HOUR: i64 = 3600;
/// How long a certificate lasts that nobody gave an end.
const YEAR: i64 = 365 * 86_400;
