//! The vault over a store that somebody else writes to as well: damage is refused by name, and nothing else suffers.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::{ops::ControlFlow, sync::Arc};

use strongroom::{
    caller::{Caller, ClientName, Front, Principal, Role, Scope},
    clock::{StillClock, Time},
    slot::{
        Family, Form, Made, Material, Pair, Recipe,
        policy::Level,
        software::{Random, Software},
    },
    store::{self, Batch, Kind, Settings, Store, Table},
    vault::{Action, Change, Client, Content, Error, Fitted, New, ObjectId, Released, UnsealKey, Vault},
};
use strongroom_kmip::{
    attribute::{Attribute, Set},
    code::ObjectType,
    secret::Secret,
};

struct Room {
    store: Arc<dyn Store>,
    vault: Vault,
}

fn key() -> UnsealKey {
    UnsealKey::File(Secret::new(vec![7; 32]))
}

fn vault(store: &Arc<dyn Store>) -> Vault {
    let slot = Fitted::new(Arc::new(Software::new("dev").with_ready(1)), Level::Standard);
    let clock = Arc::new(StillClock::at(Time::from_seconds(1_800_000_000)));
    Vault::new(store.clone(), vec![slot], clock, Arc::new(Random::default()))
}

impl Room {
    fn new() -> Self {
        let store = store::open(&Settings::new(Kind::Memory, "")).unwrap();
        let vault = vault(&store);
        vault.initialise(&[key()]).unwrap();
        vault.enter(key()).unwrap();
        Self { store, vault }
    }

    fn add(&self) -> ObjectId {
        let recipe = Recipe::Symmetric { family: Family::Aes, bits: 256 };
        let Made::One(kept) = self.vault.make(None, &recipe).unwrap() else { panic!("a pair") };
        let attributes: Set = [Attribute::ObjectType(ObjectType::SymmetricKey)].into_iter().collect();
        let mut change = self.vault.begin().unwrap();
        let new = New { slot: "dev".to_owned(), content: Content::Key(kept), attributes };
        let id = self.vault.add(&mut change, &alice(), new).unwrap();
        self.vault.commit(change).wait().unwrap();
        id
    }

    fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        let mut see = |key: &[u8], row: &[u8]| {
            rows.push((key.to_vec(), row.to_vec()));
            ControlFlow::Continue(())
        };
        self.store.walk(Table::Object, &mut see).unwrap();
        rows
    }

    fn write(&self, key: &[u8], row: Option<&[u8]>) {
        let mut batch = Batch::new();
        match row {
            Some(row) => batch.put(Table::Object, key, row),
            None => batch.remove(Table::Object, key),
        }
        self.store.commit(batch).wait().unwrap();
    }

    fn reopened(&self) -> (Vault, strongroom::vault::Findings) {
        let vault = vault(&self.store);
        let findings = vault.enter(key()).unwrap().findings().unwrap();
        (vault, findings)
    }
}

fn alice() -> Caller {
    Caller {
        principal: Principal::Client("alice".parse().unwrap()),
        role: Role::User,
        front: Front::Kmip,
        from: String::new(),
        scope: Scope::Everything,
    }
}

