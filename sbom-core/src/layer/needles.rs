//! Byte patterns that mark something in an executable, all of them found in one pass while it streams by.
//!
//! The same pass serves two ends: [`retain`](super::retain) keeps what surrounds the needles of a large file, and of every
//! file it is remembered where they are, so that no detector has to search it once more.

use std::collections::BTreeMap;

use aho_corasick::{Span, packed};
use memchr::memmem::Finder;

/// A byte pattern that marks something worth keeping.
#[derive(Debug, Clone, Copy)]
pub struct Needle {
    /// The bytes to look for.
    pub pattern: &'static [u8],
    /// Bytes to keep before the pattern.
    pub before: usize,
    /// Bytes to keep from the pattern's beginning.
    pub after: usize,
    /// Looks closer at a hit: its offset in the file, and what follows from its beginning (at least
    /// [`Needle::LOOKAHEAD`] bytes, unless the file ends before).
    pub accept: fn(offset: u64, bytes: &[u8]) -> bool,
    /// Whether what surrounds it is kept only as long as that is little: a file that is full of it is read without.
    pub is_optional: bool,
}

impl Needle {
    /// How many bytes [`Needle::accept`] gets to see. No pattern is longer.
    pub const LOOKAHEAD: usize = 128;

    fn is(&self, other: &Self) -> bool {
        let of = |needle: &Self| (needle.pattern, needle.before, needle.after, needle.is_optional);
        of(self) == of(other) && std::ptr::fn_addr_eq(self.accept, other.accept)
    }

    /// Whether its places are remembered: shorter patterns are in any code, and mean nothing without a closer look.
    fn is_rare(&self) -> bool {
        self.pattern.len() > 4
    }
}

/// Needles, and what finds all of them in one pass.
#[derive(Debug)]
pub struct Needles {
    all: Search,
    /// Only those whose places are remembered.
    rare: Search,
}

impl Needles {
    /// What looks for `needles`.
    pub fn new(needles: impl IntoIterator<Item = Needle>) -> Self {
        let mut all: Vec<Needle> = Vec::new();
        for needle in needles {
            // Several detectors may look for one.
            if !all.iter().any(|known| known.is(&needle)) {
                all.push(needle);
            }
        }
        let rare = all.iter().filter(|needle| needle.is_rare()).copied().collect();
        Self { all: Search::new(all), rare: Search::new(rare) }
    }

    /// Bytes before a place that must stay at hand until it is certain that no needle begins there.
    pub(super) fn overlap(&self) -> usize {
        let before = self.all.needles.iter().map(|needle| needle.before.max(needle.pattern.len()));
        before.max().unwrap_or(0) + Needle::LOOKAHEAD
    }
}

/// Finds needles.
#[derive(Debug)]
struct Search {
    needles: Vec<Needle>,
    by: By,
}

#[derive(Debug)]
enum By {
    /// Many patterns at once, by vector instructions, with the needles that have them. What they compare first is as long as
    /// the shortest pattern, so that short ones are searched apart: else many more places would have to be looked at closer.
    Packed(Vec<(packed::Searcher, Vec<Needle>)>),
    /// One after the other, where the processor has none that serve.
    Each(Vec<Finder<'static>>),
}

/// Bytes of a pattern that vector instructions compare at most.
const COMPARED: usize = 4;

impl Search {
    fn new(needles: Vec<Needle>) -> Self {
        let patterns = |needles: &[Needle]| needles.iter().map(|needle| needle.pattern).collect::<Vec<_>>();
        let (short, long): (Vec<Needle>, Vec<Needle>) =
            needles.iter().partition(|needle| needle.pattern.len() < COMPARED);
        let together = [short, long].into_iter().filter(|needles| !needles.is_empty());
        let packed = |needles: Vec<Needle>| Some((packed::Searcher::new(patterns(&needles))?, needles));
        let by = match together.map(packed).collect() {
            Some(searchers) => By::Packed(searchers),
            None => By::Each(patterns(&needles).into_iter().map(Finder::new).collect()),
        };
        Self { needles, by }
    }

    /// Hands `found` every place of `bytes` from `from` on where a needle's pattern begins, in their order.
    fn find(&self, bytes: &[u8], from: usize, mut found: impl FnMut(usize, &Needle)) {
        let from = from.min(bytes.len());
        let mut hits = Vec::new();
        match &self.by {
            By::Packed(searchers) => {
                for (searcher, needles) in searchers {
                    let mut at = from;
                    while let Some(hit) = searcher.find_in(bytes, Span::from(at..bytes.len())) {
                        let rest = bytes.get(hit.start()..).unwrap_or_default();
                        let here = needles.iter().filter(|needle| rest.starts_with(needle.pattern));
                        hits.extend(here.map(|needle| (hit.start(), needle)));
                        // Patterns may overlap, so that the search goes on one byte further.
                        at = hit.start() + 1;
                    }
                }
            }
            By::Each(finders) => {
                for (finder, needle) in finders.iter().zip(&self.needles) {
                    let mut at = from;
                    while let Some(hit) = bytes.get(at..).and_then(|rest| finder.find(rest)) {
                        hits.push((at + hit, needle));
                        at += hit + 1;
                    }
                }
            }
        }
        hits.sort_by_key(|(hit, _)| *hit);
        for (hit, needle) in hits {
            found(hit, needle);
        }
    }
}

/// Places remembered of one file; a large program with 600 crates has about 5000.
const MAX_PLACES: usize = 1 << 16;

/// Where the needles of more than a few bytes are in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    by_pattern: BTreeMap<&'static [u8], Vec<u64>>,
    count: usize,
}

