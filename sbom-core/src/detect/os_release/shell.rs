//! The syntax of os-release(5): assignments as a shell reads them.

use std::collections::BTreeMap;

use super::{Findings, Gap, GapKind};

/// More than any value has, in bytes.
pub(super) const MAX_VALUE: usize = 4 << 10;

/// The assignments of a file in the syntax of os-release(5); of two to one key the later counts, as in a shell.
/// Empty values are left out.
pub(super) fn assignments(text: &str, out: &mut Findings) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let line = line.trim();
        let Some((key, raw)) = line.split_once('=') else { continue };
        let named = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !named {
            continue;
        }
        let value = unquote(raw);
        if value.len() > MAX_VALUE {
            out.gaps.push(Gap::new(GapKind::Limit, format!("the value of {key:.40} is too long")).at(start));
        } else if value.is_empty() {
            values.remove(key);
        } else {
            values.insert(key.to_owned(), value);
        }
    }
    values
}

/// A value as a shell reads it: double quotes with `\` before `"`, `$`, `` ` `` and `\`, single quotes without
/// escapes, a comment after a blank. Blanks outside quotes, which a shell would not take, are kept. Control
/// characters are dropped.
fn unquote(raw: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut chars = raw.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', Some('"')) => match chars.next_if(|c| matches!(c, '"' | '$' | '`' | '\\')) {
                Some(escaped) => value.push(escaped),
                None => value.push('\\'),
            },
            ('\\', None) => value.extend(chars.next()),
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('#', None) if value.ends_with(char::is_whitespace) => break,
            (c, _) if c.is_control() && c != '\t' => {}
            (c, _) => value.push(c),
        }
    }
    value.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_read_as_a_shell_reads_them() {
        for (raw, value) in [
            ("alpine", "alpine"),
            ("\"a b\"", "a b"),
            ("'a $b \\'", "a $b \\"),
            (r#""\"x\" \$y \`z\` \\ \n""#, r#""x" $y `z` \ \n"#),
            (r"a\ b", "a b"),
            ("\"a\"'b'c", "abc"),
            ("12 # twelve", "12"),
            ("a#b", "a#b"),
            ("\"open", "open"),
            ("\"a\u{1b}[31mb\"", "a[31mb"),
            ("\\", ""),
            ("", ""),
        ] {
            assert_eq!(unquote(raw), value, "{raw}");
        }
    }
}
