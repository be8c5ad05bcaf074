//! The second door: applications of clients that reach PKCS#11 through KMIP's PKCS#11 operation (KMIP Profiles 2.1
//! §5.18). Parameters are written as on the socket, so the codec and the functions behind it are the same.
//!
//! An application begins with `C_Initialize`, which gives it a correlation value, and is its client's alone. It ends with
//! `C_Finalize`, or when it has not called for a while.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use strongroom_kmip::{
    code::{PKCS11Function, PKCS11ReturnCode, ResultReason},
    secret::Secret,
};
use strongroom_pkcs11_wire::{
    Function, Rv,
    call::Request,
    codec::{self, Wire as _, Writer},
    number::UserType,
    value::{Version, padded},
};

use super::{
    application::Application,
    call,
    desk::{Desk, House},
};
use crate::{
    caller::{Caller, Principal, Role},
    clock::Time,
    service::{Cryptoki, Refusal, Returned},
};

/// Serves the PKCS#11 operation.
pub struct Tunnel {
    house: Arc<House>,
    next: AtomicU64,
    there: Mutex<HashMap<Vec<u8>, Guest>>,
}

/// An application at the other end.
struct Guest {
    owner: Principal,
    application: Arc<Application>,
    /// When it last called.
    last: Time,
}

impl Tunnel {
    /// A tunnel into a house.
    pub fn new(house: Arc<House>) -> Self {
        Self { house, next: AtomicU64::new(1), there: Mutex::default() }
    }

    /// Begins an application.
    fn initialize(&self, caller: &Caller, correlation: Option<&[u8]>, input: &[u8]) -> Result<Returned, Refusal> {
        // Whether there are arguments; what they would be, a mutex for threads, has no meaning here.
        if !matches!(input, [] | [0 | 1]) {
            return Err(unread("C_Initialize takes no arguments from afar"));
        }
        let now = self.house.service.now();
        let (gone, begun) = {
            let mut there = self.lock();
            if correlation.is_some_and(|name| there.get(name).is_some_and(|guest| guest.owner == caller.principal)) {
                return Ok(returned(Rv::CRYPTOKI_ALREADY_INITIALIZED));
            }
            let is_gone = |guest: &Guest| guest.last.0 <= now.0.saturating_sub(IDLE);
            let gone: Vec<Guest> = there.extract_if(|_, guest| is_gone(guest)).map(|(_, guest)| guest).collect();
            let own = there.values().filter(|guest| guest.owner == caller.principal).count();
            if there.len() >= MOST || own >= MOST_OF_ONE {
                (gone, None)
            } else {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let name = [self.house.run.as_slice(), &number.to_be_bytes()].concat();
                let guest = Guest { owner: caller.principal.clone(), application: Arc::default(), last: now };
                there.insert(name.clone(), guest);
                (gone, Some(name))
            }
        };
        gone.iter().for_each(|guest| self.house.bury(&guest.application));
        Ok(match begun {
            Some(name) => Returned { correlation: Some(name), ..returned(Rv::OK) },
            None => returned(Rv::HOST_MEMORY),
        })
    }

    /// The application of this name, if it is the caller's.
    fn application(&self, caller: &Caller, correlation: Option<&[u8]>) -> Option<Arc<Application>> {
        let mut there = self.lock();
        let guest = there.get_mut(correlation?).filter(|guest| guest.owner == caller.principal)?;
        guest.last = self.house.service.now();
        Some(Arc::clone(&guest.application))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Guest>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cryptoki for Tunnel {
    fn call(
        &self,
        caller: &Caller,
        function: PKCS11Function,
        correlation: Option<&[u8]>,
        input: &[u8],
    ) -> Result<Returned, Refusal> {
        let function = Function(u64::from(function.0));
        if function == Function::Initialize {
            return self.initialize(caller, correlation, input);
        }
        let Some(application) = self.application(caller, correlation) else {
            return Ok(returned(Rv::CRYPTOKI_NOT_INITIALIZED));
        };
        match function {
            Function::GetInfo if input.is_empty() => return Ok(Returned { output: info(), ..returned(Rv::OK) }),
            Function::GetInfo => return Err(unread("C_GetInfo takes nothing in")),
            // The socket's own word for C_Initialize.
            Function::Attach => return Err(unknown(function)),
            _ => {}
        }
        let request = Request::read(function, input).map_err(|error| match error {
            codec::Error::Function(_) => unknown(function),
            other => unread(&other.to_string()),
        })?;
        if is_officers(&request) && caller.role != Role::Administrator {
            return Ok(returned(Rv::FUNCTION_REJECTED));
        }
        let desk = Desk { house: &self.house, application: &application, caller };
        let mut frame = Vec::new();
        call::serve(request, &desk, &mut frame);
        // Random bytes and plaintexts are in it.
        let frame = Secret::new(frame);
        let answer = match codec::cut(frame.reveal()) {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => return Ok(returned(Rv::GENERAL_ERROR)),
        };
        if function == Function::Finalize
            && let Some(name) = correlation
        {
            self.lock().remove(name);
        }
        let output = Secret::copy_of(answer.body);
        Ok(Returned { code: PKCS11ReturnCode(answer.head), correlation: None, output })
    }
}

/// Whether this is the security officer's business. A slot has one token with its PINs and their counters for all its
/// clients, so from afar only an administrator may touch what would lock the others out.
fn is_officers(request: &Request) -> bool {
    match request {
        Request::InitToken(_) | Request::InitPIN(_) | Request::SetPIN(_) => true,
        Request::Login(login) => login.user == UserType::SO,
        Request::LoginUser(login) => login.user == UserType::SO,
        _ => false,
    }
}

/// `CK_INFO`.
fn info() -> Secret {
    let mut bytes = Vec::new();
    let mut to = Writer::new(&mut bytes);
    Version { major: 3, minor: 2 }.write(&mut to);
    padded::<32>("Strongroom").write(&mut to);
    0_u64.write(&mut to);
    padded::<32>("Strongroom PKCS#11 over KMIP").write(&mut to);
    Version { major: 0, minor: 1 }.write(&mut to);
    Secret::new(bytes)
}

fn returned(rv: Rv) -> Returned {
    let code = PKCS11ReturnCode(u32::try_from(rv.0).unwrap_or(u32::MAX));
    Returned { code, correlation: None, output: Secret::new(Vec::new()) }
}

fn unknown(function: Function) -> Refusal {
    Refusal::new(ResultReason::PKCS_11InvalidFunction, format!("{function} is no function of the interface"))
}

fn unread(why: &str) -> Refusal {
    Refusal::new(ResultReason::PKCS_11CodecError, format!("the parameters cannot be read: {why}"))
}

/// Applications of all clients.
const MOST: usize = 1024;
/// Applications of one client.
const MOST_OF_ONE: usize = 16;
/// How long an application that does not call is kept, in milliseconds.
const IDLE: i64 = 600_000;
