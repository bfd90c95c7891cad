//! The index of an archive on disk: where each member lies, found by reading the headers once.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use super::{
    SourceError,
    files::{Files, open_regular},
    tar_members::{MemberKind, Members},
};
use crate::{image_path::ImagePath, limits::Limits};

/// An archive whose members can be read in any order, by several threads at a time.
#[derive(Debug)]
pub(super) struct TarIndex {
    file: Arc<File>,
    place: String,
    members: BTreeMap<ImagePath, Place>,
    link_hops: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    At { offset: u64, size: u64 },
    Link(ImagePath),
}

impl TarIndex {
    /// Indexes the archive at `path`. Of several members with one name the last counts, as it does for `tar`.
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self, SourceError> {
        let file = open_regular(path)?;
        let reader = file.try_clone().map_err(|source| SourceError::io(path, source))?;
        let place = path.display().to_string();
        let mut walk = Members::new(reader, place.as_str(), limits);
        let mut members = BTreeMap::new();
        while let Some(member) = walk.next()? {
            match (member.name, member.kind) {
                (Some(name), MemberKind::File) => {
                    members.insert(name, Place::At { offset: member.offset, size: member.size });
                }
                (Some(name), MemberKind::Link(target)) => {
                    members.insert(name, Place::Link(target));
                }
                // What the target is now, whatever takes its place later.
                (Some(name), MemberKind::HardLink(target)) => match members.get(&target) {
                    Some(Place::At { offset, size }) => {
                        let again = Place::At { offset: *offset, size: *size };
                        members.insert(name, again);
                    }
                    _ => _ = members.remove(&name),
                },
                // It takes the place of what had its name before, and is nothing to read.
                (Some(name), MemberKind::Other) => _ = members.remove(&name),
                (None, _) => {}
            }
        }
        Ok(Self { file: Arc::new(file), place, members, link_hops: limits.link_hops.value })
    }

    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = &ImagePath::from(name);
        for _ in 0..=self.link_hops {
            match self.members.get(name)? {
                Place::At { offset, size } => return Some((*offset, *size)),
                Place::Link(target) => name = target,
            }
        }
        None
    }
}

impl Files for TarIndex {
    fn place(&self) -> &str {
        &self.place
    }

    fn size(&self, name: &str) -> Result<Option<u64>, SourceError> {
        Ok(self.find(name).map(|(_, size)| size))
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + Send>>, SourceError> {
        let section = |(offset, left)| Section { file: Arc::clone(&self.file), offset, left };
        Ok(self.find(name).map(|found| Box::new(section(found)) as _))
    }

    fn are_same(&self, one: &str, other: &str) -> bool {
        let same = || self.find(one).is_some_and(|found| self.find(other) == Some(found));
        ImagePath::from(one) == ImagePath::from(other) || same()
    }
}

/// A run of bytes of a file, with a position of its own.
struct Section {
    file: Arc<File>,
    offset: u64,
    left: u64,
}

impl Read for Section {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(target.len());
        let target = target.get_mut(..wanted).unwrap_or_default();
        if target.is_empty() {
            return Ok(0);
        }
        let count = read_at(&self.file, target, self.offset)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive became shorter"));
        }
        self.offset = self.offset.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, target: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, target, offset)
}

#[cfg(windows)]
fn read_at(file: &File, target: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, target, offset)
}

#[cfg(test)]
mod tests {
    use sbomctl_testkit::TarBuilder;

    use super::*;

    fn index(archive: Vec<u8>) -> Result<TarIndex, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.tar");
        std::fs::write(&path, archive).unwrap();
        TarIndex::open(&path, &Limits::default())
    }

    fn content(index: &TarIndex, name: &str) -> Option<String> {
        index.open(name).unwrap().map(|reader| io::read_to_string(reader).unwrap())
    }

    #[test]
    fn members_are_read_in_any_order_and_by_any_spelling_of_their_name() {
        let index = index(TarBuilder::new().file("./a", "1").file("b/c", "22").build()).unwrap();
        assert_eq!(content(&index, "b/c").as_deref(), Some("22"));
        assert_eq!(content(&index, "a").as_deref(), Some("1"));
        assert_eq!(index.size("b/c").unwrap(), Some(2));
        assert_eq!(content(&index, "c"), None);
    }

    #[test]
    fn of_two_members_with_one_name_the_last_counts() {
        let index = index(TarBuilder::new().file("a", "old").file("./a", "new").build()).unwrap();
        assert_eq!(content(&index, "a").as_deref(), Some("new"));
    }

    #[test]
    fn links_lead_to_other_members_and_never_in_circles() {
        let index = index(
            TarBuilder::new()
                .file("1/layer.tar", "x")
                .symlink("2/layer.tar", "../1/layer.tar")
                .symlink("loop", "loop")
                .symlink("out", "../../../etc/passwd")
                .build(),
        )
        .unwrap();
        assert_eq!(content(&index, "2/layer.tar").as_deref(), Some("x"));
        assert_eq!(content(&index, "loop"), None);
        assert_eq!(content(&index, "out"), None);
    }

    #[test]
    fn a_hard_link_stays_with_what_its_target_was() {
        let archive = TarBuilder::new().file("a", "old").hardlink("b", "a").file("a", "new");
        let index = index(archive.hardlink("c", "d").file("d", "x").build()).unwrap();
        assert_eq!(content(&index, "a").as_deref(), Some("new"));
        assert_eq!(content(&index, "b").as_deref(), Some("old"));
        assert_eq!(content(&index, "c"), None);
    }

    #[test]
    fn a_truncated_archive_is_refused() {
        let archive = TarBuilder::new().file("a", vec![0; 10_000]).build();
        let error = index(archive[..5000].to_vec()).unwrap_err();
        assert!(matches!(error, SourceError::Truncated { offset: 5000, .. }), "{error}");
    }
}
