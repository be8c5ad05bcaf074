//! Where the handles of several keys go, and the initialisation vectors of TLS: all of them or none, whatever the application
//! and the daemon say.

use std::ptr;

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{
    Function, Rv,
    call::{Request, answer, request},
    value::Bytes,
};

use super::{
    application::{Application, c},
    daemon::{Daemon, SESSION, told},
};

/// A daemon that says it has made these keys, and this beside them.
fn daemon(keys: &[u64], beside: &[u8]) -> Daemon {
    let (keys, beside) = (keys.to_vec(), beside.to_vec());
    Daemon::scripted(move |request| match request {
        Request::DeriveKeys(_) => {
            let made = answer::DeriveKeys { keys: keys.clone(), beside: Bytes(beside.clone()) };
            Some(told::<request::DeriveKeys>(Rv::OK, &made))
        }
        Request::DeriveKey(_) => Some(told::<request::DeriveKey>(Rv::OK, &answer::DeriveKey { key: 9 })),
        _ => None,
    })
}

fn derive<T>(kind: CK_ULONG, parameter: &mut T, length: usize, key: *mut CK_OBJECT_HANDLE) -> Rv {
    let pointer = ptr::from_mut(parameter).cast();
    let mut mechanism = CK_MECHANISM { mechanism: kind, pParameter: pointer, ulParameterLen: length as CK_ULONG };
    c!(C_DeriveKey(SESSION, &mut mechanism, 3, ptr::null_mut(), 0, key))
}

/// What an application gives to have a connection of TLS protected.
struct Connection {
    out: CK_SSL3_KEY_MAT_OUT,
    vectors: [[u8; 4]; 2],
    random: [u8; 32],
}

impl Connection {
    fn new() -> Box<Self> {
        let out = CK_SSL3_KEY_MAT_OUT {
            hClientMacSecret: 77,
            hServerMacSecret: 77,
            hClientKey: 77,
            hServerKey: 77,
            pIVClient: ptr::null_mut(),
            pIVServer: ptr::null_mut(),
        };
        let mut own = Box::new(Self { out, vectors: [[7; 4]; 2], random: [1; 32] });
        (own.out.pIVClient, own.out.pIVServer) = (own.vectors[0].as_mut_ptr(), own.vectors[1].as_mut_ptr());
        own
    }

    fn parameter(&mut self) -> CK_TLS12_KEY_MAT_PARAMS {
        let random = self.random.as_mut_ptr();
        CK_TLS12_KEY_MAT_PARAMS {
            ulMacSizeInBits: 0,
            ulKeySizeInBits: 128,
            ulIVSizeInBits: 32,
            bIsExport: CK_FALSE,
            RandomInfo: CK_SSL3_RANDOM_DATA {
                pClientRandom: random,
                ulClientRandomLen: 32,
                pServerRandom: random,
                ulServerRandomLen: 32,
            },
            pReturnedKeyMaterial: &mut self.out,
            prfHashMechanism: CKM_SHA256,
        }
    }

    fn handles(&self) -> [CK_OBJECT_HANDLE; 4] {
        [self.out.hClientMacSecret, self.out.hServerMacSecret, self.out.hClientKey, self.out.hServerKey]
    }
}

/// What is wrong, and what makes it so.
type Spoilt = (&'static str, fn(&mut Connection, &mut CK_TLS12_KEY_MAT_PARAMS));

const TLS: usize = size_of::<CK_TLS12_KEY_MAT_PARAMS>();

#[test]
fn the_keys_of_a_connection_come_where_its_structure_has_places() {
    let _daemon = daemon(&[0, 0, 5, 6], &[1, 2, 3, 4, 5, 6, 7, 8]);
    let _application = Application::with_session();
    let mut connection = Connection::new();
    let mut parameter = connection.parameter();
    assert_eq!(derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &mut parameter, TLS, ptr::null_mut()), Rv::OK);
    assert_eq!(connection.handles(), [0, 0, 5, 6]);
    assert_eq!(connection.vectors, [[1, 2, 3, 4], [5, 6, 7, 8]]);
}

