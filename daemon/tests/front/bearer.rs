//! Bearer tokens over HTTPS: who is let in by one, and everybody who is not.

use std::{io::Write, time::Duration};

use rustls::version::{TLS12, TLS13};
use strongroom::{
    caller::Role,
    front::{
        Limits,
        kmip::{Carrier, encoding::Encoding},
    },
    service::{Order, Report},
};
use strongroom_kmip::code::ResultStatus;

use crate::{
    door::{Door, Stream, usual},
    https::{Came, answer, asked, door, query},
};

/// A token of a client that is good for so many days: its identifier and itself.
fn token(door: &Door, client: &str, days: u32) -> (String, String) {
    let order = Order::BearerIssue { client: client.to_owned(), days };
    let Report::Bearer(made) = door.order(order).unwrap() else { panic!("no token") };
    (made.id.clone(), made.token.clone())
}

/// A message with these fields besides those of every request.
fn post(fields: &str) -> Vec<u8> {
    let body = query(Encoding::Json);
    let head = format!(
        "POST /kmip HTTP/1.1\r\nHost: vault\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

fn with(token: &str) -> Vec<u8> {
    post(&format!("Authorization: Bearer {token}\r\n"))
}

fn bare(door: &Door) -> Stream {
    door.connect(door.config(None, &[&TLS13]))
}

/// What somebody without a certificate is answered.
fn told(door: &Door, request: &[u8]) -> Came {
    asked(&mut bare(door), request).unwrap()
}

const CHALLENGE: &str = "WWW-Authenticate: Bearer realm=\"strongroom\"";
const WRONG: &str = "WWW-Authenticate: Bearer realm=\"strongroom\", error=\"invalid_token\"";

#[test]
fn a_token_is_as_good_as_its_clients_certificate() {
    let door = door();
    let alice = door.register("alice");
    let (id, token) = token(&door, "alice", 1);
    for (name, config) in [
        ("alone", door.config(None, &[&TLS13])),
        ("over TLS 1.2", door.config(None, &[&TLS12])),
        ("beside her own certificate", door.config(Some(&alice), &[&TLS13])),
    ] {
        let mut stream = door.connect(config);
        for turn in ["first", "second"] {
            let came = asked(&mut stream, &with(&token)).unwrap();
            assert_eq!(came.status(), "200", "{name}, {turn}");
            let status = came.message(Encoding::Json).items[0].result_status;
            assert_eq!(status, ResultStatus::Success, "{name}, {turn}");
        }
    }
    assert_eq!(door.logged("Query"), 6);
    assert_eq!(door.said(&format!("token {id}\"")), 6, "the records name the token");
    assert_eq!(door.said("\"caller\":\"client:alice\""), 6);
}

#[test]
fn who_shows_nothing_that_is_good_is_told_so_recorded_and_performs_nothing() {
    let door = door();
    door.register("alice");
    let (_, good) = token(&door, "alice", 1);
    let (revoked, once) = token(&door, "alice", 1);
    door.order(Order::BearerRevoke { client: "alice".to_owned(), id: Some(revoked) }).unwrap();
    let other = good.replace("strongroom_", "Strongroom_");
    let mut last = good.clone();
    last.replace_range(last.len() - 1.., if good.ends_with('A') { "E" } else { "A" });
    for (name, request, challenge, reason) in [
        ("nothing", post(""), CHALLENGE, "none"),
        ("another scheme", post(&format!("Authorization: Basic {good}\r\n")), CHALLENGE, "none"),
        ("another field", post(&format!("X-Token: {good}\r\n")), CHALLENGE, "none"),
        ("an empty token", post("Authorization: Bearer\r\n"), WRONG, "unknown"),
        ("another token", with("strongroom_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), WRONG, "unknown"),
        ("its last letter changed", with(&last), WRONG, "unknown"),
        ("a letter more", with(&format!("{good}A")), WRONG, "unknown"),
        ("a letter less", with(&good[..good.len() - 1]), WRONG, "unknown"),
        ("another case", with(&other), WRONG, "unknown"),
        ("in quotes", with(&format!("\"{good}\"")), WRONG, "unknown"),
        ("twice in one field", with(&format!("{good}, Bearer {good}")), WRONG, "unknown"),
        ("one that was revoked", with(&once), WRONG, "unknown"),
    ] {
        let before = door.refused(reason);
        let came = told(&door, &request);
        assert_eq!(came.status(), "401", "{name}");
        assert!(came.has(challenge), "{name}: {}", came.head);
        assert!(came.has("Connection: close"), "{name}: a body follows that is not read");
        assert_eq!(door.refused(reason), before + 1, "{name} is not recorded");
    }
    assert_eq!(door.logged("bearer-refused"), 12);
    let target = String::from_utf8(post("")).unwrap().replace("/kmip", &format!("/kmip?access_token={good}"));
    assert_eq!(told(&door, target.as_bytes()).status(), "401", "a token in the target");
    let twice = post(&format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n"));
    assert_eq!(told(&door, &twice).status(), "400", "two fields");
    assert_eq!(door.logged("Query"), 0);
    assert_eq!(door.said(&good[12..]) + door.said(&once[12..]), 0, "a token stands in the log");
    assert_eq!(told(&door, &with(&good)).status(), "200");
}

#[test]
fn nothing_about_a_request_is_looked_at_before_its_sender_is_known() {
    let door = door();
    for (name, request) in [
        ("another path", "GET /keys/a?api-version=7.6 HTTP/1.1\r\nHost: vault\r\n\r\n"),
        ("another method", "DELETE /kmip HTTP/1.1\r\nHost: vault\r\n\r\n"),
        ("no length", "POST /kmip HTTP/1.1\r\nHost: vault\r\n\r\n"),
        ("another encoding", "POST /kmip HTTP/1.1\r\nHost: v\r\nContent-Type: a/b\r\nContent-Length: 0\r\n\r\n"),
        ("a body beyond the limit", "POST /kmip HTTP/1.1\r\nHost: v\r\nContent-Length: 99999999999\r\n\r\n"),
        ("one who waits", "POST /kmip HTTP/1.1\r\nHost: v\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"),
    ] {
        assert_eq!(told(&door, request.as_bytes()).status(), "401", "{name}");
    }
}

#[test]
fn who_is_told_what_to_show_can_show_it_on_the_same_connection() {
    let door = door();
    door.register("alice");
    let (_, token) = token(&door, "alice", 1);
    let mut stream = bare(&door);
    let first = asked(&mut stream, b"POST /kmip HTTP/1.1\r\nHost: vault\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert!(first.status() == "401" && first.has(CHALLENGE) && !first.has("Connection: close"), "{}", first.head);
    assert_eq!(asked(&mut stream, &with(&token)).unwrap().status(), "200");
    assert_eq!(asked(&mut stream, &post("")).unwrap().status(), "401", "a token is good for one request");
}

#[test]
fn a_certificate_and_a_token_of_two_clients_are_refused_together() {
    let door = door();
    let (alice, bob) = (door.register("alice"), door.register_as("bob", Role::Administrator));
    let (_, alices) = token(&door, "alice", 1);
    let (_, bobs) = token(&door, "bob", 1);
    for (name, identity, token, reason) in [
        ("alice with bob's", &alice, &bobs, "of another client"),
        ("bob with alice's", &bob, &alices, "of another client"),
        ("alice with nobody's", &alice, &"strongroom_".to_owned(), "unknown"),
    ] {
        let mut stream = door.connect(door.config(Some(identity), &[&TLS13]));
        let before = door.refused(reason);
        let came = asked(&mut stream, &with(token)).unwrap();
        assert!(came.status() == "401" && came.has(WRONG), "{name}: {}", came.head);
        assert_eq!(door.refused(reason), before + 1, "{name}");
    }
    assert_eq!(door.logged("Query"), 0);
}

#[test]
fn a_token_ends_with_its_time_and_with_its_client() {
    let door = door();
    for client in ["alice", "bob"] {
        door.register(client);
    }
    let (_, short) = token(&door, "alice", 1);
    let (_, long) = token(&door, "alice", 30);
    let (_, bobs) = token(&door, "bob", 30);
    let (mut hers, mut his) = (bare(&door), bare(&door));
    assert_eq!(asked(&mut hers, &with(&short)).unwrap().status(), "200");
    assert_eq!(asked(&mut his, &with(&bobs)).unwrap().status(), "200");
    door.ahead.by(Duration::from_secs(86_400));
    assert_eq!(asked(&mut hers, &with(&short)).unwrap().status(), "401", "on a connection that was open");
    assert_eq!(door.refused("expired"), 1);
    assert_eq!(told(&door, &with(&long)).status(), "200");
    door.order(Order::ClientRevoke { name: "bob".to_owned() }).unwrap();
    assert_eq!(asked(&mut his, &with(&bobs)).unwrap().status(), "401", "of a revoked client");
    door.order(Order::BearerRevoke { client: "alice".to_owned(), id: None }).unwrap();
    assert_eq!(told(&door, &with(&long)).status(), "401", "all were revoked");
    assert!(door.order(Order::BearerIssue { client: "bob".to_owned(), days: 1 }).is_err(), "for a revoked client");
}

#[test]
fn a_client_has_so_many_tokens_and_those_whose_time_is_over_make_room() {
    let door = door();
    door.register("alice");
    let issue = |days| door.order(Order::BearerIssue { client: "alice".to_owned(), days });
    let made: Vec<_> = (0..16).map(|_| token(&door, "alice", 1)).collect();
    let refused = issue(1).unwrap_err();
    assert!(refused.message.contains("16 tokens"), "{}", refused.message);
    for days in [0, 3651, u32::MAX] {
        assert!(issue(days).is_err(), "{days} days");
    }
    for id in ["", "all", &made[0].0[..15], &made[0].0.to_uppercase(), &made[0].1] {
        assert!(
            door.order(Order::BearerRevoke { client: "alice".to_owned(), id: Some(id.to_owned()) }).is_err(),
            "{id:?} is taken for an identifier"
        );
    }
    assert_eq!(told(&door, &with(&made[15].1)).status(), "200");
    door.ahead.by(Duration::from_secs(86_400));
    issue(1).unwrap();
    let Report::Clients { clients } = door.order(Order::ClientList).unwrap() else { panic!("no list") };
    assert_eq!(clients[0].tokens.len(), 1);
    for client in ["eve", "", "alice "] {
        assert!(door.order(Order::BearerIssue { client: client.to_owned(), days: 1 }).is_err(), "for {client:?}");
    }
}

#[test]
fn an_address_that_keeps_trying_is_left_without_an_answer_and_without_records() {
    let door = door();
    door.register("alice");
    let (_, good) = token(&door, "alice", 1);
    let nothing = b"GET / HTTP/1.1\r\nHost: vault\r\n\r\n";
    let mut stream = bare(&door);
    let answered = (0..100).take_while(|_| stream.write_all(nothing).is_ok() && answer(&mut stream).is_some()).count();
    assert!((32..40).contains(&answered), "{answered} answers");
    let recorded = door.refused("none");
    assert!((answered..answered + 3).contains(&recorded), "{recorded} records of {answered} answers");
    assert_eq!(told(&door, &with(&good)).status(), "200", "a good token pays for nobody else");
    door.ahead.by(Duration::from_secs(3600));
    assert_eq!(told(&door, nothing).status(), "401");
}

#[test]
fn who_is_nobody_has_the_time_of_a_handshake_to_say_who_it_is() {
    let limits = Limits { handshake: Duration::from_millis(700), ..usual() };
    let door = Door::over(Carrier::Https, limits);
    door.register("alice");
    let (_, good) = token(&door, "alice", 1);
    let mut silent = bare(&door);
    silent.flush().unwrap();
    assert!(answer(&mut silent).is_none(), "it says nothing");
    assert_eq!(told(&door, b"GET / HTTP/1.1\r\n").status(), "408", "half a head");
    let mut known = bare(&door);
    assert_eq!(asked(&mut known, &with(&good)).unwrap().status(), "200");
    std::thread::sleep(Duration::from_millis(1000));
    assert_eq!(asked(&mut known, &with(&good)).unwrap().status(), "200", "somebody may be silent for longer");
}

#[test]
fn a_token_has_as_many_connections_as_a_key() {
    let door = Door::over(Carrier::Https, Limits { per_key: 2, ..usual() });
    door.register("alice");
    let (_, good) = token(&door, "alice", 1);
    let mut open: Vec<_> = (0..2).map(|_| bare(&door)).collect();
    for stream in &mut open {
        assert_eq!(asked(stream, &with(&good)).unwrap().status(), "200");
        assert_eq!(asked(stream, &with(&good)).unwrap().status(), "200", "a second request counts as no second one");
    }
    assert_eq!(told(&door, &with(&good)).status(), "429");
    assert_eq!(door.refused("crowded"), 1);
}

#[test]
fn while_the_vault_is_sealed_nobody_is_believed_by_a_token() {
    let door = door();
    let alice = door.register("alice");
    let (_, good) = token(&door, "alice", 1);
    let mut hers = door.connect(door.config(Some(&alice), &[&TLS13]));
    assert_eq!(asked(&mut hers, &with(&good)).unwrap().status(), "200");
    door.order(Order::Seal).unwrap();
    for (name, request) in [("a good one", with(&good)), ("a wrong one", with("strongroom_"))] {
        assert_eq!(told(&door, &request).status(), "503", "{name}");
    }
    assert_eq!(told(&door, &post("")).status(), "401");
    let sealed = asked(&mut hers, &with(&good)).unwrap().message(Encoding::Json);
    assert_eq!(sealed.items[0].result_status, ResultStatus::OperationFailed, "with a certificate KMIP says so");
}

#[test]
fn kmip_without_http_needs_a_certificate_as_ever() {
    let door = Door::new();
    let mut stranger = door.connect(door.config(None, &[&TLS12]));
    assert!(stranger.write_all(&query(Encoding::Ttlv)).is_err());
}
