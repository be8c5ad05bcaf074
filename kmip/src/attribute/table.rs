//! The table of attributes: one row says everything that the standard says about one.

use super::shape::*;
use crate::{
    code::*,
    tag::Tag,
    ttlv::{Bytes, DateTime, Interval, Item, Malformed, Value, Writer},
    version::*,
};

/// Whether every object that may have an attribute has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The server sets it whenever the client does not.
    Always,
    /// Only when somebody set it.
    Sometimes,
}

/// How many instances of an attribute one object may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplicity {
    /// At most one.
    One,
    /// As many as there are different values.
    Many,
}

/// Who may give an attribute its first value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The client, and the server where the client does not.
    Client,
    /// The server alone.
    Server,
}

/// When a client may modify or delete an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Never.
    Never,
    /// Always.
    Always,
    /// While the object is Pre-Active.
    PreActive,
    /// While the object is Pre-Active or Active.
    Active,
    /// As long as no usage was allocated.
    Unused,
}

/// What a client may do with an attribute. The server may do what the client may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Who may set it when the object is made or registered.
    pub create: By,
    /// Who may set it afterwards.
    pub add: By,
    /// When a client may modify it.
    pub modify: Change,
    /// When a client may delete it.
    pub delete: Change,
}

impl Rule {
    const fn new(create: By, add: By, modify: Change, delete: Change) -> Self {
        Self { create, add, modify, delete }
    }

    /// The server's alone.
    const SERVER: Self = Self::new(By::Server, By::Server, Change::Never, Change::Never);
    /// The client's, to do with as it likes.
    const CLIENT: Self = Self::new(By::Client, By::Client, Change::Always, Change::Always);
    /// Set by the client once, whenever that is.
    const ONCE: Self = Self::new(By::Client, By::Client, Change::Never, Change::Never);
    /// Set by the client when the object is made or registered, and never again.
    const BIRTH: Self = Self::new(By::Client, By::Server, Change::Never, Change::Never);
    /// The client's, but once there it stays.
    const LASTING: Self = Self::new(By::Client, By::Client, Change::Always, Change::Never);
    /// The client's until the object is activated.
    const PREACTIVE: Self = Self::new(By::Client, By::Client, Change::PreActive, Change::Never);
    /// The client's until the object is deactivated.
    const ACTIVE: Self = Self::new(By::Client, By::Client, Change::Active, Change::Never);
    /// The client's until the object is used.
    const UNUSED: Self = Self::new(By::Client, By::Client, Change::Unused, Change::Unused);
}

/// Which objects may have an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// All of them.
    Every,
    /// All but Opaque Objects and Templates; since KMIP 2.0 all of them.
    Cryptographic,
    /// Keys and Certificates; since KMIP 2.0 all objects.
    Keys,
    /// Symmetric Keys and Split Keys; since KMIP 2.0 all objects.
    Symmetric,
    /// Objects with a secret Key Value; since KMIP 2.0 all objects.
    KeyValue,
    /// Public Keys and Private Keys.
    Asymmetric,
    /// Certificates.
    Certificates,
    /// Certificates and PGP Keys.
    Signed,
    /// Opaque Objects.
    Opaque,
}

impl Objects {
    /// Whether a peer of this version expects the attribute at objects of this type. A Template, which is there to
    /// hand attributes on, may have all.
    pub fn include(self, object: ObjectType, version: Version) -> bool {
        use ObjectType as O;
        if object == O::Template {
            return true;
        }
        let keys = [O::SymmetricKey, O::PublicKey, O::PrivateKey, O::SplitKey, O::PGPKey];
        match self {
            Self::Asymmetric => [O::PublicKey, O::PrivateKey].contains(&object),
            Self::Certificates => object == O::Certificate,
            Self::Signed => [O::Certificate, O::PGPKey].contains(&object),
            Self::Opaque => object == O::OpaqueObject,
            Self::Every => true,
            _ if version >= V2_0 => true,
            Self::Cryptographic => object != O::OpaqueObject,
            // Secret Data has an algorithm and a length in every client that registers one.
            Self::Keys => keys.contains(&object) || [O::Certificate, O::SecretData].contains(&object),
            Self::Symmetric => [O::SymmetricKey, O::SplitKey].contains(&object),
            Self::KeyValue => [O::SymmetricKey, O::PrivateKey, O::SplitKey, O::SecretData].contains(&object),
        }
    }
}

