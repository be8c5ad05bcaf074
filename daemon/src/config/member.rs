//! The tokens of a cluster, as the configuration says them.

use std::path::PathBuf;

use serde::Deserialize;

use super::schema::tables;
use crate::slot::hsm::Choice;

/// Declares a table that says, beside rows of its own, which token is meant and how it is opened: a member says it of itself, a
/// slot of its only token, or of all members that do not say it.
macro_rules! tokens {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        $crate::config::member::tokens! {
            @ $(#[$about])* $name { $($own)* }
            /// The vendor's PKCS#11 library.
            library: PathBuf;
            /// The token, by its label.
            token: String;
            /// The token, by its serial number.
            serial: String;
            /// The token, by a PKCS#11 URI (RFC 7512).
            uri: String;
            /// A file with the user's PIN.
            pin_file: PathBuf;
            /// The name of a systemd credential with the user's PIN. Without either, an operator enters it.
            pin_credential: String;
        }
    };
    (@ $(#[$about:meta])* $name:ident { $($own:tt)* } $($(#[$doc:meta])* $field:ident: $kind:ty;)*) => {
        tables! {
            $(#[$about])*
            $name {
                $($own)*
                $($(#[$doc])* $field: Option<$kind> = None;)*
            }
        }

        impl $name {
            /// Each key about a token, and whether it is said.
            pub(super) fn said(&self) -> impl Iterator<Item = (&'static str, bool)> {
                [$((stringify!($field), self.$field.is_some())),*].into_iter()
            }

            /// What is said of a token, as of one of this name.
            #[allow(dead_code, reason = "a member is one already")]
            pub(super) fn member(&self, name: Option<String>) -> Member {
                Member { name, $($field: self.$field.clone(),)* }
            }
        }
    };
}

pub(super) use tokens;

tokens! {
    /// A token of a cluster. What it does not say, its slot says.
    Member {
        /// What reports call it; its label or serial number where it says nothing.
        name: Option<String> = None;
    }
}

/// A token, with what its slot says of all.
pub(super) struct Token {
    pub(super) name: String,
    pub(super) library: PathBuf,
    pub(super) choice: Choice,
    pub(super) pin_file: Option<PathBuf>,
    pub(super) pin_credential: Option<String>,
}

/// What is wrong with the members of a slot, if anything. `own` is what the slot says of all of them.
///
/// # Errors
/// The key that is wrong, and what is wrong with which member.
pub(super) fn check(members: &[Member], own: &Member, wrap_with: Option<&str>) -> Result<(), (&'static str, String)> {
    if let Some((key, _)) = own.said().find(|(key, given)| *given && matches!(*key, "token" | "serial" | "uri")) {
        return Err((key, "its tokens are its members; say this of each of them".to_owned()));
    }
    if !(FEWEST..=MOST).contains(&members.len()) {
        return Err(("member", format!("a cluster has {FEWEST} to {MOST} members; a single token is no member")));
    }
    if wrap_with.is_some_and(str::is_empty) {
        return Err(("wrap_with", "the label of the wrapping key is empty".to_owned()));
    }
    for (at, member) in members.iter().enumerate() {
        let called = member.called().unwrap_or_else(|| format!("number {}", at.saturating_add(1)));
        let wrong = |what: &str| Err(("member", format!("member {called}: {what}")));
        let choice = match member.choice() {
            Ok(choice) => choice,
            Err((_, what)) => return wrong(&what),
        };
        let plain = |name: &str| !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains('/');
        if !member.called().is_some_and(|name| plain(&name)) {
            return wrong("it needs a `name`: at most 64 bytes, no slash");
        }
        if member.library.is_none() && own.library.is_none() {
            return wrong("it needs a `library`, or its slot does");
        }
        if member.pin_file.is_some() && member.pin_credential.is_some() {
            return wrong("give either a `pin_file` or a `pin_credential`");
        }
        for other in members.iter().take(at) {
            if other.called() == member.called() {
                return wrong("another member is called so");
            }
            let library = |member: &Member| member.library.clone().or(own.library.clone());
            if other.choice().is_ok_and(|other| other == choice) && library(other) == library(member) {
                return wrong(&format!("it is the same token as member {}", other.called().unwrap_or_default()));
            }
        }
    }
    Ok(())
}

impl Member {
    /// What reports call it.
    pub(super) fn called(&self) -> Option<String> {
        self.name.clone().or_else(|| self.token.clone()).or_else(|| self.serial.clone())
    }

    /// Which token is meant.
    ///
    /// # Errors
    /// The key that is wrong, and what is wrong with it.
    pub(super) fn choice(&self) -> Result<Choice, (&'static str, String)> {
        match (&self.token, &self.serial, &self.uri) {
            (Some(label), None, None) => Ok(Choice::Label(label.clone())),
            (None, Some(serial), None) => Ok(Choice::Serial(serial.clone())),
            (None, None, Some(uri)) => Choice::from_uri(uri).map_err(|error| ("uri", error.to_string())),
            _ => Err(("kind", "say which token by one of `token`, `serial` and `uri`".to_owned())),
        }
    }

    /// The token, with what the slot says where it says nothing itself; nothing where there is none.
    pub(super) fn token(&self, own: &Self) -> Option<Token> {
        let pins = if self.pin_file.is_none() && self.pin_credential.is_none() { own } else { self };
        Some(Token {
            name: self.called()?,
            library: self.library.clone().or_else(|| own.library.clone())?,
            choice: self.choice().ok()?,
            pin_file: pins.pin_file.clone(),
            pin_credential: pins.pin_credential.clone(),
        })
    }
}

/// One token is a slot, and no cluster.
const FEWEST: usize = 2;
/// More are asked one after another for too long.
const MOST: usize = 16;
/// As long as any label.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::Settings;

    const SLOTS: &str = "[[slot]]\n[[slot]]\nname = \"hsm\"\nkind = \"pkcs11\"\nlibrary = \"/usr/lib/a.so\"\n";

    #[test]
    fn members_are_read_with_what_their_slot_says() {
        let text = format!(
            "{SLOTS}wrap_with = \"w\"\nmember = [{{ token = \"one\" }}, {{ uri = \"pkcs11:slot-id=1\", name = \"two\" }}]"
        );
        let settings = Settings::parse(&text).unwrap();
        let names: Vec<_> = settings.slot[1].member.iter().map(|member| member.called().unwrap()).collect();
        assert_eq!(
            (names, settings.slot[1].wrap_with.as_deref()),
            (vec!["one".to_owned(), "two".to_owned()], Some("w"))
        );
    }

    #[test]
    fn what_cannot_be_a_cluster_is_refused_and_says_which_member() {
        for (name, text, says) in [
            ("nobody", "member = []\nwrap_with = \"w\"\ntoken = \"one\"", "a slot with several `member`s"),
            ("one alone", "member = [{ token = \"one\" }]", "2 to 16 members"),
            (
                "a token beside them",
                "token = \"a\"\nmember = [{ token = \"one\" }, { token = \"two\" }]",
                "its members",
            ),
            (
                "one twice",
                "member = [{ token = \"one\" }, { token = \"one\", name = \"b\" }]",
                "member b: it is the same token as member one",
            ),
            (
                "two of a name",
                "member = [{ token = \"one\" }, { token = \"two\", name = \"one\" }]",
                "member one: another member",
            ),
            ("a member that is nothing", "member = [{ token = \"one\" }, {}]", "member number 2: say which token"),
            (
                "a member that is two",
                "member = [{ token = \"one\" }, { token = \"a\", serial = \"1\" }]",
                "member a: say which token",
            ),
            (
                "a member without a name",
                "member = [{ token = \"one\" }, { uri = \"pkcs11:slot-id=1\" }]",
                "member number 2: it needs a `name`",
            ),
            (
                "a name with a slash",
                "member = [{ token = \"one\" }, { token = \"two\", name = \"a/b\" }]",
                "member a/b: it needs a `name`",
            ),
            (
                "a bad URI",
                "member = [{ token = \"one\" }, { uri = \"token=a\", name = \"b\" }]",
                "member b: a token's URI begins",
            ),
            (
                "two PINs",
                "member = [{ token = \"one\" }, { token = \"two\", pin_file = \"a\", pin_credential = \"b\" }]",
                "member two: give either",
            ),
            (
                "no label",
                "wrap_with = \"\"\nmember = [{ token = \"one\" }, { token = \"two\" }]",
                "wrapping key is empty",
            ),
        ] {
            let (_, what) = Settings::parse(&format!("{SLOTS}{text}")).unwrap_err();
            assert!(what.contains(says), "{name}: {what}");
        }
        let (_, what) = Settings::parse("[[slot]]\nmember = [{ token = \"one\" }, { token = \"two\" }]").unwrap_err();
        assert!(what.contains("this is for slots of kind"), "{what}");
        let text = SLOTS.replace(
            "library = \"/usr/lib/a.so\"\n",
            "member = [{ token = \"one\", library = \"/b\" }, { token = \"two\" }]",
        );
        let (_, what) = Settings::parse(&text).unwrap_err();
        assert!(what.contains("member two: it needs a `library`"), "{what}");
    }
}
