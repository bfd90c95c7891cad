//! What components must come out as.

use super::read_json;
use crate::document::model::{Component, PartyKind, ReferenceKind, Technique, Usage};

/// The one component with `members`, and what was lost.
fn component(members: &str) -> (Component, String) {
    let members = format!(r#""components": [{{"type": "library", "name": "a", "bom-ref": "a", {members}}}]"#);
    let mut read = read_json(&members).unwrap_or_else(|error| panic!("{members}: {error}"));
    assert_eq!(read.document.components.len(), 1, "{members}");
    (read.document.components.remove(0), read.losses.to_string())
}

#[test]
fn licences_become_expressions() {
    let check = |licenses: &str, declared: &str, concluded: &str, lost: &str| {
        let (component, losses) = component(licenses);
        let mut said = [component.declared, component.concluded].map(|licensing| {
            let mut expression = licensing.expression.unwrap_or_default();
            for custom in licensing.custom {
                expression = expression.replace(&custom.id, &format!("[{}:{}]", custom.name, custom.text));
            }
            expression
        });
        assert_eq!(said.each_mut().map(|text| text.as_str()), [declared, concluded], "{licenses}");
        assert_eq!(losses, lost, "{licenses}");
    };
    check(r#""licenses": [{"license": {"id": "GPL-2.0"}}]"#, "GPL-2.0-only", "", "");
    check(
        r#""licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Own"}}]"#,
        "[Own:Own] AND MIT",
        "",
        "",
    );
    check(r#""licenses": [{"license": {"name": "Own", "text": {"content": "T"}}}]"#, "[Own:T]", "", "");
    let encoded =
        r#"{"name": "Own", "text": {"encoding": "base64", "content": "VA==", "contentType": "text/plain"}}"#;
    check(&format!(r#""licenses": [{{"license": {encoded}}}]"#), "[Own:T]", "", "");
    check(
        r#""licenses": [{"expression": "mit or (isc and x y"}]"#,
        "[mit or (isc and x y:mit or (isc and x y]",
        "",
        "",
    );
    check(
        r#""licenses": [{"expression": "MIT OR ISC", "acknowledgement": "declared"}, {"license": {"id": "MIT", "acknowledgement": "concluded"}}]"#,
        "MIT OR ISC",
        "MIT",
        "",
    );
    check(
        r#""licenses": [{"license": {"name": "NOASSERTION"}}, {"expression": "NONE"}]"#,
        "",
        "",
        "components[].licenses[].NONE (1)",
    );
    check(
        r#""licenses": [{"license": {"id": "MIT", "text": {"content": "T"}, "licensing": {"licensor": {}}}}]"#,
        "MIT",
        "",
        "components[].licenses[].license.licensing (1), components[].licenses[].license.text (1)",
    );
    check(
        r#""evidence": {"licenses": [{"license": {"id": "MIT"}}, {"expression": "ISC", "acknowledgement": "concluded"}]}"#,
        "",
        "ISC",
        "components[].evidence.licenses[].license (1)",
    );
    let (linked, _) = component(r#""licenses": [{"license": {"id": "MIT", "url": "https://mit"}}]"#);
    assert_eq!(linked.references[0].kind, ReferenceKind::License);
}

#[test]
fn texts_of_licences_that_expressions_name_are_found_in_the_evidence() {
    let own = crate::license::custom("Own", "T");
    let (component, lost) = component(&format!(
        r#""licenses": [{{"expression": "MIT AND ({0} OR LicenseRef-x)"}}], "evidence": {{"licenses": [
            {{"license": {{"name": "Own", "text": {{"content": "T"}}, "properties": [{{"name": "sbomctl:license:id", "value": "{0}"}}]}}}}]}}"#,
        own.id
    ));
    assert_eq!(component.declared.expression, Some(format!("MIT AND ({} OR LicenseRef-x)", own.id)));
    assert_eq!(component.declared.custom[0], own);
    assert_eq!(lost, "");
}

#[test]
fn the_originator_is_who_is_named_most_exactly() {
    use PartyKind::{Organization, Person};

    let check = |members: &str, kind: PartyKind, name: &str, email: Option<&str>, lost: &str| {
        let (component, losses) = component(members);
        let party = component.originator.unwrap();
        assert_eq!(
            (party.kind, party.name.as_str(), party.email.as_deref()),
            (kind, name, email),
            "{members}"
        );
        assert_eq!(losses, lost, "{members}");
    };
    check(r#""publisher": "A Team <a@b>""#, Person, "A Team", Some("a@b"), "");
    check(r#""publisher": "Corp""#, Organization, "Corp", None, "");
    check(r#""author": "A", "publisher": "B""#, Person, "A", None, "components[].publisher (1)");
    check(
        r#""authors": [{"name": "A", "email": "a@b"}], "publisher": "A <a@b>""#,
        Person,
        "A",
        Some("a@b"),
        "",
    );
    check(r#""manufacturer": {"contact": [{"name": "A"}]}"#, Person, "A", None, "");
    let manufacturer =
        r#""manufacturer": {"name": "M", "contact": [{"name": "A", "email": "a@b", "phone": "1"}]}"#;
    let lost = "components[].manufacturer.contact[].name (1), components[].manufacturer.contact[].phone (1)";
    check(manufacturer, Organization, "M", Some("a@b"), lost);
}

/// Location, technique, confidence and detail.
type Found<'a> = (&'a str, Option<Technique>, Option<u8>, Option<&'a str>);

#[test]
fn evidence_is_what_was_found_where_and_how() {
    let check = |evidence: &str, expected: &[Found<'_>], lost: &str| {
        let (component, losses) = component(&format!(r#""purl": "pkg:npm/a@1", "evidence": {evidence}"#));
        let found = component.evidence.iter();
        let found: Vec<_> =
            found.map(|e| (e.location.as_str(), e.technique, e.confidence, e.detail.as_deref())).collect();
        assert_eq!(found, expected, "{evidence}");
        assert_eq!(losses, lost, "{evidence}");
    };
    let manifest = Some(Technique::ManifestAnalysis);
    check(
        r#"{"occurrences": [{"location": "/a", "additionalContext": "index=0 detail=x y"}, {"location": "/b", "line": 3, "symbol": "s"}],
            "identity": {"field": "purl", "confidence": 1, "methods": [
                {"technique": "manifest-analysis", "confidence": 0.8, "value": "/a"},
                {"technique": "filename", "confidence": 0.07, "value": "b.jar"}]}}"#,
        &[
            ("", Some(Technique::Filename), Some(7), Some("b.jar")),
            ("/a", manifest, Some(80), Some("x y")),
            ("/b", None, None, Some("line 3, symbol s")),
        ],
        "",
    );
    check(
        r#"{"occurrences": [{"location": "/a"}, {"location": "/b"}],
            "identity": [{"field": "purl", "concludedValue": "pkg:npm/a@1", "methods": [{"technique": "manifest-analysis", "confidence": 0.5}]}]}"#,
        &[("/a", manifest, Some(50), None), ("/b", manifest, Some(50), None)],
        "",
    );
    check(
        r#"{"identity": [{"field": "purl", "confidence": 0.5}, {"field": "version", "confidence": 7, "concludedValue": "2", "methods": [{"technique": "magic", "confidence": 1}]}]}"#,
        &[("", None, Some(50), None)],
        "components[].evidence.identity[].concludedValue (1), components[].evidence.identity[].confidence (1), \
         components[].evidence.identity[].field: version (1), \
         components[].evidence.identity[].methods[].technique: magic (1)",
    );
}

#[test]
fn other_fields_of_components_are_kept() {
    let (component, lost) = component(
        r#""scope": "excluded", "group": "g", "version": "", "description": null, "copyright": "A",
            "cpe": "cpe:2.3:a:b:c:1:*:*:*:*:*:*:*", "modified": false,
            "hashes": [{"alg": "SHA-1", "content": "ABCD"}, {"alg": "CRC", "content": "00"}, {"alg": "MD5", "content": "x"}],
            "externalReferences": [{"type": "vcs", "url": "u", "comment": "c", "hashes": [{"alg": "MD5", "content": "00"}]}, {"type": "odd", "url": "v"}],
            "pedigree": {"ancestors": [{"type": "library", "group": "g", "name": "b", "version": "1", "purl": "pkg:npm/b@1"},
                {"type": "library", "name": "s", "version": "2", "purl": "pkg:deb/debian/s@2?arch=source"}], "notes": "n"},
            "evidence": {"copyright": [{"text": "A"}, {"text": "B"}], "callstack": {}},
            "properties": [{"name": "n"}, {"value": "v"}], "tags": ["a", "b"], "modelCard": {"a": [1]}, "mime-type": "a/b""#,
    );
    assert_eq!((component.usage, component.group.as_deref()), (Usage::BuildOnly, Some("g")));
    assert_eq!((component.version, component.description), (None, None));
    assert_eq!(component.copyright.as_deref(), Some("A\nB"));
    assert_eq!(component.cpes.len(), 1);
    assert_eq!(component.hashes[0].hex, "abcd");
    let [vcs, odd] = component.references.as_slice() else { panic!("{:?}", component.references) };
    assert_eq!((vcs.comment.as_deref(), vcs.hashes.len()), (Some("c"), 1));
    assert_eq!((odd.kind, odd.url.as_str()), (ReferenceKind::Other, "v"));
    assert_eq!(component.ancestors[0].name, "g/b");
    assert_eq!(component.source.unwrap().name, "s");
    assert_eq!(component.properties[0].name, "n");
    assert_eq!(
        lost,
        "components[].evidence.callstack (1), components[].externalReferences[].type: odd (1), \
         components[].hashes[].alg: CRC (1), components[].hashes[].content: not hex (1), components[].mime-type (1), \
         components[].modelCard (1), components[].pedigree.notes (1), components[].properties[]: no name (1), \
         components[].tags (2)"
    );
}
