//! Every function of the list with every argument wrong in every way, alone and in pairs. No call crashes, hangs or panics, and
//! none goes well with a pointer that is null where one is needed.
//!
//! A pointer is right, null, or odd; what it points to is all zeroes or all ones. A number is small, nought, or more than any
//! memory has: what lies between is the application's promise.

use std::{ffi::c_void, sync::Mutex, thread};

use cryptoki_sys::{CK_BBOOL, CK_FUNCTION_LIST_3_2, CK_NOTIFY, CK_RV, CK_ULONG};
use strongroom_pkcs11_wire::Rv;

use super::{
    application::{Application, list},
    daemon::Daemon,
    process::in_child,
};

/// What an argument may be. The first choice is right, and the second of a pointer is null.
trait Argument: Sized {
    const CHOICES: usize;
    const POINTER: bool;
    fn choice(which: usize, memory: *mut u8) -> Self;
}

impl<T> Argument for *mut T {
    const CHOICES: usize = 3;
    const POINTER: bool = true;

    fn choice(which: usize, memory: *mut u8) -> Self {
        match which {
            0 => memory.cast(),
            1 => std::ptr::null_mut(),
            _ => memory.wrapping_add(1).cast(),
        }
    }
}

impl Argument for CK_ULONG {
    const CHOICES: usize = 6;
    const POINTER: bool = false;

    fn choice(which: usize, _: *mut u8) -> Self {
        [7, 0, 1, 64, 1 << 63, Self::MAX][which]
    }
}

impl Argument for CK_BBOOL {
    const CHOICES: usize = 3;
    const POINTER: bool = false;

    fn choice(which: usize, _: *mut u8) -> Self {
        [1, 0, 255][which]
    }
}

impl Argument for CK_NOTIFY {
    const CHOICES: usize = 1;
    const POINTER: bool = false;

    fn choice(_: usize, _: *mut u8) -> Self {
        None
    }
}

/// A function that can be called with every choice of its arguments.
trait Function: Copy {
    /// Calls it with all arguments right, with each wrong, and with every two wrong. `see` is told which were, whether those were
    /// null pointers, and what came of it.
    fn sweep(self, memory: &mut [u8], see: &mut dyn FnMut(&[usize], bool, Rv));

    /// Calls it with all arguments right.
    fn right(self, memory: *mut u8) -> Rv;
}

macro_rules! function {
    ($($kind:ident $place:literal),*) => {
        impl<$($kind: Argument),*> Function for unsafe extern "C" fn($($kind),*) -> CK_RV {
            fn sweep(self, memory: &mut [u8], see: &mut dyn FnMut(&[usize], bool, Rv)) {
                let fill = memory[0];
                let choices = [$($kind::CHOICES),*];
                let pointers = [$($kind::POINTER),*];
                let all = (0..choices.len()).flat_map(|place| (1..choices[place]).map(move |choice| (place, choice)));
                let all: Vec<(usize, usize)> = all.collect();
                for (at, first) in all.iter().enumerate() {
                    for second in std::iter::once(first).chain(all[at + 1..].iter().filter(|other| other.0 != first.0)) {
                        let mut picked = choices.map(|_| 0);
                        picked[first.0] = first.1;
                        picked[second.0] = second.1;
                        // An answer may lie there by now, which would make lengths and pointers that are not true.
                        memory.fill(fill);
                        let memory = memory.as_mut_ptr();
                        // SAFETY: as for `right`; lengths are short, or no memory has them.
                        let rv = Rv(unsafe { self($($kind::choice(picked[$place], memory)),*) });
                        let wrong = if first == second { &[first.0][..] } else { &[first.0, second.0] };
                        let null = [first, second].iter().all(|(place, choice)| pointers[*place] && *choice == 1);
                        see(wrong, null, rv);
                    }
                }
            }

            fn right(self, memory: *mut u8) -> Rv {
                // SAFETY: the memory is longer than all that seven of anything take.
                Rv(unsafe { self($($kind::choice(0, memory)),*) })
            }
        }
    };
}

function!(A 0);
function!(A 0, B 1);
function!(A 0, B 1, C 2);
function!(A 0, B 1, C 2, D 3);
function!(A 0, B 1, C 2, D 3, E 4);
function!(A 0, B 1, C 2, D 3, E 4, F 5);
function!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
function!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
function!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
function!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);

