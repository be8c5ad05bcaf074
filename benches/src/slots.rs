//! A token through its worker process against the same library in this program: what the worker costs a call, and what eight
//! callers get through. And, for what an application sees, the whole way: our module, the daemon with its audit log, the worker.
//!
//! The sides take turns, so that what else the machine does falls on all of them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use strongroom::{
    clock::SystemClock,
    slot::{
        Condition, Key, Made, Pair, Purpose, Recipe, Slot,
        hsm::{Choice, Network, Settings},
        registry,
    },
};
use strongroom_kmip::{
    mechanism::{Curve, Form, Hash, Input, Mechanism},
    secret::Secret,
};
use strongroom_tests::{Appliance, built};

use crate::{measure, signing, token};

/// The section: all sides beside each other.
pub(crate) fn run() {
    let Some(token) = token::softhsm() else {
        say!("skipped: SoftHSM2 is not installed, or its token cannot be made");
        return;
    };
    let Some(ours) = Worker::start(&token) else {
        say!("skipped: the slot over SoftHSM2 does not come up");
        return;
    };
    let whole = Whole::start(&token);
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        rounds[0].push(signing::drive(&token.module, token.pin, &token.environment));
        rounds[1].push(ours.rates());
        rounds[2].push(whole.as_ref().map(Whole::rates).unwrap_or_default());
    }
    let [theirs, ours, whole] = rounds.map(|rounds| medians(&rounds));
    say!("\nSoftHSM2, signatures a second, medians of {ROUNDS} turns\n");
    say!(
        "{:<24} {:>14} {:>14} {:>8} {:>16} {:>20}",
        "",
        "in process",
        "by its worker",
        "",
        "the worker costs",
        "module to token"
    );
    for (at, what) in signing::LABELS.iter().enumerate() {
        let rate = |side: &[f64]| side.get(at).copied().unwrap_or(f64::NAN);
        let (theirs, ours, whole) = (rate(&theirs), rate(&ours), rate(&whole));
        let alone = what.ends_with("1 thread");
        let cost = if alone { format!("{:+.1} us a call", 1e6 / ours - 1e6 / theirs) } else { String::new() };
        say!(
            "{what:<24} {theirs:>14.0} {ours:>14.0} {:>7.2}x {cost:>16} {whole:>13.0} {:>5.2}x",
            ours / theirs,
            whole / theirs
        );
    }
    say!(
        "\nin process: C_Sign of the library, called here. by its worker: the daemon's slot, called here, its worker beside it."
    );
    say!("module to token: C_Sign of our module, through the daemon, its policy and audit log, to the same worker.");
}

fn medians(rounds: &[Vec<f64>]) -> Vec<f64> {
    let of = |at: usize| {
        let mut all: Vec<f64> = rounds.iter().filter_map(|round| round.get(at).copied()).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    (0..signing::LABELS.len()).map(of).collect()
}

/// The daemon's slot over the token.
struct Worker {
    _slot: Arc<dyn Slot>,
    keys: Vec<(Arc<dyn Key>, Mechanism, usize)>,
}

impl Worker {
    fn start(token: &token::Token) -> Option<Self> {
        let pin = token.pin;
        let slot = registry::token(Settings {
            name: "bench".to_owned(),
            library: token.module.clone(),
            choice: Choice::Label("bench".to_owned()),
            pin: Box::new(move || Some(Secret::copy_of(pin.as_bytes()))),
            wrap_with: None,
            deadline: Duration::from_secs(10),
            sessions: 8,
            network: Network::None,
            processes: false,
            paths: vec![token.folder().to_owned()],
            environment: token.environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            program: built("strongroom"),
            clock: Arc::new(SystemClock),
        });
        let begun = Instant::now();
        while slot.holding()?.condition() != Condition::Usable {
            if begun.elapsed() > Duration::from_secs(30) {
                return None;
            }
            sleep(Duration::from_millis(5));
        }
        let elliptic = Mechanism::Ecdsa { hash: None, form: Form::Raw };
        let rsa = Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: Input::Message };
        let wanted = [(Pair::Elliptic(Curve::P256), elliptic, 32), (Pair::Rsa { bits: 2048 }, rsa, 64)];
        let keys =
            wanted.into_iter().map(|(pair, mechanism, length)| Some((private(&*slot, pair)?, mechanism, length)));
        Some(Self { keys: keys.collect::<Option<_>>()?, _slot: slot })
    }

    /// The same rates as [`signing::sign_with`] tells.
    fn rates(&self) -> Vec<f64> {
        let mut rates = Vec::new();
        for (key, mechanism, length) in &self.keys {
            let data = vec![0x5A; *length];
            for threads in [1, 8] {
                let call = || key.work(Purpose::Sign, mechanism, &data).is_ok();
                rates.push(measure::rate(vec![call; threads]));
            }
        }
        rates
    }
}

/// An appliance with a slot over the token.
struct Whole {
    appliance: Appliance,
    config: String,
}

impl Whole {
    fn start(token: &token::Token) -> Option<Self> {
        let mut appliance = Appliance::start();
        let path = |name: &str| appliance.folder().join(name);
        for name in ["token-pin", "pin", "so-pin"] {
            let pin = if name == "so-pin" { SO_PIN } else { token.pin };
            fs::write(path(name), pin).ok()?;
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o600)).ok()?;
        }
        let variables: Vec<_> = token.environment.iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
        let table = format!(
            "\n[[slot]]\nname = \"hsm\"\nkind = \"pkcs11\"\nlibrary = {:?}\ntoken = \"bench\"\npin_file = {:?}\npaths = [{:?}]\n\
             environment = {{ {} }}\n",
            token.module,
            path("token-pin"),
            token.folder(),
            variables.join(", ")
        );
        let main = appliance.dir().join("strongroom.toml");
        fs::write(&main, fs::read_to_string(&main).ok()? + &table).ok()?;
        let socket = appliance.doors().socket.clone();
        fs::write(path("pkcs11.toml"), format!("socket = {socket:?}\ntoken = \"hsm\"\n")).ok()?;
        let (config, pins) = (path("pkcs11.toml").display().to_string(), [path("so-pin"), path("pin")]);
        appliance.restart();
        let order = |words: &[&str]| {
            let mut command = appliance.strongroom();
            strongroom_tests::run(command.arg("--config").arg(&main).args(words))
        };
        let begun = Instant::now();
        while !order(&["slot", "list"]).stdout.lines().any(|line| line.starts_with("hsm ") && line.contains(" usable"))
        {
            if begun.elapsed() > Duration::from_secs(30) {
                return None;
            }
            sleep(Duration::from_millis(50));
        }
        let [so_pin, pin] = pins.map(|path| path.display().to_string());
        let _ = order(&["slot", "init", "hsm", "--so-pin-file", &so_pin, "--user-pin-file", &pin]).succeeds();
        Some(Self { appliance, config })
    }

    fn rates(&self) -> Vec<f64> {
        let environment = [("STRONGROOM_PKCS11_CONFIG", self.config.clone())];
        signing::drive(&self.appliance.doors().pkcs11.module, token::PIN, &environment)
    }
}

fn private(slot: &dyn Slot, pair: Pair) -> Option<Arc<dyn Key>> {
    match slot.make(&Recipe::Pair(pair)).ok()? {
        Made::Pair { private, .. } => slot.open(&private).ok(),
        Made::One(_) => None,
    }
}

/// How often each side has its turn.
const ROUNDS: usize = 3;
const SO_PIN: &str = "87654321";
