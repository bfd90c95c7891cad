//! One file of one layer → what it says about software.
//!
//! A [`Detector`] sees one file, and neither file system, network nor clock. What it finds is kept by layer and
//! path; `bom` brings the files together. What it cannot read becomes a [`Gap`]: one bad record never loses the
//! others.

use std::{
    borrow::Cow,
    fmt::{self, Debug},
    io::{self, Read},
};

use crate::{
    image_path::{ImagePath, escape_control},
    layer::{needles::Needle, retain::Content},
    limits::{Limits, ReadError, read_capped, read_capped_sized},
};

pub mod apk;
pub mod builtin;
pub mod copyright;
pub mod dpkg;
pub mod embedded;
pub mod executable;
pub mod go_binary;
pub mod os_release;
pub mod rust_binary;
pub mod unread;

/// Reads one kind of file.
pub trait Detector: Debug + Send + Sync {
    /// A stable name in kebab case, as documents give it.
    fn id(&self) -> &'static str;

    /// Which of its versions it is. What a layer gave is kept and used again (see [`crate::cache`]) only as long as
    /// none of its detectors changed; those of this library need no number, as its build is known.
    fn version(&self) -> u32 {
        0
    }

    /// Whether, and how much of, a file is wanted. Called for every regular file: must be cheap.
    fn wants(&self, file: &FileMeta<'_>) -> Want;

    /// Whether its first bytes could make it want a file. `file.head` is empty: this is asked where those would have to
    /// be fetched. Whoever decides by them answers here by all else.
    fn could_want(&self, file: &FileMeta<'_>) -> bool {
        self.wants(file) != Want::Nothing
    }

    /// Reads a file that was wanted. An error is the one gap that made the rest of the file unreadable;
    /// gaps after which reading went on go to `out`.
    fn detect(&self, file: &Captured<'_>, out: &mut Findings) -> Result<(), Gap>;

    /// Reads a file of [`Want::Passing`] from its beginning while it passes. Gives what [`Detector::detect`] gives of the
    /// same bytes; by default they are kept and given to that. An error is one of `content`; what was found before it does
    /// not count.
    fn detect_passing(
        &self,
        file: &FileMeta<'_>,
        content: &mut dyn Read,
        limits: &Limits,
        out: &mut Findings,
    ) -> io::Result<()> {
        let bytes =
            read_capped_sized(content, file.size, limits.file_bytes).map_err(|error| match error {
                ReadError::Io(error) => error,
                ReadError::Limit(exceeded) => io::Error::other(exceeded),
            })?;
        let content = Content::new(bytes);
        let (path, size, mode) = (file.path, file.size, file.mode);
        if let Err(gap) = self.detect(&Captured { path, size, mode, content: &content, limits }, out) {
            out.gaps.push(gap);
        }
        Ok(())
    }

    /// Byte patterns around which content is kept of executables too large to be kept whole.
    fn needles(&self) -> &'static [Needle] {
        &[]
    }

    /// Files that matter under exactly these paths, even where the path is a link to a file of another name.
    fn well_known(&self) -> &'static [&'static str] {
        &[]
    }
}

/// What is known of a file before it is read.
#[derive(Debug, Clone, Copy)]
pub struct FileMeta<'a> {
    /// Where it lies in the image.
    pub path: &'a ImagePath,
    /// Length in bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// The first bytes: [`HEAD_BYTES`] of them, fewer if the file is shorter.
    pub head: &'a [u8],
}

/// Length of [`FileMeta::head`].
pub const HEAD_BYTES: usize = 64;

/// How much of a file a detector wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// Nothing.
    Nothing,
    /// The headers, build information and whatever surrounds the detectors' needles; the whole if it is small.
    Executable,
    /// All of it, but not at once: little of it is kept. [`Detector::detect_passing`] reads it; but where others want it as
    /// well, or a link leads to it, it is kept whole for [`Detector::detect`]. It counts as a file that is to be kept whole
    /// wherever these are counted, so that it does not matter which of the two happened.
    Passing,
    /// All of it.
    Whole,
}

