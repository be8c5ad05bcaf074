//! The structured values of attributes.

use std::fmt;

use crate::{
    code::*,
    tag::Tag,
    ttlv::{Any, Bytes, Fields, Item, Kind as Type, Malformed, Value, Writer},
    version::{EVERY, V3_0, Version},
};

/// The Unique Identifier of an object: a Text String, in KMIP 3.0 an Identifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier(pub String);

impl Value for Identifier {
    fn write(&self, tag: Tag, to: &mut Writer) {
        let kind = if split_up(to.version()) { Type::Identifier } else { Type::TextString };
        to.text_like(tag, kind, &self.0);
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        let kind = if item.kind() == Type::Identifier { Type::Identifier } else { Type::TextString };
        item.text_like(kind).map(|text| Self(text.to_owned()))
    }
}

impl From<&str> for Identifier {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The object at the other end of a link (KMIP 2.1 §4.31 Linked Object Identifier).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Linked {
    /// By its Unique Identifier.
    Identifier(String),
    /// By its Name (KMIP 3.0).
    Name(String),
    /// What an earlier batch item made or found (since KMIP 2.0).
    Placeholder(UniqueIdentifier),
    /// The n-th of what an earlier Locate found (since KMIP 2.0).
    Located(i32),
}

impl Value for Linked {
    fn write(&self, tag: Tag, to: &mut Writer) {
        match self {
            Self::Identifier(text) if split_up(to.version()) => to.text_like(tag, Type::Reference, text),
            Self::Identifier(text) => to.text(tag, text),
            Self::Name(text) => to.text_like(tag, Type::NameReference, text),
            Self::Placeholder(code) => to.enumeration(tag, code.0),
            Self::Located(place) => to.integer(tag, *place),
        }
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        match item.kind() {
            Type::Enumeration => item.enumeration().map(|code| Self::Placeholder(UniqueIdentifier(code))),
            Type::Integer => item.integer().map(Self::Located),
            Type::NameReference => item.text_like(Type::NameReference).map(|text| Self::Name(text.to_owned())),
            kind @ (Type::Identifier | Type::Reference) => {
                item.text_like(kind).map(|text| Self::Identifier(text.to_owned()))
            }
            _ => item.text().map(|text| Self::Identifier(text.to_owned())),
        }
    }
    fn fits(&self, version: Version) -> bool {
        match self {
            Self::Name(_) => version.within(V3_0, None),
            Self::Identifier(_) | Self::Placeholder(_) | Self::Located(_) => true,
        }
    }
}

/// The name by which a client knows an object (KMIP 2.1 §4.32). KMIP 3.0 writes the text alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The text; compared byte for byte.
    pub value: String,
    /// How it is written.
    pub kind: NameType,
}

impl Name {
    /// A name that is any text.
    pub fn text(value: &str) -> Self {
        Self { value: value.to_owned(), kind: NameType::UninterpretedTextString }
    }
}

/// The name of a key that is rotated (KMIP 2.1 §4.53). KMIP 3.0 writes the text alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RotateName {
    /// The text.
    pub value: String,
    /// How it is written.
    pub kind: RotateNameType,
}

/// A text with its type, where KMIP 3.0 has the text alone.
macro_rules! typed_text {
    ($($name:ident: $value:ident, $type:ident;)*) => {
        $(impl Value for $name {
            fn write(&self, tag: Tag, to: &mut Writer) {
                if split_up(to.version()) {
                    return to.text(tag, &self.value);
                }
                to.structure(tag, |to| {
                    to.text(Tag::$value, &self.value);
                    to.enumeration(Tag::$type, self.kind.0);
                });
            }
            fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
                if item.kind() == Type::TextString {
                    return Ok(Self { value: item.text()?.to_owned(), kind: $type::UninterpretedTextString });
                }
                let mut fields = Fields::of(item)?;
                let value = fields.take(Tag::$value).ok_or(Malformed::Missing(Tag::$value))?.text()?.to_owned();
                let kind = fields.take(Tag::$type).ok_or(Malformed::Missing(Tag::$type))?.enumeration().map($type)?;
                fields.finish()?;
                Ok(Self { value, kind })
            }
        })*
    };
}

