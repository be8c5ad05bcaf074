//! Notify: what has changed of a client's objects, told without being asked (KMIP 2.1 §6.2.2).

use std::{collections::HashSet, sync::Arc};

use strongroom_kmip::{
    attribute::{Attribute, Changed, Instance, Kind, Linked, Set, Standard},
    code::{LinkType, Operation},
    message::RequestMessage,
    payload::NotifyRequest,
    version::{V2_0, Version},
};

use super::{
    later,
    outbox::{Endpoint, Head, Queue, Word},
    registry::Service,
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Reason, Who},
    caller::{Caller, Front, Principal, Role, Scope},
    vault::{Change, Object, ObjectId},
};

impl Service {
    /// Writes letters about what a change makes of clients' objects. They become durable with it.
    pub(super) fn announce(&self, entry: &Entry<'_>, change: &mut Change) {
        if self.outbox.is_empty() {
            return;
        }
        let by = match entry.who {
            Who::Known(caller) => Some(&caller.principal),
            Who::Stranger { .. } | Who::Daemon => None,
        };
        let mut letters = Vec::new();
        for (before, after) in change.differences() {
            let Principal::Client(owner) = &after.owner else { continue };
            for queue in self.outbox.iter().filter(|queue| queue.endpoint.client == *owner) {
                let letter = match &before {
                    Some(before) => notification(&queue.endpoint, before, &after.attributes, by),
                    None => replacement(&queue.endpoint, after),
                };
                letters.extend(letter.map(|(word, bytes)| (Arc::clone(queue), after.id.clone(), word, bytes)));
            }
        }
        // An object of a session is gone without a word: nobody was told that it would last.
        let ended = matches!(entry.action, audit::Action::Operation(Operation::Destroy));
        let passing = ended && change.differences().next().is_none();
        for object in change.ended().filter(|_| !passing) {
            let Principal::Client(owner) = &object.owner else { continue };
            for queue in self.outbox.iter().filter(|queue| queue.endpoint.client == *owner) {
                let letter = notification(&queue.endpoint, &object, &Set::new(), by);
                letters.extend(letter.map(|(word, bytes)| (Arc::clone(queue), object.id.clone(), word, bytes)));
            }
        }
        for (queue, object, word, bytes) in letters {
            if !self.post(&queue, change, &object, word, &bytes) {
                self.dropped(&queue, &object, "full");
            }
        }
    }

    /// Puts a letter at the end of a queue, once the change is durable. False when there is no room for it.
    pub(super) fn post(
        &self,
        queue: &Arc<Queue>,
        change: &mut Change,
        object: &ObjectId,
        word: Word,
        bytes: &[u8],
    ) -> bool {
        let client = queue.endpoint.client.to_string();
        let operation = word.operation();
        let Ok(row) = later::to_row(&Head { client, object: object.to_string(), word }, bytes) else { return false };
        let Some((held, gone)) = queue.hold(object, operation, row.len()) else { return false };
        for gone in gone {
            change.put_setting(&queue.setting(gone.number), None);
            self.dropped(queue, &gone.object, "full");
        }
        change.put_setting(&queue.setting(held.number), Some(row));
        held.stand_with(change);
        true
    }

    /// Records that something will not be told.
    pub(super) fn dropped(&self, queue: &Queue, object: &ObjectId, why: &'static str) {
        let caller = teller(queue);
        let said = Outcome::Failed(Reason::Named(why));
        let mut entry = Entry::new(Who::Known(&caller), audit::Action::Event(Event::Dropped), said);
        entry.object = Some(audit::Object { id: object.as_str(), version: None });
        drop(self.log.append(&entry, Durability::Written));
        log::warn!("endpoint {} is not told about {object}: {why}", queue.endpoint.name);
    }
}

