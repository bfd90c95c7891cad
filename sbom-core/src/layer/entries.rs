//! The entries of a layer in little space: a layer that was read waits for those below it, and may have hundreds of
//! thousands of them.
//!
//! | bytes | of each entry |
//! |---|---|
//! | 1 | what it is, as [`EntryKind`] counts them; 8 more if its mode is that of the entry before, 16 if it has a size |
//! | … | the mode, if it differs |
//! | … | the size, if it is not 0 |
//! | … | the path, behind that of the entry before |
//! | … | of links the length of the target, and the target |

use super::{Entry, EntryKind};
use crate::image_path::{
    ImagePath,
    packed::{put_bytes, put_long, put_path, take_bytes, take_long, take_path},
};

const SAME_MODE: u8 = 1 << 3;
const HAS_SIZE: u8 = 1 << 4;

const FILE: u8 = 0;
const DIRECTORY: u8 = 1;
const SYMLINK: u8 = 2;
const HARD_LINK: u8 = 3;
const SPECIAL: u8 = 4;
const WHITEOUT: u8 = 5;
const OPAQUE_DIRECTORY: u8 = 6;

/// Entries in their order, packed: they are unpacked one after the other.
///
/// ```
/// use sbom_core::layer::{Entries, Entry, EntryKind};
/// let entry = |path: &str| Entry { path: path.into(), kind: EntryKind::File, mode: 0o644, size: 7 };
/// let entries: Entries = ["usr/bin/a", "usr/bin/b"].map(entry).into_iter().collect();
/// assert_eq!((entries.len(), entries.iter().last()), (2, Some(entry("usr/bin/b"))));
/// ```
#[derive(Clone, Default)]
pub struct Entries {
    count: usize,
    names: u64,
    packed: Vec<u8>,
    /// What the next entry is put behind.
    last: Last,
}

/// What an entry may have in common with the one behind it.
#[derive(Debug, Clone, Default)]
struct Last {
    mode: u32,
    path: Vec<u8>,
}

impl Entries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of their paths and link targets.
    pub fn names_bytes(&self) -> u64 {
        self.names
    }

    /// Bytes that they take in memory.
    pub fn packed_bytes(&self) -> u64 {
        self.packed.len() as u64
    }

    /// Adds `entry` behind the others.
    pub fn push(&mut self, entry: &Entry) {
        let Entry { path, kind, mode, size } = entry;
        let (kind, target) = match kind {
            EntryKind::File => (FILE, None),
            EntryKind::Directory => (DIRECTORY, None),
            EntryKind::Symlink(target) => (SYMLINK, Some(&**target)),
            EntryKind::HardLink(target) => (HARD_LINK, Some(target.as_bytes())),
            EntryKind::Special => (SPECIAL, None),
            EntryKind::Whiteout => (WHITEOUT, None),
            EntryKind::OpaqueDirectory => (OPAQUE_DIRECTORY, None),
        };
        let same_mode = *mode == self.last.mode;
        let marks = if same_mode { SAME_MODE } else { 0 } | if *size > 0 { HAS_SIZE } else { 0 };
        self.packed.push(kind | marks);
        if !same_mode {
            put_long(&mut self.packed, (*mode).into());
        }
        if *size > 0 {
            put_long(&mut self.packed, *size);
        }
        put_path(&mut self.packed, &self.last.path, path.as_bytes());
        if let Some(target) = target {
            put_bytes(&mut self.packed, target);
        }
        self.last.mode = *mode;
        self.last.path.clear();
        self.last.path.extend_from_slice(path.as_bytes());
        self.count += 1;
        self.names = self.names.saturating_add(names_bytes(entry));
    }

    /// The entries, each in memory of its own.
    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        let mut entries = self.unpack();
        std::iter::from_fn(move || entries.next().map(|entry| entry.to_entry()))
    }

    /// The entries, lent one after the other.
    pub(crate) fn unpack(&self) -> Unpacking<'_> {
        Unpacking { packed: &self.packed, last: Last::default() }
    }
}

impl Extend<Entry> for Entries {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.push(&entry));
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut all = Self::default();
        all.extend(entries);
        all
    }
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Gives entries one after the other.
pub(crate) struct Unpacking<'e> {
    packed: &'e [u8],
    last: Last,
}

/// An entry that lies unpacked until the next one does.
pub(crate) struct Lent<'u> {
    kind: u8,
    mode: u32,
    size: u64,
    path: &'u [u8],
    target: &'u [u8],
}

impl Unpacking<'_> {
    /// The next one.
    pub(crate) fn next(&mut self) -> Option<Lent<'_>> {
        let (&marks, packed) = self.packed.split_first()?;
        self.packed = packed;
        if marks & SAME_MODE == 0 {
            self.last.mode = u32::try_from(take_long(&mut self.packed)?).ok()?;
        }
        let size = if marks & HAS_SIZE == 0 { 0 } else { take_long(&mut self.packed)? };
        take_path(&mut self.packed, &mut self.last.path)?;
        let kind = marks & !(SAME_MODE | HAS_SIZE);
        let target = if matches!(kind, SYMLINK | HARD_LINK) { take_bytes(&mut self.packed)? } else { &[] };
        Some(Lent { kind, mode: self.last.mode, size, path: &self.last.path, target })
    }
}

impl Lent<'_> {
    /// Whether it hides what lower layers have, instead of adding something.
    pub(crate) fn hides(&self) -> bool {
        matches!(self.kind, WHITEOUT | OPAQUE_DIRECTORY)
    }

    /// The entry, to keep.
    pub(crate) fn to_entry(&self) -> Entry {
        let kind = match self.kind {
            FILE => EntryKind::File,
            DIRECTORY => EntryKind::Directory,
            SYMLINK => EntryKind::Symlink(self.target.into()),
            HARD_LINK => EntryKind::HardLink(ImagePath::of_normal(self.target)),
            WHITEOUT => EntryKind::Whiteout,
            OPAQUE_DIRECTORY => EntryKind::OpaqueDirectory,
            _ => EntryKind::Special,
        };
        Entry { path: ImagePath::of_normal(self.path), kind, mode: self.mode, size: self.size }
    }
}

/// Bytes of the path and the link target of `entry`.
pub(crate) fn names_bytes(entry: &Entry) -> u64 {
    let target = match &entry.kind {
        EntryKind::Symlink(target) => target.len(),
        EntryKind::HardLink(target) => target.as_bytes().len(),
        _ => 0,
    };
    (entry.path.as_bytes().len() + target) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let path = || "[ab/]{0,8}".prop_map(|path| ImagePath::from(path.as_str()));
        let kind = prop_oneof![
            Just(EntryKind::File),
            Just(EntryKind::Directory),
            "[a/.]{0,8}".prop_map(|target| EntryKind::Symlink(target.as_bytes().into())),
            path().prop_map(EntryKind::HardLink),
            Just(EntryKind::Special),
            Just(EntryKind::Whiteout),
            Just(EntryKind::OpaqueDirectory),
        ];
        let mode = prop_oneof![Just(0), Just(0o644), any::<u32>()];
        let size = prop_oneof![Just(0), any::<u64>()];
        (path(), kind, mode, size).prop_map(|(path, kind, mode, size)| Entry { path, kind, mode, size })
    }

    proptest! {
        #[test]
        fn entries_come_out_as_they_went_in(entries in proptest::collection::vec(entry(), 0..20)) {
            let packed: Entries = entries.iter().cloned().collect();
            prop_assert_eq!(packed.len(), entries.len());
            prop_assert_eq!(packed.names_bytes(), entries.iter().map(names_bytes).sum::<u64>());
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), entries);
        }
    }
}
