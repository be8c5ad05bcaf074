//! By whom the vault is opened.

use std::ops::ControlFlow;

use strongroom::{
    caller::Principal,
    sharing::{Gathering, Label, Share, Unfit},
    store::{self, Batch, Kind, Settings, Table},
    vault::{Entered, Error, Hands, Others, UnsealKey, Wanted, open_for},
};
use strongroom_kmip::secret::Secret;

use crate::room::{Room, bytes, copy, file, shares};

#[test]
fn shares_open_the_vault_one_by_one_and_take_the_place_of_the_file_only_once_they_have() {
    let room = Room::new();
    let id = room.add();
    let dealt = room.rekey(vec![shares(2)], Others::Go).unwrap();
    assert!(room.opens(file(7)), "nobody has shown a share yet");
    assert!(!room.enter(copy(&dealt[2])).unwrap());
    assert!(room.enter(copy(&dealt[0])).unwrap());
    assert!(!room.opens(file(7)), "the shares have taken its place");
    let again = room.again();
    assert!(!again.enter(copy(&dealt[1])).unwrap());
    let ways = again.vault.ways().unwrap();
    let factor = &ways[0].factors[0];
    assert_eq!(
        (factor.kind, factor.entered, factor.needed, &factor.names[..]),
        ("shares", 1, 2, &["bob".to_owned()][..])
    );
    assert!(again.enter(copy(&dealt[2])).unwrap());
    assert!(again.read(&id).same_as(room.read(&id).reveal()));
}

#[test]
fn wrong_shares_are_named_and_those_that_were_entered_stay() {
    let (room, other) = (Room::new(), Room::new());
    let dealt = room.rekey(vec![shares(3)], Others::Stay).unwrap();
    let foreign = other.rekey(vec![shares(3)], Others::Stay).unwrap();
    let again = room.again();
    again.enter(copy(&dealt[0])).unwrap();
    let mut forged = Share::read(dealt[1].write().reveal()).unwrap();
    forged.number = 3;
    for (name, share, says) in [
        ("foreign", copy(&foreign[1]), "is of another set"),
        ("repeated", copy(&dealt[0]), "was entered already"),
        ("forged", copy(&forged), "is not the one that was dealt"),
    ] {
        let refused = again.enter(share).unwrap_err();
        assert!(matches!(&refused, Error::Share(_)) && refused.to_string().contains(says), "{name}: {refused}");
    }
    assert!(matches!(again.enter(file(9)), Err(Error::WrongKey)));
    assert!(!again.enter(copy(&dealt[1])).unwrap());
    assert!(again.enter(copy(&dealt[2])).unwrap());
}

#[test]
fn where_different_operators_are_to_enter_shares_nobody_enters_two() {
    let mut room = Room::new();
    let dealt = room.rekey(vec![shares(2)], Others::Stay).unwrap();
    room.vault = room.again().vault.with_hands(Hands::Different);
    let by = |name: &str, share: &Share| room.vault.enter_by(&Principal::Officer(name.parse().unwrap()), copy(share));
    assert!(matches!(by("anna", &dealt[0]), Ok(Entered::Waiting)));
    let again = by("anna", &dealt[0]).unwrap_err().to_string();
    assert!(again.contains("was entered already"), "{again}");
    for share in &dealt[1..] {
        let refused = by("anna", share).unwrap_err();
        assert!(matches!(refused, Error::SameHand { .. }), "{refused}");
        assert!(refused.to_string().contains("operator:anna has entered that of alice already"), "{refused}");
        let ways = room.vault.ways().unwrap();
        assert!(ways.iter().any(|way| way.factors[0].names == ["alice"] && way.factors[0].entered == 1));
    }
    assert!(room.vault.forget_entries());
    assert!(matches!(by("anna", &dealt[1]), Ok(Entered::Waiting)), "nothing of what was forgotten counts");
    assert!(matches!(by("ben", &dealt[2]), Ok(Entered::Open { .. })));
}

#[test]
fn where_anybody_may_enter_shares_one_person_enters_all() {
    let room = Room::new();
    let dealt = room.rekey(vec![shares(2)], Others::Stay).unwrap();
    let again = room.again();
    let by = |share: &Share| again.vault.enter_by(&Principal::Officer("anna".parse().unwrap()), copy(share));
    assert!(matches!(by(&dealt[0]), Ok(Entered::Waiting)));
    assert!(matches!(by(&dealt[1]), Ok(Entered::Open { .. })));
}

