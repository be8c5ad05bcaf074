//! The door: takes connections on the socket and from other hosts, gives each a thread, and sees all of them out.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{getsockopt, sockopt::PeerCredentials},
};
use strongroom_pkcs11_wire::codec;

use super::{
    connection,
    desk::House,
    line::{Line, Timed},
    passing::{Leftovers, Seats},
    presence::Peer,
    tunnel::Tunnel,
};
use crate::{
    caller::Front,
    chance::{self, Chance},
    front::{
        contract::Limits,
        listen,
        tls::{Failed, Tls},
    },
    service::{Cryptoki, Service, Turned},
    wakeful::Wakeful,
};

/// What applications may take: connections, each of which holds a thread that waits most of the time, and objects that end
/// with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Connections in all.
    pub total: usize,
    /// Connections of one user.
    pub per_user: usize,
    /// Objects of the sessions of one application.
    pub objects: usize,
    /// Objects of sessions in all.
    pub all_objects: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self { total: 256, per_user: 192, objects: 4096, all_objects: 65_536 }
    }
}

/// Where applications on other hosts come in.
pub struct Afar {
    /// Sockets that listen.
    pub listeners: Vec<TcpListener>,
    /// Shakes hands.
    pub tls: Arc<Tls>,
    /// What each of them may take.
    pub limits: Limits,
}

/// The open door. It is closed with [`close`](Door::close).
pub struct Door {
    /// The PKCS#11 operation reaches it as long as the door is open.
    _tunnel: Arc<Tunnel>,
    bell: Arc<UnixStream>,
    keeper: JoinHandle<()>,
}

/// Opens the door: applications that connect to `listener`, or come from afar, are served from now on, by threads that
/// block.
///
/// # Errors
/// When the system gives no thread, no socket pair or no randomness.
pub fn open(
    listener: UnixListener,
    afar: Option<Afar>,
    service: Arc<Service>,
    chance: &dyn Chance,
    places: Places,
) -> io::Result<Door> {
    let dry = |_| io::Error::other("the random source gives nothing");
    let run = chance::array(chance).map_err(dry)?;
    let first: [u8; 4] = chance::array(chance).map_err(dry)?;
    listener.set_nonblocking(true)?;
    afar.iter().flat_map(|afar| &afar.listeners).try_for_each(|listener| listener.set_nonblocking(true))?;
    let (bell, ears) = UnixStream::pair()?;
    let bell = Arc::new(bell);
    // No handle is nought, and all of them fit into the CK_ULONG of a 32-bit application for a long time.
    let first = u64::from(u32::from_be_bytes(first) >> 2).saturating_add(1);
    let seats = Seats::new(places.objects, places.all_objects);
    let house = Arc::new(House::new(service, run, first, &seats));
    let tunnel = Arc::new(Tunnel::new(Arc::clone(&house)));
    let reached: Arc<dyn Cryptoki> = Arc::<Tunnel>::clone(&tunnel);
    house.service.reach(Arc::downgrade(&reached));
    let distant = afar.map(|Afar { listeners, tls, limits }| {
        let most = limits.connections.min(MOST_AFAR);
        let gate = Gate { tls, limits, per_key: limits.per_key.min(MOST_OF_ONE_AFAR) };
        (listeners, Arc::new(gate), listen::Places::new(most, limits.per_address))
    });
    let (gone, all_gone) = mpsc::channel::<Leftovers>();
    let undertaker = {
        let house = Arc::clone(&house);
        move || house.bury(&all_gone)
    };
    let undertaker = thread::Builder::new().name("pkcs11 end".to_owned()).spawn(undertaker)?;
    let keeper = Keeper {
        listener,
        distant,
        bell: Arc::clone(&bell),
        ears,
        house,
        places,
        guests: Arc::default(),
        gone,
        undertaker,
    };
    let keeper = thread::Builder::new().name("pkcs11".to_owned()).spawn(move || keeper.keep())?;
    Ok(Door { _tunnel: tunnel, bell, keeper })
}

impl Door {
    /// Closes the door: nobody new is let in, calls in hand are answered, and every thread has ended when this returns.
    pub fn close(self) {
        // The keeper is gone already if it does not hear.
        let _ = (&*self.bell).write_all(&[CLOSE]);
        if self.keeper.join().is_err() {
            log::error!("the PKCS#11 socket's thread panicked");
        }
    }
}

