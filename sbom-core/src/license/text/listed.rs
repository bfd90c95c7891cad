//! The texts of the SPDX licence list, and an index that tells which of them a text may contain.
//!
//! The texts are those that the crate `spdx` carries. Of each a few runs of words, spread over it, are known by
//! their hash: where one of them stands, the licence is worth comparing. Only then all of its text is taken apart.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{LazyLock, OnceLock},
};

use memchr::memmem::Finder;

use super::{compare::Terms, words::Words};

/// Words of one run.
pub(super) const RUN: usize = 6;
/// Runs taken from one licence.
const RUNS: usize = 8;
/// Bytes that hold a run in any licence.
const WINDOW: usize = 160;
/// A text of fewer words is too short to be told from ordinary sentences.
const MIN_WORDS: usize = 15;
/// Paragraphs at the beginning that are shorter than this are titles.
const TITLE_WORDS: usize = 10;

/// Words by which the end of an appendix is known.
const ENDING: usize = 4;

/// What follows these words is not part of a licence's terms: how to apply it, or to whom a name belongs.
const ENDS: &[&str] = &[
    "END OF TERMS AND CONDITIONS",
    "How to Apply These Terms",
    "X Window System is a trademark of",
    "Exhibit A - Source Code Form License Notice",
    "Creative Commons is not a party to",
    "Creative Commons Notice",
];

/// A licence of the SPDX list.
#[derive(Debug)]
pub(super) struct Listed {
    /// Its identifier; of a GNU licence the one that ends in `-only`.
    pub(super) id: &'static str,
    /// Its text without title, copyright lines and what follows the terms.
    body: &'static str,
    /// All of it.
    text: &'static str,
    /// How many runs of it the list knows.
    pub(super) runs: usize,
    terms: OnceLock<Terms>,
}

impl Listed {
    /// Its terms.
    pub(super) fn terms(&self) -> &Terms {
        self.terms.get_or_init(|| Terms::new(Words::of(self.body).kept()))
    }

    /// `words`, which are its terms, and around them what else of its text is there: a title, an exhibit.
    pub(super) fn extended(&self, terms: Range<usize>, text: &Words) -> Range<usize> {
        let (head, tail) = self.text.split_once(self.body).unwrap_or_default();
        let (head, tail) = (Words::of(head), Words::of(tail));
        let before = (1..=head.len().min(terms.start))
            .take_while(|back| head.get(head.len() - back) == text.get(terms.start - back));
        terms.start - before.count()..terms.end + appendix(&tail, text, terms.end)
    }

    /// `GPL-2.0` of a GNU licence: its text does not say whether later versions will do.
    pub(super) fn family(&self) -> Option<&'static str> {
        self.id.strip_suffix("-only").filter(|family| is_gnu(family))
    }
}

/// A run of a licence: which one, and at which byte of its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Index of the licence in [`List::licenses`].
    pub(super) license: usize,
    /// Where the run's first word begins.
    pub(super) at: usize,
}

/// The list.
#[derive(Debug)]
pub(super) struct List {
    /// The licences, sorted by identifier.
    pub(super) licenses: Vec<Listed>,
    /// With their hashes, sorted by these.
    runs: Vec<(u64, Run)>,
    /// For each value of a hash's first bits, and one more, the first run that has it or a larger one.
    begins: Vec<usize>,
}

impl List {
    /// The list, which is made when it is first needed.
    pub(super) fn get() -> &'static Self {
        static LIST: LazyLock<List> = LazyLock::new(List::new);
        &LIST
    }

    fn new() -> Self {
        let ends: Vec<_> = ENDS.iter().map(Finder::new).collect();
        let mut licenses: Vec<Listed> = spdx::identifiers::LICENSES
            .iter()
            .filter_map(|license| spdx::license_id(license.name))
            .filter(|license| !license.is_deprecated() && is_one_of_its_text(license.name))
            .map(|license| Listed {
                id: license.name,
                body: body(license.text(), &ends),
                text: license.text(),
                runs: 0,
                terms: OnceLock::new(),
            })
            .filter(|license| license.body.split_whitespace().take(MIN_WORDS).count() == MIN_WORDS)
            .collect();
        licenses.sort_by_key(|license| license.id);
        let mut licenses = without_twins(licenses);
        let mut runs = Vec::new();
        for (index, license) in licenses.iter_mut().enumerate() {
            let known = runs_of(license.body);
            license.runs = known.len();
            runs.extend(known.into_iter().map(|(hash, at)| (hash, Run { license: index, at })));
        }
        runs.sort_by_key(|(hash, _)| *hash);
        let begin = |first| runs.partition_point(|(hash, _)| first_bits(*hash) < first);
        let begins = (0..=1 << FIRST_BITS).map(begin).collect();
        Self { licenses, runs, begins }
    }

    /// The licences that have this run.
    pub(super) fn at(&self, run: u64) -> impl Iterator<Item = Run> {
        let bounds = self.begins.get(first_bits(run)..).and_then(|begins| begins.first_chunk());
        let alike = bounds.and_then(|&[begin, end]| self.runs.get(begin..end)).unwrap_or_default();
        alike.iter().filter(move |(hash, _)| *hash == run).map(|(_, run)| *run)
    }
}

/// Bits of a hash by which runs are looked up.
const FIRST_BITS: u32 = 12;

fn first_bits(hash: u64) -> usize {
    usize::from((hash >> (u64::BITS - FIRST_BITS)) as u16)
}

