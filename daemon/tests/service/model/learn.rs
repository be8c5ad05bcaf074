//! What a step that went well has changed, and whether its answer is what is known.

use strongroom::caller::Role;
use strongroom_kmip::{
    attribute::{Attribute, Standard},
    code::{RevocationReasonCode, State, StorageStatusMask as Storage},
    object::{KeyMaterial, KeyValue, Object},
    operation::{Ask as Asks, Response},
    payload::*,
};

use super::{
    request::{MASKS, PLAIN, limits},
    step::{Step, Wish},
    thing::{LIMIT, Sealed, Thing},
    walk::{WALKERS, Walk},
};

impl Walk<'_> {
    pub(super) fn learn(&mut self, who: usize, step: Step, response: Response) {
        let now = self.now();
        match step {
            Step::Create(wish) => {
                let id = answer::<CreateRequest>(response).unique_identifier.0;
                self.things.push(born(id, who, wish, now));
            }
            Step::Activate(which) => {
                (self.things[which].state, self.things[which].activation) = (State::Active, Some(now));
            }
            Step::Revoke(which, RevocationReasonCode::KeyCompromise | RevocationReasonCode::CACompromise) => {
                let gone = self.things[which].is_gone(now);
                self.things[which].state = if gone { State::DestroyedCompromised } else { State::Compromised };
            }
            Step::Revoke(which, _) => {
                (self.things[which].state, self.things[which].deactivation) = (State::Deactivated, Some(now));
            }
            Step::Destroy(which) => {
                let compromised = self.things[which].state(now) == State::Compromised;
                self.things[which].state = if compromised { State::DestroyedCompromised } else { State::Destroyed };
            }
            Step::Get(which) => self.given(which, answer::<GetRequest>(response).object),
            Step::Export(which) => {
                let ExportResponse { attributes, object, .. } = answer::<ExportRequest>(response);
                self.told(which, attributes.0.into_iter().map(|instance| instance.attribute).collect());
                assert_eq!(object.is_none(), self.things[which].is_gone(now), "what is destroyed has no material");
                if let Some(object) = object {
                    self.given(which, object);
                }
            }
            Step::Look(which) => {
                let attributes = answer::<GetAttributesRequest>(response).attributes.0;
                self.told(which, attributes.into_iter().map(|instance| instance.attribute).collect());
            }
            Step::Encrypt(which) => {
                let EncryptResponse { data, iv_counter_nonce, authenticated_encryption_tag, .. } =
                    answer::<EncryptRequest>(response);
                self.things[which].sealed = Some(Sealed {
                    data: data.expect("there is ciphertext").0,
                    nonce: iv_counter_nonce.map(|bytes| bytes.0),
                    tag: authenticated_encryption_tag.map(|bytes| bytes.0),
                });
                self.spend(which, 1);
            }
            Step::Seal(which, nonce) => {
                let EncryptResponse { data, iv_counter_nonce, .. } = answer::<EncryptRequest>(response);
                assert!(data.is_some() && iv_counter_nonce.is_none(), "the nonce is the caller's");
                self.things[which].nonces.push(nonce);
                self.spend(which, 1);
            }
            Step::Decrypt(_) => {
                assert!(answer::<DecryptRequest>(response).data.is_some_and(|plain| plain.same_as(PLAIN)));
            }
            Step::Rename(which, name) => self.things[which].name = Some(name),
            Step::Note(which, value) => self.things[which].comment = value,
            Step::Schedule(which, after) => self.things[which].deactivation = Some(now + after),
            Step::Archive(which) => self.things[which].archived = true,
            Step::Recover(which) => self.things[which].archived = false,
            Step::Lease(which) => {
                let lease = answer::<ObtainLeaseRequest>(response).lease_time;
                assert_eq!(i64::from(lease.0), self.things[which].lease(now));
            }
            Step::Allocate(which, count) => self.spend(which, count),
            Step::ReKey(which) => {
                let id = answer::<ReKeyRequest>(response).unique_identifier.0;
                let old = self.things[which].clone();
                self.things[which].name = None;
                let active = old.activation.is_some_and(|date| date <= now);
                self.things.push(Thing {
                    id,
                    state: if active { State::Active } else { State::PreActive },
                    left: old.left.map(|_| LIMIT),
                    material: None,
                    nonces: Vec::new(),
                    sealed: None,
                    ..old
                });
            }
            Step::Locate(name, state, storage) => {
                let found = answer::<LocateRequest>(response).unique_identifier;
                let mut found: Vec<&str> = found.iter().map(|id| id.0.as_str()).collect();
                let seen = |thing: &&Thing| {
                    (thing.owner == who || WALKERS[who].1 != Role::User)
                        && thing.name == Some(name)
                        && state.is_none_or(|state| thing.state(now) == state)
                        && storage.unwrap_or(Storage::OnLineStorage).contains(place(thing, now))
                };
                let mut known: Vec<&str> = self.things.iter().filter(seen).map(|thing| thing.id.as_str()).collect();
                known.sort_unstable();
                found.sort_unstable();
                assert_eq!(found, known, "Locate of {name} in {state:?}, {storage:?} by {who}");
            }
        }
    }

    /// Holds every attribute that is told of an object against what is known of it.
    fn told(&self, which: usize, attributes: Vec<Attribute>) {
        let thing = &self.things[which];
        let context = || format!("{thing:?} at {}", self.now());
        let one = |standard| attributes.iter().find(|attribute| attribute.standard() == Some(standard)).cloned();
        assert_eq!(one(Standard::State), Some(Attribute::State(thing.state(self.now()))), "{}", context());
        assert_eq!(one(Standard::Name), thing.name.map(|name| self.name(name)), "{}", context());
        let comment = thing.comment.map(|value| Attribute::Comment(value.to_string()));
        assert_eq!(one(Standard::Comment), comment, "{}", context());
        let left = thing.left.map(|left| Attribute::UsageLimits(limits(left)));
        assert_eq!(one(Standard::UsageLimits), left, "{}", context());
        assert_eq!(one(Standard::ArchiveDate).is_some(), thing.archived, "{}", context());
        assert_eq!(one(Standard::DeactivationDate).and_then(|date| date.date()), thing.deactivation, "{}", context());
    }

    fn given(&mut self, which: usize, object: Object) {
        let given = material(object);
        let known = self.things[which].material.get_or_insert_with(|| given.clone());
        assert_eq!(*known, given, "the material of {which} has changed");
    }

    fn spend(&mut self, which: usize, count: i64) {
        self.things[which].left = self.things[which].left.map(|left| left - count);
    }
}

