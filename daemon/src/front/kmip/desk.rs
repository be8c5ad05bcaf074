//! What the doors of KMIP have in common: who asks, whose turn it is, and the work itself.

use std::{net::SocketAddr, sync::Arc};

use strongroom_kmip::{code::ResultReason, ttlv, version::V1_0};

use super::{batch, buffer::Buffer, encoding::Encoding, turn::Turns};
use crate::{
    caller::{Caller, ClientName, Front, Principal, Scope},
    clock::Clock,
    front::contract::{Fingerprint, Limits},
    receipt::Receipt,
    service::{self, Recognised, Service, Turned},
};

/// Performs messages, whichever door they came through: all doors share the turns of a client.
pub struct Desk {
    pub(super) service: Arc<Service>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) frames: ttlv::Limits,
    turns: Turns,
    /// When this run began, in hexadecimal seconds.
    pub(super) run: String,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    /// Where from.
    pub(super) from: SocketAddr,
    /// By which key it is known.
    pub(super) key: Fingerprint,
    /// Through which door.
    pub(super) front: Front,
}

/// Who a peer turns out to be.
enum Asker {
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
        Self { service, clock, limits, frames, turns, run }
    }

    /// Performs the message in the buffer on a thread that may block, and gives the buffer back. Nothing for a peer
    /// that is no longer known.
    pub(super) async fn perform(
        self: &Arc<Self>,
        peer: &Peer,
        encoding: Encoding,
        buffer: Buffer,
    ) -> Option<(batch::Performed, Buffer)> {
        let known = match self.asker(peer)? {
            Asker::Client(caller, name) => Some((caller, self.turns.take(&name).await?)),
            Asker::Sealed => None,
        };
        let (desk, peer) = (Arc::clone(self), *peer);
        // The thread has the buffer; when the request takes too long, the connection goes and the thread ends by itself.
        let work = move || {
            let performed = match (encoding.decode(buffer.bytes(), &desk.frames), &known) {
                (Ok(message), None) => batch::sealed(&message, desk.told_sealed(&peer)),
                (Err(_), None) => batch::sealed(&[], desk.told_sealed(&peer)),
                (Ok(message), Some((caller, _))) => {
                    batch::perform(&desk.service, caller, peer.key, &message, &desk.frames)
                }
                (Err(why), Some(_)) => {
                    batch::refusal_after(desk.unreadable(&peer), V1_0, ResultReason::InvalidMessage, &why.to_string())
                }
            };
            drop(known);
            (performed, buffer)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(performed) => Some(performed),
            Err(error) => {
                log::error!("a request of {} ended in a panic: {error}", peer.from);
                None
            }
        }
    }

    /// Who is asking, as of now: a client whose registration was revoked meanwhile is nobody any more.
    fn asker(&self, peer: &Peer) -> Option<Asker> {
        let from = peer.from.to_string();
        match self.service.recognise(&peer.key) {
            Recognised::Known(name, role) => {
                let principal = Principal::Client(name.clone());
                let caller = Caller { principal, role, front: peer.front, from, scope: Scope::Everything };
                Some(Asker::Client(caller, name))
            }
            Recognised::Sealed => Some(Asker::Sealed),
            Recognised::Unknown => {
                log::info!("turned {from} away: it is no longer a registered client");
                // The peer gets no answer that could come before its record.
                drop(self.service.turned_away(peer.front, &from, Some(peer.key), Turned::Unregistered));
                None
            }
        }
    }

    /// The endpoint whose letters go over this peer's connection once it is turned around.
    pub(super) fn turned(&self, peer: &Peer) -> Option<usize> {
        match self.asker(peer)? {
            Asker::Client(caller, _) => self.service.turned(&caller),
            Asker::Sealed => None,
        }
    }

    /// Records that a peer was told that the vault is sealed. All that is known of it is its key.
    fn told_sealed(&self, peer: &Peer) -> Receipt<(), service::Error> {
        self.service.turned_away(peer.front, &peer.from.to_string(), Some(peer.key), Turned::Sealed)
    }

    /// Records bytes that are no message.
    pub(super) fn unreadable(&self, peer: &Peer) -> Receipt<(), service::Error> {
        self.service.turned_away(peer.front, &peer.from.to_string(), Some(peer.key), Turned::Unreadable)
    }
}
