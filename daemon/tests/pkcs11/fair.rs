//! An application with slow work keeps no other waiting.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType,
    attribute::Wanted,
    call::request,
    mechanism::{Iv, Parameter, Password},
    number::{KeyType, UserType},
    value::{Bytes, Room, Wiped},
};

use crate::house::{Client, House, PIN, RW, lasting_aes, number};

/// An application of its own, which calls itself so, logged in.
fn application(house: &House, nonce: u8) -> (Client, u64) {
    let mut client = house.attach(nonce);
    let session = client.session(RW);
    client.log_in(session, UserType::USER, PIN).unwrap();
    (client, session)
}

/// How long half of the calls take at most, of the kind that takes longest.
fn usual(client: &mut Client, session: u64, key: u64) -> Duration {
    let read = |client: &mut Client| {
        let wanted = vec![Wanted { kind: AttributeType::LABEL, room: Room::Bytes(64) }];
        client.ask(request::GetAttributeValue { session, object: key, wanted }).unwrap();
    };
    let encrypt = |client: &mut Client| {
        let iv = Parameter::Iv(Iv { iv: Bytes(vec![3; 16]) });
        let mechanism = Some(Mechanism { kind: MechanismType::AES_CBC, parameter: iv });
        client.ask(request::EncryptInit { session, mechanism, key }).unwrap();
        let data = Wiped::from(&[9; 64][..]);
        client.ask(request::Encrypt { session, data, room: Room::Bytes(64) }).unwrap();
    };
    let random = |client: &mut Client| {
        client.ask(request::GenerateRandom { session, length: 32 }).unwrap();
    };
    let calls: [&dyn Fn(&mut Client); 3] = [&read, &encrypt, &random];
    let most = calls.iter().map(|call| {
        let mut took: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let begun = Instant::now();
                call(client);
                begun.elapsed()
            })
            .collect();
        took.sort_unstable();
        took[ROUNDS / 2]
    });
    most.max().unwrap()
}

/// The machine may be busy with something else, so it is measured a few times, each time beside the same without load.
fn holds(name: &str, house: &House, applications: u8, work: &(dyn Fn(&mut Client, u64) + Sync)) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut light, session) = application(house, 1);
    let key = light.aes(session, lasting_aes("light")).unwrap();
    let mut delays = Vec::new();
    for _ in 0..TRIES {
        thread::sleep(if delays.is_empty() { Duration::ZERO } else { PAUSE });
        let alone = usual(&mut light, session, key);
        let stop = AtomicBool::new(false);
        let busy = |nonce| {
            let (mut client, session) = application(house, nonce);
            let mut longest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let begun = Instant::now();
                work(&mut client, session);
                longest = longest.max(begun.elapsed());
            }
            longest
        };
        let busy = &busy;
        let (delay, longest) = thread::scope(|scope| {
            let all: Vec<_> = (0..applications).map(|number| scope.spawn(move || busy(10 + number))).collect();
            // All of them are at work, or wait for it.
            thread::sleep(Duration::from_millis(500));
            let delay = usual(&mut light, session, key).saturating_sub(alone);
            stop.store(true, Ordering::Relaxed);
            (delay, all.into_iter().map(|one| one.join().unwrap()).max().unwrap())
        });
        delays.push((delay, alone, longest));
        if delay < MOST && longest > 3 * MOST {
            return;
        }
    }
    panic!("{name}: delays, the time that it takes alone, and that of the work beside it: {delays:?}");
}

#[test]
fn an_application_that_makes_rsa_keys_delays_another_by_less_than_fifty_milliseconds() {
    let house = House::new();
    holds("RSA 4096", &house, 4, &|client, session| {
        let public = vec![
            number(AttributeType::MODULUS_BITS, 4096),
            Attribute::bytes(AttributeType::PUBLIC_EXPONENT, [1, 0, 1]),
        ];
        let mechanism = Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN);
        let private = Vec::new();
        client.ask(request::GenerateKeyPair { session, mechanism, public, private }).unwrap();
    });
}

#[test]
fn an_application_that_stretches_passwords_delays_another_by_less_than_fifty_milliseconds() {
    let house = House::legacy();
    holds("PBKDF2", &house, 3, &|client, session| {
        let (salt, password) = (Bytes(b"salt".to_vec()), Wiped::from(&b"password"[..]));
        // CKZ_SALT_SPECIFIED, CKP_PKCS5_PBKD2_HMAC_SHA256, and as many rounds as are gone at all.
        let stretch = Password { source: 1, salt, iterations: 10_000_000, function: 4, password };
        let mechanism = Mechanism { kind: MechanismType::PKCS5_PBKD2, parameter: Parameter::Password(stretch) };
        let template = vec![number(AttributeType::KEY_TYPE, KeyType::AES.0), number(AttributeType::VALUE_LEN, 32)];
        client.ask(request::GenerateKey { session, mechanism, template }).unwrap();
    });
}

const ROUNDS: usize = 30;
const TRIES: usize = 8;
/// What keeps the machine busy besides may be over then.
const PAUSE: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_millis(50);
