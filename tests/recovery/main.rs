//! The drill: the machine is lost, and a fresh one serves again from a backup and three of five shares.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::Instant,
};

use serde_json::Value;
use strongroom_kmip::{
    attribute::{CryptographicParameters, RevocationReason},
    code::{BlockCipherMode, RevocationReasonCode},
    payload::{ActivateRequest, DestroyRequest, EncryptRequest, RevokeRequest},
    secret::Secret,
    ttlv::Bytes,
    version::V2_1,
};
use strongroom_tests::{
    Appliance, Line, Outcome, connect,
    key::{create, get},
    run, skip_or_require,
};

fn strongroom(appliance: &Appliance, words: &str) -> Outcome {
    let configuration = appliance.dir().join("strongroom.toml");
    run(appliance.strongroom().arg("--config").arg(configuration).args(words.split_whitespace()))
}

/// Recovery shares of an appliance, each in a file.
fn deal(appliance: &Appliance, name: &str) -> Vec<PathBuf> {
    let folder = appliance.folder().join(name);
    let labels = "--label anna --label ben --label cleo --label dan --label eve";
    let words = format!("operator generate-recovery --shares 3/5 {labels} --out {}", folder.display());
    let _ = strongroom(appliance, &words).succeeds();
    ["anna", "ben", "cleo", "dan", "eve"].map(|label| folder.join(format!("{label}.share"))).to_vec()
}

fn alice(appliance: &Appliance) -> Line {
    connect(appliance.doors(), "alice", V2_1).unwrap()
}

fn back_up(appliance: &Appliance, name: &str) -> PathBuf {
    let file = appliance.folder().join(name);
    let _ = strongroom(appliance, &format!("backup --to {}", file.display())).succeeds();
    file
}

fn restore(appliance: &Appliance, file: &Path, shares: &[PathBuf], more: &str) -> Outcome {
    run(&mut restoring(appliance, file, shares, more))
}

fn restoring(appliance: &Appliance, file: &Path, shares: &[PathBuf], more: &str) -> Command {
    let mut command = appliance.strongroom();
    command.arg("--config").arg(appliance.dir().join("strongroom.toml")).arg("restore").arg(file);
    command.args(shares.iter().flat_map(|share| [Path::new("--share-file"), share]));
    command.arg("--key-file").arg(appliance.dir().join("unseal.key")).args(more.split_whitespace());
    command
}

fn encrypt(line: &mut Line, id: &str, nonce: Option<[u8; 12]>) -> Result<(), String> {
    let request = EncryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(CryptographicParameters {
            block_cipher_mode: Some(BlockCipherMode::GCM),
            tag_length: Some(16),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::copy_of(b"data")),
        iv_counter_nonce: nonce.map(|nonce| Bytes(nonce.to_vec())),
        ..EncryptRequest::default()
    };
    line.ask(request).map(drop).map_err(|error| error.to_string())
}

/// The daemon is killed, and what it kept is gone. Its configuration and its clients' own files are elsewhere.
fn lose(appliance: &mut Appliance) {
    appliance.kill();
    for name in ["store", "audit", "tls"] {
        fs::remove_dir_all(appliance.dir().join(name)).unwrap();
    }
}

