//! Every rule, with a document that meets it and one that does not.

use std::sync::Arc;

use super::{Outcome, Profile, Report, Score, Unknowns, score};
use crate::document::{
    model::{
        Completeness, Component, ComponentKind, Document, Hash, HashAlgorithm, Header, Licensing,
        LifecyclePhase, Party, PartyKind, Property, Reference, ReferenceKind, Relationship, RelationshipKind,
        Tool,
    },
    read::{self, Losses, Read, SourceFormat, Syntax, Wrapper},
};

fn party() -> Party {
    let email = Some("a@example.org".to_owned());
    Party { kind: PartyKind::Organization, name: "A".to_owned(), email, url: None }
}

fn property(name: &str, value: &str) -> Property {
    Property { name: name.to_owned(), value: value.to_owned() }
}

fn licensed(expression: &str) -> Licensing {
    Licensing { expression: Some(expression.to_owned()), custom: Vec::new() }
}

fn sha512() -> Hash {
    Hash { algorithm: HashAlgorithm::Sha512, hex: "ab".repeat(64) }
}

/// A component that has everything.
fn component(id: &str, kind: ComponentKind) -> Component {
    Component {
        id: id.to_owned(),
        kind,
        name: id.to_owned(),
        version: Some("1".to_owned()),
        purl: Some(format!("pkg:generic/{id}@1")),
        declared: licensed("MIT"),
        concluded: licensed("MIT"),
        supplier: Some(Arc::new(party())),
        references: vec![Reference {
            kind: ReferenceKind::Vcs,
            url: "https://example.org/a.git".to_owned(),
            comment: None,
            hashes: Vec::new(),
        }],
        hashes: vec![sha512()],
        completeness: Completeness::Complete,
        properties: vec![
            property("bsi:component:archive", "no archive"),
            property("bsi:component:executable", "executable"),
            property("bsi:component:filename", "a.bin"),
            property("bsi:component:structured", "unstructured"),
        ],
        ..Component::default()
    }
}

const LIBRARY: usize = 1;

/// A document that meets every rule of every profile.
fn perfect() -> Read {
    let edge = |from, to| Relationship { from, to, kind: RelationshipKind::DependsOn };
    let document = Document {
        header: Header {
            identity: Some("urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79".to_owned()),
            timestamp: Some("2024-02-29T12:00:00Z".parse().unwrap()),
            tools: vec![Tool { name: "maker".to_owned(), version: "1".to_owned() }],
            authors: vec![party()],
            lifecycles: vec![LifecyclePhase::PostBuild],
            ..Header::default()
        },
        components: vec![
            component("app", ComponentKind::Application),
            component("lib", ComponentKind::Library),
            component("sub", ComponentKind::Library),
        ],
        root: Some(0),
        relationships: vec![edge(0, 1), edge(1, 2)],
        ..Document::default()
    };
    Read {
        document,
        format: SourceFormat { syntax: Syntax::CycloneDxJson, version: "1.6".to_owned() },
        wrapped_in: vec![Wrapper::Dsse { payload_type: "application/vnd.in-toto+json".to_owned() }],
        losses: Losses::default(),
    }
}

fn library(read: &mut Read) -> &mut Component {
    &mut read.document.components[LIBRARY]
}

fn judge(read: &Read, profile: Profile) -> Report {
    score(read, &Unknowns::default(), profile)
}

fn outcome(report: &Report, rule: &str) -> (Outcome, Vec<usize>) {
    let result = report.results.iter().find(|result| result.rule.id == rule);
    let result = result.unwrap_or_else(|| panic!("there is no rule {rule}"));
    (result.outcome, result.failing.clone())
}

type Change = fn(&mut Read);

