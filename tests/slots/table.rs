//! One key life on each kind of slot, shown as a table.

use std::io::{Write, stdout};

use strongroom_kmip::attribute::{Attribute, Name, Template};
use strongroom_kmip::code::{CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ProtectionStorageMask};
use strongroom_kmip::payload::{ActivateRequest, CreateKeyPairRequest, GetRequest, ProtectionStorageMasks};
use strongroom_kmip::version::V2_1;
use strongroom_tests::connect;

use crate::bench::Bench;

/// A kind of slot: its name on the bench, what it is, what KMIP asks for to get it, and whether its keys may leave.
const KINDS: &[(&str, &str, ProtectionStorageMask, bool)] = &[
    ("dev", "software", ProtectionStorageMask::Software, true),
    ("hsm", "SoftHSM2 over PKCS#11", ProtectionStorageMask::Hardware, false),
];

#[test]
fn one_key_life_on_each_kind_of_slot() {
    let Some(mut bench) = Bench::new() else { return };
    let mut rows = Vec::new();
    for (slot, kind, mask, leaves) in KINDS {
        let mut line = connect(bench.appliance.doors(), "alice", V2_1).expect("a line");
        let label = format!("life-{slot}");
        let common = Template {
            names: Vec::new(),
            attributes: [
                Attribute::CryptographicAlgorithm(CryptographicAlgorithm::EC),
                Attribute::CryptographicLength(256),
            ]
            .map(Into::into)
            .to_vec(),
        };
        let half = |mask, name: &str| Template {
            names: Vec::new(),
            attributes: [Attribute::CryptographicUsageMask(mask), Attribute::Name(Name::text(name))]
                .map(Into::into)
                .to_vec(),
        };
        let made = line.ask(CreateKeyPairRequest {
            common_attributes: Some(common),
            private_key_attributes: Some(half(CryptographicUsageMask::Sign, &label)),
            public_key_attributes: Some(half(CryptographicUsageMask::Verify, &format!("{label}-public"))),
            common_protection_storage_masks: Some(ProtectionStorageMasks { protection_storage_mask: vec![*mask] }),
            private_protection_storage_masks: None,
            public_protection_storage_masks: None,
        });
        let made = made.expect("a pair");
        for id in [&made.private_key_unique_identifier, &made.public_key_unique_identifier] {
            let _ = line.ask(ActivateRequest { unique_identifier: Some(id.0.as_str().into()) }).expect("active");
        }
        let sign = |bench: &Bench| {
            let words = format!("--sign -m ECDSA-SHA256 -f openssl --label {label} -i @data -o @signature");
            let _ = bench.user_of(slot, &words).succeeds();
            let check = format!("dgst -sha256 -verify @{slot}.pem -signature @signature @data");
            assert!(bench.openssl(&check).succeeds().stdout.contains("Verified OK"), "{kind}");
        };
        let read = format!("--read-object --type pubkey --label {label}-public -o @{slot}.der");
        let _ = bench.user_of(slot, &read).succeeds();
        let _ = bench.openssl(&format!("pkey -pubin -inform DER -in @{slot}.der -out @{slot}.pem")).succeeds();
        sign(&bench);
        bench.appliance.restart();
        bench.wait("usable");
        sign(&bench);
        let mut line = connect(bench.appliance.doors(), "alice", V2_1).expect("a line");
        let given = line.ask(GetRequest {
            unique_identifier: Some(made.private_key_unique_identifier.0.as_str().into()),
            key_format_type: Some(KeyFormatType::PKCS_8),
            key_wrap_type: None,
            key_compression_type: None,
            key_wrapping_specification: None,
        });
        assert_eq!(given.is_ok(), *leaves, "{kind}");
        for kind in ["privkey", "pubkey"] {
            let label = if kind == "pubkey" { format!("{label}-public") } else { label.clone() };
            let _ = bench.user_of(slot, &format!("--delete-object --type {kind} --label {label}")).succeeds();
        }
        if slot == &"hsm" {
            crate::doors::left(&bench, "privkey", 0);
        }
        let leaving = if *leaves { "may" } else { "refused" };
        rows.push(format!("{kind:<24}{:<10}{:<14}{:<14}{:<12}{leaving:<10}{:<10}", "yes", "yes", "yes", "yes", "yes"));
    }
    let head = format!(
        "{:<24}{:<10}{:<14}{:<14}{:<12}{:<10}{:<10}",
        "slot", "made", "signed", "verified", "after a", "leaving", "removed"
    );
    let doors = format!(
        "{:<24}{:<10}{:<14}{:<14}{:<12}{:<10}{:<10}",
        "", "KMIP", "pkcs11-tool", "OpenSSL", "restart", "KMIP", "PKCS#11"
    );
    writeln!(stdout(), "{head}\n{doors}\n{}", rows.join("\n")).expect("somebody reads");
}
