//! Debian's control syntax: stanzas of fields, shared by the databases of dpkg and opkg, apt's lists and
//! machine-readable copyright files. Source: deb822(5).

use std::{
    borrow::Cow,
    io::{self, Read},
};

use memchr::{memchr, memmem};

use super::super::{Gap, GapKind};
use crate::limits::read_full;

/// Fields that one stanza may have; real ones have a few dozen.
const MAX_FIELDS: usize = 512;

/// Reads stanzas from front to back, in one pass and without copying.
///
/// A line that starts with a blank or tab continues the field before it. Stanzas are separated by empty lines;
/// a line of nothing but blanks separates them too, unless the text goes on after it.
#[derive(Debug, Clone)]
pub struct Stanzas<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes of the text before these.
    before: usize,
}

/// One stanza.
#[derive(Debug, Clone, Default)]
pub struct Stanza<'a> {
    /// Where it begins.
    pub offset: usize,
    /// Its fields in their order, each name once.
    pub fields: Vec<Field<'a>>,
    /// What in it could not be read, with offsets: each once.
    pub problems: Vec<(usize, Problem)>,
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Where it begins.
    pub offset: usize,
    /// Its name as written; names are the same whatever their case.
    pub name: &'a [u8],
    /// What follows the colon.
    pub value: Value<'a>,
}

/// The value of a field: the rest of its first line, and continuation lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a [u8]);

/// Part of a stanza that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Neither a field, a continuation nor a comment.
    #[error("a line that is neither a field nor the continuation of one")]
    NotAField,
    /// dpkg refuses such a file.
    #[error("the field {0} stands more than once in a stanza; the first counts")]
    Duplicate(String),
    /// A bound was hit.
    #[error("a stanza of more than {MAX_FIELDS} fields; the first {MAX_FIELDS} count")]
    TooManyFields,
}

impl From<&(usize, Problem)> for Gap {
    fn from((offset, problem): &(usize, Problem)) -> Self {
        let kind = match problem {
            Problem::TooManyFields => GapKind::Limit,
            Problem::NotAField | Problem::Duplicate(_) => GapKind::Malformed,
        };
        Self::new(kind, problem.to_string()).at(*offset)
    }
}

impl<'a> Stanzas<'a> {
    /// Reads `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        let at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { bytes, at, before: 0 }
    }

    /// Reads `bytes` that begin behind an empty line, and behind so many `before` them.
    fn further(bytes: &'a [u8], before: usize) -> Self {
        Self { bytes, at: 0, before }
    }

    /// The line at `at` without its end, and where the next one begins.
    fn line(&self, at: usize) -> (&'a [u8], usize) {
        let rest = self.bytes.get(at..).unwrap_or_default();
        match memchr(b'\n', rest) {
            Some(end) => {
                let line = rest.get(..end).unwrap_or_default();
                (line.strip_suffix(b"\r").unwrap_or(line), at + end + 1)
            }
            None => (rest.strip_suffix(b"\r").unwrap_or(rest), self.bytes.len()),
        }
    }

    /// Whether the line at `at` continues a field.
    fn continues(&self, at: usize) -> bool {
        matches!(self.bytes.get(at), Some(b' ' | b'\t'))
    }
}

impl<'a> Iterator for Stanzas<'a> {
    type Item = Stanza<'a>;

    fn next(&mut self) -> Option<Stanza<'a>> {
        let mut stanza: Option<Stanza<'a>> = None;
        // Where the value of the field begins that a continuation line would belong to.
        let mut open: Option<usize> = None;
        while self.at < self.bytes.len() {
            let start = self.at;
            let (line, next) = self.line(start);
            self.at = next;
            let blank = line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
            if blank && (line.is_empty() || open.is_none() || !self.continues(next)) {
                if stanza.is_some() {
                    break;
                }
                continue;
            }
            if line.starts_with(b"#") {
                continue;
            }
            let offset = self.before.saturating_add(start);
            let stanza = stanza.get_or_insert_with(|| Stanza { offset, ..Stanza::default() });
            if self.continues(start) {
                match (open, stanza.fields.last_mut()) {
                    (Some(from), Some(field)) => {
                        field.value = Value(self.bytes.get(from..start + line.len()).unwrap_or_default());
                    }
                    _ => stanza.problem(offset, Problem::NotAField),
                }
                continue;
            }
            open = match split_field(line) {
                Some(_) if stanza.fields.len() >= MAX_FIELDS => {
                    stanza.problem(offset, Problem::TooManyFields);
                    None
                }
                Some((name, colon)) => {
                    let from = start + colon + 1;
                    let value = Value(self.bytes.get(from..start + line.len()).unwrap_or_default());
                    stanza.fields.push(Field { offset, name, value });
                    Some(from)
                }
                None => {
                    stanza.problem(offset, Problem::NotAField);
                    None
                }
            };
        }
        if let Some(stanza) = &mut stanza {
            stanza.drop_duplicates();
        }
        stanza
    }
}