/// What the standard says about one attribute.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The attribute.
    pub standard: Standard,
    /// Its tag.
    pub tag: Tag,
    /// Its name as KMIP 1.x writes it, which is the tag's.
    pub name: &'static str,
    /// The first version that has it.
    pub since: Version,
    /// The first version that no longer has it.
    pub until: Option<Version>,
    /// Whether every object has it.
    pub presence: Presence,
    /// How many an object may have.
    pub multiplicity: Multiplicity,
    /// Who may set, modify and delete it.
    pub rule: Rule,
    /// Which objects may have it.
    pub objects: Objects,
    /// The PKCS#11 attribute that says the same, where there is one that says nothing else.
    pub cka: Option<u32>,
    /// The name under which Azure Key Vault says the same.
    pub vault: Option<&'static str>,
}

/// A row reads `Variant(Type) = SINCE [until FIRST_WITHOUT], presence, multiplicity, rule, objects [, cka number]
/// [, vault name];`. The variant is the identifier of the tag.
macro_rules! attributes {
    ($($variant:ident($kind:ty) = $since:ident $(until $until:ident)?, $presence:ident, $multiplicity:ident,
        $rule:ident, $objects:ident $(, cka $cka:literal)? $(, vault $vault:literal)?;)*) => {
        /// One instance of an attribute, with its value.
        #[allow(missing_docs, non_camel_case_types)]
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Attribute {
            $($variant($kind),)*
            /// An attribute that is not the standard's.
            Vendor(Vendor),
        }

        /// The attributes of the standard, without their values.
        #[allow(missing_docs, non_camel_case_types)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Standard {
            $($variant,)*
        }

        impl Standard {
            /// What the standard says about every attribute, in the order of [`Standard`].
            pub const ROWS: &'static [Row] = &[$(Row {
                standard: Self::$variant,
                tag: Tag::$variant,
                name: match Tag::$variant.text() {
                    Some(name) => name,
                    None => stringify!($variant),
                },
                since: $since,
                until: codes!(@until $($until)?),
                presence: Presence::$presence,
                multiplicity: Multiplicity::$multiplicity,
                rule: Rule::$rule,
                objects: Objects::$objects,
                cka: attributes!(@option $($cka)?),
                vault: attributes!(@option $($vault)?),
            },)*];

            /// Reads the value of this attribute from an item, whatever its tag.
            ///
            /// # Errors
            /// [`Malformed`] when it is no value of this attribute.
            pub fn read(self, item: Item<'_, '_>) -> Result<Attribute, Malformed> {
                match self {
                    $(Self::$variant => <$kind as Value>::read(item).map(Attribute::$variant),)*
                }
            }

            /// Reads the value of this attribute into the place of another: an attribute is large to move.
            ///
            /// # Errors
            /// As [`read`](Self::read).
            pub(super) fn read_to(self, place: &mut Attribute, item: Item<'_, '_>) -> Result<(), Malformed> {
                match self {
                    $(Self::$variant => match <$kind as Value>::read(item) {
                        Ok(value) => *place = Attribute::$variant(value),
                        Err(why) => return Err(why),
                    },)*
                }
                Ok(())
            }
        }

        impl Attribute {
            /// Which of the standard's attributes it is and its value, or the vendor's that it is.
            pub(super) fn parts(&self) -> Result<(Standard, &dyn Written), &Vendor> {
                match self {
                    $(Self::$variant(value) => Ok((Standard::$variant, value)),)*
                    Self::Vendor(own) => Err(own),
                }
            }
        }

        impl Attribute {
            /// Writes it as an Attribute of KMIP 1.x with this index, unless the peer's version has none such.
            pub(super) fn write_named(&self, index: Option<i32>, to: &mut Writer) {
                match self {
                    $(Self::$variant(value) => value.write_named(Standard::$variant, index, to),)*
                    Self::Vendor(own) => own.write_named(index, to),
                }
            }
        }
    };
    (@option) => { None };
    (@option $value:literal) => { Some($value) };
}

