//! Cases that no server can pass, each with the fault of its own that makes it so.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// The list. It only ever gets shorter: a case that is on it and passes is an error.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    reasons: BTreeMap<String, String>,
}

impl Exceptions {
    /// Reads a file with lines `NAME: reason`; empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, a line gives no reason, or a case is named twice.
    pub fn read(path: &Path) -> io::Result<Exceptions> {
        Exceptions::parse(&fs::read_to_string(path)?)
            .map_err(|line| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {line}", path.display())))
    }

    /// Why a case cannot pass, if it is on the list.
    #[must_use]
    pub fn reason(&self, name: &str) -> Option<&str> {
        self.reasons.get(name).map(String::as_str)
    }

    fn parse(text: &str) -> Result<Exceptions, String> {
        let mut reasons = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, reason) = line.split_once(": ").ok_or_else(|| format!("no reason in `{line}`"))?;
            if reasons.insert(name.to_owned(), reason.trim().to_owned()).is_some() {
                return Err(format!("{name} is listed twice"));
            }
        }
        Ok(Exceptions { reasons })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_a_reason() {
        let list = Exceptions::parse("# why\n\nA-1: wants: both\n").expect("it is well-formed");
        assert_eq!(list.reason("A-1"), Some("wants: both"));
        assert_eq!(list.reason("A"), None);
    }

    #[test]
    fn a_line_without_a_reason_and_a_second_line_for_a_case_are_refused() {
        assert!(Exceptions::parse("A-1").is_err());
        assert!(Exceptions::parse("A-1: x\nA-1: y").is_err());
    }
}
