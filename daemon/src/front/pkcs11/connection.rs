//! One connection: frames in, calls served, answers out; one read and one write for all that came together.

use std::{
    io::{self, Write},
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use strongroom_pkcs11_wire::{
    Function, Rv,
    call::{self, Request, answer, request},
    codec,
    number::Protocol,
};
use zeroize::Zeroize;

use super::{
    application::Application,
    call as served,
    desk::{Desk, House},
    presence::Name,
    refusal::{About, Failure},
    wakeful::Wakeful,
};
use crate::{
    caller::{Caller, Front, Principal, Role, Scope},
    service::{Recognised, Turned},
};

/// Who the kernel says is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The user.
    pub user: u32,
    /// The process.
    pub process: i32,
}

/// Serves a connection until it ends.
pub fn serve(house: &House, mut stream: UnixStream, peer: Peer) {
    let mut connection = Connection { house, peer, caller: stranger(peer), attached: None };
    let ended = stream.set_write_timeout(Some(PATIENCE)).and_then(|()| connection.run(&mut stream));
    if let Err(error) = ended {
        log::debug!("the PKCS#11 connection of {} ended: {error}", connection.caller.from);
    }
    if let Some((name, _)) = connection.attached {
        house.applications.detach(name, house.service.now());
    }
}

struct Connection<'h> {
    house: &'h House,
    peer: Peer,
    caller: Caller,
    attached: Option<(Name, Arc<Application>)>,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Frame,
    End,
}

