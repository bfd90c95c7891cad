//! Files in chunks: fetched together where they lie together, unpacked, proved, and handed on.

use std::{
    io::{self, Read},
    ops::Range,
};

use sbom_inflate::GzipReader;

use super::{
    PartialError, Reading,
    ranges::Ranges,
    toc::{Chunk, Toc},
};
use crate::{
    digest::Hasher,
    layer::{EntrySink, decompress::ZSTD_WINDOW_LOG_MAX},
    limits::{Limits, ReadError, read_capped},
};

/// How chunks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Zstd,
}

/// Bytes between two chunks that are fetched with them: asking anew takes longer than they do.
const GAP: u64 = 32 << 10;
/// Bytes of a file that is fetched whole, whatever its beginning will tell.
const SMALL: u64 = 1 << 20;
/// Most bytes fetched at a time, unless a single chunk has more.
const MOST: u64 = 4 << 20;

/// Hands all entries of `toc` to `sink`, in their order.
pub(super) fn walk(
    ranges: &Ranges<'_>,
    toc: Toc,
    codec: Codec,
    reading: &Reading<'_>,
    sink: &mut dyn EntrySink,
) -> Result<(), PartialError> {
    let Reading { limits, memory, .. } = *reading;
    let Toc { entries, chunks } = toc;
    let _share = memory.take(most_held(&chunks, limits));
    let spans = entries.iter().filter_map(|(_, range)| at_first(chunks.get(range.clone())?)).collect();
    let plan = plan(spans, ranges.left() / 2);
    let mut store =
        Store { ranges, codec, limits, plan, start: 0, window: Vec::new(), unpacked: 0, zeros: 0 };
    for (entry, range) in entries {
        let chunks = chunks.get(range).unwrap_or_default();
        let mut content = Content { store: &mut store, chunks, bytes: Vec::new(), taken: 0, zeros: 0 };
        sink.entry(entry, &mut content)?;
    }
    Ok(())
}

/// Bytes held at a time: what was fetched, and, of the largest chunk, what the decompressor looks back at and what it gave.
fn most_held(chunks: &[Chunk], limits: &Limits) -> u64 {
    let unpacked = chunks.iter().map(|chunk| chunk.inner.saturating_add(chunk.size));
    // A longer one is refused.
    let largest = unpacked.filter(|length| limits.chunk_bytes.check(*length).is_ok()).max().unwrap_or(0);
    largest.saturating_mul(3).saturating_add(MOST)
}

/// What to fetch of a file before anybody has looked at it: of a large one the first chunk, which may tell that the
/// others are not wanted.
fn at_first(chunks: &[Chunk]) -> Option<Range<u64>> {
    let mut stored = chunks.iter().filter(|chunk| chunk.digest.is_some()).map(|chunk| &chunk.stored);
    let first = stored.next()?;
    let end = stored.next_back().map_or(first.end, |last| last.end);
    let is_small = (first.start..=first.start.saturating_add(SMALL)).contains(&end);
    Some(first.start..if is_small { end } else { first.end })
}

/// `spans` in their order, together where they are no further apart than [`GAP`], or further if they would be more than
/// `most` in number.
fn plan(mut spans: Vec<Range<u64>>, most: u64) -> Vec<Range<u64>> {
    spans.sort_unstable_by_key(|range| range.start);
    let mut gap = GAP;
    loop {
        let mut plan: Vec<Range<u64>> = Vec::new();
        for range in &spans {
            match plan.last_mut() {
                Some(last) if range.start <= last.end.saturating_add(gap) => {
                    last.end = last.end.max(range.end);
                }
                _ => plan.push(range.clone()),
            }
        }
        if plan.len() as u64 <= most.max(1) {
            return plan;
        }
        gap = gap.saturating_mul(2);
    }
}

/// What was fetched last, and what is to be fetched.
struct Store<'r, 'a> {
    ranges: &'r Ranges<'a>,
    codec: Codec,
    limits: &'r Limits,
    plan: Vec<Range<u64>>,
    /// Where the window begins.
    start: u64,
    window: Vec<u8>,
    /// Bytes unpacked.
    unpacked: u64,
    /// Bytes of zeros handed on that are stored nowhere.
    zeros: u64,
}