/// Hands the stanzas of `content`, which has `size` bytes, to `each` while it passes: held of it at a time are `piece` bytes, or
/// twice its longest stanza, or all of it. An error is one of `content`.
pub fn each_stanza(
    content: &mut dyn Read,
    size: u64,
    piece: usize,
    mut each: impl FnMut(&Stanza<'_>),
) -> io::Result<()> {
    // One more, which shows that it ended.
    let all = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1);
    let mut buffer = vec![0; piece.min(all).max(1)];
    let (mut before, mut held) = (0_usize, 0);
    loop {
        held += read_full(content, buffer.get_mut(held..).unwrap_or_default())?;
        let is_all = held < buffer.len();
        let bytes = buffer.get(..held).unwrap_or_default();
        let whole = if is_all { held } else { whole_stanzas(bytes) };
        let stanzas = bytes.get(..whole).unwrap_or_default();
        let stanzas = if before == 0 { Stanzas::new(stanzas) } else { Stanzas::further(stanzas, before) };
        stanzas.for_each(|stanza| each(&stanza));
        if is_all {
            return Ok(());
        }
        if whole == 0 {
            let twice = buffer.len().saturating_mul(2);
            buffer.resize(if buffer.len() < all { twice.min(all) } else { twice }, 0);
        }
        buffer.copy_within(whole..held, 0);
        before = before.saturating_add(whole);
        held -= whole;
    }
}

/// Bytes up to the last empty line, which ends a stanza whatever follows.
fn whole_stanzas(bytes: &[u8]) -> usize {
    let ends = [b"\n\n".as_slice(), b"\n\r\n"];
    let ends = ends.into_iter().filter_map(|end| Some(memmem::rfind(bytes, end)? + end.len()));
    ends.max().unwrap_or(0)
}

/// The name of the field that `line` begins, and where its colon is.
fn split_field(line: &[u8]) -> Option<(&[u8], usize)> {
    let colon = memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    let valid = !name.is_empty() && name.iter().all(|byte| !byte.is_ascii_whitespace());
    valid.then_some((name, colon))
}

impl<'a> Stanza<'a> {
    /// The value of the field `name`.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.field(name).map(|field| field.value)
    }

    /// The field `name`.
    pub fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The value of the field `name` as one line of text; none if it is missing or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = self.get(name)?.text();
        (!text.is_empty()).then(|| text.into_owned())
    }

    fn problem(&mut self, offset: usize, problem: Problem) {
        let repeats = self.problems.iter().any(|(_, known)| *known == problem);
        if !repeats {
            self.problems.push((offset, problem));
        }
    }

    fn drop_duplicates(&mut self) {
        let lower = |name: &'a [u8]| name.iter().map(u8::to_ascii_lowercase);
        let mut sorted: Vec<&Field<'a>> = self.fields.iter().collect();
        sorted.sort_by(|a, b| lower(a.name).cmp(lower(b.name)).then(a.offset.cmp(&b.offset)));
        let repeated: Vec<(usize, &'a [u8])> = sorted
            .windows(2)
            .filter_map(|pair| match pair {
                [a, b] if a.name.eq_ignore_ascii_case(b.name) => Some((b.offset, b.name)),
                _ => None,
            })
            .collect();
        for (offset, name) in &repeated {
            self.problem(*offset, Problem::Duplicate(String::from_utf8_lossy(name).into_owned()));
        }
        if !repeated.is_empty() {
            let mut offsets: Vec<usize> = repeated.into_iter().map(|(offset, _)| offset).collect();
            offsets.sort_unstable();
            self.fields.retain(|field| offsets.binary_search(&field.offset).is_err());
        }
    }
}