impl Connection<'_> {
    fn run(&mut self, stream: &mut UnixStream) -> io::Result<()> {
        let (mut incoming, mut outgoing) = (Buffer::default(), Vec::new());
        let mut wakeful = Wakeful::new(&self.house.room);
        while incoming.fill(stream, &mut wakeful)? {
            let next = self.answer(&mut incoming, &mut outgoing);
            let written = stream.write_all(&outgoing);
            // Random bytes and plaintexts went out with it.
            outgoing.as_mut_slice().zeroize();
            outgoing.clear();
            outgoing.shrink_to(KEPT);
            written?;
            if next == Next::End {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers every whole frame that has come.
    fn answer(&mut self, incoming: &mut Buffer, outgoing: &mut Vec<u8>) -> Next {
        loop {
            let (taken, next) = match codec::cut(incoming.bytes()) {
                Ok(None) => return Next::Frame,
                Ok(Some(frame)) => (frame.taken, self.frame(frame, outgoing)),
                Err(error) => {
                    // Where the next frame begins is anybody's guess.
                    let _ = self.unreadable(error);
                    return Next::End;
                }
            };
            incoming.take(taken);
            if next == Next::End {
                return Next::End;
            }
            if outgoing.len() > codec::LONGEST {
                // The rest waits for the next turn: nobody makes the daemon hold answers without end.
                incoming.again();
                return Next::Frame;
            }
        }
    }

    fn frame(&mut self, frame: codec::Frame<'_>, outgoing: &mut Vec<u8>) -> Next {
        let function = Function(u64::from(frame.head));
        let request = match Request::read(function, frame.body) {
            Ok(request) => request,
            Err(codec::Error::Function(_)) => {
                call::write_refusal(Rv::FUNCTION_NOT_SUPPORTED, outgoing);
                return Next::Frame;
            }
            Err(error) => {
                call::write_refusal(self.unreadable(error), outgoing);
                return Next::Frame;
            }
        };
        self.recognise();
        match (request, &self.attached) {
            (Request::Attach(ask), None) => self.attach(&ask, outgoing),
            (Request::Attach(_), Some(_)) | (_, None) => {
                call::write_refusal(Rv::CRYPTOKI_NOT_INITIALIZED, outgoing);
                Next::End
            }
            (request, Some((_, application))) => {
                let desk = Desk { house: self.house, application, caller: &self.caller };
                served::serve(request, &desk, outgoing);
                Next::Frame
            }
        }
    }

    fn attach(&mut self, ask: &request::Attach, outgoing: &mut Vec<u8>) -> Next {
        if ask.protocol != Protocol::ONE {
            log::warn!("{} has a PKCS#11 module of another version: {}", self.caller.from, ask.protocol);
            call::write_refusal(Rv::DEVICE_ERROR, outgoing);
            return Next::End;
        }
        // The kernel's word for the process counts, not the module's: in a container they differ.
        let name = Name { user: self.peer.user, process: self.peer.process, nonce: ask.nonce };
        let application = self.house.applications.attach(name);
        // From here on the application is told when a token comes or goes.
        application.slot_event(self.house.slots.len(), !self.house.service.is_sealed());
        self.attached = Some((name, application));
        let back = answer::Attach { protocol: Protocol::ONE, daemon: self.house.run };
        match call::write_answer::<request::Attach>(Rv::OK, &back, outgoing) {
            Ok(()) => Next::Frame,
            Err(_) => Next::End,
        }
    }

    /// Asks anew who the user is: a registration may have been made or revoked since the last call.
    fn recognise(&mut self) {
        let (principal, role) = match self.house.service.recognise_user(self.peer.user) {
            Recognised::Known(name, role) => (Principal::Client(name), role),
            Recognised::Unknown | Recognised::Sealed => (Principal::User(self.peer.user), Role::User),
        };
        (self.caller.principal, self.caller.role) = (principal, role);
    }

    /// Records what is no call, and says what it is answered.
    fn unreadable(&self, error: codec::Error) -> Rv {
        log::warn!("{} sent what is no call: {error}", self.caller.from);
        let recorded = self.house.service.turned_away(Front::Pkcs11, &self.caller.from, None, Turned::Unreadable);
        match recorded.wait() {
            Ok(()) => Rv::ARGUMENTS_BAD,
            Err(error) => Failure::Unrecorded(error).rv(About::Token),
        }
    }
}

fn stranger(peer: Peer) -> Caller {
    Caller {
        principal: Principal::User(peer.user),
        role: Role::User,
        front: Front::Pkcs11,
        from: format!("pid {}", peer.process),
        scope: Scope::Everything,
    }
}

/// What has come and was not answered yet.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// Where what is not answered begins.
    start: usize,
    /// Where what has come ends.
    end: usize,
    /// Whether a whole frame may still be there.
    again: bool,
}

impl Buffer {
    /// Waits for more; false at the end.
    fn fill(&mut self, stream: &mut UnixStream, wakeful: &mut Wakeful<'_>) -> io::Result<bool> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        self.tidy();
        // Memory follows the bytes that came, not the length they claim.
        if self.bytes.len().saturating_sub(self.end) < CHUNK {
            let left = self.end.saturating_sub(self.start);
            let mut larger = vec![0; left.saturating_mul(2).max(CHUNK.saturating_mul(2))];
            for (to, from) in larger.iter_mut().zip(self.bytes()) {
                *to = *from;
            }
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
            self.bytes.as_mut_slice().zeroize();
            self.bytes = larger;
        }
        loop {
            match wakeful.read(stream, self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.end = self.end.saturating_add(read);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// A frame is done with: PINs and plaintexts have passed through.
    fn take(&mut self, length: usize) {
        let end = self.start.saturating_add(length);
        self.bytes.get_mut(self.start..end).unwrap_or_default().zeroize();
        self.start = end;
    }

    fn again(&mut self) {
        self.again = true;
    }

    /// Begins at the front again once nothing is left, and gives back what one long frame took.
    fn tidy(&mut self) {
        if self.start < self.end {
            return;
        }
        (self.start, self.end) = (0, 0);
        if self.bytes.len() > KEPT {
            self.bytes = Vec::new();
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.bytes.as_mut_slice().zeroize();
    }
}

/// Most calls fit into one read of this size.
const CHUNK: usize = 4096;
/// What an idle connection keeps of a buffer at most.
const KEPT: usize = 16 * 1024;
/// How long an application that does not read its answers is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
