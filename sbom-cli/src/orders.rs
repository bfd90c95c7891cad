//! What the runner of GitHub Actions takes for an order in the log of a job, and how it becomes a text like any other.
//!
//! Source: GitHub's "Workflow commands" and the runner that reads them (`ActionCommand`). An order begins with `::` at the
//! start of a line, blanks aside, or, in its older form, with `##[` anywhere in one. What images and registries say may hold
//! either, and it is the same everywhere: what is written does not depend on who reads it.

use std::io::{self, Write};

/// The older form.
const OLDER: &str = "##[";
/// The newer one, at the start of a line.
const NEWER: &str = "::";

/// `text` without orders in any of its lines.
pub(crate) fn without(text: &str) -> String {
    text.split_inclusive(['\n', '\r']).map(without_in_line).collect()
}

/// The same of a line of JSON, which stays the same to whoever reads it as that.
pub(crate) fn without_in_json(line: &str) -> String {
    line.replace(OLDER, "##\\u005b")
}

/// Writes to `out` what `write` does, without orders in it.
pub(crate) fn write_without(
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut lines = Lines { out, begun: Vec::new() };
    write(&mut lines)?;
    lines.end()
}

/// Hands on one line after the other.
struct Lines<'a> {
    out: &'a mut dyn Write,
    begun: Vec<u8>,
}

impl Lines<'_> {
    fn end(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.begun);
        self.out.write_all(without(&String::from_utf8_lossy(&line)).as_bytes())
    }
}

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.end()?;
            }
        }
        Ok(bytes.len())
    }

    /// Of a line that has only begun it is not known what it will be.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn without_in_line(line: &str) -> String {
    let line = line.replace(OLDER, "##\\[");
    match line.trim_start().strip_prefix(NEWER) {
        Some(rest) => {
            let blanks = line.len().saturating_sub(line.trim_start().len());
            format!("{}\\{NEWER}{rest}", line.get(..blanks).unwrap_or_default())
        }
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_order(line: &str) -> bool {
        line.trim_start().starts_with(NEWER) || line.contains(OLDER)
    }

    #[test]
    fn orders_are_broken_and_all_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("a :: b ## [c] #[d]\n", "a :: b ## [c] #[d]\n"),
            ("::error::x", "\\::error::x"),
            ("a\n  ::error::x\nb", "a\n  \\::error::x\nb"),
            ("a\r::error::x", "a\r\\::error::x"),
            ("a ##[error]b ###[c", "a ##\\[error]b ###\\[c"),
        ] {
            assert_eq!(without(text), expected);
        }
        let json = without_in_json(r###"{"message":"##[error]::x::"}"###);
        assert!(!is_order(&json));
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["message"], "##[error]::x::");
    }

    proptest! {
        #[test]
        fn nothing_is_left_that_is_an_order(text in "[:#\\[\\] \n\r\ta\u{2028}\u{85}]{0,30}") {
            let mut out = Vec::new();
            // In pieces, as formatting does it.
            write_without(&mut out, |out| text.chars().try_for_each(|c| write!(out, "{c}"))).unwrap();
            let written = String::from_utf8(out).unwrap();
            prop_assert_eq!(&written, &without(&text));
            prop_assert!(!written.split(['\n', '\r']).any(is_order), "{written:?}");
        }
    }
}
