//! The file that holds the PIN of a service that nobody sits in front of.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use strongroom_pkcs11_wire::value::Wiped;
use zeroize::Zeroizing;

/// Where a PIN is. It is read at each login, so that a new one needs no restart.
#[derive(Debug)]
pub(crate) struct Source(PathBuf);

/// Why there is no PIN.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the PIN in {path} cannot be read: {error}", path = .0.display(), error = .1)]
    Unreadable(PathBuf, io::Error),
    #[error("everybody on this host may read or change {path}; `chmod o= FILE` mends that", path = .0.display())]
    Exposed(PathBuf),
    #[error("{path} holds no PIN of 1 to {LONGEST} bytes", path = .0.display())]
    None(PathBuf),
}

impl Source {
    /// The PIN in this file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The PIN; one line end at its end is not part of it.
    pub(crate) fn read(&self) -> Result<Wiped, Error> {
        let unreadable = |error| Error::Unreadable(self.0.clone(), error);
        let file = File::open(&self.0).map_err(unreadable)?;
        // Asked of the opened file, so that it cannot be exchanged in between.
        if file.metadata().map_err(unreadable)?.mode() & 0o007 != 0 {
            return Err(Error::Exposed(self.0.clone()));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST.saturating_add(3)));
        let most = u64::try_from(bytes.capacity()).unwrap_or(0);
        file.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
        let pin = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let pin = pin.strip_suffix(b"\r").unwrap_or(pin);
        if pin.is_empty() || pin.len() > LONGEST {
            return Err(Error::None(self.0.clone()));
        }
        Ok(Wiped::from(pin))
    }
}

/// The daemon takes no longer one.
const LONGEST: usize = 255;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_pin_is_one_line_that_nobody_else_reads() {
        let folder = std::env::temp_dir().join(format!("strongroom-pkcs11-source-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let long = "1".repeat(255);
        for (name, text, mode, expected) in [
            ("a line", "1234\n", 0o600, Some("1234")),
            ("a line from elsewhere", "1234\r\n", 0o640, Some("1234")),
            ("no line end", "1234", 0o400, Some("1234")),
            ("spaces are part of it", " 12 34 \n", 0o600, Some(" 12 34 ")),
            ("the longest", &long, 0o600, Some(&*long)),
            ("a longer one", &(long.clone() + "1"), 0o600, None),
            ("nothing", "\n", 0o600, None),
            ("for everybody to read", "1234", 0o604, None),
            ("for everybody to change", "1234", 0o602, None),
        ] {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let read = Source::new(path).read().ok();
            assert_eq!(read.as_ref().map(Wiped::reveal), expected.map(str::as_bytes), "{name}");
        }
        assert!(Source::new(folder.join("not there")).read().is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
