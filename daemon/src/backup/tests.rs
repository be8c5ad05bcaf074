//! A backup is what was written, or it is refused by what is wrong with it.

use std::io::Cursor;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use strongroom_kmip::secret::Secret;

use super::{Error, Examined, Facts, Header, Lock, Piece, Reader, SignedBy, Statement, Writer, examine};
use crate::{
    chance::{Chance, Dry},
    sharing::{Purpose, Roster},
};

/// Bytes that anybody can tell.
struct Even;

impl Chance for Even {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
        bytes.fill(7);
        Ok(())
    }
}

fn secret(byte: u8) -> Secret {
    Secret::new(vec![byte; 32])
}

fn facts() -> Facts {
    Facts {
        version: "0.1.0".to_owned(),
        appliance: "strongroom/0011".to_owned(),
        time: 1_800_000_000,
        generation: 7,
        objects: 2,
        slots: Vec::new(),
        held: Vec::new(),
        head: String::new(),
    }
}

fn lock() -> Lock {
    let labels = ["a", "b", "c"].map(|label| label.to_owned().try_into().unwrap());
    let (shares, _) = Roster::deal(&secret(1), Purpose::Recovery, 2, &labels, &Even).unwrap();
    Lock { shares, key: vec![1, 2, 3] }
}

fn sign(statement: &Statement, seed: u8) -> Option<SignedBy> {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).ok()?;
    let (epoch, time) = (3, "2027-01-15T08:00:00.000Z".to_owned());
    let signature = pair.sign(statement.text(epoch, &time).as_bytes()).as_ref().try_into().ok()?;
    Some(SignedBy { epoch, key: pair.public_key().as_ref().try_into().ok()?, time, signature })
}

/// Rows of which some are larger than a chunk.
fn rows() -> Vec<(u8, Vec<u8>, Vec<u8>)> {
    let size = |number: u8| if number == 3 { 200_000 } else { 900 * usize::from(number) };
    (0..20).map(|number| (1 + number % 5, vec![number; 5], vec![number; size(number)])).collect()
}

fn made(rows: &[(u8, Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), facts(), lock(), &secret(5), &secret(9)).unwrap();
    rows.iter().for_each(|(table, key, value)| writer.row(*table, key, value).unwrap());
    writer.finish(|statement| sign(statement, 1)).unwrap().0
}

fn examined(bytes: &[u8]) -> Result<Examined, Error> {
    examine(&mut Cursor::new(bytes))
}

fn pieces(bytes: &[u8], examined: &Examined, key: &Secret) -> Result<Vec<Piece>, Error> {
    let mut reader = Reader::open(Cursor::new(bytes), examined, key)?;
    let mut pieces = Vec::new();
    while let Some(piece) = reader.piece()? {
        pieces.push(piece);
    }
    Ok(pieces)
}

#[test]
fn what_was_written_reads_back() {
    for (name, rows) in [("rows", rows()), ("nothing", Vec::new())] {
        let bytes = made(&rows);
        let examined = examined(&bytes).unwrap();
        assert_eq!((&examined.header.facts, examined.by.epoch), (&facts(), 3), "{name}");
        let mut read = pieces(&bytes, &examined, &secret(5)).unwrap().into_iter();
        assert!(matches!(read.next(), Some(Piece::Root(root)) if root.same_as(&[9; 32])), "{name}");
        let read = read.map(|piece| match piece {
            Piece::Row { table, key, value } => (table, key, value),
            other => panic!("{name}: {other:?}"),
        });
        assert_eq!(read.collect::<Vec<_>>(), rows, "{name}");
    }
}

#[test]
fn a_secret_stands_nowhere_in_the_open() {
    let bytes = made(&[(1, b"key".to_vec(), vec![0x5A; 100])]);
    for (name, secret) in [("the root", vec![9; 32]), ("the backup's key", vec![5; 32]), ("a row", vec![0x5A; 100])] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{name}");
    }
}

#[test]
fn another_key_opens_nothing() {
    let bytes = made(&rows());
    let examined = examined(&bytes).unwrap();
    assert!(matches!(pieces(&bytes, &examined, &secret(6)), Err(Error::Damaged(_))));
}

#[test]
fn a_backup_that_is_cut_short_says_so_wherever_it_is_cut() {
    let bytes = made(&rows()[..3]);
    let mut wrong = Vec::new();
    for at in 0..bytes.len() {
        match examined(&bytes[..at]) {
            Err(Error::Short(length)) if length == at as u64 => {}
            Err(Error::NoBackup) if at < 18 => {}
            other => wrong.push((at, other.err())),
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_flipped_bit_and_every_byte_too_many_is_seen() {
    let bytes = made(&rows()[..3]);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(examined(&bad).is_err(), "byte {at} flipped");
    }
    assert!(matches!(examined(&[&bytes[..], b"x\n"].concat()), Err(Error::Long)));
}

#[test]
fn what_was_changed_and_signed_anew_does_not_open() {
    let (whole, rows) = (made(&rows()), rows());
    let header = Header { facts: Facts { generation: 8, ..facts() }, lock: lock() }.write().unwrap();
    let own = Header { facts: facts(), lock: lock() }.write().unwrap();
    let end = whole.windows(24).rposition(|window| window == b"strongroom backup ends 1").unwrap();
    let chunks = &whole[own.len()..end];
    let first = 5 + (64 << 10) + 16;
    let (one, rest) = chunks.split_at(first);
    let (two, three) = rest.split_at(first);
    for (name, header, chunks) in [
        ("another header", &header, chunks.to_vec()),
        ("chunks that changed places", &own, [two, one, three].concat()),
        ("a chunk left out", &own, [one, three].concat()),
        ("a chunk twice", &own, [one, one, two, three].concat()),
        ("the end cut off", &own, [&[1], &one[1..]].concat()),
    ] {
        let body = [&header[..], &chunks[..]].concat();
        let mut digest = [0; 32];
        digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body).as_ref());
        let statement = Statement { appliance: facts().appliance, bytes: body.len() as u64, digest };
        let bad = [&body[..], statement.write(&sign(&statement, 1).unwrap()).as_bytes()].concat();
        let examined = examined(&bad).unwrap();
        assert!(pieces(&bad, &examined, &secret(5)).is_err(), "{name}");
    }
    assert_eq!(rows.len(), 20);
}

#[test]
fn a_signature_of_another_key_than_the_one_named_is_refused() {
    let writer = Writer::begin(Vec::new(), facts(), lock(), &secret(5), &secret(9)).unwrap();
    let forged = |statement: &Statement| {
        let (one, other) = (sign(statement, 1)?, sign(statement, 2)?);
        Some(SignedBy { key: other.key, ..one })
    };
    let (bytes, _) = writer.finish(forged).unwrap();
    assert!(matches!(examined(&bytes), Err(Error::Unsigned)));
}

#[test]
fn what_is_no_backup_is_named() {
    for (name, bytes, short) in [
        ("nothing", &b""[..], false),
        ("something else", b"PK\x03\x04 and so on and on and on", false),
        ("a header of four gigabytes", b"strongroom backup 1\n\xFF\xFF\xFF\xFF{}", false),
        ("a header that is not there", b"strongroom backup 1\n\x00\x10\x00\x00{}", true),
    ] {
        let error = examined(bytes).unwrap_err();
        assert_eq!(matches!(error, Error::Short(_)), short, "{name}: {error}");
    }
    assert!(matches!(examined(b"strongroom backup 2\n...."), Err(Error::Version)));
}