typed_text! {
    Name: NameValue, NameType;
    RotateName: RotateNameValue, RotateNameType;
}

/// How two objects belong together (KMIP 2.1 §4.31). KMIP 3.0 has an attribute for each type of link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// What the other object is to this one.
    pub link_type: LinkType,
    /// The other object.
    pub linked_object_identifier: Linked,
}

impl Link {
    /// A link to the object of this Unique Identifier.
    pub fn to(link_type: LinkType, identifier: &str) -> Self {
        Self { link_type, linked_object_identifier: Linked::Identifier(identifier.to_owned()) }
    }

    /// The attribute in which KMIP 3.0 keeps links of this type.
    pub(super) fn tag_of(link_type: LinkType) -> Option<Tag> {
        LINKS.iter().find(|(number, _)| *number == link_type).map(|(_, tag)| *tag)
    }

    /// The type of link that KMIP 3.0 keeps in the attribute of this tag.
    pub(super) fn type_of(tag: Tag) -> Option<LinkType> {
        LINKS.iter().find(|(_, known)| *known == tag).map(|(link_type, _)| *link_type)
    }
}

impl Value for Link {
    fn write(&self, tag: Tag, to: &mut Writer) {
        to.structure(tag, |to| {
            self.link_type.write(Tag::LinkType, to);
            self.linked_object_identifier.write(Tag::LinkedObjectIdentifier, to);
        });
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        let mut fields = Fields::of(item)?;
        // What Locate looks for may leave the type out.
        let link_type = fields.take(Tag::LinkType).map_or(Ok(Self::ANY), LinkType::read)?;
        let linked = fields.take(Tag::LinkedObjectIdentifier).ok_or(Malformed::Missing(Tag::LinkedObjectIdentifier))?;
        let linked_object_identifier = Linked::read(linked)?;
        fields.finish()?;
        Ok(Self { link_type, linked_object_identifier })
    }
    fn fits(&self, version: Version) -> bool {
        let known = match split_up(version) {
            true => Self::tag_of(self.link_type).is_some(),
            false => self.link_type.fits(version),
        };
        known && self.linked_object_identifier.fits(version)
    }
}

const LINKS: &[(LinkType, Tag)] = &[
    (LinkType::CertificateLink, Tag::CertificateLink),
    (LinkType::PublicKeyLink, Tag::PublicKeyLink),
    (LinkType::PrivateKeyLink, Tag::PrivateKeyLink),
    (LinkType::DerivationBaseObjectLink, Tag::DerivationObjectLink),
    (LinkType::DerivedKeyLink, Tag::DerivedObjectLink),
    (LinkType::ReplacementObjectLink, Tag::ReplacementObjectLink),
    (LinkType::ReplacedObjectLink, Tag::ReplacedObjectLink),
    (LinkType::ParentLink, Tag::ParentLink),
    (LinkType::ChildLink, Tag::ChildLink),
    (LinkType::PreviousLink, Tag::PreviousLink),
    (LinkType::NextLink, Tag::NextLink),
    (LinkType::PKCS_12CertificateLink, Tag::PKCS_12CertificateLink),
    (LinkType::PKCS_12PasswordLink, Tag::PKCS_12PasswordLink),
    (LinkType::WrappingKeyLink, Tag::WrappingKeyLink),
];

/// An attribute that is not the standard's (KMIP 2.1 §4.60, 1.4 §3.39 Custom Attribute).
///
/// KMIP 1.x writes vendor and name in one text, `x-` for the client's and `y-` for the server's; those are the vendors
/// `x` and `y`. Attributes of other vendors have no name in KMIP 1.x and are not written for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vendor {
    /// Who defined it.
    pub vendor: String,
    /// Its name among that vendor's.
    pub name: String,
    /// Its value, of whatever type.
    pub value: Any,
}

