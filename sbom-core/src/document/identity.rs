//! Identifiers of documents: the same for the same input, different for any other.

use std::io::{self, Write};

use uuid::Uuid;

use super::{
    Format, Inputs,
    model::{Document, Origin},
};
use crate::digest::{Algorithm, Hasher};

/// Where the namespaces of documents lie. Nothing need be found there: a namespace is a name.
pub(super) const NAMESPACE: &str = "https://sbomctl.dev/spdx/";

/// The identifier of a document: a UUID of version 5 over all that decides its content. `content` writes the
/// document with the identifier it is given; it is called where only the content itself says what was scanned.
pub(super) fn document(
    document: &Document,
    format: Format,
    inputs: &Inputs,
    content: impl FnOnce(Uuid, &mut dyn Write) -> io::Result<()>,
) -> io::Result<Uuid> {
    let origin = if let Origin::Fixed(origin) = &document.header.origin {
        origin.clone()
    } else {
        let mut sink = HashingSink(Hasher::new(Algorithm::Sha256));
        content(Uuid::nil(), &mut sink)?;
        sink.0.finish().to_string()
    };
    let key = [
        &format.to_string(),
        &inputs.tool.name,
        &inputs.tool.version,
        &origin,
        &document.header.name,
        &inputs.timestamp.to_string(),
        &inputs.options_fingerprint,
    ]
    .map(String::as_str)
    .join("\0");
    let own = Uuid::new_v5(&Uuid::NAMESPACE_URL, NAMESPACE.as_bytes());
    Ok(Uuid::new_v5(&own, key.as_bytes()))
}

/// `text` in letters, digits, `.` and `-`, at most 60 of them and at least one.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if slug.len() >= 60 {
            break;
        }
        match c {
            c if c.is_ascii_alphanumeric() || c == '.' => slug.push(c),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "unnamed".to_owned() } else { slug.to_owned() }
}

struct HashingSink(Hasher);

impl Write for HashingSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_hold_letters_digits_dots_and_hyphens() {
        for (text, expected) in [
            ("docker.io/library/demo", "docker.io-library-demo"),
            ("libstdc++", "libstdc"),
            ("_a__b_", "a-b"),
            ("\u{1f980}", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(slug(text), expected);
        }
        assert_eq!(slug(&"a".repeat(100)).len(), 60);
    }
}
