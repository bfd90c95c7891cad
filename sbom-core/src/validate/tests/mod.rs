//! Every rule, with a document that breaks it and one that does not.

use std::collections::BTreeMap;

use cases::{Case, cases};
use documents::{CYCLONEDX, SPDX, SPDX3, TAG_VALUE, XML, cyclonedx, spdx};

use super::{Broken, Input, Severity, Tree, Violation, rules, validate};
use crate::{
    document::read::{self, Syntax},
    limits::Limits,
};

mod cases;
mod documents;

/// Judges `text`, whose file is called `name`.
fn judge(name: &str, text: &str, violations: &[Violation]) -> Vec<Broken> {
    let limits = Limits::default();
    let plain = read::open(text.as_bytes(), &limits).unwrap();
    let is_json = !matches!(plain.syntax, Syntax::CycloneDxXml | Syntax::SpdxTagValue);
    let tree = is_json.then(|| Tree::read(plain.text.as_bytes(), limits.validate_memory));
    let read = read::read(text.as_bytes(), &limits);
    validate(&Input {
        plain: &plain,
        tree: tree.as_ref().map(Result::as_ref),
        read: read.as_ref(),
        file_name: (!name.is_empty()).then_some(name),
        violations,
    })
}

/// The rules that `text` breaks, with how often.
fn broken(text: &str) -> BTreeMap<&'static str, u64> {
    judge("", text, &[]).iter().map(|broken| (broken.rule.id, broken.count)).collect()
}

#[test]
fn what_follows_all_rules_breaks_none() {
    for text in [CYCLONEDX, SPDX, SPDX3, TAG_VALUE, XML] {
        let broken: Vec<_> = judge("", text, &[]);
        assert!(broken.is_empty(), "{text}\n{broken:#?}");
    }
}

#[test]
fn every_rule_is_broken_by_a_document_that_differs_in_one_thing() {
    for Case { rule, count, text } in cases() {
        assert!(rules().any(|known| known.id == rule), "{rule}");
        assert_eq!(broken(&text).get(rule), Some(&count), "{rule}\n{text}\n{:#?}", judge("", &text, &[]));
    }
}

#[test]
fn there_is_a_case_for_every_rule() {
    let cases = cases();
    for rule in rules().filter(|rule| !matches!(rule.id, "schema" | "file-name")) {
        assert!(cases.iter().any(|case| case.rule == rule.id), "{}", rule.id);
    }
}

#[test]
fn what_a_schema_objects_to_is_an_error() {
    let violation = Violation { place: "/components/0".to_owned(), message: "wrong".to_owned() };
    let broken = judge("", CYCLONEDX, &[violation]);
    assert_eq!(broken[0].rule.id, "schema");
    assert_eq!(broken[0].rule.severity, Severity::Error);
    assert_eq!(broken[0].findings[0].place, "/components/0");
}

#[test]
fn file_names_are_those_that_osv_scanner_knows() {
    let breaks =
        |name: &str, text: &str| judge(name, text, &[]).iter().any(|broken| broken.rule.id == "file-name");
    for (name, text) in [
        ("a.cdx.json", CYCLONEDX),
        ("bom.json", CYCLONEDX),
        ("bom.xml", XML),
        ("a.spdx.json", SPDX),
        ("a.spdx", TAG_VALUE),
        ("", CYCLONEDX),
    ] {
        assert!(!breaks(name, text), "{name}");
    }
    for (name, text) in
        [("a.json", CYCLONEDX), ("a.spdx", SPDX), ("a.cdx.json", XML), ("a.spdx.json", TAG_VALUE)]
    {
        assert!(breaks(name, text), "{name}");
    }
}

#[test]
fn findings_beyond_a_thousand_are_counted() {
    let many: String = (0..5000).map(|n| format!("\"x{n}\",")).collect();
    let text = cyclonedx(&[("[\"musl\"]", &format!("[{many}\"musl\"]"))]);
    let broken = judge("", &text, &[]);
    let dangling = broken.iter().find(|broken| broken.rule.id == "dangling-reference").unwrap();
    assert_eq!((dangling.count, dangling.findings.len()), (5000, 1000));
    assert_eq!(dangling.findings[0].place, "dependencies[2].dependsOn");
}

