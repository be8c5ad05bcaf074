//! Reading a backup: first whether it is whole, for anybody; then what is in it, for whoever has the recovery key.

use std::io::{Read, Seek, SeekFrom};

use aws_lc_rs::digest::{Context, SHA256, digest};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    chunk::{CHUNK, Chunks, End, TAG},
    error::{Error, VERSION},
    header::{self, Header, MAGIC},
    piece::Piece,
    statement::{self, SignedBy, Statement},
};

/// A backup that is whole and signed by the key it names. Whether that key is the appliance's, its audit log must say.
#[derive(Clone, Debug)]
pub struct Examined {
    /// What stands in it in the open.
    pub header: Header,
    /// What is signed.
    pub statement: Statement,
    /// By whom.
    pub by: SignedBy,
    bound: [u8; 32],
    /// Where the chunks begin.
    begin: u64,
}

/// Looks whether a file is a whole backup, without opening it.
///
/// # Errors
/// [`Error`]: the first thing that is wrong.
pub fn examine(file: &mut impl Read) -> Result<Examined, Error> {
    let mut file = Hashed { from: file, whole: Context::new(&SHA256), bytes: 0 };
    let (header, bound) = file.header()?;
    let begin = file.bytes;
    let mut chunk = Vec::new();
    while file.chunk(&mut chunk)? == End::More {}
    let Hashed { from, whole, bytes } = file;
    let mut end = String::new();
    let read = from.take(statement::LONGEST.saturating_add(1)).read_to_string(&mut end);
    read.map_err(|_| Error::Damaged("its end"))?;
    let cut = |end: &str| end.is_empty() || !end.ends_with('\n') || end.lines().count() < STATEMENT_LINES;
    if cut(&end) {
        return Err(Error::Short(bytes.saturating_add(u64::try_from(end.len()).unwrap_or(u64::MAX))));
    }
    if end.lines().count() > STATEMENT_LINES {
        return Err(Error::Long);
    }
    let (statement, by) = Statement::parse(&end).ok_or(Error::Damaged("its end"))?;
    if statement.bytes != bytes || statement.digest != whole.finish().as_ref() {
        return Err(Error::Damaged("some part of it"));
    }
    if !statement.is_signed(&by) || statement.appliance != header.facts.appliance {
        return Err(Error::Unsigned);
    }
    Ok(Examined { header, statement, by, bound, begin })
}

/// A backup being read.
pub struct Reader<R> {
    file: R,
    chunks: Chunks,
    plain: Zeroizing<Vec<u8>>,
    /// How much of `plain` was read.
    at: usize,
    ended: bool,
    rows: u64,
}

impl<R: Read + Seek> Reader<R> {
    /// Opens a backup that was examined, with its own key.
    ///
    /// # Errors
    /// [`Error::Disk`]; a key that is not the backup's shows with the first piece.
    pub fn open(mut file: R, examined: &Examined, key: &Secret) -> Result<Self, Error> {
        file.seek(SeekFrom::Start(examined.begin))?;
        let chunks = Chunks::new(key, examined.bound)?;
        Ok(Self { file, chunks, plain: Zeroizing::new(Vec::new()), at: 0, ended: false, rows: 0 })
    }

    /// The next piece; nothing after the end.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Short`], [`Error::Disk`].
    pub fn piece(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            let rest = self.plain.get(self.at..).unwrap_or_default();
            if let Some((piece, taken)) = Piece::read(rest)? {
                self.at = self.at.saturating_add(taken);
                return match piece {
                    Piece::End(rows) if self.is_over() && rows == self.rows => Ok(None),
                    Piece::End(_) => Err(Error::Damaged("its content")),
                    Piece::Row { .. } => {
                        self.rows = self.rows.saturating_add(1);
                        Ok(Some(piece))
                    }
                    Piece::Root(_) => Ok(Some(piece)),
                };
            }
            if self.ended {
                return Err(Error::Damaged("its content"));
            }
            self.fill()?;
        }
    }

    fn is_over(&self) -> bool {
        self.ended && self.at == self.plain.len()
    }

    fn fill(&mut self) -> Result<(), Error> {
        let mut sealed = Vec::new();
        let end = chunk(&mut self.file, &mut sealed, &mut |_| ())?;
        let opened = self.chunks.open(&sealed, end).ok_or(Error::Damaged("a chunk of it"))?;
        let rest = self.plain.get(self.at..).unwrap_or_default();
        self.plain = Zeroizing::new([rest, &opened[..]].concat());
        self.at = 0;
        self.ended = end == End::Last;
        Ok(())
    }
}

