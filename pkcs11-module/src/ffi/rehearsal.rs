//! The module before a daemon that answers whatever it likes: two calls in an application, and what they did to its memory.
//!
//! A fuzzer runs it (`fuzz/fuzz_targets/module.rs`), and a test runs what the fuzzer has found. The first bytes say which two
//! functions are called, how long everything is that they are given, and which of their pointers are null; the rest are the
//! daemon's answers.

use std::{
    collections::VecDeque,
    ffi::c_void,
    fs,
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{
    Function, Rv,
    call::{self, Ask, answer, request},
    codec,
    number::Protocol,
};

use super::*;

/// A daemon that lies, for the applications of this process.
#[derive(Debug)]
pub struct Rehearsal {
    script: Arc<Mutex<Script>>,
    stopping: Arc<AtomicBool>,
    socket: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Rehearsal {
    /// One in a folder of its own, which the module is told of. Nothing may have been done with the module before.
    ///
    /// # Panics
    /// When the system gives no folder, no socket or no thread.
    pub fn alone() -> Self {
        let folder = std::env::temp_dir().join(format!("strongroom-rehearsal-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the socket");
        let (socket, config) = (folder.join("sock"), folder.join("pkcs11.toml"));
        fs::write(&config, format!("socket = {socket:?}\ntimeout = 1\n")).expect("a configuration");
        // SAFETY: no other thread has been started yet.
        unsafe { std::env::set_var("STRONGROOM_PKCS11_CONFIG", &config) };
        Self::at(&socket)
    }

    /// One at a socket that the module knows of already.
    ///
    /// # Panics
    /// When the system gives no socket.
    pub fn at(socket: &Path) -> Self {
        let _ = fs::remove_file(socket);
        let listener = UnixListener::bind(socket).expect("a socket");
        let script = Arc::new(Mutex::new(Script::Usual(1)));
        let stopping = Arc::new(AtomicBool::new(false));
        let (shared, over) = (Arc::clone(&script), Arc::clone(&stopping));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { script, stopping, socket: socket.to_owned(), thread: Some(thread) }
    }

    /// Does what the bytes say.
    ///
    /// # Panics
    /// When the module touches what it was not given, or says of an output that it is longer than its place.
    pub fn play(&self, bytes: &[u8]) {
        let [first, second, length, nulls, nulls_too, mode, rest @ ..] = bytes else { return };
        let length = usize::from(*length).clamp(1, 64);
        self.set(Script::Usual(length as u64));
        // SAFETY: nothing is asked for.
        assert_eq!(unsafe { C_Initialize(ptr::null_mut()) }, 0);
        let mut session = 0;
        // SAFETY: the place is ours.
        let opened = unsafe { C_OpenSession(1, CKF_SERIAL_SESSION, ptr::null_mut(), None, &mut session) };
        assert_eq!((opened, session), (0, length as u64));
        self.set(Script::Hostile(frames(*mode, rest)));
        for (which, nulls) in [(first, nulls), (second, nulls_too)] {
            let mut memory = Memory { length, nulls: *nulls, blocks: Vec::new() };
            let (name, call) = FUNCTIONS[usize::from(*which) % FUNCTIONS.len()];
            let told = call(&mut memory);
            assert!(told.is_none_or(|told| told <= length as u64), "{name} says that it wrote {told:?} into {length}");
            memory.check(name);
        }
        // SAFETY: nothing is given.
        assert_eq!(unsafe { C_Finalize(ptr::null_mut()) }, 0);
    }

    fn set(&self, script: Script) {
        *lock(&self.script) = script;
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = UnixStream::connect(&self.socket);
        let _ = fs::remove_file(&self.socket);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answers that these bytes are: all of them as they are, or frame for frame with a sound head.
fn frames(mode: u8, mut rest: &[u8]) -> VecDeque<Vec<u8>> {
    if mode & 1 == 1 {
        return VecDeque::from([rest.to_vec()]);
    }
    let mut frames = VecDeque::new();
    while let [rv, high, low, body @ ..] = rest {
        let rv = [Rv::OK, Rv::BUFFER_TOO_SMALL, Rv::ATTRIBUTE_SENSITIVE, Rv::DEVICE_ERROR][usize::from(rv % 4)];
        let (body, left) = body.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(body.len()));
        let head = u32::try_from(rv.0).expect("these are small");
        let length = u32::try_from(body.len() + 4).expect("a frame is short");
        frames.push_back([&length.to_be_bytes(), &head.to_be_bytes(), body].concat());
        rest = left;
    }
    frames
}

/// What the daemon answers.
#[derive(Debug)]
enum Script {
    /// What it should, with this session.
    Usual(u64),
    /// These, one for each request, and then it hangs up.
    Hostile(VecDeque<Vec<u8>>),
}

fn serve(mut stream: UnixStream, script: &Mutex<Script>) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 65536]);
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..read]);
        while let Some(frame) = codec::cut(&bytes).expect("the module writes frames") {
            let (function, taken) = (Function(u64::from(frame.head)), frame.taken);
            bytes.drain(..taken);
            let (answer, last) = answered(function, &mut lock(script));
            let sent = stream.write_all(&answer);
            if sent.is_err() || last {
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
        }
    }
}

