//! One key life on each kind of slot, shown as a table.

use std::io::{Write, stdout};

use strongroom_kmip::attribute::{Attribute, Name, Template};
use strongroom_kmip::code::{CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ProtectionStorageMask};
use strongroom_kmip::payload::{ActivateRequest, CreateKeyPairRequest, GetRequest, ProtectionStorageMasks};
use strongroom_kmip::version::V2_1;
use strongroom_tests::{VENDORS, alone, connect};

use crate::bench::Bench;

#[test]
fn one_key_life_on_each_kind_of_slot() {
    if !alone("table::one_key_life_on_each_kind_of_slot") {
        return;
    }
    // Each row as soon as it is known: all of them take minutes.
    let show = |slot: &str, cells: &[&str]| {
        let cells: String = cells.iter().map(|cell| format!("{cell:<13}")).collect();
        writeln!(stdout(), "{}", format!("{slot:<22}{cells}").trim_end()).expect("somebody reads");
    };
    show("slot", &["made by", "signed by", "verified by", "after a", "private key", "removed by"]);
    show("", &["KMIP", "pkcs11-tool", "OpenSSL", "restart", "by KMIP Get", "pkcs11-tool"]);
    for (at, vendor) in VENDORS.iter().enumerate() {
        let Some(mut bench) = Bench::over(vendor) else {
            show(vendor.name, &["not installed here"]);
            continue;
        };
        if at == 0 {
            life(&mut bench, "dev", true);
            show("software", &["yes", "yes", "yes", "works", "given", "yes"]);
        }
        life(&mut bench, "hsm", false);
        show(vendor.name, &["yes", "yes", "yes", "works", "refused", "yes"]);
    }
}

/// A pair is made through KMIP in this slot, signs for pkcs11-tool what OpenSSL verifies, does so after a restart too, leaves
/// through KMIP or does not, and is removed through PKCS#11.
fn life(bench: &mut Bench, slot: &str, leaves: bool) {
    let mask = if leaves { ProtectionStorageMask::Software } else { ProtectionStorageMask::Hardware };
    let mut line = connect(bench.appliance.doors(), "alice", V2_1).expect("a line");
    let label = format!("life-{slot}");
    let common = Template {
        names: Vec::new(),
        attributes: [
            // Every kind of slot makes these.
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
            Attribute::CryptographicLength(2048),
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
        common_protection_storage_masks: Some(ProtectionStorageMasks { protection_storage_mask: vec![mask] }),
        ..CreateKeyPairRequest::default()
    });
    let made = made.expect("a pair");
    for id in [&made.private_key_unique_identifier, &made.public_key_unique_identifier] {
        let _ = line.ask(ActivateRequest { unique_identifier: Some(id.0.as_str().into()) }).expect("active");
    }
    let sign = |bench: &Bench| {
        let words = format!("--sign -m SHA256-RSA-PKCS --label {label} -i @data -o @signature");
        let _ = bench.user_of(slot, &words).succeeds();
        let check = format!("dgst -sha256 -verify @{slot}.pem -signature @signature @data");
        assert!(bench.openssl(&check).succeeds().stdout.contains("Verified OK"), "{slot}");
    };
    let read = format!("--read-object --type pubkey --label {label}-public -o @{slot}.der");
    let _ = bench.user_of(slot, &read).succeeds();
    let _ = bench.openssl(&format!("pkey -pubin -inform DER -in @{slot}.der -out @{slot}.pem")).succeeds();
    sign(bench);
    bench.appliance.restart();
    bench.wait("usable");
    sign(bench);
    let mut line = connect(bench.appliance.doors(), "alice", V2_1).expect("a line");
    let given = line.ask(GetRequest {
        unique_identifier: Some(made.private_key_unique_identifier.0.as_str().into()),
        key_format_type: Some(KeyFormatType::PKCS_8),
        ..GetRequest::default()
    });
    assert_eq!(given.is_ok(), leaves, "{slot}");
    for (kind, label) in [("privkey", label.clone()), ("pubkey", format!("{label}-public"))] {
        let _ = bench.user_of(slot, &format!("--delete-object --type {kind} --label {label}")).succeeds();
    }
    if !leaves {
        crate::doors::left(bench, "privkey", 0);
    }
}
