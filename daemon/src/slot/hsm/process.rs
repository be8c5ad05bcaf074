//! The worker's process, seen from the daemon: started, asked within a time limit, killed.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    process::{Child, Command, Stdio},
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nix::sys::signal::Signal;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{
    frame,
    message::{Answer, Ask},
    settings::Settings,
    worker::MOST_LANES,
};
use crate::{
    clock::Deadline,
    wakeful::{Room, Wakeful, Watch},
};

/// A worker that was started.
pub(super) struct Process {
    child: Mutex<Child>,
    control: UnixStream,
    free: Mutex<Lanes>,
    returned: Condvar,
    /// Those who ask.
    room: Room,
    useful: AtomicBool,
}

struct Lanes {
    idle: Vec<Line>,
    broken: Option<Broken>,
}

/// The daemon's end of a lane.
struct Line {
    socket: UnixStream,
    /// Whether answers are best waited for awake.
    watch: Watch,
}

/// Why a worker is not asked any more, or was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It did not answer in time.
    Silent,
    /// It ended, or closed a lane.
    Ended,
    /// It answered what is no answer.
    Babbled,
    /// All its lanes were busy until the deadline. It may go on.
    Busy,
    /// The question is too long to be asked. It may go on.
    TooLong,
}

/// How a worker ended.
pub(super) struct End {
    /// In words.
    pub(super) how: String,
    /// Whether the kernel ended it for what it tried to do.
    pub(super) trespass: bool,
}

