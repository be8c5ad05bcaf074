//! A store on disk is ours alone.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use strongroom::store::{Error, Table, open};

use super::{every_lasting_member, put};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn nobody_else_may_read_or_write_its_files() {
    every_lasting_member(|settings| {
        let store = open(settings).unwrap();
        store.commit(put(Table::Object, b"a", &vec![1; 2_000_000])).wait().unwrap();
        drop(store);
        let _again = open(settings).unwrap();
        assert_eq!(mode(&settings.folder), 0o700);
        for entry in fs::read_dir(&settings.folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(path.is_dir() || mode(&path) == 0o600, "{}", path.display());
        }
    });
}

#[test]
fn a_folder_that_others_may_change_is_refused() {
    every_lasting_member(|settings| {
        for mode in [0o720, 0o702, 0o777, 0o1777] {
            let _ = fs::remove_dir_all(&settings.folder);
            fs::create_dir(&settings.folder).unwrap();
            fs::set_permissions(&settings.folder, Permissions::from_mode(mode)).unwrap();
            let error = open(settings).err().unwrap();
            assert!(matches!(error, Error::Exposed { .. }), "{mode:o}: {error}");
        }
    });
}

#[test]
fn symbolic_links_are_refused() {
    every_lasting_member(|settings| {
        drop(open(settings).unwrap());
        let real = settings.folder.with_extension("real");
        fs::rename(&settings.folder, &real).unwrap();
        symlink(&real, &settings.folder).unwrap();
        assert!(matches!(open(settings).err().unwrap(), Error::Exposed { why: "is a symbolic link", .. }));
        fs::remove_file(&settings.folder).unwrap();
        fs::rename(&real, &settings.folder).unwrap();
        drop(open(settings).unwrap());
        for entry in fs::read_dir(&settings.folder).unwrap() {
            let path = entry.unwrap().path();
            let aside = settings.folder.with_extension("aside");
            fs::rename(&path, &aside).unwrap();
            symlink(&aside, &path).unwrap();
            let error = open(settings).err().unwrap();
            assert!(matches!(error, Error::Exposed { .. }), "{}: {error}", path.display());
            fs::remove_file(&path).unwrap();
            fs::rename(&aside, &path).unwrap();
        }
        open(settings).unwrap();
    });
}

#[test]
fn a_file_with_a_second_name_is_refused() {
    every_lasting_member(|settings| {
        drop(open(settings).unwrap());
        fs::hard_link(settings.folder.join("lock"), settings.folder.with_extension("elsewhere")).unwrap();
        assert!(matches!(open(settings).err().unwrap(), Error::Exposed { why: "has a second name elsewhere", .. }));
    });
}

#[test]
fn a_second_opening_is_refused_until_the_first_is_gone() {
    every_lasting_member(|settings| {
        let first = open(settings).unwrap();
        assert!(matches!(open(settings).err().unwrap(), Error::Taken(path) if path == settings.folder));
        drop(first);
        open(settings).unwrap();
    });
}

#[test]
fn a_missing_parent_is_named() {
    every_lasting_member(|settings| {
        let mut settings = settings.clone();
        settings.folder = settings.folder.join("not").join("there");
        let error = open(&settings).err().unwrap();
        assert!(error.to_string().contains("not/there"), "{error}");
    });
}
