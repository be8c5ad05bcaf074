//! Calls that wait for the word of several people, and what these have said.
//!
//! A call that needs it is performed as far as it goes and then held back: what it would have changed is dropped, what it
//! would have answered is wiped, and a request for approval is kept that names exactly this call. Once enough operators
//! have approved, the same call, made again by the same caller, is let through once, and its approval goes with its change.

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use strongroom_kmip::{
    code::ResultReason,
    operation::Response,
    print::{Secrets, pretty},
    ttlv::{Limits, Tree},
};

use super::{
    call::Call,
    order::Order,
    petition::{Approvals, Asked, Row, Stand, absorb},
    quorum::{Guarded, Quorum, Rule},
    refusal::Refusal,
    registry::Service,
    shown::ApprovalRow,
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Who},
    caller::{Caller, ClientName, Principal, Role},
    chance,
    vault::{Action, Change, Object},
};

/// What a request for approval is about.
struct Wanted<'a> {
    rule: &'a Rule,
    guarded: Guarded,
    object: Option<String>,
    shown: String,
    digest: [u8; 32],
}

impl Service {
    /// With people who must agree to what the configuration names.
    #[must_use]
    pub fn guarding(mut self, quorum: Quorum) -> Self {
        self.approvals = Arc::new(Approvals::new(quorum));
        self
    }

    /// Whether a local user is an operator of the configuration, and which.
    pub fn officer(&self, user: u32) -> Option<ClientName> {
        self.approvals.officer(user)
    }

    /// Takes up the requests that wait, once the vault is open.
    pub(super) fn recall(&self) {
        let mut rows = BTreeMap::new();
        let walked = self.vault.settings(&mut |name, row| {
            let id = name.strip_prefix(ROWS);
            if let Some((id, row)) = id.and_then(|id| Some((id, serde_json::from_slice::<Row>(row.reveal()).ok()?))) {
                rows.insert(id.to_owned(), row);
            }
        });
        match walked {
            Ok(()) => *self.approvals.rows() = rows,
            Err(error) => log::error!("what waits for approval cannot be read: {error}"),
        }
    }

    /// Lets the answer to a call through, or holds it back until enough people have agreed to the call.
    pub(super) fn hold_back(
        &self,
        call: &mut Call<'_>,
        asked: Option<Asked>,
        response: Response,
    ) -> Result<Response, Refusal> {
        let Some(Asked { guarded, mut exact, payload }) = asked else { return Ok(response) };
        let Some(rule) = self.approvals.quorum.rule(guarded) else { return Ok(response) };
        let id = call.notes.object.clone().or_else(|| call.placeholder.clone());
        // As it stands without what the call is about to change.
        let object = id.as_ref().and_then(|id| self.vault.see(call.caller, id, Action::See).ok());
        let object = object.as_ref().map(|(object, _)| &**object);
        if !is_touched(guarded, &response, object) {
            return Ok(response);
        }
        if let Some(object) = object {
            absorb(&mut exact, object.id.as_str().as_bytes());
            absorb(&mut exact, &object.born.to_be_bytes());
            // Another content under the same name is another object to whoever approved.
            absorb(&mut exact, &object.written.to_be_bytes());
        }
        let operation = response.operation();
        // Nobody sees the answer before it is let through.
        let passed = self.admitted(
            call.caller,
            &Wanted {
                rule,
                guarded,
                object: id.map(|id| id.to_string()),
                shown: format!(
                    "{operation}{}\n{}",
                    object.map(|object| describe(object, &self.slot_name(&object.slot))).unwrap_or_default(),
                    payload_text(&payload)
                ),
                digest: finish(exact),
            },
        )?;
        self.spend_approval(&passed, call.change()?)?;
        Ok(response)
    }

    /// Lets an operator's order through, or holds it back. What is answered is to be spent with the order's change.
    pub(super) fn hold_order(
        &self,
        operator: &Caller,
        guarded: Option<Guarded>,
        object: Option<&str>,
        (shown, exact): (&str, &[u8]),
    ) -> Result<Option<String>, Refusal> {
        let Some(guarded) = guarded.filter(|_| operator.principal != Principal::Daemon) else { return Ok(None) };
        let Some(rule) = self.approvals.quorum.rule(guarded) else { return Ok(None) };
        let mut hash = Context::new(&SHA256);
        absorb(&mut hash, b"order");
        absorb(&mut hash, exact);
        let (object, shown) = (object.map(str::to_owned), shown.to_owned());
        self.admitted(operator, &Wanted { rule, guarded, object, shown, digest: finish(hash) }).map(Some)
    }

    /// The approved request for exactly this call; without one, a refusal that says which request waits.
    fn admitted(&self, caller: &Caller, wanted: &Wanted<'_>) -> Result<String, Refusal> {
        let (by, now) = (caller.principal.to_string(), self.vault.now().seconds());
        let Some((id, row)) = self.approvals.find(&by, &wanted.digest) else {
            return Err(self.petition(caller, wanted)?);
        };
        match row.stand(now) {
            Stand::Approved => Ok(id),
            Stand::Waiting => Err(waits(&id, &row)),
            Stand::Denied => {
                let by = row.denied.map(|(name, _)| name).unwrap_or_default();
                Err(Refusal::held(format!("this was denied by {by} as approval {id}")))
            }
            Stand::Expired => Err(self.petition(caller, wanted)?),
        }
    }