#[test]
fn texts_of_the_document_are_escaped_and_cut_in_messages() {
    let text = cyclonedx(&[("[\"musl\"]", &format!("[\"\\u001b[31m{}\"]", "x".repeat(10_000)))]);
    let broken = judge("", &text, &[]);
    let finding = &broken.iter().find(|broken| broken.rule.id == "dangling-reference").unwrap().findings[0];
    assert!(finding.message.contains("\\u{1b}[31m"), "{}", finding.message);
    assert!(finding.message.len() < 200, "{}", finding.message);
}

#[test]
fn references_out_of_the_document_are_not_dangling() {
    for text in [
        cyclonedx(&[("[\"musl\"]", "[\"musl\", \"urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#x\"]")]),
        spdx(&[
            (
                "\"relatedSpdxElement\": \"SPDXRef-Package-part\"",
                "\"relatedSpdxElement\": \"DocumentRef-x:SPDXRef-x\"",
            ),
            (
                "\"packages\"",
                "\"externalDocumentRefs\": [{\"externalDocumentId\": \"DocumentRef-x\"}], \"packages\"",
            ),
        ]),
        spdx(&[(
            "\"relatedSpdxElement\": \"SPDXRef-Package-part\"",
            "\"relatedSpdxElement\": \"NOASSERTION\"",
        )]),
    ] {
        assert!(!broken(&text).contains_key("dangling-reference"), "{text}");
    }
}

#[test]
fn names_of_packages_agree_in_the_spellings_of_their_ecosystems() {
    for (name, group, version, purl) in [
        ("github.com/Azure/go-autorest", "", "v14.2.0", "pkg:golang/github.com/azure/go-autorest@v14.2.0"),
        ("crane", "", "v1", "pkg:golang/github.com/google/go-containerregistry@v1#cmd/crane"),
        ("Flask_Login", "", "1.0", "pkg:pypi/flask-login@1.0"),
        ("log4j-core", "org.apache", "2.0", "pkg:maven/org.apache/log4j-core@2.0"),
        ("org.apache:log4j-core", "", "2.0", "pkg:maven/org.apache/log4j-core@2.0"),
        ("core", "@angular", "1.0.0", "pkg:npm/%40angular/core@1.0.0"),
        ("@angular/core", "", "1.0.0", "pkg:npm/%40angular/core@1.0.0"),
        ("bind", "", "32:9.16-1", "pkg:rpm/redhat/bind@9.16-1?distro=rhel-9&epoch=32"),
        ("attr", "", "1:2.5-4+b1", "pkg:deb/debian/attr@1:2.5-4%2Bb1?distro=debian-12"),
        ("docker.io/library/demo", "", "1.0", "pkg:oci/demo@sha256:ab"),
        ("stdlib", "", "go1.22", "pkg:golang/stdlib@1.22"),
    ] {
        let component = format!(
            "{{\"bom-ref\": \"zlib\", \"type\": \"library\", \"name\": \"{name}\", \"group\": \"{group}\", \
             \"version\": \"{version}\", \"purl\": \"{purl}\", \"x\": {{"
        );
        let text = cyclonedx(&[
            ("{\"bom-ref\": \"zlib\", ", &component),
            ("MIT OR GPL-2.0-only WITH Classpath-exception-2.0)\"}]}", "MIT)\"}]}}"),
        ]);
        let agrees = !broken(&text).contains_key("purl-agrees");
        assert_eq!(agrees, name != "stdlib", "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_document_makes_a_rule_fail(
        base in 0..5_usize,
        at in 0..3000_usize,
        length in 0..40_usize,
        with in "[\\PC\\x00-\\x1f]{0,20}",
    ) {
        let text = [CYCLONEDX, SPDX, TAG_VALUE, XML, SPDX3][base];
        let mut bytes: Vec<char> = text.chars().collect();
        let at = at.min(bytes.len());
        bytes.splice(at..(at + length).min(bytes.len()), with.chars());
        let text: String = bytes.into_iter().collect();
        if read::open(text.as_bytes(), &Limits::default()).is_ok() {
            judge("x", &text, &[]);
        }
    }
}

#[test]
fn the_docs_have_every_rule() {
    let docs = include_str!("../../../../docs/validate.md");
    for rule in rules() {
        let row = format!("| `{}` | {} | {} | {} |\n", rule.id, rule.severity.name(), rule.says, rule.mend);
        assert!(docs.contains(&row), "docs/validate.md lacks or differs in\n{row}");
    }
    let rows = docs.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, rules().count(), "docs/validate.md has rows of rules that are gone");
}