#[test]
fn the_safe_derivation_asks_for_no_vectors_and_needs_no_place_for_them() {
    let daemon = daemon(&[3, 4, 5, 6], &[]);
    let _application = Application::with_session();
    let mut connection = Connection::new();
    (connection.out.pIVClient, connection.out.pIVServer) = (ptr::null_mut(), ptr::null_mut());
    let mut parameter = connection.parameter();
    assert_eq!(derive(CKM_TLS12_KEY_SAFE_DERIVE, &mut parameter, TLS, ptr::null_mut()), Rv::OK);
    assert_eq!(connection.handles(), [3, 4, 5, 6]);
    assert!(daemon.asked().contains(&Function::DeriveKeys));
}

#[test]
fn a_structure_of_tls_without_its_places_does_not_leave_the_module() {
    let daemon = daemon(&[3, 4, 5, 6], &[0; 8]);
    let _application = Application::with_session();
    daemon.asked();
    let rows: [Spoilt; 9] = [
        ("nowhere for the keys", |_, p| p.pReturnedKeyMaterial = ptr::null_mut()),
        ("nowhere for the client's vector", |c, _| c.out.pIVClient = ptr::null_mut()),
        ("nowhere for the server's vector", |c, _| c.out.pIVServer = ptr::null_mut()),
        ("vectors without end", |_, p| p.ulIVSizeInBits = CK_ULONG::MAX),
        ("half a byte of a vector", |_, p| p.ulIVSizeInBits = 36),
        ("no random bytes of the client", |_, p| p.RandomInfo.pClientRandom = ptr::null_mut()),
        ("random bytes without end", |_, p| p.RandomInfo.ulServerRandomLen = CK_ULONG::MAX),
        ("a cipher for export", |_, p| p.bIsExport = CK_TRUE),
        ("a truth that is none", |_, p| p.bIsExport = 2),
    ];
    for (name, spoil) in rows {
        let mut connection = Connection::new();
        let mut parameter = connection.parameter();
        spoil(&mut connection, &mut parameter);
        let rv = derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &mut parameter, TLS, ptr::null_mut());
        assert_eq!((rv, connection.handles()), (Rv::MECHANISM_PARAM_INVALID, [77; 4]), "{name}");
    }
    for (name, length) in [("one short", TLS - 1), ("one long", TLS + 1), ("empty", 0), ("endless", usize::MAX)] {
        let mut connection = Connection::new();
        let mut parameter = connection.parameter();
        let rv = derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &mut parameter, length, ptr::null_mut());
        assert_eq!(rv, Rv::MECHANISM_PARAM_INVALID, "{name}");
    }
    assert!(!daemon.asked().contains(&Function::DeriveKeys));
}

#[test]
fn a_daemon_that_answers_with_more_or_less_than_was_asked_for_writes_nothing() {
    for (name, keys, beside) in [
        ("a key too few", &[3, 4, 5][..], &[1; 8][..]),
        ("a key too many", &[3, 4, 5, 6, 7], &[1; 8]),
        ("no keys", &[], &[1; 8]),
        ("a vector too short", &[3, 4, 5, 6], &[1; 7]),
        ("a vector too long", &[3, 4, 5, 6], &[1; 9]),
        ("no vectors", &[3, 4, 5, 6], &[]),
    ] {
        let _daemon = daemon(keys, beside);
        let _application = Application::with_session();
        let mut connection = Connection::new();
        let mut parameter = connection.parameter();
        let rv = derive(CKM_TLS12_KEY_AND_MAC_DERIVE, &mut parameter, TLS, ptr::null_mut());
        assert_eq!(rv, Rv::DEVICE_ERROR, "{name}");
        assert_eq!((connection.handles(), connection.vectors), ([77; 4], [[7; 4]; 2]), "{name}");
    }
}

const CHAIN: usize = size_of::<CK_SP800_108_KDF_PARAMS>();

fn chain(others: &mut [CK_DERIVED_KEY]) -> CK_SP800_108_KDF_PARAMS {
    CK_SP800_108_KDF_PARAMS {
        prfType: CKM_SHA256_HMAC,
        ulNumberOfDataParams: 0,
        pDataParams: ptr::null_mut(),
        ulAdditionalDerivedKeys: others.len() as CK_ULONG,
        pAdditionalDerivedKeys: others.as_mut_ptr(),
    }
}

