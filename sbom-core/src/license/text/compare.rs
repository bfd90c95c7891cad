//! A licence and a text, compared word by word from a run that both have.
//!
//! Only what names someone may differ: licences leave such places open, and everywhere else a word more or less
//! makes another licence.

use std::{array, ops::Range};

use super::{words::Words, work::Work};

/// Words of the licence that one difference may take the place of.
const MAX_SKIPPED: usize = 14;
/// Words of the text that may stand there.
const MAX_FOREIGN: usize = 18;
/// Words behind a difference that must agree again.
const AGREE: usize = 3;
/// Differences in one licence, however long.
const MAX_DIFFERENCES: usize = 16;

/// Who stands behind these words may be someone else.
const BEFORE_NAMES: &[&[&str]] = &[
    &["name", "of"],
    &["nor"],
    &["neither"],
    &["by"],
    &["from"],
    &["permission", "of"],
    &["event", "shall"],
    &["event", "will"],
    &["copyright"],
    &["behalf", "of"],
    &["approval", "of"],
];

/// Who stands before these words may be someone else.
const BEHIND_NAMES: &[&[&str]] = &[
    &["be", "liable"],
    &["disclaim"],
    &["disclaims"],
    &["make", "no"],
    &["makes", "no"],
    &["and", "contributor"],
    &["or", "contributor"],
    &["as", "is"],
    &["nor", "the", "name"],
    &["not", "be", "used"],
    &["may", "not", "be", "used"],
    &["must", "not", "be", "used"],
    &["shall", "not", "be", "used"],
    &["and", "its", "contributor"],
    &["allow", "free", "use"],
    &["allows", "free", "use"],
    &["specifically", "disclaims"],
    &["specifically", "disclaim"],
];

/// Words that change nothing by being there or not.
const FILLERS: &[&str] = &["a", "an", "the", "this", "that", "its", "their", "such", "any", "all"];

/// What the list's own templates mark as optional, though its texts do not have it.
const OPTIONAL: &[&str] = &["including the next paragraph"];

/// Words that no name contains and that no difference may touch.
const BINDING: &[&str] = &[
    "not",
    "no",
    "without",
    "unless",
    "except",
    "only",
    "shall",
    "must",
    "may",
    "will",
    "fee",
    "charge",
    "license",
    "licensed",
    "permission",
    "permitted",
    "granted",
    "prohibited",
    "redistribution",
    "redistributions",
    "distribute",
    "modify",
    "modification",
    "modified",
    "sell",
    "use",
    "source",
    "binary",
    "form",
    "commercial",
    "noncommercial",
    "warranty",
    "warranties",
    "liable",
    "liability",
    "patent",
    "notice",
    "advertising",
    "documentation",
    "acknowledgment",
    "acknowledgement",
    "conditions",
    "disclaimer",
];

/// What a licence says, and where it names someone.
#[derive(Debug)]
pub(super) struct Terms {
    /// Its words.
    pub(super) words: Words,
    /// For each word, and the end, whether a name may stand before it, for what is said behind.
    name_before: Vec<bool>,
    /// For each word, and the end, whether a name may begin there, for what is said before.
    name_behind: Vec<bool>,
}

/// A licence found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its words in the text.
    pub(super) words: Range<usize>,
    /// Places where it differs.
    pub(super) differences: usize,
}

/// Compares all of `license` with the words of `text` around a run that begins at `license_at` in the one and at
/// `text_at` in the other. None if they differ in more than names.
pub(super) fn compare(
    license: &Terms,
    text: &Words,
    license_at: usize,
    text_at: usize,
    work: &mut Work,
) -> Option<Found> {
    let pair = Pair { license, text };
    let (end, behind) = pair.walk(license_at, text_at, false, work)?;
    let (start, before) = pair.walk(license_at, text_at, true, work)?;
    let differences = behind + before;
    (differences <= license.allowed()).then_some(Found { words: start..end, differences })
}

impl Terms {
    /// Of these words.
    pub(super) fn new(words: Words) -> Self {
        let places = 0..=words.len();
        let before = |at: usize| ends_with(&words, at, BEFORE_NAMES);
        let behind = |at: usize| starts_with(&words, at, BEHIND_NAMES);
        // `the name of the` is as good as `the name of`.
        let filler = |at: usize| at > 0 && FILLERS.contains(&words.get(at - 1)) && before(at - 1);
        let name_before = places.clone().map(behind).collect();
        let name_behind = places.map(|at| before(at) || filler(at)).collect();
        Self { words, name_before, name_behind }
    }

    /// Differences that it may have.
    fn allowed(&self) -> usize {
        MAX_DIFFERENCES.min(1 + self.words.len() / 20)
    }

    /// Whether the words of `range` may be a name.
    fn is_name(&self, range: &Range<usize>) -> bool {
        let is = |places: &[bool], at: usize| places.get(at).copied().unwrap_or_default();
        is(&self.name_behind, range.start) || is(&self.name_before, range.end)
    }