/// The half of [`Value`] that needs no type.
pub(super) trait Written {
    fn write_under(&self, tag: Tag, to: &mut Writer);
    fn suits(&self, version: Version) -> bool;
    /// Writes it as an [`Attribute`] of KMIP 1.x.
    fn write_named(&self, standard: Standard, index: Option<i32>, to: &mut Writer);
}

impl Attribute {
    /// Which of the standard's attributes it is, if it is one.
    pub fn standard(&self) -> Option<Standard> {
        self.parts().ok().map(|(standard, _)| standard)
    }

    /// Writes the value alone, under `tag`.
    pub fn write_value(&self, tag: Tag, to: &mut Writer) {
        match self.parts() {
            Ok((_, value)) => value.write_under(tag, to),
            Err(own) => Value::write(&own.value, tag, to),
        }
    }

    /// The date, in seconds since 1970, when it is one; nothing for attributes that are no dates.
    pub fn date(&self) -> Option<i64> {
        let date = match self {
            Self::InitialDate(date)
            | Self::ActivationDate(date)
            | Self::ProcessStartDate(date)
            | Self::ProtectStopDate(date)
            | Self::DeactivationDate(date)
            | Self::DestroyDate(date)
            | Self::CompromiseOccurrenceDate(date)
            | Self::CompromiseDate(date)
            | Self::ArchiveDate(date)
            | Self::LastChangeDate(date)
            | Self::OriginalCreationDate(date)
            | Self::RotateDate(date) => Some(*date),
            Self::Vendor(own) => own.value.read_as::<DateTime>().ok(),
            _ => None,
        };
        date.map(|DateTime(seconds)| seconds)
    }
}

impl Standard {
    /// What the standard says about the attribute.
    pub fn row(self) -> &'static Row {
        // The rows stand in the order of the variants; both come from one list.
        &Self::ROWS[self as usize]
    }

    /// The tag.
    pub fn tag(self) -> Tag {
        self.row().tag
    }

    /// The name as KMIP 1.x writes it.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

