//! KMIP over HTTPS: each message is the body of a POST (KMIP Additional Message Encodings 1.0 §2).
//!
//! What is wrong with the HTTP is answered in HTTP and ends the connection; what is wrong with the message is answered
//! in KMIP's words, in the encoding that it came in.

use std::sync::Arc;

use strongroom_kmip::secret::Wiped;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::server::TlsStream;

use super::{
    batch::Kept,
    buffer::Buffer,
    desk::{Asker, Desk, Peer},
    encoding::Encoding,
    http::{self, After, Asked, CONTINUE, Head, LARGEST_HEAD, Refused},
    session::PARTING,
};
use crate::{
    clock::Deadline,
    front::{
        contract::{Phase, Stop},
        listen::Place,
    },
    service::Turned,
};

/// A connection after its handshake.
pub(super) struct Connection {
    desk: Arc<Desk>,
    peer: Peer,
    stop: Stop,
    /// Whether the peer has turned out to be somebody: by its certificate, or by a token later.
    known: bool,
    /// What has come and was not used yet: a head, or what came behind the last body.
    came: Wiped,
    buffer: Buffer,
}

/// Why there is no next request.
enum End {
    /// The peer hung up, said nothing for too long, or the daemon stops.
    Silent,
    /// Something is to be said first, and written into the log before that.
    Refused(Refused, Turned, After),
}

impl From<Refused> for End {
    fn from(why: Refused) -> Self {
        // Nobody can tell where the next request begins.
        Self::Refused(why, Turned::Unreadable, After::Ends)
    }
}

impl Connection {
    pub(super) fn new(desk: Arc<Desk>, peer: Peer, stop: Stop) -> Self {
        let known = peer.shown.key.is_some();
        Self { desk, peer, stop, known, came: Wiped::default(), buffer: Buffer::new() }
    }

    /// Answers request after request, to the end.
    pub(super) async fn serve(mut self, mut stream: TlsStream<TcpStream>, place: &mut Place) {
        let mut unread = false;
        loop {
            let after = match self.request(&mut stream, place).await {
                Ok(head) => self.answer(head, &mut stream).await,
                Err(End::Silent) => None,
                Err(End::Refused(why, turned, after)) => {
                    unread = true;
                    self.refuse(why, turned, after, &mut stream).await
                }
            };
            match after {
                Some(After::Stays | After::StaysAsAsked) => self.buffer.rest(),
                Some(After::Ends) | None => break,
            }
        }
        let parting = async {
            stream.shutdown().await?;
            if unread { linger(&mut stream).await } else { Ok(()) }
        };
        let _ = timeout(PARTING, parting).await;
    }

    /// Reads the next request: its body stands in the buffer.
    async fn request(&mut self, stream: &mut TlsStream<TcpStream>, place: &mut Place) -> Result<Head, End> {
        let limits = self.desk.limits;
        // Each request shows its own; what is refused before that is nobody's of the one before.
        self.peer.shown.bearer = None;
        // Who is nobody yet has the time of a handshake to say who it is.
        let (idle, limit) =
            if self.known { (limits.idle, limits.request) } else { (limits.handshake, limits.handshake) };
        if self.came.is_empty() {
            let first = tokio::select! {
                () = self.stop.reached(Phase::Draining) => return Err(End::Silent),
                first = timeout(idle, read(&mut self.came, stream)) => first,
            };
            first.unwrap_or(Err(End::Silent))?;
        }
        let deadline = Deadline::after(limits.request);
        let asked = timeout(limit, self.head(stream)).await.unwrap_or(Err(Refused::Slow.into()))?;
        let head = self.admit(asked, place)?;
        let body = async {
            if head.waits {
                send(stream, CONTINUE, &[]).await.map_err(|_| End::Silent)?;
            }
            let begun = head.length.min(self.came.len());
            self.buffer
                .fill(self.came.get(..begun).unwrap_or_default(), head.length, stream)
                .await
                .map_err(|_| End::Silent)?;
            self.forget(begun);
            Ok(head)
        };
        timeout(deadline.left().unwrap_or_default(), body).await.unwrap_or(Err(Refused::Slow.into()))
    }

    /// The head of the next request; what came behind it is left.
    async fn head(&mut self, stream: &mut TlsStream<TcpStream>) -> Result<Asked, End> {
        let mut searched = 0;
        loop {
            if let Some(end) = Asked::end(&self.came, searched) {
                let asked = Asked::read(self.came.get(..end).unwrap_or_default(), self.desk.limits.message);
                self.forget(end);
                return Ok(asked?);
            }
            if self.came.len() >= LARGEST_HEAD {
                return Err(Refused::Head.into());
            }
            searched = self.came.len();
            read(&mut self.came, stream).await?;
        }
    }

    /// Wipes the first bytes of what has come.
    fn forget(&mut self, used: usize) {
        let mut rest = Wiped::default();
        rest.extend_from_slice(self.came.get(used..).unwrap_or_default());
        self.came = rest;
    }

