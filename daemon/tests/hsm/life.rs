//! The lives of keys in a token.

use strongroom::slot::{
    Error, Form, Kept, Made, Material, Purpose, Recipe, Slot,
    contract::{Family, Pair},
};
use strongroom_kmip::mechanism::{self, Block, Curve, Hash, Input, Mechanism, Mode, Padding};

use crate::bench::Token;

fn one(slot: &dyn Slot, family: Family, bits: usize) -> Kept {
    match slot.make(&Recipe::Symmetric { family, bits }).unwrap() {
        Made::One(kept) => kept,
        Made::Pair { .. } => panic!("a pair"),
    }
}

fn two(slot: &dyn Slot, pair: Pair) -> (Kept, Kept) {
    match slot.make(&Recipe::Pair(pair)).unwrap() {
        Made::Pair { private, public } => (private, public),
        Made::One(_) => panic!("one key"),
    }
}

#[test]
fn a_pair_in_a_token_signs_and_its_public_half_verifies_without_the_token() {
    let Some(token) = Token::new("one") else { return };
    let slot = token.slot("one");
    let raw = mechanism::Form::Raw;
    let message = Input::Message;
    for (name, pair, mechanism) in [
        ("PKCS#1", Pair::Rsa { bits: 2048 }, Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: message }),
        (
            "PSS",
            Pair::Rsa { bits: 2048 },
            Mechanism::RsaPss { hash: Hash::Sha384, mask: Hash::Sha384, salt: None, input: message },
        ),
        ("P-256", Pair::Elliptic(Curve::P256), Mechanism::Ecdsa { hash: Some(Hash::Sha256), form: raw }),
        (
            "P-521, DER",
            Pair::Elliptic(Curve::P521),
            Mechanism::Ecdsa { hash: Some(Hash::Sha512), form: mechanism::Form::Der },
        ),
        (
            "SHA-3 here, P-384 there",
            Pair::Elliptic(Curve::P384),
            Mechanism::Ecdsa { hash: Some(Hash::Sha3_384), form: raw },
        ),
        ("Ed25519", Pair::Elliptic(Curve::Ed25519), Mechanism::Eddsa),
    ] {
        let (private, public) = two(&*slot, pair);
        let key = slot.open(&private).unwrap();
        let signature = key.work(Purpose::Sign, &mechanism, b"data").unwrap();
        let public = slot.open(&public).unwrap();
        assert_eq!(public.verify(&mechanism, b"data", signature.reveal()), Ok(()), "{name}");
        assert_eq!(public.verify(&mechanism, b"other", signature.reveal()), Err(Error::Mismatch), "{name}");
        let mut running = key.begin(Purpose::Sign, &mechanism).unwrap();
        running.update(b"da").unwrap();
        running.update(b"ta").unwrap();
        let signature = running.finish().unwrap();
        assert_eq!(public.verify(&mechanism, b"data", signature.reveal()), Ok(()), "{name} in parts");
    }
}

#[test]
fn a_secret_key_in_a_token_takes_back_what_it_made() {
    let Some(token) = Token::new("one") else { return };
    let slot = token.slot("one");
    let aes = slot.open(&one(&*slot, Family::Aes, 256)).unwrap();
    let gcm = Mode::Gcm { nonce: vec![1; 12], additional: b"seen".to_vec(), tag: 16 };
    for (name, mode) in [
        ("GCM", gcm),
        ("CBC", Mode::Cbc { iv: vec![1; 16], padding: Padding::None }),
        ("CBC-PAD", Mode::Cbc { iv: vec![1; 16], padding: Padding::Pkcs7 }),
        ("CTR", Mode::Ctr { block: vec![1; 16] }),
        ("ECB", Mode::Ecb { padding: Padding::None }),
    ] {
        let mechanism = Mechanism::Cipher(Block::Aes, mode);
        let sealed = aes.work(Purpose::Encrypt, &mechanism, &[7; 64]).unwrap();
        assert_ne!(sealed.reveal().get(..64), Some(&[7; 64][..]), "{name}");
        assert_eq!(aes.work(Purpose::Decrypt, &mechanism, sealed.reveal()).unwrap().reveal(), [7; 64], "{name}");
    }
    for mechanism in [Mechanism::KeyWrap, Mechanism::KeyWrapPadded] {
        let wrapped = aes.work(Purpose::Wrap, &mechanism, &[9; 32]).unwrap();
        assert_eq!(aes.work(Purpose::Unwrap, &mechanism, wrapped.reveal()).unwrap().reveal(), [9; 32], "{mechanism}");
    }
    let hmac = slot.open(&one(&*slot, Family::Hmac, 256)).unwrap();
    let mechanism = Mechanism::Hmac { hash: Hash::Sha256, length: 16 };
    let mac = hmac.work(Purpose::Sign, &mechanism, b"data").unwrap();
    assert_eq!(mac.len(), 16);
    assert_eq!(hmac.verify(&mechanism, b"data", mac.reveal()), Ok(()));
    assert_eq!(hmac.verify(&mechanism, b"date", mac.reveal()), Err(Error::Mismatch));
}

