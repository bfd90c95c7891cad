//! SPDX 2.2 and 2.3 as JSON: one pass over the text, packages, files and relationships one by one.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, Visitor},
};

use super::{
    gather::Gather,
    statements::{Annotation, CreationInfo, File, License, Package, Relationship},
};
use crate::document::{
    model::Document,
    read::{
        Context, ReadError,
        records::{self, Each, Text, stop_at},
        shortened,
    },
};

const FORMAT: &str = "SPDX 2 JSON";

/// Reads a document of SPDX 2.2 or 2.3 in the form of JSON.
pub(in crate::document) fn read_json(bytes: &[u8], context: &mut Context<'_>) -> Result<Document, ReadError> {
    let mut gather = Gather::new(FORMAT, context);
    let mut failure = None;
    let seed = DocumentSeed { gather: &mut gather, failure: &mut failure, version: false };
    let read = records::parse(FORMAT, bytes, seed);
    if let Some(failure) = failure {
        return Err(failure);
    }
    if !read? {
        return Err(unknown_version(""));
    }
    gather.finish()
}

fn unknown_version(version: &str) -> ReadError {
    let version = shortened(version);
    ReadError::Version { format: FORMAT, version, known: "SPDX-2.2, SPDX-2.3" }
}

fn check_version(version: &str) -> Result<(), ReadError> {
    let known =
        |of: &str| version.strip_prefix(of).is_some_and(|patch| patch.is_empty() || patch.starts_with('.'));
    if known("SPDX-2.2") || known("SPDX-2.3") { Ok(()) } else { Err(unknown_version(version)) }
}

/// The top of a document. Its value: whether it has named a version.
struct DocumentSeed<'s, 'a, 'r, 'c> {
    gather: &'s mut Gather<'a, 'r, 'c>,
    failure: &'s mut Option<ReadError>,
    version: bool,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, 'de, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, 'de, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document of SPDX 2")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Self { gather, failure, mut version } = self;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key {
                "spdxVersion" => {
                    let named = map.next_value::<Text<'de>>()?;
                    stop_at(check_version(&named), failure)?;
                    gather.version(&named);
                    version = true;
                }
                "name" => gather.name(&optional::<Text<'de>, A>(&mut map)?),
                "documentNamespace" => gather.namespace(optional(&mut map)?),
                "comment" => gather.comment(&optional::<Text<'de>, A>(&mut map)?),
                "creationInfo" => gather.creation(&optional::<CreationInfo<'de>, A>(&mut map)?),
                "documentDescribes" => map.next_value_seed(Each::new(failure, |id: Text<'de>| {
                    gather.describes(id);
                    Ok(())
                }))?,
                "packages" => {
                    map.next_value_seed(Each::new(failure, |package: Package<'de>| gather.package(package)))?;
                }
                "files" => map.next_value_seed(Each::new(failure, |file: File<'de>| gather.file(file)))?,
                "relationships" => {
                    let each = |stated: Relationship<'de>| gather.relationship(stated);
                    map.next_value_seed(Each::new(failure, each))?;
                }
                "annotations" => map.next_value_seed(Each::new(failure, |annotation: Annotation<'de>| {
                    gather.annotation(Text::default(), &annotation);
                    Ok(())
                }))?,
                "hasExtractedLicensingInfos" => {
                    map.next_value_seed(Each::new(failure, |license: License<'de>| {
                        gather.license(&license);
                        Ok(())
                    }))?;
                }
                "externalDocumentRefs" | "snippets" | "revieweds" => {
                    let place = format!("{}[]", &*key);
                    map.next_value_seed(Each::new(failure, |_: serde::de::IgnoredAny| {
                        gather.lose(&place);
                        Ok(())
                    }))?;
                }
                // What the document is by its form, and not what it says.
                "SPDXID" | "dataLicense" | "$schema" | "@context" => records::skip(&mut map)?,
                _ => {
                    records::skip(&mut map)?;
                    gather.lose_field(&key);
                }
            }
        }
        Ok(version)
    }
}

fn optional<'de, T, A>(map: &mut A) -> Result<T, A::Error>
where
    T: serde::Deserialize<'de> + Default,
    A: MapAccess<'de>,
{
    Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::{
            model::{Completeness, ComponentKind, ReferenceKind, RelationshipKind, Tool},
            read::Losses,
        },
        limits::Limits,
    };

    const SMALL: &str = include_str!("tests/small.spdx.json");

    fn read(text: &str) -> (Result<Document, ReadError>, Losses) {
        let limits = Limits::default();
        let mut context = Context::new(&limits);
        let read = read_json(text.as_bytes(), &mut context).map(|mut document| {
            document.normalise();
            document
        });
        (read, context.losses)
    }

    fn message(text: &str) -> String {
        read(text).0.unwrap_err().to_string()
    }