impl Store<'_, '_> {
    /// The bytes of `chunk`, proved. Further chunks of the file lie before `until`.
    fn chunk(&mut self, chunk: &Chunk, until: u64) -> Result<Vec<u8>, PartialError> {
        let limits = self.limits;
        let length = chunk.inner.saturating_add(chunk.size);
        limits.chunk_bytes.check(length)?;
        self.unpacked = self.unpacked.saturating_add(length);
        limits.check_unpacked(self.unpacked, self.ranges.fetched())?;
        let codec = self.codec;
        let stored = self.stored(chunk.stored.clone(), until)?;
        let wrong = || PartialError::Chunk { offset: chunk.stored.start };
        let unpacked: Box<dyn Read + '_> = match codec {
            Codec::Gzip => Box::new(GzipReader::first_member(stored)),
            Codec::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(stored)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        };
        let mut bytes = match read_capped(unpacked.take(length), limits.chunk_bytes) {
            Ok(bytes) => bytes,
            Err(ReadError::Io(_)) => return Err(wrong()),
            Err(ReadError::Limit(exceeded)) => return Err(exceeded.into()),
        };
        let inner = usize::try_from(chunk.inner).unwrap_or(usize::MAX).min(bytes.len());
        bytes.drain(..inner);
        let digest = chunk.digest.as_ref().ok_or_else(wrong)?;
        let mut hasher = Hasher::new(digest.algorithm());
        hasher.update(&bytes);
        if bytes.len() as u64 == chunk.size && hasher.finish() == *digest { Ok(bytes) } else { Err(wrong()) }
    }

    /// The stored bytes of `range`.
    fn stored(&mut self, range: Range<u64>, until: u64) -> Result<&[u8], PartialError> {
        let end = self.start.saturating_add(self.window.len() as u64);
        if range.start < self.start || range.end > end {
            let planned = self.plan.partition_point(|span| span.start <= range.start);
            let planned = planned.checked_sub(1).and_then(|at| self.plan.get(at)).map_or(0, |span| span.end);
            let most = range.start.saturating_add(MOST);
            let end = planned.max(until).min(most).max(range.end);
            // Freed first: two windows are more than is needed.
            self.window = Vec::new();
            self.window = self.ranges.read(range.start..end)?;
            self.start = range.start;
        }
        let offset = |at: u64| usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.window.get(offset(range.start)..offset(range.end)).unwrap_or_default())
    }
}

/// The content of one file.
struct Content<'s, 'r, 'a> {
    store: &'s mut Store<'r, 'a>,
    /// Those not yet begun.
    chunks: &'s [Chunk],
    bytes: Vec<u8>,
    taken: usize,
    /// Of a chunk of zeros, those still to come.
    zeros: u64,
}

impl Content<'_, '_, '_> {
    /// Begins the next chunk; false if there is none.
    fn advance(&mut self, is_first: bool) -> Result<bool, PartialError> {
        let Some((chunk, rest)) = self.chunks.split_first() else { return Ok(false) };
        self.chunks = rest;
        if chunk.digest.is_none() {
            self.store.zeros = self.store.zeros.saturating_add(chunk.size);
            self.store.limits.hole_bytes.check(self.store.zeros)?;
            self.zeros = chunk.size;
            return Ok(true);
        }
        // Who reads on behind the first is likely to read all.
        let until = rest.last().filter(|_| !is_first).map_or(0, |last| last.stored.end);
        self.taken = 0;
        self.bytes = Vec::new();
        self.bytes = self.store.chunk(chunk, until)?;
        Ok(true)
    }
}

impl Read for Content<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.zeros > 0 {
                let count = usize::try_from(self.zeros).unwrap_or(usize::MAX).min(buffer.len());
                buffer.get_mut(..count).unwrap_or_default().fill(0);
                self.zeros = self.zeros.saturating_sub(count as u64);
                return Ok(count);
            }
            let mut rest = self.bytes.get(self.taken..).unwrap_or_default();
            if !rest.is_empty() {
                let count = rest.read(buffer)?;
                self.taken = self.taken.saturating_add(count);
                return Ok(count);
            }
            let is_first = self.bytes.is_empty() && self.taken == 0;
            if buffer.is_empty() || !self.advance(is_first)? {
                return Ok(0);
            }
        }
    }
}
