//! Letters on their way: whose turn it is, what stands in it, and what became of it.

use std::{collections::HashMap, sync::Arc};

use strongroom_kmip::{
    code::ResultReason,
    secret::{Secret, Wiped},
};

use super::{
    later,
    notify::teller,
    outbox::{Endpoint, Head, LETTERS, Letter, Queue, Trouble, Word, letter_of},
    refusal::Refusal,
    registry::Service,
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Reason, Who},
    caller::{Caller, Front, Principal, Scope},
    vault::{self, Change},
};

impl Service {
    /// With endpoints that clients are told at; a letter names one by its place in this order.
    #[must_use]
    pub fn telling(mut self, endpoints: Vec<Endpoint>) -> Self {
        self.outbox = endpoints.into_iter().map(|endpoint| Arc::new(Queue::new(endpoint))).collect();
        self
    }

    /// Lets `bell` be rung whenever there may be a letter for an endpoint, in place of an earlier one, which is rung a last
    /// time. Gives a number for [`hangs`](Self::hangs).
    pub fn ring_for(&self, place: usize, bell: Arc<dyn Fn() + Send + Sync>) -> u64 {
        self.queue(place).map_or(0, |queue| queue.hang(bell))
    }

    /// Whether nobody has hung another bell since.
    pub fn hangs(&self, place: usize, number: u64) -> bool {
        self.queue(place).is_some_and(|queue| queue.hangs(number))
    }

    /// The endpoint that is told over a connection which its client has turned around, by its place.
    pub fn turned(&self, caller: &Caller) -> Option<usize> {
        let of = |queue: &Arc<Queue>| {
            let client = &queue.endpoint.client;
            let its = matches!(&caller.principal, Principal::Client(name) if name == client);
            its && queue.endpoint.address.is_none()
        };
        // Only a connection of its own can be turned around; HTTP has no such thing.
        // And whoever came with a ticket to a part of them is not told of the others.
        if caller.front == Front::Kmip && caller.scope == Scope::Everything {
            self.outbox.iter().position(of)
        } else {
            None
        }
    }

    /// The letter for an endpoint whose turn it is. It is on its way until something is said of it.
    pub fn letter(&self, place: usize) -> Option<Letter> {
        self.queue(place).filter(|_| !self.is_sealed())?.first(place)
    }

    /// The message that stands in a letter; nothing for one that does not go any more, of which the log tells. A secret in
    /// it leaves the vault now, and the log tells of it when this returns.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be said now; it stays, and its turn comes again.
    pub fn written(&self, letter: &Letter) -> Result<Option<Wiped>, Refusal> {
        let Some(queue) = self.queue(letter.place) else { return Ok(None) };
        let message = self.text(queue, letter);
        if message.is_err() {
            queue.put_back(letter.number);
        }
        message
    }

    fn text(&self, queue: &Arc<Queue>, letter: &Letter) -> Result<Option<Wiped>, Refusal> {
        let row = self.vault.setting(&queue.setting(letter.number))?;
        let Some((head, bytes)) = row.as_ref().and_then(later::of_row::<Head>) else {
            self.give_up(queue, letter, "damaged")?;
            return Ok(None);
        };
        match head.word {
            Word::Notify if self.client_of(queue).is_ok() => Ok(Some(Wiped::new(bytes.to_vec()))),
            // Whose registration was revoked is told nothing any more.
            Word::Notify if !self.is_sealed() => self.give_up(queue, letter, "revoked").map(|()| None),
            Word::Notify => Err(vault::Error::Sealed.into()),
            Word::Put { replaced } => match self.put(queue, &letter.object, replaced.as_deref()) {
                Ok(message) => Ok(Some(message)),
                // It was sealed meanwhile, or the log or somebody else is in the way: that passes.
                Err(refusal) if self.is_sealed() || refusal.reason == ResultReason::GeneralFailure => Err(refusal),
                Err(refusal) => {
                    queue.complain(self.vault.now(), format!("{} may not go there: {refusal}", letter.object));
                    self.give_up(queue, letter, "refused")?;
                    Ok(None)
                }
            },
        }
    }

    /// A letter was answered; with a reason, where the endpoint refused it. It goes, and the log tells of it.
    ///
    /// # Errors
    /// [`Refusal`] when that cannot be written down: the letter stays, and is delivered again.
    pub fn answered(&self, letter: &Letter, refused: Option<ResultReason>) -> Result<(), Refusal> {
        let Some(queue) = self.queue(letter.place) else { return Ok(()) };
        let said = refused.map_or(Outcome::Success, |reason| Outcome::Refused(Reason::Kmip(reason)));
        self.end(queue, letter, Event::Delivered, said)?;
        let now = self.vault.now();
        queue.thrive(now);
        if let Some(reason) = refused {
            queue.complain(now, format!("it refused the {} of {}: {reason}", letter.operation, letter.object));
        }
        Ok(())
    }