#[test]
fn a_key_made_in_a_token_never_leaves_and_is_found_there_by_a_later_worker() {
    let Some(token) = Token::new("one") else { return };
    let (private, public) = {
        let slot = token.slot("one");
        let halves = two(&*slot, Pair::Elliptic(Curve::P256));
        for form in [Form::Pkcs8, Form::Sec1, Form::Numbers] {
            assert_eq!(slot.give(&halves.0, form).unwrap_err(), Error::Held);
        }
        assert!(matches!(slot.give(&halves.0, Form::PublicKeyInfo).unwrap(), Material::PublicKeyInfo(_)));
        halves
    };
    let said = token.tool(&["--list-objects", "--type", "privkey"]);
    for word in ["sensitive", "never extractable", "local", "strongroom"] {
        assert!(said.contains(word), "{said}");
    }
    let slot = token.slot("one");
    let mechanism = Mechanism::Ecdsa { hash: Some(Hash::Sha256), form: mechanism::Form::Raw };
    let signature = slot.open(&private).unwrap().work(Purpose::Sign, &mechanism, b"data").unwrap();
    assert_eq!(slot.open(&public).unwrap().verify(&mechanism, b"data", signature.reveal()), Ok(()));
}

#[test]
fn a_key_that_was_made_elsewhere_comes_in_and_goes_for_good() {
    let Some(token) = Token::new("one") else { return };
    let slot = token.slot("one");
    let holding = slot.holding().unwrap();
    let elsewhere = strongroom::slot::software::Software::new("elsewhere");
    for pair in [Pair::Rsa { bits: 2048 }, Pair::Elliptic(Curve::P256)] {
        let (private, _) = two(&elsewhere, pair);
        let material = elsewhere.give(&private, Form::Pkcs8).unwrap();
        let kept = slot.take(strongroom::slot::Shape::Private(pair), &material).unwrap();
        let key = slot.open(&kept).unwrap();
        let mechanism = match pair {
            Pair::Rsa { .. } => Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: Input::Message },
            _ => Mechanism::Ecdsa { hash: Some(Hash::Sha256), form: mechanism::Form::Raw },
        };
        assert!(key.work(Purpose::Sign, &mechanism, b"data").is_ok(), "{pair:?}");
        assert_eq!(token.objects("privkey"), 1);
        let errand = holding.errand(&kept.held).unwrap();
        holding.remove(&errand).unwrap();
        holding.remove(&errand).unwrap();
        assert_eq!(token.objects("privkey"), 0);
        assert_eq!(key.work(Purpose::Sign, &mechanism, b"data").unwrap_err(), Error::Vanished, "{pair:?}");
    }
}

#[test]
fn what_is_too_long_or_not_a_tokens_is_refused_by_name() {
    let Some(token) = Token::new("one") else { return };
    let slot = token.slot("one");
    let aes = slot.open(&one(&*slot, Family::Aes, 128)).unwrap();
    let cbc = Mechanism::Cipher(Block::Aes, Mode::Cbc { iv: vec![1; 16], padding: Padding::None });
    assert_eq!(aes.work(Purpose::Encrypt, &cbc, &vec![0; 2 << 20]).unwrap_err(), Error::Length);
    assert_eq!(aes.work(Purpose::Encrypt, &cbc, &[0; 17]).unwrap_err(), Error::Length);
    let ofb = Mechanism::Cipher(Block::Aes, Mode::Ofb { iv: vec![1; 16] });
    assert!(matches!(aes.work(Purpose::Encrypt, &ofb, &[0; 16]), Err(Error::Unsupported(_))));
    assert!(matches!(
        slot.make(&Recipe::Symmetric { family: Family::ChaCha20, bits: 256 }),
        Err(Error::Unsupported(_))
    ));
    assert!(aes.work(Purpose::Encrypt, &cbc, &[0; 32]).is_ok());
}