/// What to take away from the perfect document so that a rule is not met.
const CHANGES: &[(&str, Change)] = &[
    ("ntia-supplier", |read| library(read).supplier = None),
    ("ntia-name", |read| library(read).name.clear()),
    ("ntia-version", |read| library(read).version = None),
    ("ntia-identifiers", |read| library(read).purl = Some("generic/lib".to_owned())),
    ("ntia-dependencies", |read| read.document.relationships.truncate(0)),
    ("ntia-author", |read| read.document.header.authors.clear()),
    ("ntia-timestamp", |read| read.document.header.timestamp = Some("1970-01-01T00:00:00Z".parse().unwrap())),
    ("cisa-author", |read| read.document.header.authors.clear()),
    ("cisa-signature", |read| read.wrapped_in.clear()),
    ("cisa-format-name", |read| read.format.syntax = Syntax::SyftJson),
    ("cisa-format-version", |read| read.format.version.clear()),
    ("cisa-generation-context", |read| read.document.header.lifecycles.clear()),
    ("cisa-timestamp", |read| read.document.header.timestamp = None),
    ("cisa-tool-name", |read| read.document.header.tools.clear()),
    ("cisa-tool-version", |read| read.document.header.tools[0].version.clear()),
    ("cisa-sbom-version", |read| read.document.header.identity = None),
    ("cisa-producer", |read| library(read).supplier = None),
    ("cisa-name", |read| library(read).name.clear()),
    ("cisa-version", |read| library(read).version = Some(String::new())),
    ("cisa-identifiers", |read| library(read).purl = None),
    ("cisa-hash-value", |read| library(read).hashes.clear()),
    ("cisa-hash-algorithm", |read| library(read).hashes[0].algorithm = HashAlgorithm::Sha1),
    ("cisa-license", |read| {
        library(read).declared = Licensing::default();
        library(read).concluded = Licensing::default();
    }),
    ("cisa-dependencies", |read| read.document.relationships.truncate(0)),
    ("cisa-coverage", |read| read.document.gaps_not_listed = 1),
    ("cisa-unknowns", |read| library(read).version = None),
    ("bsi-format", |read| read.format.version = "1.5".to_owned()),
    ("bsi-creator", |read| read.document.header.authors[0].email = None),
    ("bsi-timestamp", |read| read.document.header.timestamp = None),
    ("bsi-component-creator", |read| {
        library(read).supplier = Some(Arc::new(Party { email: None, ..party() }));
    }),
    ("bsi-name", |read| library(read).name.clear()),
    ("bsi-version", |read| library(read).version = None),
    ("bsi-filename", |read| library(read).properties.retain(|p| p.name != "bsi:component:filename")),
    ("bsi-dependencies", |read| read.document.relationships.truncate(0)),
    ("bsi-completeness", |read| library(read).completeness = Completeness::Unknown),
    ("bsi-distribution-license", |read| library(read).concluded = Licensing::default()),
    ("bsi-hash", |read| library(read).hashes[0].algorithm = HashAlgorithm::Sha256),
    ("bsi-executable", |read| library(read).properties.retain(|p| p.name != "bsi:component:executable")),
    ("bsi-archive", |read| library(read).properties[0].value = "zip".to_owned()),
    ("bsi-structured", |read| library(read).properties.retain(|p| p.name != "bsi:component:structured")),
    ("bsi-original-license", |read| library(read).declared = Licensing::default()),
    ("bsi-source-uri", |read| library(read).references.clear()),
    ("bsi-identifiers", |read| library(read).purl = None),
    ("bsi-no-vulnerabilities", |read| read.losses.0.extend([("vulnerabilities".to_owned(), 3)])),
];

#[test]
fn what_has_everything_has_ten_of_ten() {
    for &profile in Profile::ALL {
        let report = judge(&perfect(), profile);
        for result in &report.results {
            assert_eq!(result.outcome, Outcome::Pass, "{}", result.rule.id);
        }
        assert_eq!(report.score, Score::MAX);
    }
}

#[test]
fn every_rule_is_not_met_by_a_document_that_lacks_one_thing() {
    for (rule, change) in CHANGES {
        let mut read = perfect();
        change(&mut read);
        let profile =
            Profile::ALL.iter().find(|profile| profile.rules().iter().any(|known| known.id == *rule));
        let report = judge(&read, *profile.unwrap_or_else(|| panic!("there is no rule {rule}")));
        let (found, failing) = outcome(&report, rule);
        assert_eq!(found, Outcome::Fail, "{rule}");
        assert!(failing.is_empty() || failing.contains(&LIBRARY), "{rule}: {failing:?}");
        assert!(report.score < Score::MAX, "{rule}");
    }
}

#[test]
fn there_is_a_case_for_every_rule_and_no_two_rules_share_a_name() {
    let mut names: Vec<&str> =
        Profile::ALL.iter().flat_map(|profile| profile.rules()).map(|rule| rule.id).collect();
    let mut cases: Vec<&str> = CHANGES.iter().map(|(rule, _)| *rule).collect();
    names.sort_unstable();
    cases.sort_unstable();
    assert_eq!(names, cases);
}

