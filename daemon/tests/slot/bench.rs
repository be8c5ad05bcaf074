//! Quick figures, for people: `cargo test --release -p strongroom --test slot -- --ignored --nocapture figures`.

#![allow(clippy::print_stdout)]

use std::fs;
use std::time::Instant;

use strongroom::slot::Purpose;
use strongroom_kmip::mechanism::{Block, Form, Hash, Input, Mechanism, Mode};

use crate::sample::ring;

#[test]
#[ignore = "prints figures and proves nothing"]
fn figures() {
    let gcm = Mechanism::Cipher(Block::Aes, Mode::Gcm { nonce: vec![1; 12], additional: Vec::new(), tag: 16 });
    let cbc = Mechanism::Cipher(
        Block::Aes,
        Mode::Cbc { iv: vec![1; 16], padding: strongroom_kmip::mechanism::Padding::Pkcs7 },
    );
    let hmac = Mechanism::Hmac { hash: Hash::Sha256, length: 32 };
    let hashed = Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: Input::Message };
    measure("P-256", &Mechanism::Ecdsa { hash: None, form: Form::Raw }, Purpose::Sign, 32);
    measure("P-256", &Mechanism::Ecdsa { hash: Some(Hash::Sha256), form: Form::Der }, Purpose::Sign, 1024);
    measure("Ed25519", &Mechanism::Eddsa, Purpose::Sign, 32);
    measure("RSA-2048", &Mechanism::RsaPkcs1, Purpose::Sign, 51);
    measure("RSA-2048", &hashed, Purpose::Sign, 1024);
    measure("AES-256", &gcm, Purpose::Encrypt, 1024);
    measure("AES-256", &cbc, Purpose::Encrypt, 1024);
    measure("HMAC", &hmac, Purpose::Sign, 1024);
}

fn measure(name: &str, mechanism: &Mechanism, purpose: Purpose, length: usize) {
    let ring = ring(name);
    let data = vec![0x5a; length];
    let (mut rounds, start, before) = (0u32, Instant::now(), spent());
    while start.elapsed().as_millis() < 500 {
        for _ in 0..16 {
            ring.private.work(purpose, mechanism, &data).unwrap();
        }
        rounds += 16;
    }
    println!("{name} {mechanism} {length} bytes: {:.2} us", (spent() - before) / 1e3 / f64::from(rounds));
}

/// Nanoseconds that this thread has spent on a processor, which another's work does not lengthen.
fn spent() -> f64 {
    let line = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
