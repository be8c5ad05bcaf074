//! Finds the paths that a Rust text mentions: `use` trees, and `crate::a::b` in the middle of the code.

use std::collections::BTreeMap;

use crate::scan::Scan;

/// One path as it stands in the text, braces spread out and the crate's own module put in front where it was relative.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mention {
    /// Counted from 1.
    pub line: usize,
    /// The first is `crate` for a path inside the crate, otherwise the name of another crate.
    pub segments: Vec<String>,
    /// What the path is called here; differs from the last segment under `as`.
    pub alias: String,
    /// Whether it is a `use`, and whether others may use it through this file.
    pub kind: Kind,
}

/// How a path is mentioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In the middle of the code.
    Inline,
    /// Imported.
    Use,
    /// Imported and passed on: `pub use`.
    Reexport,
}

/// All paths that shipped code mentions. `module` is the file's own module path, `children` the modules below it.
pub(crate) fn mentions(scan: &Scan, module: &[String], children: &[String]) -> Vec<Mention> {
    let tokens = tokens(&scan.code);
    let mut found = Vec::new();
    // The inline modules around the current token, each with the depth of braces at which it opened.
    let (mut inside, mut depth) = (Vec::<(String, usize)>::new(), 0_usize);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let line = scan.line_of(token.at);
        match token.text {
            "mod" if text(&tokens, at + 2) == "{" => {
                inside.push((text(&tokens, at + 1).to_owned(), depth));
                depth += 1;
                at += 3;
                continue;
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if inside.last().is_some_and(|(_, opened)| *opened == depth) {
                    inside.pop();
                }
            }
            "use" => {
                let passed_on = at > 0 && matches!(text(&tokens, at - 1), "pub" | ")");
                let kind = if passed_on { Kind::Reexport } else { Kind::Use };
                at += 1;
                if text(&tokens, at) == "::" {
                    at += 1;
                }
                let mut trees = Vec::new();
                tree(&tokens, &mut at, &mut Vec::new(), &mut trees);
                for (segments, alias, place) in trees {
                    let line = scan.line_of(place);
                    if !scan.is_test(line) {
                        let segments = absolute(segments, module, &inside, children);
                        found.push(Mention { line, segments, alias, kind });
                    }
                }
                continue;
            }
            _ if token.is_word() && text(&tokens, at + 1) == "::" && begins_path(&tokens, at) => {
                let mut segments = vec![token.text.to_owned()];
                while text(&tokens, at + 1) == "::" && tokens.get(at + 2).is_some_and(Token::is_word) {
                    segments.push(tokens[at + 2].text.to_owned());
                    at += 2;
                }
                if segments.len() > 1 && !scan.is_test(line) {
                    let alias = segments.last().cloned().unwrap_or_default();
                    let segments = absolute(segments, module, &inside, children);
                    found.push(Mention { line, segments, alias, kind: Kind::Inline });
                }
            }
            _ => {}
        }
        at += 1;
    }
    spell_out(&mut found);
    found
}

/// `use crate::a::b;` makes `b::C` mean `crate::a::b::C`: writes it so.
fn spell_out(found: &mut [Mention]) {
    let names: BTreeMap<String, Vec<String>> = found
        .iter()
        .filter(|mention| mention.kind != Kind::Inline)
        .map(|mention| (mention.alias.clone(), mention.segments.clone()))
        .collect();
    for mention in found.iter_mut().filter(|mention| mention.kind == Kind::Inline) {
        if let Some(whole) =
            mention.segments.first().filter(|first| *first != "crate").and_then(|first| names.get(first))
        {
            mention.segments = whole.iter().cloned().chain(mention.segments.drain(1..)).collect();
        }
    }
}

/// Whether the word at `at` begins a path: nothing that qualifies it stands before, and it does not say who may see something.
fn begins_path(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map_or("", |before| text(tokens, before));
    before != "::" && before != "in"
}

/// Puts `crate` in front of what is meant relative to the file.
fn absolute(segments: Vec<String>, module: &[String], inside: &[(String, usize)], children: &[String]) -> Vec<String> {
    let mut here: Vec<String> = module.iter().cloned().chain(inside.iter().map(|(name, _)| name.clone())).collect();
    let first = segments.first().map(String::as_str).unwrap_or_default();
    let skip = match first {
        "self" => 1,
        "super" => {
            let ups = segments.iter().take_while(|segment| *segment == "super").count();
            here.truncate(here.len().saturating_sub(ups));
            ups
        }
        // The names of modules declared here are in scope without a prefix.
        _ if inside.is_empty() && children.iter().any(|child| child == first) => 0,
        _ => return segments,
    };
    std::iter::once("crate".to_owned()).chain(here).chain(segments.into_iter().skip(skip)).collect()
}

