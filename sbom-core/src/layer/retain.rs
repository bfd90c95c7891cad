//! What is kept of a file's content: all of it, or, of a large executable, the parts that matter.
//!
//! Large executables are not kept whole, for memory's sake. Kept are the beginning (headers), the end (section
//! headers and symbols, which the formats place there), what ELF names at the beginning, and what surrounds each
//! [`Needle`](super::needles::Needle).

use std::{
    io::{self, Read},
    ops::Range,
};

use super::{
    elf::dynamic_section,
    needles::{Lookout, Needles, Places},
};
use crate::{
    digest::{Algorithm, Digest, Hasher},
    limits::{LimitExceeded, Limits, passing_room, read_full},
};

/// What was kept of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    kept: Kept,
    /// Where the needles are in the whole file; none if it was not searched, or there are too many.
    places: Option<Places>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    /// It may be hashed later; where that was foreseen it was hashed while it passed, which is faster than from memory.
    Whole { all: Part, sha256: Option<Digest> },
    /// What was left out can no longer be hashed, so its digest is known from when it passed.
    Parts { size: u64, parts: Vec<Part>, sha256: Digest },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    offset: u64,
    bytes: Vec<u8>,
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

/// Bytes kept from the beginning of a large executable.
const HEAD: u64 = 256 << 10;
/// Bytes kept of what is optional.
const OPTIONAL: usize = 1 << 20;
/// Bytes read at a time.
const CHUNK: usize = 256 << 10;

/// Keeping a file failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetainError {
    /// The content could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The parts worth keeping are larger than allowed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

/// Reads an executable of `size` bytes, keeping what matters: all of it within `limits.executable_bytes`.
pub fn retain_executable(
    content: &mut dyn Read,
    size: u64,
    needles: &Needles,
    limits: &Limits,
) -> Result<Content, RetainError> {
    retain_executable_in(Vec::new(), content, size, needles, limits)
}

/// The same, where what is kept whole, or of the end of a large file, is kept in `buffer`, whatever it holds. [`Content::take_buffer`] gives it back.
pub(crate) fn retain_executable_in(
    mut buffer: Vec<u8>,
    content: &mut dyn Read,
    size: u64,
    needles: &Needles,
    limits: &Limits,
) -> Result<Content, RetainError> {
    if size <= limits.executable_bytes.value {
        return retain_whole(buffer, content, size, needles);
    }
    let overlap = needles.overlap();
    let tail = size.saturating_sub(limits.executable_parts_bytes.value / 2);
    buffer.clear();
    let mut keeper = Keeper {
        parts: Vec::new(),
        size,
        keep_until: HEAD,
        named: None,
        tail,
        kept: 0,
        limits,
        spare: buffer,
    };
    let mut hasher = Hasher::new(Algorithm::Sha256);
    // The window, of which `held` bytes are filled, holds the last `overlap` bytes seen and the next chunk; `start` is its
    // offset in the file.
    let mut buffer = vec![0; overlap + CHUNK];
    let mut held = 0;
    let mut start = 0_u64;
    let mut done = 0_usize;
    let mut lookout = Lookout::for_all(needles);
    let mut optional = 0_usize;
    loop {
        let chunk = buffer.get_mut(held..held + CHUNK).unwrap_or_default();
        let count = read_full(content, chunk)?;
        hasher.update(chunk.get(..count).unwrap_or_default());
        held += count;
        let window = buffer.get(..held).unwrap_or_default();
        let at_end = count < CHUNK;
        // What is kept of each hit, in the order in which that begins.
        let mut hits: Vec<(usize, usize)> = Vec::new();
        lookout.search(start, window, at_end, |hit, needle| {
            let (begin, end) = (hit.saturating_sub(needle.before), hit.saturating_add(needle.after));
            if needle.is_optional {
                optional = optional.saturating_add(end - begin);
            }
            if !needle.is_optional || optional <= OPTIONAL {
                hits.push((begin, end));
            }
        });
        hits.sort_unstable();
        if keeper.named.is_none() {
            keeper.named = Some(dynamic_section(window).unwrap_or_default());
        }
        // Bytes before `release` can no longer be asked for by a later hit.
        let release = if at_end { window.len() } else { window.len().saturating_sub(overlap) };
        for (begin, end) in hits {
            keeper.feed(start, window, &mut done, begin.min(release))?;
            keeper.keep_until = keeper.keep_until.max(start.saturating_add(end as u64));
        }
        keeper.feed(start, window, &mut done, release)?;
        if at_end {
            break;
        }
        buffer.copy_within(done..held, 0);
        held -= done;
        start += done as u64;
        done = 0;
    }
    let kept = Kept::Parts { size, parts: keeper.parts, sha256: hasher.finish() };
    Ok(Content { kept, places: lookout.finish() })
}