attributes! {
    UniqueIdentifier(Identifier) = V1_0, Always, One, SERVER, Every, cka 0x4, vault "kid";
    Name(Name) = V1_0, Sometimes, Many, CLIENT, Every, cka 0x3;
    ObjectType(ObjectType) = V1_0, Always, One, SERVER, Every, cka 0x0;
    CryptographicAlgorithm(CryptographicAlgorithm) = V1_0, Always, One, BIRTH, Keys, cka 0x100, vault "kty";
    CryptographicLength(i32) = V1_0, Always, One, BIRTH, Keys, vault "key_size";
    CryptographicParameters(Box<CryptographicParameters>) = V1_0, Sometimes, Many, CLIENT, Keys;
    CryptographicDomainParameters(CryptographicDomainParameters) = V1_0, Sometimes, One, ONCE, Asymmetric, cka 0x180, vault "crv";
    CertificateType(CertificateType) = V1_0, Always, One, BIRTH, Certificates, cka 0x80;
    CertificateLength(i32) = V1_1, Always, One, SERVER, Certificates;
    X_509CertificateIdentifier(X509CertificateIdentifier) = V1_1, Always, One, SERVER, Certificates;
    X_509CertificateSubject(X509CertificateSubject) = V1_1, Always, One, SERVER, Certificates;
    X_509CertificateIssuer(X509CertificateIssuer) = V1_1, Always, One, SERVER, Certificates;
    CertificateIdentifier(CertificateIdentifier) = V1_0 until V2_0, Always, One, SERVER, Certificates;
    CertificateSubject(CertificateSubject) = V1_0 until V2_0, Always, One, SERVER, Certificates;
    CertificateIssuer(CertificateIssuer) = V1_0 until V2_0, Always, One, SERVER, Certificates;
    DigitalSignatureAlgorithm(DigitalSignatureAlgorithm) = V1_1, Always, Many, BIRTH, Signed;
    Digest(Digest) = V1_0, Always, Many, SERVER, Every;
    OperationPolicyName(String) = V1_0 until V2_0, Sometimes, One, ONCE, Every;
    CryptographicUsageMask(CryptographicUsageMask) = V1_0, Always, One, ONCE, Cryptographic, vault "key_ops";
    LeaseTime(Interval) = V1_0, Sometimes, One, SERVER, Cryptographic;
    UsageLimits(UsageLimits) = V1_0, Sometimes, One, UNUSED, Keys;
    State(State) = V1_0, Always, One, SERVER, Cryptographic, vault "enabled";
    InitialDate(DateTime) = V1_0, Always, One, SERVER, Every, vault "created";
    ActivationDate(DateTime) = V1_0, Sometimes, One, PREACTIVE, Cryptographic, cka 0x110, vault "nbf";
    ProcessStartDate(DateTime) = V1_0, Sometimes, One, ACTIVE, Symmetric;
    ProtectStopDate(DateTime) = V1_0, Sometimes, One, ACTIVE, Symmetric;
    DeactivationDate(DateTime) = V1_0, Sometimes, One, ACTIVE, Cryptographic, cka 0x111, vault "exp";
    DestroyDate(DateTime) = V1_0, Sometimes, One, SERVER, Every;
    CompromiseOccurrenceDate(DateTime) = V1_0, Sometimes, One, SERVER, Every;
    CompromiseDate(DateTime) = V1_0, Sometimes, One, SERVER, Every;
    RevocationReason(RevocationReason) = V1_0, Sometimes, One, SERVER, Every;
    ArchiveDate(DateTime) = V1_0, Sometimes, One, SERVER, Every;
    ObjectGroup(String) = V1_0 until V3_0, Sometimes, Many, CLIENT, Every;
    Fresh(bool) = V1_1, Always, One, ONCE, Cryptographic;
    Link(Link) = V1_0, Sometimes, Many, CLIENT, Cryptographic;
    ApplicationSpecificInformation(ApplicationSpecificInformation) = V1_0, Sometimes, Many, CLIENT, Every;
    ContactInformation(String) = V1_0, Sometimes, One, CLIENT, Every;
    LastChangeDate(DateTime) = V1_0, Always, One, SERVER, Every, vault "updated";
    AlternativeName(AlternativeName) = V1_2, Sometimes, Many, CLIENT, Every;
    KeyValuePresent(bool) = V1_2, Sometimes, One, SERVER, KeyValue;
    KeyValueLocation(KeyValueLocation) = V1_2, Sometimes, Many, CLIENT, KeyValue;
    OriginalCreationDate(DateTime) = V1_2, Sometimes, One, ONCE, Every;
    RandomNumberGenerator(RNGParameters) = V1_3, Sometimes, One, ONCE, Cryptographic;
    PKCS_12FriendlyName(String) = V1_4, Sometimes, One, CLIENT, Cryptographic;
    Description(String) = V1_4, Sometimes, One, CLIENT, Every;
    Comment(String) = V1_4, Sometimes, One, CLIENT, Every;
    Sensitive(bool) = V1_4, Always, One, LASTING, Every, cka 0x103;
    AlwaysSensitive(bool) = V1_4, Always, One, SERVER, Every, cka 0x165;
    Extractable(bool) = V1_4, Always, One, LASTING, Every, cka 0x162, vault "exportable";
    NeverExtractable(bool) = V1_4, Always, One, SERVER, Every, cka 0x164;
    CertificateSubjectCN(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectO(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectOU(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectEmail(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectC(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectST(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectL(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectUID(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectSerialNumber(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectTitle(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectDC(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateSubjectDNQualifier(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerCN(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerO(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerOU(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerEmail(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerC(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerST(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerL(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerUID(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerSerialNumber(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerTitle(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerDC(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    CertificateIssuerDNQualifier(String) = V1_4, Sometimes, Many, SERVER, Certificates;
    ShortUniqueIdentifier(Bytes) = V2_0, Always, One, SERVER, Every;
    KeyFormatType(KeyFormatType) = V2_0, Always, One, BIRTH, Every;
    NISTKeyType(NISTKeyType) = V2_0, Sometimes, Many, ONCE, Every;
    OpaqueDataType(OpaqueDataType) = V2_0, Always, One, SERVER, Opaque;
    ProtectionLevel(ProtectionLevel) = V2_0, Sometimes, One, CLIENT, Every;
    ProtectionPeriod(Interval) = V2_0, Sometimes, One, CLIENT, Every;
    ProtectionStorageMask(ProtectionStorageMask) = V2_0, Always, One, SERVER, Every;
    QuantumSafe(bool) = V2_0, Sometimes, One, CLIENT, Every;
    RotateAutomatic(bool) = V2_1, Sometimes, One, ONCE, Every;
    RotateDate(DateTime) = V2_1, Sometimes, One, SERVER, Every;
    RotateGeneration(i32) = V2_1, Sometimes, One, SERVER, Every;
    RotateInterval(Interval) = V2_1, Sometimes, One, ONCE, Every;
    RotateLatest(bool) = V2_1, Sometimes, One, SERVER, Every;
    RotateName(RotateName) = V2_1, Sometimes, One, CLIENT, Every;
    RotateOffset(Interval) = V2_1, Sometimes, One, ONCE, Every;
    ObjectClass(ObjectClass) = V3_0, Always, One, SERVER, Every;
    DeactivationReason(DeactivationReason) = V3_0, Sometimes, One, SERVER, Every;
    CertificateSubjectDN(Bytes) = V3_0, Sometimes, One, SERVER, Certificates;
    CertificateIssuerDN(Bytes) = V3_0, Sometimes, One, SERVER, Certificates;
    CredentialLink(Linked) = V3_0, Sometimes, Many, CLIENT, Every;
    PasswordLink(Linked) = V3_0, Sometimes, Many, CLIENT, Every;
    GroupLink(Linked) = V3_0, Sometimes, Many, CLIENT, Every;
    SplitKeyBaseLink(Linked) = V3_0, Sometimes, Many, SERVER, Every;
    JoinedSplitKeyPartsLink(Linked) = V3_0, Sometimes, Many, SERVER, Every;
    CertificateRequestLink(Linked) = V3_0, Sometimes, Many, CLIENT, Every;
    CertifyCounter(i64) = V3_0, Sometimes, One, SERVER, Every;
    DecryptCounter(i64) = V3_0, Sometimes, One, SERVER, Every;
    EncryptCounter(i64) = V3_0, Sometimes, One, SERVER, Every;
    SignCounter(i64) = V3_0, Sometimes, One, SERVER, Every;
    SignatureVerifyCounter(i64) = V3_0, Sometimes, One, SERVER, Every;
    NISTSecurityCategory(i32) = V3_0, Sometimes, One, ONCE, Every;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_small() {
        // A store of objects keeps a score of them for each in memory: what is large and rare stands elsewhere.
        assert!(size_of::<Attribute>() <= 72, "{}", size_of::<Attribute>());
    }

    #[test]
    fn every_row_stands_at_the_place_of_its_variant() {
        for (place, row) in Standard::ROWS.iter().enumerate() {
            assert_eq!(row.standard as usize, place, "{:?}", row.standard);
        }
    }

    #[test]
    fn no_attribute_is_older_than_its_tag_or_outlives_it() {
        for row in Standard::ROWS {
            let (since, until) = row.tag.spoken().unwrap();
            // KMIP 3.0 splits links up into attributes of their own.
            if row.standard == Standard::Link {
                continue;
            }
            assert!(row.since >= since, "{:?}", row.standard);
            assert_eq!(row.until, until, "{:?}", row.standard);
        }
    }

    #[test]
    fn what_only_the_server_sets_no_client_changes() {
        for row in Standard::ROWS.iter().filter(|row| row.rule.create == By::Server) {
            assert_eq!(row.rule, Rule::SERVER, "{row:?}");
        }
    }

    #[test]
    fn attributes_belong_to_the_objects_that_the_version_says() {
        let symmetric = Objects::Symmetric;
        assert!(symmetric.include(ObjectType::SymmetricKey, V1_2));
        assert!(!symmetric.include(ObjectType::PrivateKey, V1_2));
        assert!(symmetric.include(ObjectType::PrivateKey, V2_0));
        assert!(symmetric.include(ObjectType::Template, V1_0));
        assert!(!Objects::Certificates.include(ObjectType::SymmetricKey, V2_1));
        assert!(!Objects::Cryptographic.include(ObjectType::OpaqueObject, V1_4));
    }
}
