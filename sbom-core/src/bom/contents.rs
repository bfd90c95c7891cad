//! Digests over all files of a component, as they are in the image.
//!
//! They say what is installed, with whatever users changed, and not what the package's archive held.

use std::borrow::Cow;

use sha1::{Digest as _, Sha1};

use super::{Bom, Component, FileEntry, FileKind};
use crate::digest::{Algorithm, ContentDigests, Digest, Hasher, hex};

/// The scheme of [`Contents::installed_files`].
pub const INSTALLED_FILES: &str = "sbomctl:installed-files-v1";

/// What the files of a component amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The package verification code: SHA-1 over the lower-case hex SHA-1 digests of the regular files, sorted
    /// and joined by nothing. None without regular files. Source: SPDX 2.3, section 7.9.
    pub verification_code: Option<[u8; 20]>,
    /// SHA-256 over a line for each file, sorted by the bytes of their paths: `SHA-256  /PATH` for a regular
    /// file, `l:TARGET  /PATH` for a symbolic link.
    ///
    /// Where a path or target has a backslash or line break, the line begins with a backslash and they are
    /// written `\\`, `\n` and `\r`, as `sha256sum` does; spaces of a target, which could end it, are written `\ `.
    pub installed_files: Digest,
}

impl Bom {
    /// The listed files that `component`, one of this bill, says are its own, by path. Two components may share a
    /// file, so this may be more than those that it is the [owner](FileEntry::owner) of.
    pub fn files_of<'b>(&'b self, component: &'b Component) -> impl Iterator<Item = &'b FileEntry> {
        // Both lists are sorted: what comes next lies behind what was found last.
        let mut rest = if component.layers.removed.is_none() { self.files.as_slice() } else { &[] };
        let mut owned = component.files.unpack();
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let path = owned.next()?.path;
                let before = rest.partition_point(|file| file.path.as_bytes() < path);
                rest = rest.get(before..)?;
                if let Some((found, behind)) = rest.split_first()
                    && found.path.as_bytes() == path
                {
                    rest = behind;
                    return Some(found);
                }
            }
            None
        })
    }

    /// What the files of `component`, one of this bill, amount to. None where it has none, where they are not
    /// listed, or where one of them could not be read.
    pub fn contents(&self, component: &Component) -> Option<Contents> {
        let last = self.files.last().map(|file| &file.path);
        let is_cut = self.files_not_listed > 0 && component.files.last_path().as_ref() > last;
        if is_cut { None } else { contents(self.files_of(component)) }
    }
}

/// What `files`, sorted by path, amount to. None if there are none, or one could not be read.
pub fn contents<'f>(files: impl Iterator<Item = &'f FileEntry>) -> Option<Contents> {
    let mut sha1s: Vec<[u8; 20]> = Vec::new();
    let mut lines = Hasher::new(Algorithm::Sha256);
    let mut count = 0_u64;
    for FileEntry { path, kind, .. } in files {
        count += 1;
        let path = escape(path.as_bytes(), b"\\\n\r");
        let (mark, what) = match kind {
            FileKind::Regular { digests, .. } => {
                let ContentDigests { sha1, sha256 } = (*digests)?;
                sha1s.push(sha1);
                (&b""[..], Cow::Owned(hex(&sha256).as_bytes().to_vec()))
            }
            FileKind::Symlink { target } => (&b"l:"[..], escape(target, b"\\\n\r ")),
        };
        let is_escaped = [&path, &what].iter().any(|text| text.contains(&b'\\'));
        let begin = if is_escaped { &b"\\"[..] } else { b"" };
        for part in [begin, mark, &what, b"  /", &path, b"\n"] {
            lines.update(part);
        }
    }
    // The digests sort as their digits do.
    sha1s.sort_unstable();
    let mut code = Sha1::new();
    for sha1 in &sha1s {
        code.update(hex(sha1).as_bytes());
    }
    let verification_code = (!sha1s.is_empty()).then(|| code.finalize().into());
    (count > 0).then(|| Contents { verification_code, installed_files: lines.finish() })
}

/// `text` with a backslash before each of the bytes `special`, and `n` and `r` for line breaks.
fn escape<'t>(text: &'t [u8], special: &[u8]) -> Cow<'t, [u8]> {
    if !text.iter().any(|byte| special.contains(byte)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = Vec::with_capacity(text.len() + 8);
    for byte in text {
        if special.contains(byte) {
            escaped.push(b'\\');
        }
        escaped.push(match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            other => *other,
        });
    }
    Cow::Owned(escaped)
}
