//! The small tables of names: what kind an object, a key, a user, a session, a mask or a derivation is of; and the flags.

use crate::table::{codes, flags};

codes! {
    /// What the wire says about itself when an application attaches. A peer of another version is refused.
    Protocol, "PROTOCOL_" {
        THREE = 0x3;
    }
}

codes! {
    /// Who makes a nonce (`CK_GENERATOR_FUNCTION`).
    Generator, "CKG_" {
        NO_GENERATE = 0x0;
        GENERATE = 0x1;
        GENERATE_COUNTER = 0x2;
        GENERATE_RANDOM = 0x3;
        GENERATE_COUNTER_XOR = 0x4;
    }
}

codes! {
    /// What an object is (`CKA_CLASS`).
    ObjectClass, "CKO_" {
        DATA = 0x0;
        CERTIFICATE = 0x1;
        PUBLIC_KEY = 0x2;
        PRIVATE_KEY = 0x3;
        SECRET_KEY = 0x4;
        HW_FEATURE = 0x5;
        DOMAIN_PARAMETERS = 0x6;
        MECHANISM = 0x7;
        OTP_KEY = 0x8;
        PROFILE = 0x9;
        VALIDATION = 0xa;
        TRUST = 0xb;
    }
}

codes! {
    /// What algorithm a key is for (`CKA_KEY_TYPE`).
    KeyType, "CKK_" {
        RSA = 0x0;
        DSA = 0x1;
        DH = 0x2;
        EC = 0x3;
        X9_42_DH = 0x4;
        KEA = 0x5;
        GENERIC_SECRET = 0x10;
        RC2 = 0x11;
        RC4 = 0x12;
        DES = 0x13;
        DES2 = 0x14;
        DES3 = 0x15;
        CAST = 0x16;
        CAST3 = 0x17;
        CAST128 = 0x18;
        RC5 = 0x19;
        IDEA = 0x1a;
        SKIPJACK = 0x1b;
        BATON = 0x1c;
        JUNIPER = 0x1d;
        CDMF = 0x1e;
        AES = 0x1f;
        BLOWFISH = 0x20;
        TWOFISH = 0x21;
        SECURID = 0x22;
        HOTP = 0x23;
        ACTI = 0x24;
        CAMELLIA = 0x25;
        ARIA = 0x26;
        MD5_HMAC = 0x27;
        SHA_1_HMAC = 0x28;
        RIPEMD128_HMAC = 0x29;
        RIPEMD160_HMAC = 0x2a;
        SHA256_HMAC = 0x2b;
        SHA384_HMAC = 0x2c;
        SHA512_HMAC = 0x2d;
        SHA224_HMAC = 0x2e;
        SEED = 0x2f;
        GOSTR3410 = 0x30;
        GOSTR3411 = 0x31;
        GOST28147 = 0x32;
        CHACHA20 = 0x33;
        POLY1305 = 0x34;
        AES_XTS = 0x35;
        SHA3_224_HMAC = 0x36;
        SHA3_256_HMAC = 0x37;
        SHA3_384_HMAC = 0x38;
        SHA3_512_HMAC = 0x39;
        BLAKE2B_160_HMAC = 0x3a;
        BLAKE2B_256_HMAC = 0x3b;
        BLAKE2B_384_HMAC = 0x3c;
        BLAKE2B_512_HMAC = 0x3d;
        SALSA20 = 0x3e;
        X2RATCHET = 0x3f;
        EC_EDWARDS = 0x40;
        EC_MONTGOMERY = 0x41;
        HKDF = 0x42;
        SHA512_224_HMAC = 0x43;
        SHA512_256_HMAC = 0x44;
        SHA512_T_HMAC = 0x45;
        HSS = 0x46;
        XMSS = 0x47;
        XMSSMT = 0x48;
        ML_KEM = 0x49;
        ML_DSA = 0x4a;
        SLH_DSA = 0x4b;
    }
}

codes! {
    /// What a certificate is (`CKA_CERTIFICATE_TYPE`).
    CertificateType, "CKC_" {
        X_509 = 0x0;
        X_509_ATTR_CERT = 0x1;
        WTLS = 0x2;
    }
}

codes! {
    /// Who logs in.
    UserType, "CKU_" {
        SO = 0x0;
        USER = 0x1;
        CONTEXT_SPECIFIC = 0x2;
    }
}

codes! {
    /// What a session may do, from its kind and who is logged in.
    SessionState, "CKS_" {
        RO_PUBLIC_SESSION = 0x0;
        RO_USER_FUNCTIONS = 0x1;
        RW_PUBLIC_SESSION = 0x2;
        RW_USER_FUNCTIONS = 0x3;
        RW_SO_FUNCTIONS = 0x4;
    }
}

codes! {
    /// The mask generation function of PSS and OAEP.
    Mask, "CKG_" {
        MGF1_SHA1 = 0x1;
        MGF1_SHA256 = 0x2;
        MGF1_SHA384 = 0x3;
        MGF1_SHA512 = 0x4;
        MGF1_SHA224 = 0x5;
        MGF1_SHA3_224 = 0x6;
        MGF1_SHA3_256 = 0x7;
        MGF1_SHA3_384 = 0x8;
        MGF1_SHA3_512 = 0x9;
    }
}

