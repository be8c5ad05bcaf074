//! One connection, from the handshake to the last answer.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use strongroom_kmip::{code::ResultReason, tag::Tag, ttlv, version::V1_0};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::server::TlsStream;

use super::{batch, buffer::Buffer, turn::Turns};
use crate::{
    caller::{Caller, ClientName, Front, Principal, Scope},
    clock::Clock,
    front::{
        contract::{Fingerprint, Limits, Phase, Stop},
        listen::Place,
        tls::{Failed, Tls},
    },
    receipt::Receipt,
    service::{self, Recognised, Service, Turned},
};

/// Serves KMIP over TLS.
pub struct Server {
    tls: Arc<Tls>,
    service: Arc<Service>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    frames: ttlv::Limits,
    turns: Turns,
    /// When this run began, in hexadecimal seconds.
    run: String,
}

impl Server {
    /// A server that asks `service`.
    pub fn new(tls: Arc<Tls>, service: Arc<Service>, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        let frames = ttlv::Limits { size: limits.message, ..ttlv::Limits::default() };
        let turns = Turns::new(limits.threads, limits.per_client);
        let run = format!("{:X}", clock.now().seconds());
        Self { tls, service, clock, limits, frames, turns, run }
    }

    /// Serves one connection to its end. It ends when the peer hangs up, breaks framing, is too slow or is no longer
    /// known, and when the daemon stops.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, from: SocketAddr, place: Place, mut stop: Stop) {
        let shaken = tokio::select! {
            () = stop.reached(Phase::Draining) => return,
            shaken = timeout(self.limits.handshake, self.tls.shake(stream)) => shaken.unwrap_or(Err(Failed::Broken)),
        };
        match shaken {
            Ok((stream, key)) => {
                let mut cut = stop.clone();
                let mut connection = Connection { server: self, from, key, stop, buffer: Buffer::new() };
                tokio::select! {
                    () = cut.reached(Phase::Cut) => log::warn!("cut off {from} in the middle of a request"),
                    () = connection.serve(stream) => {}
                }
            }
            Err(why) => {
                log::info!("turned {from} away: {why}");
                let (key, turned) = match why {
                    Failed::Unregistered(key) => (Some(key), Turned::Unregistered),
                    Failed::Untrusted => (None, Turned::Untrusted),
                    // Whoever probes a port is no news for the audit log.
                    Failed::Broken => return,
                };
                let told = move || self.service.turned_away(Front::Kmip, &from.to_string(), key, turned).wait();
                if !matches!(tokio::task::spawn_blocking(told).await, Ok(Ok(()))) {
                    log::error!("turning {from} away was not recorded");
                }
            }
        }
        drop(place);
    }
}

struct Connection {
    server: Arc<Server>,
    from: SocketAddr,
    key: Fingerprint,
    stop: Stop,
    buffer: Buffer,
}

/// What comes after an answer.
#[derive(PartialEq, Eq)]
enum Next {
    Request,
    End,
}

impl Connection {
    async fn serve(&mut self, mut stream: TlsStream<TcpStream>) {
        while let Some(head) = self.head(&mut stream).await {
            if self.request(head, &mut stream).await != Some(Next::Request) {
                break;
            }
            self.buffer.rest();
        }
        // A peer that does not take the closing words has had them.
        let _ = timeout(PARTING, stream.shutdown()).await;
    }

    /// The first eight bytes of the next request, or nothing when there will be none.
    async fn head(&mut self, stream: &mut TlsStream<TcpStream>) -> Option<[u8; 8]> {
        let mut head = [0; 8];
        let first = tokio::select! {
            () = self.stop.reached(Phase::Draining) => return None,
            first = timeout(self.server.limits.idle, stream.read(&mut head)) => first.ok()?.ok()?,
        };
        let rest = head.get_mut(first..).filter(|_| first > 0)?;
        timeout(self.server.limits.request, stream.read_exact(rest)).await.ok()?.ok()?;
        Some(head)
    }

    /// Reads, performs and answers one request; nothing when the connection failed or was too slow.
    async fn request(&mut self, head: [u8; 8], stream: &mut TlsStream<TcpStream>) -> Option<Next> {
        let limit = self.server.limits.request;
        let (performed, next) = match ttlv::frame_length(head, Tag::RequestMessage, &self.server.frames) {
            Ok(length) => {
                timeout(limit, self.buffer.fill(head, length, stream)).await.ok()?.ok()?;
                (timeout(limit, self.perform()).await, Next::Request)
            }
            Err(why) => {
                let refusal =
                    batch::refusal_after(self.unreadable(), V1_0, ResultReason::InvalidMessage, &why.to_string());
                (Ok(Some(refusal)), Next::End)
            }
        };
        let Ok(performed) = performed else {
            log::warn!("a request of {} took longer than {} s", self.from, limit.as_secs());
            return None;
        };
        let answer = timeout(limit, performed?.written(&*self.server.clock, &self.server.run)).await.ok()?;
        let sent = async {
            stream.write_all(&answer).await?;
            stream.flush().await
        };
        timeout(limit, sent).await.ok()?.ok()?;
        Some(next)
    }

    /// Performs the request in the buffer on a thread that may block.
    async fn perform(&mut self) -> Option<batch::Performed> {
        let Standing::Client(caller, name) = self.standing()? else { return Some(batch::sealed(self.buffer.bytes())) };
        let turn = self.server.turns.take(&name).await?;
        let server = Arc::clone(&self.server);
        // The thread has the buffer; when the request takes too long, the connection goes and the thread ends by itself.
        let buffer = std::mem::replace(&mut self.buffer, Buffer::new());
        let key = self.key;
        let work = move || {
            let performed = batch::perform(&server.service, &caller, key, buffer.bytes(), &server.frames);
            drop(turn);
            (performed, buffer)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok((performed, buffer)) => {
                self.buffer = buffer;
                Some(performed)
            }
            Err(error) => {
                log::error!("a request of {} ended in a panic: {error}", self.from);
                None
            }
        }
    }

    /// Who is asking, as of now: a client whose registration was revoked meanwhile is nobody any more.
    fn standing(&self) -> Option<Standing> {
        let from = self.from.to_string();
        match self.server.service.recognise(&self.key) {
            Recognised::Known(name, role) => {
                let principal = Principal::Client(name.clone());
                Some(Standing::Client(
                    Caller { principal, role, front: Front::Kmip, from, scope: Scope::Everything },
                    name,
                ))
            }
            Recognised::Sealed => Some(Standing::Sealed),
            Recognised::Unknown => {
                log::info!("turned {from} away: it is no longer a registered client");
                // The peer gets no answer that could come before its record.
                drop(self.server.service.turned_away(Front::Kmip, &from, Some(self.key), Turned::Unregistered));
                None
            }
        }
    }

    /// Records bytes that are no message.
    fn unreadable(&self) -> Receipt<(), service::Error> {
        self.server.service.turned_away(Front::Kmip, &self.from.to_string(), Some(self.key), Turned::Unreadable)
    }
}

/// Who a peer turns out to be.
enum Standing {
    /// A registered client.
    Client(Caller, ClientName),
    /// Nobody can tell while the vault is sealed.
    Sealed,
}

/// How long the closing words may take.
const PARTING: Duration = Duration::from_secs(1);
