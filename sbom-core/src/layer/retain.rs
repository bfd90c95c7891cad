//! What is kept of a file's content: all of it, or, of a large executable, the parts that matter.
//!
//! Large executables are not kept whole, for memory's sake. Kept are the beginning (headers), the end (section
//! headers and symbols, which the formats place there), what ELF names at the beginning, and what surrounds each
//! [`Needle`](super::needles::Needle).

use std::{
    io::{self, Read},
    ops::Range,
};

use super::needles::{Lookout, Needles};
use crate::{
    digest::{Algorithm, hashing::Hashings},
    limits::{LimitExceeded, Limits, passing_room, read_full},
};

mod content;
mod dynamic;

pub use content::Content;
use content::{Kept, Part};
use dynamic::dynamic_section;

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
    retain_executable_in(Vec::new(), content, size, needles, limits, &Hashings::default())
}

/// The same, where what is kept whole, or of the end of a large file, is kept in `buffer`, whatever it holds;
/// [`Content::take_buffer`] gives it back. It is hashed by way of `hashings`.
pub(crate) fn retain_executable_in(
    mut buffer: Vec<u8>,
    content: &mut dyn Read,
    size: u64,
    needles: &Needles,
    limits: &Limits,
    hashings: &Hashings,
) -> Result<Content, RetainError> {
    if size <= limits.executable_bytes.value {
        return retain_whole(buffer, content, size, needles, hashings);
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
    let hashing = hashings.begin(Algorithm::Sha256);
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
        hashing.add(chunk.get(..count).unwrap_or_default());
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
    let kept = Kept::Parts { size, parts: keeper.parts, sha256: hashing.finish() };
    Ok(Content { kept, places: lookout.finish() })
}

/// Each piece is searched as soon as it is read, while it lies in the processor's cache; and hashed, once a needle was met: who
/// finds something there will want the digest of the file.
fn retain_whole(
    buffer: Vec<u8>,
    content: &mut dyn Read,
    size: u64,
    needles: &Needles,
    hashings: &Hashings,
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
    let (mut filled, mut done, mut hashing) = (0_usize, 0, None);
    loop {
        let end = filled.saturating_add(CHUNK).min(bytes.len());
        filled += read_full(content, bytes.get_mut(filled..end).unwrap_or_default())?;
        let at_end = filled < end || end == bytes.len();
        let read = bytes.get(..filled).unwrap_or_default();
        lookout.search(0, read, at_end, |_, _| {
            hashing.get_or_insert_with(|| hashings.begin(Algorithm::Sha256));
        });
        if let Some(hashing) = &hashing {
            hashing.add(read.get(done..).unwrap_or_default());
            done = filled;
        }
        if at_end {
            break;
        }
    }
    bytes.truncate(filled);
    let kept =
        Kept::Whole { all: Part { offset: 0, bytes }, sha256: hashing.map(|hashing| hashing.finish()) };
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
mod tests;
