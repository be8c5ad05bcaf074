//! How a message's sender stands, once what the message says of it was held against what TLS has proved.
//!
//! A credential confirms the client that TLS proved, or narrows what it may do; it makes nobody somebody else.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use strongroom_kmip::{
    attribute::{Attribute, Linked, Name},
    code::{ObjectType, Operation, ResultReason, State},
    message::{Authentication, Credential},
    secret::Secret,
    ttlv::{Bytes, SecretText},
};

use super::{
    attempt::Tries,
    credential::{Entered, Registered, Stretched},
    refusal::Refusal,
    registry::Service,
    ticket::Rights,
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Reason, Who},
    caller::{Caller, ClientName, Principal},
    clock::Time,
    vault::{Action, Change, Client, Form, Object, ObjectId, Query, Released, Vault},
};

/// How a message's sender stands.
#[derive(Debug)]
pub struct Standing {
    caller: Caller,
    ticket: Option<Option<Arc<Rights>>>,
    proof: Option<Bytes>,
}

impl Standing {
    /// Somebody who may do all that its role and its grants allow.
    pub fn of(caller: Caller) -> Self {
        Self { caller, ticket: None, proof: None }
    }

    /// What shows a sender with a hashed password that its password is known here (KMIP 2.1 §8.5 Server Hashed Password).
    pub fn proof(&self) -> Option<&Bytes> {
        self.proof.as_ref()
    }

    /// Who sends the message.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The sender as it may perform this operation.
    ///
    /// # Errors
    /// [`Refusal`] when its ticket does not allow the operation.
    pub fn for_operation(&self, operation: Operation) -> Result<Cow<'_, Caller>, Refusal> {
        let beyond = || Refusal::new(ResultReason::NotAuthorised, "the ticket does not allow this operation");
        let Some(rights) = &self.ticket else { return Ok(Cow::Borrowed(&self.caller)) };
        // A ticket that could make tickets would last for ever.
        if matches!(operation, Operation::Login | Operation::DelegatedLogin) {
            return Err(beyond());
        }
        let Some(rights) = rights else { return Ok(Cow::Borrowed(&self.caller)) };
        let scope = rights.scope(operation).ok_or_else(beyond)?;
        Ok(Cow::Owned(Caller { scope, ..self.caller.clone() }))
    }
}

impl Service {
    /// How the sender of a message stands that shows these credentials. Whatever is refused is recorded, durably, and a wrong
    /// credential is counted.
    ///
    /// # Errors
    /// [`Refusal`] when any of them is wrong, or one is needed and there is none; then nothing of the message may be
    /// performed.
    pub fn stand(
        &self,
        caller: Caller,
        shown: Option<&Authentication>,
        operations: &[Operation],
        number: u64,
    ) -> Result<Standing, Refusal> {
        let Principal::Client(name) = caller.principal.clone() else { return Ok(Standing::of(caller)) };
        let strict = self.vault.client(&name)?.is_some_and(|client| client.strict);
        let tries = self.attempts.of(&name);
        let mut trial = Trial::new(&tries);
        let outcome = match shown.map(|shown| shown.credential.as_slice()) {
            None | Some([]) if strict && !operations.iter().all(is_open) => {
                Err(Refusal::new(ResultReason::AuthenticationNotSuccessful, "this client must show a credential"))
            }
            None | Some([]) => return Ok(Standing::of(caller)),
            Some(credentials) if credentials.len() > MOST => Err(wrong()),
            Some(credentials) => self.confirm(&caller, &name, credentials, &mut trial),
        };
        let (said, outcome) = match outcome {
            // What was right a moment ago is no news.
            Ok((News::Old, ticket, proof)) if !trial.writes() => return Ok(Standing { caller, ticket, proof }),
            Ok((_, ticket, proof)) => (Outcome::Success, Ok((ticket, proof))),
            Err(refusal) => (Outcome::Refused(Reason::Kmip(refusal.reason)), Err(refusal)),
        };
        let mut entry = Entry::new(Who::Known(&caller), audit::Action::Event(Event::Login), said);
        entry.request = Some(number);
        let failed = |error: super::registry::Error| Refusal::new(ResultReason::GeneralFailure, error.to_string());
        // What was counted and used up goes with the record, while nobody else of the client tries.
        let change = trial.change(&self.vault, &name)?;
        self.settle(&entry, Durability::Sync, change).wait().map_err(failed)?;
        outcome.map(|(ticket, proof)| Standing { caller, ticket, proof })
    }

