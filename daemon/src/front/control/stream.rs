//! A backup on its way over the operator's socket: pieces behind their lengths, then nothing, then the answer as a line.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use strongroom_kmip::code::ResultReason;
use tokio::{io::AsyncWriteExt, net::UnixStream, sync::mpsc, time::timeout};

use super::line::{Reply, refused};
use crate::{caller::Caller, service::Service};

/// Makes a backup and sends it while it is made. An operator who hangs up, or does not listen, ends it.
pub(super) async fn backup(stream: &mut UnixStream, service: &Arc<Service>, caller: &Caller) -> Option<Reply> {
    let (sender, mut pieces) = mpsc::channel(QUEUE);
    let (service, caller) = (Arc::clone(service), caller.clone());
    let work = tokio::task::spawn_blocking(move || service.back_up(&caller, &mut Pipe(sender)));
    while let Some(piece) = pieces.recv().await {
        send(stream, &piece).await?;
    }
    let reply = match work.await {
        Ok(Ok(report)) => Reply::Done(report),
        Ok(Err(refusal)) => refused(refusal.reason, &refusal.message),
        Err(_) => refused(ResultReason::GeneralFailure, "the daemon failed; see its log"),
    };
    timeout(SEND, stream.write_all(&0u32.to_be_bytes())).await.ok()?.ok()?;
    Some(reply)
}

async fn send(stream: &mut UnixStream, piece: &[u8]) -> Option<()> {
    let length = u32::try_from(piece.len()).ok()?;
    timeout(SEND, async {
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(piece).await
    })
    .await
    .ok()?
    .ok()
}

/// The end that a backup is written to.
struct Pipe(mpsc::Sender<Vec<u8>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.is_empty() {
            self.0.blocking_send(bytes.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pieces of some 64 KiB that wait for the operator.
const QUEUE: usize = 8;
/// How long an operator may take to hear a piece.
const SEND: Duration = Duration::from_secs(30);
