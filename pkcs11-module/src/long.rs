//! Work in one go on more data than one call carries. The module makes parts of it, so that no host has to know the limit.
//!
//! How long the output will be is asked first, of a few bytes that leave the same rest in every block; only for a caller
//! who has the room does the work begin. So a question, or too small a buffer, costs nothing and ends nothing. A sum's
//! length, said once, is known of the same work with the same key: the next question is answered without asking.

use strongroom_pkcs11_wire::{
    Rv,
    call::{Ask, request},
    codec::LARGEST_DATA,
    value::{Bytes, Output, Room, Wiped},
};

use crate::module::Module;

/// A function that takes all data in one go, and the same in parts.
pub(crate) trait Work {
    /// How many bytes come out for so many that go in, when `short` come out for [`probe`] of them.
    fn expected(length: usize, short: usize) -> usize;

    /// All data at once.
    ///
    /// # Errors
    /// What the daemon answers.
    fn whole(module: &Module, session: u64, data: Wiped, room: Room) -> Result<Output, Rv>;

    /// A part of the data.
    ///
    /// # Errors
    /// What the daemon answers.
    fn part(module: &Module, session: u64, data: Wiped, room: Room) -> Result<Output, Rv>;

    /// After the last part.
    ///
    /// # Errors
    /// What the daemon answers.
    fn end(module: &Module, session: u64, room: Room) -> Result<Output, Rv>;
}

/// Does all the work in one go, as the caller sees it.
///
/// # Errors
/// What the daemon answers; [`Rv::DEVICE_ERROR`] when that breaks the rules.
pub(crate) fn work<W: Work>(module: &Module, session: u64, data: &[u8], room: Room) -> Result<Output, Rv> {
    if data.len() <= LARGEST_DATA {
        return W::whole(module, session, Wiped::from(data), room);
    }
    let probe = data.get(..probe(data.len())).unwrap_or_default();
    let short = W::whole(module, session, Wiped::from(probe), Room::Query)?;
    parts::<W>(module, session, data, room, &short, W::end)
}

/// Does one part of the work, as the caller sees it.
///
/// # Errors
/// As for [`work`].
pub(crate) fn part<W: Work>(module: &Module, session: u64, data: &[u8], room: Room) -> Result<Output, Rv> {
    if data.len() <= LARGEST_DATA {
        return W::part(module, session, Wiped::from(data), room);
    }
    let probe = data.get(..probe(data.len())).unwrap_or_default();
    let short = W::part(module, session, Wiped::from(probe), Room::Query)?;
    parts::<W>(module, session, data, room, &short, |_, _, _| Ok(Output::Bytes(Wiped::new(Vec::new()))))
}

fn parts<W: Work>(
    module: &Module,
    session: u64,
    data: &[u8],
    room: Room,
    short: &Output,
    end: fn(&Module, u64, Room) -> Result<Output, Rv>,
) -> Result<Output, Rv> {
    let Output::Length(short) = *short else { return Err(Rv::DEVICE_ERROR) };
    let expected = W::expected(data.len(), usize::try_from(short).map_err(|_| Rv::DEVICE_ERROR)?);
    if let Err((_, length)) = room.check(expected) {
        return Ok(length);
    }
    let mut all = Vec::with_capacity(expected);
    let mut take = |given: Output| match given {
        Output::Bytes(bytes) if bytes.len() <= expected.saturating_sub(all.len()) => {
            all.extend_from_slice(bytes.reveal());
            Ok(Room::of(expected.saturating_sub(all.len())))
        }
        Output::Bytes(_) | Output::Length(_) => Err(Rv::DEVICE_ERROR),
    };
    let mut left = Room::of(expected);
    for part in data.chunks(LARGEST_DATA) {
        left = take(W::part(module, session, Wiped::from(part), left)?)?;
    }
    take(end(module, session, left)?)?;
    Ok(Output::Bytes(Wiped::new(all)))
}

/// Verifies all data in one go, as the caller sees it.
///
/// # Errors
/// What the daemon answers.
pub(crate) fn verify(module: &Module, session: u64, data: &[u8], signature: Bytes) -> Result<(), Rv> {
    if data.len() <= LARGEST_DATA {
        let request = request::Verify { session, data: Wiped::from(data), signature };
        return module.whole(session, &request, |_| true).map(|_| ());
    }
    for data in data.chunks(LARGEST_DATA).map(Wiped::from) {
        module.in_session(session, &request::VerifyUpdate { session, data })?;
    }
    module.in_session(session, &request::VerifyFinal { session, signature }).map(|_| ())
}

/// How many bytes stand for `length`: no cipher here has blocks that are longer than 64 bytes or do not divide them.
const fn probe(length: usize) -> usize {
    64 + length % 64
}

/// A cipher gives as much as it takes, and at the end what padding and tag add.
macro_rules! cipher {
    ($name:ident, $part:ident, $end:ident) => {
        impl Work for request::$name {
            fn expected(length: usize, short: usize) -> usize {
                length.saturating_add(short).saturating_sub(probe(length))
            }
            fn whole(module: &Module, session: u64, data: Wiped, room: Room) -> Result<Output, Rv> {
                let request = Self { session, data, room };
                Ok(module.whole(session, &request, |answer| answer.output.is_given())?.output)
            }
            fn part(module: &Module, session: u64, data: Wiped, room: Room) -> Result<Output, Rv> {
                Ok(module.in_session(session, &request::$part { session, data, room })?.output)
            }
            fn end(module: &Module, session: u64, room: Room) -> Result<Output, Rv> {
                Ok(module.in_session(session, &request::$end { session, room })?.output)
            }
        }
    };
}

/// A sum of all data is as long for many as for few.
macro_rules! sum {
    ($name:ident, $part:ident, $end:ident) => {
        impl Work for request::$name {
            fn expected(_length: usize, short: usize) -> usize {
                short
            }
            fn whole(module: &Module, session: u64, data: Wiped, room: Room) -> Result<Output, Rv> {
                let asks = room == Room::Query;
                if asks && let Some(length) = module.length(session, Self::FUNCTION)? {
                    return Ok(Output::Length(length));
                }
                let request = Self { session, data, room };
                let output = module.whole(session, &request, |answer| answer.output.is_given())?.output;
                if asks && let Output::Length(length) = output {
                    module.measured(session, Self::FUNCTION, length)?;
                }
                Ok(output)
            }
            fn part(module: &Module, session: u64, data: Wiped, _room: Room) -> Result<Output, Rv> {
                module.in_session(session, &request::$part { session, data })?;
                Ok(Output::Bytes(Wiped::new(Vec::new())))
            }
            fn end(module: &Module, session: u64, room: Room) -> Result<Output, Rv> {
                Ok(module.in_session(session, &request::$end { session, room })?.output)
            }
        }
    };
}

cipher!(Encrypt, EncryptUpdate, EncryptFinal);
cipher!(Decrypt, DecryptUpdate, DecryptFinal);
sum!(Digest, DigestUpdate, DigestFinal);
sum!(Sign, SignUpdate, SignFinal);