#[test]
fn the_score_is_the_weighted_share() {
    let mut read = perfect();
    library(&mut read).version = None;
    // Of seven rules of one weight, six are met and one by two of three components: (6 + 2/3) ÷ 7 × 10.
    assert_eq!(judge(&read, Profile::Ntia2021).score.to_string(), "9.52");
    // Of weights 15 × 2 + 3 × 1, one of 2 is met by two of three.
    assert_eq!(judge(&read, Profile::BsiTr03183).score.to_string(), "9.79");
    let nothing = Read { document: Document::default(), ..perfect() };
    assert_eq!(judge(&nothing, Profile::Ntia2021).score.to_string(), "0.00");
}

#[test]
fn a_score_below_ten_is_never_rounded_to_it() {
    let mut read = perfect();
    for n in 0..20_000 {
        let id = format!("n{n}");
        read.document.components.push(component(&id, ComponentKind::Library));
        let to = read.document.components.len() - 1;
        read.document.relationships.push(Relationship { from: 0, to, kind: RelationshipKind::Contains });
    }
    read.document.normalise();
    assert_eq!(judge(&read, Profile::Ntia2021).score, Score::MAX);
    read.document.components[7].version = None;
    assert_eq!(judge(&read, Profile::Ntia2021).score.to_string(), "9.99");
}

#[test]
fn files_are_asked_for_name_and_digest_alone() {
    let mut read = perfect();
    let file = Component {
        id: "file".to_owned(),
        kind: ComponentKind::File,
        name: "/bin/a".to_owned(),
        hashes: vec![sha512()],
        ..Component::default()
    };
    read.document.components.push(file);
    read.document.relationships.push(Relationship { from: 1, to: 3, kind: RelationshipKind::Contains });
    read.document.relationships.sort();
    for &profile in Profile::ALL {
        assert_eq!(judge(&read, profile).score, Score::MAX, "{profile:?}");
    }
    read.document.components[3].hashes.clear();
    assert_eq!(outcome(&judge(&read, Profile::Cisa2026), "cisa-hash-value"), (Outcome::Fail, vec![3]));
}

#[test]
fn an_operating_system_is_asked_for_no_digest_and_no_licence() {
    let mut read = perfect();
    let system = library(&mut read);
    system.kind = ComponentKind::OperatingSystem;
    system.hashes.clear();
    system.declared = Licensing::default();
    system.concluded = Licensing::default();
    system.properties.clear();
    system.references.clear();
    for &profile in Profile::ALL {
        assert_eq!(judge(&read, profile).score, Score::MAX, "{profile:?}");
    }
}

#[test]
fn what_is_marked_as_unknown_meets_cisa_and_not_ntia() {
    let text = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": "r", "type": "application", "name": "r", "version": "1",
          "purl": "pkg:generic/r@1", "supplier": {"name": "A"}, "licenses": [{"license": {"id": "MIT"}}],
          "hashes": [{"alg": "SHA-1", "content": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}]}},
        "components": [
          {"bom-ref": "a", "type": "library", "name": "a", "version": "unknown", "purl": "pkg:generic/a",
            "supplier": {"name": "NOASSERTION"}, "licenses": [{"license": {"name": "NOASSERTION"}}],
            "properties": [{"name": "cdx:cisa:unknown-information", "value": "component-hash"}]},
          {"bom-ref": "b", "type": "library", "name": "b", "purl": "pkg:generic/b"}],
        "dependencies": [{"ref": "r", "dependsOn": ["a", "b"]}]}"#;
    let limits = crate::limits::Limits::default();
    let unknowns = Unknowns::of(&read::open(text.as_bytes(), &limits).unwrap());
    let read = read::read(text.as_bytes(), &limits).unwrap();
    let at =
        |name: &str| read.document.components.iter().position(|component| component.name == name).unwrap();
    let cisa = score(&read, &unknowns, Profile::Cisa2026);
    for rule in ["cisa-producer", "cisa-version", "cisa-license", "cisa-hash-value", "cisa-unknowns"] {
        assert_eq!(outcome(&cisa, rule), (Outcome::Fail, vec![at("b")]), "{rule}");
        let result = cisa.results.iter().find(|result| result.rule.id == rule).unwrap();
        assert_eq!(result.unknown, 1, "{rule}");
    }
    let ntia = score(&read, &unknowns, Profile::Ntia2021);
    assert_eq!(outcome(&ntia, "ntia-supplier"), (Outcome::Fail, vec![at("a"), at("b")]));
    assert_eq!(outcome(&ntia, "ntia-version"), (Outcome::Fail, vec![at("a"), at("b")]));
}

