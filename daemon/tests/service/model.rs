//! Any sequence of requests, held against a simple model of what objects are: who owns them, which state they are in, what
//! they may be used for. The model knows nothing of tables, records or indexes; the two must agree on every answer.

use strongroom::{
    caller::{Caller, Role},
    service::{Ask, Refusal, Together},
};
use strongroom_kmip::{
    attribute::{Attribute, Listed, Name, One, References, RevocationReason, Template},
    code::{
        CryptographicAlgorithm, CryptographicUsageMask as Mask, ObjectType, ResultReason, RevocationReasonCode, State,
    },
    object::{KeyMaterial, KeyValue, Object},
    operation::{Ask as Asks, Request, Response},
    payload::{
        ActivateRequest, CreateRequest, DecryptRequest, DestroyRequest, EncryptRequest, EncryptResponse,
        GetAttributesRequest, GetRequest, LocateRequest, ModifyAttributeRequest, RevokeRequest,
    },
    secret::Secret,
    ttlv::DateTime,
    version::V2_1,
};

use crate::house::{House, client, key};

/// Who walks: two users, and the two roles that see what is not theirs.
const WALKERS: [(&str, Role); 4] =
    [("alice", Role::User), ("bob", Role::User), ("root", Role::Administrator), ("auditor", Role::Auditor)];
/// Uses that a key may be made for.
const MASKS: [Mask; 4] = [Mask(0), Mask::Encrypt, Mask::Decrypt, Mask(Mask::Encrypt.0 | Mask::Decrypt.0)];
/// Objects that one walk makes at most.
const MOST: usize = 6;
const PLAIN: &[u8] = b"sixteen bytes it";

/// What the model knows of an object.
#[derive(Clone, Debug)]
struct Thing {
    id: String,
    owner: usize,
    name: u8,
    state: State,
    activation: Option<i64>,
    deactivation: Option<i64>,
    mask: Mask,
    sensitive: bool,
    extractable: bool,
    /// What came out of its first Get.
    material: Option<Vec<u8>>,
    /// What it has encrypted last.
    sealed: Option<Sealed>,
}

#[derive(Clone, Debug)]
struct Sealed {
    data: Vec<u8>,
    nonce: Option<Vec<u8>>,
    tag: Option<Vec<u8>>,
}

impl Thing {
    fn state(&self, now: i64) -> State {
        let due = |date: Option<i64>| date.is_some_and(|date| date <= now);
        match self.state {
            State::PreActive if due(self.activation) && due(self.deactivation) => State::Deactivated,
            State::PreActive if due(self.activation) => State::Active,
            State::Active if due(self.deactivation) => State::Deactivated,
            state => state,
        }
    }

    fn is_gone(&self, now: i64) -> bool {
        matches!(self.state(now), State::Destroyed | State::DestroyedCompromised)
    }
}

/// One request, with the object by its place in the walk.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create { name: u8, mask: u8, activation: Option<i64>, life: Option<i64>, sensitive: bool, extractable: bool },
    Activate(usize),
    Revoke(usize, RevocationReasonCode),
    Destroy(usize),
    Get(usize),
    State(usize),
    Encrypt(usize),
    Decrypt(usize),
    Rename(usize, u8),
    Locate(u8, Option<State>),
}

/// Reads steps from bytes, so that a fuzzer can steer.
struct Script<'b>(std::slice::Iter<'b, u8>);

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    fn step(&mut self) -> Option<Step> {
        let (kind, with) = (self.byte()?, self.byte()?);
        let which = usize::from(with) % MOST;
        Some(match kind % 13 {
            0..=2 => Step::Create {
                name: with % 4,
                mask: (with >> 2) % 4,
                activation: [None, Some(-5), Some(0), Some(7)][usize::from(with >> 4) % 4],
                life: (with & 0x40 != 0).then_some(9),
                sensitive: kind == 1,
                extractable: kind != 2,
            },
            3 => Step::Activate(which),
            4 => {
                let codes = [
                    RevocationReasonCode::Unspecified,
                    RevocationReasonCode::KeyCompromise,
                    RevocationReasonCode::CACompromise,
                    RevocationReasonCode::CessationOfOperation,
                ];
                Step::Revoke(which, codes[usize::from(with >> 5) % 4])
            }
            5 => Step::Destroy(which),
            6 => Step::Get(which),
            7 | 8 => Step::State(which),
            9 => Step::Encrypt(which),
            10 => Step::Decrypt(which),
            11 => Step::Rename(which, (with >> 5) % 4),
            _ => {
                let states = [None, Some(State::PreActive), Some(State::Active), Some(State::Deactivated)];
                Step::Locate(with % 4, states[usize::from(with >> 2) % 4])
            }
        })
    }
}

