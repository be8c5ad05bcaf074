//! The messages of the OASIS test cases, where they are at hand: `CASES=DIR`, or beside the workspace.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// One message of a case, as XML, with its variables replaced by samples.
pub(crate) struct Message {
    /// The case's file and the message's place in it.
    pub(crate) name: String,
    /// Its text.
    pub(crate) xml: String,
}

impl Message {
    /// Whether its case is on a list.
    pub(crate) fn is_among(&self, list: &[(&str, &str)]) -> bool {
        list.iter().any(|(case, _)| self.name.split(' ').next() == Some(*case))
    }
}

/// Every message of every case; none, and a word about it, where there are no cases.
#[allow(clippy::print_stdout, reason = "a test that does nothing says so")]
pub(crate) fn messages() -> Vec<Message> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/kmip/testcases");
    let root = env::var_os("CASES").map_or(beside, PathBuf::from);
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    if files.is_empty() {
        println!("skipped: there are no cases in {}", root.display());
    }
    let named = |file: &PathBuf| file.file_stem().unwrap().to_string_lossy().into_owned();
    files.iter().flat_map(|file| split(&named(file), &fs::read_to_string(file).unwrap())).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            files.push(path);
        }
    }
}

fn split(name: &str, text: &str) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut rest = text;
    while let Some((start, end)) = next(rest) {
        let name = format!("{name} #{}", messages.len() + 1);
        messages.push(Message { name, xml: sampled(&rest[start..end]) });
        rest = &rest[end..];
    }
    messages
}

fn next(text: &str) -> Option<(usize, usize)> {
    let kinds = ["RequestMessage", "ResponseMessage"];
    let (start, kind) = kinds.iter().filter_map(|kind| Some((text.find(&format!("<{kind}>"))?, kind))).min()?;
    let end = format!("</{kind}>");
    Some((start, start + text[start..].find(&end)? + end.len()))
}

/// Replaces each variable by a sample of its type. In the oldest cases, names were broken over lines when they were
/// printed, so runs of spaces are made one.
fn sampled(xml: &str) -> String {
    let xml = xml.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect::<String>();
    let mut text = String::new();
    let mut rest = xml.as_str();
    while let Some(at) = rest.find("value=\"$") {
        let (before, after) = rest.split_at(at);
        let kind = before.rsplit_once("type=\"").unwrap().1.split('"').next().unwrap();
        let name = after["value=\"$".len()..].split('"').next().unwrap();
        text.push_str(before);
        text.push_str(&match kind {
            "DateTime" => "value=\"2020-02-29T12:30:00+00:00\"".to_owned(),
            "ByteString" => "value=\"00112233445566778899aabbccddeeff\"".to_owned(),
            _ => format!("value=\"{name}\""),
        });
        rest = &after["value=\"$".len() + name.len() + 1..];
    }
    text + rest
}
