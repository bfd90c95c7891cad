//! Identifiers of documents: the same for the same input, different for any other.

use std::io::{self, Write};

use uuid::Uuid;

use super::{Format, Inputs};
use crate::{
    bom::Subject,
    digest::{Algorithm, Digest, Hasher},
    oci::SubjectKind,
};

/// Where the namespaces of documents lie. Nothing need be found there: a namespace is a name.
pub(super) const NAMESPACE: &str = "https://sbomctl.dev/spdx/";

/// The identifier of a document: a UUID of version 5 over all that decides its content. `content` writes the
/// document with the identifier it is given; it is called where only the content itself says what was scanned.
pub(super) fn document(
    subject: &Subject,
    format: Format,
    inputs: &Inputs,
    content: impl FnOnce(Uuid, &mut dyn Write) -> io::Result<()>,
) -> io::Result<Uuid> {
    let scanned = if let Some(digest) = subject_digest(subject) {
        digest
    } else {
        let mut sink = HashingSink(Hasher::new(Algorithm::Sha256));
        content(Uuid::nil(), &mut sink)?;
        sink.0.finish()
    };
    let key = [
        &format.to_string(),
        &inputs.tool.name,
        &inputs.tool.version,
        &scanned.to_string(),
        &subject.name,
        subject.tag.as_deref().unwrap_or_default(),
        &inputs.timestamp.to_string(),
        &inputs.options_fingerprint,
    ]
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

/// The digest that pins down what was scanned; none for a folder, and for a file, whose scan depends on its name.
fn subject_digest(subject: &Subject) -> Option<Digest> {
    let SubjectKind::Image(image) = &subject.kind else { return None };
    if let Some(digest) = image.manifest_digest.as_ref().or(image.config_digest.as_ref()) {
        return Some(digest.clone());
    }
    let digests: Option<Vec<String>> = subject
        .layers
        .iter()
        .map(|layer| layer.digest.as_ref().or(layer.diff_id.as_ref()).map(Digest::to_string))
        .collect();
    digests.filter(|digests| !digests.is_empty()).map(|digests| Digest::of(digests.join("\n").as_bytes()))
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
