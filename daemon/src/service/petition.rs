//! Requests for approval: how they are kept and shown, and how they stand.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use strongroom_kmip::{
    code::ResultReason,
    mechanism::Mechanism,
    operation::Request,
    secret::{Secret, Wiped},
    ttlv::Writer,
    version::Version,
};

use super::{
    quorum::{Guarded, Quorum},
    refusal::Refusal,
    shown::ApprovalRow,
};
use crate::caller::{Caller, ClientName, Principal};

/// The requests that wait, and who is asked.
#[derive(Default)]
pub(super) struct Approvals {
    pub(super) quorum: Quorum,
    rows: Mutex<BTreeMap<String, Row>>,
}

/// A request for approval, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) guarded: String,
    pub(super) by: String,
    /// The local user that the asker is, if it is a client that is one.
    pub(super) user: Option<u32>,
    pub(super) front: String,
    pub(super) from: String,
    pub(super) object: Option<String>,
    pub(super) shown: String,
    /// What the call must hash to when it is made again.
    pub(super) digest: [u8; 32],
    pub(super) needed: usize,
    pub(super) since: i64,
    pub(super) until: i64,
    pub(super) approved: Vec<(String, i64)>,
    pub(super) denied: Option<(String, i64)>,
}

/// What is to be compared and shown of a call, put together before it is performed.
pub(super) struct Asked {
    pub(super) guarded: Guarded,
    pub(super) exact: Context,
    pub(super) payload: Wiped,
}

/// How a request stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Waiting,
    Approved,
    Denied,
    Expired,
}

impl Stand {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

impl Row {
    pub(super) fn stand(&self, now: i64) -> Stand {
        if self.denied.is_some() {
            Stand::Denied
        } else if now >= self.until {
            Stand::Expired
        } else if self.approved.len() >= self.needed {
            Stand::Approved
        } else {
            Stand::Waiting
        }
    }

    pub(super) fn to_secret(&self) -> Result<Secret, Refusal> {
        let bytes = serde_json::to_vec(self);
        bytes.map(Secret::new).map_err(|_| Refusal::new(ResultReason::GeneralFailure, "the request could not be kept"))
    }

    /// What the log calls it: its identifier, its kind and what it is on.
    pub(super) fn named(&self, id: &str) -> String {
        let object = self.object.as_deref().unwrap_or("-");
        format!("{id}/{}/{object}", self.guarded)
    }

    pub(super) fn show(&self, id: &str, now: i64) -> ApprovalRow {
        ApprovalRow {
            id: id.to_owned(),
            operation: self.guarded.clone(),
            by: self.by.clone(),
            front: self.front.clone(),
            from: self.from.clone(),
            object: self.object.clone(),
            request: self.shown.clone(),
            needed: self.needed,
            approved: self.approved.clone(),
            denied: self.denied.clone(),
            since: self.since,
            until: self.until,
            state: self.stand(now).word().to_owned(),
        }
    }
}

impl Approvals {
    pub(super) fn new(quorum: Quorum) -> Self {
        Self { quorum, rows: Mutex::default() }
    }

    /// Whether people have to approve such calls of this caller.
    pub(super) fn guards(&self, caller: &Caller, guarded: Guarded) -> bool {
        caller.principal != Principal::Daemon && self.quorum.rule(guarded).is_some()
    }

    /// What has to be remembered of a call before it is performed; nothing where nobody has to approve it.
    pub(super) fn watch(
        &self,
        caller: &Caller,
        request: &Request,
        (version, slot, mechanism): (Version, Option<&str>, Option<&Mechanism>),
    ) -> Option<Asked> {
        let guarded = Guarded::of(request.operation()).filter(|guarded| self.guards(caller, *guarded))?;
        let mut writer = Writer::new(version);
        request.write(&mut writer);
        let payload = writer.into_bytes();
        let mut exact = Context::new(&SHA256);
        let (slot, mechanism) = (slot.unwrap_or_default(), format!("{mechanism:?}"));
        let version = format!("{version:?}");
        let operation = request.operation().0.to_be_bytes();
        for part in [b"request", version.as_bytes(), &operation, slot.as_bytes(), mechanism.as_bytes(), &payload] {
            absorb(&mut exact, part);
        }
        Some(Asked { guarded, exact, payload })
    }

    /// Whether any operator of the configuration is this local user.
    /// How many operators the configuration names.
    pub(super) fn officers(&self) -> usize {
        self.quorum.officers.len()
    }

    pub(super) fn officer(&self, user: u32) -> Option<ClientName> {
        self.quorum.officer(user).map(|officer| officer.name.clone())
    }

    pub(super) fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest request of this caller for exactly this call.
    pub(super) fn find(&self, by: &str, digest: &[u8; 32]) -> Option<(String, Row)> {
        let rows = self.rows();
        let mine = rows.iter().filter(|(_, row)| row.by == by && row.digest == *digest);
        mine.max_by_key(|(_, row)| row.since).map(|(id, row)| (id.clone(), row.clone()))
    }
}

/// Each part behind its length, so that no two calls hash alike.
pub(super) fn absorb(hash: &mut Context, part: &[u8]) {
    hash.update(&(part.len() as u64).to_be_bytes());
    hash.update(part);
}
