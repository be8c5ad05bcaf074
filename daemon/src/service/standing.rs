//! How a message's sender stands, once what the message says of it was held against what TLS has proved.
//!
//! A credential confirms the client that TLS proved, or narrows what it may do; it makes nobody somebody else.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError},
};

use strongroom_kmip::{
    attribute::{Attribute, Linked, Name},
    code::{ObjectType, Operation, ResultReason, State},
    message::{Authentication, Credential, HashedPassword, OneTimePassword},
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
    store,
    vault::{Action, Client, Form, Object, ObjectId, Query, Released},
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
        let outcome = match shown.map(|shown| shown.credential.as_slice()) {
            None | Some([]) if strict && !operations.iter().all(is_open) => {
                Err(Refusal::new(ResultReason::AuthenticationNotSuccessful, "this client must show a credential"))
            }
            None | Some([]) => return Ok(Standing::of(caller)),
            Some(credentials) if credentials.len() > MOST => Err(wrong()),
            Some(credentials) => self.confirm(&caller, &name, credentials),
        };
        let (said, outcome) = match outcome {
            // What was right a moment ago is no news.
            Ok((News::Old, ticket, proof)) => return Ok(Standing { caller, ticket, proof }),
            Ok((News::New, ticket, proof)) => (Outcome::Success, Ok((ticket, proof))),
            Err(refusal) => (Outcome::Refused(Reason::Kmip(refusal.reason)), Err(refusal)),
        };
        let mut entry = Entry::new(Who::Known(&caller), audit::Action::Event(Event::Login), said);
        entry.request = Some(number);
        let failed = |error: super::registry::Error| Refusal::new(ResultReason::GeneralFailure, error.to_string());
        self.settle(&entry, Durability::Sync, None).wait().map_err(failed)?;
        outcome.map(|(ticket, proof)| Standing { caller, ticket, proof })
    }

    fn confirm(&self, caller: &Caller, name: &ClientName, shown: &[Credential]) -> Result<Confirmed, Refusal> {
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
                    let (fresh, shown) = self.compare(caller, name, other)?;
                    news = news.max(fresh);
                    proof = shown.or(proof);
                }
            }
        }
        Ok((news, ticket, proof))
    }

    /// Holds one credential against what is registered for the client. One client's credentials are tried one after the
    /// other.
    fn compare(
        &self,
        caller: &Caller,
        name: &ClientName,
        shown: &Credential,
    ) -> Result<(News, Option<Bytes>), Refusal> {
        let tries = self.attempts.of(name);
        let mut tries = tries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.vault.now();
        if !tries.known {
            *tries = self.tries(name)?;
        }
        let mut registered = Registered::read(self.vault.setting(&setting(name))?.as_ref())?;
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
                self.enter(name, &tries, &entered).map(|news| (news, None))
            }
            Credential::Device(shown) => {
                let entered = password(&shown.password);
                let credential = registered.device(shown);
                let entered = Entered::new(credential.as_deref(), entered.as_ref());
                self.enter(name, &tries, &entered).map(|news| (news, None))
            }
            Credential::HashedPassword(shown) => {
                tries.may(now).and_then(|()| self.hashed(name, &mut registered, shown, now))
            }
            Credential::OneTimePassword(shown) => tries
                .may(now)
                .and_then(|()| self.one_time(name, &tries, &mut registered, shown, now))
                .map(|news| (news, None)),
            Credential::Attestation(_) | Credential::Ticket(_) | Credential::Other(..) => Err(wrong()),
        };
        match &outcome {
            Ok(_) if tries.wrong == 0 => {}
            Ok(_) => self.count(name, &mut tries, Tries { wrong: 0, last: now.0, known: true })?,
            // Who has to wait has not tried.
            Err(refusal) if tries.may(now).is_ok() && refusal.reason == ResultReason::AuthenticationNotSuccessful => {
                let wrong = tries.wrong.saturating_add(1);
                self.count(name, &mut tries, Tries { wrong, last: now.0, known: true })?;
            }
            Err(_) => {}
        }
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

    fn hashed(
        &self,
        name: &ClientName,
        registered: &mut Registered,
        shown: &HashedPassword,
        now: Time,
    ) -> Result<(News, Option<Bytes>), Refusal> {
        let known = registered.named(&shown.username).filter(|it| !it.wants_one_time()).ok_or_else(wrong)?;
        if !known.accept_hashed(shown, now) {
            return Err(wrong());
        }
        let proof = known.proof(shown.time_stamp.0).map(Bytes);
        self.keep(&setting(name), registered.to_row()?)?;
        Ok((News::New, proof))
    }

    fn one_time(
        &self,
        name: &ClientName,
        tries: &Tries,
        registered: &mut Registered,
        shown: &OneTimePassword,
        now: Time,
    ) -> Result<News, Refusal> {
        let entered = shown.password.as_ref().map(SecretText::secret);
        let credential = registered.named(&shown.username);
        self.enter(name, tries, &Entered::new(credential.as_deref(), entered))?;
        let fits = credential.is_some_and(|known| known.accept_one_time(shown.one_time_password.secret(), now));
        if !fits {
            return Err(wrong());
        }
        self.keep(&setting(name), registered.to_row()?)?;
        Ok(News::New)
    }

    fn tries(&self, name: &ClientName) -> Result<Tries, Refusal> {
        let damaged = |_| Refusal::new(ResultReason::GeneralFailure, "the client's tries cannot be read");
        let row = self.vault.setting(&tried(name))?;
        let tries: Tries =
            row.map_or(Ok(Tries::default()), |row| serde_json::from_slice(row.reveal())).map_err(damaged)?;
        Ok(Tries { known: true, ..tries })
    }

    fn count(&self, name: &ClientName, tries: &mut Tries, now: Tries) -> Result<(), Refusal> {
        let failed = |_| Refusal::new(ResultReason::GeneralFailure, "the client's tries cannot be written");
        *tries = now;
        self.keep(&tried(name), Some(Secret::new(serde_json::to_vec(&now).map_err(failed)?)))
    }

    fn keep(&self, setting: &str, row: Option<Secret>) -> Result<(), Refusal> {
        let failed = |error: store::Error| Refusal::new(ResultReason::GeneralFailure, error.to_string());
        let mut change = self.vault.begin()?;
        change.put_setting(setting, row);
        self.vault.commit(change).wait().map_err(failed).map(|_| ())
    }

    /// The credentials of a client.
    ///
    /// # Errors
    /// [`Refusal`] when they cannot be read.
    pub(super) fn registered(&self, client: &Client) -> Result<Registered, Refusal> {
        Registered::read(self.vault.setting(&setting(&client.name))?.as_ref())
    }
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
