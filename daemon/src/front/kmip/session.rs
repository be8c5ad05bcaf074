//! KMIP over TLS: messages one after the other, each as long as its head says.

use std::{sync::Arc, time::Duration};

use strongroom_kmip::{code::ResultReason, tag::Tag, ttlv, version::V1_0};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::server::TlsStream;

use super::{
    batch,
    buffer::Buffer,
    desk::{Desk, Peer},
    encoding::Encoding,
};
use crate::front::{
    contract::{Phase, Stop},
    tell::hand_over,
};

/// A connection after its handshake.
pub(super) struct Connection {
    desk: Arc<Desk>,
    peer: Peer,
    stop: Stop,
    buffer: Buffer,
}

/// What comes after an answer.
#[derive(PartialEq, Eq)]
enum Next {
    Request,
    End,
    /// The peer answers from now on, and we ask.
    Turned,
}

impl Connection {
    pub(super) fn new(desk: Arc<Desk>, peer: Peer, stop: Stop) -> Self {
        Self { desk, peer, stop, buffer: Buffer::new() }
    }

    /// Answers request after request, to the end.
    pub(super) async fn serve(mut self, mut stream: TlsStream<TcpStream>) {
        while let Some(head) = self.head(&mut stream).await {
            match self.request(head, &mut stream).await {
                Some(Next::Request) => self.buffer.rest(),
                Some(Next::Turned) => {
                    self.buffer.rest();
                    if let Some(place) = self.desk.turned(&self.peer) {
                        hand_over(&self.desk.service, place, &mut stream, &mut self.stop).await;
                    }
                    break;
                }
                Some(Next::End) | None => break,
            }
        }
        // A peer that does not take the closing words has had them.
        let _ = timeout(PARTING, stream.shutdown()).await;
    }

    /// The first eight bytes of the next request, or nothing when there will be none.
    async fn head(&mut self, stream: &mut TlsStream<TcpStream>) -> Option<[u8; 8]> {
        let mut head = [0; 8];
        let first = tokio::select! {
            () = self.stop.reached(Phase::Draining) => return None,
            first = timeout(self.desk.limits.idle, stream.read(&mut head)) => first.ok()?.ok()?,
        };
        let rest = head.get_mut(first..).filter(|_| first > 0)?;
        timeout(self.desk.limits.request, stream.read_exact(rest)).await.ok()?.ok()?;
        Some(head)
    }

    /// Reads, performs and answers one request; nothing when the connection failed or was too slow.
    async fn request(&mut self, head: [u8; 8], stream: &mut TlsStream<TcpStream>) -> Option<Next> {
        let desk = Arc::clone(&self.desk);
        let limit = desk.limits.request;
        let (performed, next) = match ttlv::frame_length(head, Tag::RequestMessage, &desk.frames) {
            Ok(length) => {
                timeout(limit, self.buffer.fill(&head, length, stream)).await.ok()?.ok()?;
                let buffer = std::mem::replace(&mut self.buffer, Buffer::new());
                let performed = timeout(limit, desk.perform(&self.peer, Encoding::Ttlv, buffer)).await;
                let Ok(performed) = performed else {
                    log::warn!("a request of {} took longer than {} s", self.peer.from, limit.as_secs());
                    return None;
                };
                let (performed, buffer) = performed?;
                self.buffer = buffer;
                let next = if performed.turns() { Next::Turned } else { Next::Request };
                (performed, next)
            }
            Err(why) => {
                let recorded = desk.unreadable(&self.peer);
                let refusal = batch::refusal_after(recorded, V1_0, ResultReason::InvalidMessage, &why.to_string());
                (refusal.answer(&*desk.clock, &desk.run), Next::End)
            }
        };
        let answer = timeout(limit, performed.kept()).await.ok()?;
        let sent = async {
            stream.write_all(&answer.bytes).await?;
            stream.flush().await
        };
        timeout(limit, sent).await.ok()?.ok()?;
        Some(next)
    }
}

/// How long the closing words may take.
pub(super) const PARTING: Duration = Duration::from_secs(1);
