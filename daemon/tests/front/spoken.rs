//! No answer carries a tag, an attribute, a type or a code that is newer than the version of its request: every operation
//! is asked in every version about an object that knows things of all versions.

use strongroom::service::{SERVED, VERSIONS};
use strongroom_kmip::{
    attribute::{AlternativeName, Attribute, Link, Name, RotateName, Template, Vendor},
    client::Client,
    code::*,
    payload::{AddAttributeRequest, CreateRequest, QueryRequest},
    spoken::unspoken,
    tag::Tag,
    ttlv::{Any, DateTime, Interval, Limits, Tree, Writer},
    version::{V1_4, V2_1, V3_0, Version},
};

use crate::door::{Door, Stream};

/// An object with attributes of all versions. Its identifier comes back.
fn rich(clients: &mut [Client<Stream>; 3], number: usize) -> String {
    let [one, two, three] = clients;
    let name = Name::text(&format!("object {number}"));
    let vendor = |vendor: &str| {
        Attribute::Vendor(Vendor { vendor: vendor.to_owned(), name: "own".to_owned(), value: Any::text("value") })
    };
    let usage = CryptographicUsageMask::ALL.iter().fold(CryptographicUsageMask::NONE, |all, bit| all | *bit);
    let attributes: Template = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(usage),
        Attribute::ActivationDate(DateTime(0)),
        Attribute::Name(name),
        Attribute::Description("told".to_owned()),
        Attribute::AlternativeName(AlternativeName {
            alternative_name_value: "other".to_owned(),
            alternative_name_type: AlternativeNameType::URI,
        }),
        Attribute::ObjectGroup("group".to_owned()),
        Attribute::Link(Link::to(LinkType::NextLink, "nobody")),
        Attribute::Link(Link::to(LinkType::WrappingKeyLink, "nobody")),
        Attribute::RotateName(RotateName { value: "turned".to_owned(), kind: RotateNameType::UninterpretedTextString }),
        Attribute::ProtectionLevel(ProtectionLevel::High),
        Attribute::ProtectionPeriod(Interval(9)),
        Attribute::QuantumSafe(true),
        vendor("x"),
        vendor("acme.com"),
    ]
    .into_iter()
    .collect();
    let create = CreateRequest { object_type: ObjectType::SymmetricKey, attributes, protection_storage_masks: None };
    let made = two.ask(create).unwrap().unique_identifier;
    let add = |attribute: Attribute| AddAttributeRequest {
        unique_identifier: Some(made.clone().into()),
        new_attribute: strongroom_kmip::attribute::One(attribute.into()),
    };
    one.ask(add(Attribute::OperationPolicyName("default".to_owned()))).unwrap();
    let linked = strongroom_kmip::attribute::Linked::Name("nobody".to_owned());
    three.ask(add(Attribute::GroupLink(linked))).unwrap();
    made.0
}

/// A request for an operation with this much in its payload.
fn request(version: Version, operation: Operation, payload: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut to = Writer::new(version);
    to.structure(Tag::RequestMessage, |to| {
        to.structure(Tag::RequestHeader, |to| {
            to.structure(Tag::ProtocolVersion, |to| {
                to.integer(Tag::ProtocolVersionMajor, version.major);
                to.integer(Tag::ProtocolVersionMinor, version.minor);
            });
            to.integer(Tag::BatchCount, 1);
        });
        to.structure(Tag::BatchItem, |to| {
            to.enumeration(Tag::Operation, operation.0);
            to.structure(Tag::RequestPayload, payload);
        });
    });
    to.as_bytes().to_vec()
}

/// What an answer should not have said.
fn said(client: &mut Client<Stream>, version: Version, request: &[u8]) -> Option<String> {
    let answer = client.send(request).unwrap();
    let tree = Tree::read(&answer, &Limits::default()).unwrap();
    unspoken(tree.root(), version).map(|what| what.to_string())
}

#[test]
fn no_answer_to_any_operation_says_what_its_version_does_not_know() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut clients = [V1_4, V2_1, V3_0].map(|version| door.client(&alice, version));
    let mut client = door.client(&alice, V2_1);
    let mut wrong = Vec::new();
    let mut number = 0;
    for &version in VERSIONS {
        for &operation in SERVED {
            number += 1;
            let object = rich(&mut clients, number);
            let identified = request(version, operation, |to| to.text(Tag::UniqueIdentifier, &object));
            let empty = request(version, operation, |_| {});
            for (payload, bytes) in [("an identifier", identified), ("nothing", empty)] {
                // A client that is provisioned anew is no longer the one it was.
                let mut passing = (operation == Operation::ReProvision).then(|| {
                    door.client(&door.register(&format!("passing-{payload}-{version}").replace(' ', "-")), V2_1)
                });
                if let Some(what) = said(passing.as_mut().unwrap_or(&mut client), version, &bytes) {
                    wrong.push(format!("{operation} of {payload} in {version}: {what}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn query_tells_nobody_of_what_is_newer() {
    let door = Door::new();
    let alice = door.register("alice");
    for &version in VERSIONS {
        let mut client = door.client(&alice, version);
        let query = QueryRequest { query_function: QueryFunction::ALL.to_vec(), object_groups: None };
        let message = strongroom_kmip::message::RequestMessage::of(version, [query.into()]);
        assert_eq!(said(&mut client, version, &message.write()), None, "{version}");
    }
}
