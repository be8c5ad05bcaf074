//! The folder of a SoftHSM2 token, read without the library, so that keys which the library never lets out can move too: their
//! owner has the PIN and the files, which is all that there is to them.
//!
//! A token is a folder of `*.object` files. Each begins with a generation number and goes on with attributes: number, type,
//! value, all integers of eight bytes, the most significant first. In private objects byte strings are encrypted with AES-CBC
//! under the token's key, which stands in `token.object` under a key made of the PIN.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use cryptoki_sys::{CKA_CLASS, CKA_PRIVATE};
use openssl::symm::{Cipher, decrypt};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    card::{Card, Fact},
    error::Error,
    parcel::{Left, Read, Stays},
};

/// Everything in the token of this folder, or of the one folder below it.
///
/// # Errors
/// [`Error`]: there is no token, or several, or the PIN is wrong.
pub(super) fn open(folder: &Path, pin: &Secret) -> Result<Read, Error> {
    let folder = token(folder)?;
    let own = file(&folder.join("token.object"))?;
    let facts = attributes(&own).ok_or_else(|| Error::NoFolder(folder.clone()))?;
    let found = |number: u64| facts.iter().find(|(own, _)| *own == number).map(|(_, fact)| fact);
    let Some(Fact::Bytes(sealed)) = found(USER_PIN) else { return Err(Error::NoFolder(folder)) };
    let key = token_key(sealed.reveal(), pin).ok_or(Error::WrongPin)?;
    let label = match found(TOKEN_LABEL) {
        Some(Fact::Bytes(label)) => String::from_utf8_lossy(label.reveal()).trim_end().to_owned(),
        _ => String::new(),
    };
    let mut paths: Vec<PathBuf> = entries(&folder)?.filter(|path| is_object(path)).collect();
    paths.sort();
    let mut cards = Vec::new();
    for path in paths {
        let bytes = file(&path)?;
        cards.push((path, card(&bytes, &key)));
    }
    // The private half of a pair goes before the public one, and takes the Name that both have here.
    cards.sort_by_key(|(_, card)| card.as_ref().ok().and_then(Card::kind).map(|kind| std::cmp::Reverse(kind.0)));
    let mut seen = super::token::Origins::default();
    let parcels = cards.into_iter().map(|(path, card)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match card {
            Err(why) => Err(Stays { origin: format!("{label}: {name}"), kind: None, why }),
            Ok(card) => {
                let (origin, kind) = (seen.unlike(format!("{label}: {}", card.title())), card.kind());
                card.parcel(origin.clone()).map_err(|why| Stays { origin, kind, why })
            }
        }
    });
    Ok(Read(parcels.collect::<Vec<_>>().into_iter()))
}

/// The folder that has a `token.object`.
fn token(folder: &Path) -> Result<PathBuf, Error> {
    if folder.join("token.object").exists() {
        return Ok(folder.to_owned());
    }
    let mut below = entries(folder)?.filter(|path| path.join("token.object").exists());
    match (below.next(), below.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Error::NoFolder(folder.to_owned())),
        (Some(_), Some(_)) => Err(Error::SeveralTokens(folder.to_owned())),
    }
}

fn entries(folder: &Path) -> Result<impl Iterator<Item = PathBuf>, Error> {
    let read = fs::read_dir(folder).map_err(|source| Error::File { path: folder.to_owned(), source })?;
    Ok(read.filter_map(|entry| entry.ok().map(|entry| entry.path())))
}

fn is_object(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "object") && path.file_name().is_some_and(|name| name != "token.object")
}

fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST));
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

/// The token's key, if the PIN is right.
fn token_key(sealed: &[u8], pin: &Secret) -> Option<Secret> {
    let (salt, rest) = sealed.split_at_checked(8)?;
    let (iv, body) = rest.split_at_checked(16)?;
    // The number of rounds varies with the salt's last byte.
    let rounds = 1500 + u32::from(*salt.last()?);
    let mut key = Zeroizing::new(openssl::sha::sha256(&Zeroizing::new([salt, pin.reveal()].concat())));
    for _ in 1..rounds {
        *key = openssl::sha::sha256(&*key);
    }
    let plain = Zeroizing::new(decrypt(Cipher::aes_256_cbc(), &*key, Some(iv), body).ok()?);
    plain.strip_prefix(b"RJR").filter(|key| key.len() == 32).map(Secret::copy_of)
}

