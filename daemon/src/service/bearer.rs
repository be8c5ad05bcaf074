//! Bearer tokens: what a client shows where HTTP is spoken, in place of a certificate or beside it (RFC 6750).
//!
//! A token is 256 random bits behind a word by which a search finds it where it should not be. It is handed out once. What is
//! kept of it is its hash, in the client's sealed row, and by that it is known everywhere in the house: nobody can make it from
//! the hash, and nobody can guess it, so that a plain SHA-256 is enough.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use strongroom_kmip::code::ResultReason;
use zeroize::Zeroizing;

use super::{
    order::{BearerRow, NewBearer},
    refusal::Refusal,
    registry::Service,
};
use crate::{
    caller::ClientName,
    chance,
    vault::{self, Bearer as Kept, Change, Client},
};

/// A token that was shown, as what it hashes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    hash: [u8; 32],
    /// Whether it looks like one of ours, and so says nothing about a password that somebody showed in its place.
    sound: bool,
}

impl Bearer {
    /// What somebody showed as a token.
    pub fn of(text: &str) -> Self {
        let random = text.strip_prefix(PREFIX).map(str::as_bytes).unwrap_or_default();
        let sound = random.len() == LENGTH && random.iter().all(|byte| LETTERS.contains(byte));
        Self { hash: hash(text), sound }
    }

    /// By what the operator and the log call it; nothing for what cannot be a token of ours.
    pub fn id(&self) -> Option<String> {
        self.sound.then(|| id(&self.hash))
    }

    /// Its SHA-256.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer({})", self.id().unwrap_or_default())
    }
}

impl Service {
    /// Gives a client a token.
    pub(super) fn issue_bearer(&self, client: &Client, days: u32, change: &mut Change) -> Result<NewBearer, Refusal> {
        if !(1..=LONGEST_DAYS).contains(&days) {
            return Err(Refusal::invalid(format!("a token is good for 1 to {LONGEST_DAYS} days")));
        }
        let random = Zeroizing::new(chance::array::<32>(self.vault.chance()).map_err(vault::Error::from)?);
        let token = written(&random);
        let since = self.vault.now().seconds();
        let until = since.saturating_add(i64::from(days).saturating_mul(DAY));
        let kept = Kept { hash: hash(&token), since, until };
        let id = id(&kept.hash);
        change.edit_client(&client.name, |client| {
            if client.revoked {
                return Err(Refusal::invalid(format!("the client {} is revoked", client.name)));
            }
            client.bearers.retain(|bearer| bearer.until > since);
            if client.bearers.len() >= MOST {
                let message = format!("a client has {MOST} tokens at most; revoke one that is not used any more");
                return Err(Refusal::new(ResultReason::ServerLimitExceeded, message));
            }
            client.bearers.push(kept);
            Ok(())
        })?;
        Ok(NewBearer { client: client.name.to_string(), id, token: token.to_string(), until })
    }
}

/// Ends one token of a client, or all.
pub(super) fn revoke(client: &ClientName, which: Option<&str>, change: &mut Change) -> Result<(), Refusal> {
    change.edit_client(client, |client| {
        let before = client.bearers.len();
        client.bearers.retain(|bearer| which.is_some_and(|which| id(&bearer.hash) != which));
        if which.is_some() && client.bearers.len() == before {
            let message = format!("the client {} has no token of this identifier", client.name);
            return Err(Refusal::new(ResultReason::ItemNotFound, message));
        }
        Ok(())
    })
}

/// What an operator sees of a client's tokens.
pub(super) fn rows(client: &Client) -> Vec<BearerRow> {
    let row = |kept: &Kept| BearerRow { id: id(&kept.hash), since: kept.since, until: kept.until };
    client.bearers.iter().map(row).collect()
}

/// A token in the log: whose, and which.
pub(super) fn called(client: &str, id: &str) -> String {
    format!("{client}/{id}")
}

/// Enough of the hash that no two tokens of a house are called the same.
fn id(hash: &[u8; 32]) -> String {
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// The token of these random bytes: URL-safe base 64 without padding (RFC 4648 §5).
fn written(random: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len().saturating_add(LENGTH)));
    text.push_str(PREFIX);
    for three in random.chunks(3) {
        let bits = three.iter().zip([16, 8, 0]).fold(0u32, |bits, (&byte, shift)| bits | u32::from(byte) << shift);
        let letters = [18, 12, 6, 0].into_iter().take(three.len().saturating_add(1));
        let letter = |shift: u32| usize::try_from(bits >> shift & 63).ok().and_then(|at| LETTERS.get(at)).copied();
        text.extend(letters.filter_map(letter).map(char::from));
    }
    text
}

/// What every token begins with.
const PREFIX: &str = "strongroom_";
/// Letters of 256 bits.
const LENGTH: usize = 43;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Tokens of one client: a new one beside the old one in each place where it runs.
const MOST: usize = 16;
/// Ten years, as for certificates.
const LONGEST_DAYS: u32 = 3650;
const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Report;

    #[test]
    fn a_token_is_256_bits_that_go_into_a_url_behind_a_word_of_ours() {
        let token = written(&[0; 32]);
        assert_eq!(*token, format!("strongroom_{}", "A".repeat(43)));
        let counted: Vec<u8> = (0xDF..0xFF).collect();
        let token = written(&counted.try_into().unwrap());
        // From an encoder that is not ours.
        assert_eq!(*token, "strongroom_3-Dh4uPk5ebn6Onq6-zt7u_w8fLz9PX29_j5-vv8_f4");
        assert!(Bearer::of(&token).id().is_some());
    }

    #[test]
    fn what_cannot_be_a_token_of_ours_has_no_identifier() {
        let sound = "A".repeat(43);
        for (name, text) in [
            ("nothing", String::new()),
            ("a password", "hunter2".to_owned()),
            ("the word alone", PREFIX.to_owned()),
            ("one letter less", format!("{PREFIX}{}", &sound[1..])),
            ("one letter more", format!("{PREFIX}{sound}A")),
            ("another alphabet", format!("{PREFIX}+{}", &sound[1..])),
            ("another word", format!("strongroom-{sound}")),
            ("no ASCII", format!("{PREFIX}é{}", &sound[2..])),
        ] {
            assert_eq!(Bearer::of(&text).id(), None, "{name}");
        }
    }

    #[test]
    fn what_holds_a_token_does_not_print_it() {
        let token = written(&[7; 32]);
        let made = NewBearer { client: "alice".to_owned(), id: "0".repeat(16), token: token.to_string(), until: 0 };
        for text in [format!("{made:?}"), format!("{:?}", Bearer::of(&token)), format!("{:?}", Report::Bearer(made))] {
            assert!(!text.contains(&token[12..]), "{text}");
        }
    }
}
