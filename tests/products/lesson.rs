//! What users of other servers complain of, each as a claim about ours.

use std::{io::Write, thread::sleep, time::Duration};

use strongroom_tests::Appliance;

use crate::{
    peer::{PRE_ACTIVE, Peer, item},
    phrase::*,
    wire::{Item, Value, bytes, enumeration, integer, structure, text},
    word::*,
};

#[test]
fn a_request_that_comes_in_pieces_is_one_request() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 0));
    let message = peer.message(vec![item(CREATE, create([named("in-pieces")]))]);
    for piece in message.chunks(3) {
        peer.line().write_all(piece).expect("it is taken");
        peer.line().flush().expect("it is sent as a record of its own");
    }
    assert_eq!(peer.receive().at(RESULT_STATUS).number(), 0);
    let half = message.len() / 2;
    for part in [&message[..half], &message[half..]] {
        peer.line().write_all(part).expect("it is taken");
        sleep(Duration::from_millis(500));
    }
    // The same name twice: refused, but answered.
    assert_eq!(peer.receive().at(RESULT_STATUS).number(), 1);
}

#[test]
fn requests_sent_together_are_answered_in_their_order() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 2));
    let names: Vec<String> = (0..20).map(|number| format!("together-{number}")).collect();
    let keys: Vec<String> = names.iter().map(|name| peer.make(CREATE, create([named(name)]))).collect();
    let all: Vec<u8> = names.iter().flat_map(|name| peer.message(vec![item(LOCATE, [named(name)])])).collect();
    peer.line().write_all(&all).expect("it is taken");
    for key in &keys {
        assert_eq!(peer.receive().at(UNIQUE_IDENTIFIER).text(), *key);
    }
}

#[test]
fn a_batch_without_identifiers_is_answered_in_its_order() {
    let appliance = Appliance::start();
    for version in [(1, 0), (1, 4), (2, 0), (2, 1)] {
        let mut peer = Peer::new(&appliance, version).saying(enumeration(BATCH_ERROR_CONTINUATION_OPTION, 1));
        let message = peer.message(vec![
            item(QUERY, [enumeration(QUERY_FUNCTION, 2)]),
            item(GET, id("nobody")),
            item(LOCATE, []),
        ]);
        let answer = peer.send(&message);
        let told: Vec<(u32, u32)> = answer
            .every(BATCH_ITEM)
            .iter()
            .map(|item| (item.at(OPERATION).number(), item.at(RESULT_STATUS).number()))
            .collect();
        assert_eq!(told, [(QUERY, 0), (GET, 1), (LOCATE, 0)], "{version:?}");
        assert!(answer.every(UNIQUE_BATCH_ITEM_ID).is_empty(), "{version:?}");
    }
}

#[test]
fn identifiers_of_batch_items_come_back_as_they_were_sent() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 1));
    let ids: [&[u8]; 3] = [&[0xFF; 8], &[], b"\0\x01 any bytes at all"];
    let items = ids.map(|id| {
        let asked = structure(REQUEST_PAYLOAD, [enumeration(QUERY_FUNCTION, 1)]);
        structure(BATCH_ITEM, [enumeration(OPERATION, QUERY), bytes(UNIQUE_BATCH_ITEM_ID, id), asked])
    });
    let message = peer.message(items.into());
    let answer = peer.send(&message);
    assert_eq!(answer.every(UNIQUE_BATCH_ITEM_ID).into_iter().map(Item::bytes).collect::<Vec<_>>(), ids);
}

