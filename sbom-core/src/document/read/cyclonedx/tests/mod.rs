//! What documents of CycloneDX must come out as.

use proptest::prelude::*;

use crate::{
    document::{
        model::{Completeness, ComponentKind, Document, LifecyclePhase, RelationshipKind},
        read::{Read, ReadError, read},
    },
    limits::Limits,
};

mod component;
mod xml;

/// A document with every kind of member that is read.
pub(in crate::document::read) const FULL: &str = r#"{
  "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
  "bomFormat": "CycloneDX",
  "specVersion": "1.6",
  "serialNumber": "urn:uuid:6a0a1b7c-0000-4000-8000-000000000001",
  "version": 2,
  "metadata": {
    "timestamp": "2024-01-02T03:04:05Z",
    "lifecycles": [{"phase": "build"}],
    "tools": {"components": [{"type": "application", "name": "maker", "version": "1.0"}]},
    "authors": [{"name": "A. Author", "email": "a@example.org"}],
    "component": {"type": "container", "name": "demo", "version": "1", "bom-ref": "root"},
    "manufacturer": {"name": "Maker", "url": ["https://example.org"], "contact": [{"email": "m@example.org"}]},
    "supplier": {"name": "Supplier"},
    "licenses": [{"license": {"id": "CC0-1.0"}}],
    "properties": [{"name": "a:b", "value": " c "}]
  },
  "components": [
    {"type": "operating-system", "name": "debian", "version": "12.1", "bom-ref": "os",
      "swid": {"tagId": "debian", "name": "debian", "version": "12"}},
    {"type": "library", "name": "bash", "version": "5.2-1", "bom-ref": "bash",
      "purl": "pkg:deb/debian/bash@5.2-1?arch=amd64", "cpe": "cpe:2.3:a:gnu:bash:5.2:*:*:*:*:*:*:*",
      "supplier": {"name": "Debian"}, "publisher": "Team <team@example.org>", "description": "a shell & more",
      "licenses": [{"expression": "GPL-3.0-or-later", "acknowledgement": "declared"}], "copyright": "© them",
      "hashes": [{"alg": "SHA-256", "content": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],
      "externalReferences": [{"type": "website", "url": "https://example.org", "comment": "home",
        "hashes": [{"alg": "MD5", "content": "d41d8cd98f00b204e9800998ecf8427e"}]}],
      "pedigree": {"ancestors": [{"type": "library", "name": "bash", "version": "5.2", "purl": "pkg:deb/debian/bash@5.2?arch=source"}]},
      "evidence": {
        "identity": {"field": "purl", "confidence": 1, "methods": [
          {"technique": "manifest-analysis", "confidence": 0.9, "value": "/var/lib/dpkg/status"}]},
        "occurrences": [{"location": "/var/lib/dpkg/status", "line": 7}],
        "licenses": [{"license": {"name": "Own", "text": {"content": "as you like"}, "acknowledgement": "concluded"}}],
        "copyright": [{"text": "someone"}]},
      "properties": [{"name": "x", "value": "y"}],
      "components": [{"type": "file", "name": "/bin/bash", "bom-ref": "file", "scope": "excluded"}]}
  ],
  "services": [{"name": "a"}, {"name": "b"}],
  "dependencies": [{"ref": "root", "dependsOn": ["os", "bash"]}, {"ref": "bash", "dependsOn": []}],
  "compositions": [{"aggregate": "complete", "assemblies": ["root"], "dependencies": ["bash"]}]
}"#;

fn read_json(members: &str) -> Result<Read, ReadError> {
    let text = format!(r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", {members}}}"#);
    read(text.as_bytes(), &Limits::default())
}

fn edges(document: &Document) -> Vec<(&str, &str, RelationshipKind)> {
    let id = |index: usize| document.components[index].id.as_str();
    document.relationships.iter().map(|edge| (id(edge.from), id(edge.to), edge.kind)).collect()
}

fn error(result: Result<Read, ReadError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn components_within_others_are_parts_of_them() {
    let nested = r#""components": [{"type": "library", "name": "a", "bom-ref": "a", "components": [
        {"type": "file", "name": "b", "components": [{"type": "file", "name": "c"}]}]}]"#;
    let read = read_json(nested).unwrap();
    let contains = RelationshipKind::Contains;
    assert_eq!(edges(&read.document), [("a", "b", contains), ("b", "c", contains)]);
}

