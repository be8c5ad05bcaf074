//! Parameters of mechanisms: structures that are right, and those that have nothing where something must be, lengths that cannot
//! be, or stand where nobody aligns them.

use std::{ffi::c_void, ptr};

use cryptoki_sys::*;
use strongroom_pkcs11_wire::{
    Function, Rv,
    call::{Request, answer, request},
};

use super::{
    application::{Application, c},
    daemon::{Daemon, SESSION, told},
};

/// A daemon that derives whatever it is asked for.
fn daemon() -> Daemon {
    Daemon::scripted(|request| match request {
        Request::DeriveKey(_) => Some(told::<request::DeriveKey>(Rv::OK, &answer::DeriveKey { key: 9 })),
        _ => None,
    })
}

/// Which function takes the mechanism does not matter to how it is read.
fn ask(kind: CK_ULONG, parameter: *const c_void, length: usize) -> Rv {
    let mut mechanism =
        CK_MECHANISM { mechanism: kind, pParameter: parameter.cast_mut(), ulParameterLen: length as CK_ULONG };
    let mut key = 0;
    c!(C_DeriveKey(SESSION, &mut mechanism, 3, ptr::null_mut(), 0, &mut key))
}

/// What is wrong, and what makes it so.
type Spoilt<'n, T> = (&'n str, fn(&mut T));

/// A structure that is right goes through, wherever it stands; one of another length does not, nor one that is spoilt.
fn hold<T: Copy>(kind: CK_ULONG, right: T, spoilt: &[Spoilt<'_, T>]) {
    let daemon = daemon();
    let _application = Application::with_session();
    let size = size_of::<T>();
    let give = |given: &T, length| ask(kind, ptr::from_ref(given).cast(), length);
    assert_eq!(give(&right, size), Rv::OK, "right");
    let mut odd = vec![0_u64; size.div_ceil(8) + 1];
    let place = odd.as_mut_ptr().cast::<u8>().wrapping_add(1).cast::<T>();
    // SAFETY: there is room for one behind the first byte.
    unsafe { place.write_unaligned(right) };
    assert_eq!(ask(kind, place.cast(), size), Rv::OK, "not aligned");
    daemon.asked();
    for (name, length) in [("one short", size - 1), ("one long", size + 1), ("empty", 0), ("endless", usize::MAX)] {
        assert_eq!(give(&right, length), Rv::MECHANISM_PARAM_INVALID, "{name}");
    }
    assert_eq!(ask(kind, ptr::null(), size), Rv::MECHANISM_PARAM_INVALID, "nowhere");
    for (name, spoil) in spoilt {
        let mut given = right;
        spoil(&mut given);
        assert_eq!(give(&given, size), Rv::MECHANISM_PARAM_INVALID, "{name}");
    }
    let asked = daemon.asked();
    assert!(!asked.contains(&Function::DeriveKey), "what is wrong does not leave the module: {asked:?}");
}

/// Bytes that structures point to.
fn bytes() -> *mut CK_BYTE {
    static BYTES: [u8; 64] = [7; 64];
    BYTES.as_ptr().cast_mut()
}

const HUGE: [CK_ULONG; 2] = [CK_ULONG::MAX, 1 << 63];

#[test]
fn a_password_is_read() {
    let right = CK_PKCS5_PBKD2_PARAMS2 {
        saltSource: CKZ_SALT_SPECIFIED,
        pSaltSourceData: bytes().cast(),
        ulSaltSourceDataLen: 16,
        iterations: 1000,
        prf: CKP_PKCS5_PBKD2_HMAC_SHA256,
        pPrfData: ptr::null_mut(),
        ulPrfDataLen: 0,
        pPassword: bytes(),
        ulPasswordLen: 8,
    };
    hold(
        CKM_PKCS5_PBKD2,
        right,
        &[
            ("no salt", |p| p.pSaltSourceData = ptr::null_mut()),
            ("an endless salt", |p| p.ulSaltSourceDataLen = HUGE[0]),
            ("a salt of half of all memory", |p| p.ulSaltSourceDataLen = HUGE[1]),
            ("data of the function", |p| p.ulPrfDataLen = 1),
            ("no password", |p| p.pPassword = ptr::null_mut()),
            ("a password without end", |p| p.ulPasswordLen = HUGE[0]),
            ("a password of half of all memory", |p| p.ulPasswordLen = HUGE[1]),
            ("a password longer than any", |p| p.ulPasswordLen = (1 << 16) + 1),
            ("a length in the first page", |p| p.ulPasswordLen = 1 << 17),
        ],
    );
}

#[test]
fn the_older_structure_of_a_password_is_read() {
    static LENGTH: CK_ULONG = 8;
    let right = CK_PKCS5_PBKD2_PARAMS {
        saltSource: CKZ_SALT_SPECIFIED,
        pSaltSourceData: bytes().cast(),
        ulSaltSourceDataLen: 16,
        iterations: 1000,
        prf: CKP_PKCS5_PBKD2_HMAC_SHA1,
        pPrfData: ptr::null_mut(),
        ulPrfDataLen: 0,
        pPassword: bytes(),
        ulPasswordLen: ptr::from_ref(&LENGTH).cast_mut(),
    };
    static ENDLESS: CK_ULONG = CK_ULONG::MAX;
    hold(
        CKM_PKCS5_PBKD2,
        right,
        &[
            ("no salt", |p| p.pSaltSourceData = ptr::null_mut()),
            ("no password", |p| p.pPassword = ptr::null_mut()),
            ("a length without end", |p| p.ulPasswordLen = ptr::from_ref(&ENDLESS).cast_mut()),
            ("a length that is nowhere", |p| p.ulPasswordLen = ptr::without_provenance_mut(1 << 46)),
        ],
    );
}

#[test]
fn what_wraps_with_rsa_and_aes_is_read() {
    let oaep = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA256,
        mgf: CKG_MGF1_SHA256,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: bytes().cast(),
        ulSourceDataLen: 8,
    };
    let inner = Box::leak(Box::new(oaep));
    let right = CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: 256, pOAEPParams: inner };
    hold(
        CKM_RSA_AES_KEY_WRAP,
        right,
        &[
            ("no inner structure", |p| p.pOAEPParams = ptr::null_mut()),
            ("no label", |p| spoil_label(p, |oaep| oaep.pSourceData = ptr::null_mut())),
            ("a label without end", |p| spoil_label(p, |oaep| oaep.ulSourceDataLen = HUGE[0])),
            ("a label of half of all memory", |p| spoil_label(p, |oaep| oaep.ulSourceDataLen = HUGE[1])),
        ],
    );
}