    fn confirm<'t>(
        &self,
        caller: &Caller,
        name: &ClientName,
        shown: &[Credential],
        trial: &mut Trial<'t>,
    ) -> Result<Confirmed, Refusal> {
        let (mut news, mut ticket, mut proof) = (News::Old, None, None);
        for credential in shown {
            match credential {
                Credential::Ticket(shown) => {
                    if ticket.is_some() {
                        return Err(Refusal::invalid("a message shows one ticket"));
                    }
                    let value = &shown.ticket.ticket_value;
                    ticket = Some(self.tickets.show(value, &caller.principal, self.vault.now())?);
                }
                Credential::Attestation(_) => {
                    let message = "attestations are not verified here; leave the credential out";
                    return Err(Refusal::new(ResultReason::AttestationFailed, message));
                }
                other => {
                    let (fresh, shown) = self.compare(caller, name, other, trial)?;
                    news = news.max(fresh);
                    proof = shown.or(proof);
                }
            }
        }
        Ok((news, ticket, proof))
    }

    /// Holds one credential against what is registered for the client. One client's credentials are tried one after the
    /// other.
    fn compare<'t>(
        &self,
        caller: &Caller,
        name: &ClientName,
        shown: &Credential,
        trial: &mut Trial<'t>,
    ) -> Result<(News, Option<Bytes>), Refusal> {
        let now = self.vault.now();
        let Alone { tries, registered, .. } = trial.begin(&self.vault, name)?;
        let wrong_before = tries.wrong;
        let mut used = false;
        let password = |text: &Option<SecretText>| text.as_ref().map(|text| text.secret().duplicate());
        let outcome = match shown {
            Credential::UsernameAndPassword(shown) => {
                let entered = password(&shown.password);
                let entered = match (registered.named(&shown.username), self.user(caller, &shown.username)?) {
                    (None, Some(kept)) => Entered::password(kept, entered.as_ref()),
                    (registered, _) => {
                        let registered = registered.filter(|it| !it.wants_one_time());
                        Entered::new(registered.as_deref(), entered.as_ref())
                    }
                };
                self.enter(name, tries, &entered).map(|news| (news, None))
            }
            Credential::Device(shown) => {
                let entered = password(&shown.password);
                let credential = registered.device(shown);
                let entered = Entered::new(credential.as_deref(), entered.as_ref());
                self.enter(name, tries, &entered).map(|news| (news, None))
            }
            Credential::HashedPassword(shown) => tries.may(now).and_then(|()| {
                let proof = registered.accept_hashed(shown, now).ok_or_else(wrong)?;
                used = true;
                Ok((News::New, Some(Bytes(proof))))
            }),
            Credential::OneTimePassword(shown) => tries.may(now).and_then(|()| {
                let entered = shown.password.as_ref().map(SecretText::secret);
                let entered = Entered::new(registered.named(&shown.username).as_deref(), entered);
                // What was right before is weighed again: whether there is such a name must not show in the time.
                let _seat = self.later.pool().enter(&Principal::Client(name.clone()))?;
                let right = entered.fits()?;
                used = registered.accept_one_time(&shown.username, shown.one_time_password.secret(), right, now);
                if used { Ok((News::New, None)) } else { Err(wrong()) }
            }),
            Credential::Attestation(_) | Credential::Ticket(_) | Credential::Other(..) => Err(wrong()),
        };
        let tried = match &outcome {
            Ok(_) => 0,
            // Who has to wait has not tried.
            Err(refusal) if tries.may(now).is_ok() && refusal.reason == ResultReason::AuthenticationNotSuccessful => {
                wrong_before.saturating_add(1)
            }
            Err(_) => wrong_before,
        };
        trial.end(tried, now, used);
        outcome
    }

    /// The password of a user that the client has created for itself (KMIP 3.0 Create User).
    fn user(&self, caller: &Caller, username: &str) -> Result<Option<Stretched>, Refusal> {
        let view = self.vault.with(None)?;
        let filters = vec![Attribute::Name(Name::text(username)), Attribute::ObjectType(ObjectType::User)];
        let found = view.find(caller, &Query { filters, ..Query::default() });
        let over = |object: &Object| {
            matches!(object.state(self.vault.now()), Some(State::Deactivated | State::Compromised))
                || object.owner != caller.principal
        };
        let Some(user) = found.objects.iter().find(|user| !over(user)) else { return Ok(None) };
        for attribute in user.attributes.iter() {
            let Attribute::CredentialLink(Linked::Identifier(id)) = attribute else { continue };
            let Ok((object, permit)) = view.see(caller, &ObjectId::from_text(id), Action::Read) else { continue };
            if object.object_type() != ObjectType::PasswordCredential || over(&object) || object.is_destroyed() {
                continue;
            }
            if let Released::Blob(kept) = view.release(&object, &permit, Form::Raw)? {
                return Ok(Stretched::of(&kept));
            }
        }
        Ok(None)
    }

    fn enter(&self, name: &ClientName, tries: &Tries, entered: &Entered<'_>) -> Result<News, Refusal> {
        let now = self.vault.now();
        let mark = entered.mark(self.attempts.key(self.vault.chance())?, name.as_str());
        if self.attempts.was_right(&mark, now) {
            return Ok(News::Old);
        }
        tries.may(now)?;
        let _seat = self.later.pool().enter(&Principal::Client(name.clone()))?;
        if !entered.fits()? {
            return Err(wrong());
        }
        self.attempts.remember(mark, now);
        Ok(News::New)
    }

    /// The credentials of a client.
    ///
    /// # Errors
    /// [`Refusal`] when they cannot be read.
    pub(super) fn registered(&self, client: &Client) -> Result<Registered, Refusal> {
        Registered::read(self.vault.setting(&setting(&client.name))?.as_ref())
    }
}