#[test]
fn each_further_key_comes_where_its_template_says() {
    let _daemon = daemon(&[4, 5, 6], &[]);
    let _application = Application::with_session();
    let (mut first, mut second, mut third) = (0, 0, 0);
    let place = |key| CK_DERIVED_KEY { pTemplate: ptr::null_mut(), ulAttributeCount: 0, phKey: key };
    let mut others = [place(&mut second), place(&mut third)];
    assert_eq!(derive(CKM_SP800_108_COUNTER_KDF, &mut chain(&mut others), CHAIN, &mut first), Rv::OK);
    assert_eq!((first, second, third), (4, 5, 6));
    // Without further keys it is the derivation of one.
    assert_eq!(derive(CKM_SP800_108_COUNTER_KDF, &mut chain(&mut []), CHAIN, &mut first), Rv::OK);
    assert_eq!(first, 9);
}

#[test]
fn a_further_key_without_its_place_does_not_leave_the_module() {
    let daemon = daemon(&[4, 5], &[]);
    let _application = Application::with_session();
    let (mut first, mut second) = (77, 77);
    let place = CK_DERIVED_KEY { pTemplate: ptr::null_mut(), ulAttributeCount: 0, phKey: &mut second };
    let sound = chain(&mut [place]);
    daemon.asked();
    for (name, entry) in [
        ("nowhere for the handle", CK_DERIVED_KEY { phKey: ptr::null_mut(), ..place }),
        ("no template", CK_DERIVED_KEY { ulAttributeCount: 1, ..place }),
        ("a template without end", CK_DERIVED_KEY { ulAttributeCount: CK_ULONG::MAX, ..place }),
    ] {
        let mut others = [entry];
        let mut parameter = CK_SP800_108_KDF_PARAMS { pAdditionalDerivedKeys: others.as_mut_ptr(), ..sound };
        let rv = derive(CKM_SP800_108_COUNTER_KDF, &mut parameter, CHAIN, &mut first);
        assert_eq!(rv, Rv::MECHANISM_PARAM_INVALID, "{name}");
    }
    let mut others = [place];
    for (name, count) in [("keys without end", CK_ULONG::MAX), ("more than anybody needs", 17)] {
        let (start, count) = (others.as_mut_ptr(), count);
        let mut parameter =
            CK_SP800_108_KDF_PARAMS { pAdditionalDerivedKeys: start, ulAdditionalDerivedKeys: count, ..sound };
        let rv = derive(CKM_SP800_108_COUNTER_KDF, &mut parameter, CHAIN, &mut first);
        assert_eq!(rv, Rv::MECHANISM_PARAM_INVALID, "{name}");
    }
    let mut parameter = chain(&mut others);
    let rv = derive(CKM_SP800_108_COUNTER_KDF, &mut parameter, CHAIN, ptr::null_mut());
    assert_eq!(rv, Rv::ARGUMENTS_BAD, "nowhere for the first");
    assert!(!daemon.asked().contains(&Function::DeriveKeys));
    assert_eq!((first, second), (77, 77));
}

#[test]
fn further_keys_that_are_not_as_many_as_were_asked_for_are_written_nowhere() {
    for (name, keys, beside) in [
        ("one", &[4][..], &[][..]),
        ("three", &[4, 5, 6], &[]),
        ("none", &[], &[]),
        ("something beside them", &[4, 5], &[1]),
    ] {
        let _daemon = daemon(keys, beside);
        let _application = Application::with_session();
        let (mut first, mut second) = (77, 77);
        let mut others = [CK_DERIVED_KEY { pTemplate: ptr::null_mut(), ulAttributeCount: 0, phKey: &mut second }];
        let rv = derive(CKM_SP800_108_COUNTER_KDF, &mut chain(&mut others), CHAIN, &mut first);
        assert_eq!((rv, first, second), (Rv::DEVICE_ERROR, 77, 77), "{name}");
    }
}
