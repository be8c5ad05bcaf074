//! The head of an HTTP request, and what is said back: the little of HTTP that KMIP over HTTPS needs
//! (KMIP Additional Message Encodings 1.0 §2), and bearer tokens (RFC 6750).
//!
//! A token is taken from the Authorization field and from nowhere else: what stands in a target is written into logs on the way.
//!
//! A body is as long as its Content-Length says. Everything that could let two readers disagree about where a request
//! ends is refused: a Transfer-Encoding, a second Content-Length, a line that is folded.

use std::str;

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::encoding::Encoding;
use crate::service::Bearer;

/// What a sound request says of its sender, and what it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The token that its sender shows.
    pub bearer: Option<Bearer>,
    /// What becomes of the connection when the request is answered before its body was read.
    pub unread: After,
    /// What it asks, or why that is not served to anybody.
    pub head: Result<Head, Refused>,
}

/// What the head of a request for KMIP says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How the message in the body is written.
    pub encoding: Encoding,
    /// Bytes of the body.
    pub length: usize,
    /// Whether the client waits to be told that the body may come.
    pub waits: bool,
    /// What becomes of the connection after the answer.
    pub after: After,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// It stays open, as it does in HTTP/1.1 where nothing is said.
    Stays,
    /// It stays open because a client of HTTP/1.0 asked for it.
    StaysAsAsked,
    /// It ends.
    Ends,
}

/// Why a request has no answer in KMIP's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no HTTP request, or one that could be read in two ways.
    #[error("this is no sound HTTP request")]
    Unsound,
    /// Another place than [`TARGET`].
    #[error("KMIP is served at /kmip")]
    Target,
    /// Another method than POST.
    #[error("KMIP requests are POSTed")]
    Method,
    /// It shows nothing by which its sender could be known.
    #[error("show the certificate of a registered client, or a token of one (Authorization: Bearer TOKEN)")]
    Bare,
    /// It shows a token that is good for nothing, or another client's than its certificate.
    #[error("the token is not good here")]
    Token,
    /// The token has as many connections as one client may have.
    #[error("there are too many connections with this token already")]
    Crowded,
    /// It shows a token while nobody can tell whose it is.
    #[error("the vault is sealed; an operator must unseal it")]
    Sealed,
    /// Head or body did not come in time.
    #[error("the request took too long to come")]
    Slow,
    /// No Content-Length.
    #[error("a request needs a Content-Length")]
    Length,
    /// A body that is longer than a message may be.
    #[error("the message is longer than the limit")]
    Large,
    /// No Content-Type, or one that names no encoding.
    #[error("the Content-Type is application/octet-stream, text/xml or application/json")]
    Media,
    /// An Expect that is not `100-continue`.
    #[error("only 100-continue can be expected")]
    Expectation,
    /// More lines, or longer ones, than a head may have.
    #[error("the head of the request is too large")]
    Head,
    /// Another HTTP than 1.0 and 1.1.
    #[error("HTTP 1.0 and 1.1 are served")]
    Version,
}

impl Refused {
    /// The status line's code and words (RFC 9110 §15).
    pub fn status(self) -> &'static str {
        match self {
            Self::Unsound => "400 Bad Request",
            Self::Target => "404 Not Found",
            Self::Method => "405 Method Not Allowed",
            Self::Bare | Self::Token => "401 Unauthorized",
            Self::Crowded => "429 Too Many Requests",
            Self::Sealed => "503 Service Unavailable",
            Self::Slow => "408 Request Timeout",
            Self::Length => "411 Length Required",
            Self::Large => "413 Content Too Large",
            Self::Media => "415 Unsupported Media Type",
            Self::Expectation => "417 Expectation Failed",
            Self::Head => "431 Request Header Fields Too Large",
            Self::Version => "505 HTTP Version Not Supported",
        }
    }

    /// The whole answer.
    pub fn answer(self, after: After, now: i64) -> Vec<u8> {
        let more = match self {
            Self::Method => "Allow: POST\r\n",
            // RFC 6750 §3: what was shown is named only where something was.
            Self::Bare => "WWW-Authenticate: Bearer realm=\"strongroom\"\r\n",
            Self::Token => "WWW-Authenticate: Bearer realm=\"strongroom\", error=\"invalid_token\"\r\n",
            _ => "",
        };
        let body = format!("{self}\n");
        let mut answer = head(self.status(), "text/plain", body.len(), after, more, now);
        answer.extend_from_slice(body.as_bytes());
        answer
    }
}