#[test]
fn the_header_is_read_in_the_forms_of_all_versions() {
    let read = read_json(
        r#""serialNumber": "urn:uuid:0-1", "version": 3, "metadata": {
            "timestamp": "2024-01-02T03:04:05.678+01:00",
            "lifecycles": [{"phase": "post-build"}, {"name": "own", "description": "x"}],
            "tools": {"components": [{"type": "application", "name": "t", "version": "1"}], "services": [{"name": "s"}]},
            "authors": [{"name": "A", "email": "a@example.org"}],
            "manufacturer": {"name": "M", "url": ["https://m", "https://n"], "contact": [{"email": "m@example.org"}]},
            "supplier": {"name": "NOASSERTION"},
            "licenses": [{"license": {"id": "CC0-1.0"}}],
            "properties": [{"name": "n", "value": "v"}]}"#,
    )
    .unwrap();
    let header = &read.document.header;
    assert_eq!(read.format.to_string(), "CycloneDX 1.6 JSON");
    assert_eq!(header.identity.as_deref(), Some("urn:cdx:0-1/3"));
    assert_eq!(header.timestamp.unwrap().to_string(), "2024-01-02T02:04:05Z");
    assert_eq!(header.lifecycles, [LifecyclePhase::PostBuild]);
    let tools: Vec<_> = header.tools.iter().map(|tool| (tool.name.as_str(), tool.version.as_str())).collect();
    assert_eq!(tools, [("s", ""), ("t", "1")]);
    assert_eq!(header.authors[0].email.as_deref(), Some("a@example.org"));
    let maker = header.authors.iter().find(|author| author.name == "M").unwrap();
    assert_eq!((maker.name.as_str(), maker.url.as_deref()), ("M", Some("https://m")));
    assert_eq!(maker.email.as_deref(), Some("m@example.org"));
    assert_eq!(header.supplier, None);
    assert_eq!(header.properties[0].name, "n");
    assert_eq!(
        read.losses.to_string(),
        "metadata.lifecycles[].description (1), metadata.lifecycles[].name (1), \
         metadata.manufacturer.url[]: more than one (1)"
    );
    let old = read_json(
        r#""metadata": {"tools": [{"vendor": "V", "name": "t", "version": "1"}], "manufacture": {"name": "M"}}"#,
    )
    .unwrap();
    assert_eq!(old.document.header.tools[0].name, "t");
    assert_eq!(old.document.header.manufacturer.unwrap().name, "M");
    assert_eq!(old.losses.to_string(), "metadata.tools[].vendor (1)");
}

#[test]
fn the_subject_that_is_listed_again_is_there_once() {
    let subject =
        r#""metadata": {"component": {"type": "container", "name": "a", "bom-ref": "a", "version": "1"}}"#;
    let listed = r#""components": [{"type": "file", "name": "b", "bom-ref": "b"},
        {"type": "container", "name": "a", "bom-ref": "a", "version": "2", "purl": "pkg:oci/a", "components": [
            {"type": "library", "name": "c", "bom-ref": "c"}]}],
        "dependencies": [{"ref": "a", "dependsOn": ["b"]}]"#;
    for members in [format!("{subject},{listed}"), format!("{listed},{subject}")] {
        let read = read_json(&members).unwrap();
        let document = read.document;
        assert_eq!(document.components.len(), 3);
        let root = document.root().unwrap();
        assert_eq!((root.version.as_deref(), root.purl.as_deref()), (Some("1"), Some("pkg:oci/a")));
        assert_eq!(document.header.name, "a");
        let contains = RelationshipKind::Contains;
        assert_eq!(edges(&document), [("a", "b", contains), ("a", "c", contains)]);
        assert_eq!(read.losses.to_string(), "components[].again in metadata.component: other values (1)");
        let third = members.replace(
            "\"components\": [{",
            "\"components\": [{\"type\": \"file\", \"name\": \"z\", \"bom-ref\": \"a\"}, {",
        );
        assert!(error(read_json(&third)).contains("\"a\" was used by"), "{third}");
    }
}

#[test]
fn a_reference_that_is_used_twice_is_an_error_unless_both_say_the_same() {
    let two = |second: &str| {
        let first = r#"{"type": "library", "name": "a", "bom-ref": "x"}"#;
        read_json(&format!(
            r#""components": [{first}, {{"type": "file", "name": "b", "components": [{second}]}}]"#
        ))
    };
    assert_eq!(
        two(r#"{"type": "library", "name": "a", "bom-ref": "x"}"#).unwrap().document.components.len(),
        2
    );
    assert_eq!(
        error(two(r#"{"type": "library", "name": "c", "bom-ref": "x"}"#)),
        r#"CycloneDX JSON, components[1].components[0].bom-ref: "x" was used by components[0]"#
    );
}

#[test]
fn what_has_no_reference_gets_an_identifier_of_what_it_is() {
    let read = read_json(
        r#""components": [{"type": "library", "name": "a", "purl": "pkg:NPM/a@1?b=&c=d"},
            {"type": "library", "name": "b", "version": "2", "group": "g"},
            {"type": "library", "name": "b", "version": "2", "group": "g", "bom-ref": ""}]"#,
    )
    .unwrap();
    let ids: Vec<&str> = read.document.components.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["g/b@2", "g/b@2|2", "pkg:npm/a@1?c=d"]);
}

#[test]
fn references_to_nothing_are_lost_and_the_rest_is_kept() {
    let read = read_json(
        r#""dependencies": [{"ref": "a", "dependsOn": ["b", "?", "a"], "provides": ["b", "!"]}, {"ref": "?", "dependsOn": ["a"]},
                {"dependsOn": ["a"]}],
            "compositions": [{"aggregate": "complete", "dependencies": ["?"]}],
            "components": [{"type": "library", "name": "a", "bom-ref": "a"}, {"type": "library", "name": "b", "bom-ref": "b"}]"#,
    )
    .unwrap();
    let needs = RelationshipKind::DependsOn;
    assert_eq!(
        edges(&read.document),
        [("a", "a", needs), ("a", "b", needs), ("a", "b", RelationshipKind::Provides)]
    );
    assert_eq!(
        read.losses.to_string(),
        "compositions[]: unknown reference (1), dependencies[].dependsOn: unknown reference (1), \
         dependencies[].provides: unknown reference (1), dependencies[].ref: missing (1), \
         dependencies[].ref: unknown reference (1)"
    );
}

