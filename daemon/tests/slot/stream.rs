//! Work in parts: the same results wherever the data are cut, and nothing given out too early.

use std::sync::Arc;

use proptest::prelude::*;
use strongroom::slot::{Error, Key, Purpose};
use strongroom_kmip::mechanism::{Block, Hash, Mechanism, Mode, Padding};

use crate::sample::{PURPOSES, fitting, mechanisms, ring, rings, slots};

/// The result of feeding `data` in parts that end at `cuts`.
fn in_parts(
    key: &dyn Key,
    purpose: Purpose,
    mechanism: &Mechanism,
    data: &[u8],
    cuts: &[usize],
) -> Result<Vec<u8>, Error> {
    let mut running = key.begin(purpose, mechanism)?;
    let mut out = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([data.len()]) {
        let to = cut.clamp(from, data.len());
        out.extend_from_slice(running.update(&data[from..to])?.reveal());
        from = to;
    }
    out.extend_from_slice(running.finish()?.reveal());
    Ok(out)
}

/// Work whose result the data alone decide.
fn repeatable(purpose: Purpose, mechanism: &Mechanism) -> bool {
    match mechanism {
        Mechanism::RsaPkcs1 => !matches!(purpose, Purpose::Encrypt | Purpose::Wrap),
        Mechanism::RsaPss { salt, .. } => *salt == Some(0),
        Mechanism::Ecdsa { .. } | Mechanism::RsaOaep { .. } => false,
        _ => true,
    }
}

