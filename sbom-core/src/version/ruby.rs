//! The order of `RubyGems`' versions. Source: the documentation of `Gem::Version`.

use std::cmp::Ordering;

use super::number::{Number, ZERO, all_digits, leading_digits, number};

/// A version that compares: numbers and words in turn. A word is before a number, and makes a pre-release.
#[derive(Debug)]
pub(super) struct Ruby<'a>(Vec<Segment<'a>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    Word(&'a str),
    Number(Number<'a>),
}

impl<'a> Ruby<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (release, pre) = text.split_once('-').map_or((text, None), |(release, pre)| (release, Some(pre)));
        let mut segments = Vec::new();
        for (place, part) in release.split('.').enumerate() {
            let valid = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !valid || (place == 0 && !all_digits(part)) {
                return None;
            }
            split(part, &mut segments);
        }
        if let Some(pre) = pre {
            segments.push(Segment::Word("pre"));
            for part in pre.split(['.', '-']) {
                if !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    return None;
                }
                split(part, &mut segments);
            }
        }
        Some(Self(canonical(&segments)))
    }
}

fn split<'a>(mut part: &'a str, segments: &mut Vec<Segment<'a>>) {
    while !part.is_empty() {
        let (digits, rest) = leading_digits(part);
        if digits.is_empty() {
            let end = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
            let (word, rest) = part.split_at_checked(end).unwrap_or((part, ""));
            segments.push(Segment::Word(word));
            part = rest;
        } else {
            segments.push(Segment::Number(number(digits)));
            part = rest;
        }
    }
}

/// Without the zeros before the first word and those at the end: 1.0.a is 1.a, and 1.0 is 1.
fn canonical<'a>(segments: &[Segment<'a>]) -> Vec<Segment<'a>> {
    let first_word = segments.iter().position(|segment| matches!(segment, Segment::Word(_)));
    let (numbers, rest) = segments.split_at_checked(first_word.unwrap_or(segments.len())).unwrap_or_default();
    let without_zeros = |part: &[Segment<'a>]| {
        let zeros = part.iter().rev().take_while(|segment| **segment == Segment::Number(ZERO)).count();
        part.iter().take(part.len().saturating_sub(zeros)).copied().collect::<Vec<_>>()
    };
    let mut canonical = without_zeros(numbers);
    canonical.extend(without_zeros(rest));
    canonical
}

impl PartialEq for Ruby<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ruby<'_> {}

impl PartialOrd for Ruby<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ruby<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let at =
            |version: &Self, place: usize| version.0.get(place).copied().unwrap_or(Segment::Number(ZERO));
        (0..self.0.len().max(other.0.len()))
            .map(|place| at(self, place).cmp(&at(other, place)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}
