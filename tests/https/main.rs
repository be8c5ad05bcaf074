//! KMIP over HTTPS, asked by curl: with a certificate, with a token, and with neither.

use std::process::Command;

use strongroom_tests::{Appliance, Outcome, run, skip_or_require};

const XML: &str = r#"<RequestMessage><RequestHeader><ProtocolVersion>
<ProtocolVersionMajor type="Integer" value="3"/><ProtocolVersionMinor type="Integer" value="0"/></ProtocolVersion>
</RequestHeader><BatchItem><Operation type="Enumeration" value="DiscoverVersions"/><RequestPayload/></BatchItem>
</RequestMessage>"#;

const JSON: &str = r#"{"tag":"RequestMessage","value":[
{"tag":"RequestHeader","value":[{"tag":"ProtocolVersion","value":[
{"tag":"ProtocolVersionMajor","type":"Integer","value":1},{"tag":"ProtocolVersionMinor","type":"Integer","value":4}]},
{"tag":"BatchCount","type":"Integer","value":1}]},
{"tag":"BatchItem","value":[{"tag":"Operation","type":"Enumeration","value":"Query"},
{"tag":"RequestPayload","value":[{"tag":"QueryFunction","type":"Enumeration","value":"QueryServerInformation"}]}]}]}"#;

/// What an operator's command says.
fn command(appliance: &Appliance, arguments: &[&str]) -> Outcome {
    let config = appliance.dir().join("strongroom.toml");
    run(appliance.strongroom().arg("--config").arg(config).args(arguments))
}

/// Posts a message in JSON with these fields and without a certificate, to the name that the server's certificate has.
fn bare(appliance: &Appliance, fields: &[String]) -> Option<Outcome> {
    let curl = skip_or_require("curl")?;
    let doors = appliance.doors();
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--include", "--cacert"]).arg(&doors.ca);
    command.args(fields.iter().flat_map(|field| ["--header", field]));
    let url = format!("{}/kmip", doors.https.as_deref().expect("the appliance serves HTTPS"));
    command.args(["--header", "Content-Type: application/json", "--data-binary", JSON, &url]);
    Some(run(&mut command))
}

/// Posts a message as `alice` and gives what curl says.
fn post(appliance: &Appliance, media: &str, message: &str) -> Option<Outcome> {
    let curl = skip_or_require("curl")?;
    let (doors, papers) = (appliance.doors(), appliance.client("alice"));
    let url = doors.kmip_https.as_deref().expect("the appliance serves HTTPS");
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--fail-with-body", "--include", "--cacert"]).arg(&doors.ca);
    command.arg("--cert").arg(&papers.cert).arg("--key").arg(&papers.key);
    command.args(["--header", &format!("Content-Type: {media}"), "--data-binary", message, url]);
    Some(run(&mut command))
}

#[test]
fn a_message_in_xml_and_one_in_json_are_answered_as_they_came() {
    let appliance = Appliance::start();
    let rows = [
        ("text/xml", XML, [r#"<ResultStatus type="Enumeration" value="Success"/>"#, r#"value="3""#]),
        ("application/json", JSON, [r#""Success""#, r#""Strongroom""#]),
    ];
    for (media, message, expected) in rows {
        let Some(answered) = post(&appliance, media, message) else { return };
        let answered = answered.succeeds();
        assert!(answered.stdout.to_lowercase().contains(&format!("content-type: {media}")), "{answered}");
        for part in expected {
            assert!(answered.stdout.contains(part), "{media}: no {part}: {answered}");
        }
    }
    let Some(refused) = post(&appliance, "application/x-www-form-urlencoded", XML) else { return };
    assert!(refused.stdout.contains("415 Unsupported Media Type"), "{refused}");
}

#[test]
fn a_token_is_enough_until_it_is_revoked_and_everything_else_is_too_little() {
    let mut appliance = Appliance::start();
    let given = command(&appliance, &["--json", "client", "token", "bob", "--days", "1"]).succeeds();
    appliance.restart();
    let field = |token: &str| vec![format!("Authorization: Bearer {token}")];
    let first = appliance.client("alice").token.clone().expect("alice has a token");
    let Some(served) = bare(&appliance, &field(&first)) else { return };
    assert!(served.stdout.contains("200 OK") && served.stdout.contains(r#""Strongroom""#), "{served}");
    let given: serde_json::Value = serde_json::from_str(&given.stdout).expect("it prints JSON");
    let (id, second) = (given["id"].as_str().expect("an identifier"), given["token"].as_str().expect("a token"));
    for (name, fields, status, challenge) in [
        ("a token that was given before a crash", field(second), "200 OK", None),
        ("nothing", Vec::new(), "401 Unauthorized", Some(r#"WWW-Authenticate: Bearer realm="strongroom""#)),
        ("half a token", field(&second[..30]), "401 Unauthorized", Some(r#"error="invalid_token""#)),
        ("another scheme", vec![format!("Authorization: Token {second}")], "401 Unauthorized", Some("Bearer")),
    ] {
        let Some(answered) = bare(&appliance, &fields) else { return };
        assert!(answered.stdout.contains(status), "{name}: {answered}");
        assert!(challenge.is_none_or(|challenge| answered.stdout.contains(challenge)), "{name}: {answered}");
    }
    let listed = command(&appliance, &["client", "list"]).succeeds();
    assert!(listed.stdout.contains(id) && !listed.stdout.contains(&second[12..]), "{listed}");
    let _ = command(&appliance, &["client", "token", "bob", "--revoke", "0123456789abcdef"]).fails();
    let _ = command(&appliance, &["client", "token", "bob", "--revoke", id]).succeeds();
    let Some(refused) = bare(&appliance, &field(second)) else { return };
    assert!(refused.stdout.contains("401 Unauthorized"), "{refused}");
    let _ = command(&appliance, &["client", "token", "alice", "--revoke"]).succeeds();
    let Some(refused) = bare(&appliance, &field(&first)) else { return };
    assert!(refused.stdout.contains("401 Unauthorized"), "{refused}");
    let told = command(&appliance, &["audit", "tail"]).succeeds();
    for part in ["bearer-issued", "bearer-revoked", "bearer-refused", id] {
        assert!(told.stdout.contains(part), "no {part}: {told}");
    }
}
