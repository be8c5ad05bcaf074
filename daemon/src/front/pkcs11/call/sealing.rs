//! What is said of one thing that is sealed, a message or a key: its nonce, which may be ours to make, and its tag
//! (`CK_GCM_MESSAGE_PARAMS` and the like).

use strongroom_kmip::{payload::RNGRetrieveRequest, secret::Secret};
use strongroom_pkcs11_wire::{
    Rv,
    call::Message,
    mechanism::{Ccm, Gcm, Parameter, Poly1305},
    number::Generator,
    value::{Bytes, Output, Wiped},
};

use crate::{
    front::pkcs11::{desk::Desk, mechanism, refusal::About},
    service::Offered,
};

/// The parameter that says the same without a word of who makes the nonce.
///
/// # Errors
/// [`Rv::MECHANISM_PARAM_INVALID`] for a mechanism that seals nothing, for the structure of another one, and for a tag that it
/// does not have.
pub fn parameter(offered: Offered, said: &Message, nonce: &[u8]) -> Result<Parameter, Rv> {
    if mechanism::named(said.of).is_none_or(|named| named.offered != offered) {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    let (iv, aad) = (Bytes(nonce.to_vec()), Bytes(said.aad.to_vec()));
    match offered {
        Offered::ChaCha20Poly1305 if said.tag_bits == 128 => Ok(Parameter::Poly1305(Poly1305 { nonce: iv, aad })),
        Offered::AesCcm if said.tag_bits.is_multiple_of(8) => {
            let (data_length, tag_length) = (said.data_length, said.tag_bits / 8);
            Ok(Parameter::Ccm(Ccm { data_length, nonce: iv, aad, tag_length }))
        }
        Offered::AesGcm => Ok(Parameter::Gcm(Gcm { iv, iv_bits: 0, aad, tag_bits: said.tag_bits })),
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

/// The nonce: what the application says, or behind its fixed beginning random bytes or a number that `counter` counts on.
/// Whoever makes it, the vault takes no nonce twice under one key.
///
/// # Errors
/// [`Rv::MECHANISM_PARAM_INVALID`] for a fixed beginning that leaves too little, and for counting where nothing is counted;
/// [`Rv::KEY_EXHAUSTED`] at the end of the counter.
pub fn nonce(desk: &Desk<'_>, said: &Message, counter: Option<&mut u64>) -> Result<Vec<u8>, Rv> {
    if said.generator == Generator::NO_GENERATE {
        return Ok(said.nonce.to_vec());
    }
    let fixed = usize::try_from(said.fixed_bits).ok().filter(|bits| bits.is_multiple_of(8)).map(|bits| bits / 8);
    let parts = fixed.and_then(|bytes| said.nonce.split_at_checked(bytes)).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let (fixed, rest) = parts;
    if said.nonce.len() > LONGEST_NONCE {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    let made = match said.generator {
        Generator::GENERATE | Generator::GENERATE_RANDOM => random(desk, rest.len())?,
        Generator::GENERATE_COUNTER => count(counter, rest.len())?,
        Generator::GENERATE_COUNTER_XOR => {
            let number = count(counter, rest.len())?;
            number.iter().zip(rest).map(|(number, given)| number ^ given).collect()
        }
        _ => return Err(Rv::MECHANISM_PARAM_INVALID),
    };
    Ok([fixed, &made].concat())
}

/// Waits until the nonces that were counted here are on the disk. Counting begins anew with each key that messages are worked
/// on with, so one that a loss of power made the key forget would come again.
///
/// # Errors
/// [`Rv::DEVICE_ERROR`] where the disk fails.
pub fn keep(desk: &Desk<'_>, counted: u64) -> Result<(), Rv> {
    if counted == 0 { Ok(()) } else { desk.firm() }
}

/// What was sealed without its tag, and the tag.
///
/// # Errors
/// [`Rv::DEVICE_ERROR`] when there is less than a tag.
pub fn split(sealed: &Secret, tag: usize) -> Result<(Output, Bytes), Rv> {
    let at = sealed.len().checked_sub(tag).ok_or(Rv::DEVICE_ERROR)?;
    let (output, tag) = sealed.reveal().split_at_checked(at).ok_or(Rv::DEVICE_ERROR)?;
    Ok((Output::Bytes(Wiped::from(output)), Bytes(tag.to_vec())))
}

fn random(desk: &Desk<'_>, length: usize) -> Result<Vec<u8>, Rv> {
    // Fewer random bytes meet again too soon.
    if length < LEAST_RANDOM {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    let data_length = i32::try_from(length).map_err(|_| Rv::MECHANISM_PARAM_INVALID)?;
    let made = desk.ask(RNGRetrieveRequest { data_length }).map_err(|failure| failure.rv(About::Token))?;
    Ok(made.data.reveal().to_vec())
}

/// The next number, big-endian, in so many bytes.
fn count(counter: Option<&mut u64>, length: usize) -> Result<Vec<u8>, Rv> {
    let counter = counter.ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let number = *counter;
    let bytes = number.to_be_bytes();
    let (above, below) = bytes.split_at_checked(bytes.len().saturating_sub(length)).unwrap_or((&[], &bytes));
    if length < LEAST_COUNTER {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    if above.iter().any(|byte| *byte != 0) {
        return Err(Rv::KEY_EXHAUSTED);
    }
    *counter = number.checked_add(1).ok_or(Rv::KEY_EXHAUSTED)?;
    let zeroes = vec![0; length.saturating_sub(below.len())];
    Ok([&zeroes, below].concat())
}

/// Eight random bytes meet again after some four thousand million messages.
const LEAST_RANDOM: usize = 8;
/// A counter of fewer bytes is soon at its end.
const LEAST_COUNTER: usize = 4;
/// The slot takes no longer ones.
const LONGEST_NONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_stands_at_the_end_and_never_begins_again() {
        let mut counter = 0;
        assert_eq!(count(Some(&mut counter), 8), Ok(vec![0; 8]));
        assert_eq!(count(Some(&mut counter), 12), Ok([vec![0; 11], vec![1]].concat()));
        let mut counter = u64::from(u32::MAX);
        assert_eq!(count(Some(&mut counter), 4), Ok(vec![0xFF; 4]));
        assert_eq!(count(Some(&mut counter), 4), Err(Rv::KEY_EXHAUSTED));
        let mut counter = u64::MAX;
        assert_eq!(count(Some(&mut counter), 8), Err(Rv::KEY_EXHAUSTED));
    }

    #[test]
    fn nothing_is_counted_in_too_little_room_or_where_nobody_counts() {
        assert_eq!(count(Some(&mut 0), 3), Err(Rv::MECHANISM_PARAM_INVALID));
        assert_eq!(count(None, 12), Err(Rv::MECHANISM_PARAM_INVALID));
    }
}
