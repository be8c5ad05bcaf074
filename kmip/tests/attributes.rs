//! How attributes stand on the wire of each version, seen from outside: what is written for a version is read back as
//! it was, either form is read whatever the version, and nothing newer than a peer reaches it.

// The lint takes only the tests themselves for tests, not what they call.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use strongroom_kmip::{
    attribute::*,
    code::*,
    tag::Tag,
    ttlv::{Any, Bytes, DateTime, Field, Fields, Interval, Kind as Type, Limits, Malformed, Tree, Writer},
    version::*,
};

/// What `write` writes, as the only content of a payload.
fn payload(version: Version, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut to = Writer::new(version);
    to.structure(Tag::RequestPayload, write);
    to.as_bytes().to_vec()
}

/// Reads a field that must take all of the payload.
fn field<F: Field>(tag: Tag, bytes: &[u8]) -> Result<F, Malformed> {
    let tree = Tree::read(bytes, &Limits::default())?;
    let mut fields = Fields::of(tree.root())?;
    let read = F::scan(tag, &mut fields)?;
    fields.finish()?;
    Ok(read)
}

fn written<F: Field>(version: Version, tag: Tag, value: &F) -> Vec<u8> {
    payload(version, |to| value.emit(tag, to))
}

/// The tags of the payload's fields.
fn tags(bytes: &[u8]) -> Vec<Tag> {
    let tree = Tree::read(bytes, &Limits::default()).unwrap();
    tree.root().children().map(|item| item.tag()).collect()
}

fn own(vendor: &str, name: &str, value: Any) -> Attribute {
    Attribute::Vendor(Vendor { vendor: vendor.to_owned(), name: name.to_owned(), value })
}

fn name(text: &str) -> Attribute {
    Attribute::Name(Name::text(text))
}

/// `Attribute { Attribute Name, Attribute Value }`, with a value under whatever tag.
fn named(to: &mut Writer, name: &str, value: impl FnOnce(&mut Writer)) {
    to.structure(Tag::Attribute, |to| {
        to.text(Tag::AttributeName, name);
        value(to);
    });
}

#[test]
fn each_version_gathers_attributes_in_its_own_way() {
    let template: Template = [name("a")].into_iter().collect();
    let listed: Listed = [name("a"), Attribute::State(State::Active)].into_iter().collect();
    let one = One(name("a").into());
    let cases: [(&str, Vec<u8>, &[Tag]); 10] = [
        ("a template of 1.0", written(V1_0, Tag::Attributes, &template), &[Tag::TemplateAttribute]),
        ("a template of 2.0", written(V2_0, Tag::TemplateAttribute, &template), &[Tag::Attributes]),
        ("a common one of 1.4", written(V1_4, Tag::CommonAttributes, &template), &[Tag::CommonTemplateAttribute]),
        ("a common one of 2.1", written(V2_1, Tag::CommonTemplateAttribute, &template), &[Tag::CommonAttributes]),
        ("a run of 1.2", written(V1_2, Tag::Attributes, &listed), &[Tag::Attribute, Tag::Attribute]),
        ("a list of 2.0", written(V2_0, Tag::Attribute, &listed), &[Tag::Attributes]),
        ("an empty list of 2.0", written(V2_0, Tag::Attributes, &Listed::default()), &[Tag::Attributes]),
        ("one of 1.3", written(V1_3, Tag::NewAttribute, &one), &[Tag::Attribute]),
        ("one of 2.0", written(V2_0, Tag::Attribute, &one), &[Tag::NewAttribute]),
        ("a current one of 1.4", written(V1_4, Tag::CurrentAttribute, &Some(one.clone())), &[]),
    ];
    for (case, bytes, expected) in cases {
        assert_eq!(tags(&bytes), expected, "{case}");
    }
}

