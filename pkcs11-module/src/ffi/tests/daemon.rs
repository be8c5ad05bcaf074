//! A daemon in a thread, that answers as a daemon should unless its script says otherwise.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Function, MechanismType, Rv,
    attribute::{Reveal, Value},
    call::{self, Ask, Found, MechanismInfo, Request, SessionInfo, SlotInfo, TokenInfo, answer, request},
    codec,
    number::{MechanismFlags, Protocol, SessionState, SlotFlags, TokenFlags},
    value::{Output, Room, Version, Wiped, padded},
};

/// What a script answers to a request: a frame, or nothing to leave it to the usual answer.
pub(super) type Script = Box<dyn Fn(&Request) -> Option<Vec<u8>> + Send + Sync>;

/// What becomes of an answer on its way.
type Twist = Box<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>;

/// The only signature there is.
pub(super) const SIGNATURE: [u8; 64] = [0x5a; 64];
/// The only session there is, unless a test says otherwise.
pub(super) const SESSION: u64 = 7;

/// A running daemon. One test at a time has one, because the module is one per process.
pub(super) struct Daemon {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    turn: Option<MutexGuard<'static, ()>>,
}

struct Shared {
    script: Script,
    twist: Twist,
    asked: Mutex<Vec<Function>>,
    open: Mutex<Vec<UnixStream>>,
    stopping: AtomicBool,
    run: [u8; 16],
}

impl Daemon {
    /// Starts a daemon that answers as usual.
    pub(super) fn start() -> Self {
        Self::scripted(|_| None)
    }

    /// Starts a daemon with a script.
    pub(super) fn scripted(script: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let turn = turn();
        let _ = fs::remove_file(socket());
        Self::run(Box::new(script), Box::new(|answer| answer), 1, Some(turn))
    }

    /// Starts a daemon that answers as usual, but for what becomes of its answers on their way. An application is attached as
    /// it should.
    pub(super) fn twisted(twist: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let turn = turn();
        let _ = fs::remove_file(socket());
        Self::run(Box::new(|_| None), Box::new(twist), 1, Some(turn))
    }

    /// Stops this daemon and starts another run of it.
    pub(super) fn restart(&mut self) {
        self.stop();
        let turn = self.turn.take();
        *self = Self::run(Box::new(|_| None), Box::new(|answer| answer), 2, turn);
    }

    /// What was asked since the last time, attaching aside.
    pub(super) fn asked(&self) -> Vec<Function> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }

    /// Closes every connection.
    pub(super) fn hang_up(&self) {
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Stops; the socket is gone and every connection with it.
    pub(super) fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = UnixStream::connect(socket());
        let _ = fs::remove_file(socket());
        let _ = thread.join();
        self.hang_up();
    }

    fn run(script: Script, twist: Twist, run: u8, turn: Option<MutexGuard<'static, ()>>) -> Self {
        let listener = UnixListener::bind(socket()).unwrap();
        let shared = Arc::new(Shared {
            script,
            twist,
            asked: Mutex::default(),
            open: Mutex::default(),
            stopping: AtomicBool::new(false),
            run: [run; 16],
        });
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if own.stopping.load(Ordering::SeqCst) {
                    return;
                }
                own.open.lock().unwrap().push(stream.try_clone().unwrap());
                let own = Arc::clone(&own);
                thread::spawn(move || own.serve(stream));
            }
        });
        Self { shared, thread: Some(thread), turn }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A test without a daemon has its turn too.
pub(super) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    socket();
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The socket, and a configuration that names it.
pub(super) fn socket() -> &'static PathBuf {
    static SOCKET: OnceLock<PathBuf> = OnceLock::new();
    SOCKET.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("strongroom-pkcs11-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (socket, config) = (folder.join("sock"), folder.join("pkcs11.toml"));
        fs::write(&config, format!("socket = {socket:?}\ntimeout = 1\n")).unwrap();
        // SAFETY: the first thing that any test of the module does; nothing has read the environment yet, and what the
        // test harness reads of it, it has read.
        unsafe { std::env::set_var("STRONGROOM_PKCS11_CONFIG", &config) };
        socket
    })
}

