//! A KMIP client over HTTPS, as the encoding profiles describe one.

use std::io::{self, Read, Write};
use std::sync::Arc;

use strongroom::front::kmip::encoding::Encoding;
use strongroom_kmip::secret::Wiped;
use strongroom_kmip::ttlv::Limits;

use crate::Doors;
use crate::line::{Stream, dial, papers};

/// An HTTPS connection whose messages are written in one encoding.
pub struct Post {
    stream: Stream,
    host: String,
    encoding: Encoding,
}

impl Post {
    /// Connects to the appliance as one of its clients.
    ///
    /// # Errors
    ///
    /// Why it cannot, for a person to read.
    pub fn connect(doors: &Doors, client: &str, encoding: Encoding) -> Result<Post, String> {
        let url = doors.kmip_https.as_deref().ok_or("dev.json has no kmip_https")?;
        let host = url.strip_prefix("https://").and_then(|rest| rest.strip_suffix("/kmip"));
        let host = host.ok_or_else(|| format!("{url} is no https://HOST:PORT/kmip"))?.to_owned();
        Ok(Post { stream: dial(&host, Arc::new(papers(doors, client)?))?, host, encoding })
    }

    /// Sends a message that is TTLV in the connection's encoding, and gives the answer as TTLV.
    ///
    /// # Errors
    ///
    /// What went wrong with the connection or the HTTP, for a person to read.
    pub fn send(&mut self, request: &[u8]) -> Result<Wiped, String> {
        let body = self.encoding.encode(Wiped::new(request.to_vec())).map_err(|error| error.to_string())?;
        let (host, media, length) = (&self.host, self.encoding.content_type(), body.len());
        let head = format!(
            "POST /kmip HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\
             Cache-Control: no-cache\r\n\r\n"
        );
        let exchange = self.exchange(head.as_bytes(), &body);
        let (head, body) = exchange.map_err(|error| error.to_string())?;
        let has = |line: &str| head.lines().any(|found| found == line);
        if !head.starts_with("HTTP/1.1 200 ") || !has(&format!("Content-Type: {media}")) {
            return Err(format!("answered {head}"));
        }
        let message = self.encoding.decode(&body, &Limits::default()).map_err(|error| error.to_string())?;
        Ok(Wiped::new(message.to_vec()))
    }

    /// The head and the body that come back.
    fn exchange(&mut self, head: &[u8], body: &[u8]) -> io::Result<(String, Vec<u8>)> {
        self.stream.write_all(&[head, body].concat())?;
        self.stream.flush()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length = length.and_then(|length| length.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((head, body))
    }
}
