//! Which licences a text is: those of the SPDX list that it repeats word for word, and those that it names in the
//! notices which the licences themselves prescribe.
//!
//! Nothing is recognised by likeness: of two licences that are alike in 98 of 100 words one is often the wrong one.
//! A text is what it is taken for, except for the names of people and organisations (see `compare`), and what
//! remains of it is looked at: as soon as it may grant or ask for anything more, the reading is not complete.
//! Source of the texts: the SPDX licence list, as the crate `spdx` carries it.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Range,
};

use self::{
    compare::{Found, compare},
    listed::{List, RUN, Run},
    rest::Rest,
    words::Words,
    work::Work,
};

mod compare;
mod listed;
mod notice;
mod pattern;
mod rest;
mod words;
mod work;

/// What was recognised in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Valid SPDX expressions that all apply.
    pub expressions: BTreeSet<String>,
    /// Whether nothing else in the text grants or demands anything.
    pub complete: bool,
}

/// A text of fewer bytes is a name.
pub const SHORTEST: usize = 40;
/// Comparisons for one word of a text; real ones take a few.
const WORK: usize = 100;
/// Places in one text at which one licence is looked for.
const MAX_PLACES: usize = 1000;

/// Recognises the licences of `text`. None if there are none for certain: if it has none of them, and where it
/// offers a choice between licences or excepts something from one in words of its own.
///
/// ```
/// use sbom_core::license::text::recognise;
/// let text = "Copyright 2001 A. Author\n\nPermission to use, copy, modify, and/or distribute this software for any purpose
///     with or without fee is hereby granted.
///
///     THE SOFTWARE IS PROVIDED \"AS IS\" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE
///     INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
///     ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE,
///     DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN
///     CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.";
/// let reading = recognise(text).unwrap();
/// assert!(reading.expressions.contains("0BSD") && reading.complete);
/// ```
pub fn recognise(text: &str) -> Option<Reading> {
    if text.len() < SHORTEST {
        return None;
    }
    let words = Words::of(text);
    let mut work = Work::new(words.len().saturating_mul(WORK).saturating_add(100_000));
    let mut taken = Taken { expressions: BTreeSet::new(), spans: Vec::new(), families: BTreeSet::new() };
    for (license, found) in texts(&words, &mut work) {
        taken.text(license, found.words, &words);
    }
    taken.notices(&words, &mut work);
    if taken.expressions.is_empty() || work.is_spent() {
        return None;
    }
    let rest = Rest::of(text, &words, &taken.spans);
    let named = |family: &&str| taken.expressions.iter().any(|expression| expression.contains(*family));
    let complete = !rest.is_binding && taken.families.iter().all(named);
    let offers = rest.offers && (taken.expressions.len() > 1 || !complete);
    (!offers && !rest.changes).then_some(Reading { expressions: taken.expressions, complete })
}

/// What of a text is accounted for.
struct Taken {
    expressions: BTreeSet<String>,
    /// Words that belong to what was recognised, sorted.
    spans: Vec<Range<usize>>,
    /// GNU licences whose text is there; a notice must say in which versions they apply.
    families: BTreeSet<&'static str>,
}

impl Taken {
    fn text(&mut self, license: usize, span: Range<usize>, words: &Words) {
        let Some(license) = List::get().licenses.get(license) else { return };
        match license.family() {
            Some(family) => {
                self.families.insert(family);
            }
            None => {
                self.expressions.insert(license.id.to_owned());
            }
        }
        self.spans.push(license.extended(span, words));
        self.spans.sort_by_key(|span| span.start);
    }

    fn notices(&mut self, words: &Words, work: &mut Work) {
        let mut at = 0;
        let mut texts = std::mem::take(&mut self.spans).into_iter().peekable();
        while at < words.len() {
            if let Some(text) = texts.next_if(|text| text.start <= at) {
                at = at.max(text.end);
                self.spans.push(text);
            } else if let Some(notice) = notice::notice_at(words, at, work) {
                at = notice.words.end.max(at + 1);
                self.expressions.extend(notice.license);
                self.spans.push(notice.words);
            } else {
                at += 1;
            }
        }
        self.spans.extend(texts);
    }
}

/// The texts of the list that `words` contain: the longest first, and of equally long ones the one that needs fewest
/// differences; none within another.
fn texts(words: &Words, work: &mut Work) -> Vec<(usize, Found)> {
    let mut all: Vec<(usize, Found)> = Vec::new();
    for (index, places) in candidates(words) {
        let Some(license) = List::get().licenses.get(index) else { continue };
        let mut end = 0;
        let mut tried = HashSet::new();
        for (run, at) in places {
            let first = license.terms().words.at_source(run.at);
            // Runs at their distance from one another stand in one and the same copy.
            if at < end || !tried.insert(at.wrapping_sub(first)) {
                continue;
            }
            if let Some(found) = compare(license.terms(), words, first, at, work) {
                end = found.words.end;
                all.push((index, found));
            }
        }
    }
    all.sort_by_key(|(license, found)| (std::cmp::Reverse(found.words.len()), found.differences, *license));
    let mut picked: Vec<(usize, Found)> = Vec::new();
    for (license, found) in all {
        let apart = |other: &Range<usize>| found.words.end <= other.start || other.end <= found.words.start;
        if picked.iter().all(|(_, other)| apart(&other.words)) {
            picked.push((license, found));
        }
    }
    picked
}

/// The licences of which at least half of the runs stand somewhere in `words`, and where they stand. Licences that
/// share a sentence with one that is there are many; those that share half of it are few.
fn candidates(words: &Words) -> impl Iterator<Item = (usize, Vec<(Run, usize)>)> {
    let list = List::get();
    let mut places: BTreeMap<usize, Vec<(Run, usize)>> = BTreeMap::new();
    for at in 0..words.len() {
        let Some(hash) = words.hash(at, RUN) else { break };
        for run in list.at(hash) {
            let places = places.entry(run.license).or_default();
            if places.len() < MAX_PLACES {
                places.push((run, at));
            }
        }
    }
    places.into_iter().filter(|(index, places)| {
        let found: BTreeSet<usize> = places.iter().map(|(run, _)| run.at).collect();
        list.licenses.get(*index).is_some_and(|license| found.len() * 2 >= license.runs)
    })
}

#[cfg(test)]
mod tests;