fn spoil_label(outer: &mut CK_RSA_AES_KEY_WRAP_PARAMS, spoil: fn(&mut CK_RSA_PKCS_OAEP_PARAMS)) {
    // SAFETY: it is the one that was leaked.
    let mut inner = unsafe { outer.pOAEPParams.read() };
    spoil(&mut inner);
    outer.pOAEPParams = Box::leak(Box::new(inner));
}

#[test]
fn what_hkdf_takes_is_read() {
    let right = CK_HKDF_PARAMS {
        bExtract: CK_TRUE,
        bExpand: CK_TRUE,
        prfHashMechanism: CKM_SHA256,
        ulSaltType: CKF_HKDF_SALT_DATA,
        pSalt: bytes(),
        ulSaltLen: 32,
        hSaltKey: 0,
        pInfo: bytes(),
        ulInfoLen: 16,
    };
    hold(
        CKM_HKDF_DERIVE,
        right,
        &[
            ("a truth that is neither", |p| p.bExtract = 2),
            ("another that is neither", |p| p.bExpand = 0xFF),
            ("no salt", |p| p.pSalt = ptr::null_mut()),
            ("a salt without end", |p| p.ulSaltLen = HUGE[0]),
            ("a salt of half of all memory", |p| p.ulSaltLen = HUGE[1]),
            ("no info", |p| p.pInfo = ptr::null_mut()),
            ("info without end", |p| p.ulInfoLen = HUGE[0]),
        ],
    );
}

