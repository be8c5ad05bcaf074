//! Certificates that are made here, renewed and checked.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use strongroom_kmip::{
    attribute::{Attribute, CryptographicDomainParameters, Link, Name, References, Template},
    code::{
        CertificateRequestType, CertificateType, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType,
        LinkType, RecommendedCurve, ResultReason, State, ValidityIndicator,
    },
    identifier::UniqueIdentifier,
    object::{Certificate, CertificateRequest, KeyBlock, Object, PrivateKey},
    payload::{
        ActivateRequest, CertifyRequest, CreateKeyPairRequest, GetAttributesRequest, GetRequest, ReCertifyRequest,
        RegisterRequest, ValidateRequest,
    },
    secret::Secret,
    ttlv::{Bytes, DateTime, Interval},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::house::{House, NOON, alice, bob, operator};

/// A house with an authority, and that authority's certificate.
fn house() -> (House, Vec<u8>) {
    let house = House::new();
    let founded = house.service.found_authority(&operator(), "house", &["localhost".to_owned()]).unwrap();
    (house, founded.authority)
}

fn template(attributes: Vec<Attribute>) -> Option<Template> {
    Some(attributes.into_iter().collect())
}

/// A P-256 pair of alice's: private and public half.
fn pair(house: &House, name: &str) -> (String, String) {
    let parameters =
        CryptographicDomainParameters { recommended_curve: Some(RecommendedCurve::P_256), ..Default::default() };
    let request = CreateKeyPairRequest {
        common_attributes: template(vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::EC),
            Attribute::CryptographicDomainParameters(parameters),
        ]),
        private_key_attributes: template(vec![Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign)]),
        public_key_attributes: template(vec![
            Attribute::Name(Name::text(name)),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Verify),
        ]),
        ..CreateKeyPairRequest::default()
    };
    let made = house.ask(&alice(), request).unwrap();
    (made.private_key_unique_identifier.0, made.public_key_unique_identifier.0)
}

fn certify(id: Option<&str>, attributes: Vec<Attribute>) -> CertifyRequest {
    CertifyRequest {
        unique_identifier: id.map(Into::into),
        certificate_request_type: None,
        certificate_request: None,
        certificate_request_value: None,
        attributes: template(attributes),
        protection_storage_masks: None,
    }
}

fn with_request(kind: CertificateRequestType, bytes: &[u8], attributes: Vec<Attribute>) -> CertifyRequest {
    CertifyRequest {
        certificate_request_type: Some(kind),
        certificate_request_value: Some(Bytes(bytes.to_vec())),
        ..certify(None, attributes)
    }
}

fn re_certify(id: &str, offset: Option<u32>, attributes: Vec<Attribute>) -> ReCertifyRequest {
    ReCertifyRequest {
        unique_identifier: Some(id.into()),
        certificate_request_unique_identifier: None,
        certificate_request_type: None,
        certificate_request: None,
        certificate_request_value: None,
        offset: offset.map(Interval),
        attributes: template(attributes),
        protection_storage_masks: None,
    }
}

fn der(house: &House, id: &str) -> Vec<u8> {
    let request = GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() };
    match house.ask(&alice(), request).unwrap().object {
        Object::Certificate(certificate) => certificate.certificate_value.0,
        other => panic!("no certificate: {other:?}"),
    }
}

fn attributes(house: &House, id: &str) -> Vec<Attribute> {
    let request = GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference: References(vec![]) };
    let listed = house.ask(&alice(), request).unwrap().attributes.0;
    listed.into_iter().map(|instance| instance.attribute).collect()
}

fn link(link_type: LinkType, id: &str) -> Attribute {
    Attribute::Link(Link::to(link_type, id))
}

fn register(house: &House, attributes: Vec<Attribute>, object: Object) -> String {
    let request = RegisterRequest {
        object_type: object.object_type(),
        attributes: attributes.into_iter().collect(),
        object,
        protection_storage_masks: None,
    };
    house.ask(&alice(), request).unwrap().unique_identifier.0
}

/// Dates around the noon of the house.
fn dated(mut plan: CertificateParams) -> CertificateParams {
    plan.not_before = time::OffsetDateTime::from_unix_timestamp(NOON - 1_000_000).unwrap();
    plan.not_after = time::OffsetDateTime::from_unix_timestamp(NOON + 100_000_000).unwrap();
    plan
}

