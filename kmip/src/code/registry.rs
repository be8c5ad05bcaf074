//! Which tag carries which table: what XML and JSON need to turn a name into its number.

use super::*;
use crate::{schema::Code, tag::Tag, version::Version};

/// Number and name, as XML and JSON write it, of every value that an Enumeration under `tag` may have; nothing for a
/// tag that carries no enumeration of the standard's.
///
/// An Attribute Value of KMIP 1.x is looked up under the tag of the attribute that its Attribute Name names.
pub fn table(tag: Tag) -> Option<&'static [(u32, &'static str)]> {
    ENUMERATIONS.iter().find(|(carrier, ..)| *carrier == tag).map(|(_, rows, _)| *rows)
}

/// Since which version this value of an Enumeration under `tag` is spoken, and the first version without it; nothing for
/// a value, or a tag, that has no row.
pub fn spoken(tag: Tag, number: u32) -> Option<Span> {
    ENUMERATIONS.iter().find(|(carrier, ..)| *carrier == tag).and_then(|(.., spoken)| spoken(number))
}

/// Bit and name, as XML and JSON write it, of every bit that an Integer under `tag` may have; nothing for a tag that
/// carries no bit mask.
pub fn mask(tag: Tag) -> Option<&'static [(u32, &'static str)]> {
    MASKS.iter().find(|(carrier, ..)| *carrier == tag).map(|(_, rows, _)| *rows)
}

/// The bits of an Integer under `tag` that a version speaks; all of them under a tag that carries no bit mask.
pub fn spoken_bits(tag: Tag, bits: i32, version: Version) -> i32 {
    MASKS.iter().find(|(carrier, ..)| *carrier == tag).map_or(bits, |(.., spoken)| spoken(bits, version))
}

type Rows = &'static [(u32, &'static str)];
/// The first version that speaks a code, and the first that no longer does.
type Span = (Version, Option<Version>);

/// Each enumeration with the tags that carry it; without any, the one of its own name.
macro_rules! carried {
    ($($kind:ident $(: $tag:ident)?;)*) => {
        &[$((carried!(@tag $kind $($tag)?), <$kind as Code>::NAMES, |number| $kind(number).spoken())),*]
    };
    (@tag $kind:ident) => { Tag::$kind };
    (@tag $kind:ident $tag:ident) => { Tag::$tag };
}

type Enumerations = &'static [(Tag, Rows, fn(u32) -> Option<Span>)];
type Masks = &'static [(Tag, Rows, fn(i32, Version) -> i32)];

const ENUMERATIONS: Enumerations = carried! {
    AdjustmentType;
    AlternativeNameType;
    AsynchronousIndicator;
    AttestationType;
    BatchErrorContinuationOption;
    BlockCipherMode;
    CancellationResult;
    CertificateRequestType;
    CertificateType;
    ClientRegistrationMethod;
    CredentialType;
    CryptographicAlgorithm;
    DRBGAlgorithm;
    Data;
    Data: MACData;
    Data: SignatureData;
    DeactivationReasonCode;
    DerivationMethod;
    DestroyAction;
    DigitalSignatureAlgorithm;
    EncodingOption;
    EndpointRole;
    Ephemeral;
    FIPS186Variation;
    HashingAlgorithm;
    HashingAlgorithm: MaskGeneratorHashingAlgorithm;
    HashingAlgorithm: PasswordSaltAlgorithm;
    InteropFunction;
    ItemType: ExtensionType;
    KeyCompressionType;
    KeyFormatType;
    KeyRoleType;
    KeyValueLocationType;
    KeyWrapType;
    LinkType;
    MaskGenerator;
    NISTKeyType;
    NameType;
    OTPAlgorithm;
    ObjectClass;
    ObjectGroupMember;
    ObjectType;
    OpaqueDataType;
    Operation;
    PKCS11Function: PKCS_11Function;
    PKCS11ReturnCode: PKCS_11ReturnCode;
    PaddingMethod;
    ProcessingStage;
    ProfileName;
    ProtectionLevel;
    PutFunction;
    QueryFunction;
    RNGAlgorithm;
    RNGMode;
    RecommendedCurve;
    ResultReason;
    ResultStatus;
    RevocationReasonCode;
    RotateNameType;
    SecretDataType;
    ShreddingAlgorithm;
    SplitKeyMethod;
    SplitKeyPolynomial;
    State;
    Tag;
    Tag: AttributeReference;
    TicketType;
    UniqueIdentifier;
    UniqueIdentifier: CertificateRequestUniqueIdentifier;
    UniqueIdentifier: LinkedObjectIdentifier;
    UniqueIdentifier: PrivateKeyUniqueIdentifier;
    UniqueIdentifier: PublicKeyUniqueIdentifier;
    UniqueIdentifier: ReplacedUniqueIdentifier;
    UnwrapMode;
    UsageLimitsUnit;
    ValidationAuthorityType;
    ValidationType;
    ValidityIndicator;
    WrappingMethod;
};

/// Each bit mask with the tag that carries it.
macro_rules! masked {
    ($($kind:ident;)*) => {
        &[$((Tag::$kind, $kind::NAMES, |bits, version| $kind(bits).spoken_by(version).0)),*]
    };
}

const MASKS: Masks = masked! {
    CryptographicUsageMask;
    ObjectClassMask;
    ProtectionStorageMask;
    StorageStatusMask;
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::normalised;

    #[test]
    fn no_tag_carries_two_tables() {
        let mut tags: Vec<Tag> = ENUMERATIONS.iter().map(|(tag, ..)| *tag).collect();
        tags.extend(MASKS.iter().map(|(tag, ..)| *tag));
        let count = tags.len();
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), count);
    }

    #[test]
    fn the_tag_decides_what_a_name_means() {
        let number = |tag, name: &str| table(tag)?.iter().find(|(_, known)| *known == name).map(|row| row.0);
        assert_eq!(number(Tag::ObjectType, "SymmetricKey"), Some(2));
        assert_eq!(number(Tag::MaskGeneratorHashingAlgorithm, "SHA_256"), Some(6));
        assert_eq!(number(Tag::AttributeReference, "CryptographicLength"), Some(0x42002A));
        assert_eq!(number(Tag::ObjectType, "SHA_256"), None);
        assert_eq!(number(Tag::KeyMaterial, "SymmetricKey"), None);
        assert_eq!(mask(Tag::CryptographicUsageMask).and_then(|bits| bits.first()).copied(), Some((1, "Sign")));
        assert_eq!(mask(Tag::CryptographicLength), None);
    }

    fn wrongly_named<T: Code>() -> Vec<(u32, &'static str)> {
        let rows = T::ROWS.iter().zip(T::NAMES);
        rows.filter(|((_, text), (_, name))| normalised(text) != *name).map(|(_, row)| *row).collect()
    }

    #[test]
    fn identifiers_are_the_normalised_names() {
        assert_eq!(wrongly_named::<Tag>(), []);
        assert_eq!(wrongly_named::<CryptographicAlgorithm>(), []);
        assert_eq!(wrongly_named::<ProfileName>(), []);
        assert_eq!(wrongly_named::<SplitKeyMethod>(), []);
        assert_eq!(wrongly_named::<DigitalSignatureAlgorithm>(), []);
        assert_eq!(wrongly_named::<Operation>(), []);
    }
}
