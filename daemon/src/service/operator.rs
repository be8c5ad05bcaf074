//! What an operator orders, performed: each order is a few lines, and each is in the log.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use strongroom_kmip::{code::ResultReason, secret::Secret};

use super::{
    adopt::Adopted,
    approval::{Word, may_say},
    bearer,
    credential::{self, Registered},
    order::{ClientRow, NewClient, Order, Report, Status},
    provision::{self, certificates, fingerprint},
    quorum::Guarded,
    refusal::Refusal,
    registry::Service,
    sealing::Rekey,
    shown::ObjectRow,
    standing, token,
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Reason, Who},
    caller::{Caller, ClientName, Principal, Role},
    certificate::{self, Span, Wanted},
    sharing::Share,
    vault::{Action, Change, Client, Grant, Level, Object, ObjectId, Older, PutBack, Query, UnsealKey},
};

impl Service {
    /// Performs an operator's order. It returns once record and change are durable.
    ///
    /// # Errors
    /// [`Refusal`], with a sentence for the operator.
    pub fn order(&self, operator: &Caller, order: Order) -> Result<Report, Refusal> {
        let exact = format!("{order:?}");
        self.order_exactly(operator, order, exact.as_bytes())
    }

    /// The same for an order as it came, in `exact` bytes: what others approve is these and nothing else.
    ///
    /// # Errors
    /// [`Refusal`], with a sentence for the operator.
    pub fn order_exactly(&self, operator: &Caller, order: Order, exact: &[u8]) -> Result<Report, Refusal> {
        let mut done = Done { event: event(&order), object: None, count: None, change: None };
        let object = match &order {
            Order::ClientAdd { name, .. } | Order::ClientRevoke { name } => Some(name.clone()),
            Order::CredentialAdd { client, .. }
            | Order::CredentialRemove { client, .. }
            | Order::CredentialRequire { client, .. }
            | Order::BearerIssue { client, .. }
            | Order::BearerRevoke { client, .. } => Some(client.clone()),
            Order::KeyShow { id }
            | Order::KeyGrant { id, .. }
            | Order::KmipPut { id, .. }
            | Order::PutBack { id, .. } => Some(id.clone()),
            Order::SlotMake { name: slot, .. } => Some(slot.clone()),
            Order::SlotRename { slot, name } => Some(format!("{slot}/{name}")),
            Order::TokenInit { slot, .. }
            | Order::SlotSet { slot, .. }
            | Order::SlotZeroise { slot }
            | Order::SlotRemove { slot }
            | Order::SlotLogin { slot, .. }
            | Order::SlotAdopt { slot, .. } => Some(slot.clone()),
            Order::Rotate { what } => Some(what.clone()),
            Order::UnsealShare { share } => holder(share),
            Order::ApprovalShow { id } | Order::ApprovalGive { id } | Order::ApprovalDeny { id } => {
                Some(self.approval_name(id))
            }
            _ => None,
        };
        let (sealing, emptying) = (matches!(order, Order::Seal), matches!(order, Order::SlotZeroise { .. }));
        // What is registered is read and written while nobody tries it: a try writes it too.
        let tried = match &order {
            Order::CredentialAdd { client, .. } | Order::CredentialRemove { client, .. } => client.parse().ok(),
            _ => None,
        };
        let tries = tried.map(|name| self.attempts.of(&name));
        let _untried = tries.as_ref().map(|tries| tries.lock().unwrap_or_else(PoisonError::into_inner));
        let token = match &order {
            Order::TokenInit { slot, .. } | Order::SlotZeroise { slot } | Order::SlotRemove { slot } => {
                Some(self.pins.of(&self.slot_key(slot)))
            }
            _ => None,
        };
        let _alone = token.as_ref().map(|token| token.lock().unwrap_or_else(PoisonError::into_inner));
        let (guarded, shown) = (Guarded::of_order(&order), format!("{order:?}"));
        let outcome = may_say(operator, &order)
            .and_then(|()| self.hold_order(operator, guarded, object.as_deref(), (&shown, exact)))
            .and_then(|passed| {
                let report = self.perform_order(operator, order, &mut done)?;
                passed.map_or(Ok(()), |id| self.spend_approval(&id, done.change(self)?))?;
                Ok(report)
            });
        let said = match &outcome {
            Ok(_) => Outcome::Success,
            Err(refusal) => Outcome::Refused(Reason::Kmip(refusal.reason)),
        };
        let mut entry = Entry::new(Who::Known(operator), audit::Action::Event(done.event), said);
        let object = done.object.take().or(object);
        entry.object = object.as_deref().map(|id| audit::Object { id, version: None });
        entry.count = done.count;
        let change = done.change.take().filter(|_| outcome.is_ok());
        let settled = self.settle(&entry, Durability::Sync, change).wait();
        settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        if sealing && outcome.is_ok() {
            // The record of the sealing is signed before the key to sign with is gone.
            self.log.lock().map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
            self.vault.seal();
            self.by_slots.store(false, Ordering::Relaxed);
            self.streams.clear();
        }
        if emptying
            && outcome.is_ok()
            && let Err(refusal) = self.clear_slots(operator)
        {
            log::warn!("what is left of a zeroised slot goes later: {refusal}");
        }
        outcome
    }

