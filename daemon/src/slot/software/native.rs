//! What AWS-LC has and no safe crate over it shows: ChaCha20 without Poly1305, AES key wrap for every key length, Ed25519
//! in contexts, and powers in constant time; and the lowest of the kernel's priorities. The only unsafe code of the slot.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr;

use aws_lc_sys::{
    AES_KEY, AES_set_decrypt_key, AES_set_encrypt_key, AES_unwrap_key, AES_unwrap_key_padded, AES_wrap_key,
    AES_wrap_key_padded, BIGNUM, BN_CTX, BN_CTX_free, BN_CTX_new, BN_bin2bn, BN_bn2bin_padded, BN_clear_free,
    BN_mod_exp_mont_consttime, BN_new, CRYPTO_chacha_20, ED25519_keypair_from_seed, ED25519ctx_sign, ED25519ctx_verify,
    ED25519ph_sign, ED25519ph_verify, OPENSSL_cleanse,
};
use zeroize::Zeroizing;

/// Lets the calling thread run only while nobody else wants the processor. Where the system refuses, it goes on as it is.
pub(super) fn stand_back() {
    let nothing = libc::sched_param { sched_priority: 0 };
    // SAFETY: nought is the calling thread; the kernel reads the one structure, which outlives the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const nothing) };
}

/// XORs the key stream of ChaCha20 (RFC 8439 §2.4) over `data`. The counter wraps after 2^32 blocks; whoever calls sees
/// to it that it does not.
pub(super) fn chacha20(key: &[u8; 32], nonce: &[u8; 12], counter: u32, data: &mut [u8]) {
    let place = data.as_mut_ptr();
    // SAFETY: the arrays have the lengths that the function reads; input and output are the same `data.len()` bytes,
    // which the function allows, and are borrowed mutably for the whole call.
    unsafe { CRYPTO_chacha_20(place, place, data.len(), key.as_ptr(), nonce.as_ptr(), counter) }
}

/// Which of the two schemes of RFC 8032 §5.1 that take a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    /// Ed25519ctx.
    Context,
    /// Ed25519ph.
    Prehashed,
}

/// Signs with the key of that seed; nothing for a seed or a context of a length that the standard does not take.
pub(super) fn sign_edwards(seed: &[u8], edition: Edition, context: &[u8], data: &[u8]) -> Option<[u8; 64]> {
    let seed: &[u8; 32] = seed.try_into().ok()?;
    let (mut public, mut private, mut signature) = ([0; 32], Zeroizing::new([0; 64]), [0; 64]);
    // SAFETY: the three arrays have the 32, 64 and 32 bytes that the function writes and reads.
    unsafe { ED25519_keypair_from_seed(public.as_mut_ptr(), private.as_mut_ptr(), seed.as_ptr()) }
    let sign = match edition {
        Edition::Context => ED25519ctx_sign,
        Edition::Prehashed => ED25519ph_sign,
    };
    let (to, key) = (signature.as_mut_ptr(), private.as_ptr());
    // SAFETY: `signature` and `private` have the 64 bytes each that the function writes and reads; data and context are
    // as long as said. A context that is too long is refused.
    let made = unsafe { sign(to, data.as_ptr(), data.len(), key, context.as_ptr(), context.len()) };
    (made == 1).then_some(signature)
}

/// Whether a signature fits.
pub(super) fn verify_edwards(
    point: &[u8],
    edition: Edition,
    context: &[u8],
    data: &[u8],
    signature: &[u8; 64],
) -> bool {
    let Ok(point) = <&[u8; 32]>::try_from(point) else { return false };
    let verify = match edition {
        Edition::Context => ED25519ctx_verify,
        Edition::Prehashed => ED25519ph_verify,
    };
    let (signature, key) = (signature.as_ptr(), point.as_ptr());
    // SAFETY: the signature has the 64 and the point the 32 bytes that the function reads; data and context are as long
    // as said.
    let fits = unsafe { verify(data.as_ptr(), data.len(), signature, key, context.as_ptr(), context.len()) };
    fits == 1
}

/// `base` to the power of `exponent` below an odd `modulus`, as long as the modulus, in time that tells nothing of the
/// exponent but its length. All are big-endian; nothing where the modulus is even or the base not below it.
pub(super) fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (base, exponent, below) = (Number::read(base)?, Number::read(exponent)?, Number::read(modulus)?);
    let (power, room) = (Number::new()?, Room::new()?);
    // SAFETY: all five are valid and borrowed for the call; without a Montgomery context the function makes its own.
    let made = unsafe { BN_mod_exp_mont_consttime(power.0, base.0, exponent.0, below.0, room.0, ptr::null()) };
    let mut out = Zeroizing::new(vec![0; modulus.len()]);
    // SAFETY: `out` has the length that is given, which the function fills, and the number is valid.
    let filled = made == 1 && unsafe { BN_bn2bin_padded(out.as_mut_ptr(), out.len(), power.0) } == 1;
    filled.then_some(out)
}

/// A number of the engine's, wiped and freed at the end.
struct Number(*mut BIGNUM);

impl Number {
    fn new() -> Option<Self> {
        // SAFETY: takes nothing; what is made belongs to this value.
        let number = unsafe { BN_new() };
        (!number.is_null()).then_some(Self(number))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        // SAFETY: the function reads the `len` bytes of the slice; what is made belongs to this value.
        let number = unsafe { BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()) };
        (!number.is_null()).then_some(Self(number))
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: the number is valid, belongs to this value, and nobody has it afterwards.
        unsafe { BN_clear_free(self.0) }
    }
}

