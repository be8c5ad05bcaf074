//! Which cases a folder has, and which of them go on where another has ended.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::script::Case;

/// Cases that share one server: each goes on where the one before has ended.
pub type Episode = Vec<Case>;

/// The cases of a folder.
#[derive(Debug)]
pub struct Catalogue {
    /// In the order of their names.
    pub episodes: Vec<Episode>,
}

impl Catalogue {
    /// Reads all cases in a folder and the folders below it.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read.
    pub fn read(folder: &Path) -> io::Result<Catalogue> {
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        let mut cases = Vec::new();
        for file in files {
            let place = file.strip_prefix(folder).unwrap_or(&file).with_extension("");
            let place = place.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            cases.push(Case::read(&file, &place)?);
        }
        cases.sort_by_key(|case| natural(&case.place));
        Ok(Catalogue { episodes: episodes(cases) })
    }

    /// Only the cases whose place contains `part`, each with those that it goes on from.
    #[must_use]
    pub fn filtered(self, part: &str) -> Catalogue {
        let cut = |episode: Episode| {
            let last = episode.iter().rposition(|case| case.place.contains(part))?;
            Some(episode.into_iter().take(last.saturating_add(1)).collect())
        };
        Catalogue { episodes: self.episodes.into_iter().filter_map(cut).collect() }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "xml") {
            files.push(path);
        }
    }
    Ok(())
}

/// Joins each case that needs another's objects to that other, where the folder has it.
fn episodes(cases: Vec<Case>) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    let mut later = Vec::new();
    for case in cases {
        match before(&case.place) {
            Some(before) => later.push((before, case)),
            None => episodes.push(vec![case]),
        }
    }
    // A chain of several cases is joined link by link; what is left over needs something that is not there.
    while let Some(at) = later.iter().position(|(before, _)| ends(&episodes, before).is_some()) {
        let (before, case) = later.remove(at);
        if let Some(episode) = ends(&episodes, &before).and_then(|at| episodes.get_mut(at)) {
            episode.push(case);
        }
    }
    episodes.extend(later.into_iter().map(|(_, case)| vec![case]));
    episodes
}

fn ends(episodes: &[Episode], place: &str) -> Option<usize> {
    episodes.iter().position(|episode| episode.last().is_some_and(|case| case.place == place))
}

/// The case that must have run before, such as `1.4/mandatory/TL-M-2-14` before `1.4/mandatory/TL-M-3-14`.
fn before(place: &str) -> Option<String> {
    let (stem, version) = place.rsplit_once('-')?;
    let (folder, name) = stem.rsplit_once('/').map_or(("", stem), |(folder, name)| (folder, name));
    let (_, before) = AFTER.iter().find(|(case, _)| *case == name)?;
    let slash = if folder.is_empty() { "" } else { "/" };
    Some(format!("{folder}{slash}{before}-{version}"))
}

/// A name in pieces of text and number, so that `M-9` comes before `M-10`.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut pieces = vec![(String::new(), 0u64)];
    let mut number = false;
    for letter in name.chars() {
        if number && !letter.is_ascii_digit() {
            pieces.push((String::new(), 0));
        }
        number = letter.is_ascii_digit();
        if let Some((text, value)) = pieces.last_mut() {
            match letter.to_digit(10) {
                Some(digit) => *value = value.saturating_mul(10).saturating_add(u64::from(digit)),
                None => text.push(letter),
            }
        }
    }
    pieces
}

/// Cases that use objects which another case has left behind.
const AFTER: [(&str, &str); 6] = [
    ("TL-M-3", "TL-M-2"),
    ("TC-CREG-2", "TC-CREG-1"),
    ("TC-OTP-1", "TC-OTP-SETUP-2"),
    ("TC-OTP-2", "TC-OTP-1"),
    ("TC-OTP-3", "TC-OTP-2"),
    ("TC-OTP-CLEANUP-1", "TC-OTP-3"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn case(place: &str) -> Case {
        Case { name: String::new(), place: place.to_owned(), steps: Vec::new(), sound: true }
    }

    #[test]
    fn a_case_follows_the_one_whose_objects_it_uses() {
        let names = ["a/TC-OTP-1-13", "a/TC-OTP-2-13", "a/TC-OTP-SETUP-2-13", "a/TL-M-3-14", "b/TL-M-2-14"];
        let episodes = episodes(names.iter().map(|name| case(name)).collect());
        let places: Vec<Vec<&str>> =
            episodes.iter().map(|episode| episode.iter().map(|case| case.place.as_str()).collect()).collect();
        let chain = vec!["a/TC-OTP-SETUP-2-13", "a/TC-OTP-1-13", "a/TC-OTP-2-13"];
        assert_eq!(places, [chain, vec!["b/TL-M-2-14"], vec!["a/TL-M-3-14"]]);
    }

    #[test]
    fn nine_comes_before_ten() {
        assert!(natural("A-M-9-14") < natural("A-M-10-14"));
        assert!(natural("1.4/A") < natural("2.0/A"));
    }
}
