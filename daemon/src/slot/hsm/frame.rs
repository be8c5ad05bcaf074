//! Messages on a socket: four bytes of length, then as many bytes. A length is held against the limit before anything is
//! set aside for it.

use std::{
    io::{self, Read, Write},
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
    output.bytes(&[0; 4]);
    message.put(&mut output);
    let mut frame = output.done();
    let length = u32::try_from(frame.len().saturating_sub(4)).ok().filter(|length| *length <= MOST);
    let length = length.ok_or(io::ErrorKind::InvalidInput)?;
    if let Some(head) = frame.first_chunk_mut::<4>() {
        *head = length.to_le_bytes();
    }
    socket.write_all(&frame)
}

/// Reads a message. `more` is asked before every wait for bytes whether there is time left.
///
/// # Errors
/// As the socket says; [`io::ErrorKind::InvalidData`] for what is no message, [`io::ErrorKind::TimedOut`] when `more` says no.
pub(super) fn receive<T: Wire>(socket: &mut UnixStream, more: &mut dyn FnMut() -> bool) -> io::Result<T> {
    let mut head = [0; 4];
    fill(socket, &mut head, more)?;
    let length = u32::from_le_bytes(head);
    if length > MOST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut bytes = Wiped::new(vec![0; length]);
    fill(socket, &mut bytes, more)?;
    Input::whole(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn fill(socket: &mut UnixStream, mut rest: &mut [u8], more: &mut dyn FnMut() -> bool) -> io::Result<()> {
    while !rest.is_empty() {
        if !more() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match socket.read(rest) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Bytes of a frame at most: more than any request brings by default, with room for what stands around the data.
pub(super) const MOST: u32 = (1 << 20) + (64 << 10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::hsm::codec::Plain;

    fn always() -> impl FnMut() -> bool {
        || true
    }

    #[test]
    fn what_is_sent_is_received() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        send(&mut one, &Plain(vec![7; 1000])).unwrap();
        let received: Plain = receive(&mut other, &mut always()).unwrap();
        assert_eq!(received, Plain(vec![7; 1000]));
    }

    #[test]
    fn what_is_no_message_is_named() {
        for (name, bytes, kind) in [
            ("nothing", &[][..], io::ErrorKind::UnexpectedEof),
            ("half a length", &[1, 0], io::ErrorKind::UnexpectedEof),
            ("half a message", &[9, 0, 0, 0, 1], io::ErrorKind::UnexpectedEof),
            ("a huge length", &[0xff, 0xff, 0xff, 0xff], io::ErrorKind::InvalidData),
            ("garbage", &[2, 0, 0, 0, 9, 9], io::ErrorKind::InvalidData),
        ] {
            let (mut one, mut other) = UnixStream::pair().unwrap();
            one.write_all(bytes).unwrap();
            drop(one);
            assert_eq!(receive::<Plain>(&mut other, &mut always()).unwrap_err().kind(), kind, "{name}");
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_not_begun() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let long = Plain(vec![0; usize::try_from(MOST).unwrap()]);
        assert_eq!(send(&mut one, &long).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        drop(one);
        assert_eq!(receive::<Plain>(&mut other, &mut always()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
