//! Slots and their data keys: what is in a zeroised slot opens no more, whatever died when, and the rest is as it was.

use std::{collections::HashSet, ops::ControlFlow};

use strongroom::{
    slot::{Family, Form, Made, Recipe},
    store::{Batch, Table},
    vault::{Action, Content, Error, New, ObjectId, Older, PutBack, Rotating, Terms},
};
use strongroom_kmip::{
    attribute::{Attribute, Set},
    code::ObjectType,
    secret::Secret,
};

use crate::room::{Room, alice, file};

fn terms(name: &str) -> Terms {
    Terms {
        name: name.to_owned(),
        mechanisms: "standard".to_owned(),
        open_derivations: Vec::new(),
        protection: Vec::new(),
        max_objects: None,
        shortest_pin: None,
        protected_path: false,
    }
}

impl Room {
    fn made(&self, name: &str) -> String {
        self.change(|change| self.vault.make_slot(change, terms(name))).unwrap().key().to_owned()
    }

    fn add_in(&self, slot: &str) -> Result<ObjectId, Error> {
        let recipe = Recipe::Symmetric { family: Family::Aes, bits: 256 };
        let Made::One(kept) = self.vault.make(Some(slot), &recipe).unwrap() else { panic!("a pair") };
        let attributes: Set = [Attribute::ObjectType(ObjectType::SymmetricKey)].into_iter().collect();
        let new = New { slot: slot.to_owned(), content: Content::Key(kept), attributes };
        self.change(|change| self.vault.add(change, &alice(), new))
    }

    fn zeroise(&self, name: &str) -> usize {
        let key = self.vault.slot_called(name).unwrap().key().to_owned();
        self.change(|change| self.vault.zeroise(change, &key)).unwrap().len()
    }

    fn clear(&self) -> usize {
        let mut all = 0;
        while let Some((change, count, _)) = self.vault.clear().unwrap() {
            self.vault.commit(change).wait().unwrap();
            all += count;
        }
        all
    }

    fn is_there(&self, id: &ObjectId) -> bool {
        self.vault.see(&alice(), id, Action::See).is_ok()
    }

    fn row_of(&self, table: Table, key: &[u8]) -> Secret {
        Secret::new(self.store.get(table, key).unwrap().unwrap())
    }

    /// The rows of an object, as a backup has them.
    fn copied(&self, id: &ObjectId) -> [Secret; 2] {
        ["m/", "s/"].map(|part| self.row_of(Table::Object, format!("{part}{id}").as_bytes()))
    }

    fn put_back(&self, id: &ObjectId, [meta, content]: &[Secret; 2], own: Option<Secret>) -> Result<(), Error> {
        let ring = self.vault.data_keys()?;
        let back = PutBack { id: id.clone(), meta: meta.duplicate(), content: Some(content.duplicate()), own };
        self.change(|change| self.vault.put_back(change, &ring, back, Older::Refused))
    }

    fn rows_of(&self, id: &ObjectId) -> usize {
        let mut count = 0;
        let visit = &mut |key: &[u8], _: &[u8]| {
            count += usize::from(key.ends_with(id.as_str().as_bytes()));
            ControlFlow::Continue(())
        };
        self.store.walk(Table::Object, visit).unwrap();
        count
    }
}

#[test]
fn a_made_slot_and_what_is_in_it_are_there_again_after_a_restart() {
    let room = Room::new();
    let key = room.made("alpha");
    let (id, other) = (room.add_in(&key).unwrap(), room.add());
    let bytes = room.read(&id);
    let again = room.again();
    assert_eq!(again.vault.slots().len(), 1, "sealed, only the configuration is known");
    again.vault.enter(file(7)).unwrap();
    let slot = again.vault.slot_called("alpha").unwrap();
    assert_eq!((slot.key(), slot.number), (key.as_str(), 4096));
    assert!(again.read(&id).same_as(bytes.reveal()));
    assert_eq!(again.read(&other).len(), 32);
    again.change(|change| again.vault.alter_slot(change, "alpha", |terms| terms.name = "beta".to_owned())).unwrap();
    let third = again.again();
    third.vault.enter(file(7)).unwrap();
    assert!(matches!(third.vault.slot_called("alpha"), Err(Error::NoSlot(_))));
    assert_eq!(third.vault.slot_called("beta").unwrap().number, 4096);
    assert!(third.read(&id).same_as(bytes.reveal()), "what is in it knows it by its key");
}