    /// Whether some words that begin, or if `back` end, at `at` may be a name.
    fn may_name(&self, at: usize, back: bool) -> bool {
        let (here, near, range) = if back {
            (&self.name_before, &self.name_behind, at.saturating_sub(MAX_SKIPPED)..at + 1)
        } else {
            (&self.name_behind, &self.name_before, at..at + 1 + MAX_SKIPPED)
        };
        let end = range.end.min(near.len());
        here.get(at) == Some(&true) || near.get(range.start..end).is_some_and(|near| near.contains(&true))
    }
}

struct Pair<'a> {
    license: &'a Terms,
    text: &'a Words,
}

impl Pair<'_> {
    /// Walks to the end of the licence, or `back` to its beginning; returns how far the text was read and the
    /// number of differences.
    fn walk(&self, license: usize, text: usize, back: bool, work: &mut Work) -> Option<(usize, usize)> {
        let words = &self.license.words;
        let left = if back { license } else { words.len() - license };
        let at = |from: usize, step: usize| if back { from.checked_sub(step + 1) } else { Some(from + step) };
        let same =
            |license_step: usize, text_step: usize| match (at(license, license_step), at(text, text_step)) {
                (Some(a), Some(b)) => words.same(a, self.text, b),
                _ => false,
            };
        let range = |from: usize, start: usize, len: usize| {
            if back { from - start - len..from - start } else { from + start..from + start + len }
        };
        let alike = |of_license: usize, of_text: usize| {
            if back {
                let ends = license.checked_sub(of_license).zip(text.checked_sub(of_text));
                ends.map_or(0, |(license, text)| words.same_before(license, self.text, text))
            } else {
                words.same_behind(license + of_license, self.text, text + of_text)
            }
        };
        let (mut of_license, mut of_text, mut differences) = (0, 0, 0);
        work.spend(1)?;
        loop {
            let count = alike(of_license, of_text);
            of_license += count;
            of_text += count;
            work.spend(count)?;
            if of_license >= left {
                break;
            }
            work.spend(1)?;
            differences += 1;
            let place = range(license, of_license, 0).start;
            if differences > self.license.allowed()
                || !(self.license.may_name(place, back)
                    || self.may_be_small(at(license, of_license), at(text, of_text)))
            {
                return None;
            }
            // A name may be the last of it, and how long the other one is cannot be told.
            let remaining = left - of_license;
            if remaining <= MAX_SKIPPED
                && self.may_differ(range(license, of_license, remaining), range(text, of_text, 0))
            {
                break;
            }
            let here =
                array::from_fn(|step| at(license, of_license + step).map_or(0, |at| words.hash_of(at)));
            let there = array::from_fn(|from_end| {
                at(text, of_text + MAX_FOREIGN - from_end).map_or(0, |at| self.text.hash_of(at))
            });
            let same = |skipped, foreign, step| same(of_license + skipped + step, of_text + foreign + step);
            let (skipped, foreign) = resume(remaining, &here, &there, same, work)?;
            if !self.may_differ(range(license, of_license, skipped), range(text, of_text, foreign)) {
                return None;
            }
            of_license += skipped;
            of_text += foreign;
        }
        Some((if back { text - of_text } else { text + of_text }, differences))
    }

    /// Whether two words that differ may be the beginning of a difference that is no name.
    fn may_be_small(&self, license: Option<usize>, text: Option<usize>) -> bool {
        let (here, there) =
            (license.map_or("", |at| self.license.words.get(at)), text.map_or("", |at| self.text.get(at)));
        let optional = |phrase: &&str| phrase.starts_with(there) || phrase.ends_with(there);
        FILLERS.contains(&here)
            || FILLERS.contains(&there)
            || is_misspelt(here, there)
            || (!there.is_empty() && OPTIONAL.iter().any(optional))
    }

    /// Whether the words `license` of the licence may read as the words `text` do.
    fn may_differ(&self, license: Range<usize>, text: Range<usize>) -> bool {
        let here = || self.license.words.range(license.clone());
        let there = || self.text.range(text.clone());
        if here().chain(there()).all(|word| FILLERS.contains(&word)) {
            return true;
        }
        if license.is_empty() && OPTIONAL.iter().any(|optional| there().eq(optional.split(' '))) {
            return true;
        }
        if here().chain(there()).any(|word| BINDING.contains(&word)) {
            return false;
        }
        let misspelt =
            license.len() == 1 && text.len() == 1 && here().zip(there()).all(|(a, b)| is_misspelt(a, b));
        misspelt || self.license.is_name(&license)
    }
}