    #[test]
    fn a_small_document_is_read_whole() {
        let (document, losses) = read(SMALL);
        let document = document.unwrap();
        assert_eq!(
            losses.to_string(),
            "annotations[].annotator (2), creationInfo.invented (1), packages[].builtDate (1), snippets[] (1)"
        );
        let header = &document.header;
        assert_eq!(header.name, "demo");
        assert_eq!(header.tools, [Tool { name: "maker".to_owned(), version: "1.0".to_owned() }]);
        assert_eq!(header.authors[0].name, "Example");
        assert_eq!(header.timestamp.unwrap().to_string(), "2024-02-29T12:00:00Z");
        assert_eq!(header.comment.as_deref(), Some("made by hand"));
        assert_eq!(header.lifecycles.len(), 1);
        assert_eq!(header.properties[0].value, "looked at");

        let root = document.root().unwrap();
        assert_eq!((root.name.as_str(), root.kind), ("demo", ComponentKind::Container));
        let ids: Vec<&str> = document.components.iter().map(|component| component.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "SPDXRef-File-a",
                "SPDXRef-Image",
                "SPDXRef-Package-twin",
                "os:x",
                "pkg:apk/alpine/libx@1.0-r0?arch=x86_64"
            ]
        );
        let lib = &document.components[4];
        assert_eq!(lib.source.as_ref().unwrap().name, "x");
        assert_eq!(lib.declared.expression.as_deref(), Some("MIT AND LicenseRef-Own"));
        assert_eq!(&*lib.declared.custom[0].text, "do what you like");
        assert_eq!(lib.concluded.expression, None);
        assert_eq!(lib.cpes, ["cpe:2.3:a:x:libx:1.0:*:*:*:*:*:*:*"]);
        assert_eq!(lib.hashes.len(), 1);
        assert_eq!(lib.property("aquasecurity:trivy:PkgType"), Some("alpine"));
        assert_eq!(lib.property("spdx:annotation"), Some("PkgType: by hand"));
        assert_eq!(lib.supplier.as_ref().unwrap().email.as_deref(), Some("a@example.org"));
        assert_eq!(lib.completeness, Completeness::Complete);
        let kinds: Vec<ReferenceKind> = lib.references.iter().map(|reference| reference.kind).collect();
        assert_eq!(kinds, [ReferenceKind::Vcs, ReferenceKind::Website, ReferenceKind::Advisories]);
        assert_eq!(document.components[0].name, "/bin/a");
        let edges: Vec<_> =
            document.relationships.iter().map(|edge| (edge.from, edge.to, edge.kind.name())).collect();
        assert_eq!(
            edges,
            [
                (1, 3, "contains"),
                (1, 4, "dependsOn"),
                (2, 4, "suggests"),
                (4, 0, "contains"),
                (4, 2, "buildDependsOn")
            ]
        );
    }

    #[test]
    fn errors_say_where_and_what() {
        assert_eq!(message("{}"), "SPDX 2 JSON \"\" cannot be read; the versions are SPDX-2.2, SPDX-2.3");
        assert!(message(r#"{"spdxVersion": "SPDX-3.0"}"#).contains("\"SPDX-3.0\" cannot be read"));
        assert!(
            message("{\"spdxVersion\":\"SPDX-2.3\",\n").starts_with("SPDX 2 JSON, line 2, column 1: EOF")
        );
        assert!(message("{\"packages\":[{\"name\":[]}]}").contains("expected a text"));
        let twice = r#"{"spdxVersion":"SPDX-2.3","packages":[{"SPDXID":"SPDXRef-a"}],"files":[{"SPDXID":"SPDXRef-a"}]}"#;
        assert_eq!(
            message(twice),
            "SPDX 2 JSON, files[0].SPDXID: \"SPDXRef-a\" is the identifier of more than one element"
        );
        assert!(message(r#"{"packages":[{"name":"a","name":"b"}]}"#).contains("duplicate field `name`"));
        let deep = format!("{{\"packages\":{}", "[".repeat(1_000_000));
        assert!(message(&deep).contains("column"));
        let deep = format!("{{\"invented\":{}", "[".repeat(1_000_000));
        assert!(message(&deep).contains("EOF") || message(&deep).contains("recursion"));
    }

    #[test]
    fn bounds_hold() {
        let mut limits = Limits::default();
        limits.document_components.value = 1;
        let mut context = Context::new(&limits);
        let error = read_json(SMALL.as_bytes(), &mut context).unwrap_err();
        assert!(error.to_string().contains("--limit document-components"), "{error}");
        limits.document_components.value = 100;
        limits.document_relationships.value = 2;
        let mut context = Context::new(&limits);
        let error = read_json(SMALL.as_bytes(), &mut context).unwrap_err();
        assert!(error.to_string().contains("--limit document-relationships"), "{error}");
    }

    #[test]
    fn what_refers_to_nothing_is_counted() {
        let (document, losses) = read(
            r#"{"spdxVersion":"SPDX-2.2","packages":[{"SPDXID":"SPDXRef-a","name":"a"}],"documentDescribes":["SPDXRef-b"],
            "relationships":[{"spdxElementId":"SPDXRef-a","relationshipType":"DEPENDS_ON","relatedSpdxElement":"DocumentRef-x:SPDXRef-y"},
            {"spdxElementId":"SPDXRef-a","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-a"}]}"#,
        );
        let document = document.unwrap();
        assert_eq!(document.root, Some(0));
        assert_eq!(losses.to_string(), "documentDescribes (1), relationships[] (1)");
        assert_eq!(document.relationships.len(), 1);
    }

    #[test]
    fn a_relationship_says_its_kind_in_its_comment() {
        for (kind, comment, expected) in [
            ("DEPENDS_ON", "dependsOnAlternative", RelationshipKind::DependsOnAlternative),
            ("OTHER", "breaks", RelationshipKind::Breaks),
            ("OTHER", "ownership-by-file-overlap: of a and b", RelationshipKind::Contains),
            ("DATA_FILE_OF", "", RelationshipKind::Other),
        ] {
            let text = format!(
                r#"{{"spdxVersion":"SPDX-2.3","packages":[{{"SPDXID":"a"}},{{"SPDXID":"b"}}],"relationships":[
                {{"spdxElementId":"a","relationshipType":"{kind}","relatedSpdxElement":"b","comment":"{comment}"}}]}}"#
            );
            let (document, losses) = read(&text);
            assert_eq!(document.unwrap().relationships[0].kind, expected);
            assert_eq!(losses.is_empty(), kind != "DATA_FILE_OF");
        }
    }
}