structure! {
    /// How a key is used: mode, padding, hash and their parameters (KMIP 2.1 §4.16).
    #[derive(Clone, PartialEq, Eq, Hash, Default)]
    CryptographicParameters {
        block_cipher_mode: Option<BlockCipherMode> = BlockCipherMode, V1_0;
        padding_method: Option<PaddingMethod> = PaddingMethod, V1_0;
        hashing_algorithm: Option<HashingAlgorithm> = HashingAlgorithm, V1_0;
        key_role_type: Option<KeyRoleType> = KeyRoleType, V1_0;
        digital_signature_algorithm: Option<DigitalSignatureAlgorithm> = DigitalSignatureAlgorithm, V1_2;
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CryptographicAlgorithm, V1_2;
        /// Whether the server makes the IV.
        random_iv: Option<bool> = RandomIV, V1_2;
        /// In bits.
        iv_length: Option<i32> = IVLength, V1_2;
        /// In bytes.
        tag_length: Option<i32> = TagLength, V1_2;
        /// In bits.
        fixed_field_length: Option<i32> = FixedFieldLength, V1_2;
        /// In bits.
        invocation_field_length: Option<i32> = InvocationFieldLength, V1_2;
        /// In bits.
        counter_length: Option<i32> = CounterLength, V1_2;
        initial_counter_value: Option<i32> = InitialCounterValue, V1_2;
        /// In bytes.
        salt_length: Option<i32> = SaltLength, V1_4;
        mask_generator: Option<MaskGenerator> = MaskGenerator, V1_4;
        mask_generator_hashing_algorithm: Option<HashingAlgorithm> = MaskGeneratorHashingAlgorithm, V1_4;
        /// The encoding input P of OAEP.
        p_source: Option<Bytes> = PSource, V1_4;
        trailer_field: Option<i32> = TrailerField, V1_4;
    }
}

structure! {
    /// What a key pair is generated from, besides its length (KMIP 2.1 §4.14).
    #[derive(Clone, PartialEq, Eq, Hash, Default)]
    CryptographicDomainParameters {
        /// In bits.
        qlength: Option<i32> = Qlength, V1_0;
        recommended_curve: Option<RecommendedCurve> = RecommendedCurve, V1_0;
    }
}

structure! {
    /// The hash of an object's key material, certificate or opaque bytes (KMIP 2.1 §4.21).
    #[derive(Clone, PartialEq, Eq, Hash)]
    Digest {
        hashing_algorithm: HashingAlgorithm = HashingAlgorithm, V1_0;
        /// Missing when the server never had the bytes.
        digest_value: Option<Bytes> = DigestValue, V1_0;
        /// The format that was hashed.
        key_format_type: Option<KeyFormatType> = KeyFormatType, V1_1;
    }
}

structure! {
    /// How much may be protected with a key (KMIP 2.1 §4.59).
    #[derive(Clone, PartialEq, Eq, Hash)]
    UsageLimits {
        usage_limits_total: i64 = UsageLimitsTotal, V1_0;
        /// What is left; only the server sets it.
        usage_limits_count: Option<i64> = UsageLimitsCount, V1_0;
        usage_limits_unit: UsageLimitsUnit = UsageLimitsUnit, V1_0;
    }
}

structure! {
    /// Why an object was revoked (KMIP 2.1 §4.47).
    #[derive(Clone, PartialEq, Eq, Hash)]
    RevocationReason {
        revocation_reason_code: RevocationReasonCode = RevocationReasonCode, V1_0;
        revocation_message: Option<String> = RevocationMessage, V1_0;
    }
}

structure! {
    /// Why an object was deactivated (KMIP 3.0).
    #[derive(Clone, PartialEq, Eq, Hash)]
    DeactivationReason {
        deactivation_reason_code: DeactivationReasonCode = DeactivationReasonCode, V3_0;
        deactivation_message: Option<String> = DeactivationMessage, V3_0;
    }
}

structure! {
    /// What an application keeps with an object (KMIP 2.1 §4.4).
    #[derive(Clone, PartialEq, Eq, Hash)]
    ApplicationSpecificInformation {
        application_namespace: String = ApplicationNamespace, V1_0;
        /// Missing where the client leaves the value to the server.
        application_data: Option<String> = ApplicationData, V1_0;
    }
}

