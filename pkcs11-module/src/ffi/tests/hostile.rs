//! Daemons that lie, babble, hang up and fall silent. The application is told, and its memory is not touched.

use std::ptr;

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Rv,
    attribute::{Reveal, Value},
    call::{Found, Request, answer, request},
    codec,
    value::{Output, Wiped},
};

use super::{
    application::{Application, attribute, c},
    daemon::{Daemon, SESSION, refused, told},
};

fn signed(rv: Rv, output: Output) -> Vec<u8> {
    told::<request::Sign>(rv, &answer::Sign { output })
}

fn bytes(length: usize) -> Output {
    Output::Bytes(Wiped::new(vec![0xee; length]))
}

/// Asks for a signature with room for `room` bytes; what came, and whether anything beyond was touched.
fn sign(frame: Vec<u8>, room: Option<CK_ULONG>) -> (Rv, CK_ULONG, bool) {
    let script = move |request: &Request| matches!(request, Request::Sign(_)).then(|| frame.clone());
    let _daemon = Daemon::scripted(script);
    let _application = Application::with_session();
    let (mut buffer, mut length) = ([0u8; 64], room.unwrap_or(0));
    let place = if room.is_some() { buffer.as_mut_ptr() } else { ptr::null_mut() };
    let rv = c!(C_Sign(SESSION, ptr::null_mut(), 0, place, &mut length));
    (rv, length, buffer.iter().any(|byte| *byte != 0))
}

#[test]
fn an_answer_that_breaks_the_rules_is_an_error_and_writes_nothing() {
    let long = u32::try_from(codec::LONGEST + 1).unwrap().to_be_bytes();
    for (name, frame, room, expected) in [
        ("more than there is room for", signed(Rv::OK, bytes(33)), Some(32), Rv::DEVICE_ERROR),
        ("an output nobody asked for", signed(Rv::OK, bytes(8)), None, Rv::DEVICE_ERROR),
        ("a length that would fit", signed(Rv::BUFFER_TOO_SMALL, Output::Length(32)), Some(32), Rv::DEVICE_ERROR),
        ("too small, without a length", refused(Rv::BUFFER_TOO_SMALL), Some(32), Rv::BUFFER_TOO_SMALL),
        ("success without values", vec![0, 0, 0, 4, 0, 0, 0, 0], Some(32), Rv::DEVICE_ERROR),
        ("a flag that is neither", vec![0, 0, 0, 9, 0, 0, 0, 0, 7, 0, 0, 0, 1], Some(32), Rv::DEVICE_ERROR),
        ("a count beyond the frame", vec![0, 0, 0, 9, 0, 0, 0, 0, 1, 255, 255, 255, 255], Some(32), Rv::DEVICE_ERROR),
        ("a byte too many", [signed(Rv::OK, bytes(8)), vec![0]].concat(), Some(32), Rv::DEVICE_ERROR),
        ("a second answer", [refused(Rv::CANCEL), refused(Rv::CANCEL)].concat(), Some(32), Rv::DEVICE_ERROR),
        ("a frame without a head", vec![0, 0, 0, 3, 0, 0, 0], Some(32), Rv::DEVICE_ERROR),
        ("a frame beyond the limit", [&long[..], &[0; 12]].concat(), Some(32), Rv::DEVICE_ERROR),
        ("text", b"HTTP/1.1 400 Bad Request\r\n".to_vec(), Some(32), Rv::DEVICE_ERROR),
        ("half an answer, then silence", signed(Rv::OK, bytes(8))[..9].to_vec(), Some(32), Rv::DEVICE_ERROR),
        ("nothing, and hangs up", vec![], Some(32), Rv::DEVICE_REMOVED),
        ("a number nobody knows", refused(Rv(0x8000_1234)), Some(32), Rv(0x8000_1234)),
        ("a refusal", refused(Rv::KEY_HANDLE_INVALID), Some(32), Rv::KEY_HANDLE_INVALID),
    ] {
        let (rv, length, touched) = sign(frame, room);
        assert_eq!((rv, length), (expected, room.unwrap_or(0)), "{name}");
        assert!(!touched, "{name}");
    }
}

