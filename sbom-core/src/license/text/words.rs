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
        Self::first_of(source, usize::MAX)
    }

    /// The first words of `source`, at most so many.
    pub(super) fn first_of(source: &str, most: usize) -> Self {
        // Most have five letters, and something between them.
        let room = most.min(source.len() / 6);
        let words = Self { text: String::with_capacity(source.len()), words: Vec::with_capacity(room) };
        let mut reader = Reader { source, words };
        let mut at = 0;
        while reader.words.len() < most
            && let Some(start) = reader.next(at)
        {
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
        self.texts(index..index + 1)
    }

    /// The words of `range`, one after the other; empty if one is beyond the end.
    fn texts(&self, range: Range<usize>) -> &str {
        let bounds = self.start(range.start) as usize..self.start(range.end) as usize;
        if range.end > self.words.len() { "" } else { self.text.get(bounds).unwrap_or_default() }
    }

    /// Where the word at `index` begins in `text`.
    fn start(&self, index: usize) -> u32 {
        let before = index.checked_sub(1).and_then(|before| self.words.get(before));
        before.map_or(0, |before| before.end)
    }

    /// Whether the word at `index` is the word `other` at `other_index`, and neither is beyond the end.
    pub(super) fn same(&self, index: usize, other: &Self, other_index: usize) -> bool {
        let (Some(word), Some(other_word)) = (self.words.get(index), other.words.get(other_index)) else {
            return false;
        };
        word.hash == other_word.hash && self.get(index) == other.get(other_index)
    }

    /// How many words in a row, from `index` on, are those of `other` from `other_index` on.
    pub(super) fn same_behind(&self, index: usize, other: &Self, other_index: usize) -> usize {
        let words = self.words.get(index..).unwrap_or_default();
        let others = other.words.get(other_index..).unwrap_or_default();
        // Where words end tells how long they are: words of other lengths could have the same hashes and, in a row, the same letters.
        let (start, other_start) = (self.start(index), other.start(other_index));
        let is_same = |(one, other): &(&Word, &Word)| {
            one.hash == other.hash && one.end.wrapping_sub(start) == other.end.wrapping_sub(other_start)
        };
        let count = words.iter().zip(others).take_while(is_same).count();
        if self.texts(index..index + count) == other.texts(other_index..other_index + count) {
            return count;
        }
        (0..count).take_while(|step| self.same(index + step, other, other_index + step)).count()
    }

    /// How many words in a row, from the one before `index` back, are those of `other` before `other_index`.
    pub(super) fn same_before(&self, index: usize, other: &Self, other_index: usize) -> usize {
        let words = self.words.get(..index).unwrap_or_default();
        let others = other.words.get(..other_index).unwrap_or_default();
        let (end, other_end) = (self.start(index), other.start(other_index));
        let is_same = |(one, other): &(&Word, &Word)| {
            one.hash == other.hash && end.wrapping_sub(one.end) == other_end.wrapping_sub(other.end)
        };
        let count = words.iter().rev().zip(others.iter().rev()).take_while(is_same).count();
        if self.texts(index - count..index) == other.texts(other_index - count..other_index) {
            return count;
        }
        (1..=count).take_while(|back| self.same(index - back, other, other_index - back)).count()
    }

    /// The hash of the word at `index`; 0 beyond the end.
    pub(super) fn hash_of(&self, index: usize) -> u64 {
        self.words.get(index).map_or(0, |word| word.hash)
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

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// As FNV-1a, but of eight bytes at a time. Whoever makes two words collide gains no licence by it: what hashes agree on is
/// compared.
fn hash(word: &str) -> u64 {
    let add = |hash: u64, bytes: [u8; 8]| {
        let mixed = (hash ^ u64::from_le_bytes(bytes)).wrapping_mul(PRIME);
        mixed ^ mixed >> 32
    };
    let (whole, rest) = word.as_bytes().as_chunks();
    let hash = whole.iter().fold(word.len() as u64, |hash, bytes| add(hash, *bytes));
    let mut last = [0; 8];
    for (last, byte) in last.iter_mut().zip(rest) {
        *last = *byte;
    }
    add(hash, last)
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
    /// Where the first word at `from` or behind it may begin.
    fn next(&self, from: usize) -> Option<usize> {
        let rest = self.source.get(from..)?;
        let ascii = rest.bytes().take_while(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric()).count();
        let behind = rest.get(ascii..)?;
        Some(from + ascii + behind.find(char::is_alphanumeric)?)
    }

    /// Reads the word at `start`, and returns where to go on.
    fn word(&mut self, start: usize) -> usize {
        let rest = self.source.get(start..).unwrap_or_default();
        let begin = self.words.text.len();
        let ascii = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        self.words.text.push_str(rest.get(..ascii).unwrap_or_default());
        if let Some(word) = self.words.text.get_mut(begin..) {
            word.make_ascii_lowercase();
        }
        let end = match rest.as_bytes().get(ascii) {
            None => ascii,
            Some(byte) if byte.is_ascii() && !matches!(byte, b'\'' | b'.' | b'-') => ascii,
            Some(_) => self.rest_of_word(begin, rest, ascii),
        };
        self.finish(begin, start, start + end);
        start + end.max(1)
    }

    /// Reads on, from the byte `at` of `rest`, of the word that was written from `begin` on; returns where it ends in `rest`.
    fn rest_of_word(&mut self, begin: usize, rest: &str, at: usize) -> usize {
        let mut chars = rest.get(at..).unwrap_or_default().char_indices().peekable();
        while let Some((behind, c)) = chars.next() {
            let at = at + behind;
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
                _ => return at,
            }
        }
        rest.len()
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
        if word.len() > 4 {
            return false;
        }
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_in_a_row_are_counted_as_one_by_one(
            one in "(a|ab|abc|b){0,12}( (a|ab|b|ba)){0,12}", other in "(a|ab|b)?( (a|ab|b|ba)){0,12}",
            at in 0..14_usize, other_at in 0..14_usize,
        ) {
            let (one, other) = (Words::of(&one), Words::of(&other));
            let (at, other_at) = (at.min(one.len()), other_at.min(other.len()));
            let behind = (0..one.len()).take_while(|step| one.same(at + step, &other, other_at + step)).count();
            prop_assert_eq!(one.same_behind(at, &other, other_at), behind);
            let is_same = |back: &usize| {
                let places = at.checked_sub(*back).zip(other_at.checked_sub(*back));
                places.is_some_and(|(at, other_at)| one.same(at, &other, other_at))
            };
            prop_assert_eq!(one.same_before(at, &other, other_at), (1..=at).take_while(is_same).count());
        }
    }

    #[test]
    fn words_that_only_have_the_same_hash_are_told_apart() {
        let forged = |text: &str| {
            let mut words = Words::of(text);
            words.words.iter_mut().for_each(|word| word.hash = 1);
            words
        };
        let one = forged("aa bb cc dd");
        for (other, behind, before) in [
            ("aa bb cc dd", 4, 4),
            ("aa bx cc dd", 1, 2),
            ("ab bb cc dd", 0, 3),
            ("aaa bb cc dd", 0, 3),
            ("aa bb cc de", 3, 0),
        ] {
            let other = forged(other);
            assert_eq!(
                (one.same_behind(0, &other, 0), one.same_before(4, &other, 4)),
                (behind, before),
                "{other:?}"
            );
        }
    }

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
