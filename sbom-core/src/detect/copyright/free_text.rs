//! Copyright files written for people: the licences below `/usr/share/common-licenses` that they refer to, else
//! the text as it is. A text that refers to licences and grants others in its own words is both.

use memchr::memmem;

use super::{super::dpkg::Report, Copyright, Form, Texts};
use crate::license::debian::{Licenses, common_license};

const COMMON: &[u8] = b"/usr/share/common-licenses/";
/// Bytes before a reference that may say to which version of a licence it refers.
const CONTEXT: usize = 1200;

/// Words by which licences grant what they grant, for those that are written out instead of referred to: MIT and
/// its kin, BSD, and what calls itself an agreement. Lower-case, with single blanks.
const GRANTS: &[&[u8]] = &[
    b"permission is hereby granted",
    b"permission is granted to anyone",
    b"permission to use, copy, modify",
    b"redistribution and use in source and binary forms",
    b"redistribution and use of this software",
    b"license agreement",
];

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
    let form = if licenses.is_empty() { Form::Text } else { Form::References };
    // A reference may be to the licence of one man page: without the text the rest would go unlicensed.
    if form == Form::Text || grants(bytes) {
        let name = format!("copyright of {package}");
        let mut texts = Texts::new();
        let text = texts.take(&String::from_utf8_lossy(bytes), &name);
        texts.finish(report);
        licenses.add_custom(&name, &text);
    }
    Copyright { form, licenses: licenses.finish(), parts: Vec::new() }
}

/// Whether a text grants something in its own words.
fn grants(bytes: &[u8]) -> bool {
    let mut folded: Vec<u8> = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if !byte.is_ascii_whitespace() {
            folded.push(byte.to_ascii_lowercase());
        } else if folded.last() != Some(&b' ') {
            folded.push(b' ');
        }
    }
    GRANTS.iter().any(|grant| memmem::find(&folded, grant).is_some())
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
    fn what_is_granted_beside_a_reference_is_kept_with_its_text() {
        let debian = "The packaging is under the GPL, version 2 or later: /usr/share/common-licenses/GPL-2\n";
        for grant in [
            "Permission is hereby granted, free of\n charge, to any person",
            "Redistribution and use in source\n  and binary forms, with or without",
            "PSF LICENSE AGREEMENT FOR PYTHON 2.3",
        ] {
            check(
                &format!("{grant}\n{debian}"),
                Form::References,
                "GPL-2.0-or-later AND LicenseRef-copyright-of-a-",
            );
        }
        let found = detect("usr/share/doc/a/copyright", debian.as_bytes().to_vec()).0.unwrap();
        assert_eq!(found.licenses.expression.as_deref(), Some("GPL-2.0-or-later"));
    }

    #[test]
    fn without_references_the_text_is_the_licence() {
        check("All rights reserved.", Form::Text, "LicenseRef-copyright-of-a-");
        check("see /usr/share/common-licenses/ for more", Form::Text, "LicenseRef-copyright-of-a-");
    }
}
