//! The second door: applications of clients that reach PKCS#11 through KMIP's PKCS#11 operation (KMIP Profiles 2.1
//! §5.18). Parameters are written as on the socket, so the codec and the functions behind it are the same.
//!
//! An application begins with `C_Initialize`, which gives it a correlation value, and is its client's alone. It ends with
//! `C_Finalize`, or when it has not called for a while.

use std::sync::Arc;

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
    call,
    desk::{Desk, House},
};
use crate::{
    caller::{Caller, Role},
    service::{Cryptoki, Refusal, Returned},
};

/// Serves the PKCS#11 operation.
pub struct Tunnel {
    house: Arc<House>,
}

impl Tunnel {
    /// A tunnel into a house.
    pub fn new(house: Arc<House>) -> Self {
        Self { house }
    }

    /// Begins an application.
    fn initialize(&self, caller: &Caller, correlation: Option<&[u8]>, input: &[u8]) -> Result<Returned, Refusal> {
        // Whether there are arguments; what they would be, a mutex for threads, has no meaning here.
        if !matches!(input, [] | [0 | 1]) {
            return Err(unread("C_Initialize takes no arguments from afar"));
        }
        let (house, now) = (&self.house, self.house.service.now());
        if correlation.is_some_and(|name| house.guests.call(&caller.principal, name, now).is_some()) {
            return Ok(returned(Rv::CRYPTOKI_ALREADY_INITIALIZED));
        }
        self.tidy();
        Ok(match house.guests.begin(&caller.principal, house.run, now) {
            Some(name) => Returned { correlation: Some(name), ..returned(Rv::OK) },
            None => returned(Rv::HOST_MEMORY),
        })
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
        let now = self.house.service.now();
        let known = correlation.and_then(|name| self.house.guests.call(&caller.principal, name, now));
        let Some(application) = known else {
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
        let desk = Desk::new(&self.house, &application, caller);
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
            self.house.guests.end(name);
        }
        let output = Secret::copy_of(answer.body);
        Ok(Returned { code: PKCS11ReturnCode(answer.head), correlation: None, output })
    }

    fn tidy(&self) {
        let gone = self.house.guests.gone(self.house.service.now());
        gone.iter().for_each(|application| self.house.tidy(application.end()));
    }
}

/// Whether this is the security officer's business. A slot has one token with its PINs and their counters for all its
/// clients, so from afar only an administrator may touch what would lock the others out.
pub fn is_officers(request: &Request) -> bool {
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