/// A house, the model beside it, and who walks through both.
pub struct Walk<'h> {
    house: &'h House,
    things: Vec<Thing>,
    /// Sets the names of this walk apart from those of others in the same house.
    number: u64,
}

/// What a step should come to.
type Expected = Result<(), ResultReason>;

impl<'h> Walk<'h> {
    /// A walk that has not begun.
    pub fn new(house: &'h House, number: u64) -> Self {
        Self { house, things: Vec::new(), number }
    }

    /// Walks where the bytes lead.
    ///
    /// # Panics
    /// When house and model disagree.
    pub fn follow(mut self, bytes: &[u8]) {
        let mut script = Script(bytes.iter());
        while let Some(head) = script.byte() {
            let (who, act) = (usize::from(head) % WALKERS.len(), head >> 2);
            match act {
                0..=1 => self.house.clock.advance(i64::from(act + 1) * 4_000),
                2 => self.reopen(),
                3..=9 => {
                    let batch: Vec<Step> = (0..=act % 4).map_while(|_| script.step()).collect();
                    self.batch(who, &batch);
                }
                _ => {
                    let Some(step) = script.step() else { return };
                    let (house, walker) = (self.house, walker(who));
                    self.take(who, step, |request| house.request(&walker, request));
                }
            }
        }
        self.look_back();
    }

    /// Everything is forgotten but what the store keeps.
    fn reopen(&self) {
        self.house.vault.seal();
        let findings = self.house.vault.unseal(&key()).expect("the key opens the vault");
        assert!(findings.damaged.is_empty(), "{findings:?}");
    }

    /// Performs steps that stand or fall together.
    fn batch(&mut self, who: usize, steps: &[Step]) {
        let before = self.things.clone();
        let (house, walker) = (self.house, walker(who));
        let mut together = Together::new(&house.service, &walker);
        let mut ask = |request| together.perform(Ask::new(request, V2_1, house.service.number()));
        if steps.iter().all(|&step| self.take(who, step, &mut ask)) {
            together.keep().expect("the change is kept");
        } else {
            together.undo().expect("the records are written");
            self.things = before;
        }
    }

    /// Takes one step in the house and in the model; whether it went well.
    fn take(&mut self, who: usize, step: Step, mut ask: impl FnMut(Request) -> Result<Response, Refusal>) -> bool {
        let Some(request) = self.request(step) else { return true };
        let expected = self.expect(who, step);
        match (ask(request), expected) {
            (Ok(response), Ok(())) => self.learn(who, step, response),
            (Err(refusal), Err(reason)) => assert_eq!(refusal.reason, reason, "{step:?} by {who}: {}", refusal.message),
            (got, expected) => panic!("{step:?} by {who}: {got:?} instead of {expected:?}; {:#?}", self.things),
        }
        expected.is_ok()
    }

    fn now(&self) -> i64 {
        self.house.vault.now().seconds()
    }

    fn name(&self, name: u8) -> Attribute {
        Attribute::Name(Name::text(&format!("{} {name}", self.number)))
    }

