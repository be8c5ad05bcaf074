//! What is said of one message: its nonce, which may be ours to make, and its tag.

use std::ffi::c_void;

use cryptoki_sys::{
    CK_CCM_MESSAGE_PARAMS, CK_GCM_MESSAGE_PARAMS, CK_MECHANISM, CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS, CK_ULONG,
};
use strongroom_pkcs11_wire::{MechanismType, Rv, call::Message, number::Generator, value::Bytes};

use super::memory::{self, Input, Row};

/// The parameter of a message that is encrypted or decrypted. Each structure that there is has its own length.
#[derive(Debug)]
pub(super) struct Sealing<'a> {
    of: MechanismType,
    nonce: Row<'a, u8>,
    given: Bytes,
    fixed_bits: u64,
    generator: Generator,
    data_length: u64,
    tag: Row<'a, u8>,
    tag_start: *const u8,
}

impl<'a> Sealing<'a> {
    /// # Safety
    /// `start` is null or points to `length` readable bytes; those of a structure for messages point to memory that is
    /// ours to read and write for as long as this lives.
    ///
    /// # Errors
    /// [`Rv::MECHANISM_PARAM_INVALID`] for anything else.
    pub(super) unsafe fn new(start: *mut c_void, length: CK_ULONG) -> Result<Self, Rv> {
        let length = usize::try_from(length).map_err(|_| Rv::MECHANISM_PARAM_INVALID)?;
        let start = start.cast_const();
        let parts = match length {
            // SAFETY: the caller vouches for the bytes, and they are as many as the structure has.
            GCM => unsafe { memory::structure(start.cast::<CK_GCM_MESSAGE_PARAMS>()) }
                .map(|p| (p.pIv, p.ulIvLen, p.ulIvFixedBits, Generator(p.ivGenerator), p.pTag, p.ulTagBits, 0))
                .map(|parts| (MechanismType::AES_GCM, parts)),
            // SAFETY: the same.
            CCM => unsafe { memory::structure(start.cast::<CK_CCM_MESSAGE_PARAMS>()) }.map(|p| {
                let (generator, tag_bits) = (Generator(p.nonceGenerator), p.ulMACLen.saturating_mul(8));
                let nonce = (p.pNonce, p.ulNonceLen, p.ulNonceFixedBits);
                (MechanismType::AES_CCM, (nonce.0, nonce.1, nonce.2, generator, p.pMAC, tag_bits, p.ulDataLen))
            }),
            // SAFETY: the same.
            POLY => unsafe { memory::structure(start.cast::<CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS>()) }
                .map(|p| (p.pNonce, p.ulNonceLen, 0, Generator::NO_GENERATE, p.pTag, 128, 0))
                .map(|parts| (MechanismType::CHACHA20_POLY1305, parts)),
            _ => None,
        };
        let (of, (nonce, nonce_length, fixed_bits, generator, tag, tag_bits, data_length)) =
            parts.ok_or(Rv::MECHANISM_PARAM_INVALID)?;
        if tag_bits > 128 || tag_bits % 8 != 0 {
            return Err(Rv::MECHANISM_PARAM_INVALID);
        }
        let wrong = |_| Rv::MECHANISM_PARAM_INVALID;
        // SAFETY: promised above.
        let given = unsafe { Input::new(nonce, nonce_length) }.map_err(wrong)?.bytes(Rv::MECHANISM_PARAM_INVALID)?;
        // SAFETY: promised above.
        let nonce = unsafe { Row::new(nonce, nonce_length) }.map_err(wrong)?;
        let tag_start = tag.cast_const();
        // SAFETY: promised above.
        let tag = unsafe { Row::new(tag, tag_bits / 8) }.map_err(wrong)?;
        Ok(Self { of, nonce, given, fixed_bits, generator, data_length, tag, tag_start })
    }

    /// What the daemon is told, with what is authenticated besides.
    ///
    /// # Errors
    /// [`Rv::DATA_LEN_RANGE`] for more of that than a call can carry.
    pub(super) fn message(&self, aad: Input<'_>) -> Result<Message, Rv> {
        let tag_bits = u64::try_from(self.tag.room()).unwrap_or(0).saturating_mul(8);
        let nonce = Bytes::from(&self.given[..]);
        let (fixed_bits, generator, data_length) = (self.fixed_bits, self.generator, self.data_length);
        let of = self.of;
        Ok(Message { of, nonce, fixed_bits, generator, tag_bits, data_length, aad: aad.bytes(Rv::DATA_LEN_RANGE)? })
    }

    /// The tag that the application has put there.
    ///
    /// # Errors
    /// As for [`Input::new`].
    pub(super) fn tag(&self) -> Result<Bytes, Rv> {
        let length = CK_ULONG::try_from(self.tag.room()).map_err(|_| Rv::MECHANISM_PARAM_INVALID)?;
        // SAFETY: `new` was promised that so many bytes are there.
        unsafe { Input::new(self.tag_start, length) }?.bytes(Rv::MECHANISM_PARAM_INVALID)
    }

    /// Writes the nonce where it was ours to make.
    ///
    /// # Errors
    /// [`Rv::DEVICE_ERROR`] for one of another length.
    pub(super) fn put_nonce(&mut self, nonce: &[u8]) -> Result<(), Rv> {
        match self.generator {
            Generator::NO_GENERATE => Ok(()),
            _ if nonce.len() == self.nonce.room() => self.nonce.fill(nonce),
            _ => Err(Rv::DEVICE_ERROR),
        }
    }

    /// Writes the tag.
    ///
    /// # Errors
    /// [`Rv::DEVICE_ERROR`] for one of another length.
    pub(super) fn put_tag(&mut self, tag: &[u8]) -> Result<(), Rv> {
        if tag.len() == self.tag.room() { self.tag.fill(tag) } else { Err(Rv::DEVICE_ERROR) }
    }
}

/// A mechanism whose parameter is one of those structures.
///
/// # Safety
/// `mechanism` is null or points to a `CK_MECHANISM`, and its parameter is as for [`Sealing::new`].
///
/// # Errors
/// [`Rv::ARGUMENTS_BAD`] without a mechanism, [`Rv::MECHANISM_PARAM_INVALID`] for any other parameter.
pub(super) unsafe fn sealing<'a>(mechanism: *const CK_MECHANISM) -> Result<(MechanismType, Sealing<'a>), Rv> {
    // SAFETY: promised above.
    let mechanism = unsafe { memory::structure(mechanism) }.ok_or(Rv::ARGUMENTS_BAD)?;
    // SAFETY: promised above.
    let sealing = unsafe { Sealing::new(mechanism.pParameter, mechanism.ulParameterLen) }?;
    Ok((MechanismType(mechanism.mechanism), sealing))
}

/// Refuses a parameter where a message has none: no mechanism that signs here takes one.
pub(super) fn bare(start: *const c_void, length: CK_ULONG) -> Result<(), Rv> {
    if start.is_null() && length == 0 { Ok(()) } else { Err(Rv::MECHANISM_PARAM_INVALID) }
}

const GCM: usize = size_of::<CK_GCM_MESSAGE_PARAMS>();
const CCM: usize = size_of::<CK_CCM_MESSAGE_PARAMS>();
const POLY: usize = size_of::<CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS>();