#[test]
fn either_form_is_read_whatever_the_row_names() {
    let listed: Listed = [name("a"), own("x", "ID", Any::text("1"))].into_iter().collect();
    let template: Template = [name("a"), own("x", "ID", Any::text("1"))].into_iter().collect();
    for version in [V1_0, V2_1] {
        for tag in [Tag::Attribute, Tag::Attributes] {
            assert_eq!(field(tag, &written(version, tag, &listed)), Ok(listed.clone()), "{version} {tag}");
        }
        for tag in [Tag::TemplateAttribute, Tag::Attributes] {
            assert_eq!(field(tag, &written(version, tag, &template)), Ok(template.clone()), "{version} {tag}");
        }
    }
    // A Locate that wraps what it looks for.
    assert_eq!(field(Tag::Attributes, &written(V1_2, Tag::TemplateAttribute, &template)), Ok(listed));
}

#[test]
fn a_template_of_1_x_names_other_templates() {
    let bytes = payload(V1_2, |to| {
        to.structure(Tag::TemplateAttribute, |to| {
            to.structure(Tag::Name, |to| {
                to.text(Tag::NameValue, "base");
                to.enumeration(Tag::NameType, 1);
            });
            named(to, "Cryptographic Length", |to| to.integer(Tag::AttributeValue, 256));
        });
    });
    let template: Template = field(Tag::Attributes, &bytes).unwrap();
    assert_eq!(template.names, [Name::text("base")]);
    assert_eq!(template.attributes, [Attribute::CryptographicLength(256).into()]);
}

#[test]
fn a_missing_template_is_told_from_an_empty_one_where_it_matters() {
    let nothing = payload(V1_4, |_| {});
    assert_eq!(field::<Option<Template>>(Tag::CommonAttributes, &nothing), Ok(None));
    assert_eq!(field::<Template>(Tag::CommonAttributes, &nothing), Ok(Template::default()));
    assert_eq!(field::<Option<Listed>>(Tag::Attributes, &nothing), Ok(None));
    assert_eq!(field::<One>(Tag::NewAttribute, &nothing), Err(Malformed::Missing(Tag::NewAttribute)));
    let empty = payload(V2_0, |to| to.structure(Tag::CommonAttributes, |_| {}));
    assert_eq!(field::<Option<Template>>(Tag::CommonAttributes, &empty), Ok(Some(Template::default())));
}

#[test]
fn a_peer_gets_nothing_newer_than_its_version() {
    let parameters = CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::AEAD),
        padding_method: Some(PaddingMethod::PKCS5),
        random_iv: Some(true),
        ..CryptographicParameters::default()
    };
    let listed: Listed = [
        Attribute::Fresh(true),
        Attribute::Sensitive(true),
        Attribute::RotateGeneration(1),
        Attribute::ObjectType(ObjectType::PGPKey),
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::Ed25519),
        Attribute::CryptographicParameters(Box::new(parameters)),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign | CryptographicUsageMask::Authenticate),
        Attribute::OperationPolicyName("default".to_owned()),
        own("acme.com", "ID", Any::text("1")),
    ]
    .into_iter()
    .collect();
    let seen = |version| -> Vec<Attribute> {
        let read: Listed = field(Tag::Attributes, &written(version, Tag::Attributes, &listed)).unwrap();
        read.0.into_iter().map(|instance| instance.attribute).collect()
    };
    let oldest =
        CryptographicParameters { padding_method: Some(PaddingMethod::PKCS5), ..CryptographicParameters::default() };
    assert_eq!(
        seen(V1_0),
        [
            Attribute::CryptographicParameters(Box::new(oldest)),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign),
            Attribute::OperationPolicyName("default".to_owned()),
        ]
    );
    let kinds = |version| -> Vec<String> { seen(version).iter().map(|it| it.kind().to_string()).collect() };
    assert_eq!(
        kinds(V1_4),
        [
            "Fresh",
            "Sensitive",
            "Object Type",
            "Cryptographic Parameters",
            "Cryptographic Usage Mask",
            "Operation Policy Name"
        ]
    );
    assert_eq!(
        kinds(V2_1),
        [
            "Fresh",
            "Sensitive",
            "Rotate Generation",
            "Object Type",
            "Cryptographic Algorithm",
            "Cryptographic Parameters",
            "Cryptographic Usage Mask",
            "acme.com-ID"
        ]
    );
}

