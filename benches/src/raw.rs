//! What the cryptographic library can do by itself on this machine: no token over it can do more.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use aws_lc_rs::{
    error::Unspecified,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256},
};

/// Signatures a second with AWS-LC alone: P-256 at one thread and at eight, RSA-2048 at one and at eight.
pub(crate) fn rates() -> Option<[f64; 4]> {
    let random = SystemRandom::new();
    let elliptic = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
    let rsa = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let data = [0x5A; 64];
    let by_elliptic = || elliptic.sign(&random, &data).map(drop);
    let by_rsa = || rsa.sign(&RSA_PKCS1_SHA256, &random, &data, &mut [0; 256]);
    Some([rate(1, by_elliptic), rate(8, by_elliptic), rate(1, by_rsa), rate(8, by_rsa)])
}

fn rate(threads: usize, sign: impl Fn() -> Result<(), Unspecified> + Sync) -> f64 {
    let count = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let begun = Instant::now();
                while begun.elapsed() < WHILE && sign().is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    #[allow(clippy::cast_precision_loss, reason = "a rate is not exact")]
    let count = count.into_inner() as f64;
    count / WHILE.as_secs_f64()
}

const WHILE: Duration = Duration::from_secs(1);