    fn perform_order(&self, operator: &Caller, order: Order, done: &mut Done) -> Result<Report, Refusal> {
        match order {
            Order::Status => self.status().map(Report::Status),
            Order::Unseal { passphrase } => self.unseal(operator, UnsealKey::Passphrase(passphrase), done),
            Order::UnsealFile { key } => self.unseal(operator, UnsealKey::File(key), done),
            Order::UnsealShare { share } => self.unseal(operator, Self::read_share(&share)?, done),
            Order::UnsealSlots => self.unseal(operator, UnsealKey::Slots, done),
            Order::UnsealForget => {
                self.vault.forget_entries();
                self.status().map(Report::Status)
            }
            Order::Rekey { passphrase, key, threshold, labels, slot, stay } => {
                self.rekey(Rekey { passphrase, key, threshold, labels, slot, stay }, done.change(self)?)
            }
            Order::WayRemove { number } => {
                self.vault.remove_way(done.change(self)?, number)?;
                Ok(Report::Done)
            }
            Order::Rotate { what } => self.rotate(&what, done.change(self)?),
            Order::RecoveryMake { threshold, labels } => self.make_recovery(threshold, labels, done.change(self)?),
            Order::Seal if self.is_sealed() => Err(crate::vault::Error::Sealed.into()),
            Order::Seal => Ok(Report::Done),
            Order::ClientAdd { name, role, days, user, csr } => {
                let wanted = NewName { name: parse_name(&name)?, role: parse_role(&role)?, days, user };
                self.add_client(wanted, csr.as_deref(), done)
            }
            Order::ClientList => {
                let clients = self.vault.all_clients()?;
                let row = |client| Ok(client_row(client, &self.registered(client)?));
                Ok(Report::Clients { clients: clients.iter().map(row).collect::<Result<_, Refusal>>()? })
            }
            Order::ClientRevoke { name } => {
                let client = self.known(&name)?;
                done.change(self)?.edit_client(&client.name, |client| {
                    client.revoked = true;
                    client.bearers.clear();
                    Ok::<_, Refusal>(())
                })?;
                self.end_tickets(&client, done)?;
                Ok(Report::Done)
            }
            Order::CredentialAdd { client, username, device, password, hashed, one_time } => {
                let client = self.known(&client)?;
                let mut registered = self.registered(&client)?;
                let who = username.map_or(credential::Who::Device(device), credential::Who::Username);
                let wanted = credential::Wanted { password, hashed, one_time };
                let replaced = registered.names().any(|known| known == who.name());
                let key = registered.add(who, &wanted, self.vault.chance())?;
                done.change(self)?.put_setting(&standing::setting(&client.name), registered.to_row()?);
                if replaced {
                    self.end_tickets(&client, done)?;
                }
                Ok(Report::Credential { one_time_key: key.map(|key| base32(key.reveal())) })
            }
            Order::CredentialRemove { client, name } => {
                let client = self.known(&client)?;
                let mut registered = self.registered(&client)?;
                if !registered.remove(&name) {
                    let message = format!("{} has no credential {name}", client.name);
                    return Err(Refusal::new(ResultReason::ItemNotFound, message));
                }
                done.change(self)?.put_setting(&standing::setting(&client.name), registered.to_row()?);
                self.end_tickets(&client, done)?;
                Ok(Report::Done)
            }
            Order::CredentialRequire { client, strict } => {
                let client = self.known(&client)?;
                if strict && self.registered(&client)?.names().next().is_none() {
                    return Err(Refusal::invalid("the client has no credential that it could show; add one first"));
                }
                done.change(self)?.edit_client(&client.name, |client| {
                    client.strict = strict;
                    Ok::<_, Refusal>(())
                })?;
                if strict {
                    self.end_tickets(&client, done)?;
                }
                Ok(Report::Done)
            }
            Order::BearerIssue { client, days } => {
                let client = self.known(&client)?;
                let made = self.issue_bearer(&client, days, done.change(self)?)?;
                done.object = Some(bearer::called(&made.client, &made.id));
                Ok(Report::Bearer(made))
            }
            Order::BearerRevoke { client, id } => {
                let client = self.known(&client)?;
                done.object = id.as_deref().map(|id| bearer::called(client.name.as_str(), id));
                bearer::revoke(&client.name, id.as_deref(), done.change(self)?)?;
                Ok(Report::Done)
            }
            Order::SlotList => Ok(Report::Slots { slots: self.slots() }),
            Order::SlotMake { name, terms } => self.make_slot(name, terms, done.change(self)?),
            Order::SlotSet { slot, terms } => self.set_slot(&slot, terms, done.change(self)?),
            Order::SlotRename { slot, name } => self.rename_slot(&slot, name, done.change(self)?),
            Order::SlotZeroise { slot } => {
                let objects = self.zeroise(&slot, done.change(self)?)?;
                done.count = u64::try_from(objects).ok();
                Ok(Report::Zeroised { objects })
            }
            Order::SlotRemove { slot } => self.remove_slot(&slot, done.change(self)?),
            Order::TokenInit { slot, so_pin, user_pin } => {
                let fitted = self.vault.slot_called(&slot)?;
                let fresh = token::Token::new(&so_pin, &user_pin, self.pin_rules(fitted.key()), self.vault.chance())?;
                done.change(self)?.put_setting(&token::setting(fitted.key()), Some(fresh.to_secret()?));
                self.end_turn(fitted.key(), done.change(self)?)?;
                Ok(Report::Done)
            }
            Order::SlotLogin { slot, pin } => self.slot_login(&slot, Some(pin).filter(|pin| !pin.is_empty())),
            Order::SlotAdopt { slot, label, id, owner } => {
                let wanted = Adopted { label, id, owner: self.known(&owner)? };
                self.adopt(operator, done.change(self)?, &slot, &wanted)
            }
            Order::KeyList { offset, maximum } => {
                let query = Query { offset, maximum: Some(maximum), ..Query::default() };
                let found = self.vault.find(operator, &query)?;
                let objects = found.objects.iter().map(|object| self.object_row(object)).collect();
                Ok(Report::Objects { objects, total: found.located })
            }
            Order::KeyShow { id } => {
                let (object, _) = self.vault.see(operator, &ObjectId::from_text(&id), Action::See)?;
                Ok(Report::Object(ObjectRow { members: self.vault.whereabouts(&object)?, ..self.object_row(&object) }))
            }
            Order::KeyGrant { id, to, level } => {
                let to: Principal =
                    to.parse().map_err(|_| Refusal::invalid("the grant is to client:NAME or uid:NUMBER"))?;
                let level = level.map(|word| parse_level(&word)).transpose()?;
                if level.is_none() {
                    done.event = Event::GrantRevoked;
                }
                let grant = Grant { to, level };
                self.vault.share(done.change(self)?, operator, &ObjectId::from_text(&id), grant)?;
                Ok(Report::Done)
            }
            Order::Backup => Err(Refusal::invalid("a backup is read from the socket while it is made")),
            Order::PutBack { id, ring, meta, content, own, older } => {
                let older = if older { Older::Wanted } else { Older::Refused };
                let content = Some(content).filter(|content| !content.is_empty());
                let own = Some(own).filter(|own| !own.is_empty());
                let back = PutBack { id: ObjectId::from_text(&id), meta, content, own };
                self.vault.put_back(done.change(self)?, &ring, back, older)?;
                Ok(Report::PutBack { id })
            }
            Order::ApprovalList => Ok(Report::Approvals { approvals: self.approval_rows()? }),
            Order::ApprovalShow { id } => self.approval_row(&id).map(Box::new).map(Report::Approval),
            Order::ApprovalGive { id } => {
                self.say(operator, &id, Word::Approve, done.change(self)?).map(Box::new).map(Report::Approval)
            }
            Order::ApprovalDeny { id } => {
                self.say(operator, &id, Word::Deny, done.change(self)?).map(Box::new).map(Report::Approval)
            }
            Order::KmipPut { endpoint, id } => {
                self.push(&endpoint, &id, done.change(self)?)?;
                Ok(Report::Done)
            }
        }
    }