/// A file whose content was kept.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    /// Where it lies in the image.
    pub path: &'a ImagePath,
    /// Length in bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// What was kept of it.
    pub content: &'a Content,
    /// The bounds to keep to.
    pub limits: &'a Limits,
}

impl Captured<'_> {
    /// The whole content of a file that was wanted whole.
    pub fn bytes(&self) -> Result<&[u8], Gap> {
        self.content
            .whole()
            .ok_or_else(|| Gap::new(GapKind::Limit, "the file was too large to be kept whole"))
    }
}

/// What one file says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The identity of an operating system.
    OsRelease(Box<os_release::OsRelease>),
    /// A file of apk: the database of installed packages, or one that says more about them.
    Apk(apk::ApkFile),
    /// A file of dpkg, opkg or apt.
    Dpkg(dpkg::DpkgFile),
    /// A package's copyright file.
    Copyright(copyright::Copyright),
    /// A Go program; one for each architecture of a fat file.
    Go(go_binary::GoProgram),
    /// A Rust program; one for each architecture of a fat file.
    Rust(rust_binary::RustProgram),
    /// A bill of materials that the image carries of itself, as it stands.
    Embedded(std::sync::Arc<[u8]>),
}

impl Finding {
    /// What it lists: packages with what is there of them, modules, crates, and all else that a program states one by
    /// one; 1 for what lists none, and for each program.
    pub fn records(&self) -> u64 {
        let count = match self {
            Self::Apk(apk::ApkFile::Installed(packages)) => packages.len(),
            Self::Dpkg(dpkg::DpkgFile::Packages(_, packages)) => packages.len(),
            Self::Dpkg(dpkg::DpkgFile::Chisel(chisel)) => {
                let files = chisel.contents.values().map(|contents| contents.files.len());
                chisel.packages.len() + files.sum::<usize>()
            }
            Self::Go(program) => 1 + program.modules.len() + program.settings.len() + program.needed.len(),
            Self::Rust(program) => {
                let stated = program.audit.as_ref().map_or(0, |audit| audit.crates.len());
                1 + stated + program.crates.len() + program.checkouts.len() + program.needed.len()
            }
            _ => 1,
        };
        count as u64
    }
}

/// What was found in one file.
#[derive(Debug, Default)]
pub struct Findings {
    /// What it says, in the order of the file.
    pub found: Vec<Finding>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Bytes of text that were unpacked from the file, or taken out of an executable: they count as those of files that
    /// are kept whole do, see [`Limits::captured_bytes`].
    pub taken: u64,
}

/// Reads what is unpacked from a file, within [`Limits::file_bytes`]. All that was unpacked counts as `taken`, even if it
/// is too much or its end cannot be read.
pub(crate) fn unpack(unpacked: impl Read, limits: &Limits, taken: &mut u64) -> Result<Vec<u8>, ReadError> {
    let mut counted = Counted { inner: unpacked, taken };
    read_capped(&mut counted, limits.file_bytes)
}

/// Counts the bytes that pass.
struct Counted<'t, R> {
    inner: R,
    taken: &'t mut u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        *self.taken = self.taken.saturating_add(count as u64);
        Ok(count)
    }
}

/// Something that could not be read, or not be understood, and is therefore missing from the bill.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gap {
    /// The layer it lies in; set by the scan.
    pub layer: Option<usize>,
    /// The file it lies in; set by the scan.
    pub path: Option<ImagePath>,
    /// Where in the file, in bytes.
    pub offset: Option<u64>,
    /// Which detector met it; set by the scan.
    pub detector: Option<&'static str>,
    /// What kind of gap it is.
    pub kind: GapKind,
    /// What is missing and why, for people. Text from the image in it is escaped.
    pub message: String,
}