#[test]
fn a_zeroised_slot_is_empty_at_once_and_nothing_of_it_opens_from_a_copy_with_all_other_keys() {
    let room = Room::new();
    room.change(|change| room.vault.furnish(change)).unwrap();
    let key = room.made("alpha");
    let (gone, kept) = (room.add_in(&key).unwrap(), room.add());
    let copy = room.copied(&gone);
    let bytes = room.read(&kept);
    assert_eq!(room.zeroise("alpha"), 1);
    assert!(!room.is_there(&gone), "before its rows are gone");
    assert_eq!(room.rows_of(&gone), 2);
    assert_eq!(room.clear(), 1);
    assert_eq!(room.rows_of(&gone), 0);
    // Whoever has a copy of the bytes, the data keys and everything that is in the store finds nothing that opens them.
    let now = room.row_of(Table::Setting, format!("slot-key/{key}").as_bytes());
    for own in [None, Some(now)] {
        assert!(matches!(room.put_back(&gone, &copy, own), Err(Error::Damaged(_))));
    }
    let again = room.again();
    again.vault.enter(file(7)).unwrap();
    assert!(again.read(&kept).same_as(bytes.reveal()), "what is in another slot is as it was");
    assert!(!again.vault.findings().unwrap().rolled_back);
}

#[test]
fn a_crash_before_the_rows_are_gone_leaves_a_slot_that_is_zeroised_and_what_came_since() {
    let room = Room::new();
    let key = room.made("alpha");
    let gone: Vec<_> = (0..3).map(|_| room.add_in(&key).unwrap()).collect();
    let kept = room.add();
    room.zeroise("alpha");
    let since = room.add_in(&key).unwrap();
    let again = room.again();
    again.vault.enter(file(7)).unwrap();
    assert!(gone.iter().all(|id| !again.is_there(id)));
    assert!(again.is_there(&since) && again.is_there(&kept));
    assert_eq!(again.read(&since).len(), 32);
    assert!(!again.vault.findings().unwrap().rolled_back);
    assert_eq!(again.clear(), 3);
    assert!(gone.iter().all(|id| again.rows_of(id) == 0));
    let third = again.again();
    third.vault.enter(file(7)).unwrap();
    assert_eq!((third.clear(), third.vault.count().unwrap()), (0, 2));
    assert!(!third.vault.findings().unwrap().rolled_back);
    // The numbers of what is gone are never given again, or it would be gone itself after the next restart.
    assert_eq!(third.zeroise("dev") + third.zeroise("alpha"), 2);
    third.clear();
    let fourth = third.again();
    fourth.vault.enter(file(7)).unwrap();
    let id = fourth.add_in(&key).unwrap();
    let fifth = fourth.again();
    fifth.vault.enter(file(7)).unwrap();
    assert!(fifth.is_there(&id));
}

#[test]
fn a_slot_is_emptied_by_its_key_and_not_by_what_it_is_called() {
    let room = Room::new();
    let key = room.made("alpha");
    let kept = room.add();
    let gone = room.add_in(&key).unwrap();
    assert!(matches!(room.change(|change| room.vault.zeroise(change, "alpha")), Err(Error::NoSlot(_))));
    assert_eq!(room.change(|change| room.vault.zeroise(change, &key)).unwrap(), HashSet::from([gone]));
    assert!(room.is_there(&kept));
}

#[test]
fn a_zeroise_that_is_not_kept_changes_nothing() {
    let room = Room::new();
    let key = room.made("alpha");
    let id = room.add_in(&key).unwrap();
    let mut change = room.vault.begin().unwrap();
    room.vault.zeroise(&mut change, &key).unwrap();
    drop(change);
    assert_eq!(room.read(&id).len(), 32);
    room.add_in(&key).unwrap();
}

#[test]
fn nobody_empties_a_slot_in_which_something_is_being_done() {
    let room = Room::new();
    let key = room.made("alpha");
    let id = room.add_in(&key).unwrap();
    let mut under_way = room.vault.begin().unwrap();
    room.vault.edit(&mut under_way, &alice(), &id, Action::Change, |_| Ok::<_, Error>(())).unwrap();
    let mut change = room.vault.begin().unwrap();
    assert!(matches!(room.vault.zeroise(&mut change, &key), Err(Error::Busy(_))));
    drop(under_way);
    assert_eq!(room.vault.zeroise(&mut change, &key).unwrap(), HashSet::from([id]));
}

