//! A text as the words that count when licences are compared: in lower case and one spelling, without
//! punctuation, comment signs and the numbers of lists. Source: the SPDX matching guidelines.

use std::ops::Range;

/// The words of a text, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Words {
    /// The words, one after the other.
    text: String,
    words: Vec<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    /// Where it ends in `text`; it begins where the one before it ends.
    end: u32,
    /// Where it began in what was read.
    source: u32,
    /// See [`hash`].
    hash: u64,
}

impl Words {
    /// Takes `source` apart.
    pub(super) fn of(source: &str) -> Self {
        let mut reader = Reader { source, words: Self::default() };
        let mut at = 0;
        while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
            let skipped = rest.find(char::is_alphanumeric).unwrap_or(rest.len());
            let start = at + skipped;
            at = reader.word(start);
        }
        reader.words
    }

    /// To be kept: without room for more.
    pub(super) fn kept(mut self) -> Self {
        self.text.shrink_to_fit();
        self.words.shrink_to_fit();
        self
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// The word at `index`; empty beyond the end.
    pub(super) fn get(&self, index: usize) -> &str {
        let Some(word) = self.words.get(index) else { return "" };
        let before = index.checked_sub(1).and_then(|before| self.words.get(before));
        let start = before.map_or(0, |before| before.end as usize);
        self.text.get(start..word.end as usize).unwrap_or_default()
    }

    /// Whether the word at `index` is the word `other` at `other_index`, and neither is beyond the end.
    pub(super) fn same(&self, index: usize, other: &Self, other_index: usize) -> bool {
        let (Some(word), Some(other_word)) = (self.words.get(index), other.words.get(other_index)) else {
            return false;
        };
        word.hash == other_word.hash && self.get(index) == other.get(other_index)
    }

    /// A hash of the `count` words from `start` on, the same in every run; none if there are fewer.
    pub(super) fn hash(&self, start: usize, count: usize) -> Option<u64> {
        let words = self.words.get(start..start.checked_add(count)?)?;
        Some(words.iter().fold(0, |all: u64, word| all.rotate_left(5).wrapping_mul(PRIME) ^ word.hash))
    }

    /// The words of `range`, as far as they are there.
    pub(super) fn range(&self, range: Range<usize>) -> impl DoubleEndedIterator<Item = &str> {
        range.map(|index| self.get(index))
    }

    /// Where the word at `index` began in the text.
    pub(super) fn source(&self, index: usize) -> usize {
        self.words.get(index).map_or(usize::MAX, |word| word.source as usize)
    }

    /// The first word that begins at the byte `source` of the text or behind it.
    pub(super) fn at_source(&self, source: usize) -> usize {
        self.words.partition_point(|word| (word.source as usize) < source)
    }
}

const PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1a. Whoever makes two words collide wins nothing: what hashes agree on is compared.
fn hash(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

/// No file that is read is longer.
fn to_u32(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

struct Reader<'a> {
    source: &'a str,
    words: Words,
}

impl Reader<'_> {
    /// Reads the word at `start`, and returns where to go on.
    fn word(&mut self, start: usize) -> usize {
        let rest = self.source.get(start..).unwrap_or_default();
        let begin = self.words.text.len();
        let mut chars = rest.char_indices().peekable();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            if c.is_ascii_alphanumeric() {
                self.words.text.push(c.to_ascii_lowercase());
                continue;
            }
            if c.is_alphanumeric() {
                self.words.text.extend(c.to_lowercase());
                continue;
            }
            let next = chars.peek().map(|(_, next)| *next);
            let written = self.words.text.get(begin..).unwrap_or_default();
            match (c, next) {
                // `author's` and `author’s`.
                ('\'' | '\u{2019}', Some(next)) if next.is_alphabetic() && at > 0 => {}
                // `2.1`
                ('.', Some(next))
                    if next.is_ascii_digit() && written.ends_with(|last: char| last.is_ascii_digit()) =>
                {
                    self.words.text.push('.');
                }
                // Broken at the end of a line.
                ('-', Some('\n' | '\r' | ' ')) if at > 0 && is_broken(rest.get(at + 1..)) => {
                    while chars.next_if(|(_, space)| space.is_whitespace()).is_some() {}
                }
                // `non-exclusive` is as often one word.
                ('-', Some(next)) if written == "non" && next.is_alphabetic() => {}
                _ => {
                    end = at;
                    break;
                }
            }
        }
        self.finish(begin, start, start + end);
        start + end.max(1)
    }

    fn finish(&mut self, begin: usize, start: usize, end: usize) {
        let word = self.words.text.get(begin..).unwrap_or_default();
        if word.is_empty() || self.is_marker(word, start, end) {
            self.words.text.truncate(begin);
            return;
        }
        if let Some(spelling) = spelling(word) {
            self.words.text.truncate(begin);
            self.words.text.push_str(spelling);
        }
        let hash = hash(self.words.text.get(begin..).unwrap_or_default());
        let end = to_u32(self.words.text.len());
        self.words.words.push(Word { end, source: to_u32(start), hash });
    }

    /// Whether `word` numbers an item of a list: `1.` and `a)` at the beginning of a line or behind a sentence,
    /// `(a)` anywhere. What comments in m4 begin with is no word either.
    fn is_marker(&self, word: &str, start: usize, end: usize) -> bool {
        let before = self.source.get(..start).unwrap_or_default();
        let after = self.source.get(end..).unwrap_or_default();
        let opened = before.ends_with('(') && after.starts_with(')');
        let number = word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
        let letter = word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        let roman = word.len() <= 4 && word.bytes().all(|byte| matches!(byte, b'i' | b'v' | b'x'));
        if !(number || letter || roman) {
            return word == "dnl" && before.trim_end_matches([' ', '\t']).ends_with('\n');
        }
        if opened {
            return true;
        }
        if after.starts_with(')') {
            return !before.ends_with(char::is_alphanumeric);
        }
        let ends = after.starts_with('.') && after.chars().nth(1).is_none_or(char::is_whitespace);
        // `version` may stand at the end of the line before.
        if !ends || (self.words.len() > 0 && self.words.get(self.words.len() - 1) == "version") {
            return false;
        }
        let line =
            before.trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '\n' | '.' | ':' | ';'));
        line.is_empty() || line.ends_with(['\n', '.', ':', ';'])
    }
}

/// Whether the rest of a word stands on the next line.
fn is_broken(rest: Option<&str>) -> bool {
    let below = rest.and_then(|rest| rest.trim_start_matches([' ', '\t', '\r']).strip_prefix('\n'));
    below.is_some_and(|below| below.trim_start_matches([' ', '\t']).starts_with(char::is_lowercase))
}

/// The one spelling of words that mean the same in a licence.
fn spelling(word: &str) -> Option<&'static str> {
    Some(match word {
        "licence" => "license",
        "licences" => "licenses",
        "licenced" => "licensed",
        "sublicence" => "sublicense",
        "organisation" => "organization",
        "https" => "http",
        "holders" | "owner" | "owners" => "holder",
        "authors" => "author",
        "names" => "name",
        "contributors" => "contributor",
        "notices" => "notice",
        "redistributions" => "redistribution",
        "expressed" => "express",
        "are" => "is",
        "merchantibility" | "merchantablity" => "merchantability",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let words = Words::of(text);
        assert_eq!(words.range(0..words.len()).collect::<Vec<_>>().join(" "), expected, "{text}");
    }

    #[test]
    fn what_does_not_count_is_left_out() {
        check("  * The ``Licence'' (as-is),\n  * the buyer’s", "the license as is the buyers");
        check("# 1. Redistributions\n# 2) in\n#\n# (iii) binary", "redistribution in binary");
        check("are met: 1. Redistributions of it. 2. In", "is met redistribution of it in");
        check("Copyright (C) 1999 Ünal", "copyright 1999 ünal");
        check("dnl This file\ndnl is", "dnl this file is");
        check("fit-\n ness and mer-\r\nchants -\n so", "fitness and merchants so");
        check("non-exclusive, NONINFRINGEMENT", "nonexclusive noninfringement");
    }

    #[test]
    fn numbers_of_versions_stay() {
        check("version 2. This", "version 2 this");
        check("version\n  2. This", "version 2 this");
        check("version 2.1. It", "version 2.1 it");
        check("v2+ 3.0", "v2 3.0");
        check("either version 3, or", "either version 3 or");
    }

    #[test]
    fn every_text_ends() {
        check("", "");
        check("\u{0}'’-.)(", "");
        check("a'", "a");
        check("é", "é");
    }

    #[test]
    fn words_know_where_they_came_from() {
        let words = Words::of("one, two");
        assert_eq!((words.at_source(0), words.at_source(1), words.at_source(5)), (0, 1, 1));
        assert_eq!((words.at_source(6), words.get(7)), (2, ""));
    }
}
