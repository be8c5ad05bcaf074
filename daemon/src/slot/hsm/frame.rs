//! Messages on a socket: four bytes of length, then as many bytes. A length is held against the limit before anything is
//! set aside for it.

use std::{
    io::{self, Write},
    os::unix::net::UnixStream,
};

use strongroom_kmip::secret::Wiped;

use super::codec::{Input, Output, Wire};

/// Writes a message.
///
/// # Errors
/// As the socket says; [`io::ErrorKind::InvalidInput`] for a message longer than a frame may be, of which nothing is written.
pub(super) fn send<T: Wire>(socket: &mut UnixStream, message: &T) -> io::Result<()> {
    let mut output = Output::new();
    output.bytes(&[0; HEAD]);
    message.put(&mut output);
    let mut frame = output.done();
    let length = u32::try_from(frame.len().saturating_sub(HEAD)).ok().filter(|length| *length <= MOST);
    let length = length.ok_or(io::ErrorKind::InvalidInput)?;
    if let Some(head) = frame.first_chunk_mut::<HEAD>() {
        *head = length.to_le_bytes();
    }
    socket.write_all(&frame)
}

/// Reads a message by `read`, which waits for bytes and says how many have come. Nothing is looked for behind the message: one
/// question is answered before the next one comes.
///
/// # Errors
/// As `read` says; [`io::ErrorKind::InvalidData`] for what is no message, or is more than one.
pub(super) fn receive<T: Wire>(mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<T> {
    let mut bytes = Wiped::new(vec![0; USUAL]);
    let mut filled = 0usize;
    loop {
        let there = bytes.get(..filled).unwrap_or_default();
        if let Some((head, message)) = there.split_first_chunk::<HEAD>() {
            let length = u32::from_le_bytes(*head);
            if length > MOST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let length = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
            if message.len() >= length {
                return Input::whole(message)
                    .filter(|_| message.len() == length)
                    .ok_or(io::ErrorKind::InvalidData.into());
            }
            let whole = length.saturating_add(HEAD);
            if whole > bytes.len() {
                bytes.room(whole);
                bytes.resize(whole, 0);
            }
        }
        match read(bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes of the length.
const HEAD: usize = 4;
/// As long as most messages are: they come in one piece.
const USUAL: usize = 1024;
/// Bytes of a frame at most: more than any request brings by default, with room for what stands around the data.
pub(super) const MOST: u32 = (1 << 20) + (64 << 10);

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::slot::hsm::codec::Plain;

    fn received(mut socket: UnixStream) -> io::Result<Plain> {
        receive(|into| socket.read(into))
    }

    #[test]
    fn what_is_sent_is_received() {
        for length in [0, 1, USUAL - 8, USUAL - 7, 100_000] {
            let (mut one, other) = UnixStream::pair().unwrap();
            let message = Plain(vec![7; length]);
            send(&mut one, &message).unwrap();
            assert_eq!(received(other).unwrap(), message);
        }
    }

    #[test]
    fn what_trickles_in_is_received() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        send(&mut one, &Plain(vec![7; 2000])).unwrap();
        let received: Plain = receive(|into| other.read(into.get_mut(..1).unwrap())).unwrap();
        assert_eq!(received, Plain(vec![7; 2000]));
    }

    #[test]
    fn what_is_no_message_is_named() {
        for (name, bytes, kind) in [
            ("nothing", &[][..], io::ErrorKind::UnexpectedEof),
            ("half a length", &[1, 0], io::ErrorKind::UnexpectedEof),
            ("half a message", &[9, 0, 0, 0, 1], io::ErrorKind::UnexpectedEof),
            ("a huge length", &[0xff, 0xff, 0xff, 0xff], io::ErrorKind::InvalidData),
            ("garbage", &[2, 0, 0, 0, 9, 9], io::ErrorKind::InvalidData),
            ("more than a message", &[4, 0, 0, 0, 0, 0, 0, 0, 1], io::ErrorKind::InvalidData),
        ] {
            let (mut one, other) = UnixStream::pair().unwrap();
            one.write_all(bytes).unwrap();
            drop(one);
            assert_eq!(received(other).unwrap_err().kind(), kind, "{name}");
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_not_begun() {
        let (mut one, other) = UnixStream::pair().unwrap();
        let long = Plain(vec![0; usize::try_from(MOST).unwrap()]);
        assert_eq!(send(&mut one, &long).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        drop(one);
        assert_eq!(received(other).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