    fn unseal(&self, operator: &Caller, key: UnsealKey, done: &mut Done) -> Result<Report, Refusal> {
        self.open(operator, key, |service, way| Ok(service.vault.prove(done.change(service)?, way)?))?;
        if !self.is_sealed() && !self.vault.is_furnished()? {
            self.vault.furnish(done.change(self)?)?;
        }
        self.status().map(Report::Status)
    }

    fn status(&self) -> Result<Status, Refusal> {
        let findings = self.vault.findings().unwrap_or_default();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sealed: self.is_sealed(),
            objects: self.vault.count().ok(),
            generation: self.vault.generation(),
            damaged: findings.damaged,
            rolled_back: findings.rolled_back,
            audit_size: self.log.head().map(|head| head.size),
            seal: self.seal_status(),
            slots: self.slots(),
            endpoints: self.outbox.iter().map(|queue| queue.row()).collect(),
        })
    }

    fn add_client(&self, wanted: NewName, csr: Option<&[u8]>, done: &mut Done) -> Result<Report, Refusal> {
        let authority = provision::authority(&self.vault)?;
        let (key, public) = match csr {
            Some(csr) => (None, certificate::request_key(csr).map_err(certificates)?),
            None => provision::leaving(&self.vault).map(|(key, public)| (Some(key), public))?,
        };
        let print = fingerprint(&public);
        // Claimed before it is asked whether they are free: two orders at the same time give neither twice.
        done.change(self)?.reserve_client(&wanted.name, &print)?;
        if self.vault.client(&wanted.name)?.is_some() {
            let message = format!("the name {} is taken, and stays so when its client is revoked", wanted.name);
            return Err(Refusal::new(ResultReason::ObjectAlreadyExists, message));
        }
        if self.vault.all_clients()?.iter().any(|client| client.keys.contains(&print)) {
            return Err(Refusal::invalid("a client is known by this key already; make another key"));
        }
        let now = self.vault.now();
        let request = Wanted::Client { name: wanted.name.as_str(), key: &public };
        let issued =
            authority.issue(&request, Span::days(now, wanted.days), self.vault.chance()).map_err(certificates)?;
        let pem = |label, der: &[u8]| certificate::pem(label, der).to_string();
        let report = NewClient {
            name: wanted.name.to_string(),
            role: wanted.role.word().to_owned(),
            certificate: pem(certificate::CERTIFICATE, &issued.certificate),
            key: key.map(|key| pem(certificate::PRIVATE_KEY, key.reveal())),
            authority: pem(certificate::CERTIFICATE, authority.certificate()),
        };
        done.change(self)?.put_client(Client {
            name: wanted.name,
            role: wanted.role,
            keys: vec![print],
            user: wanted.user,
            since: now.seconds(),
            revoked: false,
            strict: false,
            bearers: Vec::new(),
        });
        Ok(Report::Client(report))
    }

    /// Lets a client's tickets end with the order: they rest on what the order takes away, changes or asks for.
    fn end_tickets(&self, client: &Client, done: &mut Done) -> Result<(), Refusal> {
        let (tickets, owner) = (Arc::clone(&self.tickets), Principal::Client(client.name.clone()));
        done.change(self)?.afterwards(move || tickets.end_of(&owner));
        Ok(())
    }

    fn known(&self, name: &str) -> Result<Client, Refusal> {
        self.vault.client(&parse_name(name)?)?.ok_or_else(|| unknown_client(name))
    }

    fn object_row(&self, object: &Object) -> ObjectRow {
        let set = &object.attributes;
        ObjectRow {
            id: object.id.to_string(),
            kind: object.object_type().to_string(),
            state: object.state(self.vault.now()).map(|state| state.to_string()),
            names: set.names().map(|name| name.value.clone()).collect(),
            algorithm: set.algorithm().map(|algorithm| algorithm.to_string()),
            length: set.length(),
            owner: object.owner.to_string(),
            slot: self.slot_name(&object.slot),
            grants: object.grants.iter().map(|(who, level)| (who.to_string(), level.word().to_owned())).collect(),
            since: set.initial_date(),
            members: Vec::new(),
        }
    }
}

