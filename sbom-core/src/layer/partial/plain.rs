//! An uncompressed archive: from header to header, over what nobody reads.
//!
//! Every header is read, and with it the first bytes of what follows, so that the sink decides as it does when the
//! whole passes by. Where nothing is worth leaving out the whole does pass by, and its digest proves it.

use std::io::{self, Read};

use super::{Extent, PartialError, Reading, ranges::Ranges};
use crate::{
    digest::{Digest, Hasher},
    layer::{
        EntrySink,
        decompress::Compression,
        walk::{Archive, walk_archive},
    },
};

/// Bytes read at first after a hop: a header with extended ones before it, and the head of the file.
const FIRST: u64 = 8 << 10;
/// Most bytes read at a time.
const MOST: u64 = 4 << 20;
/// Fewer bytes than this are read over: asking anew takes longer than they do.
const HOP: u64 = 128 << 10;

pub(super) fn walk(
    ranges: &Ranges<'_>,
    reading: &Reading<'_>,
    sink: &mut dyn EntrySink,
) -> Result<Extent, PartialError> {
    let Reading { digest, limits, .. } = *reading;
    let hasher = digest.map(|digest| Hasher::new(digest.algorithm()));
    let mut hopping = Hopping { ranges, at: 0, ahead: FIRST, window: Vec::new(), taken: 0, hasher };
    hopping.refill()?;
    if Compression::of(&hopping.window) != Compression::None {
        return Err(PartialError::Compressed);
    }
    walk_archive(&mut hopping, limits, sink)?;
    match (hopping.finish()?, digest) {
        (Some(found), Some(expected)) if found != *expected => {
            Err(PartialError::Digest { expected: expected.clone(), found })
        }
        (Some(_), Some(_)) => Ok(Extent::Whole),
        _ => Ok(Extent::Parts),
    }
}

/// The archive as a stream that can be hopped over.
struct Hopping<'r, 'a> {
    ranges: &'r Ranges<'a>,
    /// Behind the window.
    at: u64,
    /// How much is asked for next.
    ahead: u64,
    window: Vec<u8>,
    taken: usize,
    /// Of all bytes so far; none once some were left out.
    hasher: Option<Hasher>,
}

impl Hopping<'_, '_> {
    fn refill(&mut self) -> Result<(), PartialError> {
        let end = self.at.saturating_add(self.ahead).min(self.ranges.size());
        self.window = self.ranges.read_on(self.at..end)?;
        self.taken = 0;
        self.at = end;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.window);
        }
        // Whoever reads on is likely to go on.
        self.ahead = self.ahead.saturating_mul(2).min(MOST);
        Ok(())
    }

    /// The digest of all bytes, if none are left out: what follows the end of the archive, mostly zeros that fill a block,
    /// is fetched if it is less than is worth a hop.
    fn finish(mut self) -> Result<Option<Digest>, PartialError> {
        if self.ranges.size().saturating_sub(self.at) >= HOP {
            return Ok(None);
        }
        while self.hasher.is_some() && self.at < self.ranges.size() {
            self.refill()?;
        }
        Ok(self.hasher.map(Hasher::finish))
    }
}

impl Read for Hopping<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.window.len() && self.at < self.ranges.size() {
            self.refill()?;
        }
        let mut rest = self.window.get(self.taken..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.taken = self.taken.saturating_add(count);
        Ok(count)
    }
}

impl Archive for Hopping<'_, '_> {
    /// Does so if that is worth a request.
    fn hop(&mut self, count: u64) -> io::Result<u64> {
        let there = self.window.len().saturating_sub(self.taken) as u64;
        let ahead = count.saturating_sub(there);
        if ahead < HOP || self.ranges.left() == 0 {
            return Ok(0);
        }
        let to = self.at.saturating_add(ahead).min(self.ranges.size());
        let passed = there.saturating_add(to.saturating_sub(self.at));
        self.window.clear();
        self.hasher = None;
        (self.taken, self.at, self.ahead) = (0, to, FIRST);
        Ok(passed)
    }
}
