//! KMIP over TLS: Get and Encrypt of 1 KiB against a PyKMIP server, and what a connection costs that says nothing.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Name, Template},
    code::{BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, PaddingMethod},
    payload::{ActivateRequest, CreateRequest, EncryptRequest, GetRequest},
    secret::Secret,
    ttlv::Bytes,
    version::V1_2,
};
use strongroom_tests::{Appliance, Doors, Folder, Line, connect, python};

use crate::measure::median;

/// The section.
pub(crate) fn run() {
    let appliance = Appliance::start();
    let doors = appliance.doors();
    say!("\nKMIP 1.2 over TLS, one connection, median time of a request; more than 1.0x is ahead of PyKMIP's server\n");
    let ours = figures(doors, &doors.kmip);
    let folder = Folder::new();
    let theirs = match Server::start(&appliance, folder.path()) {
        Some(server) => figures(doors, &server.address),
        None => {
            say!("skipped: the PyKMIP server cannot be started");
            None
        }
    };
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        for (what, (ours, theirs)) in ["Get", "Encrypt 1 KiB"].iter().zip(ours.into_iter().zip(theirs)) {
            let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
            say!("{what:<16} {ours:>12?}   PyKMIP {theirs:>12?}   {ratio:>6.1}x");
        }
    }
    memory(&appliance);
}

/// How much the daemon holds at rest, and for each connection that says nothing.
fn memory(appliance: &Appliance) {
    let pid = appliance.doors().pid;
    let before = resident(pid);
    let lines: Vec<Line> = (0..CONNECTIONS).map_while(|_| connect(appliance.doors(), "alice", V1_2).ok()).collect();
    std::thread::sleep(Duration::from_secs(1));
    let after = resident(pid);
    let each = after.saturating_sub(before) / u64::try_from(lines.len().max(1)).unwrap_or(1);
    say!("\nresident memory: {} KiB at rest; {each} KiB for each of {} idle TLS connections", before, lines.len());
}

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn figures(doors: &Doors, address: &str) -> Option<[Duration; 2]> {
    let mut line = connect(&Doors { kmip: address.to_owned(), ..doors.clone() }, "alice", V1_2).ok()?;
    let id = line.ask(aes()).ok()?.unique_identifier;
    line.ask(ActivateRequest { unique_identifier: Some(id.clone().into()) }).ok()?;
    let get = || GetRequest {
        unique_identifier: Some(id.clone().into()),
        key_format_type: None,
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: None,
    };
    let encrypt = || EncryptRequest {
        unique_identifier: Some(id.clone().into()),
        cryptographic_parameters: Some(CryptographicParameters {
            block_cipher_mode: Some(BlockCipherMode::CBC),
            padding_method: Some(PaddingMethod::PKCS5),
            cryptographic_algorithm: Some(CryptographicAlgorithm::AES),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::new(vec![7; 1024])),
        iv_counter_nonce: Some(Bytes(vec![9; 16])),
        correlation_value: None,
        init_indicator: None,
        final_indicator: None,
        authenticated_encryption_additional_data: None,
    };
    let get = time(|| line.ask(get()).is_ok())?;
    Some([get, time(|| line.ask(encrypt()).is_ok())?])
}

/// The median time of a request; nothing when one fails.
fn time(mut request: impl FnMut() -> bool) -> Option<Duration> {
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let start = Instant::now();
        if !request() {
            return None;
        }
        times.push(start.elapsed());
    }
    Some(median(times))
}

fn aes() -> CreateRequest {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt),
        Attribute::Name(Name::text("bench")),
    ];
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() },
        protection_storage_masks: None,
    }
}

/// A PyKMIP server with the appliance's own certificates. Ends when dropped.
struct Server {
    address: String,
    process: Child,
}

impl Server {
    fn start(appliance: &Appliance, folder: &Path) -> Option<Self> {
        let python = python()?;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).ok()?.port();
        let tls = appliance.dir().join("tls");
        let path = |name: &str| tls.join(name).display().to_string();
        let config: PathBuf = folder.join("server.conf");
        let text = format!(
            "[server]\nhostname=127.0.0.1\nport={port}\ncertificate_path={}\nkey_path={}\nca_path={}\nauth_suite=TLS1.2\n\
             policy_path={}\nenable_tls_client_auth=True\nlogging_level=ERROR\ndatabase_path={}\n",
            path("server.pem"),
            path("server.key"),
            path("authority.pem"),
            folder.display(),
            folder.join("pykmip.db").display(),
        );
        fs::write(&config, text).ok()?;
        let program = "import sys; from kmip.services.server.server import main; main()";
        let mut command = Command::new(python);
        command.args(["-c", program, "-f"]).arg(&config).arg("-l").arg(folder.join("server.log"));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let address = format!("127.0.0.1:{port}");
        for _ in 0..100 {
            if std::net::TcpStream::connect(&address).is_ok() {
                return Some(Self { address, process });
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself otherwise; nothing is lost when it is already gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const REQUESTS: usize = 300;
const CONNECTIONS: usize = 1000;
