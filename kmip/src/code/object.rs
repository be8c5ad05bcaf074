//! What managed objects are, and what may become of them.

enumerations! {
    /// What a managed object is (KMIP 2.1 §11.34).
    ObjectType {
        Certificate = 1, "Certificate", V1_0;
        SymmetricKey = 2, "Symmetric Key", V1_0;
        PublicKey = 3, "Public Key", V1_0;
        PrivateKey = 4, "Private Key", V1_0;
        SplitKey = 5, "Split Key", V1_0;
        Template = 6, "Template", V1_0 until V2_0;
        SecretData = 7, "Secret Data", V1_0;
        OpaqueObject = 8, "Opaque Object", V1_0;
        PGPKey = 9, "PGP Key", V1_2;
        CertificateRequest = 0xA, "Certificate Request", V2_0;
        User = 0xB, "User", V3_0;
        Group = 0xC, "Group", V3_0;
        PasswordCredential = 0xD, "Password Credential", V3_0;
        DeviceCredential = 0xE, "Device Credential", V3_0;
        OneTimePasswordCredential = 0xF, "One Time Password Credential", V3_0;
        HashedPasswordCredential = 0x10, "Hashed Password Credential", V3_0;
    }

    /// Who manages an object: a user, or the system (KMIP 3.0).
    ObjectClass {
        User = 1, "User", V3_0;
        System = 2, "System", V3_0;
    }

    /// Which member of a group is meant (KMIP 2.1 §11.33).
    ObjectGroupMember {
        GroupMemberFresh = 1, "Group Member Fresh", V1_1 until V3_0;
        GroupMemberDefault = 2, "Group Member Default", V1_1 until V3_0;
    }

    /// Where an object stands in its life (KMIP 2.1 §11.55).
    State {
        PreActive = 1, "Pre-Active", V1_0;
        Active = 2, "Active", V1_0;
        Deactivated = 3, "Deactivated", V1_0;
        Compromised = 4, "Compromised", V1_0;
        Destroyed = 5, "Destroyed", V1_0;
        DestroyedCompromised = 6, "Destroyed Compromised", V1_0;
    }

    /// What a certificate is (KMIP 2.1 §11.9).
    CertificateType {
        X_509 = 1, "X.509", V1_0;
        PGP = 2, "PGP", V1_0;
    }

    /// How a certificate request is written (KMIP 2.1 §11.8).
    CertificateRequestType {
        CRMF = 1, "CRMF", V1_0;
        PKCS_10 = 2, "PKCS#10", V1_0;
        PEM = 3, "PEM", V1_0;
        PGP = 4, "PGP", V1_0 until V2_0;
    }

    /// Whether a certificate chain or a signature is valid (KMIP 2.1 §11.61).
    ValidityIndicator {
        Valid = 1, "Valid", V1_0;
        Invalid = 2, "Invalid", V1_0;
        Unknown = 3, "Unknown", V1_0;
    }

    /// What a secret is (KMIP 2.1 §11.52).
    SecretDataType {
        Password = 1, "Password", V1_0;
        Seed = 2, "Seed", V1_0;
    }

    /// What an opaque object is; the standard names none (KMIP 2.1 §11.35).
    OpaqueDataType {}

    /// How a name is written (KMIP 2.1 §11.31).
    NameType {
        UninterpretedTextString = 1, "Uninterpreted Text String", V1_0 until V3_0;
        URI = 2, "URI", V1_0 until V3_0;
    }

    /// How an alternative name is written (KMIP 2.1 §11.2).
    AlternativeNameType {
        UninterpretedTextString = 1, "Uninterpreted Text String", V1_2;
        URI = 2, "URI", V1_2;
        ObjectSerialNumber = 3, "Object Serial Number", V1_2;
        EmailAddress = 4, "Email Address", V1_2;
        DNSName = 5, "DNS Name", V1_2;
        X_500DistinguishedName = 6, "X.500 Distinguished Name", V1_2;
        IPAddress = 7, "IP Address", V1_2;
    }

    /// How the name of a rotated key is written (KMIP 2.1 §11.51).
    RotateNameType {
        UninterpretedTextString = 1, "Uninterpreted Text String", V2_1 until V3_0;
        URI = 2, "URI", V2_1 until V3_0;
    }

    /// How two objects belong together (KMIP 2.1 §11.28).
    LinkType {
        CertificateLink = 0x101, "Certificate Link", V1_0 until V3_0;
        PublicKeyLink = 0x102, "Public Key Link", V1_0 until V3_0;
        PrivateKeyLink = 0x103, "Private Key Link", V1_0 until V3_0;
        DerivationBaseObjectLink = 0x104, "Derivation Base Object Link", V1_0 until V3_0;
        DerivedKeyLink = 0x105, "Derived Key Link", V1_0 until V3_0;
        ReplacementObjectLink = 0x106, "Replacement Object Link", V1_0 until V3_0;
        ReplacedObjectLink = 0x107, "Replaced Object Link", V1_0 until V3_0;
        ParentLink = 0x108, "Parent Link", V1_2 until V3_0;
        ChildLink = 0x109, "Child Link", V1_2 until V3_0;
        PreviousLink = 0x10A, "Previous Link", V1_2 until V3_0;
        NextLink = 0x10B, "Next Link", V1_2 until V3_0;
        PKCS_12CertificateLink = 0x10C, "PKCS#12 Certificate Link", V1_4 until V3_0;
        PKCS_12PasswordLink = 0x10D, "PKCS#12 Password Link", V1_4 until V3_0;
        WrappingKeyLink = 0x10E, "Wrapping Key Link", V2_0 until V3_0;
    }

    /// Why an object was revoked (KMIP 2.1 §11.48).
    RevocationReasonCode {
        Unspecified = 1, "Unspecified", V1_0;
        KeyCompromise = 2, "Key Compromise", V1_0;
        CACompromise = 3, "CA Compromise", V1_0;
        AffiliationChanged = 4, "Affiliation Changed", V1_0;
        Superseded = 5, "Superseded", V1_0;
        CessationOfOperation = 6, "Cessation of Operation", V1_0;
        PrivilegeWithdrawn = 7, "Privilege Withdrawn", V1_0;
    }

    /// Why an object was deactivated (KMIP 3.0).
    DeactivationReasonCode {
        Unspecified = 1, "Unspecified", V3_0;
        DeactivationDate = 2, "Deactivation Date", V3_0;
        ProtectStopDate = 3, "Protect Stop Date", V3_0;
        UsageLimit = 4, "Usage Limit", V3_0;
    }

    /// What a usage limit counts (KMIP 2.1 §11.60).
    UsageLimitsUnit {
        Byte = 1, "Byte", V1_0;
        Object = 2, "Object", V1_0;
    }

    /// What destroying does to an object (KMIP 2.1 §11.15).
    DestroyAction {
        Unspecified = 1, "Unspecified", V1_3;
        KeyMaterialDeleted = 2, "Key Material Deleted", V1_3;
        KeyMaterialShredded = 3, "Key Material Shredded", V1_3;
        MetaDataDeleted = 4, "Meta Data Deleted", V1_3;
        MetaDataShredded = 5, "Meta Data Shredded", V1_3;
        Deleted = 6, "Deleted", V1_3;
        Shredded = 7, "Shredded", V1_3;
    }

    /// How destroyed material is made unreadable (KMIP 2.1 §11.53).
    ShreddingAlgorithm {
        Unspecified = 1, "Unspecified", V1_3;
        Cryptographic = 2, "Cryptographic", V1_3;
        Unsupported = 3, "Unsupported", V1_3;
    }

    /// The object that an earlier batch item made or found, in place of an identifier (KMIP 2.1 §11.58).
    UniqueIdentifier {
        IDPlaceholder = 1, "ID Placeholder", V2_0;
        Certify = 2, "Certify", V2_0;
        Create = 3, "Create", V2_0;
        CreateKeyPair = 4, "Create Key Pair", V2_0;
        CreateKeyPairPrivateKey = 5, "Create Key Pair Private Key", V2_0;
        CreateKeyPairPublicKey = 6, "Create Key Pair Public Key", V2_0;
        CreateSplitKey = 7, "Create Split Key", V2_0;
        DeriveKey = 8, "Derive Key", V2_0;
        Import = 9, "Import", V2_0;
        JoinSplitKey = 0xA, "Join Split Key", V2_0;
        Locate = 0xB, "Locate", V2_0;
        Register = 0xC, "Register", V2_0;
        ReKey = 0xD, "Re-key", V2_0;
        ReCertify = 0xE, "Re-certify", V2_0;
        ReKeyKeyPair = 0xF, "Re-key Key Pair", V2_0;
        ReKeyKeyPairPrivateKey = 0x10, "Re-key Key Pair Private Key", V2_0;
        ReKeyKeyPairPublicKey = 0x11, "Re-key Key Pair Public Key", V2_0;
        ReProvision = 0x12, "Re-Provision", V3_0;
        CreateUser = 0x13, "Create User", V3_0;
        CreateGroup = 0x14, "Create Group", V3_0;
        CreateCredential = 0x15, "Create Credential", V3_0;
    }

    /// The output of an earlier batch item, in place of bytes (KMIP 2.1 §11.13).
    Data {
        Decrypt = 1, "Decrypt", V2_0;
        Encrypt = 2, "Encrypt", V2_0;
        Hash = 3, "Hash", V2_0;
        MACMACData = 4, "MAC MAC Data", V2_0;
        RNGRetrieve = 5, "RNG Retrieve", V2_0;
        SignSignatureData = 6, "Sign Signature Data", V2_0;
        SignatureVerify = 7, "Signature Verify", V2_0;
    }

    /// What of an answer is kept for later batch items and not sent (KMIP 3.0).
    Ephemeral {
        Data = 1, "Data", V3_0;
        Empty = 2, "Empty", V3_0;
        UniqueIdentifier = 3, "Unique Identifier", V3_0;
    }
}
