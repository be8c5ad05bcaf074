//! Whatever bytes claim to be an HTTP request: the head is refused or says who sends it and where the body ends, and a body that is a message
//! in the encoding that the head names is written again in that encoding.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom::front::kmip::http::{After, Asked};
use strongroom_kmip::{
    secret::Wiped,
    ttlv::{Limits, Tree},
};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Some(end) = Asked::end(bytes, 0) else { return };
    let (head, body) = bytes.split_at(end);
    // The end is the same wherever the reading stopped before.
    assert!([end / 2, end].into_iter().all(|from| Asked::end(bytes, from) == Some(end)));
    let Ok(asked) = Asked::read(head, limits.size) else { return };
    // What is refused before its body was read leaves the connection open only where no body follows.
    assert!(asked.unread == After::Ends || asked.head.is_ok_and(|head| head.length == 0) || asked.head.is_err());
    if asked.bearer.is_some() {
        let lower = String::from_utf8_lossy(head).to_ascii_lowercase();
        assert!(lower.contains("\nauthorization:") && lower.contains("bearer"));
    }
    let Ok(read) = asked.head else { return };
    assert!(read.length <= limits.size);
    let body = &body[..body.len().min(read.length)];
    let Ok(message) = read.encoding.decode(body, &limits) else { return };
    let texts = Limits { size: usize::MAX, text: usize::MAX, ..limits };
    if Tree::read(&message, &texts).is_ok() {
        let again = read.encoding.encode(Wiped::new(message.to_vec())).expect("it is TTLV");
        let back = read.encoding.decode(&again, &texts).expect("it was just written");
        assert_eq!(back[..], message[..]);
    }
});