#[test]
fn both_versions_see_the_same_custom_attribute() {
    let old = payload(V1_4, |to| named(to, "x-ID", |to| to.integer(Tag::AttributeValue, 7)));
    let new = payload(V2_0, |to| {
        to.structure(Tag::Attributes, |to| {
            to.structure(Tag::Attribute, |to| {
                to.text(Tag::VendorIdentification, "x");
                to.text(Tag::AttributeName, "ID");
                to.integer(Tag::AttributeValue, 7);
            });
        });
    });
    let read: Listed = field(Tag::Attributes, &old).unwrap();
    assert_eq!(Ok(read.clone()), field::<Listed>(Tag::Attributes, &new));
    assert_eq!(written(V1_4, Tag::Attributes, &read), old);
    assert_eq!(written(V2_0, Tag::Attributes, &read), new);
}

#[test]
fn an_index_is_written_only_where_1_x_needs_one() {
    let at = |index| Listed(vec![Instance { index, attribute: name("a") }]);
    let index = |version, written_as: Option<i32>| -> Option<i32> {
        let listed: Listed = field(Tag::Attributes, &written(version, Tag::Attributes, &at(written_as))).unwrap();
        listed.0[0].index
    };
    assert_eq!(index(V1_2, None), None);
    assert_eq!(index(V1_2, Some(0)), None);
    assert_eq!(index(V1_2, Some(2)), Some(2));
    assert_eq!(index(V2_0, Some(2)), None);
}

#[test]
fn references_are_names_in_1_x_and_tags_in_2_x() {
    let kinds = References(vec![
        Standard::CryptographicLength.into(),
        Kind::vendor("x", "ID"),
        Standard::ShortUniqueIdentifier.into(),
        Kind::Unknown("Colour".to_owned()),
    ]);
    let old = written(V1_2, Tag::AttributeReference, &kinds);
    let expected = payload(V1_2, |to| {
        to.text(Tag::AttributeName, "Cryptographic Length");
        to.text(Tag::AttributeName, "x-ID");
    });
    assert_eq!(old, expected);
    let new = written(V2_1, Tag::AttributeName, &kinds);
    assert_eq!(tags(&new), [Tag::AttributeReference; 3]);
    let read: References = field(Tag::AttributeName, &new).unwrap();
    assert_eq!(read.0, kinds.0[..3]);
}

#[test]
fn an_unknown_attribute_is_kept_where_it_is_only_named() {
    let old = payload(V1_2, |to| to.text(Tag::AttributeName, "Colour"));
    let new = payload(V2_0, |to| to.enumeration(Tag::AttributeReference, 0x54_0001));
    let read = |bytes: &[u8]| field::<References>(Tag::AttributeReference, bytes).unwrap().0;
    assert_eq!(read(&old), [Kind::Unknown("Colour".to_owned())]);
    assert_eq!(read(&new), [Kind::Unknown("0x540001".to_owned())]);
    let wrong = payload(V2_0, |to| to.integer(Tag::AttributeReference, 1));
    assert!(field::<References>(Tag::AttributeReference, &wrong).is_err());
}