fn read(vault: &Vault, id: &ObjectId) -> Result<Secret, Error> {
    let (object, permit) = vault.see(&alice(), id, Action::Read)?;
    match vault.release(&object, &permit, Form::Raw)? {
        Released::Key(Material::Raw(bytes)) => Ok(bytes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_committed_is_there_when_the_vault_is_opened_again() {
    let room = Room::new();
    let (first, second) = (room.add(), room.add());
    let (vault, findings) = room.reopened();
    assert_eq!(findings, Default::default());
    for id in [&first, &second] {
        assert!(read(&vault, id).unwrap().same_as(read(&room.vault, id).unwrap().reveal()));
    }
}

#[test]
fn a_sealed_vault_has_nothing_ready_and_makes_nothing_ahead() {
    let Room { vault, .. } = Room::new();
    let pair = Recipe::Pair(Pair::Rsa { bits: 2048 });
    assert!(!vault.prepare(), "nobody has asked");
    vault.make(None, &pair).unwrap();
    vault.seal();
    assert!(!vault.prepare(), "it is sealed");
    vault.enter(key()).unwrap();
    assert!(!vault.prepare(), "what was asked for before is forgotten");
    vault.make(None, &pair).unwrap();
    assert!(vault.prepare());
    assert!(!vault.prepare(), "one is ready");
    vault.seal();
    vault.enter(key()).unwrap();
    assert!(!vault.prepare(), "and none is wanted");
}

#[test]
fn a_change_under_way_when_the_vault_is_sealed_is_there_when_it_is_opened_again() {
    let room = Room::new();
    let id = room.add();
    let mut change = room.vault.begin().unwrap();
    let label = |object: &mut strongroom::vault::Object| {
        object.attributes.put(Attribute::Comment("after".to_owned()));
        Ok::<(), Error>(())
    };
    room.vault.edit(&mut change, &alice(), &id, Action::Change, label).unwrap();
    room.vault.seal();
    assert!(matches!(room.vault.begin(), Err(Error::Sealed)));
    std::thread::scope(|scope| {
        let unsealing = scope.spawn(|| room.vault.enter(key()).unwrap().findings().unwrap());
        // It is opened only once the change has ended.
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(room.vault.is_sealed());
        room.vault.commit(change).wait().unwrap();
        assert_eq!(unsealing.join().unwrap(), Default::default());
    });
    let (object, _) = room.vault.see(&alice(), &id, Action::See).unwrap();
    assert_eq!(object.generation, 2);
    let (_, findings) = room.reopened();
    assert!(!findings.rolled_back);
}

#[test]
fn a_flipped_byte_anywhere_in_a_row_is_refused_by_name_and_the_rest_is_served() {
    let room = Room::new();
    let (hurt, sound) = (room.add(), room.add());
    let meta = [b"m/", hurt.as_str().as_bytes()].concat();
    let row = room.rows().into_iter().find(|(key, _)| *key == meta).unwrap().1;
    for at in 0..row.len() {
        let mut bad = row.clone();
        bad[at] ^= 0x10;
        room.write(&meta, Some(&bad));
        let (vault, findings) = room.reopened();
        assert!(findings.damaged.iter().any(|what| what.contains(hurt.as_str())), "byte {at}");
        assert!(matches!(read(&vault, &hurt), Err(Error::Unknown(_))), "byte {at}");
        assert!(read(&vault, &sound).is_ok(), "byte {at}");
    }
}

#[test]
fn a_damaged_secret_part_is_refused_when_it_is_read_and_the_attributes_still_stand() {
    let room = Room::new();
    let id = room.add();
    let secret = [b"s/", id.as_str().as_bytes()].concat();
    let mut row = room.rows().into_iter().find(|(key, _)| *key == secret).unwrap().1;
    *row.last_mut().unwrap() ^= 1;
    room.write(&secret, Some(&row));
    let (vault, findings) = room.reopened();
    assert_eq!(findings, Default::default());
    assert!(vault.see(&alice(), &id, Action::See).is_ok());
    assert!(matches!(read(&vault, &id), Err(Error::Damaged(what)) if what.contains(id.as_str())));
}

#[test]
fn one_objects_row_is_nothing_under_anothers_name() {
    let room = Room::new();
    let (first, second) = (room.add(), room.add());
    let row_of = |id: &ObjectId, prefix: &[u8]| [prefix, id.as_str().as_bytes()].concat();
    let rows = room.rows();
    let of = |key: &[u8]| rows.iter().find(|(name, _)| name == key).unwrap().1.clone();
    room.write(&row_of(&second, b"s/"), Some(&of(&row_of(&first, b"s/"))));
    let (vault, _) = room.reopened();
    assert!(matches!(read(&vault, &second), Err(Error::Damaged(_))));
    assert!(read(&vault, &first).is_ok());
}

#[test]
fn a_record_that_was_removed_or_put_back_is_seen() {
    let room = Room::new();
    let id = room.add();
    let meta = [b"m/", id.as_str().as_bytes()].concat();
    let before = room.rows().into_iter().find(|(key, _)| *key == meta).unwrap().1;
    let mut change = room.vault.begin().unwrap();
    let describe = |object: &mut strongroom::vault::Object| {
        object.attributes.put(Attribute::Description("changed".to_owned()));
        Ok::<(), Error>(())
    };
    room.vault.edit(&mut change, &alice(), &id, Action::Change, describe).unwrap();
    room.vault.commit(change).wait().unwrap();
    assert!(!room.reopened().1.rolled_back, "an honest change");
    room.write(&meta, Some(&before));
    assert!(room.reopened().1.rolled_back, "an older version of the record");
    room.write(&meta, None);
    assert!(room.reopened().1.rolled_back, "no record at all");
}

#[test]
fn an_expunged_object_leaves_nothing_and_nobody_takes_it_for_lost() {
    let room = Room::new();
    let (kept, passing) = (room.add(), room.add());
    let mut change = room.vault.begin().unwrap();
    let bob = Caller { principal: Principal::Client("bob".parse().unwrap()), ..alice() };
    assert!(matches!(room.vault.expunge(&mut change, &bob, &passing), Err(Error::Forbidden { .. })));
    room.vault.expunge(&mut change, &alice(), &passing).unwrap();
    room.vault.commit(change).wait().unwrap();
    assert_eq!(room.rows().len(), 2);
    assert!(matches!(read(&room.vault, &passing), Err(Error::Unknown(_))));
    let (again, findings) = room.reopened();
    assert!(!findings.rolled_back);
    assert!(read(&again, &kept).is_ok());
}

#[test]
fn a_wrong_key_file_opens_nothing() {
    let room = Room::new();
    let vault = vault(&room.store);
    let wrong = UnsealKey::File(Secret::new(vec![8; 32]));
    assert!(matches!(vault.enter(wrong), Err(Error::WrongKey)));
    assert!(vault.is_sealed());
}

#[test]
fn a_change_that_is_dropped_leaves_nothing_and_frees_its_object() {
    let room = Room::new();
    let id = room.add();
    let touch = |object: &mut strongroom::vault::Object| {
        object.attributes.put(Attribute::Description("never".to_owned()));
        Ok::<(), Error>(())
    };
    let mut change = room.vault.begin().unwrap();
    room.vault.edit(&mut change, &alice(), &id, Action::Change, touch).unwrap();
    drop(change);
    let (object, _) = room.vault.see(&alice(), &id, Action::See).unwrap();
    assert_eq!(object.generation, 1);
    let mut change = room.vault.begin().unwrap();
    assert!(room.vault.edit(&mut change, &alice(), &id, Action::Change, touch).is_ok());
}

#[test]
fn concurrent_changes_to_one_object_are_all_kept() {
    let room = Room::new();
    let id = room.add();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (room, id) = (&room, &id);
            scope.spawn(move || {
                for _ in 0..20 {
                    let mut change = room.vault.begin().unwrap();
                    let note = |object: &mut strongroom::vault::Object| {
                        object.attributes.put(Attribute::Description(writer.to_string()));
                        Ok::<(), Error>(())
                    };
                    room.vault.edit(&mut change, &alice(), id, Action::Change, note).unwrap();
                    room.vault.commit(change).wait().unwrap();
                }
            });
        }
    });
    assert_eq!(room.reopened().0.see(&alice(), &id, Action::See).unwrap().0.generation, 161);
    assert!(!room.reopened().1.rolled_back);
}

