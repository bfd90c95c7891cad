//! The files that a component owns, packed: an image has hundreds of thousands of them, and few documents name any.
//!
//! | bytes | of each file |
//! |---|---|
//! | 1 | 0 for no digest, 1 for MD5, 2 for SHA-1, 3 for SHA-256; 4 more for configuration |
//! | … | bytes at the beginning of the path that the path before has, too: as many as there are |
//! | … | how many others follow |
//! | … | the others |
//! | 0, 16, 20, 32 | the digest |
//!
//! Numbers have seven bits a byte, the lowest first, in as few bytes as they need; the highest bit says that more
//! follow. So one list has one form.

use std::{fmt, ops::Range, sync::Arc};

use crate::{
    digest::hex,
    image_path::{
        ImagePath, file_name,
        packed::{put_number, take_number},
    },
};

/// Kinds of digest, in the order of [`FileDigest`].
const NO_DIGEST: u8 = 0;
const MD5: u8 = 1;
const SHA1: u8 = 2;
const SHA256: u8 = 3;
/// Marks configuration.
const IS_CONFIG: u8 = 4;

/// A file, directory or link that a package database says belongs to a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnedFile {
    /// Where it lies: after diversions, with the links in its directory followed.
    pub path: ImagePath,
    /// Its digest according to the database.
    pub digest: Option<FileDigest>,
    /// Whether it is configuration, which users change.
    pub is_config: bool,
}

/// A digest that a package database records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileDigest {
    /// MD5.
    Md5([u8; 16]),
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl FileDigest {
    /// The digest itself.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Md5(digest) => digest,
            Self::Sha1(digest) => digest,
            Self::Sha256(digest) => digest,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Md5(_) => MD5,
            Self::Sha1(_) => SHA1,
            Self::Sha256(_) => SHA256,
        }
    }

    fn of_packed(kind: u8, digest: &[u8]) -> Option<Self> {
        match kind {
            MD5 => digest.try_into().ok().map(Self::Md5),
            SHA1 => digest.try_into().ok().map(Self::Sha1),
            SHA256 => digest.try_into().ok().map(Self::Sha256),
            _ => None,
        }
    }
}

/// The algorithm and lower-case hex: `sha1:…`.
impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Md5(_) => "md5",
            Self::Sha1(_) => "sha1",
            Self::Sha256(_) => "sha256",
        };
        write!(f, "{name}:{}", hex(self.as_bytes()))
    }
}

impl fmt::Debug for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileDigest({self})")
    }
}

/// Files that a component owns, sorted by path, each once, in little space: they are unpacked one after the other.
///
/// ```
/// use sbom_core::bom::{OwnedFile, OwnedFiles};
/// let file = |path: &str| OwnedFile { path: path.into(), digest: None, is_config: false };
/// let files: OwnedFiles = ["usr/bin/b", "usr/bin/a"].map(file).into_iter().collect();
/// assert_eq!(files.iter().map(|file| file.path.to_string()).collect::<Vec<_>>(), ["/usr/bin/a", "/usr/bin/b"]);
/// ```
#[derive(Clone, Default)]
pub struct OwnedFiles {
    count: usize,
    /// What the list is part of; none if it is empty.
    all: Option<Arc<Vec<u8>>>,
    /// Where it lies there.
    at: Range<usize>,
}

impl PartialEq for OwnedFiles {
    fn eq(&self, other: &Self) -> bool {
        self.as_packed() == other.as_packed()
    }
}

impl Eq for OwnedFiles {}

impl OwnedFiles {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The files by path; each takes memory of its own for its path.
    pub fn iter(&self) -> Iter<'_> {
        Iter { files: self.unpack(), left: self.count }
    }

    /// The files by path, lent one after the other.
    pub(crate) fn unpack(&self) -> Unpacking<'_> {
        Unpacking { packed: self.as_packed(), path: Vec::new() }
    }

    /// The path of the last file.
    pub(crate) fn last_path(&self) -> Option<ImagePath> {
        let mut files = self.unpack();
        while files.next().is_some() {}
        (!self.is_empty()).then(|| ImagePath::new(files.path()))
    }

    /// The list as it is kept.
    pub(crate) fn as_packed(&self) -> &[u8] {
        self.all.as_ref().and_then(|all| all.get(self.at.clone())).unwrap_or_default()
    }

    /// Bytes of all paths as they come out.
    pub(crate) fn path_bytes(&self) -> usize {
        let mut packed = self.as_packed();
        let paths = std::iter::from_fn(|| Packed::take(&mut packed));
        paths.map(|file| file.shared.saturating_add(file.rest.len())).sum()
    }

    /// A list that was kept, in what lies `at` in `all`, which it shares. None if not all of it is files, or their
    /// paths come to more bytes than are left in `path_bytes`. That they are sorted is left to who kept them.
    pub(crate) fn of_packed(all: &Arc<Vec<u8>>, at: Range<usize>, path_bytes: &mut usize) -> Option<Self> {
        let mut packed = all.get(at.clone())?;
        let (mut count, mut length) = (0, 0_usize);
        while !packed.is_empty() {
            let file = Packed::take(&mut packed)?;
            length = file.shared.checked_add(file.rest.len()).filter(|_| file.shared <= length)?;
            *path_bytes = path_bytes.checked_sub(length)?;
            count += 1;
        }
        Some(Self { count, all: (count > 0).then(|| Arc::clone(all)), at })
    }
}