#[test]
fn what_is_no_attribute_is_refused_by_name() {
    let list = |write: fn(&mut Writer)| payload(V2_0, |to| to.structure(Tag::Attributes, write));
    let run = |write: fn(&mut Writer)| payload(V1_2, write);
    let cases: [(&str, Vec<u8>, Malformed); 9] = [
        (
            "an unknown name of 1.x",
            run(|to| named(to, "Colour", |to| to.text(Tag::AttributeValue, "red"))),
            Malformed::Value(Tag::AttributeName),
        ),
        (
            "a name in the wrong case",
            run(|to| named(to, "cryptographic length", |to| to.integer(Tag::AttributeValue, 1))),
            Malformed::Value(Tag::AttributeName),
        ),
        ("an unknown tag of 2.x", list(|to| to.text(Tag::KeyMaterial, "red")), Malformed::Unexpected(Tag::KeyMaterial)),
        (
            "a length that is a text, in 1.x",
            run(|to| named(to, "Cryptographic Length", |to| to.text(Tag::AttributeValue, "256"))),
            Malformed::Type(Tag::AttributeValue, Type::Integer),
        ),
        (
            "a length that is a text, in 2.x",
            list(|to| to.text(Tag::CryptographicLength, "256")),
            Malformed::Type(Tag::CryptographicLength, Type::Integer),
        ),
        (
            "a state that is a number",
            list(|to| to.integer(Tag::State, 2)),
            Malformed::Type(Tag::State, Type::Enumeration),
        ),
        (
            "a name without its type",
            list(|to| to.structure(Tag::Name, |to| to.text(Tag::NameValue, "a"))),
            Malformed::Missing(Tag::NameType),
        ),
        ("no value", run(|to| named(to, "State", |_| {})), Malformed::Missing(Tag::AttributeValue)),
        (
            "two values",
            run(|to| {
                named(to, "Cryptographic Length", |to| {
                    to.integer(Tag::AttributeValue, 1);
                    to.integer(Tag::AttributeValue, 2);
                });
            }),
            Malformed::Unexpected(Tag::AttributeValue),
        ),
    ];
    for (case, bytes, expected) in cases {
        assert_eq!(field::<Listed>(Tag::Attributes, &bytes), Err(expected), "{case}");
    }
}

#[test]
fn a_new_attribute_holds_one() {
    let two = payload(V2_0, |to| {
        to.structure(Tag::NewAttribute, |to| {
            to.enumeration(Tag::State, 2);
            to.integer(Tag::CryptographicLength, 2);
        });
    });
    assert_eq!(field::<One>(Tag::NewAttribute, &two), Err(Malformed::Unexpected(Tag::CryptographicLength)));
    let none = payload(V2_0, |to| to.structure(Tag::NewAttribute, |_| {}));
    assert_eq!(field::<One>(Tag::NewAttribute, &none), Err(Malformed::Missing(Tag::NewAttribute)));
}

#[test]
fn kmip_3_0_writes_names_and_links_as_plain_values() {
    let link = Link::to(LinkType::PrivateKeyLink, "two");
    let listed: Listed =
        [Attribute::UniqueIdentifier("one".into()), name("a"), Attribute::Link(link)].into_iter().collect();
    let bytes = written(V3_0, Tag::Attributes, &listed);
    let tree = Tree::read(&bytes, &Limits::default()).unwrap();
    let items: Vec<(Tag, Type)> =
        tree.root().children().flat_map(|item| item.children()).map(|item| (item.tag(), item.kind())).collect();
    assert_eq!(
        items,
        [
            (Tag::UniqueIdentifier, Type::Identifier),
            (Tag::Name, Type::TextString),
            (Tag::PrivateKeyLink, Type::Reference)
        ]
    );
    assert_eq!(field(Tag::Attributes, &bytes), Ok(listed));
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 äß-]{0,20}"
}

fn date() -> impl Strategy<Value = DateTime> {
    any::<i64>().prop_map(DateTime)
}

fn bytes() -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes)
}

/// Codes that every version speaks, so that no version leaves them out.
fn code<T: From<u32> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    (1u32..=2).prop_map(T::from)
}

