//! Whether what lies in a folder can only have been put there by whoever runs this program.
//!
//! A cache that somebody else can write to is a way to tell this program what an image holds. So folder and entries
//! must belong to the user, nobody else may be able to write to them, and no link leads to them.

use std::fs::Metadata;

/// Why something is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It belongs to somebody else.
    #[error("it belongs to another user")]
    Owner,
    /// Others may write to it.
    #[error("others may write to it: its mode is {mode:04o}")]
    Writable {
        /// Its permission bits.
        mode: u32,
    },
    /// It is a link, or something else that it should not be.
    #[error("it is not a {expected}, but a link or something else")]
    Kind {
        /// What it should be.
        expected: &'static str,
    },
}

/// What something should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Folder,
    File,
}

/// Looks at what is known of a folder or entry, without having followed a link to it.
pub(super) fn check(metadata: &Metadata, expected: Expected) -> Result<(), Distrust> {
    let (is, expected) = match expected {
        Expected::Folder => (metadata.is_dir(), "folder"),
        Expected::File => (metadata.is_file(), "file"),
    };
    if is { ownership(metadata) } else { Err(Distrust::Kind { expected }) }
}

#[cfg(unix)]
fn ownership(metadata: &Metadata) -> Result<(), Distrust> {
    use std::os::unix::fs::MetadataExt as _;

    judge(metadata.uid(), metadata.mode(), rustix::process::geteuid().as_raw())
}

/// Elsewhere folders of a user are that user's alone unless somebody opens them.
#[cfg(not(unix))]
fn ownership(_: &Metadata) -> Result<(), Distrust> {
    Ok(())
}

#[cfg(unix)]
fn judge(owner: u32, mode: u32, user: u32) -> Result<(), Distrust> {
    const OTHERS_WRITE: u32 = 0o022;
    if owner != user {
        return Err(Distrust::Owner);
    }
    if mode & OTHERS_WRITE != 0 {
        return Err(Distrust::Writable { mode: mode & 0o7777 });
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_the_user_may_own_and_write() {
        assert_eq!(judge(1000, 0o40700, 1000), Ok(()));
        assert_eq!(judge(1000, 0o100_644, 1000), Ok(()));
        assert_eq!(judge(1000, 0o40700, 0), Err(Distrust::Owner));
        assert_eq!(judge(0, 0o40755, 1000), Err(Distrust::Owner));
        for mode in [0o720, 0o702, 0o777, 0o1777] {
            assert_eq!(judge(1000, 0o40000 | mode, 1000), Err(Distrust::Writable { mode }));
        }
    }

    #[test]
    fn a_link_is_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let look = |path: &std::path::Path| check(&path.symlink_metadata().unwrap(), Expected::Folder);
        assert_eq!(look(folder.path()), Ok(()));
        assert_eq!(look(&link), Err(Distrust::Kind { expected: "folder" }));
    }
}
