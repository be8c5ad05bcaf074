//! One connection: frames in, calls served, answers out; one read and one write for all that came together.

use std::{io, sync::Arc};

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
    line::Line,
    presence::{Name, Peer},
    refusal::{About, Failure},
    tunnel::is_officers,
};
use crate::{
    caller::{Caller, Front, Principal, Role, Scope},
    service::{Recognised, Turned},
};

/// Serves a connection until it ends. `from` says where it comes from, for the audit log.
pub fn serve(house: &House, mut line: Line<'_>, peer: Peer, from: String) {
    let mut connection = Connection { house, peer, caller: stranger(peer, from), attached: None };
    if let Err(error) = connection.run(&mut line) {
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
    fn run(&mut self, line: &mut Line<'_>) -> io::Result<()> {
        let (mut incoming, mut outgoing) = (Buffer::default(), Vec::new());
        while incoming.fill(line, || self.stays())? {
            let next = self.answer(&mut incoming, &mut outgoing);
            let written = line.write(&outgoing);
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

    /// Whether a connection that has not called for long is kept: sessions that are open may be called in at any time.
    fn stays(&self) -> bool {
        self.attached.as_ref().is_some_and(|(_, application)| application.has_sessions())
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
                call::write_refusal(self.turned_away(Turned::Unreadable, Rv::FUNCTION_NOT_SUPPORTED), outgoing);
                return Next::Frame;
            }
            Err(error) => {
                call::write_refusal(self.unreadable(error), outgoing);
                return Next::Frame;
            }
        };
        let known = self.recognise();
        if known == Known::Gone {
            log::info!("turned {} away: it is no longer a registered client", self.caller.from);
            call::write_refusal(self.turned_away(Turned::Unregistered, Rv::DEVICE_REMOVED), outgoing);
            return Next::End;
        }
        match (request, &self.attached) {
            (Request::Attach(ask), None) => self.attach(&ask, outgoing),
            (Request::Attach(_), Some(_)) | (_, None) => {
                call::write_refusal(Rv::CRYPTOKI_NOT_INITIALIZED, outgoing);
                Next::End
            }
            (request, Some(_)) if known == Known::Sealed && !is_open(&request) => {
                call::write_refusal(self.turned_away(Turned::Sealed, Rv::TOKEN_NOT_PRESENT), outgoing);
                Next::Frame
            }
            (request, Some((_, application))) => {
                let desk = Desk::new(self.house, application, &self.caller);
                if self.is_afar() && is_officers(&request) && self.caller.role != Role::Administrator {
                    call::write_refusal(desk.reject(request.function(), Rv::FUNCTION_REJECTED), outgoing);
                } else {
                    served::serve(request, &desk, outgoing);
                }
                Next::Frame
            }
        }
    }

    fn attach(&mut self, ask: &request::Attach, outgoing: &mut Vec<u8>) -> Next {
        if ask.protocol != Protocol::THREE {
            log::warn!("{} has a PKCS#11 module of another version: {}", self.caller.from, ask.protocol);
            call::write_refusal(Rv::DEVICE_ERROR, outgoing);
            return Next::End;
        }
        // The kernel's word for the process counts, not the module's: in a container they differ.
        let name = Name { peer: self.peer, nonce: ask.nonce };
        let application = self.house.applications.attach(name);
        // From here on the application is told when a token comes or goes.
        application.slot_event(&self.house.slot_numbers(), !self.house.service.is_sealed());
        self.attached = Some((name, application));
        let back = answer::Attach { protocol: Protocol::THREE, daemon: self.house.run };
        match call::write_answer::<request::Attach>(Rv::OK, &back, outgoing) {
            Ok(()) => Next::Frame,
            Err(_) => Next::End,
        }
    }

    /// Asks anew who the peer is: a registration may have been made or revoked since the last call.
    fn recognise(&mut self) -> Known {
        let recognised = match self.peer {
            Peer::Process { user, .. } => self.house.service.recognise_user(user),
            Peer::Key(key) => self.house.service.recognise(&key),
        };
        let (known, principal, role) = match (recognised, self.peer) {
            (Recognised::Known(name, role), _) => (Known::Yes, Principal::Client(name), role),
            (_, Peer::Process { user, .. }) => (Known::Yes, Principal::User(user), Role::User),
            (Recognised::Sealed, Peer::Key(_)) => (Known::Sealed, Principal::User(NOBODY), Role::User),
            (Recognised::Unknown, Peer::Key(_)) => (Known::Gone, Principal::User(NOBODY), Role::User),
        };
        (self.caller.principal, self.caller.role) = (principal, role);
        known
    }

    fn is_afar(&self) -> bool {
        matches!(self.peer, Peer::Key(_))
    }

    /// Records what is no call, and says what it is answered.
    fn unreadable(&self, error: codec::Error) -> Rv {
        log::warn!("{} sent what is no call: {error}", self.caller.from);
        self.turned_away(Turned::Unreadable, Rv::ARGUMENTS_BAD)
    }

    /// Records why the peer is not served, and says what it is answered.
    fn turned_away(&self, why: Turned, rv: Rv) -> Rv {
        let key = match self.peer {
            Peer::Process { .. } => None,
            Peer::Key(key) => Some(key),
        };
        match self.house.service.turned_away(self.caller.front, &self.caller.from, key, why).wait() {
            Ok(()) => rv,
            Err(error) => Failure::Unrecorded(error).rv(About::Token),
        }
    }
}

/// Whether it is known who the peer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Yes,
    /// The vault is sealed, and the names of clients with it.
    Sealed,
    /// Its registration was revoked.
    Gone,
}

/// What is answered while nobody can be recognised: which slots there are, and that they hold no token now.
fn is_open(request: &Request) -> bool {
    use Request as R;
    matches!(request, R::Finalize(_) | R::GetSlotList(_) | R::GetSlotInfo(_) | R::WaitForSlotEvent(_))
}

fn stranger(peer: Peer, from: String) -> Caller {
    let (user, front) = match peer {
        Peer::Process { user, .. } => (user, Front::Pkcs11),
        Peer::Key(_) => (NOBODY, Front::Pkcs11Tls),
    };
    Caller { principal: Principal::User(user), role: Role::User, front, from, scope: Scope::Everything }
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
    /// Waits for more; false at the end. When nothing comes for so long that a connection would be closed, `stays` says
    /// whether this one is.
    fn fill(&mut self, line: &mut Line<'_>, stays: impl Fn() -> bool) -> io::Result<bool> {
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
        let begun = self.start < self.end;
        loop {
            match line.read(self.bytes.get_mut(self.end..).unwrap_or_default(), begun) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.end = self.end.saturating_add(read);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !begun && stays() => {}
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
/// No user has this number: to the system it means that there is none.
const NOBODY: u32 = u32::MAX;
