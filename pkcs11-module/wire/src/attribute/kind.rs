//! Every attribute of PKCS#11 3.2 with the shape of its value: one table, a row each.

use crate::table::codes;

/// What a value is made of. A type that no row knows holds [`Shape::Bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `CK_BBOOL`.
    Bool,
    /// `CK_ULONG` and everything made from it.
    Ulong,
    /// A byte array, a string, a big integer.
    Bytes,
    /// `CK_DATE`, or empty.
    Date,
    /// An array of attributes.
    Template,
    /// An array of `CK_ULONG`, as mechanisms are.
    Ulongs,
}

macro_rules! attributes {
    ($($name:ident = $number:literal, $shape:ident;)*) => {
        codes! {
            /// The name of an attribute (`CK_ATTRIBUTE_TYPE`).
            AttributeType, "CKA_" { $($name = $number;)* }
        }

        impl AttributeType {
            /// What a value of this attribute is made of.
            pub const fn shape(self) -> Shape {
                match self.0 { $($number => Shape::$shape,)* _ => Shape::Bytes }
            }
        }
    };
}

attributes! {
    CLASS = 0x0, Ulong;
    TOKEN = 0x1, Bool;
    PRIVATE = 0x2, Bool;
    LABEL = 0x3, Bytes;
    UNIQUE_ID = 0x4, Bytes;
    APPLICATION = 0x10, Bytes;
    VALUE = 0x11, Bytes;
    OBJECT_ID = 0x12, Bytes;
    CERTIFICATE_TYPE = 0x80, Ulong;
    ISSUER = 0x81, Bytes;
    SERIAL_NUMBER = 0x82, Bytes;
    AC_ISSUER = 0x83, Bytes;
    OWNER = 0x84, Bytes;
    ATTR_TYPES = 0x85, Bytes;
    TRUSTED = 0x86, Bool;
    CERTIFICATE_CATEGORY = 0x87, Ulong;
    JAVA_MIDP_SECURITY_DOMAIN = 0x88, Ulong;
    URL = 0x89, Bytes;
    HASH_OF_SUBJECT_PUBLIC_KEY = 0x8a, Bytes;
    HASH_OF_ISSUER_PUBLIC_KEY = 0x8b, Bytes;
    NAME_HASH_ALGORITHM = 0x8c, Ulong;
    CHECK_VALUE = 0x90, Bytes;
    KEY_TYPE = 0x100, Ulong;
    SUBJECT = 0x101, Bytes;
    ID = 0x102, Bytes;
    SENSITIVE = 0x103, Bool;
    ENCRYPT = 0x104, Bool;
    DECRYPT = 0x105, Bool;
    WRAP = 0x106, Bool;
    UNWRAP = 0x107, Bool;
    SIGN = 0x108, Bool;
    SIGN_RECOVER = 0x109, Bool;
    VERIFY = 0x10a, Bool;
    VERIFY_RECOVER = 0x10b, Bool;
    DERIVE = 0x10c, Bool;
    START_DATE = 0x110, Date;
    END_DATE = 0x111, Date;
    MODULUS = 0x120, Bytes;
    MODULUS_BITS = 0x121, Ulong;
    PUBLIC_EXPONENT = 0x122, Bytes;
    PRIVATE_EXPONENT = 0x123, Bytes;
    PRIME_1 = 0x124, Bytes;
    PRIME_2 = 0x125, Bytes;
    EXPONENT_1 = 0x126, Bytes;
    EXPONENT_2 = 0x127, Bytes;
    COEFFICIENT = 0x128, Bytes;
    PUBLIC_KEY_INFO = 0x129, Bytes;
    PRIME = 0x130, Bytes;
    SUBPRIME = 0x131, Bytes;
    BASE = 0x132, Bytes;
    PRIME_BITS = 0x133, Ulong;
    SUBPRIME_BITS = 0x134, Ulong;
    VALUE_BITS = 0x160, Ulong;
    VALUE_LEN = 0x161, Ulong;
    EXTRACTABLE = 0x162, Bool;
    LOCAL = 0x163, Bool;
    NEVER_EXTRACTABLE = 0x164, Bool;
    ALWAYS_SENSITIVE = 0x165, Bool;
    KEY_GEN_MECHANISM = 0x166, Ulong;
    MODIFIABLE = 0x170, Bool;
    COPYABLE = 0x171, Bool;
    DESTROYABLE = 0x172, Bool;
    EC_PARAMS = 0x180, Bytes;
    EC_POINT = 0x181, Bytes;
    SECONDARY_AUTH = 0x200, Bool;
    AUTH_PIN_FLAGS = 0x201, Ulong;
    ALWAYS_AUTHENTICATE = 0x202, Bool;
    WRAP_WITH_TRUSTED = 0x210, Bool;
    OTP_FORMAT = 0x220, Ulong;
    OTP_LENGTH = 0x221, Ulong;
    OTP_TIME_INTERVAL = 0x222, Ulong;
    OTP_USER_FRIENDLY_MODE = 0x223, Bool;
    OTP_CHALLENGE_REQUIREMENT = 0x224, Ulong;
    OTP_TIME_REQUIREMENT = 0x225, Ulong;
    OTP_COUNTER_REQUIREMENT = 0x226, Ulong;
    OTP_PIN_REQUIREMENT = 0x227, Ulong;
    OTP_USER_IDENTIFIER = 0x22a, Bytes;
    OTP_SERVICE_IDENTIFIER = 0x22b, Bytes;
    OTP_SERVICE_LOGO = 0x22c, Bytes;
    OTP_SERVICE_LOGO_TYPE = 0x22d, Bytes;
    OTP_COUNTER = 0x22e, Bytes;
    OTP_TIME = 0x22f, Bytes;
    GOSTR3410_PARAMS = 0x250, Bytes;
    GOSTR3411_PARAMS = 0x251, Bytes;
    GOST28147_PARAMS = 0x252, Bytes;
    HW_FEATURE_TYPE = 0x300, Ulong;
    RESET_ON_INIT = 0x301, Bool;
    HAS_RESET = 0x302, Bool;
    PIXEL_X = 0x400, Ulong;
    PIXEL_Y = 0x401, Ulong;
    RESOLUTION = 0x402, Ulong;
    CHAR_ROWS = 0x403, Ulong;
    CHAR_COLUMNS = 0x404, Ulong;
    COLOR = 0x405, Bool;
    BITS_PER_PIXEL = 0x406, Ulong;
    CHAR_SETS = 0x480, Bytes;
    ENCODING_METHODS = 0x481, Bytes;
    MIME_TYPES = 0x482, Bytes;
    MECHANISM_TYPE = 0x500, Ulong;
    REQUIRED_CMS_ATTRIBUTES = 0x501, Bytes;
    DEFAULT_CMS_ATTRIBUTES = 0x502, Bytes;
    SUPPORTED_CMS_ATTRIBUTES = 0x503, Bytes;
    PROFILE_ID = 0x601, Ulong;
    X2RATCHET_BAG = 0x602, Bytes;
    X2RATCHET_BAGSIZE = 0x603, Ulong;
    X2RATCHET_BOBS1STMSG = 0x604, Bytes;
    X2RATCHET_CKR = 0x605, Bytes;
    X2RATCHET_CKS = 0x606, Bytes;
    X2RATCHET_DHP = 0x607, Bytes;
    X2RATCHET_DHR = 0x608, Bytes;
    X2RATCHET_DHS = 0x609, Bytes;
    X2RATCHET_HKR = 0x60a, Bytes;
    X2RATCHET_HKS = 0x60b, Bytes;
    X2RATCHET_ISALICE = 0x60c, Bool;
    X2RATCHET_NHKR = 0x60d, Bytes;
    X2RATCHET_NHKS = 0x60e, Bytes;
    X2RATCHET_NR = 0x60f, Ulong;
    X2RATCHET_NS = 0x610, Ulong;
    X2RATCHET_PNS = 0x611, Ulong;
    X2RATCHET_RK = 0x612, Bytes;
    HSS_LEVELS = 0x617, Ulong;
    HSS_LMS_TYPE = 0x618, Ulong;
    HSS_LMOTS_TYPE = 0x619, Ulong;
    HSS_LMS_TYPES = 0x61a, Ulongs;
    HSS_LMOTS_TYPES = 0x61b, Ulongs;
    HSS_KEYS_REMAINING = 0x61c, Ulong;
    PARAMETER_SET = 0x61d, Ulong;
    OBJECT_VALIDATION_FLAGS = 0x61e, Ulong;
    VALIDATION_TYPE = 0x61f, Ulong;
    VALIDATION_VERSION = 0x620, Bytes;
    VALIDATION_LEVEL = 0x621, Ulong;
    VALIDATION_MODULE_ID = 0x622, Bytes;
    VALIDATION_FLAG = 0x623, Ulong;
    VALIDATION_AUTHORITY_TYPE = 0x624, Ulong;
    VALIDATION_COUNTRY = 0x625, Bytes;
    VALIDATION_CERTIFICATE_IDENTIFIER = 0x626, Bytes;
    VALIDATION_CERTIFICATE_URI = 0x627, Bytes;
    VALIDATION_VENDOR_URI = 0x628, Bytes;
    VALIDATION_PROFILE = 0x629, Bytes;
    ENCAPSULATE_TEMPLATE = 0x62a, Template;
    DECAPSULATE_TEMPLATE = 0x62b, Template;
    TRUST_SERVER_AUTH = 0x62c, Ulong;
    TRUST_CLIENT_AUTH = 0x62d, Ulong;
    TRUST_CODE_SIGNING = 0x62e, Ulong;
    TRUST_EMAIL_PROTECTION = 0x62f, Ulong;
    TRUST_IPSEC_IKE = 0x630, Ulong;
    TRUST_TIME_STAMPING = 0x631, Ulong;
    TRUST_OCSP_SIGNING = 0x632, Ulong;
    ENCAPSULATE = 0x633, Bool;
    DECAPSULATE = 0x634, Bool;
    HASH_OF_CERTIFICATE = 0x635, Bytes;
    PUBLIC_CRC64_VALUE = 0x636, Bytes;
    SEED = 0x637, Bytes;
    WRAP_TEMPLATE = 0x40000211, Template;
    UNWRAP_TEMPLATE = 0x40000212, Template;
    DERIVE_TEMPLATE = 0x40000213, Template;
    ALLOWED_MECHANISMS = 0x40000600, Ulongs;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_order_and_once() {
        assert!(AttributeType::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_type_without_a_row_holds_bytes() {
        assert_eq!(AttributeType(0x8000_0001).shape(), Shape::Bytes);
        assert_eq!(AttributeType::TOKEN.shape(), Shape::Bool);
    }
}