    /// Lets a change end with the approval that it was made with: it serves once.
    pub(super) fn spend_approval(&self, id: &str, change: &mut Change) -> Result<(), Refusal> {
        let name = format!("{ROWS}{id}");
        change.seize(&name)?;
        // Whoever held the claim before may have spent it.
        let now = self.vault.now().seconds();
        let row = self.approvals.rows().get(id).filter(|row| row.stand(now) == Stand::Approved).cloned();
        let Some(row) = row else { return Err(Refusal::held(format!("approval {id} is spent or over"))) };
        change.put_setting(&name, None);
        let (approvals, log, id) = (Arc::clone(&self.approvals), Arc::clone(&self.log), id.to_owned());
        change.afterwards(move || {
            approvals.rows().remove(&id);
            let mut entry = Entry::event(Event::ApprovalUsed);
            let named = row.named(&id);
            entry.object = Some(audit::Object { id: &named, version: None });
            drop(log.append(&entry, Durability::Written));
        });
        Ok(())
    }

    /// Keeps a new request. What is answered is the refusal that names it.
    fn petition(&self, caller: &Caller, wanted: &Wanted<'_>) -> Result<Refusal, Refusal> {
        let now = self.vault.now().seconds();
        let by = caller.principal.to_string();
        let mut change = self.vault.begin()?;
        // One at a time, so that none is counted twice and no two are opened for one call.
        change.seize(ROWS)?;
        if let Some((id, row)) =
            self.approvals.find(&by, &wanted.digest).filter(|(_, row)| row.stand(now) == Stand::Waiting)
        {
            return Ok(waits(&id, &row));
        }
        let over: Vec<String> = {
            let rows = self.approvals.rows();
            let over = |row: &Row| {
                now >= row.until.saturating_add(REMEMBERED) || row.stand(now) == Stand::Expired && row.by == by
            };
            let gone: Vec<_> = rows.iter().filter(|(_, row)| over(row)).map(|(id, _)| id.clone()).collect();
            let open = || rows.iter().filter(|(id, _)| !gone.contains(id));
            let mine = open().filter(|(_, row)| row.by == by).count();
            if mine >= MOST_OF_ONE || open().count() >= MOST {
                let message = "too many requests wait for approval already; have some of them approved or denied";
                return Err(Refusal::new(ResultReason::ServerLimitExceeded, message));
            }
            gone
        };
        let user = match &caller.principal {
            Principal::Client(name) => self.vault.client(name)?.and_then(|client| client.user),
            _ => None,
        };
        let id: String = chance::array::<6>(self.vault.chance())
            .map_err(crate::vault::Error::from)?
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let row = Row {
            guarded: wanted.guarded.word().to_owned(),
            by,
            user,
            front: caller.front.word().to_owned(),
            from: caller.from.clone(),
            object: wanted.object.clone(),
            shown: cut(&wanted.shown),
            digest: wanted.digest,
            needed: wanted.rule.approvals,
            since: now,
            until: now.saturating_add(wanted.rule.within),
            approved: Vec::new(),
            denied: None,
        };
        over.iter().for_each(|id| change.put_setting(&format!("{ROWS}{id}"), None));
        change.put_setting(&format!("{ROWS}{id}"), Some(row.to_secret()?));
        let (approvals, kept) = (Arc::clone(&self.approvals), (id.clone(), row.clone()));
        change.afterwards(move || {
            let mut rows = approvals.rows();
            over.iter().for_each(|id| drop(rows.remove(id)));
            rows.insert(kept.0, kept.1);
        });
        let mut entry = Entry::new(Who::Known(caller), audit::Action::Event(Event::ApprovalAsked), Outcome::Success);
        let named = row.named(&id);
        entry.object = Some(audit::Object { id: &named, version: None });
        let settled = self.settle(&entry, Durability::Sync, Some(change)).wait();
        settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        Ok(waits(&id, &row))
    }

    /// Every request that is remembered, oldest first.
    pub(super) fn approval_rows(&self) -> Result<Vec<ApprovalRow>, Refusal> {
        self.vault.findings()?;
        let now = self.vault.now().seconds();
        let mut rows: Vec<_> = self.approvals.rows().iter().map(|(id, row)| row.show(id, now)).collect();
        rows.sort_by_key(|row| row.since);
        Ok(rows)
    }

    /// One of them.
    pub(super) fn approval_row(&self, id: &str) -> Result<ApprovalRow, Refusal> {
        self.vault.findings()?;
        let now = self.vault.now().seconds();
        self.approvals.rows().get(id).map(|row| row.show(id, now)).ok_or_else(|| unknown(id))
    }

