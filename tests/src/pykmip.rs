//! PyKMIP's server: something to be measured against, and to move away from.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::{appliance::Appliance, program::python};

/// A PyKMIP server with the appliance's own certificates. Ends when dropped.
pub struct PyKmip {
    /// Where it listens.
    pub address: String,
    process: Child,
}

impl PyKmip {
    /// Starts one in a folder of its own; nothing, after saying so, where it is not installed.
    #[must_use]
    pub fn start(appliance: &Appliance, folder: &Path) -> Option<Self> {
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
        // A group of its own: it starts a second process, which ends with it only so.
        let process = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let address = format!("127.0.0.1:{port}");
        for _ in 0..100 {
            if TcpStream::connect(&address).is_ok() {
                return Some(Self { address, process });
            }
            sleep(Duration::from_millis(100));
        }
        None
    }
}

impl Drop for PyKmip {
    fn drop(&mut self) {
        // Nothing is lost when it is already gone.
        let _ = i32::try_from(self.process.id()).map(|group| killpg(Pid::from_raw(group), Signal::SIGKILL));
        let _ = self.process.wait();
    }
}
