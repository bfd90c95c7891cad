//! What is known of a file once it was read: all of its bytes, or parts of them.

use super::super::needles::Places;
use crate::digest::Digest;

/// What was kept of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub(super) kept: Kept,
    /// Where the needles are in the whole file; none if it was not searched, or there are too many.
    pub(super) places: Option<Places>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// It may be hashed later; where that was foreseen it was hashed while it passed, which is faster than from memory.
    Whole { all: Part, sha256: Option<Digest> },
    /// What was left out can no longer be hashed, so its digest is known from when it passed.
    Parts { size: u64, parts: Vec<Part>, sha256: Digest },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
}

impl Content {
    /// All of a file.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { kept: Kept::Whole { all: Part { offset: 0, bytes }, sha256: None }, places: None }
    }

    /// The buffer that held the whole file, or the end of a large one, and no longer does.
    pub(crate) fn take_buffer(&mut self) -> Vec<u8> {
        match &mut self.kept {
            Kept::Whole { all, .. } => std::mem::take(&mut all.bytes),
            Kept::Parts { parts, .. } => {
                parts.last_mut().map(|end| std::mem::take(&mut end.bytes)).unwrap_or_default()
            }
        }
    }

    /// Length of the file, not of what was kept.
    pub fn size(&self) -> u64 {
        match &self.kept {
            Kept::Whole { all, .. } => all.bytes.len() as u64,
            Kept::Parts { size, .. } => *size,
        }
    }

    /// The whole file, if it was kept whole.
    pub fn whole(&self) -> Option<&[u8]> {
        match self.runs() {
            [only] if only.offset == 0 && only.bytes.len() as u64 == self.size() => Some(&only.bytes),
            _ => None,
        }
    }

    /// SHA-256 of the whole file.
    pub fn sha256(&self) -> Digest {
        match &self.kept {
            Kept::Whole { sha256: Some(sha256), .. } | Kept::Parts { sha256, .. } => sha256.clone(),
            Kept::Whole { all, sha256: None } => Digest::of(&all.bytes),
        }
    }

    /// `length` bytes from `offset`, if all of them were kept.
    pub fn read_at(&self, offset: u64, length: u64) -> Option<&[u8]> {
        let (from, bytes) = self.kept_from(offset)?;
        let start = usize::try_from(from).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    }

    /// What was kept from `offset` on without a break, at most `longest` bytes.
    pub fn run_at(&self, offset: u64, longest: u64) -> &[u8] {
        let Some((from, bytes)) = self.kept_from(offset) else { return &[] };
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = bytes.get(from..).unwrap_or_default();
        bytes.get(..usize::try_from(longest).unwrap_or(usize::MAX)).unwrap_or(bytes)
    }

    /// Where `pattern` occurs in the file, kept or not, in order; none if that is not known.
    pub fn places(&self, pattern: &[u8]) -> Option<&[u64]> {
        self.places.as_ref()?.of(pattern)
    }

    /// What was kept, as runs of bytes with their offsets, in order.
    pub fn parts(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.runs().iter().map(|part| (part.offset, part.bytes.as_slice()))
    }

    fn runs(&self) -> &[Part] {
        match &self.kept {
            Kept::Whole { all, .. } => std::slice::from_ref(all),
            Kept::Parts { parts, .. } => parts,
        }
    }

    /// The kept run that holds `offset`, and where in it that lies.
    fn kept_from(&self, offset: u64) -> Option<(u64, &[u8])> {
        let runs = self.runs();
        let after = runs.partition_point(|part| part.offset <= offset);
        let part = runs.get(after.checked_sub(1)?)?;
        Some((offset - part.offset, &part.bytes))
    }
}

impl<'a> object::ReadRef<'a> for &'a Content {
    fn len(self) -> Result<u64, ()> {
        Ok(self.size())
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        if size == 0 {
            return Ok(&[]);
        }
        self.read_at(offset, size).ok_or(())
    }

    fn read_bytes_at_until(self, range: std::ops::Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let (start, bytes) = self.kept_from(range.start).ok_or(())?;
        let start = usize::try_from(start).ok().ok_or(())?;
        let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let bytes = bytes.get(start..start.saturating_add(length).min(bytes.len())).ok_or(())?;
        let end = memchr::memchr(delimiter, bytes).ok_or(())?;
        bytes.get(..end).ok_or(())
    }
}
