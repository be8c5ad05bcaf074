//! Slots that an operator makes beside those of the configuration, through pkcs11-tool and PyKMIP.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::Value;
use strongroom_kmip::{
    attribute::{Attribute, Template},
    code::{CryptographicAlgorithm, CryptographicUsageMask, ObjectType, ProtectionStorageMask},
    payload::{CreateRequest, ProtectionStorageMasks},
    version::V2_1,
};
use strongroom_tests::{Appliance, Outcome, connect, python, run, skip_or_require, top};

struct Desk {
    appliance: Appliance,
    tool: PathBuf,
    python: PathBuf,
}

impl Desk {
    fn new() -> Option<Self> {
        let (tool, python) = (skip_or_require("pkcs11-tool")?, python()?);
        let desk = Self { appliance: Appliance::start(), tool, python };
        fs::write(desk.path("pin"), PIN).expect("the desk's folder takes files");
        fs::write(desk.path("so-pin"), SO_PIN).expect("and others");
        let secrets = ["pin", "so-pin"].map(|name| desk.path(name));
        let _ = run(Command::new("chmod").arg("600").args(secrets)).succeeds();
        let socket = desk.appliance.doors().socket.display().to_string();
        fs::write(desk.path("pkcs11.toml"), format!("socket = \"{socket}\"\n")).expect("and others");
        Some(desk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.appliance.folder().join(name)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = self.appliance.strongroom();
        command.arg("--config").arg(self.appliance.dir().join("strongroom.toml")).args(words.split_whitespace());
        command
    }

    fn strongroom(&self, words: &str) -> Outcome {
        run(&mut self.command(words))
    }

    fn json(&self, words: &str) -> Value {
        let said = self.strongroom(&format!("--json {words}")).succeeds().stdout;
        serde_json::from_str(&said).expect("what is printed for scripts is JSON")
    }

    fn slot(&self, name: &str) -> Option<Value> {
        let slots = self.json("slot list");
        let slots = slots["slots"].as_array().expect("slots are a list").clone();
        slots.into_iter().find(|slot| slot["name"] == name)
    }

    fn pins(&self, slot: &str) {
        let [pin, so_pin] = ["pin", "so-pin"].map(|name| self.path(name).display().to_string());
        let _ = self.strongroom(&format!("slot init {slot} --so-pin-file {so_pin} --user-pin-file {pin}")).succeeds();
    }

    fn tool(&self, words: &str) -> Outcome {
        let mut command = Command::new(&self.tool);
        command.env("STRONGROOM_PKCS11_CONFIG", self.path("pkcs11.toml"));
        run(command.arg("--module").arg(&self.appliance.doors().pkcs11.module).args(words.split_whitespace()))
    }

    fn user(&self, slot: u64, words: &str) -> Outcome {
        self.tool(&format!("--slot {slot} --login --pin {PIN} {words}"))
    }

    /// What PyKMIP says of a key.
    fn pykmip(&self, id: &str) -> String {
        let doors = self.appliance.doors();
        let alice = self.appliance.client("alice");
        let (host, port) = doors.kmip.split_once(':').expect("an address has a port");
        let mut command = Command::new(&self.python);
        command.args(["-B", "-W", "ignore"]).arg(top().join("tests/slots/made.py")).args([host, port]);
        run(command.args([&alice.cert, &alice.key, &doors.ca]).arg(id)).succeeds().stdout.trim().to_owned()
    }

    /// A key that KMIP puts into the slot that protects so.
    fn keys(&self, mask: ProtectionStorageMask, count: usize) -> Vec<String> {
        let mut line = connect(self.appliance.doors(), "alice", V2_1).expect("alice is let in");
        let create = || {
            let attributes = [
                Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
                Attribute::CryptographicLength(256),
                Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
            ];
            CreateRequest {
                object_type: ObjectType::SymmetricKey,
                attributes: Template {
                    names: Vec::new(),
                    attributes: attributes.into_iter().map(Into::into).collect(),
                },
                protection_storage_masks: Some(ProtectionStorageMasks { protection_storage_mask: vec![mask] }),
            }
        };
        (0..count).map(|_| line.ask(create()).expect("a slot protects so").unique_identifier.0).collect()
    }

    fn is_sound(&self) -> bool {
        let status = self.json("status");
        status["rolled_back"] == false && status["damaged"].as_array().is_some_and(Vec::is_empty)
    }
}

#[test]
fn a_made_slot_is_served_by_every_front_through_a_restart_and_another_name() {
    let Some(mut desk) = Desk::new() else { return };
    let said = desk.strongroom("slot create alpha --max-objects 2 --protection container").succeeds().stdout;
    assert!(said.contains("alpha is made") && said.contains("4096"), "{said}");
    desk.pins("alpha");
    let listed = desk.tool("--list-slots").succeeds().stdout;
    assert!(listed.contains("token label        : alpha") && listed.contains("token label        : dev"), "{listed}");
    let _ = desk.user(4096, "--keygen --key-type AES:32 --label one --id 01 --extractable").succeeds();
    let by_kmip = desk.keys(ProtectionStorageMask::Container, 1).remove(0);
    let refused = desk.user(4096, "--keygen --key-type AES:32 --label two --id 02").fails();
    assert!(refused.stderr.contains("CKR_DEVICE_MEMORY"), "{refused}");
    let row = desk.slot("alpha").expect("it is listed");
    assert_eq!((&row["objects"], &row["max_objects"], &row["origin"]), (&2.into(), &2.into(), &"made".into()));
    let _ = desk.strongroom("slot rename alpha beta").succeeds();
    desk.appliance.restart();
    let row = desk.slot("beta").expect("it is there after a restart, by its new name");
    assert_eq!((&row["number"], &row["objects"]), (&4096.into(), &2.into()));
    assert!(desk.slot("alpha").is_none());
    let objects = desk.user(4096, "--list-objects --type secrkey").succeeds().stdout;
    assert!(objects.contains("label:      one"), "{objects}");
    assert_eq!(desk.pykmip(&by_kmip), "key of 256 bits");
    assert_eq!(desk.json(&format!("key show {by_kmip}"))["slot"], "beta");
    let _ = desk.user(4096, "--delete-object --type secrkey --id 01").succeeds();
    let _ = desk.user(4096, "--keygen --key-type AES:32 --label two --id 02").succeeds();
}

/// A desk whose made slot has a key of each front's, the one of KMIP, and one in the slot beside it.
fn peopled() -> Option<(Desk, String, String)> {
    let desk = Desk::new()?;
    let _ = desk.strongroom("slot create alpha --protection container").succeeds();
    desk.pins("alpha");
    let _ = desk.user(4096, "--keygen --key-type AES:32 --label one --id 01").succeeds();
    let gone = desk.keys(ProtectionStorageMask::Container, 1).remove(0);
    let kept = desk.keys(ProtectionStorageMask::Software, 1).remove(0);
    Some((desk, gone, kept))
}

#[test]
fn what_was_in_a_zeroised_slot_is_gone_from_every_front_and_the_slot_can_go_too() {
    let Some((mut desk, gone, kept)) = peopled() else { return };
    let mut command = desk.command("slot zeroise alpha");
    command.stdin(Stdio::null());
    let unsaid = run(&mut command).fails();
    assert!(unsaid.stderr.contains("nothing was done"), "{unsaid}");
    let removed = desk.strongroom("slot remove alpha").fails();
    assert!(removed.stderr.contains("zeroise it first"), "{removed}");
    assert_eq!(desk.pykmip(&gone), "key of 256 bits");
    let said = desk.strongroom("slot zeroise alpha --yes").succeeds().stdout;
    assert!(said.contains("2 objects"), "{said}");
    for _ in 0..2 {
        assert_eq!(
            (desk.pykmip(&gone), desk.pykmip(&kept)),
            ("ITEM_NOT_FOUND".to_owned(), "key of 256 bits".to_owned())
        );
        let _ = desk.user(4096, "--list-objects").fails();
        let _ = desk.strongroom(&format!("key show {gone}")).fails();
        desk.appliance.restart();
    }
    desk.pins("alpha");
    let objects = desk.user(4096, "--list-objects --type secrkey").succeeds().stdout;
    assert!(!objects.contains("one"), "{objects}");
    assert!(desk.is_sound());
    let _ = desk.strongroom("slot remove alpha").succeeds();
    let listed = desk.tool("--list-slots").succeeds().stdout;
    assert!(!listed.contains("alpha"), "{listed}");
    let log = desk.strongroom("audit tail -n 80").succeeds().stdout;
    for word in ["slot-made", "zeroised", "slot-removed"] {
        assert!(log.contains(word), "{word}: {log}");
    }
}

#[test]
fn the_security_officer_zeroises_a_slot_by_initialising_its_token() {
    let Some((mut desk, gone, kept)) = peopled() else { return };
    let anew = |desk: &Desk, pin| desk.tool(&format!("--slot 4096 --init-token --label anew --so-pin {pin}"));
    let wrong = anew(&desk, "11111111").fails();
    assert!(wrong.stderr.contains("CKR_PIN_INCORRECT"), "{wrong}");
    assert_eq!(desk.pykmip(&gone), "key of 256 bits");
    let _ = anew(&desk, SO_PIN).succeeds();
    for _ in 0..2 {
        assert_eq!((desk.pykmip(&gone).as_str(), desk.pykmip(&kept).as_str()), ("ITEM_NOT_FOUND", "key of 256 bits"));
        let unset = desk.user(4096, "--list-objects").fails();
        assert!(unset.stderr.contains("CKR_USER_PIN_NOT_INITIALIZED"), "{unset}");
        let listed = desk.tool("--list-slots").succeeds().stdout;
        assert!(listed.contains("token label        : anew"), "{listed}");
        desk.appliance.restart();
    }
    let user = format!("--slot 4096 --login --login-type so --so-pin {SO_PIN} --init-pin --new-pin {PIN}");
    let _ = desk.tool(&user).succeeds();
    let _ = desk.user(4096, "--keygen --key-type AES:32 --label two --id 02").succeeds();
    let objects = desk.user(4096, "--list-objects --type secrkey").succeeds().stdout;
    assert!(objects.contains("two") && !objects.contains("one"), "{objects}");
    assert!(desk.is_sound());
}

#[test]
fn a_kill_while_a_slot_is_zeroised_leaves_all_of_it_or_nothing() {
    let Some(mut desk) = Desk::new() else { return };
    let _ = desk.strongroom("slot create alpha --protection container").succeeds();
    let (mut before, mut after) = (0, 0);
    for round in 0..6_u64 {
        let missing =
            200 - usize::try_from(desk.slot("alpha").expect("it stays")["objects"].as_u64().unwrap_or(0)).unwrap_or(0);
        let _ = desk.keys(ProtectionStorageMask::Container, missing);
        let kept = desk.keys(ProtectionStorageMask::Software, 1).remove(0);
        let mut command = desk.command("slot zeroise alpha --yes");
        let mut zeroise = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        sleep(Duration::from_millis(round * 12));
        desk.appliance.kill();
        let acknowledged = zeroise.wait().expect("it ends").success();
        desk.appliance.restart();
        let left = desk.slot("alpha").expect("it stays")["objects"].as_u64();
        match left {
            Some(0) => after += 1,
            Some(200) if !acknowledged => before += 1,
            other => panic!("{other:?} of 200 are left, acknowledged: {acknowledged}"),
        }
        assert!(desk.is_sound(), "round {round}");
        assert_eq!(desk.pykmip(&kept), "key of 256 bits");
    }
    println!("killed before it was durable: {before}, after: {after}");
}

const PIN: &str = "12345678";
const SO_PIN: &str = "87654321";