fn structured() -> impl Strategy<Value = Attribute> {
    prop_oneof![
        (proptest::option::of(code()), proptest::option::of(code()), proptest::option::of(any::<i32>())).prop_map(
            |(block_cipher_mode, hashing_algorithm, tag_length)| {
                Attribute::CryptographicParameters(Box::new(CryptographicParameters {
                    block_cipher_mode,
                    hashing_algorithm,
                    tag_length,
                    ..CryptographicParameters::default()
                }))
            }
        ),
        (0x101u32..=0x107, text())
            .prop_map(|(link_type, text)| { Attribute::Link(Link::to(LinkType(link_type), &text)) }),
        (code(), bytes(), proptest::option::of(code())).prop_map(|(hashing_algorithm, value, key_format_type)| {
            Attribute::Digest(Digest { hashing_algorithm, digest_value: Some(value), key_format_type })
        }),
        (any::<i64>(), proptest::option::of(any::<i64>()), code()).prop_map(|(total, count, unit)| {
            Attribute::UsageLimits(UsageLimits {
                usage_limits_total: total,
                usage_limits_count: count,
                usage_limits_unit: unit,
            })
        }),
        (text(), proptest::option::of(text())).prop_map(|(application_namespace, application_data)| {
            Attribute::ApplicationSpecificInformation(ApplicationSpecificInformation {
                application_namespace,
                application_data,
            })
        }),
        (bytes(), proptest::collection::vec(bytes(), 0..3)).prop_map(|(name, others)| {
            Attribute::X_509CertificateSubject(X509CertificateSubject {
                subject_distinguished_name: name,
                subject_alternative_name: others,
            })
        }),
    ]
}

fn attribute() -> impl Strategy<Value = Attribute> {
    prop_oneof![
        text().prop_map(|text| Attribute::UniqueIdentifier(Identifier(text))),
        (text(), code()).prop_map(|(value, kind)| Attribute::Name(Name { value, kind })),
        any::<u32>().prop_map(|code| Attribute::ObjectType(ObjectType(code))),
        any::<u32>().prop_map(|code| Attribute::State(State(code))),
        (0i32..64).prop_map(|bits| Attribute::CryptographicUsageMask(CryptographicUsageMask(bits))),
        any::<i32>().prop_map(Attribute::CryptographicLength),
        date().prop_map(Attribute::ActivationDate),
        any::<u32>().prop_map(|seconds| Attribute::LeaseTime(Interval(seconds))),
        any::<bool>().prop_map(Attribute::Sensitive),
        bytes().prop_map(Attribute::ShortUniqueIdentifier),
        text().prop_map(Attribute::ObjectGroup),
        text().prop_map(Attribute::OperationPolicyName),
        any::<i32>().prop_map(Attribute::RotateGeneration),
        structured(),
        ("[xy]", text(), text()).prop_map(|(vendor, name, value)| own(&vendor, &name, Any::text(&value))),
        ("[a-z.]{2,9}", text(), date()).prop_map(|(vendor, name, value)| own(&vendor, &name, Any::of(&value))),
    ]
}

proptest! {
    #[test]
    fn what_is_stored_is_read_as_it_was(attributes in proptest::collection::vec(attribute(), 0..20)) {
        let mut set: Set = attributes.into_iter().collect();
        let first = set.indexed().map(|(index, attribute)| (index, attribute.kind())).next();
        if let Some((index, kind)) = first {
            set.remove(&kind, index);
        }
        prop_assert_eq!(Set::decode(&set.encode()), Ok(set));
    }

    #[test]
    fn what_is_written_for_a_version_is_read_as_it_was(
        attributes in proptest::collection::vec((proptest::option::of(1i32..9), attribute()), 0..20),
        version in prop_oneof![Just(V1_2), Just(V1_4), Just(V2_0), Just(V2_1)],
    ) {
        let all: Vec<Instance> =
            attributes.into_iter().map(|(index, attribute)| Instance { index, attribute }).collect();
        let mut expected: Vec<Instance> = all.iter().filter(|it| it.attribute.fits(version)).cloned().collect();
        if version >= V2_0 {
            expected.iter_mut().for_each(|instance| instance.index = None);
        }
        let listed = Listed(all.clone());
        prop_assert_eq!(
            field::<Listed>(Tag::Attributes, &written(version, Tag::Attributes, &listed)),
            Ok(Listed(expected.clone()))
        );
        let template = Template { names: Vec::new(), attributes: all };
        prop_assert_eq!(
            field::<Template>(Tag::Attributes, &written(version, Tag::Attributes, &template)),
            Ok(Template { names: Vec::new(), attributes: expected })
        );
    }

    #[test]
    fn no_bytes_make_a_set_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Set::decode(&bytes);
    }
}
