//! Taking connections: sockets, the places there are for those who connect, and the loop that never waits for one of them.

use std::{
    collections::HashMap,
    fs, io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    os::unix::{fs::PermissionsExt, net::UnixListener as StdUnixListener},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::sys::stat::{Mode, umask};
use tokio::net::{TcpListener, TcpStream};

use super::contract::{Crew, Fingerprint, Phase, Stop};

/// How many may be connected, in all and from one address.
#[derive(Debug)]
pub struct Places {
    total: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    by_key: HashMap<Fingerprint, usize>,
}

/// One place among the connections; dropping it frees it.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    address: IpAddr,
    key: Option<Fingerprint>,
}

impl Places {
    /// So many places, of which so many for one address.
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { total, per_address, taken: Mutex::default() })
    }

    /// A place for somebody from this address, if there is one. IPv6 gives a whole /64 to one household, so that counts
    /// as one address.
    pub fn take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let address = household(from);
        let mut taken = self.look();
        let here = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.total >= self.total || here >= self.per_address {
            return None;
        }
        taken.total = taken.total.saturating_add(1);
        taken.by_address.insert(address, here.saturating_add(1));
        drop(taken);
        Some(Place { places: Arc::clone(self), address, key: None })
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.look().total
    }

    fn look(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Says by which key the peer turned out to be known, and whether there is a place for one more connection of that key.
    pub fn belongs(&mut self, key: Fingerprint, per_key: usize) -> bool {
        let mut taken = self.places.look();
        let here = taken.by_key.entry(key).or_default();
        if *here >= per_key {
            return false;
        }
        *here = here.saturating_add(1);
        drop(taken);
        self.key = Some(key);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.look();
        if let Some(here) = self.key.and_then(|key| taken.by_key.get_mut(&key)) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                self.key.and_then(|key| taken.by_key.remove(&key));
            }
        }
        taken.total = taken.total.saturating_sub(1);
        if let Some(here) = taken.by_address.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

/// Who counts as one: an address, or the /64 that IPv6 gives to a household.
pub(super) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// A TCP socket that listens, from an address or inherited.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub listener: TcpListener,
    /// Where it listens, with the port that the system chose where none was asked for.
    pub address: SocketAddr,
}

impl Listening {
    /// A socket that somebody else has opened.
    ///
    /// # Errors
    /// When it is none that listens.
    pub fn inherited(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener: TcpListener::from_std(listener)?, address })
    }
}

/// Listens on an address.
///
/// # Errors
/// When the system does not give it.
pub fn bind(address: SocketAddr) -> io::Result<Listening> {
    Listening::inherited(std::net::TcpListener::bind(address)?)
}

/// Listens on a socket in the file system, with these permissions. A socket that a dead daemon left is replaced; one
/// that somebody still listens on is not.
///
/// # Errors
/// When the path is taken by a living daemon or by something else than a socket, or the system refuses.
pub fn bind_local(path: &Path, mode: u32) -> io::Result<StdUnixListener> {
    use std::os::unix::{fs::FileTypeExt, net::UnixStream};
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {
            if UnixStream::connect(path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon listens there"));
            }
            fs::remove_file(path)?;
        }
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something else than a socket is there")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Nobody else may connect before the permissions are set.
    let before = umask(Mode::from_bits_truncate(0o177));
    let listener = StdUnixListener::bind(path);
    umask(before);
    let listener = listener?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// Takes connections and hands each to `serve` on a task of its own, until the daemon drains. It waits for nobody: a
/// peer without a place is let go at once, and a handshake is its own task's affair.
pub async fn accept<S, F>(listener: TcpListener, places: Arc<Places>, mut stop: Stop, crew: &Crew, serve: S)
where
    S: Fn(TcpStream, SocketAddr, Place) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            () = stop.reached(Phase::Draining) => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors or memory: some will come back as connections end.
                log::warn!("cannot take a connection: {error}");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Some(place) = places.take(from.ip()) else {
            log::debug!("no place for a connection from {from}");
            continue;
        };
        let _ = stream.set_nodelay(true);
        let member = crew.member();
        let connection = serve(stream, from, place);
        tokio::spawn(async move {
            connection.await;
            drop(member);
        });
    }
}

/// How long to wait after a failed accept, so that a full machine is not kept busy by failing.
const BREATH: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_all_and_for_each_household() {
        let places = Places::new(4, 2);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = places.take(address("10.0.0.1")).unwrap();
        let _second = places.take(address("::ffff:10.0.0.1")).unwrap();
        assert!(places.take(address("10.0.0.1")).is_none(), "a third from one address");
        let _third = places.take(address("2001:db8::1")).unwrap();
        let _fourth = places.take(address("2001:db8::ffff")).unwrap();
        assert!(places.take(address("10.0.0.2")).is_none(), "a fifth in all");
        drop(first);
        assert!(places.take(address("2001:db8::2")).is_none(), "a third from one /64");
        assert!(places.take(address("2001:db8:0:1::2")).is_some());
        assert_eq!(places.taken(), 3);
    }

    #[test]
    fn a_key_gets_so_many_places_wherever_it_comes_from() {
        let places = Places::new(10, 10);
        let mut taken: Vec<Place> =
            ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|it| places.take(it.parse().unwrap()).unwrap()).into();
        let belongs: Vec<bool> = taken.iter_mut().map(|place| place.belongs([1; 32], 2)).collect();
        assert_eq!(belongs, [true, true, false]);
        assert!(taken[2].belongs([2; 32], 2), "another key");
        taken.remove(0);
        assert!(places.take("10.0.0.4".parse().unwrap()).unwrap().belongs([1; 32], 2));
        drop(taken);
        assert!(places.look().by_key.is_empty());
    }

    #[test]
    fn a_place_that_is_free_leaves_no_trace() {
        let places = Places::new(10, 10);
        drop(places.take("10.0.0.1".parse().unwrap()));
        assert!(places.look().by_address.is_empty());
    }

    #[test]
    fn a_socket_replaces_a_dead_one_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("strongroom-listen-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("socket");
        let living = bind_local(&path, 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(bind_local(&path, 0o600).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(living);
        assert!(bind_local(&path, 0o660).is_ok());
        let file = folder.join("file");
        fs::write(&file, "precious").unwrap();
        assert_eq!(bind_local(&file, 0o600).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        fs::remove_dir_all(&folder).unwrap();
    }
}