#[test]
fn every_mechanism_works_in_parts_as_in_one_go() {
    for ring in rings() {
        for mechanism in mechanisms() {
            let data = fitting(&mechanism);
            for purpose in PURPOSES.into_iter().filter(|purpose| *purpose != Purpose::Verify) {
                for (half, key) in [("private", &ring.private), ("public", &ring.public)] {
                    let label = format!("{} {half} {purpose:?} {mechanism}", ring.name);
                    let whole = key.work(purpose, &mechanism, &data);
                    for cuts in [&[][..], &[0, 1, 5, 5, 16, 17, 33]] {
                        let parts = in_parts(&**key, purpose, &mechanism, &data, cuts);
                        match (&whole, &parts) {
                            (Ok(whole), Ok(parts)) if repeatable(purpose, &mechanism) => {
                                assert_eq!(whole.reveal(), parts, "{label}");
                            }
                            (Ok(whole), Ok(parts)) => assert!(whole.len().abs_diff(parts.len()) < 8, "{label}"),
                            (Err(whole), Err(parts)) => assert_eq!(whole, parts, "{label}"),
                            (whole, parts) => panic!("{label}: {whole:?} and {parts:?}"),
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn signatures_are_verified_in_parts() {
    for ring in rings() {
        for mechanism in mechanisms() {
            let data = fitting(&mechanism);
            let Ok(signature) = ring.private.work(Purpose::Sign, &mechanism, &data) else { continue };
            let label = format!("{} {mechanism}", ring.name);
            let verify = |data: &[u8], signature: &[u8]| {
                let mut running = ring.public.begin(Purpose::Verify, &mechanism).unwrap();
                for part in data.chunks(7) {
                    assert!(running.update(part).unwrap().is_empty(), "{label}");
                }
                running.finish_against(signature)
            };
            assert_eq!(verify(&data, signature.reveal()), Ok(()), "{label}");
            let mut other = data.clone();
            other[9] ^= 1;
            assert_eq!(verify(&other, signature.reveal()), Err(Error::Mismatch), "{label}");
            assert_eq!(verify(&data, &signature.reveal()[1..]), Err(Error::Mismatch), "{label}");
        }
    }
}

#[test]
fn a_verification_gives_no_signature_and_a_signature_is_no_verification() {
    for ring in rings() {
        for mechanism in mechanisms() {
            if let Ok(running) = ring.public.begin(Purpose::Verify, &mechanism) {
                assert!(matches!(running.finish(), Err(Error::Unsupported(_))), "{} {mechanism}", ring.name);
            }
            for purpose in PURPOSES.into_iter().filter(|purpose| *purpose != Purpose::Verify) {
                if let Ok(running) = ring.private.begin(purpose, &mechanism) {
                    let refused = running.finish_against(b"signature");
                    assert!(matches!(refused, Err(Error::Unsupported(_))), "{} {purpose:?} {mechanism}", ring.name);
                }
            }
        }
    }
}

#[test]
fn no_plaintext_leaves_before_its_tag_was_checked() {
    for mechanism in mechanisms().into_iter().filter(|mechanism| mechanism.tag() > 0) {
        for ring in rings() {
            let data = vec![0x41; 1000];
            let Ok(sealed) = ring.public.work(Purpose::Encrypt, &mechanism, &data) else { continue };
            let mut running = ring.private.begin(Purpose::Decrypt, &mechanism).unwrap();
            for part in sealed.reveal().chunks(100) {
                assert!(running.update(part).unwrap().is_empty(), "{} {mechanism}", ring.name);
            }
            assert_eq!(running.finish().unwrap().reveal(), data, "{} {mechanism}", ring.name);
        }
    }
}

#[test]
fn a_padded_decryption_holds_its_last_block_back() {
    let mechanism = Mechanism::Cipher(Block::Aes, Mode::Cbc { iv: vec![1; 16], padding: Padding::Pkcs7 });
    let key = &ring("AES-256").private;
    let sealed = key.work(Purpose::Encrypt, &mechanism, &[7; 40]).unwrap();
    let mut running = key.begin(Purpose::Decrypt, &mechanism).unwrap();
    assert_eq!(running.update(sealed.reveal()).unwrap().len(), 32);
    assert_eq!(running.finish().unwrap().reveal(), [7; 8]);
}

#[test]
fn work_that_took_too_much_does_not_sign_a_part_of_it() {
    let key = &ring("P-256").private;
    let mechanism = Mechanism::Ecdsa { hash: None, form: strongroom_kmip::mechanism::Form::Raw };
    let mut running = key.begin(Purpose::Sign, &mechanism).unwrap();
    running.update(&[1; 32]).unwrap();
    assert_eq!(running.update(&[1; 5000]).unwrap_err(), Error::Length);
    assert_eq!(running.finish().unwrap_err(), Error::Length);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decrypting_what_was_encrypted_gives_it_back_wherever_either_is_cut(
        data in proptest::collection::vec(any::<u8>(), 0..200),
        mut cuts in proptest::collection::vec(0usize..220, 0..6),
        padded in any::<bool>(),
    ) {
        cuts.sort_unstable();
        for ring in rings() {
            for mechanism in mechanisms() {
                let data = if padded { data.clone() } else { data[..data.len() / 16 * 16].to_vec() };
                let Ok(sealed) = ring.public.work(Purpose::Encrypt, &mechanism, &data) else { continue };
                let opened = in_parts(&*ring.private, Purpose::Decrypt, &mechanism, sealed.reveal(), &cuts);
                prop_assert_eq!(opened.as_ref(), Ok(&data), "{} {}", ring.name, mechanism);
                if let (Mechanism::Cipher(..) | Mechanism::ChaCha20 { .. }, Ok(parts)) =
                    (&mechanism, in_parts(&*ring.public, Purpose::Encrypt, &mechanism, &data, &cuts))
                {
                    prop_assert_eq!(sealed.reveal(), &parts[..], "{} {}", ring.name, mechanism);
                }
            }
        }
    }

    #[test]
    fn digests_and_macs_are_the_same_wherever_the_data_are_cut(
        data in proptest::collection::vec(any::<u8>(), 0..400),
        mut cuts in proptest::collection::vec(0usize..420, 0..6),
    ) {
        cuts.sort_unstable();
        let mac: &Arc<dyn Key> = &ring("HMAC").private;
        for hash in Hash::ALL.iter().copied() {
            let mechanism = Mechanism::Hmac { hash, length: hash.length() };
            let whole = mac.work(Purpose::Sign, &mechanism, &data).unwrap();
            let parts = in_parts(&**mac, Purpose::Sign, &mechanism, &data, &cuts);
            prop_assert_eq!(parts.as_deref(), Ok(whole.reveal()), "{:?}", hash);
            for slot in slots() {
                let mut whole = slot.digest(hash).unwrap();
                whole.update(&data).unwrap();
                let mut parts = slot.digest(hash).unwrap();
                let mut from = 0;
                for cut in cuts.iter().copied().chain([data.len()]) {
                    let to = cut.clamp(from, data.len());
                    parts.update(&data[from..to]).unwrap();
                    from = to;
                }
                prop_assert!(whole.finish().unwrap().same_as(parts.finish().unwrap().reveal()), "{:?}", hash);
            }
        }
    }
}