/// The answer to a call of this function, and whether the daemon hangs up behind it.
fn answered(function: Function, script: &mut Script) -> (Vec<u8>, bool) {
    match script {
        _ if function == Function::Attach => {
            (told::<request::Attach>(&answer::Attach { protocol: Protocol::THREE, daemon: [1; 16] }), false)
        }
        Script::Usual(session) if function == Function::OpenSession => {
            (told::<request::OpenSession>(&answer::OpenSession { session: *session }), false)
        }
        Script::Usual(_) => (vec![0, 0, 0, 4, 0, 0, 0, 0], false),
        Script::Hostile(frames) => (frames.pop_front().unwrap_or_default(), frames.is_empty()),
    }
}

fn told<R: Ask>(answer: &R::Answer) -> Vec<u8> {
    let mut frame = Vec::new();
    call::write_answer::<R>(Rv::OK, answer, &mut frame).expect("it is short");
    frame
}

/// The application's memory: blocks of which nothing outside is touched.
struct Memory {
    length: usize,
    /// Which pointers are null, the first in the lowest bit.
    nulls: u8,
    blocks: Vec<Block>,
}

/// A block between two guards.
struct Block {
    all: Vec<u64>,
    length: usize,
}

impl Memory {
    /// A block of so many bytes; null where the next bit says so.
    fn block(&mut self, length: usize) -> *mut u8 {
        let null = self.nulls & 1 == 1;
        self.nulls >>= 1;
        if null { ptr::null_mut() } else { self.sure(length) }
    }

    fn sure(&mut self, length: usize) -> *mut u8 {
        let all = vec![u64::from_ne_bytes([GUARD; 8]); length.div_ceil(8) + 2 * GUARDS];
        self.blocks.push(Block { all, length });
        let block = self.blocks.last_mut().expect("it was pushed");
        let start = block.all.as_mut_ptr().wrapping_add(GUARDS).cast::<u8>();
        // SAFETY: there are so many bytes behind the first guard.
        unsafe { start.write_bytes(0, length) };
        start
    }

    /// An array of values.
    fn array<T: Copy>(&mut self, values: &[T]) -> *mut T {
        let start = self.block(size_of_val(values)).cast::<T>();
        if !start.is_null() {
            for (place, value) in values.iter().enumerate() {
                // SAFETY: the block is as long as all of them.
                unsafe { start.wrapping_add(place).write(*value) };
            }
        }
        start
    }

    fn check(&self, name: &str) {
        for block in &self.blocks {
            let bytes: Vec<u8> = block.all.iter().flat_map(|word| word.to_ne_bytes()).collect();
            let (before, rest) = bytes.split_at(GUARDS * 8);
            let (_, behind) = rest.split_at(block.length);
            assert!(before.iter().chain(behind).all(|byte| *byte == GUARD), "{name} writes outside of its place");
        }
    }
}

/// Words on each side of a block.
const GUARDS: usize = 8;
const GUARD: u8 = 0xA5;

/// What a function is given.
trait Argument: Copy {
    fn of(memory: &mut Memory) -> Self;

    /// The length that it points to, if it does.
    fn told(self) -> Option<u64> {
        None
    }
}

impl Argument for u64 {
    fn of(memory: &mut Memory) -> Self {
        memory.length as u64
    }
}

impl Argument for u8 {
    fn of(_: &mut Memory) -> Self {
        1
    }
}

impl Argument for CK_NOTIFY {
    fn of(_: &mut Memory) -> Self {
        None
    }
}

impl Argument for *mut u8 {
    fn of(memory: &mut Memory) -> Self {
        memory.block(memory.length)
    }
}

impl Argument for *mut c_void {
    fn of(memory: &mut Memory) -> Self {
        memory.block(memory.length).cast()
    }
}