    /// The request that says a step, unless there is nothing to say it of.
    fn request(&self, step: Step) -> Option<Request> {
        let id = |which: usize| self.things.get(which).map(|thing| Some(thing.id.as_str().into()));
        Some(match step {
            Step::Create { .. } if self.things.len() == MOST => return None,
            Step::Create { name, mask, activation, life, sensitive, extractable } => {
                let now = self.now();
                let mut attributes = vec![
                    Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
                    Attribute::CryptographicLength(256),
                    Attribute::CryptographicUsageMask(MASKS[usize::from(mask)]),
                    Attribute::Sensitive(sensitive),
                    Attribute::Extractable(extractable),
                    self.name(name),
                ];
                attributes.extend(activation.map(|after| Attribute::ActivationDate(DateTime(now + after))));
                let end = activation.and(life);
                attributes.extend(end.map(|after| Attribute::DeactivationDate(DateTime(now + after))));
                let attributes = attributes.into_iter().map(Into::into).collect();
                CreateRequest {
                    object_type: ObjectType::SymmetricKey,
                    attributes: Template { names: Vec::new(), attributes },
                    protection_storage_masks: None,
                }
                .into()
            }
            Step::Activate(which) => ActivateRequest { unique_identifier: id(which)? }.into(),
            Step::Revoke(which, code) => RevokeRequest {
                unique_identifier: id(which)?,
                revocation_reason: RevocationReason { revocation_reason_code: code, revocation_message: None },
                compromise_occurrence_date: None,
            }
            .into(),
            Step::Destroy(which) => DestroyRequest { unique_identifier: id(which)? }.into(),
            Step::Get(which) => GetRequest {
                unique_identifier: id(which)?,
                key_format_type: None,
                key_wrap_type: None,
                key_compression_type: None,
                key_wrapping_specification: None,
            }
            .into(),
            Step::State(which) => {
                GetAttributesRequest { unique_identifier: id(which)?, attribute_reference: References(vec![]) }.into()
            }
            Step::Encrypt(which) => EncryptRequest {
                unique_identifier: id(which)?,
                cryptographic_parameters: None,
                data: Some(Secret::copy_of(PLAIN)),
                iv_counter_nonce: None,
                correlation_value: None,
                init_indicator: None,
                final_indicator: None,
                authenticated_encryption_additional_data: None,
            }
            .into(),
            Step::Decrypt(which) => {
                let sealed = self.things.get(which)?.sealed.clone()?;
                DecryptRequest {
                    unique_identifier: id(which)?,
                    cryptographic_parameters: None,
                    data: Some(sealed.data.into()),
                    iv_counter_nonce: sealed.nonce.map(Into::into),
                    correlation_value: None,
                    init_indicator: None,
                    final_indicator: None,
                    authenticated_encryption_additional_data: None,
                    authenticated_encryption_tag: sealed.tag.map(Into::into),
                }
                .into()
            }
            Step::Rename(which, name) => ModifyAttributeRequest {
                unique_identifier: id(which)?,
                current_attribute: None,
                new_attribute: One(self.name(name).into()),
            }
            .into(),
            Step::Locate(name, state) => {
                let filters = [Some(self.name(name)), state.map(Attribute::State)];
                LocateRequest {
                    maximum_items: None,
                    offset_items: None,
                    storage_status_mask: None,
                    object_group_member: None,
                    object_class_mask: None,
                    attributes: Listed(filters.into_iter().flatten().map(Into::into).collect()),
                }
                .into()
            }
        })
    }

    /// What the model says of a step.
    fn expect(&self, who: usize, step: Step) -> Expected {
        let (now, role) = (self.now(), WALKERS[who].1);
        let thing = |which: usize| &self.things[which];
        let owns = |which: usize| thing(which).owner == who;
        let absent = Err(ResultReason::ItemNotFound);
        let state = |which: usize| thing(which).state(now);
        let lives = |which: usize, from: &[State]| match state(which) {
            _ if !owns(which) && role != Role::Administrator => absent,
            state if from.contains(&state) => Ok(()),
            State::Destroyed | State::DestroyedCompromised => Err(ResultReason::ObjectDestroyed),
            _ => Err(ResultReason::WrongKeyLifecycleState),
        };
        let uses = |which: usize, states: &[State], mask: Mask| match state(which) {
            _ if !owns(which) => absent,
            State::Destroyed | State::DestroyedCompromised => Err(ResultReason::ObjectDestroyed),
            state if !states.contains(&state) => Err(ResultReason::WrongKeyLifecycleState),
            _ if !thing(which).mask.contains(mask) => Err(ResultReason::IncompatibleCryptographicUsageMask),
            _ => Ok(()),
        };
        let taken = |owner: usize, name: u8, but: Option<usize>| {
            let mut others = self.things.iter().enumerate().filter(|&(place, _)| Some(place) != but);
            others.any(|(_, thing)| thing.owner == owner && thing.name == name && !thing.is_gone(now))
        };
        match step {
            Step::Create { name, .. } if taken(who, name, None) => Err(ResultReason::NonUniqueNameAttribute),
            Step::Create { .. } if role == Role::Auditor => absent,
            Step::Create { .. } | Step::Locate(..) => Ok(()),
            Step::Activate(which) => lives(which, &[State::PreActive]),
            Step::Revoke(which, RevocationReasonCode::KeyCompromise | RevocationReasonCode::CACompromise) => {
                lives(which, &[State::PreActive, State::Active, State::Deactivated, State::Destroyed])
            }
            Step::Revoke(which, _) => lives(which, &[State::Active]),
            Step::Destroy(which) => lives(which, &[State::PreActive, State::Deactivated, State::Compromised]),
            Step::Get(which) if !owns(which) => absent,
            Step::Get(which) if thing(which).is_gone(now) => Err(ResultReason::ObjectDestroyed),
            Step::Get(which) if !thing(which).extractable => Err(ResultReason::NotExtractable),
            Step::Get(which) if thing(which).sensitive => Err(ResultReason::Sensitive),
            Step::Get(_) => Ok(()),
            Step::State(which) if !owns(which) && role == Role::User => absent,
            Step::State(_) => Ok(()),
            Step::Encrypt(which) => uses(which, &[State::Active], Mask::Encrypt),
            Step::Decrypt(which) => {
                uses(which, &[State::Active, State::Deactivated, State::Compromised], Mask::Decrypt)
            }
            Step::Rename(which, _) if !owns(which) && role != Role::Administrator => absent,
            Step::Rename(which, name) if taken(who, name, Some(which)) => Err(ResultReason::NonUniqueNameAttribute),
            Step::Rename(..) => Ok(()),
        }
    }

