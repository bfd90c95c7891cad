//! Documents of SPDX 3 as people write them.

use super::*;
use crate::{
    document::{
        model::{ComponentKind, ReferenceKind, Tool},
        read::Losses,
    },
    limits::Limits,
};

const SMALL: &str = include_str!("../tests/small.spdx3.json");

fn read(text: &str) -> (Result<Document, ReadError>, Losses) {
    let limits = Limits::default();
    let mut context = Context::new(&limits);
    let read = read_3(text.as_bytes(), &mut context).map(|mut document| {
        document.normalise();
        document
    });
    (read, context.losses)
}

fn graph(elements: &str) -> String {
    format!(r#"{{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{elements}]}}"#)
}

#[test]
fn a_small_document_is_read_whole() {
    let (document, losses) = read(SMALL);
    let document = document.unwrap();
    assert_eq!(
        losses.to_string(),
        "Relationship (1), Relationship.relationshipType (1), SpdxDocument.namespaceMap (1), \
         security_Vulnerability (1), software_Package.builtTime (1)"
    );
    let header = &document.header;
    assert_eq!(
        (header.name.as_str(), header.identity.as_deref()),
        ("demo", Some("https://example.org/demo"))
    );
    assert_eq!(header.tools, [Tool { name: "maker".to_owned(), version: "1.0".to_owned() }]);
    assert_eq!(header.authors[0].email.as_deref(), Some("a@example.org"));
    assert_eq!(header.timestamp.unwrap().to_string(), "2024-02-29T12:00:00Z");
    assert_eq!(header.comment.as_deref(), Some("made by hand"));
    assert_eq!(header.lifecycles, [LifecyclePhase::PostBuild]);
    assert_eq!(header.properties[0].value, "looked at");

    let ids: Vec<&str> = document.components.iter().map(|component| component.id.as_str()).collect();
    assert_eq!(ids, ["os:alpine", "pkg:apk/alpine/libx@1.0-r0?arch=x86_64", "urn:image", "urn:source"]);
    let root = document.root().unwrap();
    assert_eq!((root.kind, root.completeness), (ComponentKind::Container, Completeness::Incomplete));

    let lib = &document.components[1];
    assert_eq!(lib.declared.expression.as_deref(), Some("MIT AND LicenseRef-Own"));
    assert_eq!(&*lib.declared.custom[0].text, "do what you like");
    let concluded = "ISC OR GPL-2.0-or-later WITH Classpath-exception-2.0";
    assert_eq!(lib.concluded.expression.as_deref(), Some(concluded));
    assert_eq!(lib.source.as_ref().unwrap().name, "x");
    assert_eq!(lib.supplier.as_ref().unwrap().name, "Example");
    assert_eq!(lib.originator.as_ref().unwrap().name, "Jane Doe");
    assert_eq!(lib.cpes.len(), 1);
    assert_eq!(lib.hashes.len(), 1);
    assert!(lib.verification_code.is_some());
    assert_eq!(lib.completeness, Completeness::Complete);
    assert_eq!(lib.description.as_deref(), Some("a library"));
    assert_eq!(lib.property("aquasecurity:trivy:PkgType"), Some("alpine"));
    assert_eq!(lib.property("spdx:externalIdentifier"), Some("swhid swh:1:cnt:ab"));
    assert_eq!(lib.property("x:y"), Some("z"));
    let references: Vec<_> =
        lib.references.iter().map(|reference| (reference.kind, &*reference.url)).collect();
    assert_eq!(
        references,
        [
            (ReferenceKind::Vcs, "git+https://example.org/x.git@abc"),
            (ReferenceKind::IssueTracker, "https://example.org/issues"),
            (ReferenceKind::Website, "https://example.org"),
            (ReferenceKind::Distribution, "https://example.org/libx.apk"),
        ]
    );
    assert_eq!(lib.references[3].hashes.len(), 1);

    let edges: Vec<_> =
        document.relationships.iter().map(|edge| (edge.from, edge.to, edge.kind.name())).collect();
    assert_eq!(
        edges,
        [
            (1, 3, "breaks"),
            (1, 3, "buildDependsOn"),
            (1, 3, "generatedFrom"),
            (2, 0, "contains"),
            (2, 1, "contains"),
        ]
    );
}

#[test]
fn a_document_may_be_a_single_element() {
    let (document, losses) = read(
        r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@type":"software_Package","@id":"urn:a",
        "name":"a","creationInfo":{"type":"CreationInfo","specVersion":"3.0.1","created":"2024-02-29T12:00:00Z",
        "createdBy":[{"type":"Person","spdxId":"urn:p","name":"Jane"}]}}"#,
    );
    let document = document.unwrap();
    assert_eq!(document.root().unwrap().name, "a");
    assert_eq!(document.header.authors[0].name, "Jane");
    assert!(losses.is_empty(), "{losses}");
}

