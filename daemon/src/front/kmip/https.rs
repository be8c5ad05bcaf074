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
use zeroize::{Zeroize, Zeroizing};

use super::{
    buffer::Buffer,
    desk::{Desk, Peer},
    encoding::Encoding,
    http::{self, After, CONTINUE, Head, LARGEST_HEAD, Refused},
    session::PARTING,
};
use crate::front::contract::{Phase, Stop};

/// A connection after its handshake.
pub(super) struct Connection {
    desk: Arc<Desk>,
    peer: Peer,
    stop: Stop,
    /// What has come and was not used yet: a head, or what came behind the last body.
    came: Zeroizing<Vec<u8>>,
    buffer: Buffer,
}

/// Why there is no next request.
enum End {
    /// The peer hung up, said nothing for too long, or the daemon stops.
    Silent,
    /// Something is to be said first.
    Refused(Refused),
}

impl From<Refused> for End {
    fn from(why: Refused) -> Self {
        Self::Refused(why)
    }
}

impl Connection {
    pub(super) fn new(desk: Arc<Desk>, peer: Peer, stop: Stop) -> Self {
        Self { desk, peer, stop, came: Zeroizing::default(), buffer: Buffer::new() }
    }

    /// Answers request after request, to the end.
    pub(super) async fn serve(mut self, mut stream: TlsStream<TcpStream>) {
        loop {
            let after = match self.request(&mut stream).await {
                Ok(head) => self.answer(head, &mut stream).await,
                Err(End::Silent) => None,
                Err(End::Refused(why)) => {
                    log::info!("{} from {}: {why}", why.status(), self.peer.from);
                    if let Err(error) = self.desk.unreadable(&self.peer).await {
                        log::error!("a refusal was not recorded: {error}");
                        return;
                    }
                    let answer = why.answer(self.desk.clock.now().seconds());
                    let _ = timeout(self.desk.limits.request, send(&mut stream, &answer, &[])).await;
                    None
                }
            };
            match after {
                Some(After::Stays | After::StaysAsAsked) => self.buffer.rest(),
                Some(After::Ends) | None => break,
            }
        }
        let _ = timeout(PARTING, stream.shutdown()).await;
    }

    /// Reads the next request: its body stands in the buffer.
    async fn request(&mut self, stream: &mut TlsStream<TcpStream>) -> Result<Head, End> {
        if self.came.is_empty() {
            let first = tokio::select! {
                () = self.stop.reached(Phase::Draining) => return Err(End::Silent),
                first = timeout(self.desk.limits.idle, read(&mut self.came, stream)) => first,
            };
            first.unwrap_or(Err(End::Silent))?;
        }
        let limit = self.desk.limits.request;
        let whole = async {
            let (head, end) = self.head(stream).await?;
            if head.waits {
                send(stream, CONTINUE, &[]).await.map_err(|_| End::Silent)?;
            }
            let body = end.checked_add(head.length).map_or(self.came.len(), |whole| whole.min(self.came.len()));
            let begun = self.came.get(end..body).unwrap_or_default();
            self.buffer.fill(begun, head.length, stream).await.map_err(|_| End::Silent)?;
            let rest = self.came.split_off(body);
            self.came.zeroize();
            self.came = Zeroizing::new(rest);
            Ok(head)
        };
        timeout(limit, whole).await.unwrap_or(Err(Refused::Slow.into()))
    }

    /// The head of the next request, and where it ends in what has come.
    async fn head(&mut self, stream: &mut TlsStream<TcpStream>) -> Result<(Head, usize), End> {
        let mut searched = 0;
        loop {
            if let Some(end) = Head::end(&self.came, searched) {
                let bytes = self.came.get(..end).unwrap_or_default();
                return Ok((Head::read(bytes, self.desk.limits.message)?, end));
            }
            if self.came.len() >= LARGEST_HEAD {
                return Err(Refused::Head.into());
            }
            searched = self.came.len();
            read(&mut self.came, stream).await?;
        }
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
        let answer = timeout(limit, performed.written(&*desk.clock, &desk.run)).await.ok()?;
        let body = encoded(head.encoding, answer).await?;
        let top = http::answer(head.encoding, body.len(), head.after, desk.clock.now().seconds());
        timeout(limit, send(stream, &top, &body)).await.ok()?.ok()?;
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
async fn read(came: &mut Zeroizing<Vec<u8>>, stream: &mut TlsStream<TcpStream>) -> Result<(), End> {
    let room = LARGEST_HEAD.saturating_sub(came.len());
    if came.capacity() < LARGEST_HEAD {
        let mut larger = Zeroizing::new(Vec::with_capacity(LARGEST_HEAD));
        larger.extend_from_slice(came);
        *came = larger;
    }
    let limit = u64::try_from(room).unwrap_or(u64::MAX);
    match stream.take(limit).read_buf(&mut **came).await {
        Ok(0) | Err(_) => Err(End::Silent),
        Ok(_) => Ok(()),
    }
}

async fn send(stream: &mut TlsStream<TcpStream>, head: &[u8], body: &[u8]) -> std::io::Result<()> {
    stream.write_all(head).await?;
    stream.write_all(body).await?;
    stream.flush().await
}
