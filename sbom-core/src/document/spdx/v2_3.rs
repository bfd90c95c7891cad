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
use crate::{
    bom::{Bom, Component, Edge, EdgeKind},
    document::{
        Format, Inputs, facts, graph, identity,
        json::{self, Seq},
        outline::Outline,
    },
};

const DOCUMENT: &str = "SPDXRef-DOCUMENT";

pub(super) fn write(bom: &Bom, inputs: &Inputs, out: &mut dyn Write) -> io::Result<()> {
    let outline = Outline::new(bom);
    let ids = Ids::new(&outline);
    let stamp = Stamp::new(inputs);
    let format = Format::SpdxJson(SpdxVersion::V2_3);
    let uuid = identity::document(&bom.subject, format, inputs, |uuid, out| {
        json::write(&document(&outline, &ids, &stamp, uuid), out)
    })?;
    json::write(&document(&outline, &ids, &stamp, uuid), out)
}

fn document<'a>(outline: &'a Outline<'a>, ids: &'a Ids, stamp: &'a Stamp, uuid: Uuid) -> impl Serialize + 'a {
    let name = &outline.bom.subject.name;
    Document {
        id: DOCUMENT,
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        name: if name.is_empty() { "unnamed" } else { name },
        namespace: format!("{}{}/{uuid}", identity::NAMESPACE, identity::slug(name)),
        creation_info: creation_info(outline, stamp),
        annotations: Seq(|| facts::gaps(outline).map(|(name, value)| stamp.annotation(name, &value))),
        packages: Seq(|| {
            let root = (ids.root.as_str(), (outline.root_role, &outline.root));
            let packages = std::iter::once(root).chain(ids.parts().zip(outline.parts()));
            packages.map(|(id, (role, component))| package::of(outline, id, role, component, stamp))
        }),
        has_extracted_licensing_infos: extracted_licenses(outline),
        relationships: Seq(|| relationships(outline, ids)),
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

fn creation_info<'a>(outline: &Outline<'_>, stamp: &'a Stamp) -> CreationInfo<'a> {
    // The list's version has two parts, its releases three.
    let list = spdx::license_version();
    CreationInfo {
        created: &stamp.date,
        creators: [&stamp.tool],
        license_list_version: list.strip_suffix(".0").unwrap_or(list),
        comment: format!("SBOM Type: Analyzed\nCompleteness: {}", outline.completeness_in_words()),
    }
}

/// Every licence that an expression names and the SPDX list does not, once. Texts that differ are kept beside
/// each other.
fn extracted_licenses<'a>(outline: &'a Outline<'_>) -> Vec<ExtractedLicense<'a>> {
    let mut texts: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
    for custom in outline.nodes().flat_map(|(_, component)| &component.licenses.custom) {
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

fn relationships<'a>(outline: &'a Outline<'_>, ids: &'a Ids) -> impl Iterator<Item = Relationship<'a>> {
    let root = ids.root.as_str();
    let describes = relationship(DOCUMENT, "DESCRIBES", root);
    let system = ids.system.as_deref();
    let holds_system = system.map(|system| relationship(root, "CONTAINS", system));
    let components = outline.bom.components.iter().zip(&ids.components);
    let holds = components.map(move |(component, id)| {
        relationship(holder(outline, component, system).unwrap_or(root), "CONTAINS", id)
    });
    let tops = outline.tops.iter().filter_map(|&index| ids.of(index));
    let needs = tops.map(move |id| relationship(root, "DEPENDS_ON", id));
    let edges = outline.bom.edges.iter().filter_map(|edge| between(edge, ids));
    std::iter::once(describes).chain(holds_system).chain(holds).chain(needs).chain(edges)
}

fn holder<'a>(outline: &Outline<'_>, component: &Component, system: Option<&'a str>) -> Option<&'a str> {
    system.filter(|_| outline.is_of_system(component))
}

fn between<'a>(edge: &Edge, ids: &'a Ids) -> Option<Relationship<'a>> {
    let (from, to) = (ids.of(edge.from)?, ids.of(edge.to)?);
    let plain = match edge.kind {
        EdgeKind::DependsOn => return Some(relationship(from, "DEPENDS_ON", to)),
        EdgeKind::DependsOnAlternative => relationship(from, "DEPENDS_ON", to),
        EdgeKind::Recommends | EdgeKind::Suggests => relationship(to, "OPTIONAL_DEPENDENCY_OF", from),
        EdgeKind::Breaks => relationship(from, "OTHER", to),
        EdgeKind::BuildDependsOn => relationship(to, "BUILD_DEPENDENCY_OF", from),
        // Said from the other end: what an operating system's package `CONTAINS` counts as one of its packages in
        // Trivy, which then loses every Go module and crate of the program.
        EdgeKind::Owns => relationship(to, "CONTAINED_BY", from),
    };
    Some(Relationship { comment: Some(graph::name(edge.kind)), ..plain })
}

fn relationship<'a>(from: &'a str, kind: &'static str, to: &'a str) -> Relationship<'a> {
    Relationship { spdx_element_id: from, kind, related_spdx_element: to, comment: None }
}