#[test]
fn a_lost_machine_serves_again_from_its_backup_and_three_of_five_shares() {
    let (mut appliance, other) = (Appliance::start(), Appliance::start());
    let (shares, foreign) = (deal(&appliance, "shares"), deal(&other, "foreign"));
    let mut line = alice(&appliance);
    let keys: Vec<String> = (0..20).map(|_| create(&mut line).unwrap()).collect();
    let before: Vec<_> = keys.iter().map(|id| get(&mut line, id).unwrap()).collect();
    let tool = skip_or_require("pkcs11-tool");
    let token = |appliance: &Appliance, words: &str| {
        tool.as_ref().map(|tool| {
            let pkcs11 = &appliance.doors().pkcs11;
            let mut command = appliance.customer(tool);
            let command = command.arg("--module").arg(&pkcs11.module).args(["--login", "--pin", &pkcs11.user_pin]);
            run(command.args(words.split_whitespace())).succeeds()
        })
    };
    token(&appliance, "--keypairgen --key-type EC:prime256v1 --id 0a --label drill");
    let backup = back_up(&appliance, "one.backup");
    lose(&mut appliance);
    let altered = appliance.folder().join("altered.share");
    let text = fs::read_to_string(&shares[2]).unwrap();
    fs::write(&altered, text.replace(":cleo:", ":carl:")).unwrap();
    fs::set_permissions(&altered, fs::Permissions::from_mode(0o600)).unwrap();
    for (name, three, says) in [
        ("two shares", vec![shares[0].clone(), shares[1].clone()], "3 shares are needed"),
        (
            "one twice",
            vec![shares[0].clone(), shares[1].clone(), shares[0].clone()],
            "share 1 of anna was entered already",
        ),
        ("one of another appliance", vec![shares[0].clone(), foreign[1].clone()], "of another set"),
        ("one that was changed", vec![shares[0].clone(), shares[1].clone(), altered], "mistyped"),
    ] {
        let told = restore(&appliance, &backup, &three, "").fails();
        assert!(told.stderr.contains(says), "{name}: {told}");
        assert!(!appliance.dir().join("store").exists(), "{name}");
    }
    // What an interrupted one leaves is in nobody's way.
    fs::create_dir(appliance.dir().join("store.restoring")).unwrap();
    fs::write(appliance.dir().join("store.restoring/db"), b"half").unwrap();
    let _ = restore(&appliance, &backup, &shares[1..4], "").succeeds();
    assert!(!appliance.dir().join("store.restoring").exists());
    let again = restore(&appliance, &backup, &shares[1..4], "").fails();
    assert!(again.stderr.contains("holds a store already"), "{again}");
    appliance.restart();
    let mut line = alice(&appliance);
    let after: Vec<_> = keys.iter().map(|id| get(&mut line, id).unwrap()).collect();
    assert_eq!(before, after);
    let data = appliance.folder().join("data");
    fs::write(&data, b"signed after the drill").unwrap();
    let signature = appliance.folder().join("signature");
    let files = format!("--id 0a --mechanism ECDSA-SHA256 --input-file {}", data.display());
    token(&appliance, &format!("--sign {files} --output-file {}", signature.display()));
    token(&appliance, &format!("--verify {files} --signature-file {}", signature.display()));
    create(&mut line).unwrap();
    let _ = strongroom(&appliance, "audit verify").succeeds();
    let told = strongroom(&appliance, "audit export --to 2").succeeds().stdout;
    let second: Value = serde_json::from_str(told.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second["action"], "restore");
    let digest = &verified(&appliance, &backup)["sha256"];
    let object = second["object"].as_str().unwrap();
    assert!(object.starts_with(digest.as_str().unwrap()) && object.contains("strongroom/"), "{object}");
}

