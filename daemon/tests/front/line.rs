//! A line to a door in any encoding: TTLV goes in and comes out, and what crosses the line is what the encoding makes of it.

use std::io::{Cursor, Read, Result, Write};

use strongroom::front::kmip::encoding::Encoding;
use strongroom_kmip::{secret::Wiped, ttlv::Limits};

use crate::{
    door::Stream,
    https::{asked, post},
};

/// A line, over HTTPS where it has an encoding.
pub(crate) struct Line {
    stream: Stream,
    encoding: Option<Encoding>,
    sent: Vec<u8>,
    came: Cursor<Vec<u8>>,
}

impl Line {
    pub(crate) fn new(stream: Stream, encoding: Option<Encoding>) -> Self {
        Self { stream, encoding, sent: Vec::new(), came: Cursor::default() }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self.encoding {
            None => self.stream.write(bytes),
            Some(_) => self.sent.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        let Some(encoding) = self.encoding else { return self.stream.flush() };
        let body = encoding.encode(Wiped::new(std::mem::take(&mut self.sent))).unwrap();
        let came = asked(&mut self.stream, &post(encoding, &body)).unwrap();
        let limits = Limits { size: 16 << 20, items: 1 << 20, ..Limits::default() };
        self.came = Cursor::new(encoding.decode(&came.body, &limits).unwrap().to_vec());
        Ok(())
    }
}

impl Read for Line {
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        match self.encoding {
            None => self.stream.read(room),
            Some(_) => self.came.read(room),
        }
    }
}