impl Asked {
    /// Where the head ends, line break included, when all of it has come. `from` is how much was searched before.
    pub fn end(bytes: &[u8], from: usize) -> Option<usize> {
        let start = from.saturating_sub(END.len());
        let found = bytes.get(start..)?.windows(END.len()).position(|window| window == END)?;
        start.checked_add(found)?.checked_add(END.len())
    }

    /// Reads a whole head.
    ///
    /// # Errors
    /// [`Refused`], when it is none, or could be read in two ways.
    pub fn read(bytes: &[u8], largest: usize) -> Result<Self, Refused> {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(Refused::Unsound),
            Err(httparse::Error::TooManyHeaders) => return Err(Refused::Head),
            Err(httparse::Error::Version) => return Err(Refused::Version),
            Err(_) => return Err(Refused::Unsound),
        }
        let fields = Fields(request.headers);
        let newer = request.version == Some(1);
        if newer && fields.only("host")?.is_none() {
            return Err(Refused::Unsound);
        }
        let bearer = fields.only("authorization")?.and_then(bearer);
        let after = match (fields.has("connection", "close"), newer, fields.has("connection", "keep-alive")) {
            (true, ..) | (false, false, false) => After::Ends,
            (false, true, _) => After::Stays,
            (false, false, true) => After::StaysAsAsked,
        };
        // Without a length there is no body (RFC 9112 §6.3), and the next request begins right behind the head.
        let bodiless =
            !fields.has_any("transfer-encoding") && matches!(fields.only("content-length"), Ok(None | Some("0")));
        let unread = if bodiless { after } else { After::Ends };
        let head = Head::of(request.method, request.path, newer, &fields, after, largest);
        Ok(Self { bearer, unread, head })
    }
}

impl Head {
    fn of(
        method: Option<&str>,
        target: Option<&str>,
        newer: bool,
        fields: &Fields<'_, '_>,
        after: After,
        largest: usize,
    ) -> Result<Self, Refused> {
        if !is_ours(target.unwrap_or_default()) {
            return Err(Refused::Target);
        }
        if method != Some("POST") {
            return Err(Refused::Method);
        }
        let length = fields.only("content-length")?;
        if fields.only("transfer-encoding")?.is_some() {
            return Err(if length.is_some() { Refused::Unsound } else { Refused::Length });
        }
        let length = length.ok_or(Refused::Length)?;
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refused::Unsound);
        }
        // Digits that are no number are one that is too large.
        let length = length.parse().ok().filter(|&length| length <= largest).ok_or(Refused::Large)?;
        let media = fields.only("content-type")?.and_then(Encoding::of);
        let encoding = media.ok_or(Refused::Media)?;
        let waits = match fields.only("expect")? {
            None => false,
            Some(expected) if expected.eq_ignore_ascii_case("100-continue") => newer,
            Some(_) => return Err(Refused::Expectation),
        };
        Ok(Self { encoding, length, waits, after })
    }
}

/// The head of an answer that has a KMIP message for a body.
pub fn answer(encoding: Encoding, length: usize, after: After, now: i64) -> Vec<u8> {
    head("200 OK", encoding.content_type(), length, after, "", now)
}

fn head(status: &str, media: &str, length: usize, after: After, more: &str, now: i64) -> Vec<u8> {
    let connection = match after {
        After::Stays => "",
        After::StaysAsAsked => "Connection: keep-alive\r\n",
        After::Ends => "Connection: close\r\n",
    };
    let date = OffsetDateTime::from_unix_timestamp(now).ok().and_then(|now| now.format(DATE).ok()).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-cache\r\n{more}{connection}\r\n"
    );
    text.into_bytes()
}