/// What an order is about to write and to say.
struct Done {
    event: Event,
    /// On what, where that shows only as it is performed.
    object: Option<String>,
    /// How many.
    count: Option<u64>,
    change: Option<Change>,
}

impl Done {
    fn change(&mut self, service: &Service) -> Result<&mut Change, Refusal> {
        if self.change.is_none() {
            self.change = Some(service.vault.begin()?);
        }
        self.change.as_mut().ok_or_else(Refusal::absent)
    }
}

struct NewName {
    name: ClientName,
    role: Role,
    days: u32,
    user: Option<u32>,
}

fn event(order: &Order) -> Event {
    match order {
        Order::Status
        | Order::ClientList
        | Order::SlotList
        | Order::KeyList { .. }
        | Order::KeyShow { .. }
        | Order::ApprovalList
        | Order::ApprovalShow { .. } => Event::Inspect,
        Order::Backup => Event::Backup,
        Order::PutBack { .. } => Event::Restore,
        Order::ApprovalGive { .. } => Event::Approved,
        Order::ApprovalDeny { .. } => Event::Denied,
        Order::Unseal { .. } | Order::UnsealFile { .. } | Order::UnsealShare { .. } | Order::UnsealSlots => {
            Event::Unseal
        }
        Order::UnsealForget => Event::Forgotten,
        Order::Rekey { .. } | Order::WayRemove { .. } => Event::Rekeyed,
        Order::Rotate { .. } => Event::Rotated,
        Order::RecoveryMake { .. } => Event::RecoverySet,
        Order::Seal => Event::Seal,
        Order::ClientAdd { .. } => Event::ClientAdded,
        Order::ClientRevoke { .. } => Event::ClientRevoked,
        Order::CredentialAdd { .. } | Order::CredentialRemove { .. } | Order::CredentialRequire { .. } => {
            Event::CredentialSet
        }
        Order::BearerIssue { .. } => Event::BearerIssued,
        Order::BearerRevoke { .. } => Event::BearerRevoked,
        Order::TokenInit { .. } => Event::TokenInit,
        Order::SlotMake { .. } => Event::SlotMade,
        Order::SlotSet { .. } | Order::SlotRename { .. } => Event::SlotSet,
        Order::SlotZeroise { .. } => Event::Zeroised,
        Order::SlotRemove { .. } => Event::SlotRemoved,
        Order::SlotLogin { .. } => Event::SlotLogin,
        Order::SlotAdopt { .. } => Event::Adopted,
        Order::KeyGrant { .. } => Event::Granted,
        Order::KmipPut { .. } => Event::Pushed,
    }
}

