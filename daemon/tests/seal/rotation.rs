//! Keys that are exchanged, with a crash at every step.

use std::sync::{Arc, atomic::AtomicUsize};

use strongroom::{
    sharing::Label,
    store::{Batch, Table},
    vault::{Error, ObjectId, Others, Rotating, Wanted},
};
use strongroom_kmip::secret::Secret;

use crate::room::{Mortal, Room, bytes, copy, file, shares};

#[test]
fn a_rotated_root_key_opens_by_every_way_and_the_old_header_opens_nothing_new() {
    let room = Room::new();
    let dealt = room.rekey(vec![shares(2)], Others::Stay).unwrap();
    let (id, before) = (room.add(), room.row());
    room.change(|change| room.vault.rotate(change, Rotating::Root)).unwrap();
    assert_ne!(room.row(), before);
    for (name, keys) in [("the file", vec![file(7)]), ("shares", vec![copy(&dealt[0]), copy(&dealt[2])])] {
        let again = room.again();
        let opened = keys.into_iter().map(|key| again.enter(key).unwrap()).last();
        assert_eq!(opened, Some(true), "{name}");
        assert!(again.read(&id).same_as(room.read(&id).reveal()), "{name}");
    }
    assert_eq!(room.vault.rotating(), None, "a root key needs no round");
}

#[test]
fn a_rotated_data_key_seals_every_row_anew_while_changes_go_on() {
    let room = Room::new();
    let ids: Vec<ObjectId> = (0..300).map(|_| room.add()).collect();
    let keys: Vec<Secret> = ids.iter().map(|id| room.read(id)).collect();
    room.change(|change| {
        let labels: Vec<Label> = ["a", "b"].map(|name| Label::try_from(name.to_owned()).unwrap()).to_vec();
        room.vault.make_recovery(change, 2, &labels)
    })
    .unwrap();
    let old = room.vault.data_keys().unwrap();
    room.change(|change| room.vault.rotate(change, Rotating::Data)).unwrap();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| (0..100).map(|_| room.add()).collect::<Vec<_>>());
        room.round().unwrap();
        writing.join().unwrap();
    });
    room.round().unwrap();
    assert_eq!(room.vault.rotating(), None);
    let new = room.vault.data_keys().unwrap();
    assert!(new.len() == old.len() && !new.same_as(old.reveal()));
    for vault in [&room, &{
        let again = room.again();
        assert_eq!(again.vault.enter(file(7)).unwrap().findings(), Some(Default::default()));
        again
    }] {
        assert_eq!(vault.vault.count().unwrap(), 400);
        assert!(vault.vault.recovery().unwrap().is_some());
        assert!(ids.iter().zip(&keys).all(|(id, key)| vault.read(id).same_as(key.reveal())));
    }
}

#[test]
fn rotations_one_after_the_other_end() {
    let room = Room::new();
    let id = room.add();
    let key = room.read(&id);
    for _ in 0..3 {
        room.change(|change| room.vault.rotate(change, Rotating::Data)).unwrap();
        room.change(|change| room.vault.rotate(change, Rotating::Root)).unwrap();
    }
    assert_eq!(room.vault.rotating(), Some(0));
    room.round().unwrap();
    let again = room.again();
    again.enter(file(7)).unwrap();
    assert!(again.read(&id).same_as(key.reveal()));
    assert_eq!(again.vault.rotating(), None);
}

#[test]
fn a_key_that_rows_need_does_not_go() {
    let room = Room::new();
    room.add();
    room.change(|change| room.vault.rotate(change, Rotating::Data)).unwrap();
    assert!(matches!(room.change(|change| room.vault.retire(change)), Err(Error::Broken(_))));
    room.round().unwrap();
}

#[test]
fn a_damaged_row_keeps_the_key_that_may_open_it_one_day() {
    let room = Room::new();
    let (hurt, sound) = (room.add(), room.add());
    let row = [b"s/", hurt.as_str().as_bytes()].concat();
    let whole = room.store.get(Table::Object, &row).unwrap().unwrap();
    let mut bad = whole.clone();
    *bad.last_mut().unwrap() ^= 1;
    let put = |value: &[u8]| {
        let mut batch = Batch::new();
        batch.put(Table::Object, row.clone(), value);
        room.store.commit(batch).wait().unwrap();
    };
    put(&bad);
    room.change(|change| room.vault.rotate(change, Rotating::Data)).unwrap();
    room.round().unwrap();
    assert_eq!(room.vault.rotating(), Some(1));
    put(&whole);
    let again = room.again();
    again.enter(file(7)).unwrap();
    again.round().unwrap();
    assert_eq!(again.vault.rotating(), None);
    assert!(again.read(&hurt).len() == 32 && again.read(&sound).len() == 32);
}

#[test]
fn no_moment_of_a_crash_leaves_a_store_that_nobody_can_read() {
    let labels: Vec<Label> = ["a", "b", "c"].map(|name| Label::try_from(name.to_owned()).unwrap()).to_vec();
    let (mut steps, mut ended) = (0, false);
    while !ended {
        steps += 1;
        assert!(steps < 100, "the work never ends");
        for kept in [false, true] {
            let first = Room::new();
            let ids: Vec<ObjectId> = (0..5).map(|_| first.add()).collect();
            let keys: Vec<Secret> = ids.iter().map(|id| first.read(id)).collect();
            let inner = Arc::clone(&first.store);
            // To open the vault takes one.
            let left = AtomicUsize::new(steps + 1);
            let mortal = Room::over(Arc::new(Mortal { inner: inner.clone(), left, kept }));
            mortal.vault.enter(file(7)).unwrap();
            let mut dealt = Vec::new();
            let mut work = || -> Result<(), Error> {
                mortal.change(|change| mortal.vault.make_recovery(change, 2, &labels))?;
                dealt = mortal.rekey(vec![shares(2)], Others::Go)?;
                mortal.enter(copy(&dealt[0]))?;
                mortal.enter(copy(&dealt[1]))?;
                mortal.change(|change| mortal.vault.rotate(change, Rotating::Root))?;
                mortal.change(|change| mortal.vault.rotate(change, Rotating::Data))?;
                mortal.round()?;
                mortal.change(|change| mortal.vault.rotate(change, Rotating::Data))?;
                mortal.change(|change| mortal.vault.rotate(change, Rotating::Root))?;
                mortal.round()?;
                mortal.rekey(vec![Wanted::File(bytes(8))], Others::Go).map(|_| ())
            };
            ended = work().is_ok();
            let what = format!("{steps} steps, the last {}", if kept { "kept" } else { "lost" });
            let after = Room::over(inner);
            let mut keys_there = vec![file(7), file(8)];
            keys_there.extend(dealt.iter().take(2).map(copy));
            let opened = keys_there.into_iter().any(|key| after.vault.is_sealed() && after.enter(key).unwrap_or(false));
            assert!(opened, "{what}: nothing opens it");
            assert_eq!(after.vault.findings().unwrap(), Default::default(), "{what}");
            assert!(ids.iter().zip(&keys).all(|(id, key)| after.read(id).same_as(key.reveal())), "{what}");
            after.round().unwrap();
            assert_eq!(after.vault.rotating(), None, "{what}");
            after.add();
        }
    }
    assert!(steps > 15, "{steps}");
}