impl Process {
    /// Starts a worker that is to open with `ask`, and gives its answer.
    ///
    /// # Errors
    /// When the system starts no process.
    pub(super) fn start(
        settings: &Settings,
        ask: &Ask,
        deadline: Duration,
    ) -> io::Result<(Self, Result<Answer, Broken>)> {
        let (control, theirs) = UnixStream::pair()?;
        let mut command = Command::new(&settings.program);
        command.arg("slot-worker").stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null());
        // A signal to the daemon's group is none to the worker: whether it ends is the keeper's to say.
        command.process_group(0);
        // What systemd gave to the daemon is none of a vendor's business.
        for name in
            ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC"]
        {
            command.env_remove(name);
        }
        // What dies of a vendor's fault dies at once: its caller waits, and where in our code it stood says nothing.
        command.env("RUST_BACKTRACE", "0");
        command.envs(settings.environment.iter().map(|(name, value)| (name, value)));
        let pairs =
            (0..settings.sessions.min(MOST_LANES)).map(|_| UnixStream::pair()).collect::<io::Result<Vec<_>>>()?;
        let (near, far): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        near.iter().try_for_each(|socket| socket.set_write_timeout(Some(settings.deadline)))?;
        let idle = near.into_iter().map(|socket| Line { socket, watch: Watch::default() }).collect();
        let child = command.spawn()?;
        // The command holds the worker's end; with it gone, the end of the worker is the end of the socket.
        drop(command);
        let process = Self {
            child: Mutex::new(child),
            control,
            free: Mutex::new(Lanes { idle, broken: None }),
            returned: Condvar::new(),
            room: Room::default(),
            useful: AtomicBool::new(false),
        };
        let opened = process.hand_over(&far).map_err(|_| Broken::Ended).and_then(|()| {
            let socket = process.control.try_clone().map_err(|_| Broken::Ended)?;
            socket.set_write_timeout(Some(deadline)).map_err(|_| Broken::Ended)?;
            process.exchange(&mut Line { socket, watch: Watch::default() }, ask, deadline)
        });
        if opened.is_err() {
            process.kill();
        }
        Ok((process, opened))
    }

    fn hand_over(&self, far: &[UnixStream]) -> io::Result<()> {
        let sockets: Vec<_> = far.iter().map(UnixStream::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_LANES))];
        let mut sent = SendAncillaryBuffer::new(&mut space);
        sent.push(SendAncillaryMessage::ScmRights(&sockets));
        sendmsg(&self.control, &[IoSlice::new(&[0])], &mut sent, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Keeps only so many lanes.
    pub(super) fn narrow(&self, lanes: usize) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).idle.truncate(lanes);
    }

    /// Asks on a free lane and waits for the answer. A worker that does not answer is killed: what it does for others
    /// ends with it.
    ///
    /// # Errors
    /// [`Broken`].
    pub(super) fn ask(&self, ask: &Ask, deadline: Duration) -> Result<Answer, Broken> {
        let mut lane = self.lane(deadline)?;
        let answer = self.exchange(&mut lane, ask, deadline);
        match answer {
            Ok(_) | Err(Broken::TooLong | Broken::Busy) => {
                self.useful.store(true, Ordering::Relaxed);
                self.free.lock().unwrap_or_else(PoisonError::into_inner).idle.push(lane);
                self.returned.notify_one();
            }
            Err(why @ (Broken::Silent | Broken::Ended | Broken::Babbled)) => self.give_up(why),
        }
        answer
    }

    fn lane(&self, deadline: Duration) -> Result<Line, Broken> {
        let lanes = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |lanes: &mut Lanes| lanes.idle.is_empty() && lanes.broken.is_none();
        let (mut lanes, _) =
            self.returned.wait_timeout_while(lanes, deadline, waiting).unwrap_or_else(PoisonError::into_inner);
        match lanes.broken {
            Some(why) => Err(why),
            None => lanes.idle.pop().ok_or(Broken::Busy),
        }
    }

    fn exchange(&self, line: &mut Line, ask: &Ask, deadline: Duration) -> Result<Answer, Broken> {
        // One for the whole answer: one that trickles in for longer is none.
        let until = Some(Deadline::after(deadline));
        let mut wakeful = Wakeful::again(&self.room, std::mem::take(&mut line.watch));
        let sent = frame::send(&mut line.socket, ask).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => Broken::TooLong,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Broken::Silent,
            _ => Broken::Ended,
        });
        let answer = sent.and_then(|()| {
            frame::receive(|into| wakeful.read(&line.socket, into, until)).map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut => Broken::Silent,
                io::ErrorKind::InvalidData => Broken::Babbled,
                _ => Broken::Ended,
            })
        });
        line.watch = wakeful.known();
        answer
    }

    /// Ends the worker, for the first reason that there was.
    pub(super) fn give_up(&self, why: Broken) {
        {
            let mut lanes = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.broken.get_or_insert(why);
            lanes.idle.clear();
        }
        self.returned.notify_all();
        self.kill();
        // Whoever waits at the control socket hears of it.
        let _ = self.control.shutdown(std::net::Shutdown::Both);
    }

    fn kill(&self) {
        let _ = self.child.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// Waits until the worker has ended or the time is over. Whether it has ended, and why.
    pub(super) fn watch(&self, time: Duration) -> Option<Broken> {
        let mut control = &self.control;
        let _ = control.set_read_timeout(Some(time.max(Duration::from_millis(1))));
        let why = match io::Read::read(&mut control, &mut [0]) {
            Ok(0) => Broken::Ended,
            Ok(_) => Broken::Babbled,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return None,
            Err(_) => Broken::Ended,
        };
        self.give_up(why);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).broken
    }

    /// Whether it has answered anything.
    pub(super) fn was_useful(&self) -> bool {
        self.useful.load(Ordering::Relaxed)
    }

    /// Waits for the end of a worker that was killed, and says how it ended.
    pub(super) fn bury(&self) -> End {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let status = child.wait();
        let signal = status.as_ref().ok().and_then(ExitStatusExt::signal);
        let how = match (status, signal) {
            (_, Some(signal)) => format!("signal {signal}"),
            (Ok(status), None) => format!("exit code {}", status.code().unwrap_or_default()),
            (Err(error), None) => error.to_string(),
        };
        End { how, trespass: signal == Some(Signal::SIGSYS as i32) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.bury();
    }
}
