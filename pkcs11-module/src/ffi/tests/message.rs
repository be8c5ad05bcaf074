//! What is said of a message in C's structures.

use std::ptr;

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{
    MechanismType, Rv,
    call::{Request, answer, request},
    value::{Bytes, Output, Wiped},
};

use super::{
    application::{Application, c},
    daemon::{Daemon, SESSION, told},
};

fn parameter(nonce: &mut [u8], tag: &mut [u8], generator: CK_ULONG) -> CK_GCM_MESSAGE_PARAMS {
    CK_GCM_MESSAGE_PARAMS {
        pIv: nonce.as_mut_ptr(),
        ulIvLen: nonce.len() as CK_ULONG,
        ulIvFixedBits: 0,
        ivGenerator: generator,
        pTag: tag.as_mut_ptr(),
        ulTagBits: tag.len() as CK_ULONG * 8,
    }
}

fn encrypt<P>(parameter: &mut P, length: usize) -> (Rv, [u8; 4]) {
    let (mut data, mut output, mut room) = ([1; 4], [0; 4], 4);
    let start = ptr::from_mut(parameter).cast();
    let length = length as CK_ULONG;
    let aad = ptr::null_mut();
    let rv = c!(C_EncryptMessage(SESSION, start, length, aad, 0, data.as_mut_ptr(), 4, output.as_mut_ptr(), &mut room));
    (rv, output)
}

fn sealing() -> Daemon {
    Daemon::scripted(|request| match request {
        Request::EncryptMessage(ask) => {
            let of = if ask.message.data_length == 0 { MechanismType::AES_GCM } else { MechanismType::AES_CCM };
            assert_eq!(ask.message.of, of, "the structure is told");
            let tag = Bytes(vec![9; usize::try_from(ask.message.tag_bits).unwrap() / 8]);
            let output = Output::Bytes(Wiped::from(ask.data.reveal()));
            let answer = answer::EncryptMessage { output, nonce: Bytes(vec![8; ask.message.nonce.len()]), tag };
            Some(told::<request::EncryptMessage>(Rv::OK, &answer))
        }
        _ => None,
    })
}

#[test]
fn nonce_and_tag_come_back_where_they_were_asked_for() {
    let _daemon = sealing();
    let _application = Application::with_session();
    for (why, generator, expected) in [("made", CKG_GENERATE, [8; 12]), ("given", CKG_NO_GENERATE, [5; 12])] {
        let (mut nonce, mut tag) = ([5; 12], [0; 16]);
        let mut parameter = parameter(&mut nonce, &mut tag, generator);
        assert_eq!(encrypt(&mut parameter, size_of::<CK_GCM_MESSAGE_PARAMS>()), (Rv::OK, [1; 4]), "{why}");
        assert_eq!((nonce, tag), (expected, [9; 16]), "{why}");
    }
}

#[test]
fn a_message_of_ccm_has_a_structure_of_its_own() {
    let _daemon = sealing();
    let _application = Application::with_session();
    let whole = size_of::<CK_CCM_MESSAGE_PARAMS>();
    let (mut nonce, mut tag) = ([5; 13], [0; 16]);
    let sound = CK_CCM_MESSAGE_PARAMS {
        ulDataLen: 4,
        pNonce: nonce.as_mut_ptr(),
        ulNonceLen: 13,
        ulNonceFixedBits: 0,
        nonceGenerator: CKG_GENERATE,
        pMAC: tag.as_mut_ptr(),
        ulMACLen: 16,
    };
    assert_eq!(encrypt(&mut { sound }, whole), (Rv::OK, [1; 4]));
    assert_eq!((nonce, tag), ([8; 13], [9; 16]));
    for (why, mut parameter, length) in [
        ("one byte short", sound, whole - 1),
        ("a tag without end", CK_CCM_MESSAGE_PARAMS { ulMACLen: CK_ULONG::MAX, ..sound }, whole),
        ("a tag longer than a block", CK_CCM_MESSAGE_PARAMS { ulMACLen: 17, ..sound }, whole),
        ("a tag nowhere", CK_CCM_MESSAGE_PARAMS { pMAC: ptr::null_mut(), ..sound }, whole),
        ("a nonce nowhere", CK_CCM_MESSAGE_PARAMS { pNonce: ptr::null_mut(), ..sound }, whole),
        ("a nonce without end", CK_CCM_MESSAGE_PARAMS { ulNonceLen: CK_ULONG::MAX, ..sound }, whole),
    ] {
        assert_eq!(encrypt(&mut parameter, length).0, Rv::MECHANISM_PARAM_INVALID, "{why}");
    }
}

#[test]
fn a_parameter_that_is_none_is_refused_before_it_is_followed() {
    let _daemon = sealing();
    let _application = Application::with_session();
    let whole = size_of::<CK_GCM_MESSAGE_PARAMS>();
    let (mut nonce, mut tag) = ([5; 12], [0; 16]);
    let sound = parameter(&mut nonce, &mut tag, CKG_GENERATE);
    for (why, mut parameter, length) in [
        ("one byte short", sound, whole - 1),
        ("nothing", sound, 0),
        ("a tag of half bytes", CK_GCM_MESSAGE_PARAMS { ulTagBits: 100, ..sound }, whole),
        ("a tag without end", CK_GCM_MESSAGE_PARAMS { ulTagBits: CK_ULONG::MAX, ..sound }, whole),
        ("a nonce nowhere", CK_GCM_MESSAGE_PARAMS { pIv: ptr::null_mut(), ..sound }, whole),
        ("a tag nowhere", CK_GCM_MESSAGE_PARAMS { pTag: ptr::null_mut(), ..sound }, whole),
        ("a nonce without end", CK_GCM_MESSAGE_PARAMS { ulIvLen: CK_ULONG::MAX, ..sound }, whole),
    ] {
        assert_eq!(encrypt(&mut parameter, length).0, Rv::MECHANISM_PARAM_INVALID, "{why}");
    }
    let nothing = ptr::null_mut();
    let rv = c!(C_EncryptMessageBegin(SESSION, nothing, whole as CK_ULONG, ptr::null_mut(), 0));
    assert_eq!(rv, Rv::MECHANISM_PARAM_INVALID);
    let mut byte = [0; 1];
    assert_eq!(c!(C_SignMessageBegin(SESSION, byte.as_mut_ptr().cast(), 1)), Rv::MECHANISM_PARAM_INVALID);
}