#[test]
fn elements_may_stand_inline_in_the_document() {
    let (document, losses) = read(&graph(
        r#"{"type":"https://spdx.org/rdf/3.0.1/terms/Core/SpdxDocument","spdxId":"urn:d","rootElement":[
        {"type":"https://spdx.org/rdf/3.0.1/terms/Software/Package","spdxId":"urn:a","name":"a"}]},
        {"type":"Relationship","from":"urn:d","relationshipType":"describes","to":["urn:a","urn:b"]}"#,
    ));
    assert_eq!(document.unwrap().root().unwrap().name, "a");
    assert_eq!(losses.to_string(), "rootElement (1)");
}

#[test]
fn collections_that_are_roots_of_each_other_end() {
    let (document, _) = read(&graph(
        r#"{"type":"Bom","spdxId":"urn:a","rootElement":["urn:b"]},{"type":"Bom","spdxId":"urn:b","rootElement":["urn:a"]}"#,
    ));
    assert_eq!(document.unwrap().root, None);
}

#[test]
fn licences_that_contain_themselves_or_grow_without_end_are_lost() {
    let level = |level: usize| {
        format!(
            r#"{{"type":"expandedlicensing_ConjunctiveLicenseSet","spdxId":"urn:l{level}",
            "expandedlicensing_member":["urn:l{0}","urn:l{0}"]}}"#,
            (level + 1) % 40
        )
    };
    let package = r#"{"type":"software_Package","spdxId":"urn:p","name":"p"},
        {"type":"Relationship","from":"urn:p","relationshipType":"hasDeclaredLicense","to":["urn:l0"]}"#;
    let elements: Vec<String> = [package.to_owned()].into_iter().chain((0..40).map(level)).collect();
    let (document, losses) = read(&graph(&elements.join(",")));
    assert_eq!(document.unwrap().components[0].declared.expression, None);
    assert_eq!(losses.to_string(), "Relationship.to (1)");
}

#[test]
fn errors_say_where_and_what() {
    let message = |text: &str| read(text).0.unwrap_err().to_string();
    assert_eq!(message("{}"), "SPDX 3 JSON-LD \"\" cannot be read; the versions are 3.0.*");
    let newer = r#"{"@context":"https://spdx.org/rdf/3.1.0/spdx-context.jsonld","@graph":[]}"#;
    assert!(message(newer).contains("\"3.1.0\" cannot be read"));
    assert!(message("{\"@graph\":[{]}").starts_with("SPDX 3 JSON-LD, line 1, column 13"));
    let twice = r#"{"type":"software_Package","spdxId":"urn:a"},{"type":"software_File","spdxId":"urn:a"}"#;
    assert_eq!(
        message(&graph(twice)),
        "SPDX 3 JSON-LD, @graph[1].spdxId: \"urn:a\" is the identifier of more than one element"
    );
    assert!(message(&format!("{{\"@graph\":{}", "[{\"a\":".repeat(500_000))).contains("recursion limit"));
}