structure! {
    /// Another name of an object, which need not be unique (KMIP 2.1 §4.2).
    #[derive(Clone, PartialEq, Eq, Hash)]
    AlternativeName {
        alternative_name_value: String = AlternativeNameValue, V1_2;
        alternative_name_type: AlternativeNameType = AlternativeNameType, V1_2;
    }
}

structure! {
    /// Where a key value is that the server does not hold (KMIP 2.1 §4.27).
    #[derive(Clone, PartialEq, Eq, Hash)]
    KeyValueLocation {
        key_value_location_value: String = KeyValueLocationValue, V1_2;
        key_value_location_type: KeyValueLocationType = KeyValueLocationType, V1_2;
    }
}

structure! {
    /// A random number generator (KMIP 2.1 §7.36).
    #[derive(Clone, PartialEq, Eq, Hash)]
    RNGParameters {
        rng_algorithm: RNGAlgorithm = RNGAlgorithm, V1_3;
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CryptographicAlgorithm, V1_3;
        /// In bits.
        cryptographic_length: Option<i32> = CryptographicLength, V1_3;
        hashing_algorithm: Option<HashingAlgorithm> = HashingAlgorithm, V1_3;
        drbg_algorithm: Option<DRBGAlgorithm> = DRBGAlgorithm, V1_3;
        recommended_curve: Option<RecommendedCurve> = RecommendedCurve, V1_3;
        fips186_variation: Option<FIPS186Variation> = FIPS186Variation, V1_3;
        prediction_resistance: Option<bool> = PredictionResistance, V1_3;
    }
}

structure! {
    /// Issuer and serial number as texts, deprecated since KMIP 1.1 (KMIP 1.4 §3.13).
    #[derive(Clone, PartialEq, Eq, Hash)]
    CertificateIdentifier {
        issuer: String = Issuer, V1_0 until V2_0;
        serial_number: Option<String> = SerialNumber, V1_0 until V2_0;
    }
}

structure! {
    /// The subject as texts, deprecated since KMIP 1.1 (KMIP 1.4 §3.14).
    #[derive(Clone, PartialEq, Eq, Hash)]
    CertificateSubject {
        certificate_subject_distinguished_name: String = CertificateSubjectDistinguishedName, V1_0 until V2_0;
        certificate_subject_alternative_name: Vec<String> = CertificateSubjectAlternativeName, V1_0 until V2_0;
    }
}

structure! {
    /// The issuer as texts, deprecated since KMIP 1.1 (KMIP 1.4 §3.15).
    #[derive(Clone, PartialEq, Eq, Hash)]
    CertificateIssuer {
        certificate_issuer_distinguished_name: String = CertificateIssuerDistinguishedName, V1_0 until V2_0;
        certificate_issuer_alternative_name: Vec<String> = CertificateIssuerAlternativeName, V1_0 until V2_0;
    }
}

structure! {
    /// Issuer and serial number in DER (KMIP 2.1 §4.61).
    #[derive(Clone, PartialEq, Eq, Hash)]
    X509CertificateIdentifier {
        issuer_distinguished_name: Bytes = IssuerDistinguishedName, V1_1;
        certificate_serial_number: Bytes = CertificateSerialNumber, V1_1;
    }
}

structure! {
    /// The subject in DER (KMIP 2.1 §4.63).
    #[derive(Clone, PartialEq, Eq, Hash)]
    X509CertificateSubject {
        subject_distinguished_name: Bytes = SubjectDistinguishedName, V1_1;
        subject_alternative_name: Vec<Bytes> = SubjectAlternativeName, V1_1;
    }
}

structure! {
    /// The issuer in DER (KMIP 2.1 §4.62).
    #[derive(Clone, PartialEq, Eq, Hash)]
    X509CertificateIssuer {
        issuer_distinguished_name: Bytes = IssuerDistinguishedName, V1_1;
        issuer_alternative_name: Vec<Bytes> = IssuerAlternativeName, V1_1;
    }
}

/// Whether a peer of this version has KMIP 3.0's own types for identifiers, names and links. The store does not: it
/// keeps what only the older form can say.
pub(super) fn split_up(version: Version) -> bool {
    version >= V3_0 && version != EVERY
}