/// Each piece is searched as soon as it is read, while it lies in the processor's cache; and hashed, once a needle was met: who
/// finds something there will want the digest of the file.
fn retain_whole(
    buffer: Vec<u8>,
    content: &mut dyn Read,
    size: u64,
    needles: &Needles,
) -> Result<Content, RetainError> {
    let length = usize::try_from(size).unwrap_or(0);
    let mut bytes = if buffer.capacity() < length {
        drop(buffer);
        vec![0; passing_room(length)]
    } else {
        buffer
    };
    bytes.resize(length, 0);
    let mut lookout = Lookout::for_places(needles);
    let (mut filled, mut done, mut hasher) = (0_usize, 0, None);
    loop {
        let end = filled.saturating_add(CHUNK).min(bytes.len());
        filled += read_full(content, bytes.get_mut(filled..end).unwrap_or_default())?;
        let at_end = filled < end || end == bytes.len();
        let read = bytes.get(..filled).unwrap_or_default();
        lookout
            .search(0, read, at_end, |_, _| _ = hasher.get_or_insert_with(|| Hasher::new(Algorithm::Sha256)));
        if let Some(hasher) = &mut hasher {
            hasher.update(read.get(done..).unwrap_or_default());
            done = filled;
        }
        if at_end {
            break;
        }
    }
    bytes.truncate(filled);
    let kept = Kept::Whole { all: Part { offset: 0, bytes }, sha256: hasher.map(Hasher::finish) };
    Ok(Content { kept, places: lookout.finish() })
}

/// Decides, byte run by byte run, what is kept.
struct Keeper<'a> {
    parts: Vec<Part>,
    /// Length of the file.
    size: u64,
    keep_until: u64,
    /// What the beginning of the file says that is to be kept as well; none before that was seen.
    named: Option<Range<u64>>,
    tail: u64,
    kept: u64,
    limits: &'a Limits,
    /// What may hold the end of the file.
    spare: Vec<u8>,
}

impl Keeper<'_> {
    /// Takes the bytes of `window` from `*done` to `to`; `start` is the window's offset in the file.
    fn feed(&mut self, start: u64, window: &[u8], done: &mut usize, to: usize) -> Result<(), LimitExceeded> {
        while *done < to {
            let at = start + *done as u64;
            let named = self.named.clone().unwrap_or_default();
            let (keep, end) = if at < self.keep_until {
                (true, self.keep_until)
            } else if at >= self.tail {
                (true, u64::MAX)
            } else if named.contains(&at) {
                (true, named.end)
            } else if at < named.start {
                (false, self.tail.min(named.start))
            } else {
                (false, self.tail)
            };
            let end = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX).min(to);
            if keep {
                let bytes = window.get(*done..end).unwrap_or_default();
                self.kept += bytes.len() as u64;
                self.limits.executable_parts_bytes.check(self.kept)?;
                let follows = |part: &Part| part.offset + part.bytes.len() as u64 == at;
                if !self.parts.last().is_some_and(follows) {
                    self.parts.push(Part { offset: at, bytes: Vec::new() });
                }
                let Some(part) = self.parts.last_mut() else { break };
                if at >= self.tail {
                    // All of what is left follows: room for twice of it would be wasted.
                    let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(0);
                    if part.bytes.capacity().saturating_sub(part.bytes.len()) < left {
                        make_room(&mut part.bytes, left, std::mem::take(&mut self.spare));
                    }
                }
                part.bytes.extend_from_slice(bytes);
            }
            *done = end;
        }
        Ok(())
    }
}