#[test]
fn a_share_for_a_vault_that_takes_none_opens_nothing() {
    let (room, other) = (Room::new(), Room::new());
    let dealt = other.rekey(vec![shares(2)], Others::Stay).unwrap();
    assert!(matches!(room.again().enter(copy(&dealt[0])), Err(Error::WrongKey)));
}

#[test]
fn entries_are_forgotten_by_order_and_after_a_quarter_of_an_hour() {
    let room = Room::new();
    let dealt = room.rekey(vec![shares(2)], Others::Stay).unwrap();
    let again = room.again();
    let minutes = |minutes: i64| again.clock.advance(minutes * 60_000);
    let entered = || again.vault.ways().unwrap()[1].factors[0].entered;
    again.enter(copy(&dealt[0])).unwrap();
    minutes(14);
    assert_eq!(entered(), 1);
    minutes(1);
    assert_eq!(entered(), 0);
    again.enter(copy(&dealt[0])).unwrap();
    minutes(-60);
    assert_eq!(entered(), 0, "a clock that was set back");
    again.enter(copy(&dealt[0])).unwrap();
    assert!(again.vault.forget_entries());
    assert!(!again.vault.forget_entries());
    assert!(!again.enter(copy(&dealt[1])).unwrap());
}

#[test]
fn what_is_needed_together_opens_nothing_alone() {
    let room = Room::new();
    let dealt = room.rekey(vec![Wanted::File(bytes(3)), shares(2)], Others::Go).unwrap();
    for (name, keys) in [
        ("the file last", vec![copy(&dealt[0]), copy(&dealt[1]), file(3)]),
        ("the file first", vec![file(3), copy(&dealt[0]), copy(&dealt[1])]),
    ] {
        let again = room.again();
        let opened: Vec<bool> = keys.into_iter().map(|key| again.enter(key).unwrap()).collect();
        assert_eq!(opened, [false, false, true], "{name}");
    }
    assert!(!room.opens(file(7)), "what it takes the place of went when it was first opened");
}

#[test]
fn a_new_way_is_proven_by_what_it_shares_with_an_older_one() {
    for (name, order) in [("the file last", [0, 1, 2]), ("in between", [0, 2, 1]), ("first", [2, 0, 1])] {
        let room = Room::new();
        let dealt = room.rekey(vec![Wanted::File(bytes(7)), shares(2)], Others::Go).unwrap();
        for entry in order {
            room.enter([copy(&dealt[0]), copy(&dealt[1]), file(7)].into_iter().nth(entry).unwrap()).unwrap();
        }
        assert!(!room.opens(file(7)), "{name}: the file alone");
    }
}

#[test]
fn a_wrong_passphrase_spoils_no_shares() {
    let room = Room::new();
    let phrase = |text: &str| Secret::copy_of(text.as_bytes());
    let dealt = room.rekey(vec![Wanted::Passphrase(phrase("correct horse")), shares(2)], Others::Stay).unwrap();
    let again = room.again();
    assert!(!again.enter(UnsealKey::Passphrase(phrase("wrong"))).unwrap());
    assert!(!again.enter(copy(&dealt[0])).unwrap());
    assert!(matches!(again.enter(copy(&dealt[1])), Err(Error::WrongKey)));
    assert!(again.enter(UnsealKey::Passphrase(phrase("correct horse"))).unwrap());
}

#[test]
fn the_last_way_that_is_known_to_work_stays() {
    let room = Room::new();
    assert!(matches!(room.change(|change| room.vault.remove_way(change, 1)), Err(Error::Broken(_))));
    room.rekey(vec![shares(2)], Others::Stay).unwrap();
    assert!(matches!(room.change(|change| room.vault.remove_way(change, 1)), Err(Error::Broken(_))));
    room.rekey(vec![Wanted::File(bytes(8))], Others::Stay).unwrap();
    assert!(room.opens(file(7)) && room.opens(file(8)));
    room.change(|change| room.vault.remove_way(change, 1)).unwrap();
    assert!(!room.opens(file(7)) && room.opens(file(8)));
    assert!(matches!(room.change(|change| room.vault.remove_way(change, 9)), Err(Error::Broken(_))));
    for (name, wanted) in [
        ("nothing", vec![]),
        ("a short file", vec![Wanted::File(Secret::new(vec![1; 31]))]),
        ("an empty passphrase", vec![Wanted::Passphrase(Secret::new(Vec::new()))]),
        ("a slot that keeps its keys here", vec![Wanted::Slot("dev".to_owned())]),
        ("one share", vec![shares(1)]),
        ("more shares than holders", vec![shares(4)]),
    ] {
        assert!(room.rekey(wanted, Others::Go).is_err(), "{name}");
        assert!(room.opens(file(8)), "{name}");
    }
}

