//! A token through its worker process against the same library in this program: what the worker costs a call, and what eight
//! callers get through.

use std::{
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
use strongroom_tests::built;

use crate::{measure, signing, token};

/// The section: both sides beside each other.
pub(crate) fn run() {
    let Some(token) = token::softhsm() else {
        say!("skipped: SoftHSM2 is not installed, or its token cannot be made");
        return;
    };
    let theirs = signing::drive(&token.module, token.pin, &token.environment);
    let Some(ours) = ours(&token) else {
        say!("skipped: the slot over SoftHSM2 does not come up");
        return;
    };
    say!("\nSoftHSM2, signatures a second, medians\n");
    say!("{:<24} {:>14} {:>14} {:>8} {:>16}", "", "in process", "by a worker", "", "a call costs");
    for (what, (theirs, ours)) in signing::LABELS.iter().zip(theirs.iter().zip(ours)) {
        let cost =
            if what.ends_with("1 thread") { format!("{:+.1} us", 1e6 / ours - 1e6 / theirs) } else { String::new() };
        say!("{what:<24} {theirs:>14.0} {ours:>14.0} {:>7.2}x {cost:>16}", ours / theirs);
    }
}

/// The same rates as [`signing::sign_with`] tells, through a worker.
fn ours(token: &token::Token) -> Option<Vec<f64>> {
    let pin = token.pin;
    let slot = registry::token(Settings {
        name: "bench".to_owned(),
        library: token.module.clone(),
        choice: Choice::Label("bench".to_owned()),
        pin: Box::new(move || Some(Secret::copy_of(pin.as_bytes()))),
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
    let mut rates = Vec::new();
    for (pair, mechanism, length) in [(Pair::Elliptic(Curve::P256), elliptic, 32), (Pair::Rsa { bits: 2048 }, rsa, 64)]
    {
        let (key, data) = (private(&*slot, pair)?, vec![0x5A; length]);
        for threads in [1, 8] {
            let call = || key.work(Purpose::Sign, &mechanism, &data).is_ok();
            rates.push(measure::rate(vec![call; threads]));
        }
    }
    Some(rates)
}

fn private(slot: &dyn Slot, pair: Pair) -> Option<Arc<dyn Key>> {
    match slot.make(&Recipe::Pair(pair)).ok()? {
        Made::Pair { private, .. } => slot.open(&private).ok(),
        Made::One(_) => None,
    }
}