#[test]
fn nothing_newer_than_its_version_is_told_of_an_object() {
    let appliance = Appliance::start();
    let mut new = Peer::new(&appliance, (1, 4));
    let key = new.make(CREATE, create([named("old and new")]));
    let pair = new.ask(
        CREATE_KEY_PAIR,
        [
            structure(
                COMMON_TEMPLATE_ATTRIBUTE,
                [
                    attribute("Cryptographic Algorithm", enumeration(0, 6)),
                    attribute("Cryptographic Length", integer(0, 256)),
                ],
            ),
            structure(PRIVATE_KEY_TEMPLATE_ATTRIBUTE, [mask(1)]),
            structure(PUBLIC_KEY_TEMPLATE_ATTRIBUTE, [mask(2)]),
        ],
    );
    let (private, public) =
        (pair.at(PRIVATE_KEY_UNIQUE_IDENTIFIER).text(), pair.at(PUBLIC_KEY_UNIQUE_IDENTIFIER).text());
    let told = new.ask(GET_ATTRIBUTE_LIST, id(&key));
    let fresh = |told: &Item| told.every(ATTRIBUTE_NAME).into_iter().any(|name| name.text() == "Fresh");
    assert!(fresh(&told), "a key made here is fresh to who knows the word");
    // What an answer of each version may hold is checked with every answer; the names of 1.0's attributes, too.
    for (version, _) in NEWEST {
        let mut peer = Peer::new(&appliance, *version);
        for object in [&key, &private, &public] {
            peer.ask(GET_ATTRIBUTES, id(object));
            peer.ask(GET_ATTRIBUTE_LIST, id(object));
        }
        peer.ask(GET, id(&key));
        let functions: Vec<Item> = (1..=6).map(|function| enumeration(QUERY_FUNCTION, function)).collect();
        peer.ask(QUERY, functions);
        assert_eq!(peer.make(CREATE, if *version < (2, 0) { create([]) } else { unnamed_of_2_0() }).len(), 36);
    }
    let mut old = Peer::new(&appliance, (1, 0));
    assert!(!fresh(&old.ask(GET_ATTRIBUTE_LIST, id(&key))));
    assert!(!fresh(&old.ask(GET_ATTRIBUTES, ask_for(&key, &["Fresh"]))));
}

fn unnamed_of_2_0() -> Vec<Item> {
    let attributes = [
        enumeration(CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(CRYPTOGRAPHIC_LENGTH, 256),
        integer(CRYPTOGRAPHIC_USAGE_MASK, ENCRYPT_AND_DECRYPT),
    ];
    vec![enumeration(OBJECT_TYPE, SYMMETRIC_KEY_OBJECT), structure(ATTRIBUTES, attributes)]
}

#[test]
fn locate_finds_what_is_asked_for_and_never_another_or_the_houses_own() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 2));
    assert!(peer.locate([]).is_empty(), "the house's own keys are not among the client's");
    let one = peer.make(CREATE, create([named("one")]));
    let two = peer.make(CREATE, create([named("two")]));
    assert_eq!(peer.locate([]), [two.as_str(), one.as_str()]);
    for (what, asked) in [
        ("a name", vec![named("one")]),
        ("a name inside a template", vec![template([named("one")])]),
        ("and a number of items", vec![integer(MAXIMUM_ITEMS, 1), template([named("one")])]),
        ("and a type", vec![object_type(SYMMETRIC_KEY_OBJECT), named("one")]),
    ] {
        assert_eq!(peer.locate(asked), [one.as_str()], "{what}");
    }
    for (what, asked) in [
        ("a name of nobody", vec![named("three")]),
        ("the same inside a template", vec![template([named("three")])]),
        ("one right and one wrong", vec![named("one"), template([named("three")])]),
        ("two names", vec![named("one"), named("two")]),
        ("another type", vec![named("one"), object_type(SECRET_DATA_OBJECT)]),
        ("a name in another case", vec![named("One")]),
    ] {
        assert!(peer.locate(asked).is_empty(), "{what}");
    }
    assert!(Peer::of(&appliance, "bob", (1, 2)).locate([]).is_empty());
}

#[test]
fn a_name_can_be_changed_before_a_key_is_active() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 2));
    let key = peer.make(CREATE, create([named("before")]));
    peer.ask(MODIFY_ATTRIBUTE, [text(UNIQUE_IDENTIFIER, &key), named("after")]);
    assert_eq!(peer.state(&key), PRE_ACTIVE);
    assert_eq!(peer.locate([named("after")]), [key.as_str()]);
}

/// A Key Wrapping Specification for RFC 3394 under this key.
fn wrapping(wrapper: &str) -> Item {
    let how = structure(CRYPTOGRAPHIC_PARAMETERS, [enumeration(BLOCK_CIPHER_MODE, 13)]);
    let key = structure(ENCRYPTION_KEY_INFORMATION, [text(UNIQUE_IDENTIFIER, wrapper), how]);
    structure(KEY_WRAPPING_SPECIFICATION, [enumeration(WRAPPING_METHOD, 1), key, enumeration(ENCODING_OPTION, 1)])
}

