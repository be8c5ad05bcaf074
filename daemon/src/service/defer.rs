//! Requests that are answered later, taken and done.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use strongroom_kmip::{
    code::{BatchErrorContinuationOption, Operation, ResultReason, ResultStatus},
    message::{RequestHeader, RequestItem, RequestMessage, ResponseItem, ResponseMessage},
    secret::Secret,
    ttlv::{Bytes, DateTime, Limits, Tree},
    version::Version,
};

use super::{
    ask::Ask,
    later::{self, ANSWERS, Item, MESSAGES, Message, Outcome},
    pool::{Job, Pool, Seat},
    refusal::Refusal,
    registry::{Done, Service, item as answered},
    standing::Standing,
};
use crate::{
    audit::{self, Durability, Entry, Event, Who},
    caller::{Caller, Front, Principal, Scope},
    chance,
    clock::Time,
    vault::{self, Change, ObjectId},
};

/// The threads that do what is answered later.
pub struct Workers {
    pool: Arc<Pool>,
    threads: Vec<JoinHandle<()>>,
}

impl Service {
    /// Lets what is answered later be done from now on.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn work(self: &Arc<Self>) -> std::io::Result<Workers> {
        let pool = Arc::clone(self.later.pool());
        let worker = |number| {
            let service = Arc::clone(self);
            let work = move || {
                while let Some((seat, job)) = service.later.pool().job() {
                    service.perform_later(&job, seat);
                }
            };
            thread::Builder::new().name(format!("slow-{number}")).spawn(work)
        };
        let threads = (0..pool.seats()).map(worker).collect::<Result<_, _>>()?;
        Ok(Workers { pool, threads })
    }

    /// Does the next message whose turn has come, and says whether there was one.
    pub fn work_once(&self) -> bool {
        let job = self.later.pool().job_at_once();
        let found = job.is_some();
        if let Some((seat, job)) = job {
            self.perform_later(&job, seat);
        }
        found
    }

    /// Takes items that are to be answered later. They are kept, and the log tells of them, when this returns; the answers
    /// say what to poll for.
    ///
    /// # Errors
    /// [`Refusal`] when the caller has too many, or they cannot be kept.
    pub fn take(
        &self,
        standing: &Standing,
        header: &RequestHeader,
        items: Vec<RequestItem>,
        number: u64,
    ) -> Result<Vec<ResponseItem>, Refusal> {
        let caller = standing.caller();
        let named: Vec<_> = items.iter().map(|item| (item.operation, item.unique_batch_item_id.clone())).collect();
        let mut message = RequestMessage { header: plain(header, items.len()), items };
        message.header.client_correlation_value.clone_from(&header.client_correlation_value);
        let bytes = message.write();
        let gone = self.later.room(&caller.principal, named.len(), bytes.len(), self.vault.now())?;
        // Each item is kept with what its ticket reaches, so that is gathered only where there is room.
        let kept = self.message(standing, &message.items, number)?;
        let job: Job = chance::array(self.vault.chance()).map_err(vault::Error::from)?;
        let mut change = self.vault.begin()?;
        for value in &gone {
            change.put_setting(&later::setting(ANSWERS, value), None);
        }
        change.put_setting(&later::setting(MESSAGES, &job), Some(later::to_row(&kept, &bytes)?));
        let mut entry = Entry::new(Who::Known(caller), audit::Action::Event(Event::Submitted), audit::Outcome::Success);
        entry.request = Some(number);
        entry.count = u64::try_from(named.len()).ok();
        entry.correlation = header.client_correlation_value.as_deref();
        let failed = |error: super::registry::Error| Refusal::new(ResultReason::GeneralFailure, error.to_string());
        self.settle(&entry, Durability::Sync, Some(change)).wait().map_err(failed)?;
        self.later.submit(&caller.principal, job, &kept, bytes.len());
        let pending = |(item, (operation, id)): (&Item, (Operation, Option<Bytes>))| {
            ResponseItem::pending(operation, Bytes(item.value.to_vec())).named(id)
        };
        Ok(kept.items.iter().zip(named).map(pending).collect())
    }

    fn message(&self, standing: &Standing, items: &[RequestItem], number: u64) -> Result<Message, Refusal> {
        let caller = standing.caller();
        let item = |item: &RequestItem| {
            let scope = match &standing.for_operation(item.operation)?.scope {
                Scope::Everything => None,
                Scope::Only { objects, groups } => Some((objects.to_vec(), groups.to_vec())),
            };
            let value = chance::array(self.vault.chance()).map_err(vault::Error::from)?;
            Ok(Item { value, operation: item.operation.0, scope })
        };
        Ok(Message {
            owner: caller.principal.to_string(),
            from: caller.from.clone(),
            submitted: self.vault.now().0.saturating_mul(1000),
            number,
            items: items.iter().map(item).collect::<Result<_, Refusal>>()?,
        })
    }

    /// Learns what is kept, and goes on with what is not done. To be called when the vault has been opened.
    pub(super) fn resume(&self) {
        let mut rows = Vec::new();
        let walked = self.vault.settings(&mut |name, row| {
            if name.starts_with(MESSAGES) || name.starts_with(ANSWERS) {
                rows.push((name.to_owned(), row));
            }
        });
        if let Err(error) = walked {
            return log::error!("what is to be answered later cannot be read: {error}");
        }
        self.later.forget();
        // The answers first: what is answered is not done again.
        for (name, row) in &rows {
            let Some(value) = later::value_of(ANSWERS, name) else { continue };
            match later::of_row::<Outcome>(row).and_then(|(kept, _)| Some((kept.owner.parse().ok()?, kept))) {
                Some((owner, kept)) => self.later.learn(value, owner, &kept),
                None => log::error!("{name} cannot be read"),
            }
        }
        for (name, row) in &rows {
            let Some(job) = later::value_of(MESSAGES, name) else { continue };
            match later::of_row::<Message>(row).and_then(|(kept, bytes)| Some((kept.owner.parse().ok()?, kept, bytes)))
            {
                Some((owner, kept, bytes)) => self.later.submit(&owner, job, &kept, bytes.len()),
                None => log::error!("{name} cannot be read"),
            }
        }
    }

    /// Does a message's items in their order. What was done before, or cancelled, is passed over.
    fn perform_later(&self, job: &Job, seat: Seat) {
        let retries = self.later.retries();
        match self.perform_message(job, retries.is_given_up(job)) {
            Ok(()) => retries.end(job),
            Err(refusal) => {
                log::warn!("a request that is answered later was put off: {refusal}");
                // While the vault is sealed it is kept; it is begun again when the vault is open.
                if self.is_sealed() {
                    retries.end(job);
                } else {
                    retries.put_off(seat.who(), job, self.vault.now());
                }
            }
        }
    }

    fn perform_message(&self, job: &Job, given_up: bool) -> Result<(), Refusal> {
        let unreadable = || Refusal::new(ResultReason::GeneralFailure, "it cannot be read");
        let Some(row) = self.vault.setting(&later::setting(MESSAGES, job))? else { return Ok(()) };
        let (kept, bytes) = later::of_row::<Message>(&row).ok_or_else(unreadable)?;
        let tree = Tree::read(bytes, &own(bytes))?;
        let RequestMessage { header, items } = RequestMessage::read(&tree).map_err(|_| unreadable())?;
        let goes_on = header.batch_error_continuation_option == Some(BatchErrorContinuationOption::Continue);
        let (mut placeholder, mut ended) = (None, false);
        for ((item, asked), place) in kept.items.iter().zip(items).zip(0u32..) {
            let begun = self.later.begin(&item.value);
            let give_back = |_: &vault::Error| self.later.give_back(&item.value);
            let row = self.vault.setting(&later::setting(ANSWERS, &item.value));
            let row = if begun { row.inspect_err(give_back)? } else { row? };
            let done = row.as_ref().and_then(later::of_row::<Outcome>).map(|(outcome, _)| outcome);
            if let Some(done) = done.as_ref().filter(|_| begun) {
                self.later.finish(&item.value, done.failed, Time(done.finished));
            }
            if !begun && done.is_none() && self.later.is_under_way(&item.value) {
                // Whoever does this one does those after it.
                return Ok(());
            }
            if !begun || done.is_some() {
                ended |= done.as_ref().is_some_and(|done| done.failed) && !goes_on;
                placeholder = done.and_then(|done| done.placeholder).map(|id| ObjectId::from_text(&id));
                continue;
            }
            let ask = |request| Ask {
                placeholder: placeholder.clone(),
                correlation: header.client_correlation_value.clone(),
                item: place,
                ..Ask::new(request, header.protocol_version, kept.number)
            };
            let request = match asked.payload {
                Ok(_) if given_up => Err(Refusal::new(ResultReason::GeneralFailure, "it was tried in vain; ask again")),
                payload => payload.map_err(|_| unreadable()).map(ask),
            };
            let told = Told { job, kept: &kept, item, version: header.protocol_version };
            match self.perform_item(&told, request, ended) {
                Ok((left, failed)) => {
                    placeholder = left;
                    ended |= failed && !goes_on;
                }
                Err(refusal) => {
                    self.later.give_back(&item.value);
                    return Err(refusal);
                }
            }
        }
        let name = later::setting(MESSAGES, job);
        // It went with its last answer, unless that was there before or its item was cancelled.
        if self.later.is_done(&kept, None) && self.vault.setting(&name)?.is_some() {
            let mut change = self.vault.begin()?;
            change.put_setting(&name, None);
            let nobody = stranger(&kept)?;
            let mut entry =
                Entry::new(Who::Known(&nobody), audit::Action::Event(Event::Swept), audit::Outcome::Success);
            (entry.request, entry.count) = (Some(kept.number), Some(1));
            self.write_down(&entry, Some(change))?;
        }
        Ok(())
    }

    /// Does one item, and keeps its answer together with what it changes. Says what it left, and whether it failed.
    fn perform_item(
        &self,
        told: &Told<'_>,
        ask: Result<Ask, Refusal>,
        ended: bool,
    ) -> Result<(Option<ObjectId>, bool), Refusal> {
        let operation = Operation(told.item.operation);
        let caller = self.sender(told.kept, told.item)?;
        // Begun before the work, and held until its answer is kept: a vault that is sealed meanwhile is not opened before,
        // so nobody begins the work a second time.
        let (begun, held) = (self.vault.begin()?, self.vault.begin()?);
        let ask = match (caller.as_ref(), ended) {
            (None, _) => Err(Refusal::new(ResultReason::NotAuthorised, "its sender is no longer a registered client")),
            (_, true) => Err(Refusal::new(ResultReason::OperationCanceledByRequester, "an item before it has failed")),
            (Some(_), false) => ask,
        };
        let nobody = stranger(told.kept)?;
        let caller = caller.as_ref().unwrap_or(&nobody);
        let (outcome, done, change) = match ask {
            Ok(ask) => self.attempt_seated(caller, ask, Some(begun)),
            Err(refusal) => {
                let done = Done::refused(operation, &refusal, told.kept.number);
                (Err(refusal), done, None)
            }
        };
        let failed = outcome.is_err();
        if failed && self.is_sealed() {
            // Whatever was in its way may be the seal alone.
            return Err(vault::Error::Sealed.into());
        }
        let change = change.filter(|_| !failed).unwrap_or(held);
        let answer = answered(operation, told.version, outcome, None);
        let change = self.keep_answer(told, &answer, done.placeholder.as_ref(), change)?;
        let kept = self.settle(&done.entry(caller, done.said), Durability::Sync, Some(change)).wait();
        kept.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        Ok((done.placeholder, failed))
    }

    fn keep_answer(
        &self,
        told: &Told<'_>,
        answer: &ResponseItem,
        placeholder: Option<&ObjectId>,
        mut change: Change,
    ) -> Result<Change, Refusal> {
        let (now, value) = (self.vault.now(), told.item.value);
        let failed = answer.result_status != ResultStatus::Success;
        let outcome = Outcome {
            owner: told.kept.owner.clone(),
            message: *told.job,
            operation: told.item.operation,
            submitted: told.kept.submitted,
            finished: now.0,
            failed,
            placeholder: placeholder.map(ToString::to_string),
        };
        change.put_setting(&later::setting(ANSWERS, &value), Some(answer_row(&outcome, told.version, answer)?));
        if self.later.is_done(told.kept, Some(&value)) {
            change.put_setting(&later::setting(MESSAGES, told.job), None);
        }
        let later = Arc::clone(&self.later);
        change.afterwards(move || later.finish(&value, failed, now));
        Ok(change)
    }

    /// Who asked, as it stands now, or nothing for a client whose registration was revoked meanwhile.
    fn sender(&self, kept: &Message, item: &Item) -> Result<Option<Caller>, Refusal> {
        let nobody = stranger(kept)?;
        let Principal::Client(name) = &nobody.principal else { return Ok(None) };
        let client = self.vault.client(name)?.filter(|client| !client.revoked);
        let scope = match &item.scope {
            None => Scope::Everything,
            Some((objects, groups)) => {
                Scope::Only { objects: objects.as_slice().into(), groups: groups.as_slice().into() }
            }
        };
        Ok(client.map(|client| Caller { role: client.role, scope, ..nobody }))
    }
}

