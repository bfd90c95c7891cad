//! The machine-readable copyright format. Source: "Machine-readable debian/copyright file", version 1.0 (DEP-5).

use std::collections::BTreeMap;

use super::{
    super::{
        Gap, GapKind,
        dpkg::{
            Report,
            stanza::{Problem, Stanza, Stanzas, Value},
        },
    },
    Copyright, Form, LicensedPart, Texts,
};
use crate::license::debian::Licenses;

/// Parts of one copyright file that are read; the largest real ones have some thousand.
const MAX_STANZAS: usize = 50_000;
/// Characters of the patterns of one part that are kept.
const MAX_PATTERNS: usize = 500;

/// Reads a copyright file in the machine-readable format; none if it is not in that format.
pub(super) fn read(bytes: &[u8], report: &mut Report<'_>) -> Option<Copyright> {
    let first = Stanzas::new(bytes).next()?;
    let declared = ["Format", "Format-Specification"].iter().any(|name| first.get(name).is_some());
    // Some leave the header out.
    let headless = first.get("Files").is_some() && first.get("License").is_some();
    if !declared && !headless {
        return None;
    }
    let matters = |stanza: &Stanza<'_>| stanza.get("License").or(stanza.get("Files")).is_some();
    let mut rest = Stanzas::new(bytes).skip(1).filter(matters);
    let mut stanzas = vec![first];
    stanzas.extend(rest.by_ref().take(MAX_STANZAS));
    let beyond = rest.next().map(|stanza| stanza.offset);
    let texts = texts(&stanzas);
    let mut taken = Texts::new();
    let mut licenses = Licenses::default();
    let mut parts = Vec::new();
    let has_files = stanzas.iter().any(|stanza| stanza.get("Files").is_some());
    for (index, stanza) in stanzas.iter().enumerate() {
        let files = stanza.get("Files");
        // A licence that stands alone is the text of one that others name.
        let counts = files.is_some() || (index == 0 && declared) || !has_files;
        let Some(license) = stanza.get("License").filter(|_| counts) else { continue };
        let synopsis = license.first_line();
        let own = text(license);
        // A header may say in words that licences differ, which the rest then names.
        if synopsis.is_empty() && (own.trim().is_empty() || (files.is_none() && has_files)) {
            continue;
        }
        let mut text_of = |name: &str| {
            let known = texts.get(&name.to_ascii_lowercase());
            taken.take(known.filter(|_| own.trim().is_empty()).unwrap_or(&own), name)
        };
        let synopsis = if synopsis.is_empty() {
            own.lines().find(|l| !l.trim().is_empty()).unwrap_or("")
        } else {
            &synopsis
        };
        let Some(expression) = licenses.add_synopsis(synopsis, &mut text_of) else { continue };
        if let Some(files) = files {
            parts.push(LicensedPart { patterns: patterns(&files.text()), expression });
        }
    }
    if licenses.is_empty() {
        return None;
    }
    for stanza in &stanzas {
        stanza
            .problems
            .iter()
            .filter(|(_, problem)| matters_here(problem))
            .for_each(|problem| report.gap(problem.into()));
    }
    if let Some(offset) = beyond {
        let message = format!("more than {MAX_STANZAS} parts in a copyright file; the first count");
        report.gap(Gap::new(GapKind::Limit, message).at(offset));
    }
    taken.finish(report);
    Some(Copyright { form: Form::MachineReadable, licenses: licenses.finish(), parts })
}

/// The words of `files`, joined by a blank, cut behind [`MAX_PATTERNS`] characters.
fn patterns(files: &str) -> String {
    let mut patterns = String::new();
    let mut left = MAX_PATTERNS;
    for (index, word) in files.split_whitespace().enumerate() {
        for c in (index > 0).then_some(' ').into_iter().chain(word.chars()) {
            let Some(rest) = left.checked_sub(1) else {
                patterns.push_str(" …");
                patterns.shrink_to_fit();
                return patterns;
            };
            left = rest;
            patterns.push(c);
        }
    }
    patterns.shrink_to_fit();
    patterns
}

/// A comment given twice, as there are, takes nothing from what is read.
fn matters_here(problem: &Problem) -> bool {
    match problem {
        Problem::Duplicate(name) => ["Files", "License"].iter().any(|read| name.eq_ignore_ascii_case(read)),
        _ => true,
    }
}

/// The texts of licences by their names in lower case; of several the first that has one.
fn texts(stanzas: &[Stanza<'_>]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for stanza in stanzas {
        if let Some(license) = stanza.get("License") {
            let text = text(license);
            if !text.trim().is_empty() {
                texts.entry(license.first_line().to_ascii_lowercase()).or_insert(text);
            }
        }
    }
    texts
}

