//! Numbers that the specification gives to tags, operations and values, as far as products use them.

pub const ATTRIBUTE: u32 = 0x42_0008;
pub const ATTRIBUTE_NAME: u32 = 0x42_000A;
pub const ATTRIBUTE_VALUE: u32 = 0x42_000B;
pub const AUTHENTICATION: u32 = 0x42_000C;
pub const BATCH_COUNT: u32 = 0x42_000D;
pub const BATCH_ERROR_CONTINUATION_OPTION: u32 = 0x42_000E;
pub const BATCH_ITEM: u32 = 0x42_000F;
pub const BLOCK_CIPHER_MODE: u32 = 0x42_0011;
pub const CERTIFICATE: u32 = 0x42_0013;
pub const CERTIFICATE_TYPE: u32 = 0x42_001D;
pub const CERTIFICATE_VALUE: u32 = 0x42_001E;
pub const COMMON_TEMPLATE_ATTRIBUTE: u32 = 0x42_001F;
pub const CREDENTIAL: u32 = 0x42_0023;
pub const CREDENTIAL_TYPE: u32 = 0x42_0024;
pub const CREDENTIAL_VALUE: u32 = 0x42_0025;
pub const CRYPTOGRAPHIC_ALGORITHM: u32 = 0x42_0028;
pub const CRYPTOGRAPHIC_LENGTH: u32 = 0x42_002A;
pub const CRYPTOGRAPHIC_PARAMETERS: u32 = 0x42_002B;
pub const CRYPTOGRAPHIC_USAGE_MASK: u32 = 0x42_002C;
pub const ENCRYPTION_KEY_INFORMATION: u32 = 0x42_0036;
pub const IV_COUNTER_NONCE: u32 = 0x42_003D;
pub const KEY_BLOCK: u32 = 0x42_0040;
pub const KEY_FORMAT_TYPE: u32 = 0x42_0042;
pub const KEY_MATERIAL: u32 = 0x42_0043;
pub const KEY_VALUE: u32 = 0x42_0045;
pub const KEY_WRAPPING_SPECIFICATION: u32 = 0x42_0047;
pub const LINK_TYPE: u32 = 0x42_004B;
pub const LINKED_OBJECT_IDENTIFIER: u32 = 0x42_004C;
pub const MAXIMUM_ITEMS: u32 = 0x42_004F;
pub const MAXIMUM_RESPONSE_SIZE: u32 = 0x42_0050;
pub const NAME: u32 = 0x42_0053;
pub const NAME_TYPE: u32 = 0x42_0054;
pub const NAME_VALUE: u32 = 0x42_0055;
pub const OBJECT_TYPE: u32 = 0x42_0057;
pub const OPAQUE_DATA_TYPE: u32 = 0x42_0059;
pub const OPAQUE_DATA_VALUE: u32 = 0x42_005A;
pub const OPAQUE_OBJECT: u32 = 0x42_005B;
pub const OPERATION: u32 = 0x42_005C;
pub const PADDING_METHOD: u32 = 0x42_005F;
pub const PRIVATE_KEY_TEMPLATE_ATTRIBUTE: u32 = 0x42_0065;
pub const PRIVATE_KEY_UNIQUE_IDENTIFIER: u32 = 0x42_0066;
pub const PROTOCOL_VERSION: u32 = 0x42_0069;
pub const PROTOCOL_VERSION_MAJOR: u32 = 0x42_006A;
pub const PROTOCOL_VERSION_MINOR: u32 = 0x42_006B;
pub const PUBLIC_KEY_TEMPLATE_ATTRIBUTE: u32 = 0x42_006E;
pub const PUBLIC_KEY_UNIQUE_IDENTIFIER: u32 = 0x42_006F;
pub const QUERY_FUNCTION: u32 = 0x42_0074;
pub const REQUEST_HEADER: u32 = 0x42_0077;
pub const REQUEST_MESSAGE: u32 = 0x42_0078;
pub const REQUEST_PAYLOAD: u32 = 0x42_0079;
pub const RESPONSE_HEADER: u32 = 0x42_007A;
pub const RESPONSE_MESSAGE: u32 = 0x42_007B;
pub const RESPONSE_PAYLOAD: u32 = 0x42_007C;
pub const RESULT_MESSAGE: u32 = 0x42_007D;
pub const RESULT_REASON: u32 = 0x42_007E;
pub const RESULT_STATUS: u32 = 0x42_007F;
pub const REVOCATION_REASON: u32 = 0x42_0081;
pub const REVOCATION_REASON_CODE: u32 = 0x42_0082;
pub const SECRET_DATA: u32 = 0x42_0085;
pub const SECRET_DATA_TYPE: u32 = 0x42_0086;
pub const SYMMETRIC_KEY: u32 = 0x42_008F;
pub const TEMPLATE: u32 = 0x42_0090;
pub const TEMPLATE_ATTRIBUTE: u32 = 0x42_0091;
pub const TIME_STAMP: u32 = 0x42_0092;
pub const UNIQUE_BATCH_ITEM_ID: u32 = 0x42_0093;
pub const UNIQUE_IDENTIFIER: u32 = 0x42_0094;
pub const USERNAME: u32 = 0x42_0099;
pub const WRAPPING_METHOD: u32 = 0x42_009E;
pub const PASSWORD: u32 = 0x42_00A1;
pub const ENCODING_OPTION: u32 = 0x42_00A3;
pub const DATA: u32 = 0x42_00C2;
pub const RANDOM_IV: u32 = 0x42_00C5;
pub const TAG_LENGTH: u32 = 0x42_00CE;
pub const OFFSET_ITEMS: u32 = 0x42_00D4;
pub const AUTHENTICATED_ENCRYPTION_TAG: u32 = 0x42_00FF;
pub const ATTRIBUTES: u32 = 0x42_0125;

