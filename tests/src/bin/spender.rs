//! Spends nonces of one key until it is killed, and says which it found spent and which it was told are. `tests/crash` runs it.
//!
//! `spender FOLDER WRITERS NONCES` opens a vault in the folder, and each writer spends so many more of the numbered nonces that
//! are its own, one after the other: every other writer durably, the rest as a use of a key spends them. Lines:
//!
//! ```text
//! found GENERATION
//! state WRITER NUMBER           all of its nonces up to this one are spent
//! torn WRITER WHAT              one is not, but a later one is
//! ready
//! ack WRITER NUMBER GENERATION
//! refused WRITER WHY
//! ```

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use strongroom::caller::{Caller, Front, Principal, Role, Scope};
use strongroom::clock::SystemClock;
use strongroom::slot::policy::Level;
use strongroom::slot::software::{Random, Software};
use strongroom::slot::{Family, Made, Recipe};
use strongroom::store::{self, Kind, Settings};
use strongroom::vault::{Content, Fitted, New, ObjectId, Purpose, Spent, UnsealKey, Vault};
use strongroom_kmip::attribute::{Attribute, Set};
use strongroom_kmip::code::{CryptographicUsageMask, ObjectType, State};
use strongroom_kmip::secret::Secret;
use strongroom_tests::{fail, say};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    let [_, folder, writers, nonces] = &arguments[..] else {
        return fail("usage: spender FOLDER WRITERS NONCES");
    };
    let (Ok(writers), Ok(nonces)) = (writers.parse::<u8>(), nonces.parse::<u64>()) else {
        return fail("not a number of writers, or of nonces");
    };
    match spend_all(Path::new(folder), writers, nonces) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn spend_all(folder: &Path, writers: u8, nonces: u64) -> Result<(), Box<dyn Error>> {
    let store = store::open(&Settings::new(Kind::Sled, folder))?;
    say(format_args!("found {}", store.generation()));
    let slot = Fitted::new(Arc::new(Software::new("dev")), Level::Standard);
    let vault = Vault::new(Arc::clone(&store), vec![slot], Arc::new(SystemClock), Arc::new(Random::default()));
    let file = || UnsealKey::File(Secret::new(vec![7; 32]));
    if !vault.is_initialised()? {
        vault.initialise(&[file()])?;
    }
    vault.enter(file())?;
    let till = Till { key: key(&vault)?, vault };
    let mut next = Vec::new();
    for writer in 0..MOST_WRITERS {
        let mut number = 0;
        while till.spend(writer, number + 1, Keep::Nothing)? {
            number += 1;
        }
        say(format_args!("state {writer} {number}"));
        for later in number + 2..number + BEYOND {
            if till.spend(writer, later, Keep::Nothing)? {
                say(format_args!("torn {writer} {} is not spent, {later} is", number + 1));
            }
        }
        next.push(number + 1);
    }
    say(format_args!("ready"));
    thread::scope(|scope| {
        for (writer, first) in (0..writers).zip(next) {
            let till = &till;
            scope.spawn(move || {
                for number in first..first.saturating_add(nonces) {
                    let how = if writer % 2 == 1 { Keep::Jotted } else { Keep::Durably };
                    if let Err(error) = till.spend(writer, number, how) {
                        say(format_args!("refused {writer} {error}"));
                        return;
                    }
                    say(format_args!("ack {writer} {number} {}", till.vault.generation()));
                }
            });
        }
    });
    store.close()?;
    Ok(())
}

/// How a nonce is spent.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    /// It is only looked whether it was.
    Nothing,
    Jotted,
    Durably,
}

struct Till {
    vault: Vault,
    key: ObjectId,
}

impl Till {
    /// Spends a nonce; whether it was spent before.
    fn spend(&self, writer: u8, number: u64, how: Keep) -> Result<bool, Box<dyn Error>> {
        let usable = self.vault.usable(&caller()?, &self.key, Purpose::Encrypt)?;
        let mut change = self.vault.begin()?;
        let nonce = [&[writer; 4][..], &number.to_be_bytes()].concat();
        let spent = self.vault.spend(&mut change, &usable, &nonce)?;
        let receipt = match how {
            Keep::Nothing => return Ok(spent == Spent::Again),
            Keep::Jotted if change.only_spends() => self.vault.jot(change),
            Keep::Jotted | Keep::Durably => self.vault.commit(change),
        };
        receipt.wait()?;
        if spent == Spent::Fresh { Ok(false) } else { Err(format!("{spent:?}").into()) }
    }
}

/// The key, which the first round makes.
fn key(vault: &Vault) -> Result<ObjectId, Box<dyn Error>> {
    let id = ObjectId::from_text("till");
    let Made::One(kept) = vault.make(None, &Recipe::Symmetric { family: Family::Aes, bits: 256 })? else {
        return Err("a pair".into());
    };
    let attributes: Set = [
        Attribute::ObjectType(ObjectType::SymmetricKey),
        Attribute::State(State::Active),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
    ]
    .into_iter()
    .collect();
    let mut change = vault.begin()?;
    let new = New { slot: "dev".to_owned(), content: Content::Key(kept), attributes };
    vault.install(&mut change, &caller()?, &id, new, false)?;
    vault.commit(change).wait()?;
    Ok(id)
}

fn caller() -> Result<Caller, Box<dyn Error>> {
    let principal = Principal::Client("spender".parse().map_err(|_| "no name for a client")?);
    Ok(Caller { principal, role: Role::User, front: Front::Kmip, from: String::new(), scope: Scope::Everything })
}

/// As many as a round may ask for.
const MOST_WRITERS: u8 = 8;

/// So many nonces after the last one are looked at too.
const BEYOND: u64 = 16;
