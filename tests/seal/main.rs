//! What opens the vault, from the operator's end: shares and their mistakes, rotation under kills, what systemd hands over,
//! and how soon a large appliance serves.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::{
    fs,
    io::BufRead,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;
use strongroom_kmip::version::V2_1;
use strongroom_tests::{
    Appliance, Outcome, connect,
    key::{create, get},
    run, skip_or_require,
};

fn strongroom(appliance: &Appliance, words: &str) -> Outcome {
    let configuration = appliance.dir().join("strongroom.toml");
    run(appliance.strongroom().arg("--config").arg(configuration).args(words.split_whitespace()))
}

fn status(appliance: &Appliance) -> Value {
    serde_json::from_str(&strongroom(appliance, "--json status").succeeds().stdout).unwrap()
}

fn is_sealed(appliance: &Appliance) -> bool {
    status(appliance)["sealed"].as_bool().unwrap()
}

fn enter(appliance: &Appliance, share: &str) -> Outcome {
    let file = appliance.folder().join("entered");
    let _ = fs::remove_file(&file);
    fs::write(&file, share).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    strongroom(appliance, &format!("unseal --share-file {}", file.display()))
}

/// Shares as the operator's command prints them.
fn deal(appliance: &Appliance, words: &str) -> Vec<String> {
    let said = strongroom(appliance, &format!("--json operator {words}")).succeeds().stdout;
    let said: Value = serde_json::from_str(&said).unwrap();
    said["shares"].as_array().unwrap().iter().map(|share| share["share"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn three_people_open_the_vault_and_every_mistake_is_named_without_spoiling_the_rest() {
    let (appliance, other) = (Appliance::start(), Appliance::start());
    let words = "rekey --shares 3/4 --label anna --label ben --label cleo --label dan";
    let (shares, foreign) = (deal(&appliance, words), deal(&other, words));
    assert!(is_open_by_file(&appliance), "nobody has shown a share yet");
    for share in &shares[..3] {
        let _ = enter(&appliance, share).succeeds();
    }
    let _ = strongroom(&appliance, "operator seal").succeeds();
    assert!(!is_open_by_file(&appliance), "the shares have taken its place");
    let _ = enter(&appliance, &shares[3]).succeeds();
    let typo = shares[0].replacen(&shares[0][60..61], if &shares[0][60..61] == "A" { "B" } else { "A" }, 1);
    let (cut, long) = (&shares[0][..shares[0].len() - 9], format!("{}X", shares[1]));
    for (name, share, says) in [
        ("a repeated one", shares[3].as_str(), "share 4 of dan was entered already"),
        ("one of another appliance", &foreign[0], "share 1 of anna is of another set"),
        ("a name that was changed", &shares[0].replace(":anna:", ":ben:"), "mistyped"),
        ("a letter", &typo, "share"),
        ("half of one", cut, "share"),
        ("something behind it", &long, "mistyped"),
        ("a passphrase", "correct horse", "this is no share"),
    ] {
        let told = enter(&appliance, share).fails();
        assert!(told.stderr.contains(says), "{name}: {told}");
        let factor = &status(&appliance)["seal"]["ways"][0]["factors"][0];
        assert_eq!((&factor["entered"], &factor["needed"]), (&1.into(), &3.into()), "{name}");
    }
    let said = enter(&appliance, &shares[1].to_lowercase()).succeeds().stdout;
    assert!(said.contains("2 of 3 shares entered (dan, ben)") && said.contains("sealed"), "{said}");
    let _ = strongroom(&appliance, "unseal --forget").succeeds();
    for (share, sealed) in [(&shares[0], true), (&shares[1], true), (&shares[2], false)] {
        let _ = enter(&appliance, share).succeeds();
        assert_eq!(is_sealed(&appliance), sealed);
    }
    let log = strongroom(&appliance, "audit tail -n 60").succeeds().stdout;
    for word in ["rekeyed", "unseal", "forgotten", "share 4 of dan"] {
        assert!(log.contains(word), "{word}: {log}");
    }
    assert!(shares.iter().all(|share| !log.contains(&share[60..80])), "a share is in the log");
}

/// Whether the key file of the development appliance opens it; it is sealed first.
fn is_open_by_file(appliance: &Appliance) -> bool {
    let _ = strongroom(appliance, "seal");
    let key = appliance.dir().join("unseal.key");
    strongroom(appliance, &format!("unseal --key-file {}", key.display())).code == Some(0)
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let appliance = Appliance::start();
    for (name, words, says) in [
        ("the last way", "operator remove-way 1", "no other one is proven"),
        ("no such way", "operator remove-way 7", "there is none of this number"),
        ("fewer names than shares", "operator rekey --shares 3/5 --label a --label b", "two parts at least"),
        ("a name twice", "operator rekey --shares 2/2 --label a --label a", "the same name"),
        ("a name with a slash", "operator rekey --shares 2/2 --label a/b --label c", "a holder is named by"),
        ("a software slot", "operator rekey --slot dev", "in this very store"),
        ("no such slot", "operator rekey --slot nowhere", "there is no slot"),
        ("nothing named", "operator rekey", "required"),
        ("no such key", "operator rotate everything", "possible values"),
        ("an impossible quota", "operator generate-recovery --shares 6/5", "M/N"),
    ] {
        let told = strongroom(&appliance, words).fails();
        assert!(told.stderr.contains(says), "{name}: {told}");
        assert!(!is_sealed(&appliance), "{name}");
    }
    let _ = strongroom(&appliance, "operator seal").succeeds();
    for words in ["operator rotate root", "operator rekey --shares 2/3", "operator generate-recovery"] {
        let told = strongroom(&appliance, words).fails();
        assert!(told.stderr.contains("sealed"), "{told}");
    }
}

#[test]
fn kills_during_rotation_lose_nothing_and_the_round_goes_on() {
    let mut appliance = Appliance::start();
    let mut line = connect(appliance.doors(), "alice", V2_1).unwrap();
    let keys: Vec<(String, Vec<u8>)> = (0..300)
        .map(|_| {
            let id = create(&mut line).unwrap();
            let key = get(&mut line, &id).unwrap();
            (id, key)
        })
        .collect();
    drop(line);
    let key_file = appliance.dir().join("unseal.key");
    for round in 0..12u64 {
        let what = ["operator rotate data", "operator rotate root"][usize::try_from(round % 2).unwrap()];
        let _ = strongroom(&appliance, what).succeeds();
        if round == 5 {
            let _ = strongroom(&appliance, &format!("operator rekey --key-file {}", key_file.display())).succeeds();
        }
        sleep(Duration::from_millis(round * 9));
        appliance.restart();
        let said = status(&appliance);
        assert_eq!(said["sealed"], false, "round {round}");
        assert_eq!(said["objects"], 300, "round {round}");
        assert_eq!(said["damaged"], Value::Array(Vec::new()), "round {round}");
        assert_eq!(said["rolled_back"], false, "round {round}");
    }
    let begun = Instant::now();
    while !status(&appliance)["seal"]["resealing"].is_null() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the round does not end");
        sleep(Duration::from_millis(100));
    }
    let mut line = connect(appliance.doors(), "alice", V2_1).unwrap();
    assert!(keys.iter().all(|(id, key)| get(&mut line, id).unwrap() == *key));
    assert!(strongroom(&appliance, "audit tail -n 5000").succeeds().stdout.contains("retired"));
    let _ = strongroom(&appliance, "audit verify").succeeds();
}

#[test]
fn kills_in_the_middle_of_an_order_leave_the_vault_as_it_was_or_as_it_was_to_be() {
    let mut appliance = Appliance::start();
    let mut line = connect(appliance.doors(), "alice", V2_1).unwrap();
    let ids: Vec<String> = (0..20).map(|_| create(&mut line).unwrap()).collect();
    let keys: Vec<_> = ids.iter().map(|id| get(&mut line, id).unwrap()).collect();
    drop(line);
    let rekey = format!("operator rekey --key-file {}", appliance.dir().join("unseal.key").display());
    let orders = [
        "operator rotate root",
        "operator rotate data",
        &rekey,
        "operator rekey --shares 2/3",
        "operator generate-recovery --shares 2/3",
        "operator seal",
    ];
    let begun = Instant::now();
    let _ = strongroom(&appliance, "operator rotate root").succeeds();
    let (whole, mut before, mut after) = (begun.elapsed(), 0, 0);
    for round in 0..30u32 {
        let words = orders[usize::try_from(round).unwrap() % orders.len()];
        let mut command = appliance.strongroom();
        command.arg("--config").arg(appliance.dir().join("strongroom.toml")).args(words.split_whitespace());
        let mut order = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From before the order is read until after it is answered, more often where it is worked at.
        sleep(whole * (round * 2 + 10) / 60);
        appliance.kill();
        *(if order.wait().unwrap().success() { &mut after } else { &mut before }) += 1;
        appliance.restart();
        let said = status(&appliance);
        assert_eq!((&said["sealed"], &said["objects"]), (&false.into(), &20.into()), "round {round}, {words}");
        assert_eq!((&said["damaged"], &said["rolled_back"]), (&Value::Array(Vec::new()), &false.into()), "{words}");
        let recovery = &said["seal"]["recovery"];
        assert!(recovery.is_null() || recovery["needed"] == 2, "{recovery}");
        let mut line = connect(appliance.doors(), "alice", V2_1).unwrap();
        assert!(ids.iter().zip(&keys).all(|(id, key)| get(&mut line, id).unwrap() == *key), "round {round}, {words}");
    }
    assert!(before > 0 && before + after == 30, "no order was interrupted");
    for words in orders {
        let _ = strongroom(&appliance, words).succeeds();
    }
    assert!(is_sealed(&appliance), "the last of them seals");
    let key = appliance.dir().join("unseal.key");
    let _ = strongroom(&appliance, &format!("unseal --key-file {}", key.display())).succeeds();
    let backup = appliance.folder().join("backup");
    let _ = strongroom(&appliance, &format!("backup --to {}", backup.display())).succeeds();
    let _ = strongroom(&appliance, "audit verify").succeeds();
}

#[test]
fn a_key_file_that_systemd_hands_over_opens_the_vault_and_shares_beside_it_are_waited_for() {
    let Some(creds) = skip_or_require("systemd-creds") else { return };
    let mut appliance = Appliance::start();
    let path = |name: &str| appliance.folder().join(name);
    let credentials = path("credentials");
    fs::create_dir(&credentials).unwrap();
    let key = appliance.dir().join("unseal.key");
    let (sealed, handed) = (path("unseal.cred"), credentials.join("unseal.key"));
    // The key of this host stands in for the TPM: the program and the file are the same.
    let host = |verb: &[&str], from: &PathBuf, to: &PathBuf| {
        let mut command = Command::new(&creds);
        command.env("SYSTEMD_CREDENTIAL_SECRET", path("host.secret")).args(verb);
        run(command.arg("--name=unseal.key").arg(from).arg(to))
    };
    let _ = host(&["encrypt", "--with-key=host"], &key, &sealed).succeeds();
    fs::remove_file(&key).unwrap();
    let _ = host(&["decrypt"], &sealed, &handed).succeeds();
    fs::set_permissions(&handed, fs::Permissions::from_mode(0o400)).unwrap();
    let configuration = appliance.dir().join("strongroom.toml");
    let text = fs::read_to_string(&configuration).unwrap();
    fs::write(&configuration, text.replace("[seal]\nkey = \"unseal.key\"\n", "")).unwrap();
    appliance.restart();
    assert!(is_sealed(&appliance), "nothing was handed over");
    appliance.restart_under([("CREDENTIALS_DIRECTORY", credentials.clone().into())]);
    assert!(!is_sealed(&appliance));
    let words = format!("rekey --key-file {} --shares 2/3", handed.display());
    let shares = deal(&appliance, &words);
    for share in &shares[..2] {
        let _ = enter(&appliance, share).succeeds();
    }
    let _ = strongroom(&appliance, &format!("unseal --key-file {}", handed.display())).succeeds();
    appliance.restart_under([("CREDENTIALS_DIRECTORY", credentials.into())]);
    let said = strongroom(&appliance, "status").succeeds().stdout;
    assert!(said.contains("sealed") && said.contains("key file (entered) and 2 shares of"), "{said}");
    for (share, sealed) in [(&shares[2], true), (&shares[0], false)] {
        let _ = enter(&appliance, share).succeeds();
        assert_eq!(is_sealed(&appliance), sealed);
    }
}

#[test]
fn a_core_of_the_daemon_has_nothing_that_opened_it() {
    let Some(gcore) = skip_or_require("gcore") else { return };
    let mut appliance = Appliance::start();
    let mark: Vec<u8> = (0..32u8).map(|place| place.wrapping_mul(37) ^ 0xA5).collect();
    let file = appliance.folder().join("marked.key");
    fs::write(&file, &mark).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let _ = strongroom(&appliance, &format!("operator rekey --key-file {} --add", file.display())).succeeds();
    let _ = strongroom(&appliance, "operator seal").succeeds();
    let _ = strongroom(&appliance, &format!("unseal --key-file {}", file.display())).succeeds();
    let core = appliance.folder().join("core");
    let told = run(Command::new(gcore).arg("-o").arg(&core).arg(appliance.doors().pid.to_string()));
    let written = appliance.folder().join(format!("core.{}", appliance.doors().pid));
    let Ok(bytes) = fs::read(&written) else {
        // Only a user who may not trace the daemon gets none.
        assert!(told.code != Some(0), "{told}");
        return;
    };
    assert!(holds(&bytes, b"strongroom dev"), "the core has texts of the program in it");
    assert!(!holds(&bytes, &mark), "the key file is in the core");
    let maps = fs::read_to_string(format!("/proc/{}/smaps", appliance.doors().pid)).unwrap();
    let hidden = maps.split("VmFlags:").skip(1).filter(|flags| {
        let flags: Vec<&str> = flags.lines().next().unwrap_or_default().split_whitespace().collect();
        flags.contains(&"lo") && flags.contains(&"dd") && (flags.contains(&"wf") || flags.contains(&"dc"))
    });
    assert!(hidden.count() >= 3, "root key and data keys: {maps}");
    appliance.kill();
}

/// Whether bytes are somewhere among many: a core has gigabytes, and most of them are not looked at one by one.
fn holds(mut bytes: &[u8], wanted: &[u8]) -> bool {
    let (first, rest) = wanted.split_first().unwrap();
    while bytes.skip_until(*first).unwrap() > 0 {
        if bytes.starts_with(rest) {
            return true;
        }
    }
    false
}
