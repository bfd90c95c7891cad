//! Which entries go: those used longest ago, until the rest has room.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::{CacheError, folder::Folder, system_time};
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
    /// Bytes of what stayed.
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
        if folder.exists()? { prune(&folder, self, system_time(now)) } else { Ok(Pruned::default()) }
    }
}

/// Removes entries if there are more than `most_bytes` of them.
pub(super) fn make_room(folder: &Folder, most_bytes: u64, now: SystemTime) -> Result<(), CacheError> {
    let all: u64 = folder.list()?.iter().map(|file| file.bytes).sum();
    if all > most_bytes {
        prune(folder, Prune::To(most_bytes / 10 * KEEP_TENTHS), now)?;
    }
    Ok(())
}

fn prune(folder: &Folder, which: Prune, now: SystemTime) -> Result<Pruned, CacheError> {
    let files = folder.list()?;
    let mut pruned = Pruned { left: files.iter().map(|file| file.bytes).sum(), ..Pruned::default() };
    for file in files {
        let unused = now.duration_since(file.used).unwrap_or_default();
        let goes = match which {
            Prune::All => true,
            _ if file.is_unfinished() => unused > UNFINISHED_FOR,
            Prune::UnusedFor(seconds) => unused >= Duration::from_secs(seconds),
            Prune::To(bytes) => pruned.left > bytes,
        };
        if goes {
            folder.remove(&file)?;
            pruned.files += 1;
            pruned.bytes = pruned.bytes.saturating_add(file.bytes);
            pruned.left = pruned.left.saturating_sub(file.bytes);
        }
    }
    Ok(pruned)
}