/// The frame of an answer.
pub(super) fn told<R: Ask>(rv: Rv, answer: &R::Answer) -> Vec<u8> {
    let mut frame = Vec::new();
    call::write_answer::<R>(rv, answer, &mut frame).unwrap();
    frame
}

/// The frame of a refusal.
pub(super) fn refused(rv: Rv) -> Vec<u8> {
    let mut frame = Vec::new();
    call::write_refusal(rv, &mut frame);
    frame
}

impl Shared {
    fn serve(&self, mut stream: UnixStream) {
        let mut bytes = Vec::new();
        let mut chunk = [0; 65536];
        while let Ok(read) = stream.read(&mut chunk) {
            if read == 0 {
                return;
            }
            bytes.extend_from_slice(&chunk[..read]);
            while let Some(frame) = codec::cut(&bytes).unwrap() {
                let function = Function(u64::from(frame.head));
                let request = Request::read(function, frame.body).unwrap();
                let taken = frame.taken;
                if function != Function::Attach {
                    self.asked.lock().unwrap().push(function);
                }
                let mut answer = (self.script)(&request).unwrap_or_else(|| self.usual(request));
                if function != Function::Attach {
                    answer = (self.twist)(answer);
                }
                bytes.drain(..taken);
                if answer.is_empty() || stream.write_all(&answer).is_err() {
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                    return;
                }
            }
        }
    }

    fn usual(&self, request: Request) -> Vec<u8> {
        match request {
            Request::Attach(_) => {
                told::<request::Attach>(Rv::OK, &answer::Attach { protocol: Protocol::THREE, daemon: self.run })
            }
            Request::GetSlotList(_) => {
                told::<request::GetSlotList>(Rv::OK, &answer::GetSlotList { slots: vec![1, 2, 3] })
            }
            Request::GetSlotInfo(_) => told::<request::GetSlotInfo>(Rv::OK, &answer::GetSlotInfo { info: slot() }),
            Request::GetTokenInfo(_) => told::<request::GetTokenInfo>(Rv::OK, &answer::GetTokenInfo { info: token() }),
            Request::GetMechanismList(_) => {
                let mechanisms = vec![MechanismType::ECDSA, MechanismType::AES_GCM];
                told::<request::GetMechanismList>(Rv::OK, &answer::GetMechanismList { mechanisms })
            }
            Request::GetMechanismInfo(_) => {
                let info = MechanismInfo { smallest_key: 256, largest_key: 521, flags: MechanismFlags::SIGN };
                told::<request::GetMechanismInfo>(Rv::OK, &answer::GetMechanismInfo { info })
            }
            Request::OpenSession(_) => told::<request::OpenSession>(Rv::OK, &answer::OpenSession { session: SESSION }),
            Request::GetSessionInfo(_) => {
                let flags = strongroom_pkcs11_wire::number::SessionFlags::SERIAL_SESSION;
                let info = SessionInfo { slot: 1, state: SessionState::RO_USER_FUNCTIONS, flags, device_error: 0 };
                told::<request::GetSessionInfo>(Rv::OK, &answer::GetSessionInfo { info })
            }
            Request::WaitForSlotEvent(_) => {
                told::<request::WaitForSlotEvent>(Rv::OK, &answer::WaitForSlotEvent { slot: None })
            }
            Request::CreateObject(_) => told::<request::CreateObject>(Rv::OK, &answer::CreateObject { object: 11 }),
            Request::GetAttributeValue(ask) => {
                let revealed = ask.wanted.iter().map(|wanted| reveal(wanted.kind)).collect();
                told::<request::GetAttributeValue>(Rv::OK, &answer::GetAttributeValue { revealed })
            }
            Request::FindObjects(ask) => {
                let found = (0..u64::from(ask.most.min(2))).map(|at| Found {
                    object: 20 + at,
                    public: public(),
                    absent: vec![],
                });
                told::<request::FindObjects>(Rv::OK, &answer::FindObjects { found: found.collect() })
            }
            Request::Sign(ask) => {
                let (rv, output) = by_the_rule(ask.room, &SIGNATURE);
                told::<request::Sign>(rv, &answer::Sign { output })
            }
            Request::Encrypt(ask) => {
                let turned: Vec<u8> = ask.data.reveal().iter().map(|byte| !byte).collect();
                let (rv, output) = by_the_rule(ask.room, &turned);
                told::<request::Encrypt>(rv, &answer::Encrypt { output })
            }
            Request::EncryptUpdate(ask) => {
                let turned: Vec<u8> = ask.data.reveal().iter().map(|byte| !byte).collect();
                let (rv, output) = by_the_rule(ask.room, &turned);
                told::<request::EncryptUpdate>(rv, &answer::EncryptUpdate { output })
            }
            Request::EncryptFinal(ask) => {
                let (rv, output) = by_the_rule(ask.room, &[]);
                told::<request::EncryptFinal>(rv, &answer::EncryptFinal { output })
            }
            Request::SignFinal(ask) => {
                let (rv, output) = by_the_rule(ask.room, &SIGNATURE);
                told::<request::SignFinal>(rv, &answer::SignFinal { output })
            }
            Request::GenerateRandom(ask) => {
                let random = Wiped::new(vec![4; ask.length as usize]);
                told::<request::GenerateRandom>(Rv::OK, &answer::GenerateRandom { random })
            }
            Request::GenerateKeyPair(_) => {
                told::<request::GenerateKeyPair>(Rv::OK, &answer::GenerateKeyPair { public: 31, private: 32 })
            }
            Request::Login(ask) => match ask.pin {
                Some(pin) if pin.reveal() == b"1234" => told::<request::Login>(Rv::OK, &answer::Login {}),
                _ => refused(Rv::PIN_INCORRECT),
            },
            // What answers with nothing but a return value.
            _ => vec![0, 0, 0, 4, 0, 0, 0, 0],
        }
    }
}