/// What is known of an item while it is done.
struct Told<'t> {
    job: &'t Job,
    kept: &'t Message,
    item: &'t Item,
    version: Version,
}

/// The sender of a message, for the log, with no more rights than anybody.
fn stranger(kept: &Message) -> Result<Caller, Refusal> {
    let odd = |_| Refusal::new(ResultReason::GeneralFailure, "its sender cannot be read");
    Ok(Caller {
        principal: kept.owner.parse().map_err(odd)?,
        role: crate::caller::Role::User,
        front: Front::Kmip,
        from: kept.from.clone(),
        scope: Scope::Everything,
    })
}

/// The row of an answer: the answer as a message of one item.
pub(super) fn answer_row(outcome: &Outcome, version: Version, answer: &ResponseItem) -> Result<Secret, Refusal> {
    let bytes = ResponseMessage::write_item(version, DateTime(0), answer);
    later::to_row(outcome, &bytes)
}

/// The answer that a row holds.
pub(super) fn answer_of(row: &Secret) -> Option<ResponseItem> {
    let (_, bytes) = later::of_row::<Outcome>(row)?;
    let tree = Tree::read(bytes, &own(bytes)).ok()?;
    ResponseMessage::read(&tree).ok()?.items.pop()
}

/// What was written here is read whatever its size: an answer may be longer than any message that comes in.
fn own(bytes: &[u8]) -> Limits {
    Limits { size: bytes.len(), items: bytes.len(), text: bytes.len(), ..Limits::default() }
}