impl Gap {
    /// A gap of `kind`; the scan adds layer, path and detector.
    pub fn new(kind: GapKind, message: impl AsRef<str>) -> Self {
        let message = match escape_control(message.as_ref()) {
            Cow::Borrowed(text) => text.chars().take(500).collect(),
            Cow::Owned(text) => text.chars().take(500).collect(),
        };
        Self { layer: None, path: None, offset: None, detector: None, kind, message }
    }

    /// The gap with the byte offset at which it begins.
    #[must_use]
    pub fn at(mut self, offset: usize) -> Self {
        self.offset = Some(offset as u64);
        self
    }
}

/// For people: where, then what. What comes from the image is escaped.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(layer) = self.layer {
            write!(f, "layer {layer}, ")?;
        }
        match (&self.path, self.offset) {
            (Some(path), Some(offset)) => write!(f, "{path} at byte {offset}: ")?,
            (Some(path), None) => write!(f, "{path}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.message)
    }
}

/// Kinds of [`Gap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GapKind {
    /// A record that does not follow its format.
    Malformed,
    /// A file that ends too early.
    Truncated,
    /// A bound was hit.
    Limit,
    /// An inventory of a kind that this version does not read.
    Unsupported,
    /// A link that leads nowhere, in a circle, or to a file that could not be read again.
    Unresolved,
    /// A file that could not be opened.
    Unreadable,
    /// Nothing in the subject was recognised.
    NothingRecognised,
    /// A layer that was read in part.
    Partial,
}

impl GapKind {
    /// The name in documents, in kebab case; stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::Limit => "limit",
            Self::Unsupported => "unsupported",
            Self::Unresolved => "unresolved",
            Self::Unreadable => "unreadable",
            Self::NothingRecognised => "nothing-recognised",
            Self::Partial => "partial",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wants all files while they pass, and has no way of its own to read them so.
    #[derive(Debug)]
    struct Plain;

    impl Detector for Plain {
        fn id(&self) -> &'static str {
            "plain"
        }

        fn wants(&self, _: &FileMeta<'_>) -> Want {
            Want::Passing
        }

        fn detect(&self, file: &Captured<'_>, out: &mut Findings) -> Result<(), Gap> {
            out.found.push(Finding::Embedded(file.bytes()?.into()));
            Err(Gap::new(GapKind::Malformed, "and no more"))
        }
    }

    #[test]
    fn a_file_that_passes_is_kept_for_who_knows_no_other_way_to_read_it() {
        let path = ImagePath::from("a");
        let mut limits = Limits::default();
        limits.set("file-bytes", 5);
        let read = |bytes: &[u8]| {
            let file = FileMeta { path: &path, size: bytes.len() as u64, mode: 0o644, head: &[] };
            let mut out = Findings::default();
            Plain.detect_passing(&file, &mut &*bytes, &limits, &mut out).map(|()| out)
        };
        let out = read(b"abcde").unwrap();
        assert_eq!(out.found, [Finding::Embedded(b"abcde"[..].into())]);
        assert_eq!(out.gaps.len(), 1);
        let error = read(b"abcdef").unwrap_err();
        assert!(error.downcast::<crate::limits::LimitExceeded>().is_ok());
    }

    #[test]
    fn whatever_a_program_lists_counts() {
        let many = || vec![String::from("a"); 3];
        let settings = vec![Default::default(); 5];
        let modules = vec![go_binary::Module::default(); 2];
        let go = go_binary::GoProgram { modules, settings, needed: many(), ..Default::default() };
        assert_eq!(Finding::Go(go).records(), 11);
        assert_eq!(Finding::Go(go_binary::GoProgram::default()).records(), 1);
        let rust = rust_binary::RustProgram { checkouts: many(), needed: many(), ..Default::default() };
        assert_eq!(Finding::Rust(rust).records(), 7);
    }
}
