//! Copyright files written for people: the licences below `/usr/share/common-licenses` that they refer to, else
//! the text as it is.

use memchr::memmem;

use super::{super::dpkg::Report, Copyright, Form, Texts};
use crate::license::debian::{Licenses, common_license};

const COMMON: &[u8] = b"/usr/share/common-licenses/";
/// Bytes before a reference that may say to which version of a licence it refers.
const CONTEXT: usize = 1200;

/// Reads a copyright file that is a text.
pub(super) fn read(bytes: &[u8], package: &str, report: &mut Report<'_>) -> Copyright {
    let mut licenses = Licenses::default();
    let mut before = 0;
    for at in memmem::find_iter(bytes, COMMON) {
        let rest = bytes.get(at + COMMON.len()..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'.' | b'-' | b'+'))
            .unwrap_or(rest.len());
        let name = String::from_utf8_lossy(rest.get(..end).unwrap_or_default());
        // What was said of one licence says nothing of the next.
        let context = bytes.get(before.max(at.saturating_sub(CONTEXT))..at).unwrap_or_default();
        let name = name.trim_end_matches(['.', '-']);
        if let Some(expression) = common_license(name, &String::from_utf8_lossy(context)) {
            licenses.add_known(&expression);
        }
        before = at + COMMON.len() + end;
    }
    if !licenses.is_empty() {
        return Copyright { form: Form::References, licenses: licenses.finish(), parts: Vec::new() };
    }
    let name = format!("copyright of {package}");
    let mut texts = Texts::new();
    let text = texts.take(&String::from_utf8_lossy(bytes), &name);
    texts.finish(report);
    licenses.add_custom(&name, &text);
    Copyright { form: Form::Text, licenses: licenses.finish(), parts: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::detect, *};

    fn check(text: &str, form: Form, expected: &str) {
        let found = detect("usr/share/doc/a/copyright", text.as_bytes().to_vec()).0.unwrap();
        assert_eq!(found.form, form, "{text}");
        let expression = found.licenses.expression.unwrap();
        assert!(expression.starts_with(expected), "{text}: {expression}");
    }

    #[test]
    fn references_to_common_licences_are_licences() {
        check(
            "GPL, either version 2, or any later version: `/usr/share/common-licenses/GPL-2'.\nDocs: /usr/share/common-licenses/GFDL-1.3.\n",
            Form::References,
            "GPL-2.0-or-later AND GFDL-1.3-only",
        );
        check("/usr/share/common-licenses/Artistic", Form::References, "Artistic-1.0-Perl");
    }

    #[test]
    fn without_references_the_text_is_the_licence() {
        check("All rights reserved.", Form::Text, "LicenseRef-copyright-of-a-");
        check("see /usr/share/common-licenses/ for more", Form::Text, "LicenseRef-copyright-of-a-");
    }
}
