//! The door: takes connections on the socket, gives each a thread, and sees all of them out.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::Shutdown,
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{getsockopt, sockopt::PeerCredentials},
};

use super::{
    connection::{self, Peer},
    desk::House,
    tunnel::Tunnel,
};
use crate::{
    chance::{self, Chance},
    service::{Cryptoki, Service},
};

/// How many connections there may be, in all and of one user. Each holds a thread, which waits most of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// In all.
    pub total: usize,
    /// Of one user.
    pub per_user: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self { total: 256, per_user: 192 }
    }
}

/// The open door. It is closed with [`close`](Door::close).
pub struct Door {
    /// The PKCS#11 operation reaches it as long as the door is open.
    _tunnel: Arc<Tunnel>,
    bell: Arc<UnixStream>,
    keeper: JoinHandle<()>,
}

/// Opens the door: applications that connect to `listener` are served from now on, by threads that block.
///
/// # Errors
/// When the system gives no thread, no socket pair or no randomness.
pub fn open(listener: UnixListener, service: Arc<Service>, chance: &dyn Chance, places: Places) -> io::Result<Door> {
    let dry = |_| io::Error::other("the random source gives nothing");
    let run = chance::array(chance).map_err(dry)?;
    let first: [u8; 4] = chance::array(chance).map_err(dry)?;
    listener.set_nonblocking(true)?;
    let (bell, ears) = UnixStream::pair()?;
    let bell = Arc::new(bell);
    // No handle is nought, and all of them fit into the CK_ULONG of a 32-bit application for a long time.
    let first = u64::from(u32::from_be_bytes(first) >> 2).saturating_add(1);
    let house = Arc::new(House::new(service, run, first));
    let tunnel = Arc::new(Tunnel::new(Arc::clone(&house)));
    let reached: Arc<dyn Cryptoki> = Arc::<Tunnel>::clone(&tunnel);
    house.service.reach(Arc::downgrade(&reached));
    let keeper = Keeper { listener, bell: Arc::clone(&bell), ears, house, places, guests: Arc::default() };
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
    /// Rung by those who leave, and to close the door.
    bell: Arc<UnixStream>,
    ears: UnixStream,
    house: Arc<House>,
    places: Places,
    guests: Arc<Mutex<Guests>>,
}

/// The connections that are served now.
#[derive(Default)]
struct Guests {
    next: u64,
    here: HashMap<u64, Guest>,
}

struct Guest {
    user: u32,
    stream: UnixStream,
    thread: Option<JoinHandle<()>>,
    /// Whether its thread is about to end.
    leaving: bool,
}

impl Keeper {
    fn keep(self) {
        while self.wait() {
            match self.listener.accept() {
                Ok((stream, _)) => self.welcome(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    log::warn!("the PKCS#11 socket takes no connection: {error}");
                    // Out of descriptors, mostly; trying again at once would only heat the room.
                    thread::sleep(Duration::from_millis(100));
                }
            }
            self.see_out();
        }
        self.close();
    }

    /// Waits for a knock; false when the door is to be closed.
    fn wait(&self) -> bool {
        // Somebody who left may come back; whoever does not is tidied up after.
        let limit = if self.house.applications.has_leavers() { PollTimeout::from(500_u16) } else { PollTimeout::NONE };
        let mut ends =
            [PollFd::new(self.ears.as_fd(), PollFlags::POLLIN), PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        let heard = poll(&mut ends, limit);
        let [bell, _] = ends;
        if heard.is_err() || !bell.any().unwrap_or(false) {
            return true;
        }
        let mut rung = [0; 64];
        let count = (&self.ears).read(&mut rung).unwrap_or(0);
        count > 0 && !rung.iter().take(count).any(|ring| *ring == CLOSE)
    }

    fn welcome(&self, stream: UnixStream) {
        let peer = match peer(&stream) {
            Ok(peer) => peer,
            Err(error) => return log::warn!("the kernel does not say who knocks on the PKCS#11 socket: {error}"),
        };
        let mut guests = lock(&self.guests);
        let own = guests.here.values().filter(|guest| guest.user == peer.user).count();
        if guests.here.len() >= self.places.total || own >= self.places.per_user {
            return log::warn!(
                "user {} has no place on the PKCS#11 socket: {} are taken",
                peer.user,
                guests.here.len()
            );
        }
        let number = guests.next;
        guests.next = number.saturating_add(1);
        let served = stream.set_nonblocking(false).and_then(|()| stream.try_clone()).and_then(|kept| {
            let (house, guests, bell) = (Arc::clone(&self.house), Arc::clone(&self.guests), Arc::clone(&self.bell));
            let serve = move || {
                connection::serve(&house, stream, peer);
                if let Some(guest) = lock(&guests).here.get_mut(&number) {
                    guest.leaving = true;
                }
                let _ = (&*bell).write_all(&[LEFT]);
            };
            let thread = thread::Builder::new().name("pkcs11 call".to_owned()).stack_size(STACK).spawn(serve)?;
            Ok(Guest { user: peer.user, stream: kept, thread: Some(thread), leaving: false })
        });
        match served {
            Ok(guest) => {
                guests.here.insert(number, guest);
            }
            Err(error) => log::warn!("the PKCS#11 socket cannot serve one more: {error}"),
        }
    }

    /// Joins the threads of those who have left, and tidies up after applications that are gone.
    fn see_out(&self) {
        let leaving: Vec<Guest> =
            lock(&self.guests).here.extract_if(|_, guest| guest.leaving).map(|(_, guest)| guest).collect();
        leaving.into_iter().for_each(join);
        for application in self.house.applications.gone(self.house.service.now()) {
            self.house.bury(&application);
        }
    }

    fn close(self) {
        let guests: Vec<Guest> = lock(&self.guests).here.drain().map(|(_, guest)| guest).collect();
        for guest in &guests {
            // Its thread answers what it has read and then finds the end.
            let _ = guest.stream.shutdown(Shutdown::Read);
        }
        guests.into_iter().for_each(join);
    }
}

fn join(mut guest: Guest) {
    if guest.thread.take().is_some_and(|thread| thread.join().is_err()) {
        log::error!("a thread of the PKCS#11 socket panicked; its connection is gone");
    }
}

fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let known = getsockopt(stream, PeerCredentials)?;
    Ok(Peer { user: known.uid(), process: known.pid() })
}

fn lock(guests: &Mutex<Guests>) -> MutexGuard<'_, Guests> {
    guests.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The ring of somebody who leaves.
const LEFT: u8 = 1;
/// The ring that closes the door.
const CLOSE: u8 = 0xFF;
/// The deepest call, with RSA key generation inside, takes a fraction of it.
const STACK: usize = 1 << 20;
