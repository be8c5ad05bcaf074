//! The model itself: what it keeps and what it forgets, shown with programs that everybody knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use strongroom_tests::{Folder, Loss, Names, Pages, Powerloss, run};

/// Every file below a folder with its content; a folder ends in a slash.
fn tree(path: &Path, name: &str, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}{}", entry.file_name().display());
        if entry.path().is_dir() {
            into.insert(format!("{name}/"), String::new());
            tree(&entry.path(), &format!("{name}/"), into);
        } else {
            into.insert(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// What is left of a folder, which had a file `old` from the beginning, after a script and a loss of power.
fn left(script: &str, loss: Loss) -> String {
    let folder = Folder::new();
    let state = folder.join("state");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("old"), "old").unwrap();
    let watch = Powerloss::build().watch(&state);
    let _ = run(Command::new("sh").arg("-ec").arg(script).current_dir(&state).envs(watch.env())).succeeds();
    watch.restore(loss);
    let mut found = BTreeMap::new();
    tree(&state, "", &mut found);
    found.into_iter().map(|(name, content)| format!("{name}={content}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_was_not_synced_is_forgotten() {
    let cases = [
        ("nothing happens", "true", "old=old"),
        ("a new file", "printf new > new", "old=old"),
        ("a new file, synced, but not its name", "printf new > new; sync new", "old=old"),
        ("a new name, synced, but not the file", "printf new > new; sync .", "new= old=old"),
        ("a new file and its name", "printf new > new; sync new .", "new=new old=old"),
        ("fdatasync of a new file", "printf new > new; sync -d new; sync .", "new=new old=old"),
        ("a change", "printf newer > old", "old=old"),
        ("a change, synced", "printf newer > old; sync old", "old=newer"),
        ("an append after a sync", "printf a > new; sync new .; printf b >> new", "new=a old=old"),
        ("an append before a sync", "printf a > new; sync new .; printf b >> new; sync new", "new=ab old=old"),
        ("a truncation", ": > old", "old=old"),
        ("a removal", "rm old", "old=old"),
        ("a removal, synced", "rm old; sync .", ""),
        ("a rename", "mv old new", "old=old"),
        ("a rename, synced", "mv old new; sync .", "new=old"),
        ("a replacement", "printf n > t; sync t; mv t old", "old=old"),
        ("a replacement, synced", "printf n > t; sync t; mv t old; sync .", "old=n"),
        ("a replacement whose content was not synced", "printf n > t; mv t old; sync .", "old="),
        ("a new folder", "mkdir d; printf n > d/f; sync d/f d", "old=old"),
        ("a new folder, its name synced, but not what is in it", "mkdir d; printf n > d/f; sync d/f .", "d/= old=old"),
        ("a new folder and all of it", "mkdir d; printf n > d/f; sync d/f d .", "d/= d/f=n old=old"),
        ("everything at once", "mkdir d; printf n > d/f; sync; printf m >> d/f", "d/= d/f=n old=old"),
        ("the file system", "mkdir d; printf n > d/f; sync -f d; printf m >> d/f", "d/= d/f=n old=old"),
    ];
    for (name, script, expected) in cases {
        assert_eq!(left(script, Loss::PLAIN), expected, "{name}");
    }
}

#[test]
fn a_journal_may_keep_names_without_their_content() {
    let loss = Loss { names: Names::AsTheyStood, pages: Pages::AsSynced };
    let cases = [
        ("a new file", "printf new > new", "new= old=old"),
        ("a removal", "rm old", ""),
        ("a replacement whose content was not synced", "printf n > t; mv t old", "old="),
        ("a change", "printf newer > old", "old=old"),
    ];
    for (name, script, expected) in cases {
        assert_eq!(left(script, loss), expected, "{name}");
    }
}

#[test]
fn a_disk_may_keep_some_pages_and_not_others() {
    let script = "head -c 400000 /dev/zero | tr '\\0' o > new; sync new .; head -c 400000 /dev/zero | tr '\\0' n > new";
    let kept = left(script, Loss { names: Names::AsSynced, pages: Pages::Mixed(7) });
    assert!(kept.contains(&"o".repeat(4096)) && kept.contains(&"n".repeat(4096)));
}