/// Where the engine keeps what it computes on the way; freed at the end.
struct Room(*mut BN_CTX);

impl Room {
    fn new() -> Option<Self> {
        // SAFETY: takes nothing; what is made belongs to this value.
        let room = unsafe { BN_CTX_new() };
        (!room.is_null()).then_some(Self(room))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: it is valid, belongs to this value, and nobody has it afterwards.
        unsafe { BN_CTX_free(self.0) }
    }
}

/// How a wrapped key is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// RFC 3394: at least two blocks of eight bytes, and whole ones.
    Exact,
    /// RFC 5649: any length but none.
    Padded,
}

/// Wraps `data` under an AES key; nothing when either has a length that the standard does not take.
pub(super) fn wrap(key: &[u8], wrapping: Wrapping, data: &[u8]) -> Option<Vec<u8>> {
    let key = Schedule::new(key, AES_set_encrypt_key)?;
    let mut out = vec![0; data.len().checked_next_multiple_of(8)?.checked_add(8)?];
    let length = match wrapping {
        Wrapping::Exact => {
            // SAFETY: `key` is an initialised schedule; no initial value means the standard's; `out` has at least eight
            // bytes more than `data`, which is what the function writes; both are borrowed for the call.
            let length =
                unsafe { AES_wrap_key(&raw const key.0, ptr::null(), out.as_mut_ptr(), data.as_ptr(), data.len()) };
            usize::try_from(length).ok()?
        }
        Wrapping::Padded => {
            let (mut length, most) = (0, out.len());
            // SAFETY: `key` is an initialised schedule; the function writes at most `most` bytes, the length of `out`,
            // and reads `data.len()` bytes of `data`.
            let ok = unsafe {
                AES_wrap_key_padded(
                    &raw const key.0,
                    out.as_mut_ptr(),
                    &raw mut length,
                    most,
                    data.as_ptr(),
                    data.len(),
                )
            };
            (ok == 1).then_some(length)?
        }
    };
    out.truncate(length);
    Some(out)
}

/// Unwraps `data` under an AES key; nothing when it was not wrapped under that key.
pub(super) fn unwrap(key: &[u8], wrapping: Wrapping, data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let least = match wrapping {
        Wrapping::Exact => 24,
        Wrapping::Padded => 16,
    };
    if data.len() < least || !data.len().is_multiple_of(8) {
        return None;
    }
    let key = Schedule::new(key, AES_set_decrypt_key)?;
    let mut out = Zeroizing::new(vec![0; data.len().checked_sub(8)?]);
    let length = match wrapping {
        Wrapping::Exact => {
            // SAFETY: `key` is an initialised schedule; no initial value means the standard's; the function writes eight
            // bytes fewer than `data` has, which is the length of `out`.
            let length =
                unsafe { AES_unwrap_key(&raw const key.0, ptr::null(), out.as_mut_ptr(), data.as_ptr(), data.len()) };
            usize::try_from(length).ok()?
        }
        Wrapping::Padded => {
            let (mut length, most) = (0, out.len());
            // SAFETY: `key` is an initialised schedule; the function writes at most `most` bytes, the length of `out`;
            // `data` has at least sixteen bytes and whole blocks of eight.
            let ok = unsafe {
                AES_unwrap_key_padded(
                    &raw const key.0,
                    out.as_mut_ptr(),
                    &raw mut length,
                    most,
                    data.as_ptr(),
                    data.len(),
                )
            };
            (ok == 1).then_some(length)?
        }
    };
    out.truncate(length);
    Some(out)
}

/// An AES key schedule that is wiped when dropped.
struct Schedule(AES_KEY);

impl Schedule {
    fn new(key: &[u8], set: Set) -> Option<Self> {
        let bits = u32::try_from(key.len().checked_mul(8)?).ok()?;
        let mut schedule = MaybeUninit::zeroed();
        // SAFETY: `key` has as many bits as said, and `schedule` has room for the one structure that is written.
        let refused = unsafe { set(key.as_ptr(), bits, schedule.as_mut_ptr()) };
        // SAFETY: all noughts is a valid value of this structure of integers, whatever the function wrote over it.
        let schedule = Self(unsafe { schedule.assume_init() });
        (refused == 0).then_some(schedule)
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // SAFETY: the structure is ours, plain integers, and as long as said.
        unsafe { OPENSSL_cleanse((&raw mut self.0).cast(), size_of::<AES_KEY>()) }
    }
}

/// The type of AWS-LC's two functions that prepare a key.
type Set = unsafe extern "C" fn(*const u8, u32, *mut AES_KEY) -> i32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::group::Group;

    #[test]
    fn a_power_is_as_long_as_its_modulus_whatever_it_begins_with() {
        let prime = Group::usual(2048).unwrap().prime;
        // 2 to the power of 1,000,263 below the prime of ffdhe2048, as Python computes it.
        let power = power(&[2], &[0x0F, 0x43, 0x47], &prime).unwrap();
        assert_eq!((power.len(), &power[..6]), (256, &[0x00, 0x97, 0x49, 0xD7, 0x19, 0x34][..]));
        assert_eq!(power[252..], [0xF5, 0x92, 0xAE, 0x89]);
    }

    #[test]
    fn what_has_no_power_has_none() {
        for (name, base, modulus) in
            [("an even modulus", &[3][..], &[8][..]), ("no modulus", &[3], &[]), ("a base above", &[9], &[7])]
        {
            assert!(power(base, &[5], modulus).is_none(), "{name}");
        }
    }
}
