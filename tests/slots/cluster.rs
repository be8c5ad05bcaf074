//! Two tokens as one slot, from the operator's end: members are listed, one is logged in to, one is away and comes back; and
//! keys go from one to the other under a key that their security officers trust, and under no other.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use strongroom_tests::{Appliance, Outcome, Token, Vendor, python, run, skip_or_require, top};

struct Pair {
    appliance: Appliance,
    tool: PathBuf,
    token: Token,
}

impl Pair {
    /// A slot `hsm` over two tokens of SoftHSM2, `vendor` and `right`, which both have the wrapping key. Nobody has entered the
    /// PIN of the second.
    fn new() -> Option<Pair> {
        let tool = skip_or_require("pkcs11-tool")?;
        let token = Vendor::named("SoftHSM2").start()?;
        let pair = Pair { appliance: Appliance::start(), tool, token };
        let officer = ["--init-token", "--slot-index", "1", "--label", "right", "--so-pin", TOKEN_SO_PIN];
        let _ = pair.past(&officer).succeeds();
        let user = ["--login", "--login-type", "so", "--so-pin", TOKEN_SO_PIN, "--init-pin", "--new-pin"];
        let _ = pair.past(&[&["--token-label", "right"][..], &user, &[&pair.token.pin]].concat()).succeeds();
        fs::write(pair.path("wrapping"), [9; 32]).expect("the folder takes files");
        let value = pair.path("wrapping").display().to_string();
        for label in MEMBERS {
            let key = ["--type", "secrkey", "--key-type", "AES:32", "--label", WRAPPER, "--sensitive", "--usage-wrap"];
            let at = ["--token-label", label, "--login", "--pin", &pair.token.pin, "--write-object", &value];
            let _ = pair.past(&[&at[..], &key].concat()).succeeds();
        }
        Some(pair)
    }

    /// Lets the appliance serve the slot.
    fn serve(&mut self) {
        for (name, text) in [("token-pin", self.token.pin.as_str()), ("pin", PIN), ("so-pin", SO_PIN)] {
            fs::write(self.path(name), text).expect("the folder takes files");
            let _ = run(Command::new("chmod").arg("600").arg(self.path(name))).succeeds();
        }
        let table = self.token.table("hsm", Path::new("/"));
        let mut lines: Vec<_> =
            table.lines().filter(|line| !line.starts_with("uri") && !line.starts_with("pin_file")).collect();
        let (wrap, pin) = (format!("wrap_with = {WRAPPER:?}"), self.path("token-pin"));
        let members = format!("member = [{{ token = \"vendor\", pin_file = {pin:?} }}, {{ token = \"right\" }}]\n");
        lines.extend([wrap.as_str(), members.as_str()]);
        let configuration = OpenOptions::new().append(true).open(self.appliance.dir().join("strongroom.toml"));
        let written = configuration.and_then(|mut file| file.write_all(lines.join("\n").as_bytes()));
        written.expect("the appliance has a configuration");
        let socket = self.appliance.doors().socket.clone();
        fs::write(self.path("pkcs11.toml"), format!("socket = \"{}\"\ntoken = \"hsm\"\n", socket.display()))
            .expect("the folder takes files");
        self.appliance.restart();
        self.wait("vendor", "usable");
        let [pin, so_pin] = ["pin", "so-pin"].map(|name| self.path(name).display().to_string());
        let _ = self.strongroom(&format!("slot init hsm --so-pin-file {so_pin} --user-pin-file {pin}")).succeeds();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.appliance.folder().join(name)
    }

    fn strongroom(&self, words: &str) -> Outcome {
        let mut command = self.appliance.strongroom();
        run(command.arg("--config").arg(self.appliance.dir().join("strongroom.toml")).args(words.split_whitespace()))
    }

    /// pkcs11-tool on the tokens themselves.
    fn past(&self, words: &[&str]) -> Outcome {
        run(self.token.tool().args(words))
    }

    /// pkcs11-tool through us.
    fn user(&self, words: &str) -> Outcome {
        let mut command = Command::new(&self.tool);
        command.env("STRONGROOM_PKCS11_CONFIG", self.path("pkcs11.toml"));
        command.arg("--module").arg(&self.appliance.doors().pkcs11.module).args(["--login", "--pin", PIN]);
        run(command.args(words.split_whitespace()))
    }

    fn member(&self, name: &str) -> Value {
        let said = self.strongroom("--json slot list").succeeds().stdout;
        let said: Value = serde_json::from_str(&said).expect("what is printed for scripts is JSON");
        let slots = said["slots"].as_array().expect("slots are a list");
        let hsm = slots.iter().find(|slot| slot["name"] == "hsm").expect("the slot is listed");
        let members = hsm["members"].as_array().expect("members are a list");
        members.iter().find(|member| member["name"] == name).expect("the member is listed").clone()
    }

    #[track_caller]
    fn wait(&self, name: &str, condition: &str) {
        self.until(name, |member| member["condition"] == condition);
    }

    #[track_caller]
    fn until(&self, name: &str, is: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        while !is(&self.member(name)) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{name} stays so: {}", self.member(name));
            sleep(Duration::from_millis(100));
        }
    }

    /// Takes the folder of a token away, with the processes that had it open; or puts it back.
    fn away(&self, label: &str, is_away: bool) {
        let (conf, _) = self.token.environment.iter().map(|(name, value)| (value, name)).next().expect("one is set");
        let tokens = Path::new(conf).with_file_name("tokens");
        let aside = tokens.with_file_name(format!("{label}-is-away"));
        if !is_away {
            let back = tokens.join("back");
            return fs::rename(aside, back).expect("it was put there");
        }
        let holds =
            |folder: &Path| fs::read(folder.join("token.object")).is_ok_and(|text| has(&text, label.as_bytes()));
        let folders =
            fs::read_dir(tokens).expect("there are tokens").map(|entry| entry.expect("it can be read").path());
        let folder = folders.into_iter().find(|folder| holds(folder)).expect("one is called so");
        fs::rename(folder, aside).expect("it moves");
        for worker in workers(self.appliance.doors().pid) {
            let _ = kill(worker, Signal::SIGKILL);
        }
    }
}

fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// The processes that a daemon works with tokens by.
fn workers(daemon: u32) -> Vec<Pid> {
    let children = fs::read_dir(format!("/proc/{daemon}/task")).expect("it runs").flat_map(|task| {
        let task = task.expect("a thread is a folder").path().join("children");
        fs::read_to_string(task).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    });
    children.filter_map(|pid| pid.parse().ok().map(Pid::from_raw)).collect()
}

#[test]
fn members_are_shown_logged_in_to_and_missed_without_harm() {
    let Some(mut pair) = Pair::new() else { return };
    pair.serve();
    let listed = pair.strongroom("slot list").succeeds().stdout;
    assert!(listed.lines().any(|line| line.starts_with("hsm/vendor ") && line.contains("usable")), "{listed}");
    assert!(listed.lines().any(|line| line.starts_with("hsm/right ") && line.contains("slot login")), "{listed}");
    let nobody = pair.strongroom("slot login hsm/left --configured").fails();
    assert!(nobody.stderr.contains("no token to log in to"), "{nobody}");
    let _ =
        pair.strongroom(&format!("slot login hsm/right --pin-file {}", pair.path("token-pin").display())).succeeds();
    pair.wait("right", "usable");
    let _ = pair.user("--keypairgen --key-type EC:prime256v1 --label first --id 01").succeeds();
    // Of the newest private key: what is listed begins with the newest.
    let whereabouts = |pair: &Pair| {
        let listed = pair.strongroom("--json key list").succeeds().stdout;
        let listed: Value = serde_json::from_str(&listed).expect("what is printed for scripts is JSON");
        let keys = listed["objects"].as_array().expect("objects are a list");
        let newest = keys.iter().find(|key| key["kind"] == "Private Key").expect("one is listed");
        let id = newest["id"].as_str().expect("each has an identifier");
        let told = pair.strongroom(&format!("key show {id}")).succeeds().stdout;
        let (_, members) =
            told.lines().find_map(|line| line.split_once(" at ")).expect("it says which members have it");
        members.to_owned()
    };
    assert_eq!(whereabouts(&pair), "vendor, right");
    fs::write(pair.path("data"), [7; 32]).expect("the folder takes files");
    let (data, signature) = (pair.path("data"), pair.path("signature"));
    let files = |id: &str| format!("-m ECDSA --id {id} -i {} --signature-file {}", data.display(), signature.display());
    let works = |pair: &Pair, id: &str| {
        let sign = files(id).replace("--signature-file", "--output-file");
        let _ = pair.user(&format!("--sign {sign}")).succeeds();
        let verified = pair.user(&format!("--verify {}", files(id))).succeeds();
        assert!(verified.stdout.contains("Signature is valid"), "{verified}");
    };
    works(&pair, "01");
    pair.away("vendor", true);
    pair.wait("vendor", "unfit");
    pair.wait("right", "usable");
    // Private and public half alike, with the member gone that made the pair.
    works(&pair, "01");
    let _ = pair.user("--keypairgen --key-type EC:prime256v1 --label second --id 02").succeeds();
    works(&pair, "02");
    assert_eq!(whereabouts(&pair), "right");
    pair.away("vendor", false);
    let _ = pair.strongroom("slot login hsm/vendor --configured").succeeds();
    pair.wait("vendor", "usable");
    // The key that was made meanwhile comes with the next round.
    pair.until("vendor", |member| member["lacking"] == 0 && whereabouts(&pair) == "vendor, right");
    let log = pair.strongroom("audit tail -n 200").succeeds().stdout;
    for word in ["hsm/vendor", "hsm/right", "spread"] {
        assert!(log.contains(word), "{word}: {log}");
    }
}

#[test]
fn where_the_wrapping_key_is_trusted_keys_leave_under_it_and_no_other() {
    let (Some(python), Some(mut pair)) = (python(), Pair::new()) else { return };
    let script = |pair: &Pair, words: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["-B", "-W", "ignore"]).arg(top().join("tests/slots/trusted.py")).arg(&pair.token.library);
        command.envs(pair.token.environment.iter().map(|(name, value)| (name, value)));
        run(command.args(words)).succeeds().stdout
    };
    for label in MEMBERS {
        assert_eq!(script(&pair, &[label, "officer", TOKEN_SO_PIN, WRAPPER, &"09".repeat(32)]), "trusted\n");
    }
    pair.serve();
    let _ =
        pair.strongroom(&format!("slot login hsm/right --pin-file {}", pair.path("token-pin").display())).succeeds();
    pair.wait("right", "usable");
    let _ = pair.user("--keypairgen --key-type EC:prime256v1 --label guarded --id 01").succeeds();
    // Nor does another key, which nobody trusts, get anything out.
    for label in MEMBERS {
        assert_eq!(script(&pair, &[label, "user", &pair.token.pin]), "trusted keys alone KeyNotWrappable\n", "{label}");
    }
}

const MEMBERS: [&str; 2] = ["vendor", "right"];
const WRAPPER: &str = "wrapping";
const PIN: &str = "12345678";
const SO_PIN: &str = "87654321";
const TOKEN_SO_PIN: &str = "87654321";
