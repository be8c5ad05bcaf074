//! KMIP over HTTPS, asked by curl.

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
