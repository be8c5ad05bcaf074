//! The daemon's end of the operator's socket.

use std::{io, sync::Arc, time::Duration};

use nix::unistd::geteuid;
use strongroom_kmip::code::ResultReason;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream, unix::UCred},
    sync::Semaphore,
    time::timeout,
};
use zeroize::Zeroizing;

use super::{
    line::{Reply, read_order, refused},
    stream,
};
use crate::{
    caller::{Caller, Front, Principal, Role, Scope},
    front::contract::{Crew, Phase, Stop},
    service::{Order, Service, Turned},
};

/// Hears operators until the daemon drains.
pub async fn serve(listener: UnixListener, service: Arc<Service>, mut stop: Stop, crew: &Crew) {
    let places = Arc::new(Semaphore::new(OPERATORS));
    loop {
        let accepted = tokio::select! {
            () = stop.reached(Phase::Draining) => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::warn!("cannot take an operator's connection: {error}");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            log::warn!("more than {OPERATORS} operators at the same time");
            crowded(stream);
            continue;
        };
        let (service, stop, member) = (Arc::clone(&service), stop.clone(), crew.member());
        tokio::spawn(async move {
            connection(stream, service, stop).await;
            drop((place, member));
        });
    }
}

async fn connection(mut stream: UnixStream, service: Arc<Service>, mut stop: Stop) {
    let Ok(peer) = stream.peer_cred() else { return };
    let from = peer.pid().map_or_else(|| "pid unknown".to_owned(), |pid| format!("pid {pid}"));
    let officer = service.officer(peer.uid());
    if !may_order(&peer) && officer.is_none() {
        log::warn!("turned user {} away from the control socket", peer.uid());
        let told = move || service.turned_away(Front::Control, &from, None, Turned::Untrusted).wait();
        if !matches!(tokio::task::spawn_blocking(told).await, Ok(Ok(()))) {
            return;
        }
        let why = "only root and the daemon's own user give orders here; run the command with sudo";
        let _ = send(&mut stream, &refused(ResultReason::PermissionDenied, why)).await;
        return;
    }
    let caller = Caller {
        principal: officer.map_or(Principal::Operator, Principal::Officer),
        role: if may_order(&peer) { Role::Administrator } else { Role::Auditor },
        front: Front::Control,
        from,
        scope: Scope::Everything,
    };
    loop {
        let line = tokio::select! {
            () = stop.reached(Phase::Draining) => return,
            line = timeout(IDLE, line(&mut stream)) => line,
        };
        let Ok(Some(line)) = line else { return };
        let reply = if matches!(read_order(&line), Ok(Order::Backup)) {
            let Some(reply) = stream::backup(&mut stream, &service, &caller).await else { return };
            reply
        } else {
            let (service, caller) = (Arc::clone(&service), caller.clone());
            let work = move || perform(&service, &caller, &line);
            let reply = tokio::task::spawn_blocking(work).await;
            reply.unwrap_or_else(|_| refused(ResultReason::GeneralFailure, "the daemon failed; see its log"))
        };
        if send(&mut stream, &reply).await.is_none() {
            return;
        }
    }
}

/// Says that there is no place, without waiting: a stream that is new has room for it.
fn crowded(stream: UnixStream) {
    let why = "as many operators as can be heard are heard already; try again in a moment";
    let Ok(mut line) = serde_json::to_vec(&refused(ResultReason::ServerLimitExceeded, why)) else { return };
    line.push(b'\n');
    if let Ok(mut stream) = stream.into_std() {
        let _ = io::Write::write_all(&mut stream, &line);
    }
}

fn may_order(peer: &UCred) -> bool {
    peer.uid() == 0 || peer.uid() == geteuid().as_raw()
}

fn perform(service: &Service, caller: &Caller, line: &[u8]) -> Reply {
    let order = match read_order(line) {
        Ok(order) => order,
        Err(why) => return refused(ResultReason::InvalidMessage, &format!("this is no order: {why}")),
    };
    match service.order_exactly(caller, order, line) {
        Ok(report) => Reply::Done(report),
        Err(refusal) => refused(refusal.reason, &refusal.message),
    }
}

/// The next line without its end, or nothing when there is none or it is too long.
async fn line(stream: &mut UnixStream) -> Option<Zeroizing<Vec<u8>>> {
    // Grown by hand, so that no half of a line with a secret is left behind.
    let mut line = Zeroizing::new(Vec::with_capacity(FIRST));
    let mut end = None;
    while end.is_none() && line.len() < LONGEST {
        if line.len() == line.capacity() {
            let mut more = Zeroizing::new(Vec::with_capacity(LONGEST));
            more.extend_from_slice(&line);
            line = more;
        }
        let left = u64::try_from(line.capacity().saturating_sub(line.len())).unwrap_or(u64::MAX);
        if (&mut *stream).take(left).read_buf(&mut *line).await.ok()? == 0 {
            return None;
        }
        end = line.iter().position(|&byte| byte == b'\n');
    }
    // An operator's tool waits for each answer; bytes behind the line are none of ours.
    line.truncate(end?);
    Some(line)
}

async fn send(stream: &mut UnixStream, reply: &Reply) -> Option<()> {
    let mut bytes = Zeroizing::new(serde_json::to_vec(reply).ok()?);
    bytes.push(b'\n');
    timeout(SEND, stream.write_all(&bytes)).await.ok()?.ok()
}

/// Operators that are heard at the same time.
const OPERATORS: usize = 16;
/// The longest usual order is one with a certificate request, as numbers.
const FIRST: usize = 64 << 10;
/// The longest of all brings an object back out of a backup: two megabytes in hexadecimal digits.
const LONGEST: usize = 4 << 20;
/// How long an operator may be silent.
const IDLE: Duration = Duration::from_secs(60);
/// How long an operator may take to hear an answer.
const SEND: Duration = Duration::from_secs(10);
/// How long to wait after a failed accept.
const BREATH: Duration = Duration::from_millis(50);
