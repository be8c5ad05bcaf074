//! What every slot promises.

use strongroom::slot::{Error, Key, Purpose};
use strongroom_kmip::mechanism::Mechanism;

use crate::sample::{PURPOSES, fitting, mechanisms, rings};

#[test]
fn what_one_half_makes_the_other_half_takes_back() {
    for ring in rings() {
        for mechanism in mechanisms() {
            let data = fitting(&mechanism);
            let label = format!("{} {mechanism}", ring.name);
            for (forth, back) in [(Purpose::Encrypt, Purpose::Decrypt), (Purpose::Wrap, Purpose::Unwrap)] {
                match ring.public.work(forth, &mechanism, &data) {
                    Ok(sealed) => {
                        assert_ne!(sealed.reveal(), data, "{label}");
                        let opened = ring.private.work(back, &mechanism, sealed.reveal()).unwrap();
                        assert_eq!(opened.reveal(), data, "{label}");
                    }
                    Err(Error::Unsupported(_)) => {}
                    Err(error) => panic!("{label}: {error}"),
                }
            }
            match ring.private.work(Purpose::Sign, &mechanism, &data) {
                Ok(signature) => check_signature(&*ring.public, &mechanism, &data, signature.reveal(), &label),
                Err(Error::Unsupported(_)) => {}
                Err(error) => panic!("{label}: {error}"),
            }
        }
    }
}

fn check_signature(key: &dyn Key, mechanism: &Mechanism, data: &[u8], signature: &[u8], label: &str) {
    assert_eq!(key.verify(mechanism, data, signature), Ok(()), "{label}");
    for at in [0, signature.len() / 2, signature.len() - 1] {
        let mut bad = signature.to_vec();
        bad[at] ^= 1;
        assert_eq!(key.verify(mechanism, data, &bad), Err(Error::Mismatch), "{label} byte {at}");
    }
    for wrong in [&[][..], &signature[1..], &[signature, &[0]].concat()] {
        assert_eq!(key.verify(mechanism, data, wrong), Err(Error::Mismatch), "{label} {} bytes", wrong.len());
    }
    let mut other = data.to_vec();
    other[5] ^= 0x10;
    assert_eq!(key.verify(mechanism, &other, signature), Err(Error::Mismatch), "{label} other data");
}

#[test]
fn no_mechanism_with_any_key_for_any_purpose_panics() {
    for ring in rings() {
        for mechanism in mechanisms() {
            for purpose in PURPOSES {
                for length in [0, 1, 7, 8, 15, 16, 17, 20, 64, 255, 256, 257, 5000] {
                    let data = vec![0xa5; length];
                    for key in [&ring.private, &ring.public] {
                        let _ = key.output_length(purpose, &mechanism);
                        let _ = key.work(purpose, &mechanism, &data);
                        let _ = key.verify(&mechanism, &data, &data);
                        if let Ok(mut running) = key.begin(purpose, &mechanism) {
                            let _ = running.update(&data);
                            let _ = running.finish();
                        }
                    }
                }
            }
        }
    }
}