fn born(id: String, owner: usize, wish: Wish, now: i64) -> Thing {
    let active = wish.activation.is_some_and(|after| after <= 0);
    Thing {
        id,
        owner,
        name: Some(wish.name),
        state: if active { State::Active } else { State::PreActive },
        activation: wish.activation.map(|after| now + after),
        deactivation: wish.activation.and(wish.life).map(|after| now + after),
        mask: MASKS[usize::from(wish.mask)],
        sensitive: wish.sensitive,
        extractable: wish.extractable,
        left: wish.limited.then_some(LIMIT),
        comment: None,
        archived: false,
        material: None,
        nonces: Vec::new(),
        sealed: None,
    }
}

/// Where Locate looks for an object.
fn place(thing: &Thing, now: i64) -> Storage {
    match thing {
        thing if thing.is_gone(now) => Storage::DestroyedStorage,
        thing if thing.archived => Storage::ArchivalStorage,
        _ => Storage::OnLineStorage,
    }
}

fn answer<A: Asks>(response: Response) -> A::Answer {
    A::answer(response).expect("the answer is to the request")
}

fn material(object: Object) -> Vec<u8> {
    let value = object.key_block().and_then(|block| block.key_value.as_ref());
    let Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) = value else { panic!("no bytes of a key") };
    bytes.reveal().to_vec()
}
