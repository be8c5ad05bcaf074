//! Holds the tables of the code against the spreadsheets that OASIS publishes beside the specifications. They are not
//! ours to keep in the repository; where they are missing the test says so and passes.

// The lint takes only the tests themselves for tests, not what they call.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use strongroom_kmip::{
    code::*,
    schema::normalised,
    tag::Tag,
    version::{V1_2, V2_1, V3_0, Version},
};

/// By category: number and normalised name.
type Tables = BTreeMap<String, BTreeMap<u32, String>>;

#[test]
fn every_row_of_kmip_1_2_is_here_and_no_other() {
    compare("kmip-spec-enumerations-v1.2-os_enumerations.csv", V1_2);
}

#[test]
fn every_row_of_kmip_2_1_is_here_and_no_other() {
    compare("kmip-spec-enumerations-v2.1-os_enumerations.csv", V2_1);
}

#[test]
fn every_row_of_kmip_3_0_is_here_and_no_other() {
    compare("kmip-spec-enumerations-v3.0-os_enumerations.csv", V3_0);
}

fn compare(file: &str, version: Version) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/kmip/tables");
    let Ok(text) = fs::read_to_string(folder.join(file)) else {
        println!("skipped: no tables");
        return;
    };
    assert_eq!(ours(version), published(&text), "{version}");
}

fn published(text: &str) -> Tables {
    let mut tables = Tables::new();
    for line in text.lines().skip(1) {
        let (category, rest) = line.split_once(',').unwrap();
        let (name, number) = rest.rsplit_once(',').unwrap();
        // "420014(deprecated as of version 1.1)", "0x42016A"; but not "8XXXXXXX" nor "420XXX – 42FFFF".
        let number = number.trim_start_matches("0x").split('(').next().unwrap().trim();
        let Ok(number) = u32::from_str_radix(number, 16) else { continue };
        let reserved = matches!(name, "(Reserved)" | "Reserved" | "(Unused)");
        if !reserved {
            let name = respelled(name);
            tables.entry(normalised(category)).or_default().insert(number, normalised(name));
        }
    }
    tables
}

/// What the spreadsheets misspell, or the specifications spell in more than one way; ours is the spelling of the
/// specification's text and of the published test cases.
fn respelled(name: &str) -> &str {
    match name {
        "CompromiseDate" => "Compromise Date",
        "AuthenticatedEncryption Additional Data" => "Authenticated Encryption Additional Data",
        "Operation CanceledByRequester" => "Operation Canceled By Requester",
        "Object archived" => "Object Archived",
        "Non UniqueName Attribute" => "Non Unique Name Attribute",
        "NotAuthorised" => "Not Authorised",
        "ServerPre-Generated" => "Server Pre-Generated",
        "MACMACData" => "MAC MAC Data",
        "MFG1" => "MGF1",
        // The superscript is lost in the spreadsheet.
        "Polynomial Sharing GF (216)" => "Polynomial Sharing GF (2^16)",
        "Polynomial Sharing GF (28)" => "Polynomial Sharing GF (2^8)",
        // Since 2.0 the signature algorithms go without the standard that defines them.
        "RSASSA-PSS(PKCS#1 v2.1)" => "RSASSA-PSS",
        "MD2 with RSA Encryption(PKCS#1 v1.5)" => "MD2 with RSA Encryption",
        "MD5 with RSA Encryption (PKCS#1 v1.5)" => "MD5 with RSA Encryption",
        "SHA-1 with RSA Encryption (PKCS#1 v1.5)" => "SHA-1 with RSA Encryption",
        "SHA-224 with RSA Encryption (PKCS#1 v1.5)" => "SHA-224 with RSA Encryption",
        "SHA-256 with RSA Encryption (PKCS#1 v1.5)" => "SHA-256 with RSA Encryption",
        "SHA-384 with RSA Encryption (PKCS#1 v1.5)" => "SHA-384 with RSA Encryption",
        "SHA-512 with RSA Encryption (PKCS#1 v1.5)" => "SHA-512 with RSA Encryption",
        other => other,
    }
}

macro_rules! ours {
    ($version:ident: $($kind:ident)*) => {{
        let mut tables = Tables::new();
        $(
            let rows: BTreeMap<u32, String> = $kind::ALL
                .iter()
                .filter(|code| code.spoken().is_some_and(|(since, until)| $version.within(since, until)))
                .map(|code| (code.0, normalised(code.text().unwrap())))
                .collect();
            if !rows.is_empty() {
                tables.insert(stringify!($kind).to_owned(), rows);
            }
        )*
        tables
    }};
}

fn ours(version: Version) -> Tables {
    ours!(version:
        AdjustmentType AlternativeNameType AsynchronousIndicator AttestationType BatchErrorContinuationOption
        BlockCipherMode CancellationResult CertificateRequestType CertificateType ClientRegistrationMethod
        CredentialType CryptographicAlgorithm DRBGAlgorithm Data DeactivationReasonCode DerivationMethod DestroyAction
        DigitalSignatureAlgorithm EncodingOption EndpointRole Ephemeral FIPS186Variation HashingAlgorithm
        InteropFunction ItemType KeyCompressionType KeyFormatType KeyRoleType KeyValueLocationType KeyWrapType LinkType
        MaskGenerator NISTKeyType NameType OTPAlgorithm ObjectClass ObjectGroupMember ObjectType OpaqueDataType
        Operation PaddingMethod ProcessingStage ProfileName ProtectionLevel PutFunction QueryFunction RNGAlgorithm
        RNGMode RecommendedCurve ResultReason ResultStatus RevocationReasonCode RotateNameType SecretDataType
        ShreddingAlgorithm SplitKeyMethod SplitKeyPolynomial State Tag TicketType UniqueIdentifier UnwrapMode
        UsageLimitsUnit ValidationAuthorityType ValidationType ValidityIndicator WrappingMethod
    )
}