#[test]
fn data_keys_rotate_under_slots_and_older_rows_get_their_slots_key() {
    let room = Room::new();
    let older = room.add();
    let row =
        |id: &ObjectId| room.store.get(Table::Object, &[b"s/", id.as_str().as_bytes()].concat()).unwrap().unwrap();
    assert_eq!(row(&older)[0], 2, "from before the slot had a key");
    room.change(|change| room.vault.furnish(change)).unwrap();
    let key = room.made("alpha");
    let id = room.add_in(&key).unwrap();
    let before = [room.read(&older), room.read(&id)].map(|bytes| bytes.reveal().to_vec());
    let lost = room.made("lost");
    let gone = room.add_in(&lost).unwrap();
    room.zeroise("lost");
    room.change(|change| room.vault.rotate(change, Rotating::Data)).unwrap();
    // What is about to go anyway holds the rotation up no longer than until it has gone.
    assert_eq!(room.rows_of(&gone), 2);
    let _ = room.vault.reseal().unwrap();
    assert_eq!(room.clear(), 1);
    room.round().unwrap();
    assert_eq!((row(&older)[0], row(&id)[0]), (3, 3));
    let again = room.again();
    again.vault.enter(file(7)).unwrap();
    let after = [again.read(&older), again.read(&id)].map(|bytes| bytes.reveal().to_vec());
    assert_eq!(before, after);
    assert_eq!(again.vault.rotating(), None);
}

#[test]
fn a_slot_holds_as_much_as_it_may_and_takes_more_when_something_went() {
    let room = Room::new();
    let key = room.made("alpha");
    room.change(|change| room.vault.alter_slot(change, "alpha", |terms| terms.max_objects = Some(2))).unwrap();
    let first = room.add_in(&key).unwrap();
    room.add_in(&key).unwrap();
    assert!(matches!(room.add_in(&key), Err(Error::Full { most: 2, .. })));
    room.add();
    let mut change = room.vault.begin().unwrap();
    room.vault.expunge(&mut change, &alice(), &first).unwrap();
    room.vault.commit(change).wait().unwrap();
    room.add_in(&key).unwrap();
    assert!(matches!(room.add_in(&key), Err(Error::Full { .. })));
    room.zeroise("alpha");
    room.add_in(&key).unwrap();
}

#[test]
fn many_who_add_at_once_never_have_more_than_there_is_room_for() {
    let room = Room::new();
    let key = room.made("alpha");
    room.change(|change| room.vault.alter_slot(change, "alpha", |terms| terms.max_objects = Some(5))).unwrap();
    let added: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| (0..4).filter(|_| room.add_in(&key).is_ok()).count())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((added, room.vault.living_in(&key).unwrap()), (5, 5));
}

#[test]
fn a_data_key_that_is_damaged_is_named_and_not_written_over() {
    let room = Room::new();
    let key = room.made("alpha");
    let id = room.add_in(&key).unwrap();
    let name = format!("slot-key/{key}");
    let mut row = room.store.get(Table::Setting, name.as_bytes()).unwrap().unwrap();
    *row.last_mut().unwrap() ^= 1;
    let mut batch = Batch::new();
    batch.put(Table::Setting, name.as_bytes(), row.clone());
    room.store.commit(batch).wait().unwrap();
    let again = room.again();
    again.vault.enter(file(7)).unwrap();
    assert!(again.vault.findings().unwrap().damaged.iter().any(|said| said.contains(&name)));
    again.change(|change| again.vault.furnish(change)).unwrap();
    assert_eq!(again.store.get(Table::Setting, name.as_bytes()).unwrap().unwrap(), row);
    let (object, permit) = again.vault.see(&alice(), &id, Action::Read).unwrap();
    assert!(matches!(again.vault.release(&object, &permit, Form::Raw), Err(Error::Damaged(_))));
}

#[test]
fn an_object_comes_back_from_a_backup_into_its_slot_by_the_backups_key_of_it() {
    let room = Room::new();
    let key = room.made("alpha");
    let id = room.add_in(&key).unwrap();
    let (bytes, copy) = (room.read(&id), room.copied(&id));
    let then = room.row_of(Table::Setting, format!("slot-key/{key}").as_bytes());
    room.zeroise("alpha");
    room.clear();
    assert!(matches!(room.put_back(&id, &copy, None), Err(Error::Damaged(_))), "without the slot's key of then");
    room.put_back(&id, &copy, Some(then)).unwrap();
    assert!(room.read(&id).same_as(bytes.reveal()));
    let again = room.again();
    again.vault.enter(file(7)).unwrap();
    assert!(again.read(&id).same_as(bytes.reveal()), "under the slot's key of now");
}