#[test]
fn a_header_that_was_changed_in_the_store_opens_nothing() {
    let room = Room::new();
    room.rekey(vec![shares(2)], Others::Stay).unwrap();
    let row = room.row();
    let put = |value: &[u8]| {
        let mut batch = Batch::new();
        batch.put(Table::Setting, "seal", value);
        room.store.commit(batch).wait().unwrap();
    };
    let text = String::from_utf8(row.clone()).unwrap();
    let many = |ways: bool| {
        let mut header: serde_json::Value = serde_json::from_str(&text).unwrap();
        let list = if ways { &mut header["ways"] } else { &mut header["ways"][0]["factors"] };
        let one = list[0].clone();
        list.as_array_mut().unwrap().resize(9, one);
        serde_json::to_vec(&header).unwrap()
    };
    let swapped = |from: &str, to: &str| text.replacen(from, to, 1).into_bytes();
    for (name, changed) in [
        ("nothing", Vec::new()),
        ("an array", b"[]".to_vec()),
        ("nine ways", many(true)),
        ("nine factors", many(false)),
        ("a generation", swapped("\"generation\":1", "\"generation\":2")),
        ("a standing", swapped("\"replaces\":false", "\"replaces\":true")),
        ("a holder's name", swapped("\"bob\"", "\"eve\"")),
        ("a threshold", swapped("\"threshold\":2", "\"threshold\":3")),
        ("a number", swapped("\"number\":1", "\"number\":3")),
    ] {
        assert_ne!(changed, row, "{name}");
        put(&changed);
        assert!(matches!(room.again().enter(file(7)), Err(Error::Damaged(_) | Error::WrongKey)), "{name}");
    }
    put(&swapped("\"format\":2", "\"format\":3"));
    assert!(matches!(room.again().enter(file(7)), Err(Error::Format)), "a later version");
    put(&row);
    assert!(room.opens(file(7)));
}

#[test]
fn recovery_shares_open_what_is_sealed_for_them_and_no_vault() {
    let room = Room::new();
    let labels: Vec<Label> = ["a", "b", "c"].map(|name| Label::try_from(name.to_owned()).unwrap()).to_vec();
    let dealt = room.change(|change| room.vault.make_recovery(change, 2, &labels)).unwrap();
    let recovery = room.vault.recovery().unwrap().unwrap();
    let sealed = recovery.recipient.seal(b"backup", b"keys", room.vault.chance()).unwrap();
    let mut gathering = Gathering::new(recovery.roster);
    for share in &dealt[1..] {
        gathering.take(Share::read(share.write().reveal()).unwrap()).unwrap();
    }
    let key = gathering.key().unwrap().unwrap();
    assert_eq!(open_for(&key, b"backup", &sealed).unwrap().reveal(), b"keys");
    room.rekey(vec![shares(2)], Others::Stay).unwrap();
    let refused = room.again().enter(copy(&dealt[0])).unwrap_err();
    assert!(matches!(refused, Error::Share(Unfit::Purpose { .. })), "{refused}");
}

#[test]
fn rows_of_another_vault_are_read_with_its_data_keys() {
    let room = Room::new();
    let id = room.add();
    let other = Room::over(store::open(&Settings::new(Kind::Memory, "")).unwrap());
    let mut batch = Batch::new();
    for &table in Table::ALL {
        room.store
            .walk(table, &mut |key, row| {
                if key != b"seal" {
                    batch.put(table, key, row);
                }
                ControlFlow::Continue(())
            })
            .unwrap();
    }
    other.store.commit(batch).wait().unwrap();
    other.vault.restore(&[file(5)], &room.vault.data_keys().unwrap()).unwrap();
    assert_eq!(other.vault.enter(file(5)).unwrap().findings(), Some(Default::default()));
    assert!(other.read(&id).same_as(room.read(&id).reveal()));
    assert!(matches!(other.vault.restore(&[file(5)], &room.vault.data_keys().unwrap()), Err(Error::Broken(_))));
}