/// Does something with each function of the list that neither begins nor ends the module, nor waits for ever.
macro_rules! each {
    ($see:ident: $($name:ident)*) => { $( $see(stringify!($name), &list().$name.unwrap()); )* };
    ($see:ident) => { each!($see:
        C_GetInfo C_GetFunctionList C_GetSlotList C_GetSlotInfo C_GetTokenInfo C_GetMechanismList C_GetMechanismInfo
        C_InitToken C_InitPIN C_SetPIN C_OpenSession C_CloseSession C_CloseAllSessions C_GetSessionInfo
        C_GetOperationState C_SetOperationState C_Login C_Logout C_CreateObject C_CopyObject C_DestroyObject
        C_GetObjectSize C_GetAttributeValue C_SetAttributeValue C_FindObjectsInit C_FindObjects C_FindObjectsFinal
        C_EncryptInit C_Encrypt C_EncryptUpdate C_EncryptFinal C_DecryptInit C_Decrypt C_DecryptUpdate C_DecryptFinal
        C_DigestInit C_Digest C_DigestUpdate C_DigestKey C_DigestFinal C_SignInit C_Sign C_SignUpdate C_SignFinal
        C_SignRecoverInit C_SignRecover C_VerifyInit C_Verify C_VerifyUpdate C_VerifyFinal C_VerifyRecoverInit
        C_VerifyRecover C_DigestEncryptUpdate C_DecryptDigestUpdate C_SignEncryptUpdate C_DecryptVerifyUpdate
        C_GenerateKey C_GenerateKeyPair C_WrapKey C_UnwrapKey C_DeriveKey C_SeedRandom C_GenerateRandom
        C_GetFunctionStatus C_CancelFunction
        C_GetInterfaceList C_GetInterface C_LoginUser C_SessionCancel C_MessageEncryptInit C_EncryptMessage
        C_EncryptMessageBegin C_EncryptMessageNext C_MessageEncryptFinal C_MessageDecryptInit C_DecryptMessage
        C_DecryptMessageBegin C_DecryptMessageNext C_MessageDecryptFinal C_MessageSignInit C_SignMessage
        C_SignMessageBegin C_SignMessageNext C_MessageSignFinal C_MessageVerifyInit C_VerifyMessage
        C_VerifyMessageBegin C_VerifyMessageNext C_MessageVerifyFinal
        C_EncapsulateKey C_DecapsulateKey C_VerifySignatureInit C_VerifySignature C_VerifySignatureUpdate
        C_VerifySignatureFinal C_GetSessionValidationFlags C_AsyncComplete C_AsyncGetID C_AsyncJoin
        C_WrapKeyAuthenticated C_UnwrapKeyAuthenticated)
    };
}

/// `C_Initialize`, `C_Finalize` and `C_WaitForSlotEvent`: other tests give them what is wrong.
const ELSEWHERE: usize = 3;

/// Pointers with which a call may be answered well though they are null, by function and place: where an output goes, when its
/// length is asked for; a mechanism, to end what is under way; what nobody reads; a user's name.
const MAY_BE_NULL: &[(&str, usize)] = &[
    ("C_GetSlotList", 1),
    ("C_GetMechanismList", 1),
    ("C_GetInterfaceList", 0),
    ("C_OpenSession", 2),
    ("C_LoginUser", 4),
    ("C_EncryptInit", 1),
    ("C_Encrypt", 3),
    ("C_EncryptUpdate", 3),
    ("C_EncryptFinal", 1),
    ("C_DecryptInit", 1),
    ("C_DigestInit", 1),
    ("C_SignInit", 1),
    ("C_Sign", 3),
    ("C_SignFinal", 1),
    ("C_SignRecoverInit", 1),
    ("C_VerifyInit", 1),
    ("C_VerifyRecoverInit", 1),
    ("C_MessageEncryptInit", 1),
    ("C_MessageDecryptInit", 1),
    ("C_MessageSignInit", 1),
    ("C_MessageVerifyInit", 1),
    ("C_VerifySignatureInit", 1),
];

#[test]
fn every_function_bears_every_wrong_argument_and_every_two() {
    let _daemon = Daemon::start();
    for fill in [0, 0xff] {
        let mut memory = vec![fill; MEMORY];
        let mut swept = 0;
        let mut complaints = Vec::new();
        {
            let mut see = |name: &str, function: &dyn Swept| {
                let _application = Application::with_session();
                swept += 1;
                function.all(&mut memory, &mut |wrong, null, rv| {
                    let known = rv.name().is_some() && rv != Rv::GENERAL_ERROR;
                    let optional = wrong.iter().all(|place| MAY_BE_NULL.contains(&(name, *place)));
                    if !known || (null && !optional && rv == Rv::OK) {
                        complaints.push(format!("{name}, wrong {wrong:?}, null {null}: {rv:?}"));
                    }
                });
            };
            each!(see);
        }
        assert!(complaints.is_empty(), "{} complaints: {complaints:#?}", complaints.len());
        let functions = (size_of::<CK_FUNCTION_LIST_3_2>() - size_of::<*const c_void>()) / size_of::<*const c_void>();
        assert_eq!(swept, functions - ELSEWHERE);
    }
}

