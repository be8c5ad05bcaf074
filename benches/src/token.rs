//! Other people's tokens, beside which ours is measured.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use strongroom_tests::{Folder, find};

/// Another module with a token in it, ready to be logged in to.
pub(crate) struct Token {
    /// What it is called in a table.
    pub(crate) name: &'static str,
    /// The library to load.
    pub(crate) module: PathBuf,
    /// The user's PIN.
    pub(crate) pin: &'static str,
    /// What the library reads from its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
    server: Option<Child>,
    folder: Folder,
}

/// All of them that are installed here, each with an empty token of its own; says which are not.
pub(crate) fn all() -> Vec<Token> {
    let mut found = Vec::new();
    for (name, token) in [("SoftHSM2", softhsm()), ("p11-kit remote", remote())] {
        match token {
            Some(token) => found.push(token),
            None => {
                say!("skipped: {name} is not installed, or its token cannot be made");
            }
        }
    }
    found
}

/// SoftHSM2 in the process itself.
pub(crate) fn softhsm() -> Option<Token> {
    let (module, folder) = (first(&SOFTHSM)?, Folder::new());
    let (config, tokens) = (folder.join("softhsm2.conf"), folder.join("tokens"));
    fs::create_dir(&tokens).ok()?;
    fs::write(&config, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).ok()?;
    let environment = vec![("SOFTHSM2_CONF", config.display().to_string())];
    let mut command = Command::new(find("softhsm2-util")?);
    command.args(["--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", PIN]);
    let made = command.envs(environment.iter().cloned()).output().ok()?.status.success();
    made.then_some(Token { name: "SoftHSM2", module, pin: PIN, environment, server: None, folder })
}

/// SoftHSM2 behind p11-kit's server, over a socket.
fn remote() -> Option<Token> {
    let (client, mut token) = (first(&CLIENT)?, softhsm()?);
    let socket = token.folder.join("p11-kit.sock");
    let mut command = Command::new(find("p11-kit")?);
    command.args(["server", "--foreground", "--name"]).arg(&socket).arg("--provider").arg(&token.module);
    command.arg(format!("pkcs11:token={LABEL}")).envs(token.environment.drain(..));
    token.server = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?);
    token.environment = vec![("P11_KIT_SERVER_ADDRESS", format!("unix:path={}", socket.display()))];
    (token.name, token.module) = ("p11-kit remote", client);
    for _ in 0..100 {
        if socket.exists() {
            return Some(token);
        }
        sleep(Duration::from_millis(50));
    }
    None
}

fn first(paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(Path::new).find(|path| path.exists()).map(Path::to_path_buf)
}

impl Token {
    /// Where it keeps everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // It ends by itself otherwise; nothing is lost when it is already gone.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

const LABEL: &str = "bench";
pub(crate) const PIN: &str = "1234";
const SOFTHSM: [&str; 2] = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
const CLIENT: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so", "/usr/lib/aarch64-linux-gnu/pkcs11/p11-kit-client.so"];