impl Argument for *mut u64 {
    fn of(memory: &mut Memory) -> Self {
        memory.array(&vec![memory.length as u64; memory.length])
    }

    fn told(self) -> Option<u64> {
        // SAFETY: it is null or a block of at least one.
        (!self.is_null()).then(|| unsafe { self.read() })
    }
}

impl Argument for *mut CK_MECHANISM {
    fn of(memory: &mut Memory) -> Self {
        let mechanism = KINDS[memory.length % KINDS.len()];
        memory.array(&[CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 }])
    }
}

impl Argument for *mut CK_ATTRIBUTE {
    fn of(memory: &mut Memory) -> Self {
        let nulls = std::mem::take(&mut memory.nulls);
        let all: Vec<CK_ATTRIBUTE> = (0..memory.length).map(|place| attribute(memory, place, 2)).collect();
        memory.nulls = nulls;
        memory.array(&all)
    }
}

/// An attribute of one of the kinds, with a place for its value; a template has attributes in it.
fn attribute(memory: &mut Memory, place: usize, depth: usize) -> CK_ATTRIBUTE {
    let type_ = ATTRIBUTES[place % ATTRIBUTES.len()];
    let (start, length) = match type_ {
        CKA_TOKEN | CKA_EXTRACTABLE => (memory.sure(1), 1),
        CKA_CLASS | CKA_KEY_TYPE => (memory.sure(8), 8),
        CKA_START_DATE => (memory.sure(8), 8),
        CKA_ALLOWED_MECHANISMS => (memory.sure(32), 32),
        CKA_WRAP_TEMPLATE if depth > 0 => {
            let inner: Vec<CK_ATTRIBUTE> = (0..3).map(|place| attribute(memory, place * 5, depth - 1)).collect();
            (memory.array(&inner).cast(), size_of_val(&*inner))
        }
        CKA_WRAP_TEMPLATE => (ptr::null_mut(), 0),
        CKA_MODULUS => (ptr::null_mut(), 0),
        _ => (memory.sure(memory.length), memory.length),
    };
    CK_ATTRIBUTE { type_, pValue: start.cast(), ulValueLen: length as u64 }
}

const ATTRIBUTES: [u64; 11] = [
    CKA_WRAP_TEMPLATE,
    CKA_LABEL,
    CKA_TOKEN,
    CKA_CLASS,
    CKA_MODULUS,
    CKA_ALLOWED_MECHANISMS,
    CKA_START_DATE,
    CKA_ID,
    CKA_KEY_TYPE,
    CKA_EXTRACTABLE,
    CKA_VALUE,
];

const KINDS: [u64; 6] = [CKM_AES_GCM, CKM_ECDSA, CKM_SHA256, CKM_AES_CBC, CKM_CHACHA20_POLY1305, CKM_RSA_PKCS];

macro_rules! zeroed {
    ($($kind:ty),*) => { $(
        impl Argument for *mut $kind {
            fn of(memory: &mut Memory) -> Self {
                memory.block(memory.length * size_of::<$kind>()).cast()
            }
        }
    )* };
}

zeroed!(CK_INFO, CK_SLOT_INFO, CK_TOKEN_INFO, CK_MECHANISM_INFO, CK_SESSION_INFO, CK_ASYNC_DATA);

/// A call of a function with everything that it takes: how long it says that its output is, where it says so.
type Call = fn(&mut Memory) -> Option<u64>;

/// A row reads: function, a letter for each argument, and whether the last points to the length of an output.
macro_rules! functions {
    ($($name:ident($($argument:ident),*) $(-> $length:ident)?;)*) => {
        const FUNCTIONS: &[(&str, Call)] = &[$((stringify!($name), |memory| {
            // In the order of the arguments.
            $(let $argument = Argument::of(memory);)*
            // SAFETY: every pointer is null or a block as long as what the numbers say.
            let rv = unsafe { $name($($argument),*) };
            let last = None;
            $(let last = Argument::told($argument).or(last);)*
            let tells: &[&str] = &[$(stringify!($length))?];
            last.filter(|_| rv == Rv::OK.0 && !tells.is_empty())
        })),*];
    };
}