struct Keeper {
    listener: UnixListener,
    distant: Option<(Vec<TcpListener>, Arc<Gate>, Arc<listen::Places>)>,
    /// Rung by those who leave, and to close the door.
    bell: Arc<UnixStream>,
    ears: UnixStream,
    house: Arc<House>,
    places: Places,
    guests: Arc<Mutex<Guests>>,
    /// To the thread that tidies up after applications: one that leaves thousands of objects keeps nobody waiting at the door.
    gone: mpsc::Sender<Leftovers>,
    undertaker: JoinHandle<()>,
}

/// What whoever comes from afar has to pass.
struct Gate {
    tls: Arc<Tls>,
    limits: Limits,
    per_key: usize,
}

/// The connections that are served now.
#[derive(Default)]
struct Guests {
    next: u64,
    here: HashMap<u64, Guest>,
}

struct Guest {
    /// The user; nobody for whoever comes from afar.
    user: Option<u32>,
    stream: Stream,
    thread: Option<JoinHandle<()>>,
    /// Whether its thread is about to end.
    leaving: bool,
}

/// What is kept of a connection to end it.
enum Stream {
    Near(UnixStream),
    Afar(TcpStream),
}

impl Keeper {
    fn keep(self) {
        while self.wait() {
            match self.listener.accept() {
                Ok((stream, _)) => self.welcome(stream),
                Err(error) => pause_after(&error),
            }
            if let Some((listeners, gate, places)) = &self.distant {
                for listener in listeners {
                    match listener.accept() {
                        Ok((stream, from)) => self.let_in(stream, from, gate, places),
                        Err(error) => pause_after(&error),
                    }
                }
            }
            self.see_out();
        }
        self.close();
    }

    /// Waits for a knock; false when the door is to be closed.
    fn wait(&self) -> bool {
        // Somebody who left may come back; whoever does not is tidied up after.
        let limit = if self.house.applications.has_leavers() { PollTimeout::from(200_u16) } else { PollTimeout::NONE };
        let distant = self.distant.iter().flat_map(|(listeners, ..)| listeners).map(AsFd::as_fd);
        let all = [self.ears.as_fd(), self.listener.as_fd()].into_iter().chain(distant);
        let mut ends: Vec<PollFd<'_>> = all.map(|end| PollFd::new(end, PollFlags::POLLIN)).collect();
        let heard = poll(&mut ends, limit);
        if heard.is_err() || !ends.first().is_some_and(|bell| bell.any().unwrap_or(false)) {
            return true;
        }
        let mut rung = [0; 64];
        let count = (&self.ears).read(&mut rung).unwrap_or(0);
        count > 0 && !rung.iter().take(count).any(|ring| *ring == CLOSE)
    }

    /// Somebody on this machine.
    fn welcome(&self, stream: UnixStream) {
        let (peer, user, process) = match peer(&stream) {
            Ok((user, process)) => (Peer::Process { user, process }, user, process),
            Err(error) => return log::warn!("the kernel does not say who knocks on the PKCS#11 socket: {error}"),
        };
        {
            let guests = lock(&self.guests);
            let local = guests.here.values().filter(|guest| guest.user.is_some());
            let (taken, own) = (local.clone().count(), local.filter(|guest| guest.user == Some(user)).count());
            if taken >= self.places.total || own >= self.places.per_user {
                return log::warn!("user {user} has no place on the PKCS#11 socket: {taken} are taken");
            }
        }
        let ready = stream.set_nonblocking(false).and_then(|()| stream.try_clone());
        let served = ready.and_then(|kept| {
            self.seat(Some(user), Stream::Near(kept), move |house| {
                match Line::near(stream, Wakeful::new(&house.room)) {
                    Ok(line) => connection::serve(house, line, peer, format!("pid {process}")),
                    Err(error) => log::debug!("a PKCS#11 connection ended before it began: {error}"),
                }
            })
        });
        if let Err(error) = served {
            log::warn!("the PKCS#11 socket cannot serve one more: {error}");
        }
    }

    /// Somebody on another host, who has yet to show who it is.
    fn let_in(&self, stream: TcpStream, from: SocketAddr, gate: &Arc<Gate>, places: &Arc<listen::Places>) {
        let Some(place) = places.take(from.ip()) else {
            return log::debug!("no place for a PKCS#11 connection from {from}");
        };
        let gate = Arc::clone(gate);
        let ready = stream.set_nonblocking(false).and_then(|()| stream.set_nodelay(true));
        let served = ready
            .and_then(|()| stream.try_clone())
            .and_then(|kept| self.seat(None, Stream::Afar(kept), move |house| gate.pass(house, stream, from, place)));
        if let Err(error) = served {
            log::warn!("cannot serve one more PKCS#11 connection: {error}");
        }
    }