#[test]
fn noassertion_marks_in_both_forms_of_spdx() {
    let json = r#"{"spdxVersion": "SPDX-2.3", "packages": [
        {"name": "a", "versionInfo": "1", "supplier": "NOASSERTION", "licenseDeclared": "NOASSERTION"},
        {"name": "b", "versionInfo": "NOASSERTION"}]}"#;
    let tag_value = "SPDXVersion: SPDX-2.3\nPackageName: a\nPackageVersion: 1\nPackageSupplier: NOASSERTION\n\
                     PackageLicenseDeclared: NOASSERTION\nPackageName: b\nPackageVersion: NOASSERTION\n";
    let limits = crate::limits::Limits::default();
    let unknowns = |text: &str| Unknowns::of(&read::open(text.as_bytes(), &limits).unwrap());
    assert_eq!(unknowns(json), unknowns(tag_value));
    assert_ne!(unknowns(json), Unknowns::default());
}

#[test]
fn a_digest_of_the_download_is_one_of_the_deployable_component() {
    let mut read = perfect();
    let library = library(&mut read);
    library.hashes.clear();
    library.references[0].kind = ReferenceKind::Distribution;
    library.references[0].hashes.push(sha512());
    let report = judge(&read, Profile::BsiTr03183);
    assert_eq!(outcome(&report, "bsi-hash").0, Outcome::Pass);
}

#[test]
fn the_purposes_of_spdx_3_say_what_a_file_is() {
    for (syntax, expected) in [(Syntax::SpdxJsonLd, Outcome::Pass), (Syntax::CycloneDxJson, Outcome::Fail)] {
        let mut read = perfect();
        read.format = SourceFormat { syntax, version: "3.0.1".to_owned() };
        library(&mut read).properties = vec![property("spdx:additionalPurpose", "archive")];
        let report = judge(&read, Profile::BsiTr03183);
        for rule in ["bsi-executable", "bsi-archive", "bsi-structured"] {
            assert_eq!(outcome(&report, rule).0, expected, "{rule}");
        }
    }
}

#[test]
fn without_a_subject_a_component_is_placed_by_any_relationship() {
    let mut read = perfect();
    read.document.root = None;
    assert_eq!(outcome(&judge(&read, Profile::Ntia2021), "ntia-dependencies").0, Outcome::Pass);
    read.document.relationships.pop();
    assert_eq!(outcome(&judge(&read, Profile::Ntia2021), "ntia-dependencies"), (Outcome::Fail, vec![2]));
}

#[test]
fn the_format_that_the_bsi_asks_for_is_told_by_numbers() {
    for (syntax, version, met) in [
        (Syntax::CycloneDxJson, "1.5", false),
        (Syntax::CycloneDxXml, "1.6", true),
        (Syntax::CycloneDxJson, "1.10", true),
        (Syntax::SpdxJson, "2.3", false),
        (Syntax::SpdxJsonLd, "3.0.0", false),
        (Syntax::SpdxJsonLd, "3.0.1", true),
        (Syntax::SpdxJsonLd, "x", false),
    ] {
        let mut read = perfect();
        read.format = SourceFormat { syntax, version: version.to_owned() };
        let expected = if met { Outcome::Pass } else { Outcome::Fail };
        assert_eq!(
            outcome(&judge(&read, Profile::BsiTr03183), "bsi-format").0,
            expected,
            "{syntax:?} {version}"
        );
    }
}

#[test]
fn scores_are_numbers_from_0_to_10() {
    for (text, hundredths) in
        [("0", 0), ("7", 700), ("9.5", 950), ("9.05", 905), ("10", 1000), ("10.00", 1000)]
    {
        assert_eq!(text.parse::<Score>().unwrap().hundredths(), hundredths, "{text}");
    }
    for text in ["", "-1", "10.01", "11", "9.555", "9.", ".5", "nine", "1e1", "+1", "100"] {
        assert!(text.parse::<Score>().is_err(), "{text}");
    }
}

#[test]
fn the_docs_have_every_rule() {
    let docs = include_str!("../../../docs/score.md");
    for profile in Profile::ALL {
        assert!(docs.contains(&format!("`{}`", profile.name())), "{profile:?}");
        for rule in profile.rules() {
            let row = format!(
                "| `{}` | {} | {} | {} | {} | {} |\n",
                rule.id, rule.element, rule.clause, rule.weight, rule.why, rule.mend
            );
            assert!(docs.contains(&row), "docs/score.md lacks or differs in\n{row}");
        }
    }
    let rows =
        docs.lines().filter(|line| line.starts_with("| `")).filter(|line| line.matches('|').count() == 7);
    assert_eq!(rows.count(), CHANGES.len(), "docs/score.md has rows of rules that are gone");
}
