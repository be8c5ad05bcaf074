//! What several operators must agree to, each of them another user of the machine.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::Command,
};

use nix::{sys::signal::Signal, unistd::geteuid};

use crate::serve::Site;

const RULES: &str = "[seal]\nkey = \"k\"\n\
    [[operator]]\nname = \"anna\"\nuser = 52001\n[[operator]]\nname = \"ben\"\nuser = 52002\n\
    [[quorum]]\noperations = [\"policy\"]\napprovals = 2\n";

/// What the daemon answers when another user says this. The program may lie where that user cannot reach it.
fn say(site: &Site, user: u32, line: &str) -> String {
    // Whoever has no say is answered and turned away before saying anything.
    let script = format!(
        "import socket,contextlib\ns=socket.socket(socket.AF_UNIX)\ns.connect({:?})\n\
         with contextlib.suppress(BrokenPipeError): s.sendall({:?}.encode()+b'\\n')\n\
         print(s.makefile().readline())",
        site.folder.at("state/c.sock"),
        line
    );
    let output = Command::new("python3").args(["-c", &script]).uid(user).env_clear().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn open_folders(site: &Site) {
    for path in [".", "state"] {
        fs::set_permissions(site.folder.at(path), Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn an_order_waits_for_two_users_and_a_kill_forgets_neither_request_nor_approval() {
    if !geteuid().is_root() {
        // Another user can be had by root alone.
        return;
    }
    let site = Site::new(RULES);
    fs::create_dir(site.folder.at("state")).unwrap();
    site.run(&["init", "--key-file", &site.folder.at("state/k")], b"").done();
    let daemon = site.start();
    open_folders(&site);
    let out = site.folder.at("clients");
    fs::create_dir(&out).unwrap();
    let add = |name: &str| site.run(&["client", "add", name, "--out", &out], b"");
    let held = add("carol").failed();
    let id = held.split("waits as ").nth(1).and_then(|rest| rest.split(';').next()).unwrap().to_owned();
    let give = format!("{{\"approval_give\":{{\"id\":\"{id}\"}}}}");
    let shown = say(&site, 52001, &format!("{{\"approval_show\":{{\"id\":\"{id}\"}}}}"));
    assert!(shown.contains("ClientAdd") && shown.contains("carol"), "{shown}");
    assert!(say(&site, 52001, &give).contains("\"done\""));
    daemon.signal(Signal::SIGKILL);
    drop(daemon);
    let _daemon = site.start();
    assert!(site.run(&["approval", "list"], b"").done().contains("1 of 2"));
    for (name, user, line, says) in [
        ("the same again", 52001, &give[..], "another operator is needed"),
        ("nobody's user", 52003, &give[..], "only root"),
        ("another order", 52001, "\"seal\"", "look, approve"),
        ("what does not wait", 52002, "{\"approval_give\":{\"id\":\"0\"}}", "nothing waits"),
    ] {
        let said = say(&site, user, line);
        assert!(said.contains("refused") && said.contains(says), "{name}: {said}");
    }
    assert!(site.run(&["approval", "approve", &id], b"").failed().contains("[[operator]]"));
    assert!(add("carol").failed().contains(&id));
    assert!(say(&site, 52002, &give).contains("\"done\""));
    assert!(add("dave").failed().contains("2 operators"), "what was approved is carol");
    add("carol").done();
    let told = site.run(&["audit", "tail", "-n", "200"], b"").done();
    for words in ["operator:anna    approved", "operator:ben     approved", "approval-used", "approval-asked"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
