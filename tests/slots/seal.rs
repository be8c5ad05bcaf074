//! A vault that a key in a token opens.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::bench::Bench;

/// The configuration with other ways to open the vault by itself.
fn methods(bench: &Bench, line: &str) {
    let path = bench.appliance.dir().join("strongroom.toml");
    let text = fs::read_to_string(&path).expect("the appliance has a configuration");
    let lines =
        text.lines().map(|old| if old.starts_with("key = ") || old.starts_with("methods") { line } else { old });
    fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n").expect("and takes another");
}

fn open(bench: &Bench) -> bool {
    bench.strongroom("status").succeeds().stdout.contains("vault      open")
}

#[track_caller]
fn opens(bench: &Bench) {
    let begun = Instant::now();
    while !open(bench) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", bench.appliance.log());
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_key_in_a_token_opens_the_vault_as_soon_as_its_worker_is_up() {
    let Some(mut bench) = Bench::new() else { return };
    let _ = bench.user("--keygen --key-type AES:32 --label kept --id 07").succeeds();
    let _ = bench.strongroom("operator rekey --slot hsm").succeeds();
    assert_eq!(bench.objects("secrkey"), 2, "one of ours and the one that opens the vault");
    methods(&bench, "methods = [\"slot\"]");
    bench.appliance.restart();
    opens(&bench);
    let said = bench.strongroom("status").succeeds().stdout;
    assert!(said.contains("a key in slot hsm") && !said.contains("key file"), "{said}");
    let _ = bench.strongroom("operator rotate root").succeeds();
    bench.appliance.restart();
    opens(&bench);
    // Whoever seals it means it: it does not open again by itself.
    let _ = bench.strongroom("operator seal").succeeds();
    sleep(Duration::from_secs(1));
    assert!(!open(&bench));
    let _ = bench.strongroom("unseal --slots").succeeds();
    assert!(open(&bench));
    // Another way takes its place, and its key leaves the token.
    let file = bench.path("other.key").display().to_string();
    let _ = bench.strongroom(&format!("operator rekey --key-file {file}")).succeeds();
    crate::doors::left(&bench, "secrkey", 1);
    bench.appliance.restart();
    sleep(Duration::from_secs(1));
    assert!(!open(&bench));
    let _ = bench.strongroom(&format!("unseal --key-file {file}")).succeeds();
}

#[test]
fn a_token_and_shares_are_needed_together_when_they_were_named_together() {
    let Some(mut bench) = Bench::new() else { return };
    let out = bench.path("shares").display().to_string();
    let _ = bench.strongroom(&format!("operator rekey --slot hsm --shares 2/3 --out {out}")).succeeds();
    for number in [1, 3] {
        let _ = bench.strongroom(&format!("unseal --share-file {out}/holder-{number}.share")).succeeds();
    }
    methods(&bench, "methods = [\"slot\"]");
    bench.appliance.restart();
    bench.wait("usable");
    sleep(Duration::from_secs(1));
    assert!(!open(&bench), "the token alone");
    for (number, opened) in [(2, false), (1, true)] {
        let _ = bench.strongroom(&format!("unseal --share-file {out}/holder-{number}.share")).succeeds();
        assert_eq!(open(&bench), opened, "after share {number}");
    }
}