functions! {
    C_GetInfo(a); C_GetSlotList(a, b, c) -> length; C_GetSlotInfo(a, b); C_GetTokenInfo(a, b);
    C_GetMechanismList(a, b, c) -> length; C_GetMechanismInfo(a, b, c); C_InitToken(a, b, c, d); C_InitPIN(a, b, c);
    C_SetPIN(a, b, c, d, e); C_OpenSession(a, b, c, d, e); C_CloseSession(a); C_CloseAllSessions(a);
    C_GetSessionInfo(a, b); C_GetOperationState(a, b, c) -> length; C_SetOperationState(a, b, c, d, e);
    C_Login(a, b, c, d); C_LoginUser(a, b, c, d, e, f); C_Logout(a); C_CreateObject(a, b, c, d);
    C_CopyObject(a, b, c, d, e); C_DestroyObject(a, b); C_GetObjectSize(a, b, c); C_GetAttributeValue(a, b, c, d);
    C_SetAttributeValue(a, b, c, d); C_FindObjectsInit(a, b, c); C_FindObjects(a, b, c, d) -> length;
    C_FindObjectsFinal(a); C_EncryptInit(a, b, c); C_Encrypt(a, b, c, d, e) -> length;
    C_EncryptUpdate(a, b, c, d, e) -> length; C_EncryptFinal(a, b, c) -> length; C_DecryptInit(a, b, c);
    C_Decrypt(a, b, c, d, e) -> length; C_DecryptUpdate(a, b, c, d, e) -> length; C_DecryptFinal(a, b, c) -> length;
    C_DigestInit(a, b); C_Digest(a, b, c, d, e) -> length; C_DigestUpdate(a, b, c); C_DigestKey(a, b);
    C_DigestFinal(a, b, c) -> length; C_SignInit(a, b, c); C_Sign(a, b, c, d, e) -> length; C_SignUpdate(a, b, c);
    C_SignFinal(a, b, c) -> length; C_SignRecoverInit(a, b, c); C_SignRecover(a, b, c, d, e) -> length;
    C_VerifyInit(a, b, c); C_Verify(a, b, c, d, e); C_VerifyUpdate(a, b, c); C_VerifyFinal(a, b, c);
    C_VerifyRecoverInit(a, b, c); C_VerifyRecover(a, b, c, d, e) -> length;
    C_DigestEncryptUpdate(a, b, c, d, e) -> length; C_DecryptDigestUpdate(a, b, c, d, e) -> length;
    C_SignEncryptUpdate(a, b, c, d, e) -> length; C_DecryptVerifyUpdate(a, b, c, d, e) -> length;
    C_GenerateKey(a, b, c, d, e); C_GenerateKeyPair(a, b, c, d, e, f, g, h); C_WrapKey(a, b, c, d, e, f) -> length;
    C_UnwrapKey(a, b, c, d, e, f, g, h); C_DeriveKey(a, b, c, d, e, f); C_SeedRandom(a, b, c);
    C_GenerateRandom(a, b, c); C_GetFunctionStatus(a); C_CancelFunction(a); C_SessionCancel(a, b);
    C_MessageEncryptInit(a, b, c); C_EncryptMessage(a, b, c, d, e, f, g, h, i) -> length;
    C_EncryptMessageBegin(a, b, c, d, e) -> length; C_EncryptMessageNext(a, b, c, d, e, f, g, h) -> length;
    C_MessageEncryptFinal(a); C_MessageDecryptInit(a, b, c); C_DecryptMessage(a, b, c, d, e, f, g, h, i) -> length;
    C_DecryptMessageBegin(a, b, c, d, e) -> length; C_DecryptMessageNext(a, b, c, d, e, f, g, h) -> length;
    C_MessageDecryptFinal(a); C_MessageSignInit(a, b, c); C_SignMessage(a, b, c, d, e, f, g) -> length;
    C_SignMessageBegin(a, b, c); C_SignMessageNext(a, b, c, d, e, f, g) -> length; C_MessageSignFinal(a);
    C_MessageVerifyInit(a, b, c); C_VerifyMessage(a, b, c, d, e, f, g); C_VerifyMessageBegin(a, b, c);
    C_VerifyMessageNext(a, b, c, d, e, f, g); C_MessageVerifyFinal(a); C_EncapsulateKey(a, b, c, d, e, f, g, h);
    C_DecapsulateKey(a, b, c, d, e, f, g, h); C_VerifySignatureInit(a, b, c, d, e); C_VerifySignature(a, b, c);
    C_VerifySignatureUpdate(a, b, c); C_VerifySignatureFinal(a); C_GetSessionValidationFlags(a, b, c);
    C_AsyncComplete(a, b, c); C_AsyncGetID(a, b, c); C_AsyncJoin(a, b, c, d, e);
    C_WrapKeyAuthenticated(a, b, c, d, e, f, g, h) -> length;
    C_UnwrapKeyAuthenticated(a, b, c, d, e, f, g, h, i, j);
}
