//! The daemon is killed while it makes keys in a token: what was acknowledged is there, and nothing else is left in the token.

use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use strongroom_kmip::attribute::{Attribute, Template};
use strongroom_kmip::code::{CryptographicAlgorithm, CryptographicUsageMask, ObjectType, ProtectionStorageMask};
use strongroom_kmip::payload::{CreateRequest, ProtectionStorageMasks};
use strongroom_kmip::version::V2_1;
use strongroom_tests::connect;

use crate::bench::Bench;

fn key() -> CreateRequest {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
    ];
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes: attributes.map(Into::into).to_vec() },
        protection_storage_masks: Some(ProtectionStorageMasks {
            protection_storage_mask: vec![ProtectionStorageMask::Hardware],
        }),
    }
}

#[test]
fn no_key_is_lost_or_orphaned_when_the_daemon_is_killed() {
    let Some(mut bench) = Bench::new() else { return };
    let told = Mutex::new(Vec::new());
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let (doors, told) = (bench.appliance.doors().clone(), &told);
                scope.spawn(move || {
                    let Ok(mut line) = connect(&doors, "alice", V2_1) else { return };
                    while let Ok(made) = line.ask(key()) {
                        told.lock().expect("nobody panics with it").push(made.unique_identifier.0.clone());
                    }
                });
            }
            sleep(Duration::from_millis(150 + round * 37 % 100));
            bench.appliance.kill();
        });
        bench.appliance.restart();
        bench.wait("usable");
    }
    let told = told.into_inner().expect("nobody panicked with it");
    assert!(!told.is_empty());
    let listed = bench.strongroom("--json key list --limit 100000").succeeds().stdout;
    assert!(told.iter().all(|id| listed.contains(id.as_str())), "an acknowledged key is lost");
    let held = listed.matches("\"slot\": \"hsm\"").count();
    let begun = Instant::now();
    // SoftHSM2 writes an object in several steps: what it was killed over has no identifier yet and no value.
    let there = || bench.past("--list-objects --type secrkey").succeeds().stdout.matches("  ID:").count();
    while there() != held {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} keys for {held} objects", there());
        sleep(Duration::from_millis(200));
    }
}

/// What is promised; it takes half a minute.
const ROUNDS: u64 = 50;