fn card(bytes: &[u8], key: &Secret) -> Result<Card, Left> {
    let facts = attributes(bytes).ok_or(Left::Damaged("the file is cut short or altered"))?;
    let private = facts.iter().any(|(number, fact)| *number == CKA_PRIVATE && matches!(fact, Fact::Truth(true)));
    let mut card = Card::default();
    for (number, fact) in facts {
        let fact = match fact {
            Fact::Bytes(bytes) if private && !bytes.is_empty() => Fact::Bytes(plain(bytes.reveal(), key)?),
            fact => fact,
        };
        card.facts.insert(number, fact);
    }
    if card.facts.contains_key(&CKA_CLASS) { Ok(card) } else { Err(Left::Damaged("the file does not say what it is")) }
}

fn plain(sealed: &[u8], key: &Secret) -> Result<Secret, Left> {
    let (iv, body) = sealed.split_at_checked(16).ok_or(UNOPENED)?;
    decrypt(Cipher::aes_256_cbc(), key.reveal(), Some(iv), body).map(Secret::new).map_err(|_| UNOPENED)
}

/// The attributes of a file, or nothing where it is not one.
fn attributes(file: &[u8]) -> Option<Vec<(u64, Fact)>> {
    let (_, mut rest) = file.split_at_checked(8)?;
    let mut facts = Vec::new();
    while !rest.is_empty() {
        let number = integer(&mut rest)?;
        let fact = match integer(&mut rest)? {
            1 => {
                let (truth, after) = rest.split_first()?;
                rest = after;
                Some(Fact::Truth(*truth != 0))
            }
            2 => Some(Fact::Number(integer(&mut rest)?)),
            3 => Some(Fact::Bytes(Secret::copy_of(piece(&mut rest, 1)?))),
            // A template, which nothing here reads.
            4 => piece(&mut rest, 1).map(|_| None)?,
            // A list of mechanisms, which nothing here reads.
            5 => piece(&mut rest, 8).map(|_| None)?,
            _ => return None,
        };
        facts.extend(fact.map(|fact| (number, fact)));
    }
    Some(facts)
}

fn integer(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(u64::from_be_bytes(*number))
}

fn piece<'b>(rest: &mut &'b [u8], size: usize) -> Option<&'b [u8]> {
    let length = usize::try_from(integer(rest)?).ok()?.checked_mul(size)?;
    let (piece, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(piece)
}

/// SoftHSM2's own attributes of a token.
const TOKEN_LABEL: u64 = 0x8000_5349;
/// The token's key under the user's PIN.
const USER_PIN: u64 = 0x8000_534D;
/// No object of a token is larger; what is goes on past its end and is damaged.
const LARGEST: usize = 4 << 20;
const UNOPENED: Left = Left::Damaged("the token's key does not open it");

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[u64]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    #[test]
    fn a_file_that_lies_about_itself_is_none() {
        let whole = [numbers(&[1, 0x0, 2, 4, 0x3, 3, 2]), b"ab".to_vec(), numbers(&[0x1, 1]), vec![0xFF]].concat();
        assert_eq!(attributes(&whole).map(|facts| facts.len()), Some(3));
        let cuts = (1..whole.len()).filter(|cut| attributes(&whole[..*cut]).is_some());
        // Between two attributes a file may end.
        assert_eq!(cuts.collect::<Vec<_>>(), [8, 32, 58]);
        for (name, file) in [
            ("a length beyond the end", numbers(&[1, 3, 3, u64::MAX])),
            ("a list beyond all memory", numbers(&[1, 3, 5, u64::MAX / 2])),
            ("an unknown type", numbers(&[1, 3, 9, 0])),
        ] {
            assert!(attributes(&file).is_none(), "{name}");
        }
    }

    #[test]
    fn a_key_that_is_cut_short_opens_with_no_pin() {
        for length in [0, 7, 8, 23, 24, 25, 40] {
            assert!(token_key(&vec![0; length], &Secret::copy_of(b"1234")).is_none(), "{length}");
        }
    }
}