#[test]
fn secrets_are_wrapped_like_keys_and_a_wrapped_key_may_be_asked_for_in_a_format() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 2));
    let wrapper = peer.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, [mask(0x10)], symmetric_key(&[1; 32])));
    peer.ask(ACTIVATE, id(&wrapper));
    let secret = peer.make(REGISTER, register(SECRET_DATA_OBJECT, [mask(0)], secret_data(&[2; 32])));
    let got = peer.ask(GET, [text(UNIQUE_IDENTIFIER, &secret), wrapping(&wrapper)]);
    assert_eq!(got.at(KEY_VALUE).bytes().len(), 40);
    let key = peer.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, [mask(ENCRYPT_AND_DECRYPT)], symmetric_key(&[2; 32])));
    let raw = [text(UNIQUE_IDENTIFIER, &key), enumeration(KEY_FORMAT_TYPE, 1), wrapping(&wrapper)];
    assert_eq!(peer.ask(GET, raw).at(KEY_VALUE).bytes(), got.at(KEY_VALUE).bytes());
}

#[test]
fn a_key_is_given_in_its_transparent_format() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 0));
    let key = peer.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, [mask(ENCRYPT_AND_DECRYPT)], symmetric_key(&[2; 32])));
    let got = peer.ask(GET, [text(UNIQUE_IDENTIFIER, &key), enumeration(KEY_FORMAT_TYPE, 7)]);
    assert_eq!(got.at(KEY_MATERIAL).items()[0].value, Value::Bytes(vec![2; 32]));
}

#[test]
fn a_connection_for_each_message_and_one_kept_idle_are_served_alike() {
    let appliance = Appliance::start();
    let mut idle = Peer::new(&appliance, (1, 2));
    let key = idle.make(CREATE, create([]));
    let mut hasty = Peer::new(&appliance, (1, 2)).once_each();
    let same = idle.material(&key);
    for _ in 0..100 {
        assert_eq!(hasty.material(&key), same);
    }
    sleep(Duration::from_secs(5));
    assert_eq!(idle.material(&key), same);
}

#[test]
fn an_answer_longer_than_announced_is_refused_and_the_connection_goes_on() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 0)).saying(integer(MAXIMUM_RESPONSE_SIZE, 512));
    let attributes = [mask(0), named("long")];
    let secret = peer.make(REGISTER, register(SECRET_DATA_OBJECT, attributes, secret_data(&[1; 4096])));
    assert_eq!(peer.refused(GET, id(&secret)), 2, "Response Too Large");
    assert_eq!(peer.locate([named("long")]), [secret.as_str()]);
}

#[test]
fn versions_may_change_from_message_to_message() {
    let appliance = Appliance::start();
    let mut peer = Peer::new(&appliance, (1, 0));
    let key = peer.make(CREATE, create([]));
    for version in [(1, 2), (2, 1), (1, 0), (1, 4), (2, 0)] {
        let other = Peer::new(&appliance, version);
        let message = other.message(vec![item(GET, id(&key))]);
        peer.line().write_all(&message).expect("it is taken");
        peer.speak(version);
        assert_eq!(peer.receive().at(KEY_MATERIAL).bytes().len(), 32, "{version:?}");
    }
}

#[test]
fn a_version_that_nobody_speaks_is_refused_with_those_that_are() {
    let appliance = Appliance::start();
    for version in [(1, 5), (2, 9), (9, 0), (0, 0), (-1, -1)] {
        let mut peer = Peer::new(&appliance, (1, 0));
        let message = Peer::new(&appliance, version).message(vec![item(QUERY, [enumeration(QUERY_FUNCTION, 1)])]);
        peer.line().write_all(&message).expect("it is taken");
        let answer = peer.receive_unchecked();
        assert_eq!(answer.at(RESULT_STATUS).number(), 1, "{version:?}");
        assert!(answer.at(RESULT_MESSAGE).text().contains("1.4"), "{version:?}: {answer:x?}");
    }
}
