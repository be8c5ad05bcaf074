//! What the doors of KMIP have in common: who asks, whose turn it is, and the work itself.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use strongroom_kmip::{code::ResultReason, ttlv, version::V1_0};

use super::{
    batch,
    buffer::Buffer,
    encoding::Encoding,
    turn::{Span, Turns},
};
use crate::{
    caller::{Caller, ClientName, Front, Principal, Scope},
    clock::{Clock, Deadline},
    front::{contract::Limits, patience::Patience},
    receipt::{self, Receipt},
    service::{self, Recognised, Service, Shown, Turned, may_last},
};

/// Performs messages, whichever door they came through: all doors share the turns of a client.
pub struct Desk {
    pub(super) service: Arc<Service>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) frames: ttlv::Limits,
    turns: Turns,
    pub(super) patience: Patience,
    /// When this run began, in hexadecimal seconds.
    pub(super) run: String,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    /// Where from.
    pub(super) from: SocketAddr,
    /// What it has shown of itself.
    pub(super) shown: Shown,
    /// Through which door.
    pub(super) front: Front,
}

/// Who a peer turns out to be.
pub(super) enum Asker {
    /// A registered client.
    Client(Caller, ClientName),
    /// Nobody can tell while the vault is sealed.
    Sealed,
}

impl Desk {
    /// A desk that asks `service`.
    pub fn new(service: Arc<Service>, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let frames = ttlv::Limits { size: limits.message, ..ttlv::Limits::default() };
        let turns = Turns::new(limits.threads, limits.per_client);
        let run = format!("{:X}", clock.now().seconds());
        Self { service, clock, limits, frames, turns, patience: Patience::default(), run }
    }

    /// Performs the message in the buffer on a thread that may block, and gives the buffer back. Nothing for a peer
    /// that is no longer known.
    pub(super) async fn perform(
        self: &Arc<Self>,
        peer: &Peer,
        encoding: Encoding,
        buffer: Buffer,
    ) -> Option<(batch::Answer, Buffer)> {
        let asker = match self.asker(peer) {
            Ok(asker) => asker,
            Err(why) => {
                log::info!("turned {} away: it is no longer a registered client", peer.from);
                // The peer gets no answer that could come before its record.
                drop(self.turn_away(peer, why));
                return None;
            }
        };
        let (known, span) = match asker {
            Asker::Client(caller, name) => {
                let span = self.span(encoding, buffer.bytes());
                (Some((caller, self.turns.take(&name, span).await?)), span)
            }
            Asker::Sealed => (None, Span::Usual),
        };
        let (desk, peer) = (Arc::clone(self), *peer);
        // The thread has the buffer; when the request takes too long, the connection goes and the thread ends by itself.
        let work = move || {
            let performed = match (encoding.decode(buffer.bytes(), &desk.frames), &known) {
                (Ok(message), None) => batch::sealed(&message, desk.turn_away(&peer, Turned::Sealed)),
                (Err(_), None) => batch::sealed(&[], desk.turn_away(&peer, Turned::Sealed)),
                (Ok(message), Some((caller, _))) => {
                    let until = Deadline::after(desk.limits.request);
                    batch::perform(&desk.service, caller, peer.shown.key, &message, &desk.frames, until)
                }
                (Err(why), Some(_)) => {
                    batch::refusal_after(desk.unreadable(&peer), V1_0, ResultReason::InvalidMessage, &why.to_string())
                }
            };
            let mut answer = performed.answer(&*desk.clock, &desk.run);
            // The turn is given back when its work is done, of which the writing may be the most; but whoever does not take
            // what is long waits for itself.
            if let Some((_, turn)) = known.filter(|_| answer.is_long()) {
                answer.hold(turn.own());
            }
            (answer, buffer)
        };
        let performed = match span {
            Span::Moment => catch_unwind(AssertUnwindSafe(|| receipt::shared(work))).ok(),
            Span::Usual | Span::Long => tokio::task::spawn_blocking(work).await.ok(),
        };
        if performed.is_none() {
            log::error!("a request of {} ended in a panic", peer.from);
        }
        performed
    }

    /// How long a message holds its turn. What is over in a moment is performed on the thread that read it: two changes of
    /// threads take as long as what it asks for.
    fn span(&self, encoding: Encoding, message: &[u8]) -> Span {
        let (binary, short) = (encoding == Encoding::Ttlv, message.len() <= SHORT);
        if !binary && !short {
            return Span::Long;
        }
        let Ok(ttlv) = encoding.decode(message, &self.frames) else { return Span::Usual };
        match batch::sole(&ttlv) {
            Some(operation) if binary && short && self.service.is_quick(operation) => Span::Moment,
            Some(operation) if !may_last(operation) => Span::Usual,
            _ => Span::Long,
        }
    }

    /// Who is asking, as of now: a client whose registration was revoked meanwhile is nobody any more.
    ///
    /// # Errors
    /// [`Turned`]: why it is nobody.
    pub(super) fn asker(&self, peer: &Peer) -> Result<Asker, Turned> {
        Ok(match self.service.identify(&peer.shown)? {
            Recognised::Known(name, role) => {
                let principal = Principal::Client(name.clone());
                let (front, from) = (peer.front, peer.from());
                Asker::Client(Caller { principal, role, front, from, scope: Scope::Everything }, name)
            }
            Recognised::Sealed => Asker::Sealed,
            Recognised::Unknown => return Err(Turned::Unregistered),
        })
    }

    /// The endpoint whose letters go over this peer's connection once it is turned around.
    pub(super) fn turned(&self, peer: &Peer) -> Option<usize> {
        match self.asker(peer) {
            Ok(Asker::Client(caller, _)) => self.service.turned(&caller),
            Ok(Asker::Sealed) | Err(_) => None,
        }
    }

    /// Records bytes that are no message.
    pub(super) fn unreadable(&self, peer: &Peer) -> Receipt<(), service::Error> {
        self.turn_away(peer, Turned::Unreadable)
    }

    /// Records why a peer is not served. Where nobody can tell who it is, all that is known of it is what it has shown.
    pub(super) fn turn_away(&self, peer: &Peer, why: Turned) -> Receipt<(), service::Error> {
        self.service.turned_away(peer.front, &peer.from(), peer.shown.key, why)
    }
}

impl Peer {
    /// Where from and by which token, as the log says it.
    fn from(&self) -> String {
        match self.shown.bearer.and_then(|bearer| bearer.id()) {
            Some(token) => format!("{} token {token}", self.from),
            None => self.from.to_string(),
        }
    }
}

/// To read more than this may take a while.
const SHORT: usize = 8 << 10;