impl From<Vec<OwnedFile>> for OwnedFiles {
    fn from(mut files: Vec<OwnedFile>) -> Self {
        files.sort_unstable();
        files.dedup();
        let mut packed = Vec::with_capacity(files.len().saturating_mul(40));
        let mut before: &[u8] = b"";
        for file in &files {
            let path = file.path.as_bytes();
            let shared = before.iter().zip(path).take_while(|(before, now)| before == now).count();
            let rest = path.get(shared..).unwrap_or_default();
            let kind = file.digest.as_ref().map_or(NO_DIGEST, FileDigest::kind);
            packed.push(if file.is_config { kind | IS_CONFIG } else { kind });
            put_number(&mut packed, shared);
            put_number(&mut packed, rest.len());
            packed.extend_from_slice(rest);
            packed.extend_from_slice(file.digest.as_ref().map(FileDigest::as_bytes).unwrap_or_default());
            before = path;
        }
        packed.shrink_to_fit();
        let at = 0..packed.len();
        Self { count: files.len(), all: (!files.is_empty()).then(|| Arc::new(packed)), at }
    }
}

impl FromIterator<OwnedFile> for OwnedFiles {
    fn from_iter<I: IntoIterator<Item = OwnedFile>>(files: I) -> Self {
        Vec::from_iter(files).into()
    }
}

impl<'f> IntoIterator for &'f OwnedFiles {
    type Item = OwnedFile;
    type IntoIter = Iter<'f>;

    fn into_iter(self) -> Iter<'f> {
        self.iter()
    }
}

impl fmt::Debug for OwnedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Gives the files of a component by path.
#[derive(Debug, Clone)]
pub struct Iter<'f> {
    files: Unpacking<'f>,
    left: usize,
}

impl Iterator for Iter<'_> {
    type Item = OwnedFile;

    fn next(&mut self) -> Option<OwnedFile> {
        let Lent { path, digest, is_config } = self.files.next()?;
        self.left = self.left.saturating_sub(1);
        Some(OwnedFile { path: ImagePath::new(path), digest, is_config })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl std::iter::FusedIterator for Iter<'_> {}

/// Lends the files of a component, by path.
#[derive(Debug, Clone)]
pub(crate) struct Unpacking<'f> {
    packed: &'f [u8],
    path: Vec<u8>,
}

/// An [`OwnedFile`] whose path is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lent<'p> {
    /// As [`ImagePath`] has it.
    pub(crate) path: &'p [u8],
    pub(crate) digest: Option<FileDigest>,
    pub(crate) is_config: bool,
}

impl Unpacking<'_> {
    /// The next one.
    pub(crate) fn next(&mut self) -> Option<Lent<'_>> {
        let file = Packed::take(&mut self.packed)?;
        self.path.truncate(file.shared);
        self.path.extend_from_slice(file.rest);
        let digest = FileDigest::of_packed(file.kind, file.digest);
        Some(Lent { path: &self.path, digest, is_config: file.is_config })
    }

    /// The path of the last one that was lent.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }
}

impl<'p> Lent<'p> {
    /// The last component of its path; empty for the root.
    pub(crate) fn file_name(&self) -> &'p [u8] {
        file_name(self.path)
    }
}

/// What is kept of one file.
struct Packed<'f> {
    kind: u8,
    is_config: bool,
    shared: usize,
    rest: &'f [u8],
    digest: &'f [u8],
}

impl<'f> Packed<'f> {
    /// Takes the first off `packed`; none if none is whole.
    #[inline]
    fn take(packed: &mut &'f [u8]) -> Option<Self> {
        let (&[marks], mut bytes) = packed.split_first_chunk()?;
        let shared = take_number(&mut bytes)?;
        let length = take_number(&mut bytes)?;
        let (rest, bytes) = bytes.split_at_checked(length)?;
        let kind = marks & !IS_CONFIG;
        let (digest, bytes) = bytes.split_at_checked(match kind {
            NO_DIGEST => 0,
            MD5 => 16,
            SHA1 => 20,
            SHA256 => 32,
            _ => return None,
        })?;
        *packed = bytes;
        Some(Self { kind, is_config: marks & IS_CONFIG != 0, shared, rest, digest })
    }
}

#[cfg(test)]
mod tests;