/// How many words of `text` from `start` on are the appendix `tail`, or its beginning. Addresses and names in it differ;
/// one that ends with the same words, about where it should, is the appendix.
fn appendix(tail: &Words, text: &Words, start: usize) -> usize {
    let same = (0..tail.len()).take_while(|step| tail.same(*step, text, start + step)).count();
    let spread = tail.len() / 8;
    let ends = |length: &usize| {
        let ending = tail.len().saturating_sub(ENDING)..tail.len();
        ending.rev().zip(1..).all(|(at, back)| tail.same(at, text, start + length - back))
    };
    if tail.len() < 2 * ENDING || same == tail.len() {
        return same;
    }
    (tail.len() - spread..=tail.len() + spread).find(ends).unwrap_or(same)
}

fn is_gnu(id: &str) -> bool {
    ["GPL-", "LGPL-", "AGPL-", "GFDL-"].iter().any(|family| id.starts_with(family))
}

/// A GNU text stands for its version: under which conditions that applies a notice must say. `NOASSERTION` and
/// `any-OSI` are no licences.
fn is_one_of_its_text(id: &str) -> bool {
    if is_gnu(id) {
        return !id.ends_with("-or-later") && !id.contains("-invariants");
    }
    !matches!(id, "NOASSERTION" | "any-OSI")
}

/// Licences without those that have the same terms as others: of these the one whose name the others extend stands for
/// all, as `OFL-1.1` does for `OFL-1.1-RFN`. If there is none, the terms do not tell the licence.
fn without_twins(licenses: Vec<Listed>) -> Vec<Listed> {
    // By length first: few are compared.
    let key = |license: &Listed| (license.body.len(), license.body);
    let mut twins: BTreeMap<_, Vec<&'static str>> = BTreeMap::new();
    for license in &licenses {
        twins.entry(key(license)).or_default().push(license.id);
    }
    let stands_for_all = |license: &Listed| {
        twins.get(&key(license)).into_iter().flatten().all(|twin| twin.starts_with(license.id))
    };
    let alone: Vec<bool> = licenses.iter().map(stands_for_all).collect();
    licenses.into_iter().zip(alone).filter_map(|(license, alone)| alone.then_some(license)).collect()
}

/// A text without what may differ before and behind the terms, which one of `ends` follows.
fn body<'t>(text: &'t str, ends: &[Finder<'_>]) -> &'t str {
    let mut rest = text.trim_start();
    loop {
        let paragraph = rest.split("\n\n").next().unwrap_or_default();
        let line = paragraph.lines().next().unwrap_or_default();
        let title = paragraph.split_whitespace().take(TITLE_WORDS).count() < TITLE_WORDS;
        let skipped = match (title, is_copyright(line)) {
            (true, _) => paragraph.len(),
            (false, true) => line.len(),
            (false, false) => break,
        };
        let Some(behind) = rest.get(skipped..).map(str::trim_start).filter(|behind| !behind.is_empty())
        else {
            break;
        };
        rest = behind;
    }
    let third = rest.len() / 3 + 1;
    let behind = rest.as_bytes().get(third..).unwrap_or_default();
    let end = ends.iter().filter_map(|end| end.find(behind)).min();
    let end = end.map(|at| third + at);
    rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest).trim_end()
}

fn is_copyright(line: &str) -> bool {
    let line = line.trim_start();
    let starts = |word: &str| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    ["copyright ", "(c) ", "portions copyright"].into_iter().any(starts) || line.starts_with('©')
}

/// Runs of a body, spread over it: their hashes and where they begin.
fn runs_of(body: &str) -> Vec<(u64, usize)> {
    let mut runs = Vec::new();
    for part in 0..RUNS {
        let mut at = body.len() * part / RUNS;
        while !body.is_char_boundary(at) {
            at += 1;
        }
        let mut end = body.len().min(at + WINDOW);
        while !body.is_char_boundary(end) {
            end -= 1;
        }
        let Some(window) = body.get(at..end) else { continue };
        // The first and the last word may be cut; a number at the start may not be seen to be one of a list.
        let skip = usize::from(part > 0) * 2;
        let words = Words::first_of(window, skip + RUN + 1);
        if words.len() > skip + RUN
            && let Some(hash) = words.hash(skip, RUN)
        {
            runs.push((hash, at + words.source(skip)));
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_begins_and_ends_with_the_terms() {
        let starts = |id: &str, start: &str| {
            let license = List::get().licenses.iter().find(|license| license.id == id).unwrap();
            assert!(license.body.starts_with(start), "{id}: {:.80}", license.body);
            license
        };
        starts("HPND-UC", "Permission to use,\ncopy");
        starts("MIT", "Permission is hereby granted");
        starts("ISC", "Permission to use, copy");
        starts("BSD-3-Clause", "Redistribution and use");
        starts("Zlib", "This software is provided");
        let apache = starts("Apache-2.0", "\"License\" shall mean");
        assert!(apache.body.trim_end().ends_with("additional liability."), "{:?}", apache.body.len());
        let gpl = starts("GPL-2.0-only", "Everyone is permitted to copy");
        assert_eq!(gpl.family(), Some("GPL-2.0"));
        assert_eq!(apache.family(), None);
    }

    #[test]
    fn every_run_is_where_it_says() {
        let list = List::get();
        for (hashed, run) in &list.runs {
            let license = list.licenses.get(run.license).unwrap();
            let words = &license.terms().words;
            assert_eq!(words.hash(words.at_source(run.at), RUN), Some(*hashed), "{} {}", license.id, run.at);
            assert!(list.at(*hashed).any(|found| (found.license, found.at) == (run.license, run.at)));
        }
        assert!(list.licenses.len() > 550, "{}", list.licenses.len());
    }
}
