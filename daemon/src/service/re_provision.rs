//! Re-Provision: a client gets another credential, and the one that it came with is worth nothing any more.

use strongroom_kmip::{
    attribute::{Attribute, Link, Set},
    code::{
        CertificateRequestType, CertificateType, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType,
        LinkType, ObjectType, ResultReason,
    },
    object::{Certificate, Object},
    payload::{ReProvisionRequest, ReProvisionResponse},
    ttlv::{Bytes, DateTime},
};

use super::{
    call::Call, certificate as described, contract::Perform, create, creation, material, provision, refusal::Refusal,
};
use crate::{
    caller::{ClientName, Front, Principal},
    certificate::{self, Span, Verdict, Wanted},
    vault::{Client, Content, ObjectId},
};

impl Perform for ReProvisionRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ReProvisionResponse, Refusal> {
        let client = client(call)?;
        let id = match (self.certificate_request, self.certificate) {
            (Some(_), Some(_)) => return Err(Refusal::invalid("give a certificate or a request for one, not both")),
            (Some(request), None) => {
                if request.certificate_request_type != CertificateRequestType::PKCS_10 {
                    return Err(Refusal::unsupported("a Certificate Request is PKCS#10 in DER"));
                }
                let key = certificate::request_key(&request.certificate_request_value.0);
                let key = key.map_err(|why| Refusal::new(ResultReason::CryptographicFailure, why.to_string()))?;
                let issued = issue(call, &client.name, &key)?;
                bind(call, client, &key)?;
                keep(call, issued, None)?
            }
            (None, Some(Certificate { certificate_type: CertificateType::X_509, certificate_value })) => {
                let key = certificate::certificate_key(&certificate_value.0).map_err(provision::certificates)?;
                proved(call, &client, &certificate_value.0, &key)?;
                bind(call, client, &key)?;
                keep(call, certificate_value.0, None)?
            }
            (None, Some(_)) => return Err(Refusal::unsupported("a client comes with an X.509 certificate")),
            (None, None) => {
                let (private, public) = provision::pair(call.vault, call.slot.as_deref())?;
                let key = provision::info(call.vault, call.slot.as_deref(), &public)?;
                let issued = issue(call, &client.name, &key)?;
                bind(call, client, &key)?;
                let mut set = Set::new();
                set.put(Attribute::CryptographicAlgorithm(CryptographicAlgorithm::ECDSA));
                set.put(Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign));
                set.put(Attribute::ActivationDate(DateTime(call.vault.now().seconds())));
                creation::describe(&mut set, private.shape);
                create::newborn(call, &mut set);
                let format = material::default_format(private.shape);
                let given = call.vault.give(call.slot.as_deref(), &private, material::form(format, private.shape)?)?;
                let bytes = material::bytes(&given);
                creation::complete(call, &mut set, ObjectType::PrivateKey, bytes, Some(format));
                let id = create::add(call, Content::Key(private), &mut set)?;
                let certificate = keep(call, issued, Some(&id))?;
                call.link(&id, Attribute::Link(Link::to(LinkType::CertificateLink, certificate.as_str())))?;
                id
            }
        };
        call.notes.object = Some(id.clone());
        call.placeholder = Some(id.clone());
        Ok(ReProvisionResponse { unique_identifier: Some(id.as_str().into()) })
    }
}

/// The client that asks. Only one that came over TLS with a key of its own has a credential that can be replaced.
fn client(call: &Call<'_>) -> Result<Client, Refusal> {
    match &call.caller.principal {
        Principal::Client(name) if call.caller.front == Front::Kmip => {
            call.vault.client(name)?.filter(|client| !client.revoked).ok_or_else(denied)
        }
        _ => Err(denied()),
    }
}

fn denied() -> Refusal {
    Refusal::new(ResultReason::PermissionDenied, "the caller has no client certificate to replace")
}

/// Accepts a certificate for a key that this client has proved to hold: its own key, or one that the appliance's authority
/// certified for it. A certificate alone proves nothing, and everybody may have it.
fn proved(call: &Call<'_>, client: &Client, der: &[u8], key: &[u8]) -> Result<(), Refusal> {
    let own = client.keys.contains(&provision::fingerprint(key));
    let issued = || {
        let authority = provision::authority(call.vault)?.certificate().to_vec();
        let valid = certificate::check(&[der.to_vec()], &[authority], call.vault.now()) == Verdict::Valid;
        let named = certificate::common_name(der).is_some_and(|name| name == client.name.as_str());
        Ok::<_, Refusal>(valid && named)
    };
    if own || issued()? {
        return Ok(());
    }
    Err(Refusal::invalid("a certificate does not prove who holds its key; send a certificate request"))
}

fn issue(call: &Call<'_>, name: &ClientName, key: &[u8]) -> Result<Vec<u8>, Refusal> {
    let wanted = Wanted::Client { name: name.as_str(), key };
    let span = Span::days(call.vault.now(), DAYS);
    let issued = provision::authority(call.vault)?.issue(&wanted, span, call.vault.chance());
    Ok(issued.map_err(provision::certificates)?.certificate)
}

/// Knows the client by this key from now on, and by no other.
fn bind(call: &mut Call<'_>, client: Client, key: &[u8]) -> Result<(), Refusal> {
    let key = provision::fingerprint(key);
    call.change()?.reserve_client(&client.name, &key)?;
    let holds = |other: &Client| other.name != client.name && other.keys.contains(&key);
    if call.vault.all_clients()?.iter().any(holds) {
        return Err(Refusal::invalid("a client is known by this key already"));
    }
    // As it stands when it is written: an operator may have revoked it since it was asked for.
    call.change()?.edit_client(&client.name, |client| {
        if client.revoked {
            return Err(denied());
        }
        client.keys = vec![key];
        Ok(())
    })
}

/// Keeps the certificate among the client's objects.
fn keep(call: &mut Call<'_>, der: Vec<u8>, key: Option<&ObjectId>) -> Result<ObjectId, Refusal> {
    let certificate = Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(der) };
    let mut set = Set::new();
    described::describe(&mut set, &certificate)?;
    set.put(Attribute::ActivationDate(DateTime(call.vault.now().seconds())));
    if let Some(key) = key {
        set.put(Attribute::Link(Link::to(LinkType::PrivateKeyLink, key.as_str())));
    }
    let format = Some(KeyFormatType::X_509);
    creation::complete(call, &mut set, ObjectType::Certificate, &certificate.certificate_value.0, format);
    create::add(call, Content::Blob(material::freeze(&Object::Certificate(certificate))), &mut set)
}

/// What public authorities allow at most; a client renews in time by asking again.
const DAYS: u32 = 397;