pub(super) fn text(license: Value<'_>) -> String {
    license.lines().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{super::tests::detect, *};

    fn read(text: &str) -> Copyright {
        detect("usr/share/doc/a/copyright", text.as_bytes().to_vec()).0.unwrap()
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(read(text).licenses.expression.as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn every_spelling_of_the_format_is_known() {
        for format in [
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
            "Format: http://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
            "Format: http://dep.debian.net/deps/dep5",
            "Format-Specification: http://svn.debian.org/wsvn/dep/web/deps/dep5.mdwn?op=file&rev=135",
            "\nformat:\n https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
        ] {
            let found = read(&format!("{format}\n\nFiles: *\nLicense: Expat\n"));
            assert_eq!(found.form, Form::MachineReadable, "{format}");
            assert_eq!(found.licenses.expression.as_deref(), Some("MIT"));
        }
    }

    #[test]
    fn of_many_patterns_the_first_are_kept() {
        let patterns = |text: &str| {
            read(&format!("Format: x\n\nFiles: {text}\nLicense: ISC\n")).parts[0].patterns.clone()
        };
        let just = format!("a {}", "ä".repeat(498));
        assert_eq!(patterns(&just), just);
        assert_eq!(patterns(&format!("{just} b")), format!("{just} …"));
        assert_eq!(patterns(&format!("{just}b")), format!("{just} …"));
        assert_eq!(patterns("a\n  b\tc "), "a b c");
    }

    #[test]
    fn all_parts_are_declared_at_once_and_kept_apart() {
        let found = read(
            "Format: x\nLicense: GPL-2+\n\nFiles: *\nLicense: GPL-2+ or Artistic\n\nFiles: a/*\n b/*.c\nLicense: ISC\n\nFiles: c\nLicense: ISC\n\nLicense: Zlib\n unused\n",
        );
        assert_eq!(
            found.licenses.expression.as_deref(),
            Some("GPL-2.0-or-later AND (GPL-2.0-or-later OR Artistic-1.0-Perl) AND ISC")
        );
        let parts: Vec<_> = found.parts.iter().map(|part| (&*part.patterns, &*part.expression)).collect();
        assert_eq!(
            parts,
            [("*", "GPL-2.0-or-later OR Artistic-1.0-Perl"), ("a/* b/*.c", "ISC"), ("c", "ISC")]
        );
    }

    #[test]
    fn an_unknown_licence_carries_its_text() {
        let found = read(
            "Format: x\n\nFiles: *\nLicense: odd or Expat\n\nLicense: ODD\n Do what you like.\n .\n  Twice.\n",
        );
        assert_eq!(&*found.licenses.custom[0].text, "Do what you like.\n\n Twice.");
        let found = read("Format: x\n\nFiles: *\nLicense: odd\n Right here.\n");
        assert_eq!(&*found.licenses.custom[0].text, "Right here.");
        let found = read("Format: x\n\nFiles: *\nLicense: odd\n");
        assert_eq!(&*found.licenses.custom[0].text, "odd");
    }

    #[test]
    fn a_header_that_says_licences_differ_declares_none() {
        check("Format: x\nLicense:\n Different licenses apply.\n\nFiles: *\nLicense: Expat\n", "MIT");
    }

    #[test]
    fn only_a_duplicate_that_matters_is_a_gap() {
        let gaps = |text: &str| detect("usr/share/doc/a/copyright", text.as_bytes().to_vec()).1.len();
        assert_eq!(gaps("Format: x\n\nFiles: *\nLicense: Expat\nComment: a\nComment: b\n"), 0);
        assert_eq!(gaps("Format: x\n\nFiles: *\nComment: a\nComment: b\nLicense: Expat\nLicense: ISC\n"), 1);
    }

    #[test]
    fn without_files_the_licences_themselves_count() {
        check("Format: x\n\nLicense: Expat\n text\n\nLicense: ISC\n text\n", "MIT AND ISC");
    }

    #[test]
    fn a_text_named_very_often_is_not_multiplied() {
        let text = "y".repeat(1 << 18);
        let part = |n| format!("\nFiles: {n}\nLicense: odd{n}\n {text}\n");
        let parts: Vec<String> = (0..50).map(part).collect();
        let file = format!("Format: x\n{}", parts.concat());
        let (found, gaps) = detect("usr/share/doc/a/copyright", file.into_bytes());
        let total: usize = found.unwrap().licenses.custom.iter().map(|license| license.text.len()).sum();
        assert!(total <= 5 << 20);
        assert_eq!(gaps.len(), 1);
    }
}