/// The token of an Authorization field; nothing where its scheme is another.
fn bearer(authorization: &str) -> Option<Bearer> {
    let (scheme, token) = authorization.split_once(SPACE).unwrap_or((authorization, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| Bearer::of(token.trim_start_matches(SPACE)))
}

/// Whether a request's target is the place where KMIP is served, named with or without the server (RFC 9112 §3.2).
fn is_ours(target: &str) -> bool {
    let whole = target.get(..8).filter(|start| start.eq_ignore_ascii_case("https://"));
    match whole.and_then(|_| target.get(8..)?.split_once('/')) {
        Some((_, path)) => TARGET.strip_prefix('/') == Some(path),
        None => target == TARGET,
    }
}

/// The fields of a head.
struct Fields<'h, 'b>(&'h [httparse::Header<'b>]);

impl<'b> Fields<'_, 'b> {
    /// The value of a field that may come once.
    fn only(&self, name: &str) -> Result<Option<&'b str>, Refused> {
        let mut found = self.0.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        let Some(field) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(Refused::Unsound);
        }
        str::from_utf8(field.value).map(|text| Some(text.trim_matches(SPACE))).map_err(|_| Refused::Unsound)
    }

    fn has_any(&self, name: &str) -> bool {
        self.0.iter().any(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Whether a field that is a list has this word in it.
    fn has(&self, name: &str, word: &str) -> bool {
        let values = self.0.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        values
            .filter_map(|field| str::from_utf8(field.value).ok())
            .any(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    }
}

/// Where KMIP is served (§2.3).
pub const TARGET: &str = "/kmip";
/// What a client that waits is told.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// Bytes of a head. Clients of KMIP send a few hundred.
pub const LARGEST_HEAD: usize = 8 << 10;
/// Fields of a head. Clients of KMIP send about eight.
const MOST_FIELDS: usize = 64;
/// What stands around a value and is no part of it (RFC 9110 §5.6.3). Any other space is.
const SPACE: [char; 2] = [' ', '\t'];
const END: &[u8] = b"\r\n\r\n";
/// RFC 9110 §5.6.7.
const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = 1 << 20;

    fn asked(lines: &[&str]) -> Result<Asked, Refused> {
        Asked::read((lines.join("\r\n") + "\r\n\r\n").as_bytes(), LARGEST)
    }

    fn read(lines: &[&str]) -> Result<Head, Refused> {
        asked(lines).and_then(|asked| asked.head)
    }

    const POST: &str = "POST /kmip HTTP/1.1";
    const HOST: &str = "Host: vault";
    const TTLV: &str = "Content-Type: application/octet-stream";
    const EIGHT: &str = "Content-Length: 8";

    #[test]
    fn a_sound_head_says_how_long_and_how_written_the_body_is() {
        let head = Head { encoding: Encoding::Ttlv, length: 8, waits: false, after: After::Stays };
        for (name, lines, expected) in [
            ("the standard's", vec![POST, HOST, TTLV, EIGHT, "Cache-Control: no-cache"], head),
            ("names in another case", vec![POST, "HOST: v", "content-TYPE: APPLICATION/octet-stream", EIGHT], head),
            ("the whole target", vec!["POST https://vault:5697/kmip HTTP/1.1", HOST, TTLV, EIGHT], head),
            (
                "XML",
                vec![POST, HOST, "Content-Type: text/xml; charset=UTF-8", EIGHT],
                Head { encoding: Encoding::Xml, ..head },
            ),
            (
                "a client that waits",
                vec![POST, HOST, TTLV, EIGHT, "Expect: 100-Continue"],
                Head { waits: true, ..head },
            ),
            (
                "a client that goes",
                vec![POST, HOST, TTLV, EIGHT, "Connection: Close"],
                Head { after: After::Ends, ..head },
            ),
            ("HTTP/1.0", vec!["POST /kmip HTTP/1.0", TTLV, EIGHT], Head { after: After::Ends, ..head }),
            (
                "HTTP/1.0 that stays",
                vec!["POST /kmip HTTP/1.0", TTLV, EIGHT, "Connection: keep-alive"],
                Head { after: After::StaysAsAsked, ..head },
            ),
        ] {
            assert_eq!(read(&lines), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_is_not_ours_or_not_sound_is_refused_for_what_it_is() {
        let many: Vec<String> = (0..MOST_FIELDS).map(|number| format!("X-{number}: 1")).collect();
        let many: Vec<&str> = [POST, HOST, TTLV, EIGHT].into_iter().chain(many.iter().map(String::as_str)).collect();
        for (name, lines, why) in [
            ("another path", vec!["POST / HTTP/1.1", HOST, TTLV, EIGHT], Refused::Target),
            ("a path below", vec!["POST /kmip/ HTTP/1.1", HOST, TTLV, EIGHT], Refused::Target),
            ("a query", vec!["POST /kmip?x HTTP/1.1", HOST, TTLV, EIGHT], Refused::Target),
            ("another target", vec!["POST https://vault/x HTTP/1.1", HOST, TTLV, EIGHT], Refused::Target),
            ("another method", vec!["GET /kmip HTTP/1.1", HOST], Refused::Method),
            ("no host", vec![POST, TTLV, EIGHT], Refused::Unsound),
            ("two hosts", vec![POST, HOST, HOST, TTLV, EIGHT], Refused::Unsound),
            ("no length", vec![POST, HOST, TTLV], Refused::Length),
            ("chunks", vec![POST, HOST, TTLV, "Transfer-Encoding: chunked"], Refused::Length),
            ("chunks and a length", vec![POST, HOST, TTLV, EIGHT, "Transfer-Encoding: chunked"], Refused::Unsound),
            ("two lengths", vec![POST, HOST, TTLV, EIGHT, "Content-Length: 9"], Refused::Unsound),
            ("a signed length", vec![POST, HOST, TTLV, "Content-Length: +8"], Refused::Unsound),
            ("a list of lengths", vec![POST, HOST, TTLV, "Content-Length: 8, 8"], Refused::Unsound),
            ("too large", vec![POST, HOST, TTLV, "Content-Length: 1048577"], Refused::Large),
            ("beyond numbers", vec![POST, HOST, TTLV, "Content-Length: 99999999999999999999999"], Refused::Large),
            ("no type", vec![POST, HOST, EIGHT], Refused::Media),
            ("another type", vec![POST, HOST, "Content-Type: text/html", EIGHT], Refused::Media),
            ("another expectation", vec![POST, HOST, TTLV, EIGHT, "Expect: tea"], Refused::Expectation),
            ("too many fields", many, Refused::Head),
            ("a folded line", vec![POST, HOST, TTLV, EIGHT, " folded"], Refused::Unsound),
            ("another HTTP", vec!["POST /kmip HTTP/2.0", HOST, TTLV, EIGHT], Refused::Version),
            ("no HTTP", vec!["hello"], Refused::Unsound),
        ] {
            assert_eq!(read(&lines), Err(why), "{name}");
        }
    }

    #[test]
    fn the_end_of_a_head_is_found_wherever_the_reading_stopped() {
        let bytes = b"POST /kmip HTTP/1.0\r\n\r\nbody";
        for from in 0..bytes.len() {
            let found = Asked::end(bytes, from.min(23));
            assert_eq!(found, Some(23), "{from}");
        }
        assert_eq!(Asked::end(b"POST /kmip HTTP/1.0\r\n", 0), None);
    }

    #[test]
    fn a_token_is_taken_from_the_authorization_field_alone() {
        let token = format!("strongroom_{}", "A".repeat(43));
        let field = |text: &str| format!("Authorization: {text}{token}");
        let shown = Some(Bearer::of(&token));
        for (name, line, expected) in [
            ("as the standard writes it", field("Bearer "), shown),
            ("in another case", field("bEARER "), shown),
            ("with more space", field("Bearer \t "), shown),
            ("with space behind it", format!("{} \t", field("Bearer ")), shown),
            ("another scheme", field("Basic "), None),
            ("no scheme", field(""), None),
            ("a longer scheme", field("Bearers "), None),
            ("another field", format!("X-Authorization: Bearer {token}"), None),
            ("a proxy's", format!("Proxy-Authorization: Bearer {token}"), None),
            ("a cookie", format!("Cookie: access_token={token}"), None),
        ] {
            assert_eq!(asked(&[POST, HOST, TTLV, EIGHT, &line]).unwrap().bearer, expected, "{name}");
        }
        let spaced = format!("{token}\u{A0}");
        let spaced = [format!("Bearer {spaced}"), format!("Bearer \u{3000}{token}"), format!("Bearer {token}\u{2028}")];
        for line in spaced.map(|value| format!("Authorization: {value}")) {
            let other = asked(&[POST, HOST, TTLV, EIGHT, &line]).unwrap().bearer;
            assert!(other.is_some() && other != shown, "{line:?} is taken for what stands between the spaces");
        }
        for (name, value) in [("none", "Bearer"), ("another", "Bearer x"), ("two", "Bearer a, Bearer b")] {
            let shown = asked(&[POST, HOST, TTLV, EIGHT, &format!("Authorization: {value}")]).unwrap().bearer;
            assert!(shown.is_some_and(|bearer| bearer.id().is_none()), "{name} is a wrong one");
        }
        let target = format!("POST /kmip?access_token={token} HTTP/1.1");
        let queried = asked(&[&target, HOST, TTLV, EIGHT]).unwrap();
        assert_eq!((queried.bearer, queried.head), (None, Err(Refused::Target)));
        let twice = asked(&[POST, HOST, TTLV, EIGHT, &field("Bearer "), &field("Bearer ")]);
        assert_eq!(twice, Err(Refused::Unsound), "two readers could choose differently");
        assert_eq!(
            asked(&[POST, HOST, TTLV, EIGHT, "Authorization: Bearer \u{FF}"]).map(|asked| asked.head.is_ok()),
            Ok(true)
        );
    }

    #[test]
    fn a_connection_stays_after_a_refusal_where_no_body_follows() {
        for (name, lines, expected) in [
            ("no body", vec!["GET /keys HTTP/1.1", HOST], After::Stays),
            ("an empty one", vec![POST, HOST, "Content-Length: 0"], After::Stays),
            ("HTTP/1.0", vec!["GET / HTTP/1.0"], After::Ends),
            ("a client that goes", vec!["GET / HTTP/1.1", HOST, "Connection: close"], After::Ends),
            ("a body", vec![POST, HOST, EIGHT], After::Ends),
            ("an odd nought", vec![POST, HOST, "Content-Length: 00"], After::Ends),
            ("two lengths", vec![POST, HOST, "Content-Length: 0", "Content-Length: 0"], After::Ends),
            ("chunks", vec![POST, HOST, "Transfer-Encoding: chunked"], After::Ends),
        ] {
            assert_eq!(asked(&lines).unwrap().unread, expected, "{name}");
        }
    }

    #[test]
    fn who_is_not_known_is_told_what_to_show() {
        let text = |why: Refused| String::from_utf8(why.answer(After::Stays, 0)).unwrap();
        let (bare, wrong) = (text(Refused::Bare), text(Refused::Token));
        assert!(bare.starts_with("HTTP/1.1 401 ") && wrong.starts_with("HTTP/1.1 401 "), "{bare}{wrong}");
        assert!(bare.contains("\r\nWWW-Authenticate: Bearer realm=\"strongroom\"\r\n"), "{bare}");
        assert!(
            wrong.contains("WWW-Authenticate: Bearer realm=\"strongroom\", error=\"invalid_token\"\r\n"),
            "{wrong}"
        );
        assert!(!bare.contains("Connection: close"), "{bare}");
    }

    #[test]
    fn a_refusal_says_its_length_and_ends_the_connection() {
        let answer = String::from_utf8(Refused::Method.answer(After::Ends, 784_111_777)).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 405 Method Not Allowed\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
            "{head}"
        );
        assert!(head.contains("Allow: POST") && head.contains("Connection: close"), "{head}");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    }
}
