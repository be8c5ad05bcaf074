//! The algorithms, and how they are told to work.

enumerations! {
    /// What a key is for, or which algorithm a computation takes (KMIP 2.1 §11.12).
    CryptographicAlgorithm {
        DES = 1, "DES", V1_0;
        DES3 = 2, "3DES", V1_0;
        AES = 3, "AES", V1_0;
        RSA = 4, "RSA", V1_0;
        DSA = 5, "DSA", V1_0;
        ECDSA = 6, "ECDSA", V1_0;
        HMAC_SHA1 = 7, "HMAC-SHA1", V1_0;
        HMAC_SHA224 = 8, "HMAC-SHA224", V1_0;
        HMAC_SHA256 = 9, "HMAC-SHA256", V1_0;
        HMAC_SHA384 = 0xA, "HMAC-SHA384", V1_0;
        HMAC_SHA512 = 0xB, "HMAC-SHA512", V1_0;
        HMAC_MD5 = 0xC, "HMAC-MD5", V1_0;
        DH = 0xD, "DH", V1_0;
        ECDH = 0xE, "ECDH", V1_0;
        ECMQV = 0xF, "ECMQV", V1_0;
        Blowfish = 0x10, "Blowfish", V1_0;
        Camellia = 0x11, "Camellia", V1_0;
        CAST5 = 0x12, "CAST5", V1_0;
        IDEA = 0x13, "IDEA", V1_0;
        MARS = 0x14, "MARS", V1_0;
        RC2 = 0x15, "RC2", V1_0;
        RC4 = 0x16, "RC4", V1_0;
        RC5 = 0x17, "RC5", V1_0;
        SKIPJACK = 0x18, "SKIPJACK", V1_0;
        Twofish = 0x19, "Twofish", V1_0;
        EC = 0x1A, "EC", V1_2;
        OneTimePad = 0x1B, "One Time Pad", V1_3;
        ChaCha20 = 0x1C, "ChaCha20", V1_4;
        Poly1305 = 0x1D, "Poly1305", V1_4;
        ChaCha20Poly1305 = 0x1E, "ChaCha20Poly1305", V1_4;
        SHA3_224 = 0x1F, "SHA3-224", V1_4;
        SHA3_256 = 0x20, "SHA3-256", V1_4;
        SHA3_384 = 0x21, "SHA3-384", V1_4;
        SHA3_512 = 0x22, "SHA3-512", V1_4;
        HMAC_SHA3_224 = 0x23, "HMAC-SHA3-224", V1_4;
        HMAC_SHA3_256 = 0x24, "HMAC-SHA3-256", V1_4;
        HMAC_SHA3_384 = 0x25, "HMAC-SHA3-384", V1_4;
        HMAC_SHA3_512 = 0x26, "HMAC-SHA3-512", V1_4;
        SHAKE_128 = 0x27, "SHAKE-128", V1_4;
        SHAKE_256 = 0x28, "SHAKE-256", V1_4;
        ARIA = 0x29, "ARIA", V2_0;
        SEED = 0x2A, "SEED", V2_0;
        SM2 = 0x2B, "SM2", V2_0;
        SM3 = 0x2C, "SM3", V2_0;
        SM4 = 0x2D, "SM4", V2_0;
        GOSTR34_10_2012 = 0x2E, "GOST R 34.10-2012", V2_0;
        GOSTR34_11_2012 = 0x2F, "GOST R 34.11-2012", V2_0;
        GOSTR34_13_2015 = 0x30, "GOST R 34.13-2015", V2_0;
        GOST28147_89 = 0x31, "GOST 28147-89", V2_0;
        XMSS = 0x32, "XMSS", V2_0;
        SPHINCS_256 = 0x33, "SPHINCS-256", V2_0;
        McEliece = 0x34, "McEliece", V2_0;
        McEliece_6960119 = 0x35, "McEliece-6960119", V2_0;
        McEliece_8192128 = 0x36, "McEliece-8192128", V2_0;
        Ed25519 = 0x37, "Ed25519", V2_0;
        Ed448 = 0x38, "Ed448", V2_0;
        ML_KEM_512 = 0x39, "ML-KEM-512", V3_0;
        ML_KEM_768 = 0x3A, "ML-KEM-768", V3_0;
        ML_KEM_1024 = 0x3B, "ML-KEM-1024", V3_0;
        ML_DSA_44 = 0x3C, "ML-DSA-44", V3_0;
        ML_DSA_65 = 0x3D, "ML-DSA-65", V3_0;
        ML_DSA_87 = 0x3E, "ML-DSA-87", V3_0;
        SLH_DSA_SHA2_128s = 0x3F, "SLH-DSA-SHA2-128s", V3_0;
        SLH_DSA_SHA2_128f = 0x40, "SLH-DSA-SHA2-128f", V3_0;
        SLH_DSA_SHA2_192s = 0x41, "SLH-DSA-SHA2-192s", V3_0;
        SLH_DSA_SHA2_192f = 0x42, "SLH-DSA-SHA2-192f", V3_0;
        SLH_DSA_SHA2_256s = 0x43, "SLH-DSA-SHA2-256s", V3_0;
        SLH_DSA_SHA2_256f = 0x44, "SLH-DSA-SHA2-256f", V3_0;
        SLH_DSA_SHAKE_128s = 0x45, "SLH-DSA-SHAKE-128s", V3_0;
        SLH_DSA_SHAKE_128f = 0x46, "SLH-DSA-SHAKE-128f", V3_0;
        SLH_DSA_SHAKE_192s = 0x47, "SLH-DSA-SHAKE-192s", V3_0;
        SLH_DSA_SHAKE_192f = 0x48, "SLH-DSA-SHAKE-192f", V3_0;
        SLH_DSA_SHAKE_256s = 0x49, "SLH-DSA-SHAKE-256s", V3_0;
        SLH_DSA_SHAKE_256f = 0x4A, "SLH-DSA-SHAKE-256f", V3_0;
    }

    /// Which hash (KMIP 2.1 §11.21).
    HashingAlgorithm {
        MD2 = 1, "MD2", V1_0;
        MD4 = 2, "MD4", V1_0;
        MD5 = 3, "MD5", V1_0;
        SHA_1 = 4, "SHA-1", V1_0;
        SHA_224 = 5, "SHA-224", V1_0;
        SHA_256 = 6, "SHA-256", V1_0;
        SHA_384 = 7, "SHA-384", V1_0;
        SHA_512 = 8, "SHA-512", V1_0;
        RIPEMD_160 = 9, "RIPEMD-160", V1_0;
        Tiger = 0xA, "Tiger", V1_0;
        Whirlpool = 0xB, "Whirlpool", V1_0;
        SHA_512_224 = 0xC, "SHA-512/224", V1_2;
        SHA_512_256 = 0xD, "SHA-512/256", V1_2;
        SHA3_224 = 0xE, "SHA3-224", V1_4;
        SHA3_256 = 0xF, "SHA3-256", V1_4;
        SHA3_384 = 0x10, "SHA3-384", V1_4;
        SHA3_512 = 0x11, "SHA3-512", V1_4;
    }

    /// Which signature, hash included (KMIP 2.1 §11.16).
    DigitalSignatureAlgorithm {
        MD2WithRSAEncryption = 1, "MD2 with RSA Encryption", V1_1;
        MD5WithRSAEncryption = 2, "MD5 with RSA Encryption", V1_1;
        SHA_1WithRSAEncryption = 3, "SHA-1 with RSA Encryption", V1_1;
        SHA_224WithRSAEncryption = 4, "SHA-224 with RSA Encryption", V1_1;
        SHA_256WithRSAEncryption = 5, "SHA-256 with RSA Encryption", V1_1;
        SHA_384WithRSAEncryption = 6, "SHA-384 with RSA Encryption", V1_1;
        SHA_512WithRSAEncryption = 7, "SHA-512 with RSA Encryption", V1_1;
        RSASSA_PSS = 8, "RSASSA-PSS", V1_1;
        DSAWithSHA_1 = 9, "DSA with SHA-1", V1_1;
        DSAWithSHA224 = 0xA, "DSA with SHA224", V1_1;
        DSAWithSHA256 = 0xB, "DSA with SHA256", V1_1;
        ECDSAWithSHA_1 = 0xC, "ECDSA with SHA-1", V1_1;
        ECDSAWithSHA224 = 0xD, "ECDSA with SHA224", V1_1;
        ECDSAWithSHA256 = 0xE, "ECDSA with SHA256", V1_1;
        ECDSAWithSHA384 = 0xF, "ECDSA with SHA384", V1_1;
        ECDSAWithSHA512 = 0x10, "ECDSA with SHA512", V1_1;
        SHA3_256WithRSAEncryption = 0x11, "SHA3-256 with RSA Encryption", V1_4;
        SHA3_384WithRSAEncryption = 0x12, "SHA3-384 with RSA Encryption", V1_4;
        SHA3_512WithRSAEncryption = 0x13, "SHA3-512 with RSA Encryption", V1_4;
    }

    /// How a block cipher is chained (KMIP 2.1 §11.6).
    BlockCipherMode {
        CBC = 1, "CBC", V1_0;
        ECB = 2, "ECB", V1_0;
        PCBC = 3, "PCBC", V1_0;
        CFB = 4, "CFB", V1_0;
        OFB = 5, "OFB", V1_0;
        CTR = 6, "CTR", V1_0;
        CMAC = 7, "CMAC", V1_0;
        CCM = 8, "CCM", V1_0;
        GCM = 9, "GCM", V1_0;
        CBC_MAC = 0xA, "CBC-MAC", V1_0;
        XTS = 0xB, "XTS", V1_0;
        AESKeyWrapPadding = 0xC, "AESKeyWrapPadding", V1_0;
        NISTKeyWrap = 0xD, "NISTKeyWrap", V1_0;
        X9_102AESKW = 0xE, "X9.102 AESKW", V1_0;
        X9_102TDKW = 0xF, "X9.102 TDKW", V1_0;
        X9_102AKW1 = 0x10, "X9.102 AKW1", V1_0;
        X9_102AKW2 = 0x11, "X9.102 AKW2", V1_0;
        AEAD = 0x12, "AEAD", V1_4;
    }

    /// How the last block, or an RSA message, is filled (KMIP 2.1 §11.37).
    PaddingMethod {
        None = 1, "None", V1_0;
        OAEP = 2, "OAEP", V1_0;
        PKCS5 = 3, "PKCS5", V1_0;
        SSL3 = 4, "SSL3", V1_0;
        Zeros = 5, "Zeros", V1_0;
        ANSIX9_23 = 6, "ANSI X9.23", V1_0;
        ISO10126 = 7, "ISO 10126", V1_0;
        PKCS1V1_5 = 8, "PKCS1 v1.5", V1_0;
        X9_31 = 9, "X9.31", V1_0;
        PSS = 0xA, "PSS", V1_0;
    }

    /// How a key is derived from another (KMIP 2.1 §11.14).
    DerivationMethod {
        PBKDF2 = 1, "PBKDF2", V1_0;
        HASH = 2, "HASH", V1_0;
        HMAC = 3, "HMAC", V1_0;
        ENCRYPT = 4, "ENCRYPT", V1_0;
        NIST800_108_C = 5, "NIST800-108-C", V1_0;
        NIST800_108_F = 6, "NIST800-108-F", V1_0;
        NIST800_108_DPI = 7, "NIST800-108-DPI", V1_0;
        AsymmetricKey = 8, "Asymmetric Key", V1_4;
        AWSSignatureVersion4 = 9, "AWS Signature Version 4", V2_0;
        HKDF = 0xA, "HKDF", V2_0;
    }

    /// How OAEP and PSS make their mask (KMIP 2.1 §11.30).
    MaskGenerator {
        MGF1 = 1, "MGF1", V1_4;
    }
}