impl<'a> Value<'a> {
    /// The value as text, without blanks around it; bytes that are not UTF-8 become U+FFFD.
    pub fn text(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0.trim_ascii())
    }

    /// The first line, without blanks around it.
    pub fn first_line(self) -> Cow<'a, str> {
        let end = memchr(b'\n', self.0).unwrap_or(self.0.len());
        String::from_utf8_lossy(self.0.get(..end).unwrap_or_default().trim_ascii())
    }

    /// The continuation lines: without the blank that begins each, and a lone full stop as the empty line that
    /// it stands for.
    pub fn lines(self) -> impl Iterator<Item = Cow<'a, str>> {
        self.0.split(|&byte| byte == b'\n').skip(1).map(|line| {
            let line = line.trim_ascii_end();
            let line = line.get(1..).unwrap_or_default();
            String::from_utf8_lossy(if line == b"." { b"" } else { line })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&[(&str, &str)]]) {
        let found: Vec<Vec<(String, String)>> = Stanzas::new(text.as_bytes())
            .map(|stanza| {
                let pair = |field: &Field<'_>| {
                    (String::from_utf8_lossy(field.name).into_owned(), field.value.text().into_owned())
                };
                stanza.fields.iter().map(pair).collect()
            })
            .collect();
        let expected: Vec<Vec<(String, String)>> = expected
            .iter()
            .map(|stanza| stanza.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn stanzas_are_separated_by_any_number_of_empty_lines() {
        check("\n\nA: 1\n\n\n\nA: 2\n\n", &[&[("A", "1")], &[("A", "2")]]);
        check("A: 1\r\n\r\nA: 2\r\n", &[&[("A", "1")], &[("A", "2")]]);
        check("A: 1\n \nA: 2", &[&[("A", "1")], &[("A", "2")]]);
        check("", &[]);
    }

    #[test]
    fn the_last_line_needs_no_end() {
        check("Package: a\nVersion: 1", &[&[("Package", "a"), ("Version", "1")]]);
        check("Package: a\nVersion: 1\r", &[&[("Package", "a"), ("Version", "1")]]);
    }

    #[test]
    fn blanks_and_tabs_continue_a_field() {
        check("A: 1\n 2\n\t3\n \n 4\nB:\n", &[&[("A", "1\n 2\n\t3\n \n 4"), ("B", "")]]);
        let stanza = Stanzas::new(b"A: 1\n b\n .\n  c\n").next().unwrap();
        assert_eq!(stanza.get("a").unwrap().first_line(), "1");
        assert_eq!(stanza.get("A").unwrap().lines().collect::<Vec<_>>(), ["b", "", " c"]);
    }

    #[test]
    fn a_duplicate_field_is_dropped_and_reported() {
        let stanza = Stanzas::new(b"A: 1\nB: 2\na: 3\n").next().unwrap();
        assert_eq!(stanza.text("A").as_deref(), Some("1"));
        assert_eq!(stanza.fields.len(), 2);
        assert_eq!(stanza.problems, [(10, Problem::Duplicate("a".to_owned()))]);
    }

    #[test]
    fn a_line_without_colon_is_reported_once_and_costs_no_field() {
        let stanza = Stanzas::new(b"A: 1\nwhat is this\n and this\nB: 2\nno field: here\n").next().unwrap();
        assert_eq!(stanza.text("A").as_deref(), Some("1"));
        assert_eq!(stanza.text("B").as_deref(), Some("2"));
        assert_eq!(stanza.problems, [(5, Problem::NotAField)]);
    }

    #[test]
    fn a_stanza_of_very_many_fields_is_cut() {
        let fields: Vec<String> = (0..2000).map(|n| format!("F{n}: {n}\n")).collect();
        let text = fields.concat();
        let stanza = Stanzas::new(text.as_bytes()).next().unwrap();
        assert_eq!(stanza.fields.len(), MAX_FIELDS);
        assert!(matches!(stanza.problems.as_slice(), [(_, Problem::TooManyFields)]));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let stanza = Stanzas::new(b"Maintainer: J\xf6rg\n").next().unwrap();
        assert_eq!(stanza.text("Maintainer").as_deref(), Some("J\u{fffd}rg"));
    }

    proptest! {
        #[test]
        fn stanzas_that_pass_are_those_of_the_whole_text(
            text in "(\u{feff}|)([AB]: ?[a-z]{0,3}|[ \t][a-z.]{0,3}|#x|x|\u{feff}|\r|)((\r?\n){1,3}([ABab]{1,2}: ?[a-z .]{0,4}|[ \t][a-z.]{0,3}|#x|x|\u{feff}|\r|)){0,30}",
            piece in 0..40_usize,
            is_size_true in any::<bool>(),
        ) {
            let whole: Vec<String> = Stanzas::new(text.as_bytes()).map(|stanza| format!("{stanza:?}")).collect();
            let mut passed = Vec::new();
            let size = if is_size_true { text.len() as u64 } else { 3 };
            each_stanza(&mut text.as_bytes(), size, piece, |stanza| passed.push(format!("{stanza:?}"))).unwrap();
            prop_assert_eq!(passed, whole);
        }

        #[test]
        fn no_field_value_is_lost_or_invented(lines in proptest::collection::vec("[ABab]{1,2}: ?[a-z .]{0,4}|[ \t][a-z.]{0,3}|#x|", 0..40)) {
            let text = lines.join("\n");
            for stanza in Stanzas::new(text.as_bytes()) {
                for field in &stanza.fields {
                    let tail = &text.as_bytes()[field.offset..];
                    prop_assert!(tail.starts_with(field.name));
                    let value = field.value.text();
                    prop_assert!(text.contains(value.as_ref()));
                }
            }
        }
    }
}