/// Reads one `use` tree at `at` into whole paths, each with its alias and its place.
fn tree(tokens: &[Token<'_>], at: &mut usize, prefix: &mut Vec<String>, found: &mut Vec<(Vec<String>, String, usize)>) {
    let kept = prefix.len();
    let place = tokens.get(*at).map_or(0, |token| token.at);
    loop {
        match tokens.get(*at).map(|token| token.text) {
            Some("{") => {
                *at += 1;
                while !matches!(text(tokens, *at), "}" | "") {
                    tree(tokens, at, prefix, found);
                    if text(tokens, *at) == "," {
                        *at += 1;
                    }
                }
                *at += 1;
                break;
            }
            Some(word) if word == "*" || tokens[*at].is_word() => {
                *at += 1;
                if word != "self" || prefix.is_empty() {
                    prefix.push(word.to_owned());
                }
                if text(tokens, *at) == "::" {
                    *at += 1;
                    continue;
                }
                let mut alias = prefix.last().cloned().unwrap_or_default();
                if text(tokens, *at) == "as" {
                    alias = text(tokens, *at + 1).to_owned();
                    *at += 2;
                }
                found.push((prefix.clone(), alias, place));
                break;
            }
            _ => {
                *at += 1;
                break;
            }
        }
    }
    prefix.truncate(kept);
}

struct Token<'a> {
    at: usize,
    text: &'a str,
}

impl Token<'_> {
    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

fn text<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

/// Words, `::`, and single other characters.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = code[at..].chars().next() {
        let rest = &code[at..];
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            found.push(Token { at, text: &rest[..length] });
        }
        at += length;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, source of module `crate::slot::rsa` with a child `key`, and the paths it mentions.
    const READ: &[(&str, &str, &[&str])] = &[
        ("a plain use", "use crate::vault::Door;", &["crate::vault::Door"]),
        (
            "braces, self, alias and glob",
            "use crate::{a::{self, b as c}, d::*};",
            &["crate::a", "crate::a::b", "crate::d::*"],
        ),
        ("super and self", "use super::mac;\nuse self::x::Y;", &["crate::slot::mac", "crate::slot::rsa::x::Y"]),
        ("super twice", "use super::super::store;", &["crate::store"]),
        (
            "a path in the code",
            "fn f() -> crate::audit::Entry { g::<crate::clock::Now>() }",
            &["crate::audit::Entry", "crate::clock::Now"],
        ),
        (
            "a module imported and then named",
            "use crate::vault;\nfn f(x: vault::Door) {}",
            &["crate::vault", "crate::vault::Door"],
        ),
        ("an alias", "use crate::vault as v;\nfn f(x: v::Door) {}", &["crate::vault", "crate::vault::Door"]),
        (
            "a child without a prefix",
            "use key::Key;\nfn f() { key::g() }",
            &["crate::slot::rsa::key::Key", "crate::slot::rsa::key::g"],
        ),
        ("another crate", "use strongroom_kmip::tag::Tag;", &["strongroom_kmip::tag::Tag"]),
        ("a macro's own crate", "macro_rules! m { () => { $crate::tag::T } }", &["crate::tag::T"]),
        ("who may see it is not a use", "pub(crate) fn f() {}\npub(in crate::slot) fn g() {}", &[]),
        ("tests are not read", "#[cfg(test)]\nmod tests { use super::*; use crate::vault; }", &[]),
        ("comments and strings are not read", "// crate::a::b\nconst X: &str = \"crate::a::b\";", &[]),
        ("super inside an inline module", "mod inner { use super::super::mac; }", &["crate::slot::mac"]),
    ];

    #[test]
    fn the_paths_of_a_text_are_found() {
        let module = ["slot".to_owned(), "rsa".to_owned()];
        for (name, source, wanted) in READ {
            let found: Vec<String> = mentions(&Scan::new(source), &module, &["key".to_owned()])
                .into_iter()
                .map(|mention| mention.segments.join("::"))
                .collect();
            assert_eq!(found, *wanted, "{name}");
        }
    }

    #[test]
    fn a_reexport_is_told_from_an_import() {
        let kinds: Vec<Kind> = mentions(&Scan::new("use a::B;\npub use c::D;\npub(crate) use e::F;"), &[], &[])
            .into_iter()
            .map(|mention| mention.kind)
            .collect();
        assert_eq!(kinds, [Kind::Use, Kind::Reexport, Kind::Reexport]);
    }
}