/// An authority that is kept as objects: its certificate's identifier and its DER.
fn kept_authority(house: &House, mask: CryptographicUsageMask) -> (String, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let mut plan = dated(CertificateParams::default());
    plan.distinguished_name.push(DnType::CommonName, "kept authority");
    plan.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    plan.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = plan.self_signed(&key).unwrap().der().to_vec();
    let key_block = KeyBlock {
        cryptographic_algorithm: Some(CryptographicAlgorithm::EC),
        cryptographic_length: Some(256),
        ..KeyBlock::of(KeyFormatType::PKCS_8, Secret::new(key.serialize_der()))
    };
    let private = register(house, vec![Attribute::CryptographicUsageMask(mask)], PrivateKey { key_block }.into());
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(private.as_str().into()) }).unwrap();
    let object =
        Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(certificate.clone()) };
    (register(house, vec![link(LinkType::PrivateKeyLink, &private)], object.into()), certificate)
}

const ISSUES: CryptographicUsageMask = CryptographicUsageMask(0x1001);

/// A request that wishes for a name, a host and to be an authority.
fn request() -> (KeyPair, Vec<u8>) {
    let key = KeyPair::generate().unwrap();
    let mut plan = CertificateParams::new(vec!["host.example".to_owned()]).unwrap();
    plan.distinguished_name.push(DnType::CommonName, "holder");
    plan.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    plan.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let der = plan.serialize_request(&key).unwrap().der().to_vec();
    (key, der)
}

fn validate(brought: &[&[u8]], kept: &[&str], at: Option<i64>) -> ValidateRequest {
    let certificate =
        |der: &&[u8]| Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(der.to_vec()) };
    ValidateRequest {
        certificate: brought.iter().map(certificate).collect(),
        unique_identifier: kept.iter().map(|id| UniqueIdentifier::from(*id)).collect(),
        validity_date: at.map(DateTime),
    }
}

fn verdict(house: &House, request: ValidateRequest) -> ValidityIndicator {
    house.ask(&alice(), request).unwrap().validity_indicator
}

#[test]
fn the_appliances_authority_certifies_clients_and_nothing_else() {
    let (house, authority) = house();
    let (_, public) = pair(&house, "mine");
    let id = house.ask(&alice(), certify(Some(&public), vec![])).unwrap().unique_identifier.0;
    let made = der(&house, &id);
    let (_, read) = X509Certificate::from_der(&made).unwrap();
    let (_, issuer) = X509Certificate::from_der(&authority).unwrap();
    read.verify_signature(Some(issuer.public_key())).unwrap();
    let usage = read.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any && !read.is_ca());
    assert!(read.subject_alternative_name().unwrap().is_none());
    let told = attributes(&house, &id);
    for expected in [
        Attribute::CertificateSubjectCN("mine".to_owned()),
        Attribute::CertificateIssuerCN("house".to_owned()),
        Attribute::State(State::Active),
        link(LinkType::PublicKeyLink, &public),
    ] {
        assert!(told.contains(&expected), "{expected:?} among {told:?}");
    }
    assert!(attributes(&house, &public).contains(&link(LinkType::CertificateLink, &id)));
    assert_eq!(verdict(&house, validate(&[], &[&id], None)), ValidityIndicator::Valid);
}

#[test]
fn of_a_request_the_appliances_authority_takes_the_key_alone() {
    let (house, _) = house();
    let (key, request) = request();
    let pem = format!(
        "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
        openssl::base64::encode_block(&request)
    );
    for (name, kind, bytes) in [
        ("PKCS#10", CertificateRequestType::PKCS_10, request.as_slice()),
        ("PEM", CertificateRequestType::PEM, pem.as_bytes()),
    ] {
        let named = vec![Attribute::Name(Name::text(name))];
        let id = house.ask(&alice(), with_request(kind, bytes, named)).unwrap().unique_identifier.0;
        let made = der(&house, &id);
        let (_, read) = X509Certificate::from_der(&made).unwrap();
        use rcgen::PublicKeyData as _;
        assert_eq!(read.public_key().raw, key.subject_public_key_info(), "{name}");
        assert!(!read.is_ca() && read.subject_alternative_name().unwrap().is_none(), "{name}");
        assert_eq!(read.subject().iter_common_name().next().unwrap().as_str().unwrap(), name);
    }
}