#[test]
fn a_client_that_is_revoked_while_it_changes_stays_revoked() {
    let room = Room::new();
    let name: ClientName = "alice".parse().unwrap();
    let client = Client {
        name: name.clone(),
        role: Role::User,
        keys: vec![[1; 32]],
        user: None,
        since: 0,
        revoked: false,
        strict: false,
        bearers: Vec::new(),
    };
    let mut change = room.vault.begin().unwrap();
    change.put_client(client);
    room.vault.commit(change).wait().unwrap();
    let edit = |change: &mut Change, edit: &dyn Fn(&mut Client)| {
        change.edit_client(&name, |client| {
            edit(client);
            Ok::<_, Error>(())
        })
    };
    let mut slow = room.vault.begin().unwrap();
    edit(&mut slow, &|client| client.keys = vec![[2; 32]]).unwrap();
    std::thread::scope(|threads| {
        let revoking = threads.spawn(|| {
            let mut change = room.vault.begin().unwrap();
            edit(&mut change, &|client| client.revoked = true).unwrap();
            room.vault.commit(change).wait().unwrap();
        });
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!revoking.is_finished(), "it waits for the change under way");
        room.vault.commit(slow).wait().unwrap();
    });
    let client = room.vault.client(&name).unwrap().unwrap();
    assert!(client.revoked && client.keys == [[2; 32]]);
}