/// Whose share it says it is.
fn holder(share: &Secret) -> Option<String> {
    Share::read(share.reveal()).ok().map(|share| format!("share {} of {}", share.number, share.label))
}

fn client_row(client: &Client, registered: &Registered) -> ClientRow {
    let hex = |key: &[u8; 32]| key.iter().map(|byte| format!("{byte:02x}")).collect();
    ClientRow {
        name: client.name.to_string(),
        role: client.role.word().to_owned(),
        revoked: client.revoked,
        user: client.user,
        since: client.since,
        keys: client.keys.iter().map(hex).collect(),
        credentials: registered.names().map(str::to_owned).collect(),
        strict: client.strict,
        tokens: bearer::rows(client),
    }
}

/// As authenticators take a key (RFC 4648 §6), without padding: its length is a multiple of five bytes.
fn base32(bytes: &[u8]) -> String {
    let letter = |five: u64| u8::try_from(five & 31).ok().and_then(|at| BASE32.get(usize::from(at))).copied();
    let (fives, _) = bytes.as_chunks::<5>();
    let group = |five: &[u8; 5]| {
        let [a, b, c, d, e] = *five;
        let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        (0..8u32).rev().filter_map(move |at| letter(bits >> (at * 5))).map(char::from)
    };
    fives.iter().flat_map(group).collect()
}

fn parse_name(name: &str) -> Result<ClientName, Refusal> {
    name.parse().map_err(|error: crate::caller::BadName| Refusal::invalid(error.to_string()))
}

fn parse_role(word: &str) -> Result<Role, Refusal> {
    Role::named(word).ok_or_else(|| Refusal::invalid("a role is user, administrator or auditor"))
}

fn parse_level(word: &str) -> Result<Level, Refusal> {
    Level::named(word).ok_or_else(|| Refusal::invalid("what can be granted is use, read or manage"))
}

fn unknown_client(name: &str) -> Refusal {
    Refusal::new(ResultReason::ItemNotFound, format!("there is no client {name}"))
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