/// Where two sequences that differ agree again: how many words of each to skip, together as few as possible. `here` and,
/// backwards, `there` are the hashes of the words that may come first then; `same(skipped, foreign, step)` compares those
/// `step` behind both.
fn resume(
    left: usize,
    here: &[u64; MAX_SKIPPED + 1],
    there: &[u64; MAX_FOREIGN + 1],
    same: impl Fn(usize, usize, usize) -> bool,
    work: &mut Work,
) -> Option<(usize, usize)> {
    for both in 1..=MAX_SKIPPED + MAX_FOREIGN {
        let fewest = both.saturating_sub(MAX_FOREIGN);
        let here = here.get(fewest..=both.min(MAX_SKIPPED).min(left)).unwrap_or_default();
        let there = there.get(MAX_FOREIGN - (both - fewest)..).unwrap_or_default();
        work.spend(here.len())?;
        let agrees = |skipped: &usize| {
            let needed = AGREE.min(left - skipped);
            needed > 0 && (0..needed).all(|step| same(*skipped, both - skipped, step))
        };
        let alike = (fewest..).zip(here.iter().zip(there)).filter(|(_, (here, there))| here == there);
        if let Some(skipped) = alike.map(|(skipped, _)| skipped).find(agrees) {
            return Some((skipped, both - skipped));
        }
    }
    None
}

/// Whether the words before `end` are those of one of `phrases`.
fn ends_with(words: &Words, end: usize, phrases: &[&[&str]]) -> bool {
    let Some(last) = end.checked_sub(1) else { return false };
    let word = words.get(last);
    let are = |before: &[&str]| {
        let start = last.checked_sub(before.len());
        start.is_some_and(|start| words.range(start..last).eq(before.iter().copied()))
    };
    phrases
        .iter()
        .filter_map(|phrase| phrase.split_last())
        .any(|(word_of_it, before)| *word_of_it == word && are(before))
}

/// Whether the words from `start` on are those of one of `phrases`.
fn starts_with(words: &Words, start: usize, phrases: &[&[&str]]) -> bool {
    let word = words.get(start);
    let are = |behind: &[&str]| words.range(start + 1..start + 1 + behind.len()).eq(behind.iter().copied());
    phrases
        .iter()
        .filter_map(|phrase| phrase.split_first())
        .any(|(first, behind)| *first == word && are(behind))
}

/// Whether two long words differ in one letter.
fn is_misspelt(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.len() < 6 || long.len() - short.len() > 1 || short.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let same = short.bytes().zip(long.bytes()).take_while(|(a, b)| a == b).count();
    let rest = |word: &str, from: usize| word.as_bytes().get(from..).map(<[u8]>::to_vec);
    let skipped = usize::from(short.len() == long.len());
    rest(short, same + skipped) == rest(long, same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LICENSE: &str = "Redistribution and use in source and binary forms are permitted provided that the name of \
        the University may not be used to endorse products derived from this software without permission.";

    fn check(text: &str, found: Option<usize>) {
        let (license, text_words) = (Terms::new(Words::of(LICENSE)), Words::of(text));
        let first = |words: &Words| words.range(0..words.len()).position(|word| word == "permitted");
        let (a, b) = (first(&license.words).unwrap(), first(&text_words).unwrap());
        let result = compare(&license, &text_words, a, b, &mut Work::new(10_000));
        assert_eq!(result.map(|found| found.differences), found, "{text}");
    }

    #[test]
    fn names_may_differ() {
        check(LICENSE, Some(0));
        check(&LICENSE.replace("the University", "Foo, Inc. and the Bar Project"), Some(1));
        check(&LICENSE.replace("the University", "the author"), Some(1));
        check(&LICENSE.replace("this software", "software"), Some(1));
        check(&LICENSE.replace("products", "prodacts"), Some(1));
    }

    #[test]
    fn nothing_else_may_differ() {
        check(&LICENSE.replace("are permitted", "are not permitted"), None);
        check(&LICENSE.replace("without permission", "with permission"), None);
        check(&LICENSE.replace("endorse", "sell"), None);
        check(&LICENSE.replace(" and binary", ""), None);
        check(&LICENSE.replace("the University", "anyone without permission"), None);
        check("Redistribution and use in source and binary forms are permitted", None);
    }

    #[test]
    fn what_stands_around_is_not_part_of_it() {
        let (license, text) =
            (Terms::new(Words::of(LICENSE)), Words::of(&format!("Foo bar. {LICENSE} Baz.")));
        let found = compare(&license, &text, 0, 2, &mut Work::new(10_000)).unwrap();
        assert_eq!(found.words, 2..text.len() - 1);
    }

    #[test]
    fn work_is_bounded() {
        let (license, text) = (Terms::new(Words::of(LICENSE)), Words::of(LICENSE));
        assert_eq!(compare(&license, &text, 0, 0, &mut Work::new(5)), None);
    }

    #[test]
    fn one_letter_makes_a_misspelling() {
        for (a, b, expected) in [
            ("merchantability", "merchantabilty", true),
            ("software", "softwere", true),
            ("software", "hardware", false),
            ("limited", "unlimited", false),
            ("granted", "granter", true),
        ] {
            assert_eq!(is_misspelt(a, b), expected, "{a} {b}");
        }
    }
}