/// A function of any number of arguments.
trait Swept {
    fn all(&self, memory: &mut [u8], see: &mut dyn FnMut(&[usize], bool, Rv));
    fn plain(&self, memory: *mut u8) -> Rv;
}

impl<F: Function> Swept for F {
    fn all(&self, memory: &mut [u8], see: &mut dyn FnMut(&[usize], bool, Rv)) {
        (*self).sweep(memory, see);
    }

    fn plain(&self, memory: *mut u8) -> Rv {
        (*self).right(memory)
    }
}

/// Names of the functions that answer, with all arguments right, something else than that nobody has initialised the module.
fn alive(memory: &mut [u8]) -> Vec<String> {
    let mut alive = Vec::new();
    let mut see = |name: &str, function: &dyn Swept| {
        memory.fill(0);
        if function.plain(memory.as_mut_ptr()) != Rv::CRYPTOKI_NOT_INITIALIZED {
            alive.push(name.to_owned());
        }
    };
    each!(see);
    alive
}

/// These need no module.
const FREE: [&str; 3] = ["C_GetFunctionList", "C_GetInterfaceList", "C_GetInterface"];

#[test]
fn no_function_works_before_initialize_after_finalize_or_in_a_child() {
    let _daemon = Daemon::start();
    let mut memory = vec![0; MEMORY];
    assert_eq!(alive(&mut memory), FREE, "before");
    let application = Application::with_session();
    assert_eq!(in_child(|| i32::from(alive(&mut memory) != FREE)), 0, "in a child");
    drop(application);
    assert_eq!(alive(&mut memory), FREE, "after");
}

#[test]
fn every_function_bears_64_threads() {
    let _daemon = Daemon::start();
    let _application = Application::with_session();
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let mut memory = vec![0; MEMORY];
                let mut see = |name: &str, function: &dyn Swept| {
                    memory.fill(0);
                    let rv = function.plain(memory.as_mut_ptr());
                    assert!(rv.name().is_some() && rv != Rv::GENERAL_ERROR, "{name}: {rv:?}");
                };
                each!(see);
            });
        }
    });
}

#[test]
fn whatever_becomes_of_an_answer_nothing_is_written_where_there_is_no_room() {
    let chance = Mutex::new(0x9e37_79b9_7f4a_7c15_u64);
    let daemon = Daemon::twisted(move |mut answer| {
        let mut chance = chance.lock().unwrap();
        let mut below = |limit: usize| {
            // xorshift64
            *chance ^= *chance << 13;
            *chance ^= *chance >> 7;
            *chance ^= *chance << 17;
            usize::try_from(*chance >> 33).unwrap() % limit.max(1)
        };
        for _ in 0..below(4) {
            let place = below(answer.len());
            match below(5) {
                0 => answer[place] = [0, 1, 0x7f, 0x80, 0xff][below(5)],
                1 => answer[place] ^= 1 << below(8),
                2 => answer.truncate(place.max(1)),
                3 => answer.insert(place, answer[place]),
                _ => answer.extend(vec![1; below(2048)]),
            }
        }
        // The frame itself is right, or every other call would wait for bytes that do not come.
        answer.resize(answer.len().max(8), 0);
        let length = u32::try_from(answer.len() - 4).unwrap();
        answer[..4].copy_from_slice(&length.to_be_bytes());
        answer
    });
    let mut memory = vec![0; MEMORY];
    for _ in 0..ROUNDS {
        let _application = Application::start();
        let mut see = |name: &str, function: &dyn Swept| {
            memory.fill(0);
            // As a length it is room for 64; nothing that seven of anything are takes more than `WRITTEN`.
            memory[0] = 64;
            let rv = function.plain(memory.as_mut_ptr());
            assert_ne!(rv, Rv::GENERAL_ERROR, "{name} panicked");
            assert!(memory[WRITTEN..].iter().all(|byte| *byte == 0), "{name} wrote beyond its room");
        };
        each!(see);
    }
    drop(daemon);
}

/// How often each function is called.
const ROUNDS: usize = 40;
/// 64 handles and twice the longest structure.
const WRITTEN: usize = 1024;
/// More than 64 of the longest structure that a row of them is made of.
const MEMORY: usize = 8 << 10;