codes! {
    /// The key derivation function applied to an agreed secret.
    Derivation, "CKD_" {
        NULL = 0x1;
        SHA1_KDF = 0x2;
        SHA1_KDF_ASN1 = 0x3;
        SHA1_KDF_CONCATENATE = 0x4;
        SHA224_KDF = 0x5;
        SHA256_KDF = 0x6;
        SHA384_KDF = 0x7;
        SHA512_KDF = 0x8;
        CPDIVERSIFY_KDF = 0x9;
        SHA3_224_KDF = 0xa;
        SHA3_256_KDF = 0xb;
        SHA3_384_KDF = 0xc;
        SHA3_512_KDF = 0xd;
        SHA1_KDF_SP800 = 0xe;
        SHA224_KDF_SP800 = 0xf;
        SHA256_KDF_SP800 = 0x10;
        SHA384_KDF_SP800 = 0x11;
        SHA512_KDF_SP800 = 0x12;
        SHA3_224_KDF_SP800 = 0x13;
        SHA3_256_KDF_SP800 = 0x14;
        SHA3_384_KDF_SP800 = 0x15;
        SHA3_512_KDF_SP800 = 0x16;
        BLAKE2B_160_KDF = 0x17;
        BLAKE2B_256_KDF = 0x18;
        BLAKE2B_384_KDF = 0x19;
        BLAKE2B_512_KDF = 0x1a;
    }
}

codes! {
    /// Where the encoding parameter of OAEP comes from.
    Source, "CKZ_" {
        DATA_SPECIFIED = 0x1;
    }
}

codes! {
    /// Whether a post-quantum signature is hedged with fresh randomness.
    Hedge, "CKH_" {
        HEDGE_PREFERRED = 0x0;
        HEDGE_REQUIRED = 0x1;
        DETERMINISTIC_REQUIRED = 0x2;
    }
}

flags! {
    /// What a slot is (`CK_SLOT_INFO`).
    SlotFlags {
        TOKEN_PRESENT = 0x1;
        REMOVABLE_DEVICE = 0x2;
        HW_SLOT = 0x4;
    }
}

flags! {
    /// What a token can and what became of its PINs (`CK_TOKEN_INFO`).
    TokenFlags {
        RNG = 0x1;
        WRITE_PROTECTED = 0x2;
        LOGIN_REQUIRED = 0x4;
        USER_PIN_INITIALIZED = 0x8;
        RESTORE_KEY_NOT_NEEDED = 0x20;
        CLOCK_ON_TOKEN = 0x40;
        PROTECTED_AUTHENTICATION_PATH = 0x100;
        DUAL_CRYPTO_OPERATIONS = 0x200;
        TOKEN_INITIALIZED = 0x400;
        SECONDARY_AUTHENTICATION = 0x800;
        USER_PIN_COUNT_LOW = 0x1_0000;
        USER_PIN_FINAL_TRY = 0x2_0000;
        USER_PIN_LOCKED = 0x4_0000;
        USER_PIN_TO_BE_CHANGED = 0x8_0000;
        SO_PIN_COUNT_LOW = 0x10_0000;
        SO_PIN_FINAL_TRY = 0x20_0000;
        SO_PIN_LOCKED = 0x40_0000;
        SO_PIN_TO_BE_CHANGED = 0x80_0000;
        ERROR_STATE = 0x100_0000;
        SEED_RANDOM_REQUIRED = 0x200_0000;
        ASYNC_SESSION_SUPPORTED = 0x400_0000;
    }
}

flags! {
    /// What a mechanism is for (`CK_MECHANISM_INFO`).
    MechanismFlags {
        HW = 0x1;
        MESSAGE_ENCRYPT = 0x2;
        MESSAGE_DECRYPT = 0x4;
        MESSAGE_SIGN = 0x8;
        MESSAGE_VERIFY = 0x10;
        MULTI_MESSAGE = 0x20;
        FIND_OBJECTS = 0x40;
        ENCRYPT = 0x100;
        DECRYPT = 0x200;
        DIGEST = 0x400;
        SIGN = 0x800;
        SIGN_RECOVER = 0x1000;
        VERIFY = 0x2000;
        VERIFY_RECOVER = 0x4000;
        GENERATE = 0x8000;
        GENERATE_KEY_PAIR = 0x1_0000;
        WRAP = 0x2_0000;
        UNWRAP = 0x4_0000;
        DERIVE = 0x8_0000;
        EC_F_P = 0x10_0000;
        EC_F_2M = 0x20_0000;
        EC_ECPARAMETERS = 0x40_0000;
        EC_OID = 0x80_0000;
        EC_UNCOMPRESS = 0x100_0000;
        EC_COMPRESS = 0x200_0000;
        EC_CURVENAME = 0x400_0000;
        ENCAPSULATE = 0x1000_0000;
        DECAPSULATE = 0x2000_0000;
        EXTENSION = 0x8000_0000;
    }
}

flags! {
    /// How a session was opened (`C_OpenSession`, `CK_SESSION_INFO`).
    SessionFlags {
        RW_SESSION = 0x2;
        SERIAL_SESSION = 0x4;
        ASYNC_SESSION = 0x8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_print_their_names_and_what_no_row_knows() {
        let flags = SessionFlags::SERIAL_SESSION | SessionFlags(0x100);
        assert_eq!(format!("{flags:?}"), "SERIAL_SESSION | 0x100");
        assert_eq!(format!("{:?}", SessionFlags(0)), "0x0");
    }
}