/// What the credentials of one message come to, while no other message of the client is tried.
struct Trial<'t> {
    tries: &'t Mutex<Tries>,
    alone: Option<Alone<'t>>,
}

struct Alone<'t> {
    tries: MutexGuard<'t, Tries>,
    registered: Registered,
    /// Whether wrong tries were counted or forgotten.
    counted: bool,
    /// Whether something was used that is good only once.
    used: bool,
}

impl<'t> Trial<'t> {
    fn new(tries: &'t Mutex<Tries>) -> Self {
        Self { tries, alone: None }
    }

    /// Waits until nobody else tries, and reads what is kept.
    fn begin(&mut self, vault: &Vault, name: &ClientName) -> Result<&mut Alone<'t>, Refusal> {
        if self.alone.is_none() {
            let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
            if !tries.known {
                *tries = kept_tries(vault, name)?;
            }
            let registered = Registered::read(vault.setting(&setting(name))?.as_ref())?;
            self.alone = Some(Alone { tries, registered, counted: false, used: false });
        }
        self.alone.as_mut().ok_or_else(wrong)
    }

    /// One credential was tried: so many were wrong since the last right one.
    fn end(&mut self, wrong: u32, now: Time, used: bool) {
        let Some(alone) = &mut self.alone else { return };
        if alone.tries.wrong != wrong {
            *alone.tries = Tries { wrong, last: now.0, known: true };
            alone.counted = true;
        }
        alone.used |= used;
    }

    fn writes(&self) -> bool {
        self.alone.as_ref().is_some_and(|alone| alone.counted || alone.used)
    }

    /// What is to be kept of it.
    fn change(&self, vault: &Vault, name: &ClientName) -> Result<Option<Change>, Refusal> {
        let failed = |_| Refusal::new(ResultReason::GeneralFailure, "the client's tries cannot be written");
        let Some(alone) = self.alone.as_ref().filter(|_| self.writes()) else { return Ok(None) };
        let mut change = vault.begin()?;
        if alone.counted {
            let row = serde_json::to_vec(&*alone.tries).map_err(failed)?;
            change.put_setting(&tried(name), Some(Secret::new(row)));
        }
        if alone.used {
            change.put_setting(&setting(name), alone.registered.to_row()?);
        }
        Ok(Some(change))
    }
}

fn kept_tries(vault: &Vault, name: &ClientName) -> Result<Tries, Refusal> {
    let damaged = |_| Refusal::new(ResultReason::GeneralFailure, "the client's tries cannot be read");
    let row = vault.setting(&tried(name))?;
    let tries: Tries = row.map_or(Ok(Tries::default()), |row| serde_json::from_slice(row.reveal())).map_err(damaged)?;
    Ok(Tries { known: true, ..tries })
}

/// Whether it is the first time for a while that this is seen to be right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    Old,
    New,
}

/// What was confirmed, and what the ticket allows if there was one.
type Confirmed = (News, Option<Option<Arc<Rights>>>, Option<Bytes>);

/// Whether everybody may ask this who is known by TLS: a client must be able to find out what it is to show.
fn is_open(operation: &Operation) -> bool {
    matches!(*operation, Operation::Query | Operation::DiscoverVersions)
}

fn wrong() -> Refusal {
    Refusal::new(ResultReason::AuthenticationNotSuccessful, "the credential is not right for this client")
}

/// The setting that holds a client's credentials.
pub(super) fn setting(name: &ClientName) -> String {
    format!("credential/{name}")
}

/// The setting that holds a client's tries.
fn tried(name: &ClientName) -> String {
    format!("tried/{name}")
}

/// Credentials of one message; nobody needs more to be known.
const MOST: usize = 8;