/// What can be told of a backup where there is no audit log.
fn verified(appliance: &Appliance, file: &Path) -> Value {
    let empty = appliance.folder().join("empty.toml");
    fs::write(&empty, format!("state = {:?}\n", appliance.folder().join("nothing"))).unwrap();
    let said = run(appliance.strongroom().arg("--config").arg(&empty).args(["--json", "backup", "verify"]).arg(file))
        .succeeds();
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn anybody_can_tell_whether_a_backup_is_whole_and_whose_it_is() {
    let (mut appliance, other) = (Appliance::start(), Appliance::start());
    // Each start begins an epoch of the log.
    (0..2).for_each(|_| appliance.restart());
    let none = strongroom(&appliance, "backup --to /nowhere/at/all").fails();
    assert!(none.stderr.contains("cannot make"), "{none}");
    let file = appliance.folder().join("backup");
    let none = strongroom(&appliance, &format!("backup --to {}", file.display())).fails();
    assert!(none.stderr.contains("generate-recovery") && !file.exists(), "{none}");
    deal(&appliance, "shares");
    create(&mut alice(&appliance)).unwrap();
    let file = back_up(&appliance, "backup");
    let taken = strongroom(&appliance, &format!("backup --to {}", file.display())).fails();
    assert!(taken.stderr.contains("is there already"), "{taken}");
    let said = strongroom(&appliance, &format!("backup verify {}", file.display())).succeeds().stdout;
    for part in ["whole", "3 shares of set", "anna, ben, cleo, dan, eve", "audit log vouches for"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(verified(&appliance, &file)["known"], false);
    let foreign = strongroom(&other, &format!("backup verify {}", file.display())).fails();
    assert!(foreign.stderr.contains("this audit log is of"), "{foreign}");
    let nowhere = appliance.folder().join("empty.toml");
    let pinned = |dir: Option<&Path>, key: &Path| {
        let mut command = appliance.strongroom();
        command.arg("--config").arg(&nowhere).args(["backup", "verify"]).arg(&file).arg("--key").arg(key);
        run(command.args(dir.iter().flat_map(|dir| [Path::new("--dir"), dir])))
    };
    let log = |appliance: &Appliance| appliance.dir().join("audit");
    let (own, foreign) = (log(&appliance).join("log.pub"), log(&other).join("log.pub"));
    let told = pinned(None, &foreign).fails();
    assert!(told.stderr.contains("this audit log is of"), "{told}");
    let copy = appliance.folder().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::copy(log(&appliance).join("epochs"), copy.join("epochs")).unwrap();
    let said = pinned(Some(&copy), &own).succeeds().stdout;
    assert!(said.contains("audit log vouches for"), "log.pub and epochs are enough: {said}");
    // Without the keys since, or with some of them, nothing is believed, and nobody is accused.
    let epochs = fs::read_to_string(copy.join("epochs")).unwrap();
    let epoch = usize::try_from(verified(&appliance, &file)["epoch"].as_u64().unwrap()).unwrap();
    // A note is its text and its signature, each with an empty line behind it.
    let before: String = epochs.split_inclusive("\n\n").take(2 * (epoch - 1)).collect();
    assert!(!before.is_empty() && before.len() < epochs.len(), "the vault was opened several times: {epochs}");
    fs::write(copy.join("epochs"), before).unwrap();
    for dir in [None, Some(&*copy)] {
        let told = pinned(dir, &own).fails();
        assert!(told.stderr.contains(&format!("signed it in epoch {epoch} is not known here")), "{dir:?}: {told}");
    }
    let whole = fs::read(&file).unwrap();
    let bad = appliance.folder().join("bad");
    let half = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[half] ^= 1;
    for (name, bytes, says) in [
        ("cut short", &whole[..half], "cut short"),
        ("without its end", &whole[..whole.len() - 1], "cut short"),
        ("a flipped bit", &flipped[..], "damaged"),
        ("more behind it", &[&whole[..], b"more\n"].concat()[..], "added"),
        ("something else", b"#!/bin/sh and so on and so on", "no backup"),
    ] {
        fs::write(&bad, bytes).unwrap();
        let told = strongroom(&appliance, &format!("backup verify {}", bad.display())).fails();
        assert!(told.stderr.contains(says), "{name}: {told}");
    }
}

#[test]
fn one_object_comes_back_into_a_running_appliance_and_never_over_a_newer_one_unasked() {
    let appliance = Appliance::start();
    let shares = deal(&appliance, "shares");
    let mut line = alice(&appliance);
    let id = create(&mut line).unwrap();
    let before = get(&mut line, &id).unwrap();
    let file = back_up(&appliance, "backup");
    let object = |more: &str| restore(&appliance, &file, &shares[..3], &format!("--object {more}"));
    line.ask(DestroyRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    assert!(get(&mut line, &id).is_err());
    let newer = object(&id).fails();
    assert!(newer.stderr.contains("--older"), "{newer}");
    let _ = object(&format!("{id} --older")).succeeds();
    assert_eq!(get(&mut line, &id).unwrap(), before);
    let lives = create(&mut line).unwrap();
    line.ask(ActivateRequest { unique_identifier: Some(lives.as_str().into()) }).unwrap();
    let ends = create(&mut line).unwrap();
    line.ask(ActivateRequest { unique_identifier: Some(ends.as_str().into()) }).unwrap();
    let file = back_up(&appliance, "later");
    for id in [&lives, &ends] {
        encrypt(&mut line, id, Some([1; 12])).unwrap();
    }
    let reason = RevocationReason {
        revocation_reason_code: RevocationReasonCode::CessationOfOperation,
        revocation_message: None,
    };
    line.ask(RevokeRequest {
        unique_identifier: Some(ends.as_str().into()),
        revocation_reason: reason,
        compromise_occurrence_date: None,
    })
    .unwrap();
    line.ask(DestroyRequest { unique_identifier: Some(ends.as_str().into()) }).unwrap();
    for id in [&lives, &ends] {
        let _ = restore(&appliance, &file, &shares[..3], &format!("--object {id} --older")).succeeds();
        encrypt(&mut line, id, None).unwrap();
    }
    // The key that was here all the time has forgotten nothing. The other was away, and may have been elsewhere.
    for (name, id, nonce, says) in [
        ("known", &lives, [1; 12], Some("was used with this key")),
        ("new", &lives, [2; 12], None),
        ("forgotten", &ends, [1; 12], Some("came back out of a backup")),
        ("perhaps forgotten", &ends, [2; 12], Some("came back out of a backup")),
    ] {
        let refused = encrypt(&mut line, id, Some(nonce)).err();
        assert_eq!(
            refused.as_deref().map(|why| says.is_some_and(|says| why.contains(says))),
            says.map(|_| true),
            "{name}: {refused:?}"
        );
    }
    let unknown = object("no-such-object").fails();
    assert!(unknown.stderr.contains("is not in the backup"), "{unknown}");
}

#[test]
fn after_a_whole_restore_keys_take_nonces_of_their_callers_only_where_nothing_was_done_since() {
    let mut appliance = Appliance::start();
    let shares = deal(&appliance, "shares");
    let mut line = alice(&appliance);
    let id = create(&mut line).unwrap();
    line.ask(ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    encrypt(&mut line, &id, Some([1; 12])).unwrap();
    let file = back_up(&appliance, "backup");
    encrypt(&mut line, &id, Some([2; 12])).unwrap();
    for (more, again, fresh) in [
        ("", Some("came back out of a backup"), Some("came back out of a backup")),
        ("--same-history", Some("was used with this key"), None),
    ] {
        drop(line);
        lose(&mut appliance);
        let said = restore(&appliance, &file, &shares[..3], more).succeeds().stdout;
        assert_eq!(said.contains("1 secret keys encrypt"), fresh.is_some(), "{said}");
        appliance.restart();
        line = alice(&appliance);
        encrypt(&mut line, &id, None).unwrap();
        for (name, nonce, says) in [("known", [1; 12], again), ("new", [3; 12], fresh)] {
            let refused = encrypt(&mut line, &id, Some(nonce)).err();
            let fits = refused.as_deref().map_or(says.is_none(), |why| says.is_some_and(|says| why.contains(says)));
            assert!(fits, "{more} {name}: {refused:?}");
        }
        let key = create(&mut line).unwrap();
        line.ask(ActivateRequest { unique_identifier: Some(key.as_str().into()) }).unwrap();
        encrypt(&mut line, &key, Some([1; 12])).unwrap();
    }
    let both = restore(&appliance, &file, &shares[..3], "--same-history --older").fails();
    assert_eq!(both.code, Some(2), "{both}");
}

#[test]
fn a_log_that_survived_goes_on_and_keeps_an_older_backup_out() {
    let mut appliance = Appliance::start();
    let shares = deal(&appliance, "shares");
    let mut line = alice(&appliance);
    let id = create(&mut line).unwrap();
    let file = back_up(&appliance, "backup");
    let later = create(&mut line).unwrap();
    let before = generation(&appliance);
    appliance.stop();
    fs::remove_dir_all(appliance.dir().join("store")).unwrap();
    let older = restore(&appliance, &file, &shares[..3], "").fails();
    assert!(older.stderr.contains("--older"), "{older}");
    let _ = restore(&appliance, &file, &shares[..3], "--older").succeeds();
    appliance.restart();
    let mut line = alice(&appliance);
    assert!(get(&mut line, &id).is_ok());
    assert!(get(&mut line, &later).is_err());
    let _ = strongroom(&appliance, "audit verify").succeeds();
    assert!(generation(&appliance) > before, "the store has gone back behind what its log has seen");
    // So the next backup is the newest of all, by its own account as well.
    let file = back_up(&appliance, "next");
    appliance.stop();
    fs::remove_dir_all(appliance.dir().join("store")).unwrap();
    let _ = restore(&appliance, &file, &shares[..3], "").succeeds();
    lose(&mut appliance);
    let _ = restore(&appliance, &file, &shares[..3], "").succeeds();
    appliance.restart();
    assert!(generation(&appliance) > before, "the store has gone back behind its backup");
}

fn generation(appliance: &Appliance) -> u64 {
    let said = strongroom(appliance, "--json status").succeeds().stdout;
    serde_json::from_str::<Value>(&said).unwrap()["generation"].as_u64().unwrap()
}

#[test]
fn a_restore_that_is_killed_at_any_moment_is_done_or_can_be_run_again() {
    let mut appliance = Appliance::start();
    let shares = deal(&appliance, "shares");
    let mut line = alice(&appliance);
    let keys: Vec<String> = (0..10).map(|_| create(&mut line).unwrap()).collect();
    let before: Vec<_> = keys.iter().map(|id| get(&mut line, id).unwrap()).collect();
    let file = back_up(&appliance, "backup");
    drop(line);
    lose(&mut appliance);
    let begun = Instant::now();
    let _ = restore(&appliance, &file, &shares[..3], "").succeeds();
    let (whole, store) = (begun.elapsed(), appliance.dir().join("store"));
    let (mut done, mut undone) = (0, 0);
    for round in 0..KILLS {
        for name in ["store", "audit", "tls"] {
            let _ = fs::remove_dir_all(appliance.dir().join(name));
        }
        let mut command = restoring(&appliance, &file, &shares[..3], "");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(whole * round / KILLS);
        child.kill().unwrap();
        child.wait().unwrap();
        match store.exists() {
            true => done += 1,
            false => {
                undone += 1;
                let _ = restore(&appliance, &file, &shares[..3], "").succeeds();
            }
        }
        appliance.restart();
        let mut line = alice(&appliance);
        let after: Vec<_> = keys.iter().map(|id| get(&mut line, id).unwrap()).collect();
        assert_eq!(before, after, "round {round}");
        let _ = strongroom(&appliance, "audit verify").succeeds();
        appliance.kill();
    }
    assert!(undone > 0 && done + undone == KILLS, "{done} and {undone}: the kills came at no moment that matters");
}

const KILLS: u32 = 24;