#[test]
fn an_authority_that_is_kept_issues_what_is_wished_for_but_no_authorities() {
    let (house, _) = house();
    let (authority, certificate) = kept_authority(&house, ISSUES);
    let (_, request) = request();
    let kept = CertificateRequest {
        certificate_request_type: CertificateRequestType::PKCS_10,
        certificate_request_value: Bytes(request.clone()),
    };
    let kept = register(&house, vec![], kept.into());
    let under = || vec![link(LinkType::CertificateLink, &authority)];
    for (name, ask) in [
        ("brought along", with_request(CertificateRequestType::PKCS_10, &request, under())),
        ("kept", certify(Some(&kept), under())),
    ] {
        let id = house.ask(&alice(), ask).unwrap().unique_identifier.0;
        let made = der(&house, &id);
        let (_, read) = X509Certificate::from_der(&made).unwrap();
        assert!(!read.is_ca(), "{name}");
        let names = &read.subject_alternative_name().unwrap().unwrap().value.general_names;
        assert_eq!(names.len(), 1, "{name}");
        assert_eq!(read.subject().iter_common_name().next().unwrap().as_str().unwrap(), "holder", "{name}");
        for (why, request, expected) in [
            ("its root is kept here", validate(&[], &[&id, &authority], None), ValidityIndicator::Valid),
            ("its root is brought along", validate(&[&certificate], &[&id], None), ValidityIndicator::Unknown),
            ("alone", validate(&[], &[&id], None), ValidityIndicator::Unknown),
            ("long ago", validate(&[], &[&id, &authority], Some(NOON - 500_000)), ValidityIndicator::Invalid),
            ("in far future", validate(&[], &[&id, &authority], Some(NOON + 90_000_000)), ValidityIndicator::Invalid),
            ("twice the same", validate(&[&made], &[&id, &authority], None), ValidityIndicator::Valid),
        ] {
            assert_eq!(verdict(&house, request), expected, "{name}: {why}");
        }
        let mut bent = made.clone();
        let at = bent.len() - 5;
        bent[at] ^= 1;
        assert_eq!(verdict(&house, validate(&[&bent], &[&authority], None)), ValidityIndicator::Invalid, "{name}");
    }
}

#[test]
fn who_may_not_use_the_key_of_an_authority_gets_nothing_from_it() {
    let (house, _) = house();
    let (authority, _) = kept_authority(&house, ISSUES);
    let (plain, _) = kept_authority(&house, CryptographicUsageMask::Sign);
    let (_, request) = request();
    let ask = |issuer: &str| {
        with_request(CertificateRequestType::PKCS_10, &request, vec![link(LinkType::CertificateLink, issuer)])
    };
    assert_eq!(house.ask(&bob(), ask(&authority)).unwrap_err().reason, ResultReason::ItemNotFound);
    let refused = house.ask(&alice(), ask(&plain)).unwrap_err();
    assert_eq!(refused.reason, ResultReason::IncompatibleCryptographicUsageMask);
    let (_, public) = pair(&house, "mine");
    assert_eq!(house.ask(&alice(), ask(&public)).unwrap_err().reason, ResultReason::InvalidObjectType);
    let leaf = house.ask(&alice(), certify(Some(&public), vec![])).unwrap().unique_identifier.0;
    assert_eq!(house.ask(&alice(), ask(&leaf)).unwrap_err().reason, ResultReason::WrongKeyLifecycleState);
}

