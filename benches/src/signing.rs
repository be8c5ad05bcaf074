//! C_Sign through the daemon against SoftHSM2 in process, and against p11-kit's remote in front of it: P-256 and RSA-2048, at
//! one thread and at eight, in both audit modes.
//!
//! A PKCS#11 library reads its configuration from the environment when it is loaded, so each library is driven by this
//! same program, started again with the right environment: `strongroom-benches sign-with MODULE PIN`.

use std::{fs, path::Path, process::Command};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    mechanism::Mechanism,
    object::{Attribute, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use strongroom_tests::{Appliance, Pkcs11 as Pkcs11Doors};

use crate::{measure, raw, token};

/// The section: starts all sides and prints them beside each other.
pub(crate) fn run() {
    let rivals: Vec<_> = token::all()
        .into_iter()
        .map(|rival| (rival.name, drive(&rival.module, rival.pin, &rival.environment)))
        .collect();
    let mut appliance = Appliance::start();
    let written = ours(&appliance);
    appliance.stop();
    let path = appliance.dir().join("strongroom.toml");
    let config = fs::read_to_string(&path).unwrap_or_default();
    if fs::write(&path, format!("{config}\n[audit]\ndurability = \"sync\"\n")).is_err() {
        say!("skipped: the appliance's configuration cannot be changed");
        return;
    }
    appliance.restart();
    let (sync, crowd) = (ours(&appliance), crowd(&appliance));
    for (name, theirs) in rivals {
        say!("\nC_SignInit + C_Sign, signatures a second, medians; more than 1.0x is ahead of {name}\n");
        say!("{:<24} {name:>14} {:>22} {:>22}", "", "ours, audit written", "ours, audit sync");
        for ((what, theirs), (written, sync)) in LABELS.iter().zip(theirs).zip(written.iter().zip(&sync)) {
            let (a, b) = (written / theirs, sync / theirs);
            say!("{what:<24} {theirs:>14.0} {written:>12.0} {a:>8.2}x {sync:>12.0} {b:>8.2}x");
        }
    }
    if let Some(rate) = crowd {
        say!("\n{:<24} {rate:>14.0} signatures a second, each durable (15,000 or more)", "P-256, 64 threads, sync");
    }
    let Some(raw) = raw::rates() else { return };
    say!("\nThe same beside AWS-LC alone, which no token over it can reach\n");
    for ((what, raw), written) in LABELS.iter().zip(raw).zip(&written) {
        say!("{what:<24} {raw:>14.0} {written:>12.0} {:>8.2}x", written / raw);
    }
}

fn ours(appliance: &Appliance) -> Vec<f64> {
    let (doors, config) = ways(appliance);
    drive(&doors.module, &doors.user_pin, &[config])
}

/// Signatures with P-256 a second of many threads, which all wait for the disk.
fn crowd(appliance: &Appliance) -> Option<f64> {
    let (doors, config) = ways(appliance);
    drive_by(&doors.module, &doors.user_pin, &[config], &[64]).first().copied()
}

/// How an application comes to the appliance.
fn ways(appliance: &Appliance) -> (&Pkcs11Doors, (&'static str, String)) {
    let doors = &appliance.doors().pkcs11;
    (doors, ("STRONGROOM_PKCS11_CONFIG", doors.config.to_string_lossy().into_owned()))
}

/// Runs this program again with a module, and reads its figures.
pub(crate) fn drive(module: &Path, pin: &str, environment: &[(&str, String)]) -> Vec<f64> {
    drive_by(module, pin, environment, &[1, 8])
}

/// The same for these numbers of threads.
fn drive_by(module: &Path, pin: &str, environment: &[(&str, String)], threads: &[usize]) -> Vec<f64> {
    let Ok(program) = std::env::current_exe() else { return Vec::new() };
    let mut command = Command::new(program);
    let threads = threads.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    command.arg(SIGN_WITH).arg(module).arg(pin).arg(threads).envs(environment.iter().cloned());
    match command.output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect()
        }
        Ok(output) => {
            say!("{} failed: {}", module.display(), String::from_utf8_lossy(&output.stdout));
            Vec::new()
        }
        Err(error) => {
            say!("{}: {error}", module.display());
            Vec::new()
        }
    }
}

/// Signs with a module for a while and prints signatures a second, the median of some spans: with P-256 at each of these
/// numbers of threads, then with RSA-2048, one line for each of [`LABELS`] where they are `1,8`.
///
/// # Errors
/// What the module says.
pub(crate) fn sign_with(module: &str, pin: &str, threads: &str) -> Result<(), cryptoki::error::Error> {
    let library = Pkcs11::new(module)?;
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slot =
        library.get_slots_with_initialized_token()?.into_iter().next().ok_or(cryptoki::error::Error::NotSupported)?;
    let session = library.open_rw_session(slot)?;
    session.login(UserType::User, Some(&AuthPin::new(pin.into())))?;
    let (elliptic, rsa) = (elliptic(&session)?, rsa(&session)?);
    for (key, mechanism, length) in [(elliptic, ECDSA, 32), (rsa, RSA, 64)] {
        for threads in threads.split(',').filter_map(|number| number.parse().ok()) {
            say!("{}", rate(&library, slot, key, mechanism, length, threads)?);
        }
    }
    Ok(())
}

fn rate(
    library: &Pkcs11,
    slot: Slot,
    key: ObjectHandle,
    mechanism: fn() -> Mechanism<'static>,
    length: usize,
    threads: usize,
) -> Result<f64, cryptoki::error::Error> {
    let sessions = (0..threads).map(|_| library.open_ro_session(slot)).collect::<Result<Vec<_>, _>>()?;
    let data = vec![0x5A; length];
    let callers = sessions.into_iter().map(|session| {
        let data = data.as_slice();
        move || session.sign(&mechanism(), key, data).is_ok()
    });
    Ok(measure::rate(callers.collect()))
}

/// A new pair of keys over P-256, on the token.
pub(crate) fn elliptic(session: &Session) -> Result<ObjectHandle, cryptoki::error::Error> {
    let public = [Attribute::Token(true), Attribute::EcParams(P256.to_vec()), Attribute::Verify(true)];
    let private = [Attribute::Token(true), Attribute::Private(true), Attribute::Sign(true)];
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).map(|(_, private)| private)
}

/// A new pair of RSA keys of 2,048 bits, on the token.
pub(crate) fn rsa(session: &Session) -> Result<ObjectHandle, cryptoki::error::Error> {
    let exponent = vec![1, 0, 1];
    let public = [
        Attribute::Token(true),
        Attribute::ModulusBits(2048.into()),
        Attribute::PublicExponent(exponent),
        Attribute::Verify(true),
    ];
    let private = [Attribute::Token(true), Attribute::Private(true), Attribute::Sign(true)];
    session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).map(|(_, private)| private)
}

/// The word that makes this program drive one module.
pub(crate) const SIGN_WITH: &str = "sign-with";
/// What is signed with, and by how many.
pub(crate) const LABELS: [&str; 4] =
    ["P-256, 1 thread", "P-256, 8 threads", "RSA-2048, 1 thread", "RSA-2048, 8 threads"];
/// The object identifier of P-256, DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
/// A mechanism is made where it is used: it may hold pointers, which threads do not share.
const ECDSA: fn() -> Mechanism<'static> = || Mechanism::Ecdsa;
const RSA: fn() -> Mechanism<'static> = || Mechanism::Sha256RsaPkcs;