fn fields() -> *mut CK_PRF_DATA_PARAM {
    let counter = Box::leak(Box::new(CK_SP800_108_COUNTER_FORMAT { bLittleEndian: CK_FALSE, ulWidthInBits: 32 }));
    let length = Box::leak(Box::new(CK_SP800_108_DKM_LENGTH_FORMAT {
        dkmLengthMethod: CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS,
        bLittleEndian: CK_FALSE,
        ulWidthInBits: 32,
    }));
    let field = |type_, value: *mut c_void, length: usize| CK_PRF_DATA_PARAM {
        type_,
        pValue: value,
        ulValueLen: length as CK_ULONG,
    };
    let all = vec![
        field(CK_SP800_108_ITERATION_VARIABLE, ptr::from_mut(counter).cast(), size_of::<CK_SP800_108_COUNTER_FORMAT>()),
        field(CK_SP800_108_BYTE_ARRAY, bytes().cast(), 16),
        field(CK_SP800_108_DKM_LENGTH, ptr::from_mut(length).cast(), size_of::<CK_SP800_108_DKM_LENGTH_FORMAT>()),
    ];
    all.leak().as_mut_ptr()
}

/// Other fields, of which one is spoilt.
fn spoil_field(fields: &mut *mut CK_PRF_DATA_PARAM, which: usize, spoil: fn(&mut CK_PRF_DATA_PARAM)) {
    // SAFETY: there are three.
    let mut all = unsafe { std::slice::from_raw_parts(*fields, 3) }.to_vec();
    spoil(&mut all[which]);
    *fields = all.leak().as_mut_ptr();
}

#[test]
fn the_fields_of_sp_800_108_are_read() {
    let right = CK_SP800_108_KDF_PARAMS {
        prfType: CKM_SHA256_HMAC,
        ulNumberOfDataParams: 3,
        pDataParams: fields(),
        ulAdditionalDerivedKeys: 0,
        pAdditionalDerivedKeys: ptr::null_mut(),
    };
    for kind in [CKM_SP800_108_COUNTER_KDF, CKM_SP800_108_DOUBLE_PIPELINE_KDF] {
        hold(
            kind,
            right,
            &[
                ("no fields", |p| p.pDataParams = ptr::null_mut()),
                ("fields without end", |p| p.ulNumberOfDataParams = HUGE[0]),
                ("fields of half of all memory", |p| p.ulNumberOfDataParams = HUGE[1]),
                ("more fields than any protocol has", |p| p.ulNumberOfDataParams = 65),
                ("a second key", |p| p.ulAdditionalDerivedKeys = 1),
                ("keys without end", |p| p.ulAdditionalDerivedKeys = HUGE[0]),
                ("no format", |p| spoil_field(&mut p.pDataParams, 0, |field| field.pValue = ptr::null_mut())),
                ("half a format", |p| spoil_field(&mut p.pDataParams, 0, |field| field.ulValueLen = 8)),
                ("a format without end", |p| spoil_field(&mut p.pDataParams, 2, |field| field.ulValueLen = HUGE[0])),
                ("no bytes", |p| spoil_field(&mut p.pDataParams, 1, |field| field.pValue = ptr::null_mut())),
                ("bytes without end", |p| spoil_field(&mut p.pDataParams, 1, |field| field.ulValueLen = HUGE[1])),
                ("a field that is none", |p| spoil_field(&mut p.pDataParams, 1, |field| field.type_ = 99)),
                ("half a handle", |p| {
                    spoil_field(&mut p.pDataParams, 1, |field| {
                        field.type_ = CK_SP800_108_KEY_HANDLE;
                        field.ulValueLen = 4;
                    });
                }),
            ],
        );
    }
}

