//! The bytes of one request: they grow with what has come, never by what was claimed, and are wiped.

use std::io;

use strongroom_kmip::secret::Wiped;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A buffer for requests, one after the other.
pub(super) struct Buffer(Wiped);

impl Buffer {
    pub(super) fn new() -> Self {
        Self(Wiped::default())
    }

    /// Reads a whole message of `length` bytes, of which the first ones have come already.
    ///
    /// # Errors
    /// When the peer hangs up or the connection fails before all of it has come.
    pub(super) async fn fill<R>(&mut self, begun: &[u8], length: usize, from: &mut R) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
    {
        self.0.wipe();
        self.0.room(length.min(STEP.max(begun.len())));
        self.0.extend_from_slice(begun);
        while self.0.len() < length {
            if self.0.len() == self.0.capacity() {
                self.0.room(length.min(self.0.len().saturating_mul(2)));
            }
            let left = length.saturating_sub(self.0.len());
            let limit = u64::try_from(left).unwrap_or(u64::MAX);
            if (&mut *from).take(limit).read_buf(&mut *self.0).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// What has come.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Wipes it, and gives back what an idle connection need not hold.
    pub(super) fn rest(&mut self) {
        if self.0.capacity() > KEPT {
            self.0 = Wiped::default();
        } else {
            self.0.wipe();
        }
    }
}

/// What is allocated at first; most requests fit.
const STEP: usize = 4 << 10;
/// What an idle connection may keep, so that it stays under 64 KiB with its TLS state.
const KEPT: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(length: usize, rest: &[u8]) -> (io::Result<()>, Buffer) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut buffer = Buffer::new();
        let result = runtime.block_on(buffer.fill(&[7; 8], length, &mut &rest[..]));
        (result, buffer)
    }

    #[test]
    fn a_message_is_read_to_its_end_and_no_further() {
        for length in [8, 9, 100, STEP, STEP + 1, 100_000] {
            let (result, buffer) = fill(length, &vec![9; 200_000]);
            result.unwrap();
            assert_eq!(buffer.bytes().len(), length, "{length} bytes");
        }
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let (result, buffer) = fill(1 << 30, b"short");
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(buffer.0.capacity() <= STEP);
    }

    #[test]
    fn an_idle_connection_keeps_little() {
        let (_, mut large) = fill(100_000, &vec![9; 100_000]);
        large.rest();
        assert_eq!(large.0.capacity(), 0);
        let (_, mut small) = fill(1_000, &vec![9; 1_000]);
        small.rest();
        assert!(small.bytes().is_empty() && small.0.capacity() > 0);
    }
}
