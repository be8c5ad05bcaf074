//! A case as it stands in its file: requests and expected answers, as XML with variables in it.

use std::fs;
use std::io;
use std::path::Path;

use strongroom_kmip::code::Operation;
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::{Limits, Tree};
use strongroom_kmip::version::Version;

/// A case of one file.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file's name without its ending, such as `SKLC-M-1-14`.
    pub name: String,
    /// Where it lies, as far as the folder that was asked for knows: `1.4/mandatory/SKLC-M-1-14`.
    pub place: String,
    /// What is sent and what should come back, in order.
    pub steps: Vec<Step>,
    /// Whether the file has exactly one answer to each request; otherwise it cannot be played.
    pub sound: bool,
}

/// One request and the answer expected to it, both as XML.
#[derive(Debug, Clone)]
pub struct Step {
    /// The request message.
    pub request: String,
    /// The response message.
    pub answer: String,
}

impl Step {
    /// Whether it is the server that asks.
    #[must_use]
    pub fn is_delivery(&self) -> bool {
        let mut delivery = false;
        rewrite(&self.request, |leaf| {
            delivery |= leaf.tag == "Operation" && matches!(leaf.value, "Notify" | "Put");
            None
        });
        delivery
    }
}

impl Case {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn read(path: &Path, place: &str) -> io::Result<Case> {
        // One published file has stray bytes behind its end.
        let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
        let (steps, sound) = steps(&text);
        let name = place.rsplit('/').next().unwrap_or(place).to_owned();
        Ok(Case { name, place: place.to_owned(), steps, sound })
    }

    /// The operations and the version that its requests name. An operation that has no number yet goes by its name.
    #[must_use]
    pub fn asks(&self) -> (Vec<Result<Operation, String>>, Option<Version>) {
        let mut operations = Vec::new();
        let (mut major, mut minor) = (None, None);
        for step in &self.steps {
            rewrite(&step.request, |leaf| {
                match leaf.tag {
                    "Operation" => operations.push(operation(leaf.value).ok_or_else(|| leaf.value.to_owned())),
                    "ProtocolVersionMajor" => major = major.or(leaf.value.parse().ok()),
                    "ProtocolVersionMinor" => minor = minor.or(leaf.value.parse().ok()),
                    _ => {}
                }
                None
            });
        }
        (operations, major.zip(minor).map(|(major, minor)| Version::new(major, minor)))
    }
}

/// An element that has a value.
pub(super) struct Leaf<'a> {
    /// The element's name.
    pub(super) tag: &'a str,
    /// Its item type.
    pub(super) kind: &'a str,
    /// Its value, as it stands between the quotation marks.
    pub(super) value: &'a str,
}

/// The text with other values where `change` gives one. It is not looked at as XML beyond what this needs: the encoding's
/// own reader has the last word on the result.
pub(super) fn rewrite(text: &str, mut change: impl FnMut(Leaf<'_>) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('<') {
        let (element, after) = from.split_at(end(from));
        out.push_str(before);
        out.push('<');
        let tag = element.split([' ', '\t', '\r', '\n', '/', '>']).next().unwrap_or_default();
        match attribute(element, "value") {
            Some((head, value, tail)) => {
                let kind = attribute(element, "type").map_or("", |(_, kind, _)| kind);
                out.push_str(head);
                out.push_str(change(Leaf { tag, kind, value }).as_deref().unwrap_or(value));
                out.push_str(tail);
            }
            None => out.push_str(element),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where the element that `text` begins with ends; a value may contain `>`.
fn end(text: &str) -> usize {
    let mut quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// What stands before, in and behind the value of an XML attribute.
fn attribute<'a>(element: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let sought = format!("{name}=\"");
    let start = element.find(&sought)?.checked_add(sought.len())?;
    let (head, rest) = element.split_at(start);
    let (value, tail) = rest.split_at(rest.find('"')?);
    Some((head, value, tail))
}

fn operation(name: &str) -> Option<Operation> {
    // The encoding's reader knows the names: this is the shortest text that has one.
    let text = format!("<Operation type=\"Enumeration\" value=\"{name}\"/>");
    let bytes = strongroom_kmip::xml::read(&text, &Limits::default()).ok()?;
    let tree = Tree::read(&bytes, &Limits::default()).ok()?;
    let item = tree.root();
    (item.tag() == Tag::Operation).then_some(Operation(item.enumeration().ok()?))
}

/// The requests with what follows each, and whether there was one answer to each.
fn steps(text: &str) -> (Vec<Step>, bool) {
    let text = without_comments(text);
    let mut steps = Vec::new();
    let mut sound = true;
    let (mut rest, mut asked) = (text.as_str(), None);
    while let Some((message, after)) = first(rest) {
        match (asked.take(), message.starts_with("<RequestMessage")) {
            (None, true) => asked = Some(message),
            (Some(request), false) => {
                steps.push(Step { request: request.to_owned(), answer: message.to_owned() });
            }
            _ => sound = false,
        }
        rest = after;
    }
    let sound = sound && asked.is_none() && !steps.is_empty();
    (steps, sound)
}

/// The first message, and what follows it.
fn first(text: &str) -> Option<(&str, &str)> {
    let names = ["RequestMessage", "ResponseMessage"];
    let name = names.into_iter().min_by_key(|name| text.find(&format!("<{name}")).unwrap_or(usize::MAX))?;
    element(text, name)
}

/// The first element of this name, and what follows it.
fn element<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let text = text.get(text.find(&format!("<{name}"))?..)?;
    let close = format!("</{name}>");
    Some(text.split_at(text.find(&close)?.checked_add(close.len())?))
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"<KMIP><!-- <RequestMessage> --><RequestMessage><Operation type="Enumeration" value="Get"/>
        </RequestMessage> # TIME 1 <ResponseMessage><A value="1>2" type="TextString"/></ResponseMessage></KMIP> x"#;

    #[test]
    fn requests_and_answers_are_found_between_anything_else() {
        let (steps, sound) = steps(TEXT);
        assert!(sound);
        assert_eq!(steps.len(), 1);
        assert!(steps[0].answer.ends_with("</ResponseMessage>"));
    }

    #[test]
    fn a_file_that_is_out_of_turn_is_not_sound() {
        let rows = [
            ("nothing", "<KMIP/>"),
            ("no answer", "<RequestMessage></RequestMessage>"),
            ("no request", "<ResponseMessage></ResponseMessage>"),
            (
                "answered late",
                "<RequestMessage></RequestMessage><RequestMessage></RequestMessage><ResponseMessage></ResponseMessage>",
            ),
            (
                "two answers",
                "<RequestMessage></RequestMessage><ResponseMessage></ResponseMessage><ResponseMessage></ResponseMessage>",
            ),
        ];
        for (name, text) in rows {
            assert!(!steps(text).1, "{name}");
        }
    }

    #[test]
    fn only_values_are_rewritten() {
        let text = rewrite(r#"<A value="1>2" type="TextString"/> v <B type="Integer" value="2"/>"#, |leaf| {
            (leaf.tag == "A").then(|| format!("[{}:{}]", leaf.kind, leaf.value))
        });
        assert_eq!(text, r#"<A value="[TextString:1>2]" type="TextString"/> v <B type="Integer" value="2"/>"#);
    }
}