impl Places {
    fn none_of(needles: &Needles) -> Self {
        let patterns = needles.rare.needles.iter().map(|needle| (needle.pattern, Vec::new()));
        Self { by_pattern: patterns.collect(), count: 0 }
    }

    /// All places of `pattern`, in order; none if it was not looked for.
    pub(super) fn of(&self, pattern: &[u8]) -> Option<&[u64]> {
        self.by_pattern.get(pattern).map(Vec::as_slice)
    }

    /// False if there are too many.
    fn add(&mut self, pattern: &[u8], offset: u64) -> bool {
        let Some(places) = self.by_pattern.get_mut(pattern) else { return true };
        // Two needles may have one pattern.
        if places.last() != Some(&offset) {
            places.push(offset);
            self.count += 1;
        }
        self.count <= MAX_PLACES
    }
}

/// The search through one file, of which a window is seen at a time.
#[derive(Debug)]
pub(super) struct Lookout<'n> {
    search: &'n Search,
    /// None once there are too many.
    places: Option<Places>,
    /// Up to where in the file it was searched.
    searched: u64,
}

impl<'n> Lookout<'n> {
    /// Looks for all needles.
    pub(super) fn for_all(needles: &'n Needles) -> Self {
        Self { search: &needles.all, places: Some(Places::none_of(needles)), searched: 0 }
    }

    /// Looks for those whose places are remembered.
    pub(super) fn for_places(needles: &'n Needles) -> Self {
        Self { search: &needles.rare, ..Self::for_all(needles) }
    }

    /// Searches what is new in `window`, which begins at `start` in the file. A place counts once [`Needle::LOOKAHEAD`]
    /// bytes from it on are there, or those to the file's end. Hands `found` those that the needle accepts.
    pub(super) fn search(
        &mut self,
        start: u64,
        window: &[u8],
        at_end: bool,
        mut found: impl FnMut(usize, &Needle),
    ) {
        let ahead = if at_end { 0 } else { Needle::LOOKAHEAD };
        let settled = window.len().saturating_sub(ahead);
        let from = usize::try_from(self.searched.saturating_sub(start)).unwrap_or(usize::MAX);
        let places = &mut self.places;
        self.search.find(window, from, |hit, needle| {
            if hit < settled {
                let offset = start + hit as u64;
                if needle.is_rare() {
                    places.take_if(|places| !places.add(needle.pattern, offset));
                }
                if (needle.accept)(offset, window.get(hit..).unwrap_or_default()) {
                    found(hit, needle);
                }
            }
        });
        self.searched = self.searched.max(start + settled as u64);
    }

    /// Where the needles are; none if there are too many.
    pub(super) fn finish(self) -> Option<Places> {
        self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERNS: [&[u8]; 4] = [b"/registry/src/", b"/cargo/registry/", b"/src", b"aa"];
    const BYTES: &[u8] = b"xx/cargo/registry/src/aaaa";

    fn needle(pattern: &'static [u8]) -> Needle {
        Needle { pattern, before: 4, after: 16, accept: |_, _| true, is_optional: false }
    }

    #[test]
    fn overlapping_needles_are_all_found_however_they_are_looked_for() {
        let found = |search: &Search, from| {
            let mut found = Vec::new();
            search.find(BYTES, from, |hit, needle| found.push((hit, needle.pattern)));
            // What is kept is kept in one go, from front to back.
            assert!(found.is_sorted_by_key(|(hit, _)| *hit), "{found:?}");
            found
        };
        let packed = Search::new(PATTERNS.map(needle).to_vec());
        let by = By::Each(PATTERNS.iter().map(|pattern| Finder::new(*pattern)).collect());
        let each = Search { needles: PATTERNS.map(needle).to_vec(), by };
        for from in 0..BYTES.len() + 2 {
            assert_eq!(found(&packed, from), found(&each, from), "{from}");
        }
        let places: Vec<usize> = found(&packed, 0).iter().map(|(hit, _)| *hit).collect();
        assert_eq!(places, [2, 8, 17, 22, 23, 24]);
    }

    /// The places of a file that is seen by way of windows of so many new bytes.
    fn places(bytes: &[u8], step: usize) -> Option<Places> {
        let needles = Needles::new(PATTERNS.map(needle));
        let mut lookout = Lookout::for_places(&needles);
        for end in (0..bytes.len()).step_by(step).skip(1) {
            lookout.search(0, &bytes[..end], false, |_, _| {});
        }
        lookout.search(0, bytes, true, |_, _| {});
        lookout.finish()
    }

    #[test]
    fn places_are_remembered_once_whatever_the_windows() {
        let bytes = [BYTES, &[0; 300], BYTES].concat();
        for step in [1, 7, 150, 1000] {
            let places = places(&bytes, step).unwrap();
            assert_eq!(places.of(b"/registry/src/"), Some(&[8, 26 + 300 + 8][..]), "{step}");
            assert_eq!(places.of(b"/cargo/registry/"), Some(&[2, 26 + 300 + 2][..]), "{step}");
            assert_eq!((places.of(b"aa"), places.of(b"other")), (None, None));
        }
    }

    #[test]
    fn a_needle_that_several_detectors_look_for_is_looked_for_once() {
        let other = Needle { after: 17, ..needle(b"aa") };
        let needles = Needles::new([needle(b"aa"), needle(b"aa"), other, needle(b"bb")]);
        assert_eq!(needles.all.needles.len(), 3);
    }

    #[test]
    fn of_a_file_of_nothing_but_needles_no_places_are_remembered() {
        let bytes = b"/cargo/registry/".repeat(MAX_PLACES);
        assert!(places(&bytes, bytes.len()).is_some());
        let bytes = b"/cargo/registry/".repeat(MAX_PLACES + 1);
        assert_eq!(places(&bytes, 1 << 16), None);
    }
}