#[test]
fn requests_that_are_none_or_prove_nothing_are_refused() {
    let (house, _) = house();
    let (private, public) = pair(&house, "mine");
    let (_, good) = request();
    let mut forged = good.clone();
    let at = forged.len() - 5;
    forged[at] ^= 1;
    let pkcs10 = CertificateRequestType::PKCS_10;
    let other =
        CertifyRequest { unique_identifier: Some(public.as_str().into()), ..with_request(pkcs10, &good, vec![]) };
    let untyped = CertifyRequest { certificate_request_type: None, ..with_request(pkcs10, &good, vec![]) };
    let past = vec![Attribute::ActivationDate(DateTime(10)), Attribute::DeactivationDate(DateTime(20))];
    let long = vec![Attribute::Name(Name::text(&"x".repeat(65)))];
    for (name, request, reason) in [
        ("no DER", with_request(pkcs10, b"request", vec![]), ResultReason::InvalidCSR),
        ("not its own key's signature", with_request(pkcs10, &forged, vec![]), ResultReason::InvalidCSR),
        ("another key", other, ResultReason::InvalidCSR),
        ("no PEM", with_request(CertificateRequestType::PEM, b"request", vec![]), ResultReason::InvalidCSR),
        ("CRMF", with_request(CertificateRequestType::CRMF, &good, vec![]), ResultReason::FeatureNotSupported),
        ("PGP", with_request(CertificateRequestType::PGP, &good, vec![]), ResultReason::FeatureNotSupported),
        ("no type", untyped, ResultReason::MissingData),
        ("nothing", certify(None, vec![]), ResultReason::MissingData),
        ("a private key", certify(Some(&private), vec![]), ResultReason::InvalidObjectType),
        ("expired", certify(Some(&public), past), ResultReason::InvalidAttributeValue),
        ("a name that no certificate carries", certify(Some(&public), long), ResultReason::InvalidField),
    ] {
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, reason, "{name}");
    }
    let others = house.ask(&bob(), certify(Some(&public), vec![])).unwrap_err();
    assert_eq!(others.reason, ResultReason::ItemNotFound);
    let without = House::new();
    let (_, public) = pair(&without, "mine");
    let refused = without.ask(&alice(), certify(Some(&public), vec![])).unwrap_err();
    assert_eq!(refused.reason, ResultReason::ItemNotFound, "no authority");
}

#[test]
fn a_renewed_certificate_has_the_key_the_names_and_the_place_of_the_old_one() {
    let (house, _) = house();
    let (_, public) = pair(&house, "mine");
    let named = vec![Attribute::Name(Name::text("certificate"))];
    let old = house.ask(&alice(), certify(Some(&public), named)).unwrap().unique_identifier.0;
    let new = house.ask(&alice(), re_certify(&old, Some(1000), vec![])).unwrap().unique_identifier.0;
    let (old_der, new_der) = (der(&house, &old), der(&house, &new));
    let (_, before) = X509Certificate::from_der(&old_der).unwrap();
    let (_, after) = X509Certificate::from_der(&new_der).unwrap();
    assert_eq!(before.public_key().raw, after.public_key().raw);
    assert_eq!(before.subject(), after.subject());
    assert_ne!(before.raw_serial(), after.raw_serial());
    assert_eq!(after.validity().not_before.timestamp(), NOON + 1000);
    assert_eq!(after.validity().not_after.timestamp(), before.validity().not_after.timestamp() + 1000);
    let told = attributes(&house, &new);
    for expected in [
        Attribute::Name(Name::text("certificate")),
        Attribute::State(State::PreActive),
        link(LinkType::ReplacedObjectLink, &old),
        link(LinkType::PublicKeyLink, &public),
    ] {
        assert!(told.contains(&expected), "{expected:?} among {told:?}");
    }
    assert!(attributes(&house, &old).contains(&link(LinkType::ReplacementObjectLink, &new)));
    let links = attributes(&house, &public);
    assert!(links.contains(&link(LinkType::CertificateLink, &new)));
    assert!(!links.contains(&link(LinkType::CertificateLink, &old)));
}

#[test]
fn what_is_renewed_says_what_it_said_and_is_signed_by_whom_it_was() {
    let (house, _) = house();
    let (authority, _) = kept_authority(&house, ISSUES);
    let (_, request) = request();
    let under = vec![link(LinkType::CertificateLink, &authority)];
    let ask = with_request(CertificateRequestType::PKCS_10, &request, under);
    let old = house.ask(&alice(), ask).unwrap().unique_identifier.0;
    let new = house.ask(&alice(), re_certify(&old, None, vec![])).unwrap().unique_identifier.0;
    let (old_der, new_der) = (der(&house, &old), der(&house, &new));
    let (_, before) = X509Certificate::from_der(&old_der).unwrap();
    let (_, after) = X509Certificate::from_der(&new_der).unwrap();
    assert_eq!(after.issuer(), before.issuer());
    assert_eq!(
        after.subject_alternative_name().unwrap().unwrap().value,
        before.subject_alternative_name().unwrap().unwrap().value
    );
    assert!(after.extended_key_usage().unwrap().unwrap().value.server_auth);
    assert_eq!(verdict(&house, validate(&[], &[&new, &authority], None)), ValidityIndicator::Valid);
    let another = self::request().1;
    let other = ReCertifyRequest {
        certificate_request_type: Some(CertificateRequestType::PKCS_10),
        certificate_request_value: Some(Bytes(another)),
        ..re_certify(&new, None, vec![])
    };
    assert_eq!(house.ask(&alice(), other).unwrap_err().reason, ResultReason::InvalidCSR);
    assert_eq!(house.ask(&bob(), re_certify(&new, None, vec![])).unwrap_err().reason, ResultReason::ItemNotFound);
}