fn by_the_rule(room: Room, output: &[u8]) -> (Rv, Output) {
    match room.check(output.len()) {
        Ok(()) => (Rv::OK, Output::Bytes(Wiped::from(output))),
        Err(instead) => instead,
    }
}

fn public() -> Vec<Attribute> {
    vec![Attribute::new(AttributeType::CLASS, Value::Ulong(3)), Attribute::bytes(AttributeType::LABEL, *b"found")]
}

fn reveal(kind: AttributeType) -> Reveal {
    let value = match kind {
        AttributeType::CLASS => Value::Ulong(3),
        AttributeType::TOKEN => Value::Bool(true),
        AttributeType::LABEL => Value::Bytes(Wiped::from(&b"label"[..])),
        AttributeType::START_DATE => Value::Date(Some(*b"20260102")),
        AttributeType::END_DATE => Value::Date(None),
        AttributeType::ALLOWED_MECHANISMS => Value::Ulongs(vec![1, 2]),
        AttributeType::WRAP_TEMPLATE => Value::Template(public()),
        AttributeType::PRIVATE_EXPONENT => return Reveal::Sensitive,
        AttributeType::MODULUS => return Reveal::Length(256),
        _ => return Reveal::Invalid,
    };
    Reveal::Value(Attribute { kind, value })
}

fn slot() -> SlotInfo {
    SlotInfo {
        description: padded("a slot"),
        manufacturer: padded("a test"),
        flags: SlotFlags::TOKEN_PRESENT,
        hardware: Version { major: 1, minor: 2 },
        firmware: Version { major: 3, minor: 4 },
    }
}

fn token() -> TokenInfo {
    TokenInfo {
        label: padded("dev"),
        manufacturer: padded("a test"),
        model: padded("a model"),
        serial: padded("1"),
        flags: TokenFlags::TOKEN_INITIALIZED | TokenFlags::LOGIN_REQUIRED,
        most_sessions: 0,
        sessions: 1,
        most_rw_sessions: 0,
        rw_sessions: call::UNAVAILABLE,
        longest_pin: 64,
        shortest_pin: 4,
        public_memory: call::UNAVAILABLE,
        free_public_memory: call::UNAVAILABLE,
        private_memory: call::UNAVAILABLE,
        free_private_memory: call::UNAVAILABLE,
        hardware: Version { major: 1, minor: 2 },
        firmware: Version { major: 3, minor: 4 },
        time: padded(""),
    }
}