/// The header that a message is kept with: what says who sends it stays behind.
fn plain(header: &RequestHeader, items: usize) -> RequestHeader {
    RequestHeader {
        batch_error_continuation_option: header.batch_error_continuation_option,
        ..RequestHeader::of(header.protocol_version, items)
    }
}

impl Workers {
    /// Begins nothing further, and waits so long for what is under way. What takes longer is left behind: it is kept, and
    /// done again after the next start.
    pub fn close(self, limit: Duration) {
        self.pool.close();
        let mut waited = Duration::ZERO;
        while waited < limit && !self.threads.iter().all(JoinHandle::is_finished) {
            thread::sleep(LOOK);
            waited = waited.saturating_add(LOOK);
        }
    }
}

/// How often the workers are looked at while they end.
const LOOK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use strongroom_kmip::{operation::Response, payload::RNGRetrieveResponse, version::V2_1};

    use super::*;

    #[test]
    fn an_answer_that_is_longer_than_any_message_is_read_back() {
        let outcome = Outcome {
            owner: "client:alice".to_owned(),
            message: [1; 16],
            operation: Operation::RNGRetrieve.0,
            submitted: 0,
            finished: 0,
            failed: false,
            placeholder: None,
        };
        let data = vec![7; Limits::default().size * 2];
        let answer = ResponseItem::success(Response::from(RNGRetrieveResponse { data: Secret::copy_of(&data) }));
        let row = answer_row(&outcome, V2_1, &answer).unwrap();
        let Some(Response::RNGRetrieve(read)) = answer_of(&row).and_then(|item| item.payload) else {
            panic!("no answer")
        };
        assert!(read.data.same_as(&data));
    }
}
