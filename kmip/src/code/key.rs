//! How keys are written, wrapped and split.

enumerations! {
    /// How key material is written (KMIP 2.1 §11.25).
    KeyFormatType {
        Raw = 1, "Raw", V1_0;
        Opaque = 2, "Opaque", V1_0;
        PKCS_1 = 3, "PKCS#1", V1_0;
        PKCS_8 = 4, "PKCS#8", V1_0;
        X_509 = 5, "X.509", V1_0;
        ECPrivateKey = 6, "ECPrivateKey", V1_0;
        TransparentSymmetricKey = 7, "Transparent Symmetric Key", V1_0;
        TransparentDSAPrivateKey = 8, "Transparent DSA Private Key", V1_0;
        TransparentDSAPublicKey = 9, "Transparent DSA Public Key", V1_0;
        TransparentRSAPrivateKey = 0xA, "Transparent RSA Private Key", V1_0;
        TransparentRSAPublicKey = 0xB, "Transparent RSA Public Key", V1_0;
        TransparentDHPrivateKey = 0xC, "Transparent DH Private Key", V1_0;
        TransparentDHPublicKey = 0xD, "Transparent DH Public Key", V1_0;
        TransparentECDSAPrivateKey = 0xE, "Transparent ECDSA Private Key", V1_0 until V2_0;
        TransparentECDSAPublicKey = 0xF, "Transparent ECDSA Public Key", V1_0 until V2_0;
        TransparentECDHPrivateKey = 0x10, "Transparent ECDH Private Key", V1_0 until V2_0;
        TransparentECDHPublicKey = 0x11, "Transparent ECDH Public Key", V1_0 until V2_0;
        TransparentECMQVPrivateKey = 0x12, "Transparent ECMQV Private Key", V1_0 until V2_0;
        TransparentECMQVPublicKey = 0x13, "Transparent ECMQV Public Key", V1_0 until V2_0;
        TransparentECPrivateKey = 0x14, "Transparent EC Private Key", V1_3;
        TransparentECPublicKey = 0x15, "Transparent EC Public Key", V1_3;
        PKCS_12 = 0x16, "PKCS#12", V1_4;
        PKCS_10 = 0x17, "PKCS#10", V2_0;
    }

    /// How the point of an elliptic-curve public key is written (KMIP 2.1 §11.24).
    KeyCompressionType {
        ECPublicKeyTypeUncompressed = 1, "EC Public Key Type Uncompressed", V1_0;
        ECPublicKeyTypeX9_62CompressedPrime = 2, "EC Public Key Type X9.62 Compressed Prime", V1_0;
        ECPublicKeyTypeX9_62CompressedChar2 = 3, "EC Public Key Type X9.62 Compressed Char2", V1_0;
        ECPublicKeyTypeX9_62Hybrid = 4, "EC Public Key Type X9.62 Hybrid", V1_0;
    }

    /// What a key does in a payment system (KMIP 2.1 §11.26).
    KeyRoleType {
        BDK = 1, "BDK", V1_0;
        CVK = 2, "CVK", V1_0;
        DEK = 3, "DEK", V1_0;
        MKAC = 4, "MKAC", V1_0;
        MKSMC = 5, "MKSMC", V1_0;
        MKSMI = 6, "MKSMI", V1_0;
        MKDAC = 7, "MKDAC", V1_0;
        MKDN = 8, "MKDN", V1_0;
        MKCP = 9, "MKCP", V1_0;
        MKOTH = 0xA, "MKOTH", V1_0;
        KEK = 0xB, "KEK", V1_0;
        MAC16609 = 0xC, "MAC16609", V1_0;
        MAC97971 = 0xD, "MAC97971", V1_0;
        MAC97972 = 0xE, "MAC97972", V1_0;
        MAC97973 = 0xF, "MAC97973", V1_0;
        MAC97974 = 0x10, "MAC97974", V1_0;
        MAC97975 = 0x11, "MAC97975", V1_0;
        ZPK = 0x12, "ZPK", V1_0;
        PVKIBM = 0x13, "PVKIBM", V1_0;
        PVKPVV = 0x14, "PVKPVV", V1_0;
        PVKOTH = 0x15, "PVKOTH", V1_0;
        DUKPT = 0x16, "DUKPT", V1_4;
        IV = 0x17, "IV", V1_4;
        TRKBK = 0x18, "TRKBK", V1_4;
    }

    /// How the place of a key value kept elsewhere is written (KMIP 2.1 §11.27).
    KeyValueLocationType {
        UninterpretedTextString = 1, "Uninterpreted Text String", V1_2;
        URI = 2, "URI", V1_2;
    }

    /// Whether a Get answers with the key as it was registered or unwrapped (KMIP 2.1 §11.29).
    KeyWrapType {
        NotWrapped = 1, "Not Wrapped", V1_4;
        AsRegistered = 2, "As Registered", V1_4;
    }

    /// The kind of key by NIST SP 800-57 (KMIP 2.1 §11.32).
    NISTKeyType {
        PrivateSignatureKey = 1, "Private signature key", V2_0;
        PublicSignatureVerificationKey = 2, "Public signature verification key", V2_0;
        SymmetricAuthenticationKey = 3, "Symmetric authentication key", V2_0;
        PrivateAuthenticationKey = 4, "Private authentication key", V2_0;
        PublicAuthenticationKey = 5, "Public authentication key", V2_0;
        SymmetricDataEncryptionKey = 6, "Symmetric data encryption key", V2_0;
        SymmetricKeyWrappingKey = 7, "Symmetric key wrapping key", V2_0;
        SymmetricRandomNumberGenerationKey = 8, "Symmetric random number generation key", V2_0;
        SymmetricMasterKey = 9, "Symmetric master key", V2_0;
        PrivateKeyTransportKey = 0xA, "Private key transport key", V2_0;
        PublicKeyTransportKey = 0xB, "Public key transport key", V2_0;
        SymmetricKeyAgreementKey = 0xC, "Symmetric key agreement key", V2_0;
        PrivateStaticKeyAgreementKey = 0xD, "Private static key agreement key", V2_0;
        PublicStaticKeyAgreementKey = 0xE, "Public static key agreement key", V2_0;
        PrivateEphemeralKeyAgreementKey = 0xF, "Private ephemeral key agreement key", V2_0;
        PublicEphemeralKeyAgreementKey = 0x10, "Public ephemeral key agreement key", V2_0;
        SymmetricAuthorizationKey = 0x11, "Symmetric authorization key", V2_0;
        PrivateAuthorizationKey = 0x12, "Private authorization key", V2_0;
        PublicAuthorizationKey = 0x13, "Public authorization key", V2_0;
    }

    /// How a key is wrapped (KMIP 2.1 §11.62).
    WrappingMethod {
        Encrypt = 1, "Encrypt", V1_0;
        MACSign = 2, "MAC/sign", V1_0;
        EncryptThenMACSign = 3, "Encrypt then MAC/sign", V1_0;
        MACSignThenEncrypt = 4, "MAC/sign then encrypt", V1_0;
        TR_31 = 5, "TR-31", V1_0;
    }

    /// Whether what is wrapped is a TTLV Key Value or the bare bytes (KMIP 2.1 §11.18).
    EncodingOption {
        NoEncoding = 1, "No Encoding", V1_1;
        TTLVEncoding = 2, "TTLV Encoding", V1_1;
    }

    /// Whether the server unwraps what is registered wrapped (KMIP 2.1 §11.59).
    UnwrapMode {
        Unspecified = 1, "Unspecified", V1_3;
        Processed = 2, "Processed", V1_3;
        NotProcessed = 3, "Not Processed", V1_3;
    }

    /// How a key is split into parts (KMIP 2.1 §11.54).
    SplitKeyMethod {
        XOR = 1, "XOR", V1_0;
        PolynomialSharingGF2_16 = 2, "Polynomial Sharing GF (2^16)", V1_0;
        PolynomialSharingPrimeField = 3, "Polynomial Sharing Prime Field", V1_0;
        PolynomialSharingGF2_8 = 4, "Polynomial Sharing GF (2^8)", V1_2;
    }

    /// The polynomial of the field in which a key is split (KMIP 3.0).
    SplitKeyPolynomial {
        Polynomial_283 = 1, "Polynomial-283", V3_0;
        Polynomial_285 = 2, "Polynomial-285", V3_0;
    }

    /// How well a key must be protected (KMIP 2.1 §11.42).
    ProtectionLevel {
        High = 1, "High", V2_0;
        Low = 2, "Low", V2_0;
    }
}
