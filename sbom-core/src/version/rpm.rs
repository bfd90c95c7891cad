//! The order of rpm's versions: epoch, version, release. Source: rpm's manual, `rpm-version(7)`.

use super::number::{Number, all_digits, number};

/// A part of an rpm version. `~` is before the end, `^` after it and before everything else; letters are before
/// numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    Tilde,
    End,
    Caret,
    Letters(&'a str),
    Number(Number<'a>),
}

/// A version that compares.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rpm<'a> {
    epoch: Number<'a>,
    version: Vec<Segment<'a>>,
    release: Vec<Segment<'a>>,
}

impl<'a> Rpm<'a> {
    /// None if it is empty, or has blanks or control characters, which no version of a package can.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (epoch, rest) = text.split_once(':').filter(|(epoch, _)| all_digits(epoch)).unwrap_or(("", text));
        let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Some(Self { epoch: number(epoch), version: segments(version), release: segments(release) })
    }
}

fn segments(mut text: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    while let Some(first) = text.chars().next() {
        let of_kind: fn(char) -> bool = match first {
            c if c.is_ascii_digit() => |c| c.is_ascii_digit(),
            c if c.is_ascii_alphabetic() => |c| c.is_ascii_alphabetic(),
            _ => |_| false,
        };
        let end = text.find(|c| !of_kind(c)).unwrap_or(text.len()).max(first.len_utf8());
        let (part, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        match first {
            '~' => segments.push(Segment::Tilde),
            '^' => segments.push(Segment::Caret),
            c if c.is_ascii_digit() => segments.push(Segment::Number(number(part))),
            c if c.is_ascii_alphabetic() => segments.push(Segment::Letters(part)),
            _ => {}
        }
        text = rest;
    }
    segments.push(Segment::End);
    segments
}