/// Gives `bytes` room for `more`, in the empty `spare` if that has enough.
fn make_room(bytes: &mut Vec<u8>, more: usize, mut spare: Vec<u8>) {
    if spare.capacity() < bytes.len().saturating_add(more) {
        drop(spare);
        bytes.reserve_exact(passing_room(more));
    } else {
        spare.extend_from_slice(bytes);
        *bytes = spare;
    }
}

#[cfg(test)]
mod tests {
    use object::ReadRef as _;

    use super::{super::needles::Needle, *};

    const NEEDLE: Needle =
        Needle { pattern: b"NEEDLE", before: 4, after: 16, accept: |_, _| true, is_optional: false };

    fn small_limits() -> Limits {
        let mut limits = Limits::default();
        limits.set("executable-bytes", 1000);
        limits.set("executable-parts-bytes", 4 << 20);
        limits
    }

    fn file(size: usize, needles: &[usize]) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
        for &at in needles {
            bytes[at..at + 6].copy_from_slice(b"NEEDLE");
        }
        bytes
    }

    #[test]
    fn a_small_file_is_kept_whole() {
        let bytes = file(1000, &[]);
        let content =
            retain_executable(&mut &bytes[..], 1000, &Needles::new([NEEDLE]), &small_limits()).unwrap();
        assert_eq!(content.whole(), Some(&bytes[..]));
        assert_eq!(content.sha256(), Digest::of(&bytes));
    }

    #[test]
    fn what_is_hashed_as_it_passes_has_the_digest_of_the_whole_file() {
        for size in [0, 1000, CHUNK, 3 * CHUNK + 7] {
            for needle in [0, 900, CHUNK - 3, 2 * CHUNK, 3 * CHUNK] {
                let bytes = file(size, if needle + 6 > size { &[] } else { std::slice::from_ref(&needle) });
                let needles = Needles::new([NEEDLE]);
                let content =
                    retain_executable(&mut &bytes[..], size as u64, &needles, &Limits::default()).unwrap();
                assert_eq!(content.whole(), Some(&bytes[..]));
                assert_eq!(content.sha256(), Digest::of(&bytes), "{needle} of {size}");
            }
        }
    }

    #[test]
    fn a_buffer_that_is_used_again_leaves_nothing_behind() {
        let needles = Needles::new([NEEDLE]);
        for before in [vec![], vec![7; 3], vec![7; 5000]] {
            for size in [0, 3, 1000] {
                let bytes = file(size, if size > 500 { &[400] } else { &[] });
                let keep = |buffer, bytes: &mut &[u8]| {
                    retain_executable_in(buffer, bytes, size as u64, &needles, &small_limits()).unwrap()
                };
                let mut content = keep(before.clone(), &mut &bytes[..]);
                assert_eq!(content, keep(Vec::new(), &mut &bytes[..]));
                assert_eq!(content.take_buffer(), bytes);
                // A file that ends too early.
                let short = keep(before.clone(), &mut &bytes[..size / 2]);
                assert_eq!(short.whole(), Some(&bytes[..size / 2]));
            }
        }
        for before in [vec![], vec![7; 3], vec![7; 5 << 20]] {
            let bytes = file(6 << 20, &[2 << 20, (4 << 20) + 9]);
            let keep = |buffer, bytes: &mut &[u8]| {
                retain_executable_in(buffer, bytes, 6 << 20, &needles, &small_limits()).unwrap()
            };
            let mut content = keep(before, &mut &bytes[..]);
            assert_eq!(content, keep(Vec::new(), &mut &bytes[..]));
            assert_eq!(content.take_buffer(), bytes[4 << 20..]);
        }
    }

    #[test]
    fn of_a_large_file_head_tail_and_needles_are_kept() {
        let size = 6 << 20;
        // One hit across a chunk border, one in the middle of nowhere.
        let places = [CHUNK * 3 - 3, (2 << 20) + 77];
        let bytes = file(size, &places);
        let content =
            retain_executable(&mut &bytes[..], size as u64, &Needles::new([NEEDLE]), &small_limits())
                .unwrap();
        assert_eq!(content.whole(), None);
        assert_eq!(content.sha256(), Digest::of(&bytes));
        for at in places {
            assert_eq!(content.read_at(at as u64 - 4, 20), Some(&bytes[at - 4..at + 16]), "{at}");
        }
        assert_eq!(content.read_at(0, HEAD), Some(&bytes[..256 << 10]));
        let tail = size - (2 << 20);
        assert_eq!(content.read_at(tail as u64, 2 << 20), Some(&bytes[tail..]));
        assert_eq!(content.read_at(HEAD, 1), None);
        assert_eq!((&content).read_bytes_at_until(10..400, 100), Ok(&bytes[10..100]));
        assert!(content.parts().map(|(_, part)| part.len()).sum::<usize>() < 3 << 20);
    }

    #[test]
    fn what_lies_before_a_hit_is_kept_though_another_one_lies_there() {
        let size = 6 << 20;
        let mut bytes = file(size, &[3 << 20]);
        let other = (3 << 20) + 20;
        bytes[other..other + 5].copy_from_slice(b"OTHER");
        let far = Needle { pattern: b"OTHER", before: 50, after: 5, accept: |_, _| true, is_optional: false };
        let needles = Needles::new([NEEDLE, far]);
        let content = retain_executable(&mut &bytes[..], size as u64, &needles, &small_limits()).unwrap();
        assert_eq!(content.read_at(other as u64 - 50, 55), Some(&bytes[other - 50..other + 5]));
        assert_eq!(content.read_at(other as u64 - 51, 1), None);
    }

    #[test]
    fn rejected_hits_are_not_kept() {
        let size = 6 << 20;
        let bytes = file(size, &[3 << 20]);
        let never = Needle { accept: |_, _| false, ..NEEDLE };
        let content =
            retain_executable(&mut &bytes[..], size as u64, &Needles::new([never]), &small_limits()).unwrap();
        assert_eq!(content.read_at(3 << 20, 1), None);
    }

    #[test]
    fn a_file_of_nothing_but_optional_needles_is_read_without_most_of_them() {
        let size = 8 << 20;
        let bytes: Vec<u8> = b"NEEDLE".iter().copied().cycle().take(size).collect();
        let needles = Needles::new([Needle { is_optional: true, after: 6, before: 0, ..NEEDLE }]);
        let content = retain_executable(&mut &bytes[..], size as u64, &needles, &small_limits()).unwrap();
        assert!(content.read_at(0, OPTIONAL as u64 - 6) == bytes.get(..OPTIONAL - 6));
        assert!(content.read_at(2 << 20, 1).is_none());
        let tail = size - (2 << 20);
        assert!(content.read_at(tail as u64, 2 << 20) == bytes.get(tail..));
    }

    #[test]
    fn a_file_of_nothing_but_needles_hits_the_limit() {
        let size = 8 << 20;
        let bytes: Vec<u8> = b"NEEDLE".iter().copied().cycle().take(size).collect();
        assert!(matches!(
            retain_executable(&mut &bytes[..], size as u64, &Needles::new([NEEDLE]), &small_limits()),
            Err(RetainError::Limit(_))
        ));
    }
}
