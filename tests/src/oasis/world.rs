//! The server that cases are played against: an appliance of the replay's own, swept between two cases.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use strongroom::front::control;
use strongroom::front::kmip::encoding::Encoding;
use strongroom::service::{Order, Report};
use strongroom_kmip::attribute::{Listed, RevocationReason};
use strongroom_kmip::client;
use strongroom_kmip::code::RevocationReasonCode;
use strongroom_kmip::payload::{DestroyRequest, LocateRequest, RevokeRequest};
use strongroom_kmip::secret::Wiped;
use strongroom_kmip::version::V2_1;

use super::objects::Objects;
use crate::{Appliance, Delivery, Endpoint, Line, Post, connect};

/// A running appliance, and what the cases so far have made there.
pub struct World {
    appliance: Appliance,
    client: Option<Door>,
    /// Where it is told what it did not ask for.
    endpoint: Endpoint,
    pub(super) objects: Objects,
}

impl World {
    /// Starts an appliance whose slot does everything that the cases ask for, old algorithms included.
    ///
    /// # Panics
    ///
    /// As for [`Appliance::start`].
    #[must_use]
    #[track_caller]
    pub fn start() -> World {
        let mut appliance = Appliance::start();
        appliance.stop();
        let path = appliance.dir().join("strongroom.toml");
        let config = fs::read_to_string(&path).expect("`dev` writes its configuration");
        for known in [SLOT, KMIP] {
            assert!(config.contains(known), "`dev` writes {known:?} into its configuration:\n{config}");
        }
        let endpoint = Endpoint::new(&appliance.dir());
        let told = endpoint.table("operations = [\"put\"]\nversion = \"1.4\"\n");
        fs::write(&path, config.replace(SLOT, OLD).replace(KMIP, CONFORMING) + &told)
            .expect("the configuration is the caller's own");
        appliance.restart();
        register(&appliance);
        World { appliance, client: None, endpoint, objects: Objects::default() }
    }

    /// Sends the messages of a case as its profile says: those of the encoding profiles over HTTPS, all others over TLS.
    ///
    /// # Errors
    ///
    /// Why the appliance cannot be reached, for a person to read.
    pub fn open(&mut self, case: &str) -> Result<(), String> {
        let encoding = CARRIED.iter().find(|(prefix, _)| case.starts_with(prefix)).map(|&(_, encoding)| encoding);
        let doors = self.appliance.doors();
        match (encoding, &self.client) {
            (Some(encoding), _) => self.client = Some(Door::Https(Post::connect(doors, CLIENT, encoding)?)),
            (None, Some(Door::Tls(_))) => {}
            (None, _) => self.client = Some(Door::Tls(connect(doors, CLIENT, V2_1)?)),
        }
        Ok(())
    }

    /// How many groups of changes the store has made durable.
    ///
    /// # Errors
    ///
    /// Why the appliance does not say, for a person to read.
    pub fn generation(&self) -> Result<u64, String> {
        match control::send(&self.appliance.doors().control, Order::Status).map_err(|error| error.to_string())? {
            Report::Status(status) => Ok(status.generation),
            other => Err(format!("asked how it is, the appliance said {other:?}")),
        }
    }

    /// Destroys everything that earlier cases have left, and opens a new connection.
    ///
    /// # Errors
    ///
    /// Why the appliance cannot be reached or cleaned, for a person to read.
    pub fn sweep(&mut self) -> Result<(), String> {
        self.objects = Objects::default();
        let mut line = connect(self.appliance.doors(), CLIENT, V2_1)?;
        let left = line.ask(everything()).map_err(|error| format!("cannot list what is left: {error}"))?;
        for id in left.unique_identifier {
            let reason =
                RevocationReason { revocation_reason_code: RevocationReasonCode::Superseded, revocation_message: None };
            let revoke = RevokeRequest {
                unique_identifier: Some(id.clone().into()),
                revocation_reason: reason,
                compromise_occurrence_date: None,
            };
            // Refused for an object that is not active, which then needs no revocation.
            let _: Result<_, client::Error> = line.ask(revoke);
            line.ask(DestroyRequest { unique_identifier: Some(id.into()) })
                .map_err(|error| format!("cannot destroy what is left: {error}"))?;
        }
        self.client = None;
        Ok(())
    }

    /// Lets the client be given an object, and waits for it.
    ///
    /// # Errors
    ///
    /// Why nothing comes, for a person to read.
    pub fn push(&self, object: &str) -> Result<Delivery, String> {
        let order = Order::KmipPut { endpoint: "test".to_owned(), id: object.to_owned() };
        control::send(&self.appliance.doors().control, order).map_err(|error| error.to_string())?;
        self.endpoint.receive()
    }

    /// Sends a message and reads the answer.
    ///
    /// # Errors
    ///
    /// Why there is no answer, for a person to read.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Wiped, String> {
        let mut door = self.client.take().ok_or("the connection has failed")?;
        let answer = match &mut door {
            Door::Tls(line) => line.send(request).map_err(|error| error.to_string())?,
            Door::Https(post) => post.send(request)?,
        };
        self.client = Some(door);
        Ok(answer)
    }
}

/// Lets the client show the credentials that the cases show.
fn register(appliance: &Appliance) {
    for (username, password) in CREDENTIALS {
        let mut add = appliance.strongroom();
        add.arg("--config").arg(appliance.dir().join("strongroom.toml"));
        add.args(["client", "credential", "add", "alice", "--username", username]);
        let mut child = add.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the daemon is built");
        let entered = child.stdin.take().expect("it is piped").write_all(password.as_bytes());
        let status = child.wait().expect("it ends");
        assert!(entered.is_ok() && status.success(), "the credential of {username} is not taken: {status}");
    }
}

/// Over what messages go.
enum Door {
    Tls(Line),
    Https(Post),
}

fn everything() -> LocateRequest {
    LocateRequest { attributes: Listed::default(), ..LocateRequest::default() }
}

/// The usernames and passwords of the cases.
const CREDENTIALS: [(&str, &str); 2] = [("one-time-user", "one-time-password"), ("administrator", "password")];

/// Who plays the cases.
const CLIENT: &str = "alice";

/// The cases of the encoding profiles, and how their messages are written.
const CARRIED: [(&str, Encoding); 3] =
    [("MSGENC-HTTPS-", Encoding::Ttlv), ("MSGENC-XML-", Encoding::Xml), ("MSGENC-JSON-", Encoding::Json)];

/// The slot as `dev` configures it.
const SLOT: &str = "name = \"dev\"";

/// The same slot for what the cases ask of it: they are older than what is believed to be safe now.
const OLD: &str = "name = \"dev\"\nmechanisms = \"legacy\"";

/// Where KMIP is configured.
const KMIP: &str = "[kmip]\n";

/// The same, with the operation by which a case says that it begins and ends.
const CONFORMING: &str = "[kmip]\nconformance = true\n";
