//! What slots, tokens, mechanisms, sessions and the module itself are, in the structures of C.

use cryptoki_sys::{CK_INFO, CK_MECHANISM_INFO, CK_SESSION_INFO, CK_SLOT_INFO, CK_TOKEN_INFO, CK_VERSION};
use strongroom_pkcs11_wire::{
    call::{MechanismInfo, SessionInfo, SlotInfo, TokenInfo},
    value::{Version, padded},
};

/// What this module is.
pub(super) fn module() -> CK_INFO {
    CK_INFO {
        cryptokiVersion: CK_VERSION { major: 3, minor: 2 },
        manufacturerID: padded("Strongroom"),
        flags: 0,
        libraryDescription: padded("Strongroom PKCS#11 module"),
        libraryVersion: CK_VERSION { major: 0, minor: 1 },
    }
}

pub(super) fn slot(info: &SlotInfo) -> CK_SLOT_INFO {
    CK_SLOT_INFO {
        slotDescription: info.description,
        manufacturerID: info.manufacturer,
        flags: info.flags.0,
        hardwareVersion: version(info.hardware),
        firmwareVersion: version(info.firmware),
    }
}

pub(super) fn token(info: &TokenInfo) -> CK_TOKEN_INFO {
    CK_TOKEN_INFO {
        label: info.label,
        manufacturerID: info.manufacturer,
        model: info.model,
        serialNumber: info.serial,
        flags: info.flags.0,
        ulMaxSessionCount: info.most_sessions,
        ulSessionCount: info.sessions,
        ulMaxRwSessionCount: info.most_rw_sessions,
        ulRwSessionCount: info.rw_sessions,
        ulMaxPinLen: info.longest_pin,
        ulMinPinLen: info.shortest_pin,
        ulTotalPublicMemory: info.public_memory,
        ulFreePublicMemory: info.free_public_memory,
        ulTotalPrivateMemory: info.private_memory,
        ulFreePrivateMemory: info.free_private_memory,
        hardwareVersion: version(info.hardware),
        firmwareVersion: version(info.firmware),
        utcTime: info.time,
    }
}

pub(super) fn mechanism(info: &MechanismInfo) -> CK_MECHANISM_INFO {
    CK_MECHANISM_INFO { ulMinKeySize: info.smallest_key, ulMaxKeySize: info.largest_key, flags: info.flags.0 }
}

pub(super) fn session(info: &SessionInfo) -> CK_SESSION_INFO {
    CK_SESSION_INFO { slotID: info.slot, state: info.state.0, flags: info.flags.0, ulDeviceError: info.device_error }
}

fn version(version: Version) -> CK_VERSION {
    CK_VERSION { major: version.major, minor: version.minor }
}