    /// Lets a request in whose sender is somebody, before anything else of it is looked at.
    fn admit(&mut self, asked: Asked, place: &mut Place) -> Result<Head, End> {
        let Asked { bearer, unread, head } = asked;
        self.peer.shown.bearer = bearer;
        let certified = self.peer.shown.key.is_some();
        let Some(bearer) = bearer else {
            // Who a certificate belongs to is asked when the request is performed.
            return if certified { Ok(head?) } else { Err(End::Refused(Refused::Bare, Turned::Bare, unread)) };
        };
        match self.desk.asker(&self.peer) {
            Ok(Asker::Client(..)) => {}
            Ok(Asker::Sealed) if certified => {}
            Ok(Asker::Sealed) => return Err(End::Refused(Refused::Sealed, Turned::Sealed, unread)),
            Err(why) => return Err(End::Refused(Refused::Token, why, unread)),
        }
        if !self.known {
            if !place.belongs(bearer.hash(), self.desk.limits.per_key) {
                return Err(End::Refused(Refused::Crowded, Turned::Crowded, After::Ends));
            }
            self.known = true;
        }
        Ok(head?)
    }

    /// Records and says why a request is not performed; nothing when the connection has to end.
    async fn refuse(
        &self,
        why: Refused,
        turned: Turned,
        after: After,
        stream: &mut TlsStream<TcpStream>,
    ) -> Option<After> {
        let desk = &self.desk;
        let free = self.known && turned == Turned::Unreadable;
        if !free && !desk.patience.take(self.peer.from.ip(), desk.clock.now()) {
            log::debug!("no more answers for {} now: {why}", self.peer.from);
            return None;
        }
        log::info!("{} from {}: {why}", why.status(), self.peer.from);
        if let Err(error) = desk.turn_away(&self.peer, turned).await {
            log::error!("a refusal was not recorded: {error}");
            return None;
        }
        let answer = why.answer(after, desk.clock.now().seconds());
        timeout(desk.limits.request, send(stream, &answer, &[])).await.ok()?.ok()?;
        Some(after)
    }

    /// Performs and answers the request in the buffer; nothing when the connection failed or was too slow.
    async fn answer(&mut self, head: Head, stream: &mut TlsStream<TcpStream>) -> Option<After> {
        let desk = Arc::clone(&self.desk);
        let limit = desk.limits.request;
        let buffer = std::mem::replace(&mut self.buffer, Buffer::new());
        let Ok(performed) = timeout(limit, desk.perform(&self.peer, head.encoding, buffer)).await else {
            log::warn!("a request of {} took longer than {} s", self.peer.from, limit.as_secs());
            return None;
        };
        let (performed, buffer) = performed?;
        self.buffer = buffer;
        let answer = timeout(limit, performed.kept()).await.ok()?;
        let Kept { bytes, held } = answer;
        let body = encoded(head.encoding, bytes).await?;
        let top = http::answer(head.encoding, body.len(), head.after, desk.clock.now().seconds());
        timeout(limit, send(stream, &top, &body)).await.ok()?.ok()?;
        drop(held);
        Some(head.after)
    }
}

/// The answer in the encoding of the request. A long one is no work for a thread that others wait for.
async fn encoded(encoding: Encoding, answer: Wiped) -> Option<Wiped> {
    if encoding == Encoding::Ttlv {
        return Some(answer);
    }
    let written = tokio::task::spawn_blocking(move || encoding.encode(answer)).await;
    match written {
        Ok(Ok(body)) => Some(body),
        Ok(Err(why)) => {
            log::error!("an answer has no {encoding:?}: {why}");
            None
        }
        Err(error) => {
            log::error!("writing an answer ended in a panic: {error}");
            None
        }
    }
}

/// Reads what there is, up to a head's size.
async fn read(came: &mut Wiped, stream: &mut TlsStream<TcpStream>) -> Result<(), End> {
    let room = LARGEST_HEAD.saturating_sub(came.len());
    came.room(LARGEST_HEAD);
    let limit = u64::try_from(room).unwrap_or(u64::MAX);
    match stream.take(limit).read_buf(&mut **came).await {
        Ok(0) | Err(_) => Err(End::Silent),
        Ok(_) => Ok(()),
    }
}

/// Takes what a peer still sends that was refused in the middle of it: a connection that is closed over bytes which nobody has
/// read is reset, and the answer may be lost with it.
async fn linger(stream: &mut TlsStream<TcpStream>) -> std::io::Result<()> {
    let mut dropped = Wiped::new(vec![0; 4 << 10]);
    for _ in 0..LINGERS {
        if stream.read(&mut dropped).await? == 0 {
            break;
        }
    }
    Ok(())
}

async fn send(stream: &mut TlsStream<TcpStream>, head: &[u8], body: &[u8]) -> std::io::Result<()> {
    stream.write_all(head).await?;
    stream.write_all(body).await?;
    stream.flush().await
}

/// Reads of what is dropped.
const LINGERS: usize = 256;
