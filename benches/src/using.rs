//! The rest of PKCS#11 beside other people's tokens: encrypting, MACs, random bytes, new keys, finding objects by name, and
//! coming in.
//!
//! As with signing, each library is driven by this same program, started again: `strongroom-benches use-with MODULE PIN
//! OBJECTS`.

use std::{
    ffi::OsStr,
    path::Path,
    process::Command,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::Error,
    mechanism::{Mechanism, aead::GcmParams},
    object::{Attribute, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use strongroom_tests::Appliance;

use crate::{measure::median, signing, token};

/// Everything but finding among very many objects.
pub(crate) fn run() {
    compare(1_000);
}

/// The same, with objects that others take long to make.
pub(crate) fn among_ten_thousand() {
    compare(10_000);
}

/// The same, with more of them than others make in an hour.
pub(crate) fn among_a_hundred_thousand() {
    compare(100_000);
}

fn compare(objects: usize) {
    let appliance = Appliance::start();
    let doors = &appliance.doors().pkcs11;
    let config = doors.config.to_string_lossy().into_owned();
    let ours = drive(&doors.module, &doors.user_pin, &[("STRONGROOM_PKCS11_CONFIG", config)], objects);
    for rival in token::all() {
        let theirs = drive(&rival.module, rival.pin, &rival.environment, objects);
        let name = rival.name;
        say!("\nPKCS#11 among {objects} objects, medians; more than 1.0x is ahead of {name}\n");
        let made = |times: &[(String, Duration)]| {
            times.iter().find(|(what, _)| what == OBJECTS).map_or(0, |(_, count)| count.as_nanos())
        };
        let (among, of_ours) = (made(&theirs), made(&ours));
        if among < of_ours {
            say!(
                "{name} took {among} objects in {} minutes and is asked for those; ours is asked among {of_ours}\n",
                PATIENCE.as_secs() / 60
            );
        }
        say!("{:<40} {name:>16} {:>16}", "", "ours");
        for (what, theirs) in theirs.iter().filter(|(what, _)| what != OBJECTS) {
            if let Some((_, ours)) = ours.iter().find(|(known, _)| known == what) {
                let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
                say!("{what:<40} {theirs:>16.2?} {ours:>16.2?} {ratio:>9.2}x");
            }
        }
    }
}

/// Runs this program again with a module, and reads how long each thing took; before that some times only to load it, as a
/// library is loaded once by each process.
fn drive(module: &Path, pin: &str, environment: &[(&str, String)], objects: usize) -> Vec<(String, Duration)> {
    let again = |words: &[&OsStr]| tell_from(module, words, environment);
    let loading: Vec<_> = (0..PROCESSES).flat_map(|_| again(&[LOAD_WITH.as_ref(), module.as_ref()])).collect();
    let loaded = loading.first().map(|(what, _)| what.clone());
    let loaded = loaded.map(|what| (what, median(loading.into_iter().map(|(_, time)| time).collect())));
    let objects = objects.to_string();
    let used = again(&[USE_WITH.as_ref(), module.as_ref(), pin.as_ref(), objects.as_ref()]);
    loaded.into_iter().chain(used).collect()
}

/// What this program tells when it is started again with these words.
fn tell_from(module: &Path, words: &[&OsStr], environment: &[(&str, String)]) -> Vec<(String, Duration)> {
    let Ok(program) = std::env::current_exe() else { return Vec::new() };
    let mut command = Command::new(program);
    command.args(words).envs(environment.iter().cloned());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            say!("{}: {error}", module.display());
            return Vec::new();
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        say!("{} failed: {text}", module.display());
    }
    let line = |line: &str| {
        let (what, nanoseconds) = line.rsplit_once('=')?;
        Some((what.to_owned(), Duration::from_nanos(nanoseconds.parse().ok()?)))
    };
    text.lines().filter_map(line).collect()
}

/// Loads a module and initialises it, and prints how long that took.
///
/// # Errors
/// What the module says.
pub(crate) fn load_with(module: &str) -> Result<(), Error> {
    let begun = Instant::now();
    let library = Pkcs11::new(module)?;
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    tell("load and C_Initialize", begun.elapsed());
    Ok(())
}

/// Uses a module in every way there is a row for, and prints one line for each: what, and how many nanoseconds a call took.
///
/// # Errors
/// What the module says.
pub(crate) fn use_with(module: &str, pin: &str, objects: &str) -> Result<(), Error> {
    let library = Pkcs11::new(module)?;
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slot = library.get_slots_with_initialized_token()?.into_iter().next().ok_or(Error::NotSupported)?;
    let session = library.open_rw_session(slot)?;
    session.login(UserType::User, Some(&AuthPin::new(pin.into())))?;
    let data = [0x5A; 1024];
    let (mac, aes) = (mac_key(&session)?, aes_key(&session)?);
    for threads in [1, 8] {
        let mac = |session: &Session, _| session.sign(&Mechanism::Sha256Hmac, mac, &data).map(drop);
        tell(&format!("HMAC-SHA-256 of 1 KiB, {threads} at once"), at_once(&library, slot, threads, mac)?);
        let encrypt = |session: &Session, number: u64| {
            // A nonce of its own for each message, as whoever uses GCM must see to.
            let mut nonce = [0; 12];
            nonce.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
            let ways = GcmParams::new(&mut nonce, &[], 128.into())?;
            session.encrypt(&Mechanism::AesGcm(ways), aes, &data).map(drop)
        };
        // p11-kit's wire does not know its parameters; the row is then left out.
        if let Ok(time) = at_once(&library, slot, threads, encrypt) {
            tell(&format!("AES-256-GCM of 1 KiB, {threads} at once"), time);
        }
        let random = |session: &Session, _| session.generate_random_slice(&mut [0; 32]);
        tell(&format!("32 random bytes, {threads} at once"), at_once(&library, slot, threads, random)?);
    }
    tell("new AES key on the token", once(|| aes_key(&session).map(drop))?);
    tell("new P-256 pair on the token", once(|| signing::elliptic(&session).map(drop))?);
    let rsa = || signing::rsa(&session).map(drop);
    rsa()?;
    let mut now_and_then = Vec::new();
    while now_and_then.len() < SELDOM {
        thread::sleep(BETWEEN);
        now_and_then.push(timed(rsa)?);
    }
    tell("new RSA-2048 pair, one now and then", median(now_and_then));
    // Whatever waits ready is used up before, so that the rate is that of pairs that are made meanwhile.
    (0..READY).try_for_each(|_| rsa())?;
    tell("new RSA-2048 pair, one after the other", timed(|| (0..ROW).try_for_each(|_| rsa()))? / ROW);
    let objects = fill(&library, slot, objects.parse().unwrap_or(0))?;
    say!("{OBJECTS}={objects}");
    let label = |number: usize| Attribute::Label(format!("object {number}").into_bytes());
    let mut number: usize = 0;
    let mut find = |what: &dyn Fn(usize) -> Attribute| {
        number = number.wrapping_add(7919) % objects.max(1);
        let found = session.find_objects(&[what(number)])?;
        if found.len() == 1 { Ok(()) } else { Err(Error::NotSupported) }
    };
    tell("C_FindObjects by label", once(|| find(&label))?);
    tell("C_FindObjects by ID", once(|| find(&|number| Attribute::Id(format!("id {number}").into_bytes())))?);
    Ok(())
}

/// How long one takes of those that so many threads make at once, each in a session of its own, for a while.
fn at_once(
    library: &Pkcs11,
    slot: Slot,
    threads: u64,
    call: impl Fn(&Session, u64) -> Result<(), Error> + Sync,
) -> Result<Duration, Error> {
    let sessions = (0..threads).map(|_| library.open_ro_session(slot)).collect::<Result<Vec<_>, _>>()?;
    let start = Barrier::new(sessions.len());
    let counts = thread::scope(|scope| {
        let running: Vec<_> = (1..)
            .zip(sessions)
            .map(|(thread, session)| {
                let (call, start) = (&call, &start);
                scope.spawn(move || {
                    // No two threads, and no two rounds with one key, have a number in common.
                    let first = (threads << 56) | (thread << 40);
                    let mut numbers = first..;
                    let mut next = || call(&session, numbers.next().unwrap_or(first));
                    for _ in 0..WARM_UP {
                        next()?;
                    }
                    start.wait();
                    let (begun, mut count) = (Instant::now(), 0_u32);
                    while begun.elapsed() < WHILE {
                        next()?;
                        count += 1;
                    }
                    Ok::<u32, Error>(count)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap_or(Ok(0))).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(WHILE / counts.iter().sum::<u32>().max(1))
}

/// How long one takes, the median of some.
fn once(mut call: impl FnMut() -> Result<(), Error>) -> Result<Duration, Error> {
    let (mut times, begun) = (Vec::new(), Instant::now());
    while times.len() < FEWEST || (times.len() < MOST && begun.elapsed() < WHILE) {
        times.push(timed(&mut call)?);
    }
    Ok(median(times))
}

/// How long it takes.
fn timed(call: impl FnOnce() -> Result<(), Error>) -> Result<Duration, Error> {
    let begun = Instant::now();
    call()?;
    Ok(begun.elapsed())
}

/// Puts objects on the token, each with a label and an ID of its own, numbered one after the other; says how many, which are
/// fewer where the token takes too long.
fn fill(library: &Pkcs11, slot: Slot, objects: usize) -> Result<usize, Error> {
    let sessions = (0..8).map(|_| library.open_rw_session(slot)).collect::<Result<Vec<_>, _>>()?;
    let (begun, next) = (Instant::now(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let filling = sessions.into_iter().map(|session| {
            let next = &next;
            scope.spawn(move || {
                while begun.elapsed() < PATIENCE {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= objects {
                        break;
                    }
                    session.create_object(&[
                        Attribute::Class(ObjectClass::SECRET_KEY),
                        Attribute::KeyType(KeyType::AES),
                        Attribute::Token(true),
                        Attribute::Private(true),
                        Attribute::Label(format!("object {number}").into_bytes()),
                        Attribute::Id(format!("id {number}").into_bytes()),
                        Attribute::Value(vec![1; 16]),
                    ])?;
                }
                Ok::<(), Error>(())
            })
        });
        let filling: Vec<_> = filling.collect();
        filling.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    Ok(next.into_inner().min(objects))
}

fn mac_key(session: &Session) -> Result<ObjectHandle, Error> {
    let wanted =
        [Attribute::Token(true), Attribute::Private(true), Attribute::Sign(true), Attribute::ValueLen(32.into())];
    session.generate_key(&Mechanism::GenericSecretKeyGen, &wanted)
}

fn aes_key(session: &Session) -> Result<ObjectHandle, Error> {
    let wanted =
        [Attribute::Token(true), Attribute::Private(true), Attribute::Encrypt(true), Attribute::ValueLen(32.into())];
    session.generate_key(&Mechanism::AesKeyGen, &wanted)
}

fn tell(what: &str, time: Duration) {
    say!("{what}={}", time.as_nanos());
}

/// The word that makes this program use one module in every way.
pub(crate) const USE_WITH: &str = "use-with";
/// The word that makes it only load one.
pub(crate) const LOAD_WITH: &str = "load-with";
/// So many processes load a module, and the one in the middle is told.
const PROCESSES: usize = 15;
const WARM_UP: usize = 50;
const WHILE: Duration = Duration::from_millis(1500);
/// How often at least, and at most, what is slow is done.
const FEWEST: usize = 3;
const MOST: usize = 201;
/// How often, and how far apart, a pair is made now and then.
const SELDOM: usize = 7;
const BETWEEN: Duration = Duration::from_millis(1500);
/// More pairs than wait ready in any token, and those that are made one after the other after them.
const READY: u32 = 8;
const ROW: u32 = 24;
/// How long a token is given to take its objects.
const PATIENCE: Duration = Duration::from_secs(300);
/// The line that tells how many it took.
const OBJECTS: &str = "objects";
