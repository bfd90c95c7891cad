//! Lines of the form `TAG: VALUE`, whose value may go on over further lines between `<text>` and `</text>`.

use std::borrow::Cow;

use super::FORMAT;
use crate::document::read::{ReadError, shortened};

const BEGIN: &str = "<text>";
const END: &str = "</text>";

/// A tag with its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// The line that it begins in, 1 the first.
    pub(super) line: usize,
    pub(super) name: &'a str,
    /// Without the marks of a text and blanks around it; line ends of the document are LF.
    pub(super) value: Cow<'a, str>,
}

/// The tags of a document, in its order. Blank lines and those that begin with `#` are passed over.
pub(super) struct Tags<'a> {
    text: &'a str,
    /// Where the next line begins.
    at: usize,
    /// The number of that line.
    line: usize,
    /// Whether lines end in CR LF.
    crlf: bool,
}

impl<'a> Tags<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let crlf = text.split('\n').next().is_some_and(|first| first.ends_with('\r'));
        Self { text, at: 0, line: 1, crlf }
    }

    /// The tag in the line that begins at `start`, of which the next one is known already.
    fn tag(&mut self, whole: &'a str, start: usize, line: usize) -> Result<Tag<'a>, ReadError> {
        let named = whole.split_once(':').filter(|(name, _)| is_name(name.trim()));
        let Some((name, value)) = named else {
            let found = shortened(whole.trim());
            return Err(syntax(line, format!("expected TAG: VALUE, found {found:?}")));
        };
        let mut value = value.trim();
        if value.starts_with(BEGIN) {
            // No name has a `<`, so the first in the line is the one that begins the text.
            let begin = start + whole.find(BEGIN).unwrap_or_default() + BEGIN.len();
            value = self.block(begin).ok_or_else(|| {
                syntax(line, format!("the text that begins here has no end: {END} is missing"))
            })?;
        }
        let value =
            if self.crlf && value.contains('\r') { value.replace("\r\n", "\n").into() } else { value.into() };
        Ok(Tag { line, name: name.trim(), value })
    }

    /// The text from `begin` to its end; what follows that in its line is nothing.
    fn block(&mut self, begin: usize) -> Option<&'a str> {
        let end = begin + self.text.get(begin..)?.find(END)?;
        let after = self.text.get(end..)?;
        let next = after.find('\n').map_or(self.text.len(), |length| end + length + 1);
        // The line that the text begins in has been counted, if there is another after it.
        let passed = self.text.get(self.at..next).unwrap_or_default();
        self.line += passed.matches('\n').count();
        self.at = self.at.max(next);
        self.text.get(begin..end)
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Result<Tag<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (start, line) = (self.at, self.line);
            let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
            let whole = rest.split_once('\n').map_or(rest, |(whole, _)| whole);
            self.at = (start + whole.len() + 1).min(self.text.len());
            self.line += 1;
            let content = whole.trim();
            if !content.is_empty() && !content.starts_with('#') {
                return Some(self.tag(whole, start, line));
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(super) fn syntax(line: usize, message: String) -> ReadError {
    ReadError::Syntax { format: FORMAT, line, column: 1, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str, &str)]) {
        let tags: Vec<Tag<'_>> = Tags::new(text).collect::<Result<_, _>>().unwrap();
        let found: Vec<_> = tags.iter().map(|tag| (tag.line, tag.name, &*tag.value)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_become_tags() {
        check("", &[]);
        check("\n \n# a: b\n", &[]);
        check("A: b", &[(1, "A", "b")]);
        check("A:b: c \n\n  B :\n", &[(1, "A", "b: c"), (3, "B", "")]);
        check("A: b\r\n\r\nC: d\r\n", &[(1, "A", "b"), (3, "C", "d")]);
    }

    #[test]
    fn texts_go_on_over_lines() {
        check("A: <text>b</text>\nB: c", &[(1, "A", "b"), (2, "B", "c")]);
        check(
            "A: <text>b\n# no: remark\n\nd</text> rest\nB: c",
            &[(1, "A", "b\n# no: remark\n\nd"), (5, "B", "c")],
        );
        check("A: <text>b\r\nc</text>\r\nB: d\r\n", &[(1, "A", "b\nc"), (3, "B", "d")]);
        check("A: <text></text>", &[(1, "A", "")]);
        check("A: <text>\n</text>", &[(1, "A", "\n")]);
        check("A: b <text>", &[(1, "A", "b <text>")]);
    }

    #[test]
    fn errors_name_the_line() {
        for (text, message) in [
            ("A: b\nnonsense\n", "line 2, column 1: expected TAG: VALUE, found \"nonsense\""),
            ("A: b\nC D: e", "line 2, column 1: expected TAG: VALUE, found \"C D: e\""),
            ("A: <text>\n\nb", "line 1, column 1: the text that begins here has no end: </text> is missing"),
        ] {
            let error = Tags::new(text).find_map(Result::err).unwrap();
            assert_eq!(error.to_string(), format!("SPDX 2 tag-value, {message}"));
        }
    }
}
