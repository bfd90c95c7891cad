//! Which entries go: those used longest ago, until the rest has room.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::{
    CacheError,
    folder::{Folder, Listed},
    system_time,
};
use crate::timestamp::Timestamp;

/// Once too much is there, this part of what may be there stays, so that the next results find room.
const KEEP_TENTHS: u64 = 9;
/// Nobody writes for so long.
const UNFINISHED_FOR: Duration = Duration::from_secs(60 * 60);

/// What a cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contents {
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that a process left unfinished, or is writing now.
    pub unfinished: u64,
    /// When the entry was used that was used longest ago; to a day.
    pub oldest: Option<Timestamp>,
}

/// Which entries are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// All of them.
    All,
    /// Those that were not used for so many seconds.
    UnusedFor(u64),
    /// Those used longest ago, until all others take no more than so many bytes.
    To(u64),
}

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Entries, and files that were left unfinished.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the entries that stayed.
    pub left: u64,
}

impl Contents {
    /// What the cache in `folder` holds; nothing if there is no folder.
    pub fn of(folder: &Path) -> Result<Self, CacheError> {
        let folder = Folder::new(folder);
        let mut contents = Self::default();
        if !folder.exists()? {
            return Ok(contents);
        }
        for file in folder.list()? {
            if file.is_unfinished() {
                contents.unfinished += 1;
                continue;
            }
            contents.entries += 1;
            contents.bytes = contents.bytes.saturating_add(file.bytes);
            let used = file.used.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            contents.oldest = contents.oldest.or_else(|| Timestamp::from_unix(used).ok());
        }
        Ok(contents)
    }
}

impl Prune {
    /// Removes from the cache in `folder` what is to go at `now`, and what was left unfinished.
    pub fn run(self, folder: &Path, now: Timestamp) -> Result<Pruned, CacheError> {
        let folder = Folder::new(folder);
        if !folder.exists()? {
            return Ok(Pruned::default());
        }
        prune(&folder, folder.list()?, self, system_time(now), || true)
    }
}

/// Removes what was left unfinished, and entries if there are more than `most_bytes` of them; as long as `may_go_on`.
pub(super) fn make_room(
    folder: &Folder,
    most_bytes: u64,
    now: SystemTime,
    may_go_on: impl Fn() -> bool,
) -> Result<(), CacheError> {
    let files = folder.list()?;
    let most = if entry_bytes(&files) > most_bytes { most_bytes / 10 * KEEP_TENTHS } else { u64::MAX };
    prune(folder, files, Prune::To(most), now, may_go_on).map(drop)
}

/// Removes of `files` what is to go. One that cannot be removed keeps none of the others; the first such is told.
fn prune(
    folder: &Folder,
    files: Vec<Listed>,
    which: Prune,
    now: SystemTime,
    may_go_on: impl Fn() -> bool,
) -> Result<Pruned, CacheError> {
    let mut pruned = Pruned { left: entry_bytes(&files), ..Pruned::default() };
    let mut fault = None;
    for file in files {
        let unused = now.duration_since(file.used).unwrap_or_default();
        let goes = match which {
            Prune::All => true,
            _ if file.is_unfinished() => unused > UNFINISHED_FOR,
            Prune::UnusedFor(seconds) => unused >= Duration::from_secs(seconds),
            Prune::To(bytes) => pruned.left > bytes,
        };
        if !goes {
            continue;
        }
        if !may_go_on() {
            break;
        }
        match folder.remove(&file) {
            Ok(()) => {
                pruned.files += 1;
                pruned.bytes = pruned.bytes.saturating_add(file.bytes);
                let of_entry = if file.is_unfinished() { 0 } else { file.bytes };
                pruned.left = pruned.left.saturating_sub(of_entry);
            }
            Err(error) => drop(fault.get_or_insert(error)),
        }
    }
    fault.map_or(Ok(pruned), Err)
}

/// The bytes of the entries among `files`: none must go because of what others are writing, or left unfinished.
fn entry_bytes(files: &[Listed]) -> u64 {
    let entries = files.iter().filter(|file| !file.is_unfinished());
    entries.fold(0, |sum, file| sum.saturating_add(file.bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_cannot_be_removed_keeps_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<Listed> = ["first", "folder", "last"]
            .map(|name| Listed { used: SystemTime::UNIX_EPOCH, name: name.to_owned(), bytes: 1 })
            .into();
        fs::write(folder.path().join("first"), b"x").unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        fs::write(folder.path().join("last"), b"x").unwrap();
        let now = SystemTime::UNIX_EPOCH;
        let pruned = prune(&Folder::new(folder.path()), files, Prune::All, now, || true);
        assert!(matches!(pruned, Err(CacheError::Write { .. })), "{pruned:?}");
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["folder"]);
    }

    #[test]
    fn room_is_made_as_long_as_there_is_time() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..5 {
            fs::write(folder.path().join(format!("{n:064}.layer")), [0; 10]).unwrap();
        }
        let left = std::cell::Cell::new(3);
        let may_go_on = || left.replace(left.get() - 1) > 0;
        let cache = Folder::new(folder.path());
        make_room(&cache, 1, SystemTime::UNIX_EPOCH, may_go_on).unwrap();
        assert_eq!(cache.list().unwrap().len(), 2);
    }
}