/// A file whose bytes are hashed as they are read.
struct Hashed<R> {
    from: R,
    whole: Context,
    bytes: u64,
}

impl<R: Read> Hashed<R> {
    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        exactly(&mut self.from, bytes).map_err(|error| self.cut(error))?;
        self.count(bytes);
        Ok(())
    }

    fn count(&mut self, bytes: &[u8]) {
        self.whole.update(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    fn cut(&self, error: Error) -> Error {
        match error {
            Error::Short(more) => Error::Short(self.bytes.saturating_add(more)),
            other => other,
        }
    }

    fn header(&mut self) -> Result<(Header, [u8; 32]), Error> {
        let mut magic = vec![0; MAGIC.len()];
        self.take(&mut magic).map_err(|error| match error {
            Error::Short(_) => Error::NoBackup,
            other => other,
        })?;
        if magic != MAGIC {
            return Err(Error::NoBackup);
        }
        let mut version = vec![0; VERSION.to_string().len().saturating_add(1)];
        self.take(&mut version)?;
        if version != format!("{VERSION}\n").as_bytes() {
            return Err(Error::Version);
        }
        let mut length = [0; 4];
        self.take(&mut length)?;
        let wanted = u32::from_be_bytes(length);
        if wanted > header::LONGEST {
            return Err(Error::Damaged("its header"));
        }
        // As much is set aside as has really come.
        let mut json = Vec::new();
        let read = (&mut self.from).take(wanted.into()).read_to_end(&mut json)?;
        self.count(&json);
        if u32::try_from(read) != Ok(wanted) {
            return Err(Error::Short(self.bytes));
        }
        let mut bound = [0; 32];
        bound.copy_from_slice(digest(&SHA256, &[&magic, &version, &length[..], &json].concat()).as_ref());
        Ok((Header::parse(&json)?, bound))
    }

    fn chunk(&mut self, sealed: &mut Vec<u8>) -> Result<End, Error> {
        let (whole, mut bytes) = (&mut self.whole, self.bytes);
        let end = chunk(&mut self.from, sealed, &mut |read: &[u8]| {
            whole.update(read);
            bytes = bytes.saturating_add(u64::try_from(read.len()).unwrap_or(u64::MAX));
        });
        let end = end.map_err(|error| match error {
            Error::Short(more) => Error::Short(bytes.saturating_add(more)),
            other => other,
        });
        self.bytes = bytes;
        end
    }
}

/// Reads a chunk as it stands in the file; `read` is shown every byte.
fn chunk(from: &mut impl Read, sealed: &mut Vec<u8>, read: &mut dyn FnMut(&[u8])) -> Result<End, Error> {
    let mut frame = [0; 5];
    exactly(from, &mut frame)?;
    read(&frame);
    let [end, length @ ..] = frame;
    let end = End::read(end).ok_or(Error::Damaged("a chunk of it"))?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let fits = match end {
        End::More => length == CHUNK.saturating_add(TAG),
        End::Last => (TAG..=CHUNK.saturating_add(TAG)).contains(&length),
    };
    if !fits {
        return Err(Error::Damaged("a chunk of it"));
    }
    sealed.resize(length, 0);
    exactly(from, sealed)?;
    read(sealed);
    Ok(end)
}

/// Fills `bytes`, or says how many there were.
fn exactly(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0usize;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => return Err(Error::Short(u64::try_from(filled).unwrap_or(u64::MAX))),
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The lines of a statement.
const STATEMENT_LINES: usize = 8;