    /// Takes in what a step has changed, and holds its answer against what is known.
    fn learn(&mut self, who: usize, step: Step, response: Response) {
        let now = self.now();
        match step {
            Step::Create { name, mask, activation, life, sensitive, extractable } => {
                let active = activation.is_some_and(|after| after <= 0);
                self.things.push(Thing {
                    id: answer::<CreateRequest>(response).unique_identifier.0,
                    owner: who,
                    name,
                    state: if active { State::Active } else { State::PreActive },
                    activation: activation.map(|after| now + after),
                    deactivation: activation.and(life).map(|after| now + after),
                    mask: MASKS[usize::from(mask)],
                    sensitive,
                    extractable,
                    material: None,
                    sealed: None,
                });
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
            Step::Get(which) => {
                let given = material(answer::<GetRequest>(response).object);
                let known = self.things[which].material.get_or_insert_with(|| given.clone());
                assert_eq!(*known, given, "the material of {which} has changed");
            }
            Step::State(which) => {
                let attributes = answer::<GetAttributesRequest>(response).attributes.0;
                let told = attributes.into_iter().find_map(|instance| match instance.attribute {
                    Attribute::State(state) => Some(state),
                    _ => None,
                });
                assert_eq!(told, Some(self.things[which].state(now)), "{:?} at {now}", self.things[which]);
            }
            Step::Encrypt(which) => {
                let EncryptResponse { data, iv_counter_nonce, authenticated_encryption_tag, .. } =
                    answer::<EncryptRequest>(response);
                self.things[which].sealed = Some(Sealed {
                    data: data.expect("there is ciphertext").0,
                    nonce: iv_counter_nonce.map(|bytes| bytes.0),
                    tag: authenticated_encryption_tag.map(|bytes| bytes.0),
                });
            }
            Step::Decrypt(_) => {
                assert!(answer::<DecryptRequest>(response).data.is_some_and(|plain| plain.same_as(PLAIN)));
            }
            Step::Rename(which, name) => self.things[which].name = name,
            Step::Locate(name, state) => {
                let seen = |thing: &&Thing| {
                    (thing.owner == who || WALKERS[who].1 != Role::User)
                        && thing.name == name
                        && !thing.is_gone(now)
                        && state.is_none_or(|state| thing.state(now) == state)
                };
                let mut known: Vec<&str> = self.things.iter().filter(seen).map(|thing| thing.id.as_str()).collect();
                let found = answer::<LocateRequest>(response).unique_identifier;
                let mut found: Vec<&str> = found.iter().map(|id| id.0.as_str()).collect();
                known.sort_unstable();
                found.sort_unstable();
                assert_eq!(found, known, "Locate of {name} in {state:?} by {who}");
            }
        }
    }

    /// Looks at everything once more, and after all is read anew from the store.
    fn look_back(&mut self) {
        for _ in 0..2 {
            for which in 0..self.things.len() {
                let owner = self.things[which].owner;
                let (house, walker) = (self.house, walker(owner));
                self.take(owner, Step::State(which), |request| house.request(&walker, request));
                self.take(owner, Step::Get(which), |request| house.request(&walker, request));
            }
            self.reopen();
        }
    }
}

fn walker(who: usize) -> Caller {
    client(WALKERS[who].0, WALKERS[who].1)
}

fn answer<A: Asks>(response: Response) -> A::Answer {
    A::answer(response).expect("the answer is to the request")
}

fn material(object: Object) -> Vec<u8> {
    let value = object.key_block().and_then(|block| block.key_value.as_ref());
    let Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) = value else { panic!("no bytes of a key") };
    bytes.reveal().to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_house_agrees_with_the_model_whatever_is_asked_in_whatever_order(
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            Walk::new(&House::new(), 0).follow(&bytes);
        }
    }
}
