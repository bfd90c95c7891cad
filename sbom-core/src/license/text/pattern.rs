//! Patterns of words, for notices that are always worded alike.
//!
//! A pattern is written as its words; `[x y]` may be missing, `(x|y z)` is either, `#` is the number of a version,
//! `*` is up to ten words, `!(x|y)` ends the pattern where neither follows.

use super::{words::Words, work::Work};

/// Words that one `*` may stand for.
const GAP: usize = 10;

/// A pattern. It begins with a word.
#[derive(Debug)]
pub(super) struct Pattern {
    items: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    Word(String),
    Maybe(Vec<Item>),
    Either(Vec<Vec<Item>>),
    Not(Vec<Vec<Item>>),
    Number,
    Gap,
}

/// Where a pattern matched, up to which word, and the number that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matched {
    /// The first word behind it.
    pub(super) end: usize,
    /// What `#` stands for.
    pub(super) number: Option<String>,
}

impl Pattern {
    /// Reads a pattern.
    pub(super) fn new(text: &str) -> Self {
        let spaced = ["[", "]", "(", ")", "|", "!"]
            .iter()
            .fold(text.to_owned(), |text, sign| text.replace(sign, &format!(" {sign} ")));
        let mut signs = spaced.split_whitespace();
        Self { items: alternatives(&mut signs).into_iter().next().unwrap_or_default() }
    }

    /// Its first word.
    pub(super) fn first(&self) -> &str {
        match self.items.first() {
            Some(Item::Word(word)) => word,
            _ => "",
        }
    }

    /// Matches it with the words from `at` on.
    pub(super) fn matches(&self, words: &Words, at: usize, work: &mut Work) -> Option<Matched> {
        let mut number = None;
        let items: Vec<&Item> = self.items.iter().collect();
        let end = step(&items, words, at, &mut number, work)?;
        Some(Matched { end, number: number.map(|at| words.get(at).to_owned()) })
    }
}

/// Reads items up to the sign that closes them; `|` separates.
fn alternatives<'a>(signs: &mut impl Iterator<Item = &'a str>) -> Vec<Vec<Item>> {
    let mut all = Vec::new();
    let mut items = Vec::new();
    while let Some(sign) = signs.next() {
        match sign {
            "]" | ")" => break,
            "|" => all.push(std::mem::take(&mut items)),
            "[" => items.push(Item::Maybe(alternatives(signs).into_iter().next().unwrap_or_default())),
            "(" => items.push(Item::Either(alternatives(signs))),
            "!" => {
                signs.next();
                items.push(Item::Not(alternatives(signs)));
            }
            "#" => items.push(Item::Number),
            "*" => items.push(Item::Gap),
            word => items.push(Item::Word(word.to_owned())),
        }
    }
    all.push(items);
    all
}

/// Matches `items` in their order from `at` on; returns where they end.
fn step(
    items: &[&Item],
    words: &Words,
    at: usize,
    number: &mut Option<usize>,
    work: &mut Work,
) -> Option<usize> {
    work.spend(1)?;
    let Some((first, rest)) = items.split_first() else { return Some(at) };
    let mut then = |inner: &[Item], number: &mut Option<usize>| {
        let joined: Vec<&Item> = inner.iter().chain(rest.iter().copied()).collect();
        step(&joined, words, at, number, work)
    };
    match first {
        Item::Word(expected) => {
            if words.get(at) == expected {
                step(rest, words, at + 1, number, work)
            } else {
                None
            }
        }
        Item::Number => {
            let found = words.get(at);
            if !found.strip_prefix('v').unwrap_or(found).starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            *number = Some(at);
            step(rest, words, at + 1, number, work)
        }
        Item::Maybe(inner) => then(inner, number).or_else(|| then(&[], number)),
        Item::Either(all) => all.iter().find_map(|inner| then(inner, number)),
        Item::Not(all) => {
            let follows = all.iter().any(|inner| {
                let inner: Vec<&Item> = inner.iter().collect();
                step(&inner, words, at, &mut None, work).is_some()
            });
            if follows { None } else { step(rest, words, at, number, work) }
        }
        Item::Gap => (0..=GAP).find_map(|gap| step(rest, words, at + gap, number, work)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: Option<(usize, Option<&str>)>) {
        let found = Pattern::new(pattern).matches(&Words::of(text), 0, &mut Work::new(10_000));
        let found = found.as_ref().map(|found| (found.end, found.number.as_deref()));
        assert_eq!(found, expected, "{pattern}: {text}");
    }

    #[test]
    fn every_sign_means_what_it_says() {
        check("a b", "A, b c", Some((2, None)));
        check("a b", "a", None);
        check("a [b] c", "a c", Some((2, None)));
        check("a [b] c", "a b c", Some((3, None)));
        check("a (b c|d)", "a d", Some((2, None)));
        check("a (b c|d) e", "a b c e", Some((4, None)));
        check("a # b", "a 2.1 b", Some((3, Some("2.1"))));
        check("a #", "a b", None);
        check("a * c", "a b b c", Some((4, None)));
        check("a # !(or|and)", "a 2 or", None);
        check("a # !(or|and)", "a 2 it", Some((2, Some("2"))));
        check("a [(b|c) d]", "a c d", Some((3, None)));
    }

    #[test]
    fn work_is_bounded() {
        let words = Words::of(&"a ".repeat(100));
        let pattern = Pattern::new("a * * * * * b");
        assert_eq!(pattern.matches(&words, 0, &mut Work::new(1000)), None);
    }
}