    /// A letter was not delivered. It stays, and the log tells of the attempt; one that nobody ever answers goes at last.
    ///
    /// # Errors
    /// [`Refusal`] when that cannot be written down.
    pub fn undelivered(&self, letter: &Letter, trouble: Trouble) -> Result<(), Refusal> {
        let Some(queue) = self.queue(letter.place) else { return Ok(()) };
        let hopeless = queue.put_off(letter.number, trouble, self.vault.now());
        let caller = teller(queue);
        let said = Outcome::Failed(Reason::Named(trouble.word()));
        let mut entry = Entry::new(Who::Known(&caller), audit::Action::Event(Event::Delivered), said);
        entry.object = Some(audit::Object { id: letter.object.as_str(), version: None });
        self.settle(&entry, Durability::Written, None).wait().map_err(failed)?;
        if hopeless { self.give_up(queue, letter, "unanswered") } else { Ok(()) }
    }

    /// A letter is not sent now, through no fault of the endpoint's.
    pub fn put_back(&self, letter: &Letter) {
        if let Some(queue) = self.queue(letter.place) {
            queue.put_back(letter.number);
        }
    }

    fn give_up(&self, queue: &Arc<Queue>, letter: &Letter, why: &'static str) -> Result<(), Refusal> {
        self.end(queue, letter, Event::Dropped, Outcome::Failed(Reason::Named(why)))
    }

    fn end(&self, queue: &Arc<Queue>, letter: &Letter, event: Event, said: Outcome) -> Result<(), Refusal> {
        let caller = teller(queue);
        let mut entry = Entry::new(Who::Known(&caller), audit::Action::Event(event), said);
        entry.object = Some(audit::Object { id: letter.object.as_str(), version: None });
        let change = self.vault.begin().map(|mut change| {
            change.put_setting(&queue.setting(letter.number), None);
            change
        });
        let written = change.map_err(Refusal::from).and_then(|change| self.down(&entry, change));
        match written {
            Ok(()) => queue.strike(letter.number),
            Err(_) => queue.put_back(letter.number),
        }
        written
    }

    fn down(&self, entry: &Entry<'_>, change: Change) -> Result<(), Refusal> {
        self.settle(entry, Durability::Sync, Some(change)).wait().map_err(failed)
    }

    /// Learns which letters are kept. To be called when the vault has been opened. What was for an endpoint that is
    /// configured no more, or for another client, goes.
    pub(super) fn collect(&self) {
        let mut rows: Vec<(String, Secret)> = Vec::new();
        let walked = self.vault.settings(&mut |name, row| {
            if name.starts_with(LETTERS) {
                rows.push((name.to_owned(), row));
            }
        });
        if let Err(error) = walked {
            return log::error!("what is to be told to endpoints cannot be read: {error}");
        }
        let mut kept: HashMap<&str, Vec<(u64, Head, usize)>> = HashMap::new();
        let mut strays = Vec::new();
        for (name, row) in &rows {
            let known = letter_of(name).zip(later::of_row::<Head>(row)).filter(|((endpoint, _), (head, _))| {
                let mut queues = self.outbox.iter();
                queues.any(|queue| queue.endpoint.name == *endpoint && queue.endpoint.client.as_str() == head.client)
            });
            match known {
                Some(((endpoint, number), (head, _))) => {
                    kept.entry(endpoint).or_default().push((number, head, row.len()));
                }
                None => strays.push((name, later::of_row::<Head>(row).map(|(head, _)| head.object))),
            }
        }
        for queue in &self.outbox {
            let mut letters = kept.remove(queue.endpoint.name.as_str()).unwrap_or_default();
            letters.sort_by_key(|(number, ..)| *number);
            queue.learn(letters);
        }
        for (name, object) in strays {
            if let Err(refusal) = self.discard(name, object.as_deref().unwrap_or(name)) {
                log::error!("{name} is for nobody and cannot be removed: {refusal}");
            }
        }
    }

    /// Removes a letter that is for nobody any more.
    fn discard(&self, name: &str, object: &str) -> Result<(), Refusal> {
        let mut entry = Entry::event(Event::Dropped);
        entry.outcome = Outcome::Failed(Reason::Named("unaddressed"));
        entry.object = Some(audit::Object { id: object, version: None });
        let mut change = self.vault.begin()?;
        change.put_setting(name, None);
        self.down(&entry, change)
    }
}

fn failed(error: super::registry::Error) -> Refusal {
    Refusal::new(ResultReason::GeneralFailure, error.to_string())
}