#[test]
fn chains_that_are_none_are_invalid_or_refused() {
    let (house, _) = house();
    let ((first, _), (second, root)) = (kept_authority(&house, ISSUES), kept_authority(&house, ISSUES));
    let (_, public) = pair(&house, "mine");
    let leaf = house.ask(&alice(), certify(Some(&public), vec![])).unwrap().unique_identifier.0;
    assert_eq!(verdict(&house, validate(&[], &[&first], None)), ValidityIndicator::Valid, "a root by itself");
    assert_eq!(verdict(&house, validate(&[&root], &[], None)), ValidityIndicator::Unknown, "a root of somebody's");
    for (name, request) in [
        ("no certificate", validate(&[b"no certificate"], &[], None)),
        ("two leaves", validate(&[], &[&leaf, &second], None)),
        ("a certificate that is not on the way", validate(&[&root], &[&leaf], None)),
    ] {
        assert_eq!(verdict(&house, request), ValidityIndicator::Invalid, "{name}");
    }
    for (name, request, reason) in [
        ("nothing", validate(&[], &[], None), ResultReason::MissingData),
        ("a key", validate(&[], &[&public], None), ResultReason::InvalidObjectType),
        ("not there", validate(&[], &["none"], None), ResultReason::ItemNotFound),
        ("too long", validate(&[root.as_slice(); 11], &[], None), ResultReason::InvalidField),
    ] {
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, reason, "{name}");
    }
    assert_eq!(house.ask(&bob(), validate(&[], &[&leaf], None)).unwrap_err().reason, ResultReason::ItemNotFound);
}

#[test]
fn a_symmetric_key_is_not_certified() {
    let (house, _) = house();
    let key = house.aes(&alice(), "k");
    let refused = house.ask(&alice(), certify(Some(&key), vec![])).unwrap_err();
    assert_eq!(refused.reason, ResultReason::InvalidObjectType);
    let refused = house.ask(&alice(), re_certify(&key, None, vec![])).unwrap_err();
    assert_eq!(refused.reason, ResultReason::InvalidObjectType);
}

#[test]
fn the_appliances_authority_certifies_no_key_that_nobody_has_shown_to_hold() {
    let (house, _) = house();
    let (private, public) = pair(&house, "own");
    let get = || GetRequest { unique_identifier: Some(public.as_str().into()), ..GetRequest::default() };
    let bring = || {
        let object = house.ask(&alice(), get()).unwrap().object;
        let verifies = Attribute::CryptographicUsageMask(CryptographicUsageMask::Verify);
        (verifies, object)
    };
    let (verifies, object) = bring();
    let bare = register(&house, vec![verifies.clone()], object);
    let (other, _) = pair(&house, "other");
    let (_, object) = bring();
    let claimed = register(&house, vec![verifies.clone(), link(LinkType::PrivateKeyLink, &other)], object);
    let (_, object) = bring();
    let bobs = RegisterRequest {
        object_type: object.object_type(),
        attributes: [verifies, link(LinkType::PrivateKeyLink, &private)].into_iter().collect(),
        object,
        protection_storage_masks: None,
    };
    let bobs = house.ask(&bob(), bobs).unwrap().unique_identifier.0;
    for (name, caller, id) in [
        ("a public key alone", &alice(), &bare),
        ("one that points at the half of another pair", &alice(), &claimed),
        ("one that points at somebody else's private half", &bob(), &bobs),
    ] {
        let refused = house.ask(caller, certify(Some(id), Vec::new())).unwrap_err();
        assert_eq!(refused.reason, ResultReason::InvalidField, "{name}: {}", refused.message);
    }
    let key = KeyPair::generate().unwrap();
    let strange = dated(CertificateParams::new(vec!["bob".to_owned()]).unwrap()).self_signed(&key).unwrap();
    let strange =
        Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(strange.der().to_vec()) };
    let strange = register(&house, Vec::new(), strange.into());
    let refused = house.ask(&alice(), re_certify(&strange, None, Vec::new())).unwrap_err();
    assert_eq!(refused.reason, ResultReason::InvalidField, "a certificate of somebody else's: {}", refused.message);
    house.ask(&alice(), certify(Some(&public), Vec::new())).unwrap();
}
