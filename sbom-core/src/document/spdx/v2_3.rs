//! SPDX 2.3: header, extracted licences and relationships.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use serde::Serialize;
use uuid::Uuid;

use super::{
    Ids, SpdxVersion,
    package::{self, Stamp},
};
use crate::document::{
    Format, Inputs, facts, identity,
    json::{self, Seq},
    model::{Document as Model, Relationship as Edge, RelationshipKind},
};

const DOCUMENT: &str = "SPDXRef-DOCUMENT";

pub(super) fn write(model: &Model, inputs: &Inputs, out: &mut dyn Write) -> io::Result<()> {
    let ids = Ids::new(model);
    let stamp = Stamp::new(inputs);
    let format = Format::SpdxJson(SpdxVersion::V2_3);
    let uuid = identity::document(model, format, inputs, |uuid, out| {
        json::write(&document(model, &ids, &stamp, uuid), out)
    })?;
    json::write(&document(model, &ids, &stamp, uuid), out)
}

fn document<'a>(model: &'a Model, ids: &'a Ids, stamp: &'a Stamp, uuid: Uuid) -> impl Serialize + 'a {
    let name = &model.header.name;
    Document {
        id: DOCUMENT,
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        name: if name.is_empty() { "unnamed" } else { name },
        namespace: format!("{}{}/{uuid}", identity::NAMESPACE, identity::slug(name)),
        creation_info: creation_info(model, stamp),
        annotations: Seq(|| facts::of_header(model).map(|(name, value)| stamp.annotation(&name, &value))),
        packages: Seq(|| {
            let root = model.root;
            let rest = (0..model.components.len()).filter(move |&index| root != Some(index));
            let order = root.into_iter().chain(rest);
            order.filter_map(|index| package::of(model, index, ids.of(index)?, stamp))
        }),
        has_extracted_licensing_infos: extracted_licenses(model),
        relationships: Seq(|| relationships(model, ids)),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, A, P, R> {
    #[serde(rename = "SPDXID")]
    id: &'static str,
    spdx_version: &'static str,
    data_license: &'static str,
    name: &'a str,
    #[serde(rename = "documentNamespace")]
    namespace: String,
    creation_info: CreationInfo<'a>,
    annotations: A,
    packages: P,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicense<'a>>,
    relationships: R,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationInfo<'a> {
    created: &'a str,
    creators: [&'a str; 1],
    license_list_version: &'static str,
    comment: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense<'a> {
    license_id: &'a str,
    name: &'a str,
    extracted_text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship<'a> {
    spdx_element_id: &'a str,
    #[serde(rename = "relationshipType")]
    kind: &'static str,
    related_spdx_element: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'static str>,
}

fn creation_info<'a>(model: &Model, stamp: &'a Stamp) -> CreationInfo<'a> {
    // The list's version has two parts, its releases three.
    let list = spdx::license_version();
    CreationInfo {
        created: &stamp.date,
        creators: [&stamp.tool],
        license_list_version: list.strip_suffix(".0").unwrap_or(list),
        comment: format!("SBOM Type: Analyzed\nCompleteness: {}", facts::completeness_in_words(model)),
    }
}

/// Every licence that an expression names and the SPDX list does not, once. Texts that differ are kept beside
/// each other.
fn extracted_licenses(model: &Model) -> Vec<ExtractedLicense<'_>> {
    let mut texts: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
    let named =
        model.components.iter().flat_map(|part| part.declared.custom.iter().chain(&part.concluded.custom));
    for custom in named {
        let (name, texts) = texts.entry(&custom.id).or_insert((&custom.name, BTreeSet::new()));
        *name = custom.name.as_str().min(name);
        texts.insert(&custom.text);
    }
    let license = |(license_id, (name, texts)): (_, (_, BTreeSet<&str>))| ExtractedLicense {
        license_id,
        name,
        extracted_text: texts.into_iter().collect::<Vec<_>>().join("\n\n"),
    };
    texts.into_iter().map(license).collect()
}

fn relationships<'a>(model: &'a Model, ids: &'a Ids) -> impl Iterator<Item = Relationship<'a>> {
    let root = model.root.and_then(|root| ids.of(root));
    let describes = root.map(|root| relationship(DOCUMENT, "DESCRIBES", root));
    let edges = model.relationships.iter().filter_map(|edge| between(model, edge, ids));
    describes.into_iter().chain(edges)
}

fn between<'a>(model: &Model, edge: &Edge, ids: &'a Ids) -> Option<Relationship<'a>> {
    let (from, to) = (ids.of(edge.from)?, ids.of(edge.to)?);
    let plain = match edge.kind {
        RelationshipKind::Contains if is_os_package(model, edge.from) => {
            // Said from the other end: what an operating system's package `CONTAINS` counts as one of its packages
            // in Trivy, which then loses every Go module and crate of the program.
            return Some(relationship(to, "CONTAINED_BY", from));
        }
        RelationshipKind::Contains => return Some(relationship(from, "CONTAINS", to)),
        RelationshipKind::DependsOn => return Some(relationship(from, "DEPENDS_ON", to)),
        RelationshipKind::BuildDependsOn => return Some(relationship(to, "BUILD_DEPENDENCY_OF", from)),
        RelationshipKind::DevDependsOn => return Some(relationship(to, "DEV_DEPENDENCY_OF", from)),
        RelationshipKind::TestDependsOn => return Some(relationship(to, "TEST_DEPENDENCY_OF", from)),
        RelationshipKind::RuntimeDependsOn => return Some(relationship(to, "RUNTIME_DEPENDENCY_OF", from)),
        RelationshipKind::ProvidedDependsOn => return Some(relationship(to, "PROVIDED_DEPENDENCY_OF", from)),
        RelationshipKind::OptionalDependsOn => return Some(relationship(to, "OPTIONAL_DEPENDENCY_OF", from)),
        RelationshipKind::StaticLink => return Some(relationship(from, "STATIC_LINK", to)),
        RelationshipKind::DynamicLink => return Some(relationship(from, "DYNAMIC_LINK", to)),
        RelationshipKind::GeneratedFrom => return Some(relationship(from, "GENERATED_FROM", to)),
        RelationshipKind::DescendantOf => return Some(relationship(from, "DESCENDANT_OF", to)),
        RelationshipKind::VariantOf => return Some(relationship(from, "VARIANT_OF", to)),
        RelationshipKind::CopyOf => return Some(relationship(from, "COPY_OF", to)),
        RelationshipKind::PatchFor => return Some(relationship(from, "PATCH_FOR", to)),
        RelationshipKind::DependsOnAlternative => relationship(from, "DEPENDS_ON", to),
        RelationshipKind::Recommends | RelationshipKind::Suggests => {
            relationship(to, "OPTIONAL_DEPENDENCY_OF", from)
        }
        RelationshipKind::Breaks | RelationshipKind::Provides | RelationshipKind::Other => {
            relationship(from, "OTHER", to)
        }
    };
    Some(Relationship { comment: Some(edge.kind.name()), ..plain })
}

fn is_os_package(model: &Model, index: usize) -> bool {
    model.components.get(index).is_some_and(crate::document::model::Component::is_os_package)
}

fn relationship<'a>(from: &'a str, kind: &'static str, to: &'a str) -> Relationship<'a> {
    Relationship { spdx_element_id: from, kind, related_spdx_element: to, comment: None }
}
