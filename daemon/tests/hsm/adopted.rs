//! Keys that were in a token before become objects where something tells them from others, and when they are destroyed nothing
//! else goes.

use std::{fs, process::Command};

use strongroom::store::{Batch, Table};
use strongroom_kmip::code::{ProtectionStorageMask, ResultReason};

use crate::bench::Token;
use crate::cluster::Tokens;
use crate::house::House;

/// Destroys what was adopted, and has it removed from the token.
fn destroyed(house: &House, ids: &[String]) {
    ids.iter().for_each(|id| house.destroy(id).unwrap());
    house.attend();
    assert_eq!(house.row().2, 0, "nothing is left to do");
}

/// What has a key made that is described so. No curve of secp192k1 is worked with here.
fn making(words: &str) -> Vec<&str> {
    let make = if words.starts_with("EC:") { "--keypairgen" } else { "--keygen" };
    [make, "--key-type"].into_iter().chain(words.split(' ')).collect()
}

#[test]
fn a_key_whose_name_another_has_is_left_whatever_kind_the_other_is_of() {
    let Some(token) = Token::new("one") else { return };
    for words in ["AES:32 --label told --id 01", "AES:32 --label twin --id 02", "EC:secp192k1 --label twin --id 02"] {
        token.tool(&making(words));
    }
    let house = House::over(token.slot("one"));
    let (ids, note) = house.adopt(None).unwrap();
    assert!(ids.len() == 1 && note.is_some_and(|note| note.starts_with("1 key in the token has neither")));
    destroyed(&house, &ids);
    assert_eq!(["secrkey", "privkey"].map(|kind| token.objects(kind)), [1, 1]);
    assert_eq!(house.adopt(Some("twin")).unwrap_err().reason, ResultReason::NonUniqueNameAttribute);
}

#[test]
fn a_key_that_one_of_several_tokens_has_twice_is_left() {
    let Some(tokens) = Tokens::new(&["one", "two"]) else { return };
    let made = |label, words: &str| {
        tokens.token.tool(&[&["--token-label", label][..], &making(words)].concat());
    };
    for (name, [first, second, third]) in [
        ("of one kind", ["AES:32", "AES:32", "AES:32"]),
        ("of other kinds", ["AES:32", "AES:32", "GENERIC:32"]),
        ("of a kind that is not worked with", ["AES:32", "AES:32", "EC:secp192k1"]),
    ] {
        let called = |kind: &str| format!("{kind} --label {} --id 0a", name.replace(' ', "-"));
        made("one", &called(first));
        made("two", &called(second));
        made("two", &called(third));
    }
    // Each in one token alone, of one name: two keys, not one.
    made("one", "AES:32 --label elsewhere --id 0b");
    made("two", "EC:secp192k1 --label elsewhere --id 0b");
    made("one", "AES:32 --label here --id 0c");
    made("two", "GENERIC:32 --label here --id 0c");
    made("one", "AES:32 --label both --id 0d");
    made("two", "AES:32 --label both --id 0d");
    let house = House::over(tokens.slot());
    let (ids, note) = house.adopt(None).unwrap();
    assert_eq!(ids.len(), 1, "{note:?}");
    destroyed(&house, &ids);
    let left = |label| {
        let said = tokens.token.tool(&["--token-label", label, "--list-objects", "--type", "secrkey"]);
        (said.lines().filter(|line| line.contains("Object;")).count(), said.contains("both"))
    };
    assert_eq!((left("one"), left("two")), ((5, false), (6, false)));
}

#[test]
fn a_certificate_of_a_keys_name_stays_when_the_key_goes() {
    let Some(token) = Token::new("one") else { return };
    let path = |name: &str| token.folder.0.join(name).display().to_string();
    let (key, certificate) = (path("key"), path("certificate"));
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=elder -outform DER";
    let mut command = Command::new("openssl");
    let made = command.args(words.split(' ')).args(["-keyout", &key, "-out", &certificate]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let named = ["--label", "elder", "--id", "0a"];
    token.tool(&[&["--keypairgen", "--key-type", "EC:prime256v1"][..], &named].concat());
    token.tool(&[&["--write-object", &certificate, "--type", "cert"][..], &named].concat());
    let house = House::over(token.slot("one"));
    let (ids, _) = house.adopt(None).unwrap();
    assert_eq!(ids.len(), 2);
    destroyed(&house, &ids);
    assert_eq!(["privkey", "pubkey", "cert"].map(|kind| token.objects(kind)), [0, 0, 1]);
    fs::remove_file(key).unwrap();
}

#[test]
fn a_secret_keys_name_takes_no_public_key_with_it() {
    let Some(token) = Token::new("one") else { return };
    token.tool(&["--keygen", "--key-type", "AES:32", "--label", "elder", "--id", "0a"]);
    token.tool(&["--keypairgen", "--key-type", "EC:prime256v1", "--label", "elder", "--id", "0b"]);
    token.tool(&["--set-id", "0a", "--type", "pubkey", "--id", "0b"]);
    let house = House::over(token.slot("one"));
    let (ids, _) = house.adopt(Some("elder")).unwrap();
    assert_eq!(ids.len(), 1, "the pair has lost its public half");
    destroyed(&house, &ids);
    assert_eq!(["privkey", "pubkey", "secrkey"].map(|kind| token.objects(kind)), [1, 1, 0]);
}

#[test]
fn a_key_that_became_somebody_elses_namesake_is_not_removed() {
    let Some(token) = Token::new("one") else { return };
    token.tool(&["--keygen", "--key-type", "AES:32", "--label", "elder", "--id", "0a"]);
    let house = House::over(token.slot("one"));
    let (ids, _) = house.adopt(None).unwrap();
    token.tool(&["--keygen", "--key-type", "AES:32", "--label", "elder", "--id", "0a"]);
    house.destroy(&ids[0]).unwrap();
    house.attend();
    assert_eq!((token.objects("secrkey"), house.row().2), (2, 1));
}

#[test]
fn what_was_made_here_is_adopted_by_nobody() {
    let Some(token) = Token::new("one") else { return };
    let house = House::over(token.slot("one"));
    house.hmac(ProtectionStorageMask::Hardware).unwrap();
    let refused = house.adopt(None).unwrap_err().to_string();
    assert!(refused.contains("no such key in the slot"), "{refused}");
}

#[test]
fn the_key_of_an_object_that_has_lost_its_secret_row_is_not_nobodys() {
    let Some(token) = Token::new("one") else { return };
    token.tool(&["--keygen", "--key-type", "AES:32", "--label", "elder", "--id", "0a"]);
    let house = House::over(token.slot("one"));
    let (ids, _) = house.adopt(None).unwrap();
    let mut rows = Vec::new();
    let mut see = |key: &[u8], _: &[u8]| {
        rows.push(key.to_vec());
        std::ops::ControlFlow::Continue(())
    };
    house.store.walk(Table::Object, &mut see).unwrap();
    let secret = rows.into_iter().rfind(|key| key.ends_with(ids[0].as_bytes())).unwrap();
    let mut batch = Batch::new();
    batch.remove(Table::Object, secret);
    house.store.commit(batch).wait().unwrap();
    let refused = house.adopt(None).unwrap_err();
    assert!(refused.to_string().contains("does not fit its seal"), "{refused}");
}