pub const CREATE: u32 = 0x01;
pub const CREATE_KEY_PAIR: u32 = 0x02;
pub const REGISTER: u32 = 0x03;
pub const RE_KEY: u32 = 0x04;
pub const LOCATE: u32 = 0x08;
pub const GET: u32 = 0x0A;
pub const GET_ATTRIBUTES: u32 = 0x0B;
pub const GET_ATTRIBUTE_LIST: u32 = 0x0C;
pub const ADD_ATTRIBUTE: u32 = 0x0D;
pub const MODIFY_ATTRIBUTE: u32 = 0x0E;
pub const ACTIVATE: u32 = 0x12;
pub const REVOKE: u32 = 0x13;
pub const DESTROY: u32 = 0x14;
pub const QUERY: u32 = 0x18;
pub const DISCOVER_VERSIONS: u32 = 0x1E;
pub const ENCRYPT: u32 = 0x1F;
pub const DECRYPT: u32 = 0x20;

/// Object types.
pub const CERTIFICATE_OBJECT: u32 = 1;
pub const SYMMETRIC_KEY_OBJECT: u32 = 2;
pub const PUBLIC_KEY_OBJECT: u32 = 3;
pub const TEMPLATE_OBJECT: u32 = 6;
pub const SECRET_DATA_OBJECT: u32 = 7;
pub const OPAQUE_DATA_OBJECT: u32 = 8;

/// Result reasons that are expected of a refusal.
pub const ITEM_NOT_FOUND: u32 = 0x01;
pub const AUTHENTICATION_NOT_SUCCESSFUL: u32 = 0x03;
pub const OPERATION_NOT_SUPPORTED: u32 = 0x05;
pub const PERMISSION_DENIED: u32 = 0x0C;
pub const OBJECT_NOT_FOUND: u32 = 0x37;

/// The last tag that each version has (the table of tags in each specification).
pub const NEWEST: &[((i32, i32), u32)] = &[
    ((1, 0), 0x42_00A1),
    ((1, 1), 0x42_00B7),
    ((1, 2), 0x42_00D3),
    ((1, 3), 0x42_00F7),
    ((1, 4), 0x42_0124),
    ((2, 0), 0x42_0165),
    ((2, 1), 0x42_0176),
];

/// Every attribute that KMIP 1.0 has (§3), beside custom ones, which begin with `x-` or `y-`.
pub const ATTRIBUTES_OF_1_0: &[&str] = &[
    "Unique Identifier",
    "Name",
    "Object Type",
    "Cryptographic Algorithm",
    "Cryptographic Length",
    "Cryptographic Parameters",
    "Cryptographic Domain Parameters",
    "Certificate Type",
    "Certificate Identifier",
    "Certificate Subject",
    "Certificate Issuer",
    "Digest",
    "Operation Policy Name",
    "Cryptographic Usage Mask",
    "Lease Time",
    "Usage Limits",
    "State",
    "Initial Date",
    "Activation Date",
    "Process Start Date",
    "Protect Stop Date",
    "Deactivation Date",
    "Destroy Date",
    "Compromise Occurrence Date",
    "Compromise Date",
    "Revocation Reason",
    "Archive Date",
    "Object Group",
    "Link",
    "Application Specific Information",
    "Contact Information",
    "Last Change Date",
];