#[test]
fn what_stands_before_the_first_block_is_read() {
    let right = CK_SP800_108_FEEDBACK_KDF_PARAMS {
        prfType: CKM_SHA256_HMAC,
        ulNumberOfDataParams: 3,
        pDataParams: fields(),
        ulIVLen: 32,
        pIV: bytes(),
        ulAdditionalDerivedKeys: 0,
        pAdditionalDerivedKeys: ptr::null_mut(),
    };
    hold(
        CKM_SP800_108_FEEDBACK_KDF,
        right,
        &[
            ("no fields", |p| p.pDataParams = ptr::null_mut()),
            ("fields without end", |p| p.ulNumberOfDataParams = HUGE[0]),
            ("nothing before the first", |p| p.pIV = ptr::null_mut()),
            ("a start without end", |p| p.ulIVLen = HUGE[0]),
            ("a start of half of all memory", |p| p.ulIVLen = HUGE[1]),
            ("a second key", |p| p.ulAdditionalDerivedKeys = 1),
        ],
    );
}

fn randoms() -> CK_SSL3_RANDOM_DATA {
    CK_SSL3_RANDOM_DATA { pClientRandom: bytes(), ulClientRandomLen: 32, pServerRandom: bytes(), ulServerRandomLen: 32 }
}

#[test]
fn what_tls_derives_and_closes_with_is_read() {
    let master = CK_TLS12_MASTER_KEY_DERIVE_PARAMS {
        RandomInfo: randoms(),
        pVersion: ptr::null_mut(),
        prfHashMechanism: CKM_SHA256,
    };
    hold(
        CKM_TLS12_MASTER_KEY_DERIVE_DH,
        master,
        &[
            ("no client", |p| p.RandomInfo.pClientRandom = ptr::null_mut()),
            ("a client without end", |p| p.RandomInfo.ulClientRandomLen = HUGE[0]),
            ("no server", |p| p.RandomInfo.pServerRandom = ptr::null_mut()),
            ("a server of half of all memory", |p| p.RandomInfo.ulServerRandomLen = HUGE[1]),
        ],
    );
    let extended = CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS {
        prfHashMechanism: CKM_SHA256,
        pSessionHash: bytes(),
        ulSessionHashLen: 32,
        pVersion: ptr::null_mut(),
    };
    hold(
        CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH,
        extended,
        &[("no hash", |p| p.pSessionHash = ptr::null_mut()), ("a hash without end", |p| p.ulSessionHashLen = HUGE[0])],
    );
    let exported = CK_TLS_KDF_PARAMS {
        prfMechanism: CKM_SHA256,
        pLabel: bytes(),
        ulLabelLength: 16,
        RandomInfo: randoms(),
        pContextData: bytes(),
        ulContextDataLength: 8,
    };
    hold(
        CKM_TLS_KDF,
        exported,
        &[
            ("no label", |p| p.pLabel = ptr::null_mut()),
            ("a label without end", |p| p.ulLabelLength = HUGE[0]),
            ("no context", |p| p.pContextData = ptr::null_mut()),
            ("a context of half of all memory", |p| p.ulContextDataLength = HUGE[1]),
            ("no server", |p| p.RandomInfo.pServerRandom = ptr::null_mut()),
        ],
    );
    for kind in [CKM_TLS_MAC, CKM_TLS12_MAC] {
        hold(kind, CK_TLS_MAC_PARAMS { prfHashMechanism: CKM_SHA256, ulMacLength: 12, ulServerOrClient: 1 }, &[]);
    }
}

#[test]
fn a_structure_of_a_mechanism_that_is_not_served_is_bytes_and_nothing_in_it_is_followed() {
    let _daemon = daemon();
    let _application = Application::with_session();
    let wild = CK_ECDH_AES_KEY_WRAP_PARAMS {
        ulAESKeyBits: 256,
        kdf: CKD_SHA256_KDF,
        ulSharedDataLen: HUGE[0],
        pSharedData: ptr::without_provenance_mut(1 << 46),
    };
    let given = ptr::from_ref(&wild).cast();
    assert_eq!(ask(CKM_ECDH_AES_KEY_WRAP, given, size_of_val(&wild)), Rv::OK);
    assert_eq!(ask(CKM_ECDH_AES_KEY_WRAP, given, usize::MAX), Rv::MECHANISM_PARAM_INVALID);
    assert_eq!(ask(CKM_ECDH_AES_KEY_WRAP, ptr::null(), 32), Rv::MECHANISM_PARAM_INVALID);
}