#[test]
fn compositions_say_how_complete_components_are() {
    use Completeness::{Complete, Incomplete, Unknown};

    let of = |compositions: &str| {
        let read = read_json(&format!(
            r#""components": [{{"type": "library", "name": "a", "bom-ref": "a"}}],
                "metadata": {{"component": {{"type": "file", "name": "r", "bom-ref": "r"}}}}, "compositions": [{compositions}]"#
        ))
        .unwrap();
        let all: Vec<Completeness> = read.document.components.iter().map(|c| c.completeness).collect();
        (all[0], all[1], read.losses.to_string())
    };
    let none = String::new();
    assert_eq!(of(r#"{"aggregate": "complete", "assemblies": ["a"]}"#), (Complete, Unknown, none.clone()));
    assert_eq!(of(r#"{"aggregate": "incomplete"}"#), (Unknown, Incomplete, none.clone()));
    let both =
        r#"{"aggregate": "complete", "assemblies": ["a"]}, {"aggregate": "unknown", "dependencies": ["a"]}"#;
    assert_eq!(of(both), (Unknown, Unknown, none));
    let partly = r#"{"aggregate": "incomplete_first_party_only", "assemblies": ["a"]}"#;
    let lost = "compositions[].aggregate: incomplete_first_party_only (1)".to_owned();
    assert_eq!(of(partly), (Incomplete, Unknown, lost));
}

#[test]
fn what_the_model_has_no_place_for_is_counted() {
    let read = read_json(
        r#""services": [{"name": "a"}, {"name": "b"}], "vulnerabilities": [], "annotations": null, "declarations": {},
            "externalReferences": [{"type": "vcs", "url": "u"}], "somethingNew": 1,
            "components": [{"type": "unheard-of", "name": "a", "scope": "optional"}]"#,
    )
    .unwrap();
    assert_eq!(
        read.losses.to_string(),
        "components[].scope: optional (1), components[].type: unheard-of (1), declarations (1), \
         externalReferences (1), services (2), somethingNew (1)"
    );
    assert_eq!(read.document.components[0].kind, ComponentKind::Library);
}

#[test]
fn versions_that_are_unknown_are_refused() {
    for (text, message) in [
        (
            r#"{"bomFormat": "CycloneDX", "specVersion": "9.0"}"#,
            r#"CycloneDX JSON "9.0" cannot be read; the versions are 1.2, 1.3, 1.4, 1.5, 1.6, 1.7"#,
        ),
        (
            r#"<bom xmlns="http://cyclonedx.org/schema/bom/9.0"/>"#,
            r#"CycloneDX XML "9.0" cannot be read; the versions are 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7"#,
        ),
    ] {
        assert_eq!(error(read(text.as_bytes(), &Limits::default())), message);
    }
}

#[test]
fn errors_of_json_say_where_they_are() {
    let check = |members: &str, expected: &str| assert_eq!(error(read_json(members)), expected);
    check(
        "\n\"components\": [{\"name\": 1}]",
        "CycloneDX JSON, line 2, column 25: invalid type: integer `1`, expected a string",
    );
    check(
        "\n\"components\": 1",
        "CycloneDX JSON, line 2, column 15: invalid type: integer `1`, expected a list of components",
    );
    check(
        "\n\"version\": 1, \"version\": 2",
        "CycloneDX JSON, line 2, column 23: \"version\" stands there twice",
    );
    check("\n\"components\": [", "CycloneDX JSON, line 2, column 16: expected value");
    let deep = format!(r#""components": {}"#, r#"[{"components":"#.repeat(1_000_000));
    assert_eq!(error(read_json(&deep)).split(": ").last(), Some("recursion limit exceeded"),);
}

proptest! {
    #[test]
    fn no_change_of_a_document_makes_reading_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            Just(""), Just("\""), Just("{"), Just("]"), Just("null"), Just("<"), Just(">"), Just("&#0;"), Just("\u{e9}"),
        ]), 1..6),
        xml in any::<bool>(),
    ) {
        let text = if xml { xml::FULL } else { FULL };
        let mut bytes = text.as_bytes().to_vec();
        for (at, change) in changes {
            let at = at.index(bytes.len());
            bytes.splice(at..=at, change.bytes());
            if bytes.is_empty() {
                break;
            }
        }
        if let Ok(first) = read(&bytes, &Limits::default()) {
            let mut again = first.document.clone();
            again.normalise();
            prop_assert_eq!(&again, &first.document);
            prop_assert_eq!(read(&bytes, &Limits::default()).unwrap(), first);
        }
    }
}
