//! What a vendor's library cannot do, whatever it tries.

use std::fs;

use strongroom::slot::{
    Condition, Error, Why,
    hsm::{Network, Settings},
    registry,
};

use crate::bench::{Folder, until, usable};
use crate::misbehaving::{Misbehaving, made, ready, signed};

/// A file such as the store's: of the same user, and none of the library's business.
fn store() -> (Folder, String) {
    let folder = Folder::new();
    let path = folder.0.join("store");
    fs::write(&path, "sealed").unwrap();
    (folder, path.display().to_string())
}

/// What a slot over the library is made of, with the file to reach for.
fn reaching(library: &Misbehaving, target: &str) -> Settings {
    let mut settings = library.settings();
    settings.environment.push(("TARGET".to_owned(), target.to_owned()));
    settings
}

#[test]
fn a_library_that_reaches_for_files_and_sockets_gets_none_and_goes_on() {
    let (_folder, store) = store();
    for fault in ["file", "write", "memory", "internet", "socket", "ring"] {
        let library = Misbehaving::new();
        let slot = usable(registry::token(reaching(&library, &store)));
        let kept = made(&*slot).unwrap();
        library.told(fault);
        assert!(signed(&*slot, &kept).is_ok(), "{fault}");
        assert_eq!((library.escapes(), slot.holding().unwrap().condition()), (0, Condition::Usable), "{fault}");
    }
}

#[test]
fn a_library_that_reaches_for_programs_and_processes_is_stopped_and_named() {
    for fault in ["program", "fork", "trace", "kill", "mount"] {
        let library = Misbehaving::new();
        let (slot, kept, mac) = ready(&library);
        slot.holding().unwrap().news();
        library.told(fault);
        assert_eq!(signed(&*slot, &kept).unwrap_err(), Error::Absent, "{fault}");
        until(&*slot, |_| {
            slot.holding().unwrap().news().iter().any(|told| told.condition.why() == Some(Why::Trespass))
        });
        assert_eq!(library.escapes(), 0, "{fault}");
        library.told("");
        let slot = usable(slot);
        until(&*slot, |_| signed(&*slot, &kept).is_ok_and(|again| again.same_as(mac.reveal())));
    }
}

#[test]
fn a_library_reaches_what_its_slot_names() {
    let (_folder, store) = store();
    for (fault, network) in
        [("file", Network::None), ("write", Network::None), ("internet", Network::Any), ("socket", Network::Local)]
    {
        let library = Misbehaving::new();
        let mut settings = Settings { network, ..reaching(&library, &store) };
        settings.paths.push(store.clone().into());
        let slot = usable(registry::token(settings));
        let kept = made(&*slot).unwrap();
        library.told(fault);
        assert!(signed(&*slot, &kept).is_ok(), "{fault}");
        assert!(library.escapes() > 0, "{fault}");
    }
}

#[test]
fn a_slot_that_names_what_is_not_there_says_so() {
    let library = Misbehaving::new();
    let mut settings = library.settings();
    settings.paths.push("missing".into());
    let slot = registry::token(settings);
    until(&*slot, |condition| condition == Condition::Unfit(Why::NotConfined));
}
