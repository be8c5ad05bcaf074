//! A small client: one request, one answer, over any stream that blocks.
//!
//! For tests, benchmarks and commands. It does not connect, has no time limits of its own and keeps no state but the
//! stream.

use std::io::{self, Read, Write};

use crate::{
    code::{ResultReason, ResultStatus},
    message::{RequestMessage, ResponseMessage, Unreadable},
    operation::Ask,
    secret::Wiped,
    tag::Tag,
    ttlv::{Limits, Malformed, Tree, frame_length},
    version::Version,
};

/// Why there is no answer to hand on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stream failed or ended.
    #[error("the connection failed: {0}")]
    Stream(#[from] io::Error),
    /// The server sent what is no answer.
    #[error("the answer cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// The server sent an answer that cannot be understood.
    #[error("the answer cannot be understood: {0}")]
    Unreadable(#[from] Unreadable),
    /// The server answered something else than was asked.
    #[error("the answer is not one to the request")]
    Mismatch,
    /// The server refused.
    #[error("refused: {reason} ({message})")]
    Refused {
        /// Why.
        reason: ResultReason,
        /// Why, for a person to read.
        message: String,
    },
}

/// A client that speaks one version over one stream.
pub struct Client<S> {
    stream: S,
    version: Version,
    limits: Limits,
}

impl<S: Read + Write> Client<S> {
    /// A client over a stream that is connected and authenticated.
    pub fn new(stream: S, version: Version) -> Self {
        // An answer is read from a server that was chosen, not from anybody; Locate of many objects is long.
        let limits = Limits { size: 16 << 20, items: 1 << 20, ..Limits::default() };
        Self { stream, version, limits }
    }

    /// The version in which requests are written.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The stream.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// [`Error::Refused`] with the server's reason; the others when there was no answer.
    pub fn ask<A: Ask>(&mut self, request: A) -> Result<A::Answer, Error> {
        let message = RequestMessage::of(self.version, [request.into()]);
        let mut answer = self.exchange(&message)?;
        let item = answer.items.pop().filter(|_| answer.items.is_empty()).ok_or(Error::Mismatch)?;
        if item.result_status != ResultStatus::Success {
            return Err(Error::Refused {
                reason: item.result_reason.unwrap_or(ResultReason::GeneralFailure),
                message: item.result_message.unwrap_or_default(),
            });
        }
        item.payload.and_then(A::answer).ok_or(Error::Mismatch)
    }

    /// Sends a message and reads the answer, whatever it says.
    ///
    /// # Errors
    /// All but [`Error::Refused`].
    pub fn exchange(&mut self, message: &RequestMessage) -> Result<ResponseMessage, Error> {
        let answer = self.send(&message.write())?;
        Ok(ResponseMessage::read(&Tree::read(&answer, &self.limits)?)?)
    }

    /// Sends bytes, which need not be a message, and reads the bytes of one answer.
    ///
    /// # Errors
    /// [`Error::Stream`], or [`Error::Malformed`] when what comes does not start like an answer.
    pub fn send(&mut self, request: &[u8]) -> Result<Wiped, Error> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        self.receive()
    }

    /// Reads the bytes of one answer.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn receive(&mut self) -> Result<Wiped, Error> {
        let mut head = [0; 8];
        self.stream.read_exact(&mut head)?;
        let whole = frame_length(head, Tag::ResponseMessage, &self.limits)?;
        let mut answer = Wiped::new(Vec::with_capacity(whole.min(FIRST)));
        answer.extend_from_slice(&head);
        // Grows by what has come, not by what was claimed.
        while answer.len() < whole {
            let start = answer.len();
            let next = whole.min(start.saturating_mul(2).max(FIRST));
            answer.room(next);
            answer.resize(next, 0);
            self.stream.read_exact(answer.get_mut(start..).unwrap_or_default())?;
        }
        Ok(answer)
    }
}

/// How much is allocated before any of it has come.
const FIRST: usize = 64 << 10;
