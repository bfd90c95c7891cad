//! What is left of a text once its licences and notices are known: whether it may grant or demand something too.

use std::ops::Range;

use super::words::Words;

/// What the rest of a text does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rest {
    /// It may say something about rights.
    pub(super) is_binding: bool,
    /// It may offer a choice between licences, if there are several.
    pub(super) offers: bool,
    /// It offers another licence, or excepts something from one.
    pub(super) changes: bool,
}

/// Words whose beginnings are those of sentences about rights.
const BINDING: &[&str] = &[
    "except",
    "may",
    "licens",
    "permi",
    "grant",
    "redistribut",
    "distributed",
    "distributable",
    "warrant",
    "liab",
    "shall",
    "must",
    "prohibit",
    "restrict",
    "condition",
    "forbidden",
    "allowed",
    "sublicens",
    "relicens",
    "patent",
    "copyleft",
    "freely",
    "freeware",
    "shareware",
    "gpl",
    "lgpl",
    "agpl",
    "gfdl",
    "fdl",
    "bsd",
    "mpl",
    "cddl",
    "epl",
    "cc0",
    "apache",
    "artistic",
    "expat",
    "isc",
    "x11",
    "mozilla",
    "eula",
    "agreement",
    "disclaim",
    "unrestrict",
    "acknowledg",
    "trademark",
    "terms",
];

/// Words by which one licence is offered for another, or something is excepted from one.
const CHANGES: &[&str] = &["alternatively", "cover", "dual", "dually", "exception", "exceptions"];

/// Words by which a choice is offered, between licences or anything else.
const OFFERS: &[&str] = &["choice", "choose", "either", "option"];

/// So few words between two licences, one of them `or`, join them.
const JOIN: usize = 6;

/// Words of headings.
const HEADINGS: &[&str] = &[
    "a",
    "and",
    "appendix",
    "as",
    "author",
    "authors",
    "bsd",
    "clause",
    "conditions",
    "copyright",
    "copyrights",
    "debian",
    "disclaimer",
    "following",
    "follows",
    "for",
    "full",
    "general",
    "gnu",
    "in",
    "information",
    "is",
    "isc",
    "lesser",
    "license",
    "licenses",
    "licensing",
    "mit",
    "new",
    "notice",
    "notices",
    "of",
    "original",
    "public",
    "s",
    "source",
    "standard",
    "statement",
    "style",
    "terms",
    "text",
    "the",
    "this",
    "upstream",
    "version",
    "was",
    "x11",
    "your",
];

/// Bytes on either side of a word in which its line must end to be a heading.
const LINE: usize = 200;

/// More words make no heading.
const HEADING: usize = 8;

impl Rest {
    /// Looks at the words of `text` that are in none of `spans`, which are sorted.
    pub(super) fn of(text: &str, words: &Words, spans: &[Range<usize>]) -> Self {
        let mut rest = Self::default();
        let mut at = 0;
        for (index, span) in spans.iter().enumerate() {
            rest.look(text, words, at..span.start, index > 0);
            at = at.max(span.end);
        }
        rest.look(text, words, at..words.len(), false);
        rest
    }

    /// `between` is whether something recognised stands on both sides.
    fn look(&mut self, text: &str, words: &Words, range: Range<usize>, between: bool) {
        if between && range.len() <= JOIN && words.range(range.clone()).any(|word| word == "or") {
            self.offers = true;
        }
        for at in range {
            let word = words.get(at);
            if BINDING.iter().any(|start| word.starts_with(start)) && !is_heading(text, words, at) {
                self.is_binding = true;
            }
            self.offers |= OFFERS.contains(&word);
            self.changes |= CHANGES.contains(&word);
        }
    }
}

/// Whether the line in which the word `at` stands is a heading.
fn is_heading(text: &str, words: &Words, at: usize) -> bool {
    let source = words.source(at);
    let first = source.saturating_sub(LINE);
    let before = text.as_bytes().get(first..source).unwrap_or_default();
    let start = match memchr::memrchr(b'\n', before) {
        Some(at) => first + at + 1,
        None if first == 0 => 0,
        None => return false,
    };
    let behind = text.as_bytes().get(source..text.len().min(source + LINE)).unwrap_or_default();
    let end = source + memchr::memchr(b'\n', behind).unwrap_or(behind.len());
    let line = words.at_source(start)..words.at_source(end);
    line.len() <= HEADING && words.range(line).all(|word| HEADINGS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, is_binding: bool, changes: bool) {
        let rest = Rest::of(text, &Words::of(text), &[]);
        assert_eq!((rest.is_binding, rest.changes), (is_binding, changes), "{text}");
    }

    #[test]
    fn names_and_headings_demand_nothing() {
        check("This package was debianized by A. Author.\n\nLicense:\n\n  Copyright 2001 B.", false, false);
        check("The MIT License\n===============\n", false, false);
    }

    #[test]
    fn an_or_between_licences_offers_a_choice() {
        let text = "Do this. Or: Do that. By Oracle and/or its affiliates.";
        let rest = |spans: &[Range<usize>]| Rest::of(text, &Words::of(text), spans).offers;
        assert!(rest(&[0..2, 3..5]));
        assert!(!rest(&[0..2, 10..11]));
    }

    #[test]
    fn what_may_be_a_demand_is_one() {
        check("License:\n You must not sell it.", true, false);
        check("Some files are under the GPL.", true, false);
        check("Alternatively, the following terms apply", true, true);
    }
}