/// The daemon, as it tells an endpoint something.
pub(super) fn teller(queue: &Queue) -> Caller {
    Caller {
        principal: Principal::Daemon,
        role: Role::Administrator,
        front: Front::Endpoint,
        from: queue.endpoint.name.clone(),
        scope: Scope::Everything,
    }
}

/// What an endpoint is told of a change, unless that is nothing. Of an object of which nothing stays, every attribute is gone.
fn notification(endpoint: &Endpoint, before: &Object, after: &Set, by: Option<&Principal>) -> Option<(Word, Vec<u8>)> {
    if !endpoint.notifies || (!endpoint.own && by == Some(&before.owner)) {
        return None;
    }
    let changed = changed(&before.attributes, after, endpoint.version)?;
    let request = NotifyRequest { unique_identifier: before.id.as_str().into(), changed };
    Some((Word::Notify, RequestMessage::of(endpoint.version, [request.into()]).write().to_vec()))
}

/// What an endpoint is given in the place of an object that it may have.
fn replacement(endpoint: &Endpoint, object: &Object) -> Option<(Word, Vec<u8>)> {
    let replaced = object.attributes.iter().find_map(|attribute| match attribute {
        Attribute::Link(link) if link.link_type == LinkType::ReplacedObjectLink => {
            match &link.linked_object_identifier {
                Linked::Identifier(id) => Some(id.clone()),
                Linked::Name(_) | Linked::Placeholder(_) | Linked::Located(_) => None,
            }
        }
        _ => None,
    })?;
    (endpoint.puts && endpoint.replacements).then(|| (Word::Put { replaced: Some(replaced) }, Vec::new()))
}

/// What has changed, as a peer of this version is told: every value of a kind of which one has changed, and what is gone.
/// Nothing when all that has changed are counts and dates that every use changes.
fn changed(before: &Set, after: &Set, version: Version) -> Option<Changed> {
    let mut changed = Changed::default();
    let mut news = false;
    let mut seen = HashSet::new();
    for kind in after.kinds(version).into_iter().chain(before.kinds(version)) {
        if !kind.fits(version) || !seen.insert(kind.clone()) {
            continue;
        }
        let values = |set: &Set| -> Vec<Instance> {
            let of_kind = |attribute: &Attribute| attribute.kind_for(version) == kind;
            let all = set.indexed().filter(|(_, attribute)| of_kind(attribute));
            all.map(|(index, attribute)| Instance { index: Some(index), attribute: attribute.clone() }).collect()
        };
        let (old, new) = (values(before), values(after));
        if old == new {
            continue;
        }
        news |= kind.standard().is_none_or(|standard| !WORN.contains(&standard)) || widened(before, after);
        if version >= V2_0 {
            changed.deleted.extend(new.is_empty().then(|| (kind.clone(), None)));
        } else {
            let gone = old.iter().filter(|old| !new.iter().any(|new| new.index == old.index));
            changed.deleted.extend(gone.map(|instance| (kind.clone(), instance.index)));
        }
        changed.attributes.extend(new);
    }
    // The Last Change Date is told whether or not its second has changed.
    let date = Kind::from(Standard::LastChangeDate);
    if !changed.iter().any(|attribute| attribute.kind() == date) {
        changed.attributes.extend(after.all(&date).map(|(_, attribute)| attribute.clone().into()));
    }
    news.then_some(changed)
}

/// Whether other Usage Limits were set: a use leaves the total as it is and the count no larger.
fn widened(before: &Set, after: &Set) -> bool {
    match (before.usage_limits(), after.usage_limits()) {
        (None, None) => false,
        (Some(old), Some(new)) => {
            old.usage_limits_total != new.usage_limits_total
                || old.usage_limits_unit != new.usage_limits_unit
                || old.usage_limits_count < new.usage_limits_count
        }
        _ => true,
    }
}

/// What every use of an object changes. Nobody is told of a use.
const WORN: [Standard; 4] = [Standard::LastChangeDate, Standard::UsageLimits, Standard::LeaseTime, Standard::Fresh];
