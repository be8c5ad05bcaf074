//! Reading and making files that must be nobody else's to change, and for secrets nobody else's to read.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::{fcntl::OFlag, unistd::geteuid};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{Error, Exposed};

/// Whether others may know what a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// Anybody may.
    Public,
    /// Nobody but us.
    Secret,
}

/// Reads a file whole. It must be a plain file, not a link, belong to us or to root, and be writable by its owner only;
/// a secret one must not be readable by everybody either. All is asked of the opened file, so that it cannot be exchanged
/// between look and use.
///
/// # Errors
/// [`Error::File`] when it cannot be read, [`Error::Exposed`] when it is not to be trusted.
pub fn read(path: &Path, secrecy: Secrecy) -> Result<Secret, Error> {
    let exposed = |why| Error::Exposed { path: path.to_owned(), why };
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(|source| {
        if source.raw_os_error() == Some(libc::ELOOP) { exposed(Exposed::Link) } else { failed(source) }
    })?;
    check(&file, secrecy).map_err(failed)?.map_or(Ok(()), |why| Err(exposed(why)))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST));
    // One more than is allowed, so that a file that grows meanwhile is noticed.
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > LARGEST {
        return Err(exposed(Exposed::Large));
    }
    Ok(Secret::copy_of(&bytes))
}

/// Makes a file that is not there yet, for its owner alone if it is secret, and lets the disk have it before it returns.
///
/// # Errors
/// [`Error::File`], also when it is there already.
pub fn create(path: &Path, secrecy: Secrecy, bytes: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::File { action: "make", path: path.to_owned(), source };
    let mode = match secrecy {
        Secrecy::Public => 0o644,
        Secrecy::Secret => 0o600,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn check(file: &File, secrecy: Secrecy) -> io::Result<Option<Exposed>> {
    let found = file.metadata()?;
    let owner = found.uid();
    Ok(if !found.is_file() {
        Some(Exposed::Kind)
    } else if owner != 0 && owner != geteuid().as_raw() {
        Some(Exposed::Owner)
    } else if found.mode() & 0o022 != 0 {
        Some(Exposed::Writable)
    } else if secrecy == Secrecy::Secret && found.mode() & 0o004 != 0 {
        Some(Exposed::Readable)
    } else {
        None
    })
}

/// Keys, certificates and configurations are a few KiB; a bundle of authorities may be longer.
const LARGEST: usize = 1 << 20;

/// A passphrase as a file holds it: one line end at its end is not part of it.
pub fn line(text: &Secret) -> Secret {
    let bytes = text.reveal();
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    Secret::copy_of(bytes.strip_suffix(b"\r").unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("strongroom-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
        fn file(&self, name: &str, mode: u32) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, "contents").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_file_that_others_could_change_or_read_is_refused_with_what_to_do() {
        use Secrecy::{Public, Secret};
        let folder = Folder::new("file");
        for (name, mode, secrecy, expected) in [
            ("own", 0o600, Secret, None),
            ("a systemd credential", 0o440, Secret, None),
            ("a certificate", 0o644, Public, None),
            ("world-readable secret", 0o604, Secret, Some(Exposed::Readable)),
            ("group-writable secret", 0o660, Secret, Some(Exposed::Writable)),
            ("group-writable", 0o664, Public, Some(Exposed::Writable)),
            ("world-writable", 0o646, Public, Some(Exposed::Writable)),
        ] {
            let found = match read(&folder.file(name, mode), secrecy) {
                Ok(read) => {
                    assert_eq!(read.reveal(), b"contents", "{name}");
                    None
                }
                Err(Error::Exposed { why, .. }) => Some(why),
                Err(other) => panic!("{name}: {other}"),
            };
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn links_folders_and_huge_files_are_refused() {
        let folder = Folder::new("link");
        let file = folder.file("file", 0o600);
        let link = folder.0.join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let huge = folder.file("huge", 0o600);
        fs::write(&huge, vec![b'x'; LARGEST + 1]).unwrap();
        for (name, path, expected) in [
            ("a link", &link, Exposed::Link),
            ("a folder", &folder.0, Exposed::Kind),
            ("a huge file", &huge, Exposed::Large),
        ] {
            let error = read(path, Secrecy::Public).unwrap_err();
            assert!(matches!(error, Error::Exposed { why, .. } if why == expected), "{name}: {error}");
        }
        let missing = read(&folder.0.join("missing"), Secrecy::Secret).unwrap_err();
        assert!(missing.to_string().contains("cannot read"), "{missing}");
    }

    #[test]
    fn a_file_is_made_once_and_a_secret_one_for_its_owner_alone() {
        let folder = Folder::new("create");
        let path = folder.0.join("key");
        create(&path, Secrecy::Secret, b"key").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(create(&path, Secrecy::Secret, b"other"), Err(Error::File { action: "make", .. })));
        assert_eq!(read(&path, Secrecy::Secret).unwrap().reveal(), b"key");
    }
}