    /// Gives a connection a thread.
    fn seat(&self, user: Option<u32>, stream: Stream, serve: impl FnOnce(&House) + Send + 'static) -> io::Result<()> {
        let mut seats = lock(&self.guests);
        let number = seats.next;
        seats.next = number.saturating_add(1);
        let (house, guests, bell) = (Arc::clone(&self.house), Arc::clone(&self.guests), Arc::clone(&self.bell));
        let work = move || {
            serve(&house);
            if let Some(guest) = lock(&guests).here.get_mut(&number) {
                guest.leaving = true;
            }
            let _ = (&*bell).write_all(&[LEFT]);
        };
        let thread = thread::Builder::new().name("pkcs11 call".to_owned()).stack_size(STACK).spawn(work)?;
        seats.here.insert(number, Guest { user, stream, thread: Some(thread), leaving: false });
        Ok(())
    }

    /// Joins the threads of those who have left, and ends the applications that are gone; what they leave is for another
    /// thread.
    fn see_out(&self) {
        let leaving: Vec<Guest> =
            lock(&self.guests).here.extract_if(|_, guest| guest.leaving).map(|(_, guest)| guest).collect();
        leaving.into_iter().for_each(join);
        for application in self.house.applications.gone(self.house.service.now()) {
            // Its thread hears until the door closes.
            let _ = self.gone.send(application.end());
        }
    }

    fn close(self) {
        let guests: Vec<Guest> = lock(&self.guests).here.drain().map(|(_, guest)| guest).collect();
        for guest in &guests {
            // Its thread answers what it has read and then finds the end.
            let _ = match &guest.stream {
                Stream::Near(stream) => stream.shutdown(Shutdown::Read),
                Stream::Afar(stream) => stream.shutdown(Shutdown::Read),
            };
        }
        guests.into_iter().for_each(join);
        drop(self.gone);
        if self.undertaker.join().is_err() {
            log::error!("the thread that tidies up after PKCS#11 applications panicked");
        }
    }
}

fn join(mut guest: Guest) {
    if guest.thread.take().is_some_and(|thread| thread.join().is_err()) {
        log::error!("a thread of the PKCS#11 socket panicked; its connection is gone");
    }
}

impl Gate {
    /// Shakes hands, and serves whoever passes.
    fn pass(&self, house: &House, stream: TcpStream, from: SocketAddr, mut place: listen::Place) {
        let shaken = self.tls.shake_for(codec::NAME, Timed::new(stream, self.limits.handshake));
        let placed = shaken.and_then(|(stream, key)| {
            if place.belongs(key, self.per_key) { Ok((stream, key)) } else { Err(Failed::Crowded(key)) }
        });
        let why = match placed {
            Ok((stream, key)) => match Line::afar(stream, self.limits) {
                Ok(line) => return connection::serve(house, line, Peer::Key(key), from.to_string()),
                Err(_) => Failed::Broken,
            },
            Err(why) => why,
        };
        log::info!("turned {from} away: {why}");
        let (key, turned) = match why {
            Failed::Unregistered(key) => (Some(key), Turned::Unregistered),
            Failed::Crowded(key) => (Some(key), Turned::Crowded),
            Failed::Untrusted => (None, Turned::Untrusted),
            // Whoever probes a port is no news for the audit log.
            Failed::Broken => return,
        };
        if house.service.turned_away(Front::Pkcs11Tls, &from.to_string(), key, turned).wait().is_err() {
            log::error!("turning {from} away was not recorded");
        }
    }
}

fn pause_after(error: &io::Error) {
    if error.kind() != io::ErrorKind::WouldBlock {
        log::warn!("PKCS#11 takes no connection: {error}");
        // Out of descriptors, mostly; trying again at once would only heat the room.
        thread::sleep(Duration::from_millis(100));
    }
}

/// The user and the process at the other end of the socket.
fn peer(stream: &UnixStream) -> io::Result<(u32, i32)> {
    let known = getsockopt(stream, PeerCredentials)?;
    Ok((known.uid(), known.pid()))
}

fn lock(guests: &Mutex<Guests>) -> MutexGuard<'_, Guests> {
    guests.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections from other hosts, in all. Each holds a thread, which waits most of the time.
const MOST_AFAR: usize = 512;
/// Of those, connections of one client: the others keep some.
const MOST_OF_ONE_AFAR: usize = 384;
/// The ring of somebody who leaves.
const LEFT: u8 = 1;
/// The ring that closes the door.
const CLOSE: u8 = 0xFF;
/// The deepest call, with RSA key generation inside, takes a fraction of it.
const STACK: usize = 1 << 20;