#[test]
fn after_a_broken_answer_the_next_call_works() {
    let broken = std::sync::atomic::AtomicBool::new(false);
    let _daemon = Daemon::scripted(move |request| {
        let first = matches!(request, Request::Sign(_)) && !broken.swap(true, std::sync::atomic::Ordering::SeqCst);
        first.then(|| b"garbage, and more garbage".to_vec())
    });
    let _application = Application::with_session();
    let (mut buffer, mut length) = ([0u8; 64], 64);
    let mut sign = || c!(C_Sign(SESSION, ptr::null_mut(), 0, buffer.as_mut_ptr(), &mut length));
    assert_eq!(sign(), Rv::DEVICE_ERROR);
    assert_eq!(sign(), Rv::OK);
}

#[test]
fn answers_to_other_questions_are_refused() {
    let label = || Attribute::bytes(AttributeType::LABEL, *b"other");
    let rows: [(&str, Vec<Reveal>); 5] = [
        ("none", vec![]),
        ("two for one", vec![Reveal::Invalid, Reveal::Invalid]),
        ("another attribute", vec![Reveal::Value(label())]),
        ("a length although there is room", vec![Reveal::Length(1)]),
        (
            "too many of the right",
            vec![Reveal::Value(Attribute::new(AttributeType::CLASS, Value::Ulong(1))), Reveal::Value(label())],
        ),
    ];
    for (name, revealed) in rows {
        let frame = told::<request::GetAttributeValue>(Rv::OK, &answer::GetAttributeValue { revealed });
        let _daemon =
            Daemon::scripted(move |request| matches!(request, Request::GetAttributeValue(_)).then(|| frame.clone()));
        let _application = Application::with_session();
        let mut class = [0u8; 8];
        let mut question = attribute(CKA_CLASS, &mut class);
        assert_eq!(c!(C_GetAttributeValue(SESSION, 1, &mut question, 1)), Rv::DEVICE_ERROR, "{name}");
        assert_eq!(class, [0; 8], "{name}");
    }
}

#[test]
fn more_objects_than_asked_for_are_refused() {
    let found = (0..9).map(|object| Found { object, public: vec![], absent: vec![] }).collect();
    let frame = told::<request::FindObjects>(Rv::OK, &answer::FindObjects { found });
    let _daemon = Daemon::scripted(move |request| matches!(request, Request::FindObjects(_)).then(|| frame.clone()));
    let _application = Application::with_session();
    let (mut objects, mut count) = ([0; 8], 77);
    assert_eq!(c!(C_FindObjects(SESSION, objects.as_mut_ptr(), 8, &mut count)), Rv::DEVICE_ERROR);
    assert_eq!((objects, count), ([0; 8], 77));
}

#[test]
fn random_bytes_of_another_number_are_refused() {
    let frame = told::<request::GenerateRandom>(Rv::OK, &answer::GenerateRandom { random: Wiped::new(vec![1; 7]) });
    let _daemon = Daemon::scripted(move |request| matches!(request, Request::GenerateRandom(_)).then(|| frame.clone()));
    let _application = Application::with_session();
    let mut random = [0u8; 8];
    assert_eq!(c!(C_GenerateRandom(SESSION, random.as_mut_ptr(), 8)), Rv::DEVICE_ERROR);
    assert_eq!(random, [0; 8]);
}

#[test]
fn a_daemon_that_refuses_the_application_is_heard() {
    for (name, frame, expected) in [
        ("refuses", refused(Rv::FUNCTION_REJECTED), Rv::FUNCTION_REJECTED),
        ("speaks an older version", attached(1), Rv::DEVICE_ERROR),
        ("speaks another version", attached(9), Rv::DEVICE_ERROR),
        ("hangs up", vec![], Rv::DEVICE_REMOVED),
    ] {
        let _daemon = Daemon::scripted(move |request| matches!(request, Request::Attach(_)).then(|| frame.clone()));
        let _application = Application::start();
        let mut count = 0;
        assert_eq!(c!(C_GetSlotList(1, ptr::null_mut(), &mut count)), expected, "{name}");
    }
}

fn attached(protocol: u64) -> Vec<u8> {
    let protocol = strongroom_pkcs11_wire::number::Protocol(protocol);
    told::<request::Attach>(Rv::OK, &answer::Attach { protocol, daemon: [1; 16] })
}