    /// An operator's word on a request.
    pub(super) fn say(
        &self,
        operator: &Caller,
        id: &str,
        word: Word,
        change: &mut Change,
    ) -> Result<ApprovalRow, Refusal> {
        let Principal::Officer(name) = &operator.principal else {
            let message = "only an operator of the configuration has a say; see [[operator]] in docs/configuration.md";
            return Err(Refusal::new(ResultReason::PermissionDenied, message));
        };
        let setting = format!("{ROWS}{id}");
        change.seize(&setting)?;
        let now = self.vault.now().seconds();
        let mut row = self.approvals.rows().get(id).cloned().ok_or_else(|| unknown(id))?;
        match row.stand(now) {
            Stand::Waiting => {}
            Stand::Approved if word == Word::Deny => {}
            stand => return Err(Refusal::held(format!("approval {id} is {} already", stand.word()))),
        }
        let said = (name.as_str().to_owned(), now);
        match word {
            Word::Deny => row.denied = Some(said),
            Word::Approve => {
                let asker: Option<Principal> = row.by.parse().ok();
                let own = asker.is_none_or(|asker| self.approvals.quorum.is_same(name, &asker, row.user));
                if own {
                    return Err(Refusal::held(format!("{name} asked for {id}; somebody else has to approve it")));
                }
                if row.approved.iter().any(|(before, _)| *before == said.0) {
                    return Err(Refusal::held(format!("{name} has approved {id} already; another operator is needed")));
                }
                row.approved.push(said);
            }
        }
        change.put_setting(&setting, Some(row.to_secret()?));
        let (approvals, kept) = (Arc::clone(&self.approvals), (id.to_owned(), row.clone()));
        change.afterwards(move || drop(approvals.rows().insert(kept.0, kept.1)));
        Ok(row.show(id, now))
    }

    /// What the log calls a request.
    pub(super) fn approval_name(&self, id: &str) -> String {
        self.approvals.rows().get(id).map_or_else(|| id.to_owned(), |row| row.named(id))
    }
}

/// Whoever is only named in the configuration has a say and a look, and gives no other order.
pub(super) fn may_say(operator: &Caller, order: &Order) -> Result<(), Refusal> {
    let open = matches!(
        order,
        Order::Status
            | Order::UnsealShare { .. }
            | Order::ApprovalList
            | Order::ApprovalShow { .. }
            | Order::ApprovalGive { .. }
            | Order::ApprovalDeny { .. }
    );
    if open || operator.role == Role::Administrator {
        return Ok(());
    }
    let message = "operators of the configuration look, approve and enter shares; other orders are given by root or the daemon's user";
    Err(Refusal::new(ResultReason::PermissionDenied, message))
}

/// What an operator says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Approve,
    Deny,
}

/// Whether the call did what its kind is guarded for.
fn is_touched(guarded: Guarded, response: &Response, object: Option<&Object>) -> bool {
    match (guarded, response) {
        // In the place of something that was there.
        (Guarded::Destroy, Response::Import(_)) => object.is_some_and(|object| !object.is_destroyed()),
        (Guarded::Export, _) => object.is_none_or(|object| !object.is_public() && !object.is_destroyed()),
        _ => true,
    }
}

fn describe(object: &Object, slot: &str) -> String {
    let set = &object.attributes;
    let names: Vec<_> = set.names().map(|name| format!(" {:?}", name.value)).collect();
    let algorithm = set.algorithm().map(|algorithm| format!(" {algorithm}")).unwrap_or_default();
    let length = set.length().map(|bits| format!(" {bits}")).unwrap_or_default();
    format!(
        " of {}\n{}{algorithm}{length}{}, owner {}, slot {}",
        object.id,
        object.object_type(),
        names.concat(),
        object.owner,
        slot
    )
}

/// The request as people read it, without what is secret.
fn payload_text(payload: &[u8]) -> String {
    let tree = Tree::read(payload, &Limits::default());
    tree.map(|tree| pretty(tree.root(), Secrets::Hidden).to_string()).unwrap_or_default()
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

fn finish(hash: Context) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
    digest
}

fn waits(id: &str, row: &Row) -> Refusal {
    let left = row.needed.saturating_sub(row.approved.len());
    Refusal::held(format!("{left} operators must approve this first: it waits as {id}; ask again once they have"))
}

fn unknown(id: &str) -> Refusal {
    Refusal::new(ResultReason::ItemNotFound, format!("nothing waits for approval as {id}"))
}

/// The settings that keep requests.
const ROWS: &str = "approval/";
/// Requests of one caller; whoever has more open is not waiting for anybody.
const MOST_OF_ONE: usize = 32;
/// Requests in all. Each takes some kilobytes.
const MOST: usize = 1024;
/// How long a request that is over is remembered, in seconds, so that whoever asks learns what became of it.
const REMEMBERED: i64 = 86_400;
/// Characters of a request that are shown; what could be guarded has a few hundred, a wrapped Import may have more.
const LONGEST: usize = 16 << 10;
